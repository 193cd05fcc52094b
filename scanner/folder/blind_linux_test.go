package folder

import (
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"letterlock/scanner/disk"
	"letterlock/scanner/realpart"
)

// withoutLeases takes from this thread, until the test ends, what lets it lease the
// files of other accounts, as a service that may do nothing has it not.
func withoutLeases(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&hdr, &caps[0]); err != nil {
		t.Fatal(err)
	}
	const needed = 1<<unix.CAP_LEASE | 1<<unix.CAP_CHOWN
	realpart.Need(t, caps[0].Effective&needed == needed, "Linux and root")
	less := caps
	less[0].Effective &^= 1 << unix.CAP_LEASE
	if err := unix.Capset(&hdr, &less[0]); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := unix.Capset(&hdr, &caps[0]); err != nil {
			t.Error(err)
		}
		runtime.UnlockOSThread()
	})
}

// nobody is another account than the test's.
const nobody = 65534

// Where the writer of somebody else's file cannot be seen, the scan is taken, is kept
// for a while after it, and check says so.
func TestTheFilesOfOtherAccounts(t *testing.T) {
	o := open(t)
	o.now = time.Now()
	o.drop(line+"/own.pdf", whole)
	o.settle()
	withoutLeases(t)
	o.checks("open", "could know")
	o.drop(line+"/a.pdf", whole)
	if err := os.Chown(filepath.Join(o.dir, line, "a.pdf"), nobody, nobody); err != nil {
		t.Fatal(err)
	}
	o.look()
	o.look()
	v := o.look()
	if len(v.Settled) != 2 {
		t.Fatalf("not taken: %+v", v)
	}
	at := slices.IndexFunc(v.Settled, func(s Scan) bool { return path.Base(s.path) == "a.pdf" })
	c, err := o.Claim(v.Settled[at])
	if err != nil {
		t.Fatal(err)
	}
	same := func(disk.File) (bool, error) { return true, nil }
	if _, err := o.Changed(c, same); err != ErrLingers {
		t.Errorf("a scan whose writer nobody sees may go at once: %v", err)
	}
	o.now = o.now.Add(time.Minute)
	if changed, err := o.Changed(c, same); changed || err != nil {
		t.Errorf("it may never go: %v, %v", changed, err)
	}
	o.owner.beaten = time.Time{} // long ago
	if err := o.Beat(); err != nil {
		t.Fatal(err)
	}
	o.checks("open", "cannot know")
}

// The scanner's unit gives it that one capability, by which a plain account sees who
// has the files of others open.
func TestTheUnitLetsTheScannerSeeWriters(t *testing.T) {
	if name := os.Getenv("LETTERLOCK_TEST_WRITING"); name != "" {
		file, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		is, known := new(disk.Real).Writing(file)
		fmt.Printf("uid %d: %t %t\n", os.Getuid(), is, known)
		return
	}
	unit, err := os.ReadFile("../../cmd/scanner/letterlock-scanner.service")
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"CapabilityBoundingSet", "AmbientCapabilities"} {
		if !regexp.MustCompile(`(?m)^` + key + `=CAP_LEASE$`).Match(unit) {
			t.Errorf("the unit's %s is not CAP_LEASE alone", key)
		}
	}
	realpart.Need(t, os.Geteuid() == 0, "root, who may be another account")
	name := filepath.Join(t.TempDir(), "a.pdf")
	writer, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o644)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	for dir := filepath.Dir(name); dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for want, caps := range map[string][]uintptr{"true true": {unix.CAP_LEASE}, "false false": nil} {
		// The test's own program may lie where nobody else may enter.
		self, err := os.Open("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("/proc/self/fd/3", "-test.run=^"+t.Name()+"$")
		cmd.ExtraFiles = []*os.File{self}
		cmd.Env = append(os.Environ(), "LETTERLOCK_TEST_WRITING="+name)
		cmd.Dir = "/"
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}, AmbientCaps: caps}
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "uid 65534: "+want) {
			t.Errorf("with capabilities %v: %v\n%s", caps, err, out)
		}
		self.Close()
	}
}
