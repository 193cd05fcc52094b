package pipeline

import (
	"os"
	"strings"
	"testing"

	"letterlock/pipeline/keyring"
)

// A keyring that lies in memory is gone at the next start of the machine, and somebody has
// to see to that; in a sample nobody has.
func TestAKeyringInMemoryIsToBeMended(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "letterlock-keyring-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	keys, err := keyring.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, inEarnest := range []bool{true, false} {
		o := newOffice(t, func(c *Config) { c.Keyring, c.NeedsBackups = keys, inEarnest })
		for _, l := range o.Check(t.Context()) {
			if l.Name == "keyring" && (l.OK == inEarnest || !strings.Contains(l.Says, "lies in memory")) {
				t.Errorf("in earnest: %v, ok: %v, it says: %s", inEarnest, l.OK, l.Says)
			}
		}
	}
}
