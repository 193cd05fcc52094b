package archive

import (
	"crypto/sha256"
	"io/fs"
	"strings"
	"testing"

	"letterlock/scanner/deposit"
)

// Between looking at an object and removing it, another may take its place.
func TestTakeLeavesWhatCameInBetween(t *testing.T) {
	d, err := OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	const key = "incoming/office/x"
	put := func(object string) {
		t.Helper()
		body := strings.NewReader(object)
		if _, err := d.Put(t.Context(), key, body, body.Size(), sha256.Sum256([]byte(object)), deposit.Replace); err != nil {
			t.Fatal(err)
		}
	}
	put("looked at")
	looked, err := d.Root().Open(key)
	if err != nil {
		t.Fatal(err)
	}
	defer looked.Close()
	put("newer")
	if err := d.take(key, looked); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Get(t.Context(), key); err != nil || string(got) != "newer" {
		t.Errorf("the newer object is %q, %v", got, err)
	}
	entries, err := fs.ReadDir(d.Root().FS(), "incoming/office")
	if err != nil || len(entries) != 1 {
		t.Errorf("left: %v, %v", entries, err)
	}
}
