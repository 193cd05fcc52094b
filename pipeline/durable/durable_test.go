package durable

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// A name that is taken keeps its text with New and loses it with Replace, and
// neither leaves a passing name.
func TestOneNameOneText(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := New(path, []byte("first"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := New(path, []byte("second"), 0o600); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a second New said %v", err)
	}
	if got := read(t, path); got != "first" {
		t.Errorf("New left %q in the place of the first text", got)
	}
	if err := Replace(path, []byte("third"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got := read(t, path); got != "third" {
		t.Errorf("Replace left %q", got)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o644 {
		t.Errorf("the file's mode is %v, %v", info.Mode(), err)
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("the folder holds %v", names)
	}
}

// What cannot be published leaves nothing.
func TestFailureLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "taken")
	if err := os.MkdirAll(filepath.Join(path, "by a folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Replace(path, []byte("text"), 0o600); err == nil {
		t.Error("a folder was replaced by a file")
	}
	if names, _ := os.ReadDir(dir); len(names) != 1 {
		t.Errorf("the folder holds %v", names)
	}
}

// A second name of the same file shows what Destroy leaves of its bytes.
func TestDestroyedIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	path, second := filepath.Join(dir, "key"), filepath.Join(dir, "second")
	secret := bytes.Repeat([]byte("AGE-SECRET-KEY-"), 10_000)
	if err := errors.Join(os.WriteFile(path, secret, 0o600), os.Link(path, second)); err != nil {
		t.Fatal(err)
	}
	for range 2 { // a repeat finds nothing to do
		if err := Destroy(path); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Lstat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("its name is there still: %v", err)
	}
	if left := read(t, second); len(left) != len(secret) || bytes.Contains([]byte(left), secret[:15]) {
		t.Errorf("its bytes are there still: %.60q", left)
	}
	if err := Destroy(filepath.Join(dir, "not mounted", "key")); err == nil {
		t.Error("a file in a folder that is not there counts as destroyed")
	}
}
