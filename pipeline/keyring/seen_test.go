package keyring

import (
	"os"
	"path/filepath"
	"testing"

	"letterlock/scanner/letter"
)

// What the keyring remembers is what it was told last, for its owner's eyes,
// and neither a key nor a stranger among keys.
func TestTheKeyringRemembers(t *testing.T) {
	dir := t.TempDir()
	k, err := Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := k.Remembered(); got != "" || err != nil {
		t.Errorf("told nothing, it remembers %q, %v", got, err)
	}
	if _, err := k.Make("x2027-W21"); err != nil {
		t.Fatal(err)
	}
	for _, told := range []string{"one\n", "another\n"} {
		if err := k.Remember(told); err != nil {
			t.Fatal(err)
		}
		if got, err := k.Remembered(); got != told || err != nil {
			t.Errorf("it remembers %q, %v", got, err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, "register.seen")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
	weeks, err := k.Weeks()
	strangers, err2 := k.Strangers()
	if len(weeks) != 1 || weeks[0] != letter.Week("x2027-W21") || strangers != 0 || err != nil || err2 != nil {
		t.Errorf("weeks %v, %d strangers, %v, %v", weeks, strangers, err, err2)
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := k.Remember("more\n"); err == nil {
		t.Error("it remembers in a folder that is gone")
	}
}
