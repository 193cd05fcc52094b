package folder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestASecondScannerIsToldWhoIsAtWork(t *testing.T) {
	o := open(t)
	_, err := Open(o.cfg)
	var held *HeldError
	if !errors.As(err, &held) || held.Holder.PID != os.Getpid() || !held.Holder.Since.Equal(o.now) {
		t.Fatalf("got %v", err)
	}
	o.Folder.Close()
	o.reopen()
}

// TestMain is also the other process of the lock test.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LETTERLOCK_TEST_HOLD"); dir != "" {
		if _, err := Open(Config{Path: dir, Now: time.Now}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("held")
		select {}
	}
	os.Exit(m.Run())
}

func TestTheLockDiesWithItsProcess(t *testing.T) {
	dir := t.TempDir()
	other := hold(t, dir)
	_, err := Open(Config{Path: dir, Now: time.Now})
	var held *HeldError
	if !errors.As(err, &held) || held.Holder.PID != other.Process.Pid {
		t.Errorf("got %v", err)
	}
	if err := other.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = other.Wait()
	f, err := Open(Config{Path: dir, Now: time.Now})
	if err != nil {
		t.Fatalf("after its end: %v", err)
	}
	f.Close()
}

func TestAFolderThatIsReplacedIsNoticed(t *testing.T) {
	for name, harm := range map[string]func(dir string) error{
		"removed":       os.RemoveAll,
		"replaced":      func(dir string) error { return errors.Join(os.Rename(dir, dir+".old"), os.Mkdir(dir, 0o755)) },
		"private half":  func(dir string) error { return os.RemoveAll(filepath.Join(dir, PrivateDir)) },
		"lock replaced": func(dir string) error { return os.Rename(filepath.Join(dir, "refused"), filepath.Join(dir, lockFile)) },
	} {
		t.Run(name, func(t *testing.T) {
			o := open(t)
			o.dir = filepath.Join(o.dir, "below")
			o.Folder.Close()
			o.reopen()
			o.drop("refused", "")
			if err := harm(o.dir); err != nil {
				t.Fatal(err)
			}
			if _, err := o.Look(t.Context()); !errors.Is(err, ErrGone) {
				t.Fatalf("got %v", err)
			}
			o.Folder.Close()
			o.reopen()
			o.drop(line+"/scan.pdf", whole)
			if len(o.settle()) != 1 {
				t.Error("the new folder is not looked at")
			}
		})
	}
}
