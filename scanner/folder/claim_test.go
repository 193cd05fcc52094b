package folder

import (
	"io/fs"
	"strings"
	"syscall"
	"testing"

	"letterlock/scanner/disk"
)

// lateShare answers one rename with an error, and carries it out after whoever asked
// has looked what became of it.
type lateShare struct {
	disk.Disk
	late     bool
	from, to string
}

func (l *lateShare) Rename(from, to string) error {
	if !l.late || !strings.Contains(to, "/"+scanDir+"/") {
		return l.Disk.Rename(from, to)
	}
	l.late, l.from, l.to = false, from, to
	return &fs.PathError{Op: "rename", Path: from, Err: syscall.ETIMEDOUT}
}

func (l *lateShare) List(dir string) ([]fs.DirEntry, error) {
	list, err := l.Disk.List(dir)
	if l.to != "" && strings.HasPrefix(l.to, dir+"/") {
		_ = l.Disk.Rename(l.from, l.to)
		l.to = ""
	}
	return list, err
}

func TestAClaimWhoseScanComesLateKeepsIt(t *testing.T) {
	for name, atStart := range map[string]bool{"while it is made": false, "at the next start": true} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			o.drop(line+"/a.pdf", whole)
			scan := o.settle()[0]
			late := &lateShare{Disk: o.Folder.disk, late: true}
			if atStart {
				// The process was killed between the claim and the rename, as it seemed.
				c := Claim{ID: o.cfg.NewID(), Helpline: line}
				if err := o.makeClaim(c); err != nil {
					t.Fatal(err)
				}
				late.from, late.to, late.late = line+"/a.pdf", c.Path(scanDir+"/a.pdf"), false
			}
			o.Folder.disk = late
			if !atStart {
				if _, err := o.Claim(scan); err == nil {
					t.Fatal("claimed without an answer")
				}
			}
			_, _ = o.Claims() // the first may find it in between
			claims, err := o.Claims()
			if err != nil || len(claims) != 1 {
				t.Fatalf("%v, %v; files: %v", claims, err, o.list())
			}
			if o.tree(claims[0].Path(scanDir))["a.pdf"] != whole {
				t.Error("the scan is deleted")
			}
		})
	}
}
