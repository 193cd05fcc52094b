package child_test

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/elastic/go-seccomp-bpf"
	"golang.org/x/sys/unix"

	"letterlock/scanner/child"
	"letterlock/scanner/realpart"
)

// deedSettings are what the deeds need to know.
type deedSettings struct {
	Dir    string // a folder of the test
	Listen string // a TCP address on which somebody listens
	Socket string // the path of a unix socket on which somebody listens
	Parent int
	Target int // somebody else's process
}

// A deed is what a child that has been taken over by a scan would like to do.
type deeds map[string]func(deedSettings) error

// withFiles are deeds on files that are not the child's.
var withFiles = deeds{
	"read a file":          func(deedSettings) error { _, err := os.ReadFile("/etc/passwd"); return err },
	"look into a folder":   func(deedSettings) error { _, err := os.ReadDir("/etc"); return err },
	"read its own memory":  func(deedSettings) error { _, err := os.Open("/proc/self/mem"); return err },
	"read its environment": func(deedSettings) error { _, err := os.ReadFile("/proc/self/environ"); return err },
	"open a device":        func(deedSettings) error { _, err := os.OpenFile("/dev/null", os.O_RDWR, 0); return err },
	"make a file": func(s deedSettings) error {
		return os.WriteFile(filepath.Join(s.Dir, "made"), []byte("x"), 0o600)
	},
	"make a file without a name": func(s deedSettings) error {
		_, err := unix.Open(s.Dir, unix.O_TMPFILE|unix.O_RDWR, 0o600)
		return err
	},
	"make a folder":    func(s deedSettings) error { return os.Mkdir(filepath.Join(s.Dir, "folder"), 0o700) },
	"make a link":      func(s deedSettings) error { return os.Symlink("/etc", filepath.Join(s.Dir, "link")) },
	"make a hard link": func(s deedSettings) error { return os.Link("/etc/passwd", filepath.Join(s.Dir, "hard")) },
	"make a pipe":      func(s deedSettings) error { return unix.Mkfifo(filepath.Join(s.Dir, "pipe"), 0o600) },
	"change a file": func(s deedSettings) error {
		return os.WriteFile(filepath.Join(s.Dir, "there"), []byte("x"), 0)
	},
	"empty a file":  func(s deedSettings) error { return os.Truncate(filepath.Join(s.Dir, "there"), 0) },
	"delete a file": func(s deedSettings) error { return os.Remove(filepath.Join(s.Dir, "there")) },
	"rename a file": func(s deedSettings) error {
		return os.Rename(filepath.Join(s.Dir, "there"), filepath.Join(s.Dir, "here"))
	},
}

// withOthers are deeds on the network, other programs, the system, and its own bounds.
var withOthers = deeds{
	"dial TCP": func(s deedSettings) error { return closing(net.Dial("tcp", s.Listen)) },
	"dial UDP": func(s deedSettings) error { return closing(net.Dial("udp", s.Listen)) },
	"listen": func(deedSettings) error {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		return closing(l, err)
	},
	"dial a unix socket": func(s deedSettings) error { return closing(net.Dial("unix", s.Socket)) },
	"make a raw socket":  func(deedSettings) error { return call(unix.SYS_SOCKET, unix.AF_PACKET, unix.SOCK_RAW, 0) },
	"make a pair of sockets": func(deedSettings) error {
		_, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
		return err
	},
	"start a program":      func(deedSettings) error { return exec.Command("/bin/true").Run() },
	"become a program":     func(deedSettings) error { return syscall.Exec("/bin/true", []string{"true"}, nil) },
	"fork":                 func(deedSettings) error { return call(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0) },
	"fork the newer way":   func(deedSettings) error { return call(unix.SYS_CLONE3, 0, 0, 0) },
	"look into its parent": func(s deedSettings) error { return unix.PtraceAttach(s.Parent) },
	"seize its parent":     func(s deedSettings) error { return unix.PtraceSeize(s.Parent) },
	"read its parent's memory": func(s deedSettings) error {
		var here [8]byte
		local := []unix.Iovec{{Base: &here[0], Len: 8}}
		_, err := unix.ProcessVMReadv(s.Parent, local, []unix.RemoteIovec{{Base: 0x400000, Len: 8}}, 0)
		return err
	},
	"kill somebody":          func(s deedSettings) error { return unix.Kill(s.Target, unix.SIGKILL) },
	"kill a thread":          func(s deedSettings) error { return unix.Tgkill(s.Target, s.Target, unix.SIGKILL) },
	"hold its parent":        func(s deedSettings) error { _, err := unix.PidfdOpen(s.Parent, 0); return err },
	"lift its parent's bars": func(s deedSettings) error { return unix.Prlimit(s.Parent, unix.RLIMIT_CORE, rlimit(1), nil) },
	"lift its limits":        func(deedSettings) error { return unix.Setrlimit(unix.RLIMIT_CORE, rlimit(1)) },
	"dump core":              func(deedSettings) error { return unix.Prctl(unix.PR_SET_DUMPABLE, 1, 0, 0, 0) },
	"be somebody else":       func(deedSettings) error { return call(unix.SYS_SETUID, 65534, 0, 0) },
	"have a namespace":       func(deedSettings) error { return unix.Unshare(unix.CLONE_NEWUSER) },
	"mount":                  func(s deedSettings) error { return unix.Mount("none", s.Dir, "tmpfs", 0, "") },
	"change the root":        func(s deedSettings) error { return unix.Chroot(s.Dir) },
	"load into the kernel":   func(deedSettings) error { return call(unix.SYS_BPF, 0, 0, 0) },
	"load a module":          func(deedSettings) error { return call(unix.SYS_INIT_MODULE, 0, 0, 0) },
	"read keys":              func(deedSettings) error { _, err := unix.KeyctlGetKeyringID(-3, true); return err },
	"have a ring of calls":   func(deedSettings) error { return call(unix.SYS_IO_URING_SETUP, 0, 0, 0) },
	"measure others":         func(deedSettings) error { return call(unix.SYS_PERF_EVENT_OPEN, 0, 0, 0) },
	"handle faults":          func(deedSettings) error { return call(unix.SYS_USERFAULTFD, 0, 0, 0) },
	"have a file in memory":  func(deedSettings) error { _, err := unix.MemfdCreate("x", 0); return err },
	"type for somebody":      func(deedSettings) error { return unix.IoctlSetInt(0, unix.TIOCSTI, 0) },
	"reach a file by handle": func(s deedSettings) error { return call(unix.SYS_OPEN_BY_HANDLE_AT, 0, 0, 0) },
}

func closing(c io.Closer, err error) error {
	if err == nil {
		_ = c.Close()
	}
	return err
}

func call(number, a, b, c uintptr) error {
	pid, _, err := unix.RawSyscall6(number, a, b, c, 0, 0, 0)
	if err != 0 {
		return err
	}
	if number == unix.SYS_CLONE && pid == 0 {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, 0, 0, 0)
	}
	return nil
}

func rlimit(n uint64) *unix.Rlimit { return &unix.Rlimit{Cur: n, Max: n} }

// inItsFolder is what a child may do in its own folder.
func inItsFolder(dir string) error {
	name := filepath.Join(dir, "below", "entry")
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(name+".new", []byte("compiled"), 0o600); err != nil {
		return err
	}
	if err := os.Rename(name+".new", name); err != nil {
		return err
	}
	if data, err := os.ReadFile(name); err != nil || string(data) != "compiled" {
		return errors.New("it reads something else")
	}
	if list, err := os.ReadDir(dir); err != nil || len(list) != 1 {
		return errors.New("it lists something else")
	}
	return os.Remove(name)
}

// withItsOwn is what every child may do: work on what it was handed, with
// threads, memory and timers.
func withItsOwn() error {
	if _, err := os.Stdin.Seek(2, io.SeekStart); err != nil {
		return err
	}
	rest, err := io.ReadAll(os.Stdin)
	if err != nil || string(rest) != "handed" {
		return errors.New("it reads something else from what it was handed")
	}
	extra := os.NewFile(3, "extra")
	if _, err := io.Copy(extra, strings.NewReader("much too long")); err != nil {
		return err
	}
	if err := errors.Join(extra.Truncate(4), extra.Sync()); err != nil {
		return err
	}
	if _, err := extra.Stat(); err != nil {
		return err
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			runtime.LockOSThread() // and never unlock: the thread ends as well
			_ = make([]byte, 1<<20)
			runtime.GC()
		})
	}
	all.Wait()
	// A write to a closed pipe or an address that is nil is a signal.
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	r.Close()
	if _, err := w.Write([]byte("x")); !errors.Is(err, unix.EPIPE) {
		return errors.New("a closed pipe takes bytes")
	}
	return faulting()
}

func faulting() (err error) {
	defer func() {
		if recover() == nil {
			err = errors.New("an address that is nil holds something")
		}
	}()
	var nowhere *int
	runtime.KeepAlive(*nowhere)
	return nil
}

// outcome is what a child says of its deeds.
type outcome map[string]string

func deed(s settings) {
	said := outcome{}
	note := func(name string, err error) {
		said[name] = "done"
		if err != nil {
			said[name] = err.Error()
			if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOSYS) {
				said[name] = "refused"
			}
		}
	}
	switch s.Do {
	case "misdeeds":
		for _, all := range []deeds{withFiles, withOthers} {
			for name, do := range all {
				note(name, do(s.With))
			}
		}
		note("its own", withItsOwn())
		for _, folder := range s.Limits.Folders {
			note("its folder", inItsFolder(folder))
		}
	case "lie about the system":
		note("lie", pretend(s.With.Listen))
		p, err := child.Start([]string{os.Args[0], "test-child"}, settings{Limits: s.Limits, Do: "environment"}, nil, nil)
		if err == nil {
			_ = p.Wait()
		}
		said["gaps"] = strings.Join(child.Confinement(), "\n")
	}
	_ = json.NewEncoder(os.Stdout).Encode(said)
}

// pretend makes the system one without what is named, for this process and
// those that it starts.
func pretend(without string) error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return seccomp.LoadFilter(seccomp.Filter{
		NoNewPrivs: true,
		Flag:       seccomp.FilterFlagTSync,
		Policy: seccomp.Policy{
			DefaultAction: seccomp.ActionAllow,
			Syscalls: []seccomp.SyscallGroup{{
				Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS),
				Names:  strings.Fields(without),
			}},
		},
	})
}

// do has a child do s and returns what it says, and what is in the extra file
// that it was handed.
func do(t testing.TB, s settings) (outcome, string) {
	t.Helper()
	dir := t.TempDir()
	open := func(name, content string) *os.File {
		full := filepath.Join(dir, name)
		if err := os.WriteFile(full, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(full, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	in, out, extra := open("in", "a handed"), open("out", ""), open("extra", "")
	command, err := child.Command("test-child")
	if err != nil {
		t.Fatal(err)
	}
	p, err := child.Start(command, s, in, out, extra)
	if err != nil {
		t.Fatal(err)
	}
	_ = p.Wait()
	var said outcome
	if err := json.NewDecoder(io.NewSectionReader(out, 0, 1<<20)).Decode(&said); err != nil {
		t.Fatalf("the child said nothing: %v, %v", err, p.Wait())
	}
	left, err := io.ReadAll(io.NewSectionReader(extra, 0, 1<<20))
	if err != nil {
		t.Fatal(err)
	}
	return said, string(left)
}

// landlockVersion is 0 where there is none.
func landlockVersion() int {
	version, _, err := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, uintptr(unsafe.Pointer(nil)), unix.LANDLOCK_CREATE_RULESET_VERSION)
	if err != 0 {
		return 0
	}
	return int(version)
}

func TestAChildIsFencedIn(t *testing.T) {
	realpart.Need(t, landlockVersion() >= 1 && seccomp.Supported(), "Linux 5.13 or later with Landlock and seccomp, on amd64 or arm64")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	socket := filepath.Join(t.TempDir(), "socket")
	u, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer u.Close()
	bystander := exec.Command("sleep", "60")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if bystander.Process.Signal(syscall.Signal(0)) != nil {
			t.Error("somebody else was killed")
		}
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	}()
	for name, folders := range map[string][]string{
		"without a folder": nil,
		"with a folder":    {filepath.Join(t.TempDir(), "made by the child")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.WriteFile(filepath.Join(dir, "there"), []byte("there"), 0o600); err != nil {
				t.Fatal(err)
			}
			said, extra := do(t, settings{
				Limits: child.Limits{Folders: folders, AddressSpace: 4 << 30},
				Do:     "misdeeds",
				With: deedSettings{
					Dir: dir, Listen: l.Addr().String(), Socket: socket,
					Parent: os.Getpid(), Target: bystander.Process.Pid,
				},
			})
			for deed, how := range said {
				want := "refused"
				if strings.HasPrefix(deed, "its ") {
					want = "done"
				}
				if how != want {
					t.Errorf("%s: %s", deed, how)
				}
			}
			if want := len(withFiles) + len(withOthers) + 1 + len(folders); len(said) != want {
				t.Errorf("%d deeds of %d", len(said), want)
			}
			if extra != "much" {
				t.Errorf("the child wrote %q", extra)
			}
			list, err := os.ReadDir(dir)
			if err != nil || len(list) != 1 || list[0].Name() != "there" {
				t.Errorf("the folder of another was changed: %v, %v", list, err)
			}
		})
	}
	if gaps := child.Confinement(); len(gaps) > 0 {
		t.Errorf("gaps on a system without: %q", gaps)
	}
}

// TestWhatTheSystemDoesNotGrantIsSaid starts children where the kernel does
// not know one of the fences, or neither.
func TestWhatTheSystemDoesNotGrantIsSaid(t *testing.T) {
	realpart.Need(t, landlockVersion() >= 1 && seccomp.Supported(), "Linux 5.13 or later with Landlock and seccomp, on amd64 or arm64")
	const landlock, filters = "landlock_create_ruleset landlock_add_rule landlock_restrict_self", "seccomp"
	folders := []string{t.TempDir()}
	for _, c := range []struct {
		without string
		folders []string
		want    []string // a word of each sentence
	}{
		{"sethostname", folders, nil},
		{landlock, folders, []string{"Landlock"}},
		{landlock, nil, nil}, // the filter closes files as well, where none is wanted
		{filters, nil, []string{"seccomp"}},
		{landlock + " " + filters, nil, []string{"Landlock", "seccomp"}},
	} {
		said, _ := do(t, settings{
			Free:   true,
			Limits: child.Limits{Folders: c.folders},
			Do:     "lie about the system",
			With:   deedSettings{Listen: c.without},
		})
		if said["lie"] != "done" {
			t.Fatalf("without %s: %s", c.without, said["lie"])
		}
		var gaps []string
		if said["gaps"] != "" {
			gaps = strings.Split(said["gaps"], "\n")
		}
		if len(gaps) != len(c.want) {
			t.Errorf("without %s: %q", c.without, gaps)
			continue
		}
		for i, word := range c.want {
			if !strings.Contains(gaps[i], word) {
				t.Errorf("without %s: %q does not speak of %s", c.without, gaps[i], word)
			}
		}
	}
}

func timed(do func()) int64 {
	begun := time.Now()
	do()
	return time.Since(begun).Nanoseconds()
}

// BenchmarkStart compares a child that confines itself with one that does not.
func BenchmarkStart(b *testing.B) {
	start := func(free bool) {
		p, err := child.Start([]string{os.Args[0], "test-child"}, settings{Free: free, Do: "nothing"}, nil, nil)
		if err != nil {
			b.Fatal(err)
		}
		_ = p.Wait()
	}
	var confined, free int64
	for b.Loop() {
		free += timed(func() { start(true) })
		confined += timed(func() { start(false) })
	}
	b.ReportMetric(float64(confined)/float64(free), "times-a-free-one")
	b.ReportMetric(float64(confined-free)/float64(b.N)/1e6, "ms-more")
}
