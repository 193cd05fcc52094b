package folder

import (
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
)

func TestPipesAreNeverOpened(t *testing.T) {
	o := open(t)
	if err := syscall.Mkfifo(filepath.Join(o.dir, line, "scan.pdf"), 0o644); err != nil {
		t.Fatal(err)
	}
	for range 100 { // a look that opened it would hang here
		if v := o.look(); len(v.Settled) > 0 || v.Arriving > 0 || v.Trouble != nil {
			t.Fatalf("a pipe was taken for a scan: %+v", v)
		}
	}
}

// TestAScanBecomesAPipe swaps the scan between its last look and its claim.
func TestAScanBecomesAPipe(t *testing.T) {
	o := open(t)
	o.drop(line+"/scan.pdf", whole)
	scan := o.settle()[0]
	name := filepath.Join(o.dir, line, "scan.pdf")
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(name, 0o644); err != nil {
		t.Fatal(err)
	}
	c, err := o.Claim(scan)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := o.Scan(c); err == nil {
		t.Error("the pipe was opened")
	}
	if err := o.Settled(c); err == nil {
		t.Error("the pipe was taken")
	}
	if info, err := os.Lstat(name); err != nil || info.Mode().IsRegular() {
		t.Errorf("the pipe is not where it was: %v", err)
	}
}

func TestAScanThatCannotBeReadIsGivenUpInTheEnd(t *testing.T) {
	dir := t.TempDir()
	if os.Geteuid() == 0 {
		// Root may read everything: be nobody, on this thread, for this test.
		for _, d := range []string{filepath.Dir(dir), dir} {
			if err := os.Chmod(d, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		if err := syscall.Setfsuid(65534); err != nil {
			t.Fatal(err)
		}
		defer syscall.Setfsuid(0)
	}
	o := open(t, func(c *Config) { c.Path = dir })
	o.dir = dir
	o.drop(line+"/scan.pdf", whole)
	if err := os.Chmod(filepath.Join(dir, line, "scan.pdf"), 0); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		v := o.look()
		if len(v.Settled) > 0 {
			t.Fatal("not waited for")
		}
	}
	v := o.look()
	if len(v.Settled) != 1 || v.Trouble == nil {
		t.Fatalf("it is not given up: %+v", v)
	}
	c, err := o.Claim(v.Settled[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Refuse(&c, Note{}); err != nil {
		t.Error(err)
	}
}
