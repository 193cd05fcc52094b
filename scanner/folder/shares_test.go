package folder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/realpart"
	"letterlock/scanner/sharetest"
)

// client is how scans are sent into the folder: by smbclient or by FTP, to the
// real server. Names are those that the client sees.
type client interface {
	Begin(t testing.TB, name string) *sharetest.Upload
	Rename(t testing.TB, from, to string)
	Delete(t testing.TB, name string)
	PutAll(t testing.TB, local, into string)
}

// visit is an office whose scanner folder is reached through a server.
type visit struct {
	*office
	client
	at string // the helpline's folder as the client names it
}

// TestScansComeThroughRealServers tells every story on smbd and on vsftpd.
func TestScansComeThroughRealServers(t *testing.T) {
	realpart.Need(t, leasesWork(t), "file leases: Linux with a local file system for temporary files")
	stories := map[string]func(*testing.T, *visit){
		"whole":                            sentWhole,
		"slow":                             slow,
		"paused where it looks whole":      pausedWhereItLooksWhole,
		"cut off":                          cutOff,
		"overwritten":                      overwritten,
		"under a temporary name":           temporaryName,
		"deleted before it settled":        deletedBeforeItSettled,
		"the same name again":              sameNameAgain,
		"created empty, then filled":       emptyThenFilled,
		"a folder of files at once":        folderOfFiles,
		"a folder renamed into place":      folderRenamedIntoPlace,
		"claimed while more is being sent": claimedUnderWay,
	}
	for kind, serve := range map[string]func(testing.TB, string) client{
		"SMB": func(t testing.TB, dir string) client { return sharetest.Samba(t, dir) },
		"FTP": func(t testing.TB, dir string) client { return sharetest.FTP(t, dir) },
	} {
		t.Run(kind, func(t *testing.T) {
			dir := t.TempDir()
			server := serve(t, dir)
			for name, tell := range stories {
				t.Run(name, func(t *testing.T) { tell(t, visiting(t, server, dir)) })
			}
		})
	}
}

// visiting opens a scanner folder of its own in the folder that is served.
func visiting(t *testing.T, server client, served string) *visit {
	t.Helper()
	root, err := os.MkdirTemp(served, "scans")
	if err != nil {
		t.Fatal(err)
	}
	o := open(t, func(c *Config) { c.Path = root })
	o.dir = root
	// Whoever the server's user is may drop scans.
	for dir, mode := range map[string]os.FileMode{root: 0o755, filepath.Join(root, line): 0o777} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
	}
	return &visit{o, server, path.Join(filepath.Base(root), line)}
}

// await waits for something that the server does.
func (v *visit) await(what string, is func() bool) {
	v.Helper()
	for begun := time.Now(); !is(); time.Sleep(time.Millisecond) {
		if time.Since(begun) > patience {
			v.Fatalf("waited in vain for %s", what)
		}
	}
}

// arrived reports whether the server has written something of a file.
func (v *visit) arrived(name string) bool {
	info, err := os.Stat(filepath.Join(v.dir, line, name))
	return err == nil && info.Size() > 0
}

// begin begins to send a scan and waits until something of it has arrived.
func (v *visit) begin(name, data string) *sharetest.Upload {
	v.Helper()
	u := v.Begin(v, v.at+"/"+name)
	u.Send(data)
	v.await("the beginning of a scan", func() bool { return v.arrived(name) })
	return u
}

func (v *visit) send(name, data string) {
	v.Helper()
	u := v.Begin(v, v.at+"/"+name)
	u.Send(data)
	u.Finish()
}

// watch looks for so many seconds, in which nothing may settle.
func (v *visit) watch(seconds int) {
	v.Helper()
	for range seconds {
		if view := v.look(); len(view.Settled) > 0 {
			v.Fatalf("a scan was taken under way: %+v", view)
		}
	}
}

// takes looks until so many scans have settled, claims them and returns what
// they hold. The server may still have to close the last.
func (v *visit) takes(n int) map[string]int {
	v.Helper()
	got := map[string]int{}
	taken := 0
	v.await(fmt.Sprintf("%d scans to settle", n), func() bool {
		for _, s := range v.look().Settled {
			c, err := v.Claim(s)
			if err == nil {
				err = v.Settled(c)
			}
			if errors.Is(err, ErrUnsettled) {
				continue // Samba gives a file its time after it has closed it
			}
			if err != nil {
				v.Fatal(err)
			}
			file, err := v.Scan(c)
			if err != nil {
				v.Fatal(err)
			}
			data, err := io.ReadAll(file)
			file.Close()
			if err != nil {
				v.Fatal(err)
			}
			got[string(data)]++
			taken++
		}
		return taken >= n
	})
	v.watch(5) // and no more of them
	return got
}

// expect demands that exactly these scans are taken.
func (v *visit) expect(scans ...string) {
	v.Helper()
	got := v.takes(len(scans))
	for _, s := range scans {
		got[s]--
	}
	for s, n := range got {
		if n != 0 {
			v.Errorf("a scan of %d bytes was taken %+d times more often than it was sent", len(s), n)
		}
	}
	if left := v.list(); len(left) > 0 {
		v.Errorf("left behind: %q", left)
	}
}

// scanOf is a scan of some size that no other is like.
func scanOf(n, size int) string {
	return fmt.Sprintf("SCAN %d %sEND", n, strings.Repeat("x", size))
}

const mib = 1 << 20

func sentWhole(t *testing.T, v *visit) {
	realpart.Need(t, v.watched != nil, "inotify, with an instance to spare (fs.inotify.max_user_instances)")
	v.look() // from the first look on, events are asked for
	v.send("Größe & scan.pdf", scanOf(1, 3*mib))
	select {
	case <-v.Hints():
	case <-time.After(patience):
		t.Error("no event tells of what this machine's own server wrote")
	}
	v.expect(scanOf(1, 3*mib))
}

func slow(t *testing.T, v *visit) {
	all := scanOf(1, 4*mib)
	u := v.begin("scan.pdf", all[:2*mib])
	v.watch(100)
	u.Pause()
	v.watch(100)
	u.GoOn()
	u.Send(all[2*mib:])
	u.Finish()
	v.expect(all)
}

// A scan whose first part is a scan, such as a PDF with an update appended.
func pausedWhereItLooksWhole(t *testing.T, v *visit) {
	first := scanOf(1, 64<<10-len(scanOf(1, 0))) // one piece of smbclient
	u := v.Begin(t, v.at+"/scan.pdf")
	u.Send(first)
	v.await("the first part", func() bool {
		u.Send(first)
		info, err := os.Stat(filepath.Join(v.dir, line, "scan.pdf"))
		return err == nil && info.Size() > 0
	})
	v.watch(100)
	u.Send(scanOf(2, 2*mib))
	u.Finish()
	for data := range v.takes(1) {
		if !strings.HasPrefix(data, first) || !strings.HasSuffix(data, scanOf(2, 2*mib)) {
			t.Error("only a part was taken")
		}
	}
}

func cutOff(t *testing.T, v *visit) {
	all := scanOf(1, 4*mib)
	u := v.begin("scan.pdf", all[:2*mib])
	v.watch(5)
	u.Cut()
	cut := v.now
	var settled []Scan
	v.await("the rest to be given up", func() bool {
		settled = v.look().Settled
		return len(settled) > 0
	})
	if waited := v.now.Sub(cut); waited < v.cfg.Arriving-10*time.Second {
		t.Errorf("given up after %v", waited)
	}
	c, err := v.Claim(settled[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := v.refuse(c, Note{What: "It was cut off while it was being sent."}); err != nil {
		t.Fatal(err)
	}
	left := v.tree(line + "/" + RefusedDir)
	if data := left["scan.pdf"]; data == "" || !strings.HasPrefix(all, data) {
		t.Errorf("%d bytes were given back, not what was sent", len(data))
	}
	if left["scan.pdf.txt"] == "" {
		t.Error("there is no note")
	}
}

func overwritten(t *testing.T, v *visit) {
	v.send("scan.pdf", scanOf(1, mib))
	v.look()
	v.look()
	v.send("scan.pdf", scanOf(2, 2*mib)) // over the one before it had settled
	v.look()
	v.expect(scanOf(2, 2*mib))
}

func temporaryName(t *testing.T, v *visit) {
	for _, name := range []string{"scan.pdf.part", "scan.tmp", ".scan.pdf"} {
		v.send(name, scanOf(1, mib))
		v.watch(10)
		v.Rename(t, v.at+"/"+name, v.at+"/scan.pdf")
		v.expect(scanOf(1, mib))
	}
}

func deletedBeforeItSettled(t *testing.T, v *visit) {
	v.send("scan.pdf", scanOf(1, mib))
	v.look()
	v.look()
	v.Delete(t, v.at+"/scan.pdf")
	v.watch(100)
	v.send("scan.pdf", scanOf(2, mib))
	v.expect(scanOf(2, mib))
}

func sameNameAgain(t *testing.T, v *visit) {
	for n := range 5 {
		v.send("scan.pdf", scanOf(n, mib))
		v.expect(scanOf(n, mib))
	}
	if ftp, ok := v.client.(*sharetest.Upspace); ok {
		var all []string
		for n := range 5 {
			u := ftp.BeginUnique(t, v.at+"/scan.pdf")
			u.Send(scanOf(n, mib))
			u.Finish()
			all = append(all, scanOf(n, mib))
		}
		v.expect(all...)
	}
}

func emptyThenFilled(t *testing.T, v *visit) {
	v.send("scan.pdf", "")
	v.watch(20)
	v.send("scan.pdf", scanOf(1, mib))
	v.expect(scanOf(1, mib))
}

func folderOfFiles(t *testing.T, v *visit) {
	local, scans := folderOf(t, 100)
	done := make(chan struct{})
	go func() {
		defer close(done)
		v.PutAll(t, local, v.at)
	}()
	got := v.takes(len(scans)) // while they come
	<-done
	for _, s := range scans {
		if got[s] != 1 {
			t.Fatalf("a scan was taken %d times", got[s])
		}
	}
}

// By hand on the server, and by the client from elsewhere on the share.
func folderRenamedIntoPlace(t *testing.T, v *visit) {
	local, scans := folderOf(t, 50)
	if err := os.Rename(local, filepath.Join(v.dir, line, "by hand")); err != nil {
		t.Fatal(err)
	}
	v.expect(scans...)

	elsewhere, err := os.MkdirTemp(filepath.Dir(v.dir), "elsewhere")
	if err != nil {
		t.Fatal(err)
	}
	local, scans = folderOf(t, 50)
	if err := os.Rename(local, filepath.Join(elsewhere, "stack")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{elsewhere, filepath.Join(elsewhere, "stack")} {
		if err := os.Chmod(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	v.look()
	v.Rename(t, filepath.Base(elsewhere)+"/stack", v.at+"/stack")
	v.expect(scans...)
}

// The edge works while the client goes on: another scan is under way, and a
// person deletes and renames.
func claimedUnderWay(t *testing.T, v *visit) {
	u := v.begin("slow.pdf", scanOf(1, 2*mib)[:mib])
	for n := range 5 {
		v.send(fmt.Sprintf("%d.pdf", n), scanOf(10+n, mib))
	}
	got := v.takes(5)
	if len(got) != 5 {
		t.Errorf("%d scans were taken, not 5", len(got))
	}
	u.Send(scanOf(1, 2*mib)[mib:])
	u.Finish()
	v.expect(scanOf(1, 2*mib))
}

// folderOf makes a folder of scans on the sender's machine.
func folderOf(t *testing.T, n int) (dir string, scans []string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "stack")
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		s := scanOf(i, 100<<10)
		scans = append(scans, s)
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("scan %d.pdf", i)), []byte(s), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	return dir, scans
}
