package deposit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
)

func TestExplain(t *testing.T) {
	answer := func(status int, code string) error { return minio.ErrorResponse{StatusCode: status, Code: code} }
	disk := func(e syscall.Errno) error { return &fs.PathError{Op: "write", Path: "x", Err: e} }
	for _, c := range []struct {
		err  error
		want error // nil: none of them
	}{
		{answer(404, "NoSuchKey"), ErrNotFound},
		{answer(404, "NoSuchVersion"), ErrNotFound},
		{answer(404, "NoSuchBucket"), ErrRefused},
		{answer(412, "PreconditionFailed"), ErrExists},
		{answer(409, "ConditionalRequestConflict"), ErrUnavailable},
		{answer(400, "BadDigest"), ErrWrongHash},
		{answer(400, "XAmzContentChecksumMismatch"), ErrWrongHash},
		{answer(403, "AccessDenied"), ErrRefused},
		{answer(403, "RequestTimeTooSkewed"), ErrRefused},
		{answer(501, "NotImplemented"), ErrRefused},
		{answer(503, "SlowDown"), ErrUnavailable},
		{answer(507, "XMinioStorageFull"), ErrUnavailable},
		{answer(429, "TooManyRequests"), ErrUnavailable},
		{&url.Error{Op: "Put", Err: syscall.ECONNREFUSED}, ErrUnavailable},
		{context.DeadlineExceeded, ErrUnavailable},
		{io.ErrUnexpectedEOF, ErrUnavailable},
		{&net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}, ErrUnavailable},
		{&net.OpError{Op: "read", Net: "tcp", Err: os.ErrDeadlineExceeded}, ErrUnavailable},
		{os.NewSyscallError("read", syscall.ECONNRESET), ErrUnavailable},
		{&url.Error{Op: "Put", Err: context.Canceled}, nil},
		{disk(syscall.ENOSPC), ErrUnavailable},
		{disk(syscall.EDQUOT), ErrUnavailable},
		{disk(syscall.EIO), ErrUnavailable},
		{disk(syscall.EACCES), ErrRefused},
		{disk(syscall.EROFS), ErrRefused},
		{disk(syscall.ENOENT), ErrNotFound},
		{disk(syscall.EEXIST), ErrExists},
		{errors.New("something else"), nil},
	} {
		got := Explain("trying", c.err)
		if !errors.Is(got, c.err) || !strings.HasPrefix(got.Error(), "trying: ") {
			t.Errorf("%v became %v", c.err, got)
		}
		for _, kind := range []error{ErrExists, ErrNotFound, ErrWrongHash, ErrUnavailable, ErrRefused, ErrNoClock} {
			if errors.Is(got, kind) != (kind == c.want) {
				t.Errorf("Explain(%v) = %v: want %v", c.err, got, c.want)
			}
		}
	}
	if Explain("trying", nil) != nil {
		t.Error("nothing needs no explanation")
	}
}

func FuzzUploadNames(f *testing.F) {
	for _, s := range []string{"keys/recipients", "a.age", "a", "a.upload", ".a.upload", "x/.a.B.upload", "..upload", "....upload"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		key, ok := UploadOf(s)
		if ok && CheckKey(s) == nil {
			t.Errorf("%q is both an object and an upload of %q", s, key)
		}
		if ok && CheckKey(key) != nil {
			t.Errorf("%q is an upload of what is no key", s)
		}
		if CheckKey(s) != nil {
			return
		}
		name := UploadName(s)
		if of, ok := UploadOf(name); !ok || of != s {
			t.Errorf("UploadOf(%q) = %q, %v", name, of, ok)
		}
		if !fs.ValidPath(name) || strings.Contains(s, "..") && strings.Contains("/"+s+"/", "/../") {
			t.Errorf("%q leads elsewhere", s)
		}
	})
}

func TestOpenS3RefusesHalfAConfiguration(t *testing.T) {
	whole := S3Config{Endpoint: "https://s3.example.org", Bucket: "letters", AccessKey: "a", SecretKey: "b"}
	if _, err := OpenS3(whole); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*S3Config){
		"no scheme":   func(c *S3Config) { c.Endpoint = "s3.example.org" },
		"a path":      func(c *S3Config) { c.Endpoint += "/letters" },
		"a password":  func(c *S3Config) { c.Endpoint = "https://a:hunter2@s3.example.org" },
		"no endpoint": func(c *S3Config) { c.Endpoint = "" },
		"no bucket":   func(c *S3Config) { c.Bucket = "" },
		"no secret":   func(c *S3Config) { c.SecretKey = "" },
	} {
		c := whole
		spoil(&c)
		if _, err := OpenS3(c); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A name that nobody knows just now is a store that is away, and nothing that a
// person has to mend at the storage.
func TestNamesCannotBeLookedUp(t *testing.T) {
	s, err := OpenS3(S3Config{Endpoint: "http://storage.invalid:9000", Bucket: "letters", AccessKey: "a", SecretKey: "b"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, got := s.Get(t.Context(), "keys/recipients")
	_, put := s.Put(t.Context(), "incoming/office/x", strings.NewReader("x"), 1, sha256.Sum256([]byte("x")), Replace)
	_, clock := s.Clock(t.Context())
	for what, err := range map[string]error{"get": got, "put": put, "clock": clock} {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What answers at the endpoint is not always an S3 server.
func TestImpostors(t *testing.T) {
	portal := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, "<html>Welcome to the guest network</html>")
	})
	plain, secure := httptest.NewServer(portal), httptest.NewTLSServer(portal)
	defer plain.Close()
	secure.Config.ErrorLog = nil
	defer secure.Close()
	nobody := httptest.NewServer(portal)
	nobody.Close()
	for _, c := range []struct {
		name, endpoint string
		want           error
	}{
		{"a guest network's sign-in page", plain.URL, ErrUnavailable},
		{"a certificate that nobody trusts", secure.URL, ErrRefused},
		{"nobody", nobody.URL, ErrUnavailable},
	} {
		s, err := OpenS3(S3Config{Endpoint: c.endpoint, Bucket: "letters", AccessKey: "a", SecretKey: "b"})
		if err != nil {
			t.Fatal(err)
		}
		sealed := []byte("sealed")
		_, err = s.Put(t.Context(), "letters/x", bytes.NewReader(sealed), 6, sha256.Sum256(sealed), CreateOnly)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: Put: got %v, want %v", c.name, err, c.want)
		}
		if shown, err := s.Certificate(t.Context()); (shown != nil) != (c.endpoint == secure.URL) || shown != nil && !errors.Is(err, ErrRefused) {
			t.Errorf("%s: its certificate: %v, %v", c.name, shown, err)
		}
		_ = s.Close()
	}
	s, err := OpenS3(S3Config{Endpoint: nobody.URL, Bucket: "letters", AccessKey: "a", SecretKey: "b"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Clock(t.Context()); !errors.Is(err, ErrUnavailable) {
		t.Errorf("nobody's clock: %v", err)
	}
}

func TestClockIsTheDateHeader(t *testing.T) {
	date := "Wed, 26 May 2027 09:00:00 GMT"
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Date"] = nil
		if date != "" {
			w.Header().Set("Date", date)
		}
		w.WriteHeader(http.StatusForbidden)
	}))
	defer server.Close()
	s, err := OpenS3(S3Config{Endpoint: server.URL, Bucket: "letters", AccessKey: "a", SecretKey: "b"})
	if err != nil {
		t.Fatal(err)
	}
	want := time.Date(2027, 5, 26, 9, 0, 0, 0, time.UTC)
	if got, err := s.Clock(t.Context()); err != nil || !got.Equal(want) {
		t.Errorf("Clock: %v, %v", got, err)
	}
	// An old date must not stand in for one that did not come.
	date = ""
	if got, err := s.Clock(t.Context()); !errors.Is(err, ErrNoClock) {
		t.Errorf("Clock without a date: %v, %v", got, err)
	}
}

func TestStalledConnectionEnds(t *testing.T) {
	here, there := net.Pipe()
	defer there.Close()
	c := &stallConn{here, 20 * time.Millisecond}
	defer c.Close()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Read: %v", err)
	}
	if _, err := c.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Write: %v", err)
	}
	// What moves goes on, though it has stood still before.
	go func() { _, _ = there.Write([]byte("y")) }()
	if _, err := c.Read(make([]byte, 1)); err != nil {
		t.Errorf("Read of what is there: %v", err)
	}
}

// A file of the bucket's own file system is not copied; what its first name
// becomes later is not the object's concern.
func TestAFileIsAdopted(t *testing.T) {
	dir := t.TempDir()
	bucket, err := OpenDir(filepath.Join(dir, "bucket"))
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	name := filepath.Join(dir, "sealed")
	data := bytes.Repeat([]byte("sealed "), 1000)
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if _, err := bucket.Put(t.Context(), "letters/x", file, int64(len(data)), sha256.Sum256([]byte("other")), CreateOnly); !errors.Is(err, ErrWrongHash) {
		t.Errorf("a wrong hash: %v", err)
	}
	if _, err := bucket.Put(t.Context(), "letters/x", file, int64(len(data)), sha256.Sum256(data), CreateOnly); err != nil {
		t.Fatal(err)
	}
	here, err1 := os.Stat(name)
	there, err2 := os.Stat(filepath.Join(dir, "bucket", "letters", "x"))
	if err := errors.Join(err1, err2); err != nil || runtime.GOOS == "linux" && !os.SameFile(here, there) {
		t.Errorf("it was copied (%v)", err)
	}
	if _, err := bucket.Put(t.Context(), "letters/x", file, int64(len(data)), sha256.Sum256(data), Replace); err != nil {
		t.Errorf("put once more over itself: %v", err)
	}
	list, err := os.ReadDir(filepath.Join(dir, "bucket", "letters"))
	if err != nil || len(list) != 1 {
		t.Errorf("beside the object: %v, %v", list, err)
	}
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
	got, err := bucket.Get(t.Context(), "letters/x")
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("got %d bytes, %v", len(got), err)
	}
}

// A folder that was removed and made again is another one, of which nobody knows
// whether its name is on the disk; the ones that are known stay few.
func TestAFolderMadeAnewIsSyncedAnew(t *testing.T) {
	dir := t.TempDir()
	bucket, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer bucket.Close()
	put := func(key string) {
		t.Helper()
		if _, err := bucket.Put(t.Context(), key, bytes.NewReader([]byte(key)), int64(len(key)), sha256.Sum256([]byte(key)), CreateOnly); err != nil {
			t.Fatal(err)
		}
	}
	known := func(name string) bool {
		t.Helper()
		f, err := bucket.root.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		return bucket.isSure(name, f)
	}
	put("letters/line/day/a")
	for _, name := range []string{"letters/line/day", "letters/line", "letters"} {
		if !known(name) {
			t.Errorf("%s is not known to be on the disk", name)
		}
	}
	day := filepath.Join(dir, "letters", "line", "day")
	if err := errors.Join(os.RemoveAll(day), os.Mkdir(day, 0o700)); err != nil {
		t.Fatal(err)
	}
	if known("letters/line/day") {
		t.Error("a folder that somebody has made anew passes for the one before")
	}
	put("letters/line/day/b")
	if !known("letters/line/day") {
		t.Error("the new folder was not synced with those above it")
	}
	for n := range 3 * maxSure {
		put(fmt.Sprintf("letters/line/day-%d/a", n))
	}
	if n := len(bucket.sure); n > maxSure {
		t.Errorf("%d folders are held open", n)
	}
}

// What whoever has written a file has read back is not read again, unless it has to
// be copied; and it is stored under no other hash.
func TestABodyThatWasReadBack(t *testing.T) {
	d, err := OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	put := func(dir, key string, known, sum [sha256.Size]byte) error {
		file, err := os.Create(filepath.Join(dir, strings.ReplaceAll(key, "/", "-")))
		if err == nil {
			_, err = file.WriteString("sealed")
		}
		if err != nil {
			t.Fatal(err)
		}
		defer file.Close()
		_, err = d.Put(t.Context(), key, ReadBack{file, known}, 6, sum, CreateOnly)
		return err
	}
	here, other := sha256.Sum256([]byte("sealed")), sha256.Sum256([]byte("another"))
	if err := put(t.TempDir(), "letters/right", here, here); err != nil {
		t.Error(err)
	}
	if got, err := d.Get(t.Context(), "letters/right"); err != nil || string(got) != "sealed" {
		t.Errorf("it is stored as %q (%v)", got, err)
	}
	if err := put(t.TempDir(), "letters/wrong", here, other); !errors.Is(err, ErrWrongHash) {
		t.Errorf("with another hash: %v", err)
	}
	if _, err := d.Get(t.Context(), "letters/wrong"); !errors.Is(err, ErrNotFound) {
		t.Errorf("and then it is there (%v)", err)
	}
	elsewhere, err := os.MkdirTemp("/dev/shm", "")
	if err != nil {
		t.Skip("there is no other file system: ", err)
	}
	defer os.RemoveAll(elsewhere)
	if err := put(elsewhere, "letters/copied", other, other); !errors.Is(err, ErrWrongHash) {
		t.Errorf("of what is copied the hash was believed: %v", err)
	}
}
