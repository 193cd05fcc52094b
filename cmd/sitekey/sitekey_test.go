package sitekey

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// A next key whose former was moved away, as after a theft, is not what follows the key
// that is made then: whoever has copied the folder has it too.
func TestANextKeyOfBeforeDoesNotFollow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "site.key")
	if _, _, err := Own(path, "annexe"); err != nil {
		t.Fatal(err)
	}
	if _, err := Make(path+NextExt, "annexe"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Own(path, "annexe"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + NextExt); err != nil {
		t.Errorf("where its former is kept, the next key is to be: %v", err)
	}
	if err := os.Rename(path, path+".stolen"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Own(path, "annexe"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path + NextExt); !os.IsNotExist(err) {
		t.Errorf("the next key of before is there: %v", err)
	}
}

// Of several who make a key at once, all have the same one, and nothing else is left.
func TestAKeyIsMadeOnce(t *testing.T) {
	dir := t.TempDir()
	made := make([][]byte, 8)
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() {
			text, err := Make(filepath.Join(dir, "site.key.next"), "annexe")
			if err != nil {
				t.Error(err)
			}
			made[i] = text
		})
	}
	all.Wait()
	for _, text := range made {
		if !bytes.Equal(text, made[0]) || len(text) == 0 {
			t.Error("two have keys of their own")
		}
	}
	if names, err := os.ReadDir(dir); err != nil || len(names) != 1 {
		t.Errorf("there lie %v, %v", names, err)
	}
}
