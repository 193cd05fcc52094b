package archive_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

func TestDirIsPrivateAndLeavesNoEmptyFolders(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "bucket")
	s := openDir(t, path)
	key := letterKey()
	mustPut(t, s, key, random(10), deposit.CreateOnly)
	err := filepath.WalkDir(path, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		want := fs.FileMode(0o600)
		if entry.IsDir() {
			want = 0o700
		}
		if err == nil && info.Mode().Perm() != want {
			t.Errorf("%s is %v", name, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(t.Context(), key, traces(t, s, key)[0]); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(path); err != nil || len(left) != 0 {
		t.Errorf("left in the bucket: %v, %v", left, err)
	}
}

func TestDirStaysInside(t *testing.T) {
	path, outside := t.TempDir(), t.TempDir()
	s := openDir(t, path)
	if err := os.Symlink(outside, filepath.Join(path, "letters")); err != nil {
		t.Fatal(err)
	}
	if _, err := put(t.Context(), s, "letters/x", []byte("x"), deposit.Replace); err == nil {
		t.Error("put through a link that leads outside")
	}
	if left, err := os.ReadDir(outside); err != nil || len(left) != 0 {
		t.Errorf("outside: %v, %v", left, err)
	}
}

func TestDirHasNoClock(t *testing.T) {
	if _, err := openDir(t, t.TempDir()).Clock(t.Context()); !errors.Is(err, deposit.ErrNoClock) {
		t.Errorf("Clock: %v", err)
	}
}

func TestWhatIsInTheWayIsNoObject(t *testing.T) {
	s := openDir(t, t.TempDir())
	mustPut(t, s, "keys/recipients", []byte("list"), deposit.Replace)
	for _, key := range []string{"keys/recipients/below", "keys"} { // a file is in the way; a folder is
		for _, mode := range []deposit.Mode{deposit.CreateOnly, deposit.Replace} {
			if _, err := put(t.Context(), s, key, []byte("x"), mode); !errors.Is(err, deposit.ErrRefused) {
				t.Errorf("putting %s, mode %d: got %v, want ErrRefused", key, mode, err)
			}
		}
	}
	if got := files(t, s); !slices.Equal(got, []string{"keys/recipients"}) {
		t.Errorf("left: %v", got)
	}
}

// files is every file in the bucket, whatever it is called.
func files(t *testing.T, s *archive.Dir) (names []string) {
	t.Helper()
	err := fs.WalkDir(s.Root().FS(), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A manifest is put again at the very moment in which its old version is
// removed: what was not asked for must never go.
func TestRemoveNeverTakesANewerVersion(t *testing.T) {
	s := openDir(t, t.TempDir())
	key := letter.IncomingKey("office", letter.NewID())
	old := mustPut(t, s, key, []byte("manifest 0"), deposit.Replace)
	for n := range 100 {
		next := fmt.Appendf(nil, "manifest %d", n+1)
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := put(t.Context(), s, key, next, deposit.Replace); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if err := s.Remove(t.Context(), key, archive.Trace{Kind: archive.Version, ID: old}); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		got := traces(t, s, key)
		if len(got) != 1 || got[0].Kind != archive.Version || got[0].ID == old {
			t.Fatalf("round %d: %v", n, got)
		}
		old = got[0].ID
	}
}

func TestSweep(t *testing.T) {
	path := t.TempDir()
	s := openDir(t, path)
	now := time.Date(2027, 5, 26, 9, 0, 0, 0, time.UTC)
	aged := func(key string, days int) string {
		t.Helper()
		when := now.AddDate(0, 0, -days)
		if err := os.Chtimes(filepath.Join(path, key), when, when); err != nil {
			t.Fatal(err)
		}
		return key
	}
	object := func(key string, days int) string {
		t.Helper()
		mustPut(t, s, key, []byte("x"), deposit.Replace)
		return aged(key, days)
	}
	upload := func(key string, days int) string {
		t.Helper()
		name := deposit.UploadName(key)
		if err := os.WriteFile(filepath.Join(path, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		return aged(name, days)
	}
	id := letter.NewID()
	kept := []string{
		object(letter.IncomingKey("office", id), 13),
		object(letter.ReceiptKey("office", id), 13),
		object(letter.RecipientsKey, 400),
		object(letterKey(), 400), // its proof takes it, on the register
		upload(letter.RecipientsKey, 0),
	}
	gone := []string{
		object(letter.IncomingKey("annexe", id), 15),
		object(letter.ReceiptKey("annexe", id), 15),
		upload(letterKey(), 2),
		upload(letter.IncomingKey("office", id), 2),
	}
	if n, err := s.Sweep(t.Context(), now); n != len(gone) || err != nil {
		t.Errorf("Sweep removed %d, %v", n, err)
	}
	for _, name := range kept {
		if _, err := os.Stat(filepath.Join(path, name)); err != nil {
			t.Errorf("kept: %v", err)
		}
	}
	for _, name := range append(gone, "incoming/annexe", "receipts/annexe") {
		if _, err := os.Stat(filepath.Join(path, name)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is still there: %v", name, err)
		}
	}
}

// crashEnv makes this test binary a writer that is going to be killed.
const crashEnv = "LETTERLOCK_CRASH_BUCKET"

func TestMain(m *testing.M) {
	if path := os.Getenv(crashEnv); path != "" {
		writeUntilKilled(path)
	}
	os.Exit(m.Run())
}

// crashObject is the only object that a number stands for.
func crashObject(n uint64) (key string, object []byte) {
	var seed [32]byte
	binary.LittleEndian.PutUint64(seed[:], n)
	object = make([]byte, 300_000)
	_, _ = rand.NewChaCha8(seed).Read(object)
	return fmt.Sprintf("letters/six-months/respect-phoneline/2026-11-%02d/%d.age", n%28+1, n), object
}

// writeUntilKilled puts objects without end and says which it has put.
func writeUntilKilled(path string) {
	s, err := archive.OpenDir(path)
	if err != nil {
		panic(err)
	}
	for n := rand.Uint64(); ; n++ {
		key, object := crashObject(n)
		fmt.Println("begin", n)
		_, err := s.Put(context.Background(), key, bytes.NewReader(object), int64(len(object)), sha256.Sum256(object), deposit.CreateOnly)
		if err != nil {
			panic(err)
		}
		fmt.Println("done", n)
	}
}

// A writer is killed again and again, at any moment of a put. Each time what
// it was told to be stored is whole, and what it was not told about is whole
// or nothing but an upload of its key.
func TestKilledInMidPut(t *testing.T) {
	path := t.TempDir()
	s := openDir(t, path)
	var uploads, unsaid int
	for round := range 12 {
		begun, done := killWriter(t, path, 3+round)
		for _, n := range begun {
			key, object := crashObject(n)
			whole, upload := 0, 0
			for _, trace := range traces(t, s, key) {
				if trace.Kind == archive.Upload {
					upload++
				} else {
					whole++
				}
				if trace.Kind == archive.Version && !bytes.Equal(read(t, s, key, trace.ID), object) {
					t.Errorf("object %d is not whole", n)
				}
			}
			said := slices.Contains(done, n)
			if said && (whole != 1 || upload != 0) {
				t.Errorf("object %d was said to be stored: %d objects, %d uploads", n, whole, upload)
			}
			uploads += upload
			if !said {
				unsaid += whole
			}
			for _, trace := range traces(t, s, key) {
				if err := s.Remove(t.Context(), key, trace); err != nil {
					t.Error(err)
				}
			}
			if left := traces(t, s, key); len(left) != 0 {
				t.Errorf("object %d left %v", n, left)
			}
		}
		// A folder may be left that was made for a file that was not yet there.
		if left := files(t, s); len(left) != 0 {
			t.Fatalf("round %d: something is in the bucket that no key accounts for: %v", round, left)
		}
	}
	t.Logf("%d uploads were left, %d objects were stored without a word", uploads, unsaid)
}

// killWriter runs a writer, kills it some moment after it has begun its nth
// object, and returns what it has begun and what it has been told.
func killWriter(t *testing.T, path string, nth int) (begun, done []uint64) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), crashEnv+"="+path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var n uint64
		if _, err := fmt.Sscan(strings.TrimLeft(lines.Text(), "begindo "), &n); err != nil {
			t.Fatalf("the writer says %q", lines.Text())
		}
		if !strings.HasPrefix(lines.Text(), "begin") {
			done = append(done, n)
			continue
		}
		begun = append(begun, n)
		if len(begun) == nth {
			time.AfterFunc(time.Duration(rand.Int64N(int64(10*time.Millisecond))), func() { _ = cmd.Process.Kill() })
		}
	}
	_ = cmd.Wait()
	return begun, done
}
