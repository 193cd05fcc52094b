package folder

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/hirochachacha/go-smb2"

	"letterlock/scanner/disk"
	"letterlock/scanner/sharetest"
)

// inBin is what Samba's recycle bin of a share holds.
func inBin(t *testing.T, served string) map[string]string {
	t.Helper()
	return (&office{TB: t, dir: served}).tree(".recycle")
}

// TestTheRecycleBinOfAShare runs the edge on the machine that serves the share.
func TestTheRecycleBinOfAShare(t *testing.T) {
	served := t.TempDir()
	v := visiting(t, sharetest.Samba(t, served, sharetest.RecycleBin...), served)
	v.send("scan.pdf", scanOf(1, mib))
	v.expect(scanOf(1, mib))
	v.releaseAll()
	if kept := inBin(t, served); len(kept) > 0 {
		t.Fatalf("what the edge has deleted lives on: %d files", len(kept))
	}

	v.send("scan.pdf", scanOf(2, mib))
	v.Delete(t, v.at+"/scan.pdf")
	if kept := inBin(t, served); kept[v.at+"/scan.pdf"] != scanOf(2, mib) {
		t.Fatalf("what a person has deleted is not where the check looks for it: %d files", len(kept))
	}
	bins, err := Bins(v.dir)
	found := slices.ContainsFunc(bins, func(b Bin) bool {
		return b.Path == filepath.Join(served, ".recycle") && b.Holds == 1 && b.Wrong
	})
	if err != nil || !found {
		t.Errorf("the bin is not found: %+v, %v", bins, err)
	}
}

func (v *visit) releaseAll() {
	v.Helper()
	claims, err := v.Claims()
	if err != nil {
		v.Fatal(err)
	}
	for _, c := range claims {
		if err := v.Release(c); err != nil {
			v.Fatal(err)
		}
	}
}

// TestTheEdgeOnAnotherMachine runs the edge on another machine than the one that
// serves the share: nothing tells it of what others do there, and whatever it
// does itself goes through the server.
func TestTheEdgeOnAnotherMachine(t *testing.T) {
	served := t.TempDir()
	share := sharetest.Samba(t, served, sharetest.RecycleBin...)
	for name, tell := range map[string]func(*testing.T, *visit){
		"whole":                      func(_ *testing.T, v *visit) { v.send("scan.pdf", scanOf(1, mib)); v.expect(scanOf(1, mib)) },
		"slow":                       slowBeyondSight,
		"cut off":                    cutOff,
		"overwritten":                overwritten,
		"under a temporary name":     temporaryName,
		"deleted before it settled":  deletedBeforeItSettled,
		"the same name again":        sameNameAgain,
		"created empty, then filled": emptyThenFilled,
	} {
		t.Run(name, func(t *testing.T) {
			tell(t, faraway(t, share, strings.ReplaceAll(name, " ", "-")))
		})
	}
}

// faraway opens a scanner folder of its own on a share that another machine
// serves. Scans are sent past it.
func faraway(t *testing.T, share *sharetest.Share, name string) *visit {
	t.Helper()
	if err := os.Mkdir(filepath.Join(share.Dir, name), 0o755); err != nil {
		t.Fatal(err)
	}
	mounted, _ := share.Connect(t)
	o := open(t, func(c *Config) { c.Disk = &abroad{mounted, name} })
	o.dir = filepath.Join(share.Dir, name) // for the test's eyes only
	return &visit{o, share, name + "/" + line}
}

// abroad is a folder of a share on another machine as a Disk. What its kernel
// would make of the server's answers it makes of them too.
type abroad struct {
	share *smb2.Share
	dir   string
}

func (r *abroad) at(name string) string { return strings.ReplaceAll(path.Join(r.dir, name), "/", `\`) }

func (r *abroad) OpenFile(name string, flag int, perm fs.FileMode) (disk.File, error) {
	file, err := r.share.OpenFile(r.at(name), flag, perm)
	if err != nil {
		return nil, local(err)
	}
	return &abroadFile{file}, nil
}

func (r *abroad) List(dir string) (list []fs.DirEntry, err error) {
	infos, err := r.share.ReadDir(r.at(dir))
	for _, info := range infos {
		list = append(list, fs.FileInfoToDirEntry(info))
	}
	return list, local(err)
}

func (r *abroad) Lstat(name string) (fs.FileInfo, error) {
	info, err := r.share.Lstat(r.at(name))
	if err != nil {
		return nil, local(err)
	}
	return abroadInfo{info}, nil
}

func (r *abroad) Mkdir(name string, perm fs.FileMode) error {
	return local(r.share.Mkdir(r.at(name), perm))
}

func (r *abroad) Rename(from, to string) error {
	err := r.RenameNew(from, to)
	if errors.Is(err, fs.ErrExist) {
		if err = r.Remove(to); err == nil {
			err = r.RenameNew(from, to)
		}
	}
	return err
}

func (r *abroad) RenameNew(from, to string) error    { return local(r.share.Rename(r.at(from), r.at(to))) }
func (r *abroad) Remove(name string) error           { return local(r.share.Remove(r.at(name))) }
func (r *abroad) SyncDir(string) error               { return nil }
func (r *abroad) Writing(disk.File) (is, known bool) { return false, false }

type abroadFile struct{ *smb2.File }

func (f *abroadFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	if err != nil {
		return nil, local(err)
	}
	return abroadInfo{info}, nil
}

type abroadInfo struct{ fs.FileInfo }

// Sys gives a file a number by when it was made.
func (i abroadInfo) Sys() any {
	made := i.FileInfo.(*smb2.FileStat).CreationTime
	return &syscall.Stat_t{Ino: uint64(made.UnixNano()), Nlink: 1}
}

// local is the error as the kernel reports it.
func local(err error) error {
	const sharingViolation = 0xC0000043
	var answer *smb2.ResponseError
	if errors.As(err, &answer) && answer.Code == sharingViolation {
		return &fs.PathError{Op: "use", Err: syscall.EBUSY}
	}
	return err
}

// slowBeyondSight is slow where nobody can see who has the file open. It is
// waited for as long as for one that was cut off. After that the server stands
// in for whoever sends: what he has open is not taken from under him.
func slowBeyondSight(t *testing.T, v *visit) {
	all := scanOf(1, 4*mib)
	u := v.begin("scan.pdf", all[:2*mib])
	u.Pause()
	v.watch(25)
	tried := 0
	v.await("the scan to be given up", func() bool {
		for _, s := range v.look().Settled {
			tried++
			if _, err := v.Claim(s); err == nil {
				t.Fatal("a scan was taken from under its sender")
			}
		}
		return tried > 1
	})
	u.GoOn()
	u.Send(all[2*mib:])
	u.Finish()
	v.expect(all)
}

// TestAShareThatGoesAwayInMidClaim loses the server between a claim and what
// is to follow, and gets it back.
func TestAShareThatGoesAwayInMidClaim(t *testing.T) {
	share := sharetest.Samba(t, t.TempDir())
	v := faraway(t, share, "scans")
	mounted, cut := share.Connect(t)
	v.reopen(func(c *Config) { c.Disk = &abroad{mounted, "scans"} })
	v.send("scan.pdf", scanOf(1, mib))
	v.send("other.pdf", scanOf(2, mib))
	var settled []Scan
	v.await("two scans to settle", func() bool {
		settled = v.look().Settled
		return len(settled) == 2
	})
	c, err := v.Claim(settled[0])
	if err != nil {
		t.Fatal(err)
	}
	other := scanOf(1, mib)
	if path.Base(settled[0].path) == "scan.pdf" {
		other = scanOf(2, mib)
	}
	cut()
	if view, err := v.Look(t.Context()); err == nil && view.Trouble == nil {
		t.Error("nothing is said of it")
	}
	if _, err := v.Scan(c); err == nil {
		t.Error("the scan is still there")
	}
	if _, err := v.Claim(settled[1]); err == nil {
		t.Error("a scan was claimed on no share")
	}
	v.Folder.Close()

	mounted, _ = share.Connect(t)
	v.reopen(func(c *Config) { c.Disk = &abroad{mounted, "scans"} })
	claims, err := v.Claims()
	if err != nil || len(claims) != 1 || claims[0].ID != c.ID {
		t.Fatalf("%v claims: %v", claims, err)
	}
	v.expect(other)
	v.releaseAll()
	if left := v.tree(ClaimedDir); len(left) > 0 {
		t.Errorf("left behind: %d files", len(left))
	}
}

// TestADeletedClaimLeavesNothingInTheBin deletes through the server.
func TestADeletedClaimLeavesNothingInTheBin(t *testing.T) {
	served := t.TempDir()
	v := faraway(t, sharetest.Samba(t, served, sharetest.RecycleBin...), "scans")
	v.send("Mary Smith.pdf", scanOf(1, mib))
	v.expect(scanOf(1, mib))
	if kept := inBin(t, served); len(kept) > 0 {
		t.Fatal("the claim left a copy")
	}
	v.releaseAll()
	if left := (&office{TB: t, dir: served}).tree("scans/" + ClaimedDir); len(left) > 0 {
		t.Errorf("not deleted: %d files", len(left))
	}
	for name, content := range inBin(t, served) {
		if strings.Contains(name, "Mary") {
			t.Error("the scan's name is in the bin")
		}
		if strings.Contains(content, "SCAN") {
			t.Error("the scan is in the bin")
		}
	}
}
