package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

// startMinIO starts a real server with a bucket in which the recipients list of
// an office lies.
func startMinIO(t testing.TB, o *office) (*deposittest.Server, deposit.S3Config) {
	t.Helper()
	server := deposittest.Start(t)
	cfg := server.Config()
	client, err := minio.New(strings.TrimPrefix(server.URL, "http://"), &minio.Options{Creds: credentials.NewStaticV4(server.AccessKey, server.SecretKey, "")})
	if err == nil {
		err = client.MakeBucket(t.Context(), cfg.Bucket, minio.MakeBucketOptions{})
	}
	if err == nil {
		err = client.EnableVersioning(t.Context(), cfg.Bucket)
	}
	if err != nil {
		t.Fatal(err)
	}
	list, err := o.recipients().Sign(o.server)
	if err == nil {
		_, err = openS3(t, cfg).Put(t.Context(), letter.RecipientsKey, bytes.NewReader(list), int64(len(list)), sha256.Sum256(list), deposit.Replace)
	}
	if err != nil {
		t.Fatal(err)
	}
	return server, cfg
}

func openS3(t testing.TB, cfg deposit.S3Config) *deposit.S3 {
	t.Helper()
	store, err := deposit.OpenS3(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	return store
}

// wire is a real TCP server before a store. It hangs when it is told to:
// whatever comes in is taken, and nothing goes on.
type wire struct {
	net.Listener
	to    string
	first string // what it answers before it hangs

	mu    sync.Mutex
	hangs bool
	hung  map[net.Conn]bool
}

func newWire(t *testing.T, to, first string) *wire {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{Listener: l, to: to, first: first, hung: map[net.Conn]bool{}}
	t.Cleanup(func() {
		w.Close()
		w.hang(false)
	})
	go func() {
		for {
			c, err := w.Accept()
			if err != nil {
				return
			}
			go w.carry(c)
		}
	}()
	return w
}

// carry takes what comes from one connection to the store, and back.
func (w *wire) carry(from net.Conn) {
	defer from.Close()
	to, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer to.Close()
	go func() {
		_, _ = io.Copy(from, to)
		from.Close()
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		if err != nil {
			return
		}
		if !w.swallows(from) {
			_, _ = to.Write(buf[:n])
		}
	}
}

// swallows reports whether what has come in goes no further.
func (w *wire) swallows(c net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.hangs && !w.hung[c] {
		w.hung[c] = true
		_, _ = io.WriteString(c, w.first)
	}
	return w.hung[c]
}

// hang begins to hang, or ends it: what has hung so far is cut off.
func (w *wire) hang(on bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hangs = on
	for c := range w.hung {
		c.Close()
	}
	clear(w.hung)
}

func (w *wire) hanging() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.hung) > 0
}

// counted is a store that counts the calls that have come to an end.
type counted struct {
	Store
	ended atomic.Int64
}

func (c *counted) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [32]byte, mode deposit.Mode) (string, error) {
	defer c.ended.Add(1)
	return c.Store.Put(ctx, key, body, size, sum, mode)
}

func (c *counted) Get(ctx context.Context, key string) ([]byte, error) {
	defer c.ended.Add(1)
	return c.Store.Get(ctx, key)
}

func (c *counted) Clock(ctx context.Context) (time.Time, error) {
	defer c.ended.Add(1)
	return c.Store.Clock(ctx)
}

// runs lets the edge work by itself, by the real clock, until stop.
func (o *office) runs() (stop func()) {
	o.open()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		o.Run(ctx)
		close(done)
	}()
	return func() {
		cancel()
		<-done
		o.close()
	}
}

// until waits for something to come true.
func until(t testing.TB, what string, is func() bool) {
	t.Helper()
	for start := time.Now(); !is(); time.Sleep(20 * time.Millisecond) {
		if time.Since(start) > 2*time.Minute {
			t.Fatalf("still waiting: %s", what)
		}
	}
}

// TestAStoreThatHangs holds a connection for as long as it likes. Meanwhile the
// folder is looked after as ever: scans are claimed and refused, and STATUS.txt
// is kept fresh. When it lets go, all letters come to be in the store, whether
// the edge has waited for it or was started again.
func TestAStoreThatHangs(t *testing.T) {
	for name, c := range map[string]struct {
		first   string
		restart bool
	}{
		"and never answers":         {"", false},
		"and begins to answer":      {"HTTP/1.1 200 OK\r\nContent-Type: application/xml\r\nContent-Length: 1000\r\n\r\n<", false},
		"while the edge is stopped": {"", true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := buildOffice(t, t.TempDir(), newSecrets(t))
			o.now = time.Now()
			server, cfg := startMinIO(t, o)
			direct := openS3(t, cfg)
			w := newWire(t, strings.TrimPrefix(server.URL, "http://"), c.first)
			cfg.Endpoint = "http://" + w.Addr().String()
			store := &counted{Store: openS3(t, cfg)}
			o.cfg.Store, o.cfg.Now, o.cfg.Steady, o.cfg.patience = store, nil, nil, 0
			o.cfg.Settle, o.cfg.Rescan = 20*time.Millisecond, 50*time.Millisecond
			deposited := make(chan letter.ID, 10)
			o.cfg.Step = func(step string, id letter.ID) {
				if step == "deposited" {
					deposited <- id
				}
			}
			stop := o.runs()
			defer func() { stop() }()
			ids := map[letter.ID]bool{}
			arrive := func(n int) {
				until(t, "letters are deposited", func() bool {
					select {
					case id := <-deposited:
						ids[id] = true
					default:
					}
					return len(ids) == n
				})
			}
			o.drop(line+"/first.jpg", sampleLetter(1))
			arrive(1)

			w.hang(true)
			o.drop(line+"/second.jpg", sampleLetter(2))
			until(t, "the store hangs", w.hanging)
			ended := store.ended.Load()
			there := func(name string) bool {
				_, err := os.Stat(filepath.Join(o.cfg.Folder, line, name))
				return err == nil
			}
			if err := os.Remove(filepath.Join(o.cfg.Folder, line, "STATUS.txt")); err != nil {
				t.Fatal(err)
			}
			o.drop(line+"/third.jpg", sampleLetter(3))
			o.drop(line+"/encrypted.pdf", encrypted)
			until(t, "the folder is looked after", func() bool {
				return !there("third.jpg") && there("refused/encrypted.pdf.txt") && there("STATUS.txt")
			})
			if n := store.ended.Load() - ended; n > 0 || !w.hanging() {
				t.Errorf("that took until %d calls of the store had ended", n)
			}
			if c.restart {
				stop()
				stop = o.runs()
			}
			w.hang(false)
			arrive(3)
			for id := range ids {
				msg, err := direct.Get(t.Context(), letter.IncomingKey("office", id))
				if err != nil {
					t.Fatal(err)
				}
				m, err := letter.OpenManifest(msg, o.site)
				if err != nil || m.ID != id {
					t.Fatal(fmt.Errorf("the manifest of letter %s: %w", id, err))
				}
			}
		})
	}
}

// TestALineOnWhichEverythingTakesLong gives no answer within the pass that has
// asked. Everything is asked once, one thing at a time, and the letter arrives.
func TestALineOnWhichEverythingTakesLong(t *testing.T) {
	var underWay []func()
	asked := map[string]int{}
	o := newOffice(t, func(o *office) {
		o.cfg.patience = -1 // not even a moment
		o.cfg.beside = func(work, end func()) {
			if len(underWay) > 0 {
				t.Error("two calls are under way")
			}
			underWay = []func(){work, end}
		}
		o.cfg.Store = &faulty{Store: o.cfg.Store, on: func(op, key string) fault {
			asked[op+" "+key]++
			return works
		}}
	})
	o.drop(line+"/scan.jpg", sampleLetter(1))
	for range 60 {
		o.pass(1)
		for _, do := range underWay {
			do()
		}
		underWay = nil
		o.verify()
	}
	o.ended(1)
	for what, n := range asked {
		if n > 1 && strings.HasPrefix(what, "put") {
			t.Errorf("%s: %d times", what, n)
		}
	}
}
