//go:build unix

package configfile

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"letterlock/scanner/realpart"
)

// Root is kept out of another account's files, and nobody from their own.
func TestRootLeavesNothingAmongAnothersFiles(t *testing.T) {
	realpart.Need(t, os.Geteuid() == 0, "the right to give files away: run as root")
	dir := t.TempDir()
	key := filepath.Join(dir, "register.key")
	if err := NotAsRoot("letterlock", key, dir); err != nil {
		t.Errorf("in a folder of root's own: %v", err)
	}
	if err := os.Chown(dir, 65532, 65532); err != nil {
		t.Fatal(err)
	}
	err := NotAsRoot("letterlock", key, dir)
	if err == nil || !strings.Contains(err.Error(), "run this as that account") {
		t.Errorf("in a folder of another account: %v", err)
	}
	// A Letterlock that has always been root's goes on wherever it lies.
	if err := os.WriteFile(key, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := NotAsRoot("letterlock", key, dir); err != nil {
		t.Errorf("with a key of root's own: %v", err)
	}
}
