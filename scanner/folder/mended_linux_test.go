package folder

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// TestWhatIsMendedIsTaken gives back the right to take a scan away.
func TestWhatIsMendedIsTaken(t *testing.T) {
	o := open(t)
	o.nobody()
	o.drop(line+"/anna/scan.pdf", whole)
	o.must(os.Chmod(o.at(line+"/anna"), 0o555))
	v := View{}
	tries := 0
	for range 600 {
		v = o.look()
		for _, s := range v.Settled {
			tries++
			if _, err := o.Claim(s); !errors.Is(err, ErrUnsettled) {
				t.Fatalf("got %v", err)
			}
		}
	}
	if len(v.Arriving) != 1 || v.Arriving[0].Stuck != 1 || v.Trouble == nil || tries > 5 {
		t.Errorf("after %d tries: %+v", tries, v)
	}
	if claims := o.tree(ClaimedDir); len(claims) > 0 {
		t.Errorf("claims were left: %v", claims)
	}
	o.must(os.Chmod(o.at(line+"/anna"), 0o755))
	for range 3600 {
		if v = o.look(); len(v.Settled) > 0 {
			break
		}
	}
	if _, err := o.Claim(v.Settled[0]); err != nil {
		t.Error(err)
	}
}

// TestAScanBecomesAPipe swaps the scan between its last look and its claim.
func TestAScanBecomesAPipe(t *testing.T) {
	o := open(t)
	o.drop(line+"/scan.pdf", whole)
	scan := o.settle()[0]
	o.must(os.Remove(o.at(line + "/scan.pdf")))
	o.must(syscall.Mkfifo(o.at(line+"/scan.pdf"), 0o644))
	c, err := o.Claim(scan)
	o.must(err)
	if _, err := o.Scan(c); err == nil {
		t.Error("the pipe was opened")
	}
	if err := o.Settled(c); err == nil {
		t.Error("the pipe was taken")
	}
	if info, err := os.Lstat(o.at(line + "/scan.pdf")); err != nil || info.Mode().IsRegular() {
		t.Errorf("the pipe is not where it was: %v", err)
	}
}

func TestAScanWithAnotherNameIsNotRead(t *testing.T) {
	o := open(t)
	c := o.take(line+"/scan.pdf", whole)
	o.must(os.Link(o.at(c.Path(scanDir+"/scan.pdf")), o.at("snapshot.pdf")))
	if _, err := o.Scan(c); !errors.Is(err, ErrLinked) {
		t.Errorf("got %v", err)
	}
}

// TestTroubleIsToldOnce has many files in trouble and one sentence about each
// kind of it, always the same, without a name.
func TestTroubleIsToldOnce(t *testing.T) {
	o := open(t)
	for n := range 50 {
		o.must(os.Link(o.outside(), o.at(fmt.Sprintf("%s/mrs miller %d.pdf", line, n))))
		o.drop(fmt.Sprintf("mens-advice-line/mr smith %d.tmp", n), whole)
	}
	for range 30 {
		o.look()
	}
	var v View
	for range 3 {
		before := v.Trouble
		if v = o.look(); before != nil && v.Trouble.Error() != before.Error() {
			t.Errorf("it changes: %v", v.Trouble)
		}
		if strings.Contains(v.Trouble.Error(), "mi") && strings.Contains(v.Trouble.Error(), "miller") {
			t.Errorf("it names a file: %v", v.Trouble)
		}
		for _, s := range v.Settled {
			_, err := o.takes(s)
			o.must(err)
		}
	}
	if parts := strings.Split(v.Trouble.Error(), "; "); len(parts) > 2 {
		t.Errorf("told: %q", parts)
	}
}

// TestCheckTriesWhatIsDoneWithScans has folders in which nothing can be taken.
func TestCheckTriesWhatIsDoneWithScans(t *testing.T) {
	t.Run("mounted by itself", func(t *testing.T) {
		o := open(t)
		o.mount(line, "")
		o.checks("folder", "LOOK The folder of "+line+" is mounted by itself")
	})
	t.Run("read-only", func(t *testing.T) {
		o := open(t)
		o.mount(line, "")
		o.must(unix.Mount("", o.at(line), "", unix.MS_REMOUNT|unix.MS_RDONLY, ""))
		o.checks("folder", "LOOK The share is read-only")
	})
	t.Run("not writable", func(t *testing.T) {
		o := open(t)
		o.nobody()
		o.must(os.Chmod(o.at(line), 0o555))
		o.checks("folder", "LOOK This account cannot make, move and delete files in the folder of "+line+": trying it: permission denied")
	})
	t.Run("not deletable", func(t *testing.T) {
		o := open(t)
		o.must(os.Chmod(o.at(PrivateDir), 0o500))
		o.nobody()
		o.must(os.Chmod(o.at(PrivateDir), 0o500))
		o.checks("folder", "LOOK This account cannot")
		for name := range o.tree(line) {
			t.Errorf("left behind: %s", name)
		}
	})
}

// TestAFullDiskIsWorkedEmpty starts and goes on with a share on which nothing
// more can be written.
func TestAFullDiskIsWorkedEmpty(t *testing.T) {
	o := open(t)
	o.Folder.Close()
	o.mount("", "size=1m")
	o.reopen()
	c := o.take(line+"/scan.pdf", whole)
	o.Folder.Close()
	fill, err := os.Create(o.at(line + "/.fill"))
	o.must(err)
	defer fill.Close()
	for {
		if _, err := fill.Write(make([]byte, 4096)); err != nil {
			break
		}
	}
	o.reopen() // it takes nothing, but what it has it can end
	o.Folder.owner.beaten = time.Time{}
	o.must(o.Beat())
	o.look()
	claims, err := o.Claims()
	o.must(err)
	if len(claims) != 1 {
		t.Fatalf("claims: %v", claims)
	}
	o.must(o.Release(c))
}
