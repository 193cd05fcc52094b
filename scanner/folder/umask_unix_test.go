//go:build unix

package folder

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// Whoever scans answers by moving a file, over a share, as one of the group: into the
// folder of a paper that is to be scanned again, into that of an answer. A container or
// a shell starts the scanner under a umask that would let the group look only. What is
// private stays so, a group that is inherited too, and a umask that keeps the group out.
func TestTheGroupMayAnswerUnderAnyUmaskThatLetsItIn(t *testing.T) {
	for umask, want := range map[int]fs.FileMode{0o007: 0o770, 0o022: 0o770, 0o027: 0o770, 0o077: 0o700} {
		dir := t.TempDir()
		if err := os.Chmod(dir, 0o770|fs.ModeSetgid); err != nil {
			t.Fatal(err)
		}
		before := unix.Umask(umask)
		o := open(t, func(c *Config) { c.Path = dir })
		o.dir = dir
		err := o.MakeAgain(line, "K7QM-4T2X")
		if err == nil {
			err = o.refuse(o.take(line+"/scan.pdf", whole), Note{})
		}
		unix.Umask(before)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{line, "mens-advice-line", line + "/scan again/K7QM-4T2X", line + "/refused", line + "/refused/repair", PrivateDir, ClaimedDir} {
			info, err := os.Stat(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			want, inherits := want, info.Mode()&fs.ModeSetgid != 0
			if name == PrivateDir || name == ClaimedDir {
				want = 0o700
			} else if !inherits {
				t.Errorf("under %03o the group of what is in %s is not the folder's", umask, name)
			}
			if info.Mode().Perm() != want {
				t.Errorf("under %03o %s is %03o, not %03o", umask, name, info.Mode().Perm(), want)
			}
		}
	}
}
