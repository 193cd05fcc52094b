package killtest

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// playEnv says what the test binary plays.
const playEnv = "LETTERLOCK_TEST_PLAYS"

// TestMain is also a program that works, and a test that starts it and waits.
func TestMain(m *testing.M) {
	switch os.Getenv(playEnv) {
	case "program":
		did := func(string, letter.ID) {}
		Arm(&did)
		for _, step := range []string{"a", "b", "b", "b"} {
			fmt.Println(step)
			did(step, "")
		}
		time.Sleep(time.Minute) // nobody has killed it
	case "test":
		p := play("program")
		p.Stdout = os.Stdout
		if err := p.Run(); err != nil {
			fmt.Println(err)
		}
	default:
		os.Exit(m.Run())
	}
}

func play(what string, more ...string) *exec.Cmd {
	p := exec.Command(os.Args[0])
	p.Env = append(append(os.Environ(), playEnv+"="+what), more...)
	return p
}

func TestAProgramIsKilledAtItsStep(t *testing.T) {
	for at, said := range map[string]string{"a": "a", "b": "a b", "b 2": "a b b"} {
		out, err := play("program", At(at)).Output()
		if got := strings.Join(strings.Fields(string(out)), " "); err == nil || got != said {
			t.Errorf("killed at %q it had said %q (%v)", at, got, err)
		}
	}
}

// The program holds the pipe that it was given: once that is closed, it is gone.
func TestNoProgramOutlivesItsTest(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("nothing ties a program to its test here")
	}
	test := play("test")
	said, err := test.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := test.Start(); err != nil {
		t.Fatal(err)
	}
	words := bufio.NewReader(said)
	if _, err := words.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	if err := test.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, words)
		gone <- err
	}()
	select {
	case <-gone:
	case <-time.After(50 * time.Second):
		t.Error("the test is dead and its program is at work")
	}
	_ = test.Wait()
}
