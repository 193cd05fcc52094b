package archive_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/archive"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// store is everything that both stores can do.
type store interface {
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [32]byte, mode deposit.Mode) (string, error)
	Get(ctx context.Context, key string) ([]byte, error)
	Clock(ctx context.Context) (time.Time, error)
	Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error)
	List(ctx context.Context, prefix string) iter.Seq2[string, error]
	Traces(ctx context.Context, key string) ([]archive.Trace, error)
	Remove(ctx context.Context, key string, t archive.Trace) error
	Folders(ctx context.Context, prefix string) ([]string, error)
	Remains(ctx context.Context, prefix string) ([]string, error)
	Covered(ctx context.Context, prefix string) ([]string, error)
	Prepare(ctx context.Context) error
	InstallLifecycle(ctx context.Context) error
	Drift(ctx context.Context) ([]string, error)
	Sweep(ctx context.Context, now time.Time) (int, error)
	Close() error
}

var (
	_ store = (*archive.Dir)(nil)
	_ store = (*archive.S3)(nil)
)

func TestDirConforms(t *testing.T) {
	conform(t, func(t *testing.T) store { return openDir(t, t.TempDir()) })
}

func TestS3Conforms(t *testing.T) {
	server := deposittest.Start(t)
	conform(t, func(t *testing.T) store { return prepare(t, server.Config()) })
}

// A server that runs has credentials of its own, which may do all that it does and no more.
func TestS3ConformsOverTLS(t *testing.T) {
	server := deposittest.StartTLS(t)
	conform(t, func(t *testing.T) store { return asServer(t, server.Config()) })
	if shown, err := unprepared(t, server.Config()).Certificate(t.Context()); err != nil || shown == nil || shown.VerifyHostname("127.0.0.1") != nil {
		t.Errorf("its certificate: %v, %v", shown, err)
	}
}

// asServer prepares the bucket, and opens it with no more rights than a running server
// has.
func asServer(t *testing.T, c deposit.S3Config) *archive.S3 {
	t.Helper()
	prepare(t, c)
	name, secret := "server-"+c.Bucket, rand.Text()
	if err := archive.MakeServerUser(t.Context(), c, name, secret); err != nil {
		t.Fatal(err)
	}
	return as(t, c, name, secret)
}

// conform tells what the two stores promise, on an empty store for each story.
func conform(t *testing.T, open func(t *testing.T) store) {
	for _, story := range []struct {
		name string
		tell func(*testing.T, store)
	}{
		{"what was put comes back", putComesBack},
		{"a taken key stays as it is", createOnly},
		{"of many at once exactly one is first", exactlyOneFirst},
		{"a replaced object is another version", replaced},
		{"a wrong hash stores nothing", wrongHash},
		{"a wrong size stores nothing", wrongSize},
		{"a cancelled put stores nothing", cancelled},
		{"a missing object is not found", notFound},
		{"a long object is no statement", longGet},
		{"listing stays below its prefix", listing},
		{"folders and what is left in them", folders},
		{"a cancelled listing is not an empty one", cancelledListing},
		{"nothing is left", nothingLeft},
		{"keys that lead elsewhere are refused", traversal},
		{"puts and removals of one folder", putsAndRemovals},
		{"a large object needs little memory", littleMemory},
		{"a prepared store has not drifted", prepared},
	} {
		t.Run(story.name, func(t *testing.T) { story.tell(t, open(t)) })
	}
}

func openDir(t *testing.T, path string) *archive.Dir {
	t.Helper()
	d, err := archive.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func prepare(t *testing.T, c deposit.S3Config) *archive.S3 {
	t.Helper()
	s, err := archive.OpenS3(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	return s
}

func putComesBack(t *testing.T, s store) {
	key, sealed := letterKey(), random(100_000)
	version := mustPut(t, s, key, sealed, deposit.CreateOnly)
	if version == "" {
		t.Error("Put names no version")
	}
	for _, v := range []string{version, ""} {
		if got := read(t, s, key, v); !bytes.Equal(got, sealed) {
			t.Errorf("Read of version %q gives other bytes", v)
		}
	}
	if got, err := s.Get(t.Context(), key); err != nil || !bytes.Equal(got, sealed) {
		t.Errorf("Get gives other bytes, or %v", err)
	}
	want := []archive.Trace{{Kind: archive.Version, ID: version}}
	if diff := cmp.Diff(want, traces(t, s, key)); diff != "" {
		t.Error(diff)
	}
}

func createOnly(t *testing.T, s store) {
	key, first := letterKey(), random(1000)
	mustPut(t, s, key, first, deposit.CreateOnly)
	// Long enough that the answer comes while the body is still on its way; one
	// body, so that the race detector sees who is still reading it.
	late := random(8 << 20)
	body, sum := bytes.NewReader(late), sha256.Sum256(late)
	for range 3 {
		if _, err := s.Put(t.Context(), key, body, body.Size(), sum, deposit.CreateOnly); !errors.Is(err, deposit.ErrExists) {
			t.Errorf("second put: got %v, want ErrExists", err)
		}
	}
	if got := read(t, s, key, ""); !bytes.Equal(got, first) {
		t.Error("a later put has changed the object")
	}
	if got := traces(t, s, key); len(got) != 1 {
		t.Errorf("a later put has left something: %v", got)
	}
}

func exactlyOneFirst(t *testing.T, s store) {
	key := letterKey()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var winners [][]byte
	for range 16 {
		wg.Go(func() {
			sealed := random(50_000)
			_, err := put(t.Context(), s, key, sealed, deposit.CreateOnly)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				winners = append(winners, sealed)
			case !errors.Is(err, deposit.ErrExists) && !errors.Is(err, deposit.ErrUnavailable):
				t.Errorf("a put that came second: %v", err)
			}
		})
	}
	wg.Wait()
	if len(winners) != 1 {
		t.Fatalf("%d puts were first", len(winners))
	}
	if !bytes.Equal(read(t, s, key, ""), winners[0]) {
		t.Error("the object is not that of the one who was told so")
	}
	if got := traces(t, s, key); len(got) != 1 {
		t.Errorf("left: %v", got)
	}
}

func replaced(t *testing.T, s store) {
	key := letter.IncomingKey("office", letter.NewID())
	first := mustPut(t, s, key, []byte("first"), deposit.Replace)
	second := mustPut(t, s, key, []byte("second"), deposit.Replace)
	if first == second {
		t.Fatal("both versions have one id")
	}
	if got := read(t, s, key, ""); string(got) != "second" {
		t.Errorf("the newest version says %q", got)
	}
	if all := traces(t, s, key); all[0].ID != second {
		t.Errorf("the newest version is not the first trace: %v", all)
	}
	// Removing the old version leaves the new one, whether or not the store
	// still had the old one.
	if err := s.Remove(t.Context(), key, archive.Trace{Kind: archive.Version, ID: first}); err != nil {
		t.Fatal(err)
	}
	if got := read(t, s, key, second); string(got) != "second" {
		t.Errorf("the second version says %q", got)
	}
	if _, _, err := s.Read(t.Context(), key, first); !errors.Is(err, deposit.ErrNotFound) {
		t.Errorf("reading a removed version: %v", err)
	}
}

func wrongHash(t *testing.T, s store) {
	for _, mode := range []deposit.Mode{deposit.CreateOnly, deposit.Replace} {
		key, sealed := letterKey(), random(200_000)
		sum := sha256.Sum256(sealed)
		sealed[100_000] ^= 1 // as a bad disk or wire would
		_, err := s.Put(t.Context(), key, bytes.NewReader(sealed), int64(len(sealed)), sum, mode)
		if !errors.Is(err, deposit.ErrWrongHash) {
			t.Errorf("mode %d: got %v, want ErrWrongHash", mode, err)
		}
		if got := traces(t, s, key); len(got) != 0 {
			t.Errorf("mode %d: stored all the same: %v", mode, got)
		}
	}
}

func wrongSize(t *testing.T, s store) {
	for _, wrong := range []int{-1, 1} {
		key, sealed := letterKey(), random(1000)
		_, err := s.Put(t.Context(), key, bytes.NewReader(sealed), int64(len(sealed)+wrong), sha256.Sum256(sealed), deposit.CreateOnly)
		if err == nil || errors.Is(err, deposit.ErrUnavailable) {
			t.Errorf("size wrong by %d: got %v, want a plain error", wrong, err)
		}
		if got := traces(t, s, key); len(got) != 0 {
			t.Errorf("stored all the same: %v", got)
		}
	}
}

func cancelled(t *testing.T, s store) {
	key, sealed := letterKey(), random(1000)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := put(ctx, s, key, sealed, deposit.CreateOnly)
	if !errors.Is(err, context.Canceled) || errors.Is(err, deposit.ErrUnavailable) {
		t.Errorf("got %v, want context.Canceled alone", err)
	}
	if got := traces(t, s, key); len(got) != 0 {
		t.Errorf("stored all the same: %v", got)
	}
}

func notFound(t *testing.T, s store) {
	key := letterKey()
	if _, err := s.Get(t.Context(), key); !errors.Is(err, deposit.ErrNotFound) {
		t.Errorf("Get: %v", err)
	}
	if _, _, err := s.Read(t.Context(), key, ""); !errors.Is(err, deposit.ErrNotFound) {
		t.Errorf("Read: %v", err)
	}
	version := mustPut(t, s, key, random(10), deposit.CreateOnly)
	if _, _, err := s.Read(t.Context(), letterKey(), version); !errors.Is(err, deposit.ErrNotFound) {
		t.Errorf("Read of another key's version: %v", err)
	}
}

func longGet(t *testing.T, s store) {
	key := letter.ReceiptKey("office", letter.NewID())
	mustPut(t, s, key, random(1<<20), deposit.Replace)
	if got, err := s.Get(t.Context(), key); err != nil || len(got) != 1<<20 {
		t.Errorf("a mebibyte: %d bytes, %v", len(got), err)
	}
	mustPut(t, s, key, random(1<<20+1), deposit.Replace)
	if got, err := s.Get(t.Context(), key); err == nil {
		t.Errorf("got %d bytes", len(got))
	}
}

// putsAndRemovals lets edges put into folders that the server empties and, in a
// Dir, removes at the same moment. A refusal is tried again, as every caller
// does: see ErrRefused.
func putsAndRemovals(t *testing.T, s store) {
	try := func(what string, do func() error) {
		for range 10 {
			err := do()
			if err == nil {
				return
			}
			if _, dir := s.(*archive.Dir); dir || !errors.Is(err, deposit.ErrRefused) {
				t.Errorf("%s: %v", what, err)
				return
			}
		}
		t.Errorf("%s: refused again and again", what)
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 25 {
				key := letter.IncomingKey("office", letter.NewID())
				var version string
				try("putting", func() (err error) {
					version, err = put(t.Context(), s, key, []byte("manifest"), deposit.CreateOnly)
					return err
				})
				try("removing", func() error {
					return s.Remove(t.Context(), key, archive.Trace{Kind: archive.Version, ID: version})
				})
			}
		})
	}
	wg.Wait()
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

func littleMemory(t *testing.T, s store) {
	const size = 20 << 20
	path := filepath.Join(t.TempDir(), "sealed")
	if err := os.WriteFile(path, random(size), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		t.Fatal(err)
	}
	sum := [32]byte(hash.Sum(nil))

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	key := letterKey()
	version, err := s.Put(t.Context(), key, f, size, sum, deposit.CreateOnly)
	if err != nil {
		t.Fatal(err)
	}
	body, n, err := s.Read(t.Context(), key, version)
	if err != nil || n != size {
		t.Fatalf("reading: %d bytes, %v", n, err)
	}
	hash.Reset()
	if _, err := io.Copy(hash, body); err != nil || [32]byte(hash.Sum(nil)) != sum {
		t.Errorf("read other bytes, or %v", err)
	}
	_ = body.Close()
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > size/2 {
		t.Errorf("20 MiB there and back took %d bytes of memory", used)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Errorf("the caller's file was closed: %v", err)
	}
}

func prepared(t *testing.T, s store) {
	if err := s.Prepare(t.Context()); err != nil {
		t.Error(err)
	}
	if drift, err := s.Drift(t.Context()); err != nil || len(drift) != 0 {
		t.Errorf("drift %q, %v", drift, err)
	}
	if _, err := s.Sweep(t.Context(), time.Now()); err != nil {
		t.Error(err)
	}
}
