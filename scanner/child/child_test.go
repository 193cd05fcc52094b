package child_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/child"
)

// settings tell a child of this test what to try.
type settings struct {
	Limits child.Limits
	Free   bool // not confined: it is a parent to others
	Do     string
	With   deedSettings
}

func TestMain(m *testing.M) {
	var s settings
	if mine, err := child.Settings(os.Args, "test-child", &s); mine {
		if err != nil || !s.Free && s.Limits.Confine() != nil {
			os.Exit(2)
		}
		act(s)
	}
	os.Exit(m.Run())
}

// act is the child's life. Exit status 7 means that it did what it tried.
func act(s settings) {
	switch s.Do {
	case "environment":
		if left := os.Environ(); len(left) != 1 || left[0] != "MALLOC_ARENA_MAX=1" {
			os.Exit(1) // what this process knows is nothing for a child
		}
	case "memory":
		hold := make([][]byte, 0, 64)
		for range 64 {
			hold = append(hold, make([]byte, 16<<20))
			clear(hold[len(hold)-1])
		}
		runtime.KeepAlive(hold)
	case "spin":
		for n := 0; ; n++ {
			runtime.KeepAlive(n)
		}
	case "big file":
		if _, err := os.Stdout.Write(make([]byte, 1<<20)); err != nil {
			os.Exit(1)
		}
	case "sleep":
		fmt.Println(os.Getpid())
		time.Sleep(time.Minute)
	case "have a child and sleep":
		p, err := child.Start([]string{os.Args[0], "test-child"}, settings{Do: "sleep"}, nil, os.Stdout)
		if err != nil {
			os.Exit(1)
		}
		_ = p.Wait()
	default:
		deed(s)
	}
	os.Exit(7)
}

// run lets a child try something and returns its exit status, -1 when a signal
// ended it.
func run(t *testing.T, s settings) int {
	t.Helper()
	command, err := child.Command("test-child")
	if err != nil {
		t.Fatal(err)
	}
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	p, err := child.Start(command, s, nil, out)
	if err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if !errors.As(p.Wait(), &exit) {
		t.Fatal("the child did nothing")
	}
	p.Kill() // of one that has ended: no harm
	return exit.ExitCode()
}

func TestAChildKeepsToItsLimits(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: limits hold only there")
	}
	for do, limits := range map[string]child.Limits{
		"memory":   {AddressSpace: 128 << 20},
		"spin":     {CPU: time.Second},
		"big file": {FileSize: 64 << 10},
	} {
		if got := run(t, settings{Limits: limits, Do: do}); got == 7 {
			t.Errorf("%s: the child got away with it", do)
		}
	}
	roomy := child.Limits{AddressSpace: 16 << 30, // the race detector takes much
		CPU: time.Minute, FileSize: 2 << 20}
	for _, do := range []string{"environment", "memory", "big file"} {
		if got := run(t, settings{Limits: roomy, Do: do}); got != 7 {
			t.Errorf("%s: the child failed within its limits: %d", do, got)
		}
	}
}

func TestAChildDiesWithItsParent(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("needs Linux: elsewhere a child ends when its input does")
	}
	ear, mouth, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer ear.Close()
	parent, err := child.Start([]string{os.Args[0], "test-child"}, settings{Free: true, Do: "have a child and sleep"}, nil, mouth)
	mouth.Close()
	if err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(ear).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var grandchild int
	if _, err := fmt.Sscan(strings.TrimSpace(line), &grandchild); err != nil {
		t.Fatal(err)
	}
	parent.Kill()
	_ = parent.Wait()
	// The pipe ends when the last holder of its other end is gone; left alone,
	// the child would sleep for a minute.
	const patience = 50 * time.Second
	if err := ear.SetReadDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	if _, err := ear.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
		t.Errorf("the child outlived its parent: %v", err)
		if p, err := os.FindProcess(grandchild); err == nil {
			_ = p.Kill()
		}
	}
}

func TestOnlyItsWordStartsAChild(t *testing.T) {
	var s settings
	for _, c := range []struct {
		args  []string
		mine  bool
		fails bool
	}{
		{[]string{"letterlock"}, false, false},
		{[]string{"letterlock", "up", "test-child"}, false, false},
		{[]string{"letterlock", "test-child"}, true, true},
		{[]string{"letterlock", "test-child", "not json"}, true, true},
		{[]string{"letterlock", "test-child", "{}"}, true, false},
	} {
		mine, err := child.Settings(c.args, "test-child", &s)
		if mine != c.mine || (err != nil) != c.fails {
			t.Errorf("%q: %v, %v", c.args, mine, err)
		}
	}
}
