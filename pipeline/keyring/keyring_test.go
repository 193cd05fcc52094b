package keyring

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"letterlock/scanner/letter"
)

const week = letter.Week("x2027-W21")

func sealed(t *testing.T, recipient string) []byte {
	t.Helper()
	to, err := age.ParseHybridRecipient(recipient)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	w, err := age.Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = w.Write([]byte("dear helpline"))
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAKeyLivesAndDies(t *testing.T) {
	dir := t.TempDir()
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := k.Make(week)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := k.Make(week); err != nil || again != recipient {
		t.Fatalf("made again it is another key: %v", err)
	}
	info, err := os.Stat(filepath.Join(dir, string(week)+".txt"))
	if err != nil || info.Mode() != 0o600 {
		t.Fatalf("the key's file is %v, %v", info.Mode(), err)
	}
	letterBytes := sealed(t, recipient)
	r, err := k.Unseal(week, bytes.NewReader(letterBytes))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := io.ReadAll(r); err != nil || string(plain) != "dear helpline" {
		t.Fatalf("unsealed %q, %v", plain, err)
	}
	if weeks, err := k.Weeks(); err != nil || len(weeks) != 1 || weeks[0] != week {
		t.Fatalf("weeks are %v, %v", weeks, err)
	}
	for range 2 { // the second time it is gone already
		if err := k.Destroy(week); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := k.Unseal(week, bytes.NewReader(letterBytes)); !errors.Is(err, ErrNoKey) {
		t.Fatalf("after its death: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Fatalf("left in the folder: %v, %v", left, err)
	}
}

// A second name of the file, as a snapshot tool might keep one, holds noise
// after the key's death.
func TestADeadKeyIsOverwritten(t *testing.T) {
	dir, aside := t.TempDir(), filepath.Join(t.TempDir(), "aside")
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Make(week); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, string(week)+".txt"), aside); err != nil {
		t.Fatal(err)
	}
	if err := k.Destroy(week); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(aside); err != nil || strings.Contains(string(b), "AGE-SECRET-KEY") {
		t.Fatalf("the old bytes are still there (%v)", err)
	}
}

// A crash between the two names of a new key must not cost the key.
func TestALeftoverNameDoesNoHarm(t *testing.T) {
	dir := t.TempDir()
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := k.Make(week)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Link(filepath.Join(dir, string(week)+".txt"), filepath.Join(dir, ".new-1")); err != nil {
		t.Fatal(err)
	}
	if _, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) != 1 {
		t.Fatal("a name under which another process may be making a key was removed")
	}
	long := time.Now().Add(-2 * stillMade)
	if err := os.Chtimes(filepath.Join(dir, ".new-1"), long, long); err != nil {
		t.Fatal(err)
	}
	if k, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if again, err := k.Make(week); err != nil || again != recipient {
		t.Fatalf("the key was lost: %v", err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".new-*")); len(left) != 0 {
		t.Fatal("the leftover is still there")
	}
}

func TestADamagedKeyIsSaid(t *testing.T) {
	dir := t.TempDir()
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, string(week)+".txt"), []byte("# nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Make(week); err == nil || errors.Is(err, ErrNoKey) {
		t.Fatalf("a damaged key was taken for a missing one: %v", err)
	}
}

// Whatever cuts a key's destruction off, the next one ends it, and at no point
// after the first does anything open with it.
func TestADestructionThatIsCutOff(t *testing.T) {
	dir := t.TempDir()
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	recipient, err := k.Make(week)
	if err != nil {
		t.Fatal(err)
	}
	letterBytes := sealed(t, recipient)
	if err := k.Overwrite(week); err != nil {
		t.Fatal(err)
	}
	// Cut off here: the file is there, and is noise.
	if k, err = Open(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Unseal(week, bytes.NewReader(letterBytes)); err == nil {
		t.Fatal("noise opens a letter")
	}
	if err := errors.Join(k.Destroy(week), k.Overwrite(week), k.Destroy(week)); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Fatalf("left in the folder: %v, %v", left, err)
	}
}

// A copy that somebody has made beside a key is counted; what Letterlock itself
// leaves there for a moment is not.
func TestStrangersInTheKeyring(t *testing.T) {
	dir := t.TempDir()
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Make(week); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{".new-1", "x2027-W21.txt~", "x2027-W21", "x2027-W54.txt", "keys.zip"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := k.Strangers(); err != nil || n != 4 {
		t.Errorf("%d strangers, %v", n, err)
	}
}
