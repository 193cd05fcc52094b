package folder

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/realpart"
)

// hall is a share whose locks do not reach its machines, and the time that
// passes on all of them.
type hall struct {
	*testing.T
	dir string

	mu  sync.Mutex
	now time.Time
}

func newHall(t *testing.T) *hall {
	return &hall{T: t, dir: t.TempDir(), now: time.Now()}
}

func (h *hall) time() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hall) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// machine opens the folder from a machine of that name, on which no time passes but
// the test's: on a busy one a test outlasts a beat.
func (h *hall) machine(self string) (*Folder, error) {
	f, err := Open(Config{Path: h.dir, Helplines: []string{line}, Complete: complete, Self: self,
		Now: time.Now, noLock: true, noPulse: true, steady: h.time})
	if err == nil {
		h.Cleanup(func() { f.Close() })
	}
	return f, err
}

func (h *hall) waits(self string) *HeldError {
	h.Helper()
	_, err := h.machine(self)
	var held *HeldError
	if !errors.As(err, &held) || !held.Far {
		h.Fatalf("%s does not wait: %v", self, err)
	}
	return held
}

func TestAnotherMachineWaitsWhileItsHolderLives(t *testing.T) {
	h := newHall(t)
	first, err := h.machine("first")
	if err != nil {
		t.Fatal(err)
	}
	for range 300 {
		if held := h.waits("second"); held.Holder.PID != os.Getpid() || !strings.Contains(held.Error(), "since 20") {
			t.Fatalf("it is not said who holds the folder: %v", held)
		}
		h.pass(time.Second)
		if _, err := first.Look(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	first.Close()
	for waited := time.Duration(0); ; waited += time.Second {
		if _, err := h.machine("second"); err == nil {
			break
		}
		if waited > signedFor+2*time.Second {
			t.Fatal("the first has left in good order, and the second still waits")
		}
		h.pass(time.Second)
	}
}

func TestAnotherMachineTakesOverFromADeadOne(t *testing.T) {
	h := newHall(t)
	first, err := h.machine("first")
	if err != nil {
		t.Fatal(err)
	}
	var second *Folder
	waited := time.Duration(0)
	for ; second == nil; waited += 2 * time.Second {
		second, err = h.machine("second")
		if held := (*HeldError)(nil); err != nil && !errors.As(err, &held) {
			t.Fatal(err)
		}
		h.pass(2 * time.Second)
	}
	if waited < standsStill+signedFor || waited > time.Minute {
		t.Errorf("it took over after %v", waited)
	}
	// The first was only cut off. It must not work any more.
	var held *HeldError
	if _, err := first.Look(t.Context()); !errors.As(err, &held) {
		t.Errorf("the first goes on: %v", err)
	}
	if err := first.Beat(); !errors.As(err, &held) {
		t.Errorf("it has forgotten that already: %v", err)
	}
	first.Close()
	h.pass(beatEvery)
	if err := second.Beat(); err != nil {
		t.Errorf("the end of the first has taken the folder from the second: %v", err)
	}
}

// TestTwoNewcomers has two machines find the same dead one, and checks after
// every step that at most one of all is at work.
func TestTwoNewcomers(t *testing.T) {
	h := newHall(t)
	first, err := h.machine("first")
	if err != nil {
		t.Fatal(err)
	}
	h.pass(time.Second)
	holders := map[string]*Folder{"first": first}
	won := map[string]bool{}
	for n := range 200 {
		h.pass(700 * time.Millisecond)
		for _, self := range []string{"second", "third"} {
			if holders[self] == nil {
				if f, err := h.machine(self); err == nil {
					holders[self] = f
					won[self] = true
				}
			}
		}
		working := 0
		for self, f := range holders {
			if self == "first" && n < 150 {
				continue // it sleeps
			}
			if f.Beat() == nil {
				working++
			} else {
				delete(holders, self)
			}
		}
		if working > 1 {
			t.Fatalf("%d machines work on one folder", working)
		}
	}
	if len(won) != 1 {
		t.Errorf("%d newcomers have begun", len(won))
	}
}

// TestASlowNewcomer has one newcomer sign almost a beat after another, because
// it looked before the other had signed and was held up. Neither may have begun.
func TestASlowNewcomer(t *testing.T) {
	h := newHall(t)
	first, err := h.machine("first")
	if err != nil {
		t.Fatal(err)
	}
	h.waits("second")
	h.pass(standsStill)
	h.waits("second") // it has signed
	h.pass(beatEvery - time.Second)
	h.waits("second")
	third := signature{Holder: holder(h.now), Self: "third", Nonce: "third", Trial: true}
	if err := sign(first.real, third, 0); err != nil {
		t.Fatal(err)
	}
	for range 30 {
		h.pass(time.Second)
		h.waits("second")
	}
}

func TestTheSameMachineNeedNotWaitForItsDeadSelf(t *testing.T) {
	h := newHall(t)
	self := "a"
	realpart.Need(t, systemRun() != "", "/proc: a Linux")
	open := func() (*Folder, error) {
		self = string(rune(self[0] + 1)) // another edge of the same machine
		return Open(Config{Path: h.dir, Now: time.Now, Self: self})
	}
	f, err := open()
	if err != nil {
		t.Fatal(err)
	}
	f.lock.Close() // as after kill -9: the lock is free, the signature stays
	if f.watched != nil {
		defer f.watched.Close()
	}
	again, err := open()
	if err != nil {
		t.Fatalf("it waits: %v", err)
	}
	again.Close()
	d, err := disk.Open(h.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if s, err := readSignature(d); err != nil || !s.Left {
		t.Errorf("it has left, and does not say so: %+v, %v", s, err)
	}
}

// TestAnEdgeKnowsItsOwnTrace is what happens after a power cut: the same edge on
// the same machine, whose system was started anew.
func TestAnEdgeKnowsItsOwnTrace(t *testing.T) {
	h := newHall(t)
	for self, want := range map[string]bool{"office": true, "annexe": false} {
		d, err := disk.Open(h.dir)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(disk.MkdirAll(d, PrivateDir, 0o700),
			sign(d, signature{Holder: holder(h.now), Self: "office", Run: "of yesterday", Nonce: self}, 0)); err != nil {
			t.Fatal(err)
		}
		f, err := Open(Config{Path: h.dir, Now: time.Now, Self: self})
		if (err == nil) != want {
			t.Errorf("%s: got %v", self, err)
		}
		if err == nil {
			f.Close()
		}
	}
}

func TestADamagedOwnerFileIsWatchedToo(t *testing.T) {
	h := newHall(t)
	name := filepath.Join(h.dir, ownerFile)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(`{"pid":`), 0o600); err != nil {
		t.Fatal(err)
	}
	var f *Folder
	for range 60 {
		h.pass(time.Second)
		var err error
		if f, err = h.machine("first"); err == nil {
			break
		}
	}
	if f == nil {
		t.Fatal("nobody ever takes over")
	}
	for name, harm := range map[string]func() error{
		"removed": func() error { return os.Remove(name) },
		"torn":    func() error { return os.WriteFile(name, []byte(`{"pid`), 0o600) },
	} {
		if err := harm(); err != nil {
			t.Fatal(err)
		}
		h.pass(beatEvery)
		if err := f.Beat(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if who, err := readSignature(f.Disk()); err != nil || who.PID != os.Getpid() {
			t.Errorf("%s: held by %v, %v", name, who, err)
		}
	}
}

func TestSignaturesHaveOneLength(t *testing.T) {
	one := signature{Self: "a"}.signed()
	two := signature{Holder: holder(time.Now()), Self: strings.Repeat("x", 200), Nonce: "n", Beat: 1 << 60}.signed()
	if len(one) != len(two) || !bytes.HasSuffix(two, []byte("\n")) {
		t.Errorf("%d and %d bytes", len(one), len(two))
	}
}

// TestWhoWaitsTakesOverWhenTheOtherProcessDies is the local case, with real
// processes and the system's lock.
func TestWhoWaitsTakesOverWhenTheOtherProcessDies(t *testing.T) {
	dir := t.TempDir()
	other := hold(t, dir)
	said := make(chan *HeldError, 9)
	taken := make(chan error, 1)
	go func() {
		f, err := WhenFree(t.Context(), func() (*Folder, error) { return Open(Config{Path: dir, Now: time.Now}) },
			func(*HeldError) bool { return true }, func(held *HeldError) { said <- held })
		if err == nil {
			f.Close()
		}
		taken <- err
	}()
	if held := <-said; held.Holder.PID != other.Process.Pid || held.Far {
		t.Errorf("waits for %v", held)
	}
	select {
	case err := <-taken:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := <-taken; err != nil {
		t.Error(err)
	}
	if len(said) > 0 {
		t.Error("it said more than once whom it waits for")
	}
}

// hold starts another process that has the folder.
func hold(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	other := exec.Command(os.Args[0])
	other.Env = append(os.Environ(), "LETTERLOCK_TEST_HOLD="+dir)
	out, err := other.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Process.Kill(); _ = other.Wait() })
	buf := make([]byte, 5)
	if n, _ := out.Read(buf); string(buf[:n]) != "held\n" {
		t.Fatalf("the other process says %q", buf[:n])
	}
	return other
}
