package disk_test

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/disk/disktest"
)

// The suite that both disks keep to.
func TestDisks(t *testing.T) {
	real := func(open func(string) (*disk.Real, error)) func(t *testing.T) disk.Disk {
		return func(t *testing.T) disk.Disk {
			d, err := open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { d.Close() })
			return d
		}
	}
	for name, open := range map[string]func(t *testing.T) disk.Disk{
		"real":      real(disk.Open),
		"as on NFS": real(disk.OpenLooking),
		"simulated": func(*testing.T) disk.Disk { return disktest.New(time.Now) },
	} {
		for story, tell := range map[string]func(t *testing.T, d disk.Disk){
			"files":   filesAreRead,
			"folders": foldersAreListed,
			"renames": renamesReplaceOrNot,
			"removal": removalTakesAll,
			"writing": writersAreSeen,
			"whole":   writeIsAllOrNothing,
			"early":   earlyWritesTheSame,
			"back":    whatIsWrittenIsReadBack,
			"ready":   whatIsPreparedHasNoNameYet,
			"free":    moveFreeReplacesNothing,
		} {
			t.Run(name+"/"+story, func(t *testing.T) { tell(t, open(t)) })
		}
	}
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, d disk.Disk, name, data string) {
	t.Helper()
	must(t, disk.WriteBytes(d, name, 0o600, []byte(data)))
}

func holds(t *testing.T, d disk.Disk, name, want string) {
	t.Helper()
	if got, err := disk.ReadFile(d, name); err != nil || string(got) != want {
		t.Errorf("%s: got %q, %v, want %q", name, got, err, want)
	}
}

func filesAreRead(t *testing.T, d disk.Disk) {
	put(t, d, "a", "hello")
	f, err := d.OpenFile("a", os.O_RDWR, 0)
	must(t, err)
	defer f.Close()
	b := make([]byte, 9)
	if n, err := f.ReadAt(b, 3); n != 2 || err != io.EOF {
		t.Errorf("reading past the end: %d, %v", n, err)
	}
	if at, err := f.Seek(-1, io.SeekEnd); at != 4 || err != nil {
		t.Errorf("seeking: %d, %v", at, err)
	}
	_, err = f.Write([]byte("y!"))
	must(t, err)
	_, err = f.WriteAt([]byte("H"), 0)
	must(t, err)
	holds(t, d, "a", "Helly!")
	must(t, f.Truncate(2))
	holds(t, d, "a", "He")
	info, err := f.Stat()
	same, err2 := d.Lstat("a")
	must(t, err, err2)
	if info.Size() != 2 || same.Size() != 2 || !same.Mode().IsRegular() || same.Name() != "a" {
		t.Errorf("got %v and %v", info, same)
	}
	for name, flag := range map[string]int{"a": os.O_CREATE | os.O_EXCL | os.O_RDWR, "none": os.O_RDONLY, "no/one": os.O_CREATE | os.O_RDWR} {
		_, err := d.OpenFile(name, flag, 0o600)
		want := fs.ErrNotExist
		if name == "a" {
			want = fs.ErrExist
		}
		var onPath *fs.PathError
		if !errors.Is(err, want) || !errors.As(err, &onPath) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func foldersAreListed(t *testing.T, d disk.Disk) {
	must(t, disk.MkdirAll(d, "a/b/c", 0o700), disk.MkdirAll(d, "a/b/c", 0o700), d.SyncDir("a"))
	put(t, d, "a/b/file", "")
	put(t, d, "a/b/\xff\n", "")
	names, err := disk.Names(d, "a/b", func(fs.DirEntry) bool { return true })
	must(t, err)
	if !slices.Equal(names, []string{"c", "file", "\xff\n"}) {
		t.Errorf("got %q", names)
	}
	if err := disk.MkdirAll(d, "a/b/file", 0o700); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder where a file is: %v", err)
	}
	if err := d.Mkdir("a/b/file/x", 0o700); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("a folder below a file: %v", err)
	}
	if _, err := d.List("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("listing nothing: %v", err)
	}
	if _, err := d.List("a/b/file"); !errors.Is(err, syscall.ENOTDIR) {
		t.Errorf("listing a file: %v", err)
	}
	if _, err := d.Lstat(strings.Repeat("x", 256)); !errors.Is(err, syscall.ENAMETOOLONG) {
		t.Errorf("a name of 256 bytes: %v", err)
	}
}

func renamesReplaceOrNot(t *testing.T, d disk.Disk) {
	put(t, d, "a", "1")
	put(t, d, "b", "2")
	if err := d.RenameNew("a", "b"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("got %v", err)
	}
	holds(t, d, "b", "2")
	must(t, d.Rename("a", "b"), d.Mkdir("c", 0o700), d.RenameNew("b", "c/b"))
	holds(t, d, "c/b", "1")
	var onLink *os.LinkError
	if err := d.Rename("none", "c/b"); !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &onLink) {
		t.Errorf("got %v", err)
	}
	if err := d.RenameNew("c/b", "none/b"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func removalTakesAll(t *testing.T, d disk.Disk) {
	must(t, disk.MkdirAll(d, "a/b", 0o700))
	put(t, d, "a/b/c", "1")
	if err := d.Remove("a"); !errors.Is(err, syscall.ENOTEMPTY) {
		t.Errorf("got %v", err)
	}
	must(t, disk.RemoveAll(d, "a"), disk.RemoveAll(d, "a"))
	if disk.Exists(d, "a") {
		t.Error("it is still there")
	}
	if err := d.Remove("a"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}

func writersAreSeen(t *testing.T, d disk.Disk) {
	w, err := d.OpenFile("a", os.O_CREATE|os.O_RDWR, 0o600)
	must(t, err)
	r, err := d.OpenFile("a", os.O_RDONLY, 0)
	must(t, err)
	defer r.Close()
	if is, _ := d.Writing(r); !is {
		t.Error("the writer is not seen")
	}
	must(t, w.Close())
	if is, _ := d.Writing(r); is {
		t.Error("the writer is still seen")
	}
}

func writeIsAllOrNothing(t *testing.T, d disk.Disk) {
	put(t, d, "file", "old")
	errFull := errors.New("no space left on device")
	err := disk.Write(d, "file", 0o600, func(f disk.File) error {
		_, _ = f.Write([]byte("ne"))
		return errFull
	})
	if !errors.Is(err, errFull) {
		t.Errorf("got %v", err)
	}
	holds(t, d, "file", "old")
	if disk.Exists(d, disk.Unfinished) {
		t.Error("the unfinished file is left on the full disk")
	}
}

func earlyWritesTheSame(t *testing.T, d disk.Disk) {
	long := make([]byte, 9<<20+7)
	for i := range long {
		long[i] = byte(i >> 8)
	}
	must(t, disk.Write(d, "a", 0o600, func(file disk.File) error {
		w := disk.Early(file)
		for rest := long; len(rest) > 0; {
			n, err := w.Write(rest[:min(len(rest), 3<<20)])
			if err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}))
	if got, err := disk.ReadFile(d, "a"); err != nil || !bytes.Equal(got, long) {
		t.Errorf("%d bytes, %v, want %d", len(got), err, len(long))
	}
	err := disk.Write(d, "b", 0o600, func(file disk.File) error {
		must(t, file.Close())
		_, err := disk.Early(file).Write([]byte("x"))
		return err
	})
	if err == nil {
		t.Error("what was not written is no error")
	}
}

func moveFreeReplacesNothing(t *testing.T, d disk.Disk) {
	must(t, d.Mkdir("to", 0o700))
	for i, want := range []string{"scan.pdf", "scan (2).pdf", "scan (3).pdf"} {
		put(t, d, "scan.pdf", want)
		got, err := disk.MoveFree(d, "scan.pdf", "to", "scan.pdf")
		if err != nil || got != want {
			t.Errorf("%d: got %q, %v", i, got, err)
		}
		holds(t, d, "to/"+want, want)
	}
	_, err := disk.MoveFree(d, "mrs miller.pdf", "to", "mrs miller.pdf")
	if !errors.Is(err, fs.ErrNotExist) || strings.Contains(err.Error(), "miller") {
		t.Errorf("got %v", err)
	}
}

func TestNumberedNamesStayShort(t *testing.T) {
	long := strings.Repeat("ä", 200)
	for _, c := range []struct {
		name string
		n    int
		want string
	}{
		{"scan.pdf", 1, "scan.pdf"},
		{"scan.pdf", 2, "scan (2).pdf"},
		{".pdf", 2, ".pdf (2)"},
		{"v1." + strings.Repeat("x", 20), 2, "v1." + strings.Repeat("x", 20) + " (2)"},
		{long + ".pdf", 12, strings.Repeat("ä", 123) + " (12).pdf"},
	} {
		got := disk.Numbered(c.name, c.n, disk.MaxName)
		if got != c.want || len(got) > disk.MaxName {
			t.Errorf("%q, %d: got %q", c.name, c.n, got)
		}
	}
}

func TestFreeNames(t *testing.T) {
	for taken := range 300 {
		asked := 0
		got, err := disk.FreeName("scan.pdf", disk.MaxName, func(name string) bool {
			asked++
			for n := range taken {
				if name == disk.Numbered("scan.pdf", n+1, disk.MaxName) {
					return true
				}
			}
			return false
		})
		if want := disk.Numbered("scan.pdf", taken+1, disk.MaxName); got != want || err != nil {
			t.Errorf("%d are taken: got %q, %v", taken, got, err)
		}
		if asked > 20 {
			t.Errorf("%d are taken: asked %d times", taken, asked)
		}
	}
	if _, err := disk.FreeName("scan.pdf", disk.MaxName, func(string) bool { return true }); err == nil {
		t.Error("no name is free, and nobody says so")
	}
}

func TestNeitherLinksNorPipesCatchAnybody(t *testing.T) {
	dir := t.TempDir()
	d, err := disk.Open(dir)
	must(t, err)
	defer d.Close()
	put(t, d, "file", "old")
	must(t, os.Symlink("file", filepath.Join(dir, disk.Unfinished)))
	put(t, d, "other", "new")
	holds(t, d, "file", "old")
	must(t, syscall.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	pipe, err := d.OpenFile("pipe", os.O_RDONLY, 0) // comes back although nobody writes
	must(t, err)
	pipe.Close()
}

// A power cut on the simulated disk keeps what was synced, and of the rest
// nothing that can be relied on.
func TestPowerCut(t *testing.T) {
	outcomes := map[string]int{}
	for seed := range uint64(200) {
		chance := rand.New(rand.NewPCG(seed, 0))
		d := disktest.New(time.Now)
		put(t, d, "sure", "synced")
		must(t, d.Mkdir("dir", 0o700), d.SyncDir("."))
		f, err := d.OpenFile("dir/loose", os.O_CREATE|os.O_RDWR, 0o600)
		must(t, err)
		_, err = f.Write([]byte("abc"))
		must(t, err, d.Rename("sure", "dir/sure"))
		d.PowerCut(chance)
		here, there := disk.Exists(d, "sure"), disk.Exists(d, "dir/sure")
		if here {
			holds(t, d, "sure", "synced")
		}
		if there {
			holds(t, d, "dir/sure", "synced")
		}
		outcome := ""
		if here {
			outcome += "old "
		}
		if there {
			outcome += "new "
		}
		if disk.Exists(d, "dir/loose") {
			outcome += "loose"
		}
		outcomes[outcome]++
	}
	if len(outcomes) != 4 { // a rename is done or not, and so is the new file
		t.Errorf("not every outcome came about: %v", outcomes)
	}
}

func TestASimulatedDiskRunsFull(t *testing.T) {
	d := disktest.New(time.Now)
	d.Room = 4
	if err := disk.WriteBytes(d, "a", 0o600, []byte("12345")); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("got %v", err)
	}
	put(t, d, "a", "1234")
	must(t, d.Remove("a"))
	put(t, d, "b", "5678")
	if d.Used() != 4 {
		t.Errorf("%d bytes are used", d.Used())
	}
}

// What is discarded is empty before it is gone; what has another name is not.
func TestDiscard(t *testing.T) {
	dir := t.TempDir()
	d, err := disk.Open(dir)
	must(t, err)
	defer d.Close()
	must(t, disk.MkdirAll(d, "a/b", 0o700))
	put(t, d, "a/b/scan", "private")
	put(t, d, "kept", "sealed")
	must(t, os.Link(filepath.Join(dir, "kept"), filepath.Join(dir, "a", "spool")))
	bin, err := os.Open(filepath.Join(dir, "a", "b", "scan")) // what a recycle bin would hold
	must(t, err)
	defer bin.Close()
	must(t, disk.Discard(d, "a"), disk.Discard(d, "a"))
	if disk.Exists(d, "a") {
		t.Error("it is still there")
	}
	if left, err := io.ReadAll(bin); len(left) > 0 || err != nil {
		t.Errorf("a bin keeps %q (%v)", left, err)
	}
	holds(t, d, "kept", "sealed")
}

func whatIsWrittenIsReadBack(t *testing.T, d disk.Disk) {
	long := bytes.Repeat([]byte("sealed. "), 300_000)
	for _, data := range [][]byte{[]byte("short"), long} {
		fill := func(f disk.File) error {
			_, err := f.Write(data)
			return err
		}
		read := func(f disk.File) error {
			got, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<30))
			if !bytes.Equal(got, data) {
				t.Errorf("of %d bytes it has %d, or others", len(data), len(got))
			}
			return err
		}
		must(t, disk.WriteBeside(d, "file", 0o600, fill, read), d.SyncDir("."))
		holds(t, d, "file", string(data))
		errOther := errors.New("other bytes")
		err := disk.WriteBeside(d, "wrong", 0o600, fill, func(disk.File) error { return errOther })
		if !errors.Is(err, errOther) || disk.Exists(d, "wrong") {
			t.Errorf("what is not what was written is there (%v)", err)
		}
	}
}

func whatIsPreparedHasNoNameYet(t *testing.T, d disk.Disk) {
	must(t, disk.WriteBytes(d, "file", 0o600, []byte("before")))
	_, err := disk.Prepare(d, "file", 0o600, "never named")
	must(t, err)
	give, err := disk.Prepare(d, "file", 0o600, "after")
	must(t, err, disk.WriteBytes(d, "beside", 0o600, []byte("beside")))
	holds(t, d, "file", "before")
	must(t, give())
	holds(t, d, "file", `"after"`)
	holds(t, d, "beside", "beside")
	if disk.Exists(d, disk.Prepared) {
		t.Error("it has two names")
	}
}
