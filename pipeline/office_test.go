package pipeline

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/keyring"
	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/seal"
	"letterlock/scanner/specimen"
)

func TestMain(m *testing.M) {
	if pdf.RunChild(os.Args) || page.RunChild(os.Args) {
		return
	}
	os.Exit(m.Run())
}

// office is a server with a register, a keyring and a renderer of its own, an
// edge's key, and a store, a mail system and a clock that the test breaks.
type office struct {
	*Server
	t     testing.TB
	now   time.Time
	store *flaky
	post  *post
	site  note.Signer
	pub   note.Verifier // the server's
	log   *bytes.Buffer
	desk  register.Config // of its register

	signers map[register.SigningKey]note.Signer // that took over from the register's first
}

func signer(t testing.TB, name string) (note.Signer, string) {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(secret)
	if err != nil {
		t.Fatal(err)
	}
	return s, public
}

// pages is one renderer for all tests of the package: its start is slow.
var pages = sync.OnceValue(func() *page.Renderer {
	dir, err := os.UserCacheDir()
	if err != nil {
		dir = os.TempDir()
	}
	r, err := page.Open(page.Config{CacheDir: filepath.Join(dir, "letterlock-test-pdfium")})
	if err != nil {
		panic(err)
	}
	return r
})

type option func(*Config)

func newOffice(t testing.TB, opts ...option) *office {
	t.Helper()
	dir, err := archive.OpenDir(filepath.Join(t.TempDir(), "bucket"))
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, now: time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC), post: &post{}, log: &bytes.Buffer{}, signers: map[register.SigningKey]note.Signer{}}
	o.store = &flaky{Store: dir}
	now := func() time.Time { return o.now }
	registerKey, registerPub := signer(t, "letterlock-register")
	o.desk = register.Config{Path: filepath.Join(t.TempDir(), "letterlock.db"), URL: postgrestest.URL(t), Signer: registerKey,
		Verifier: registerPub, Now: now, CodeKey: func() ([]byte, error) { return []byte("a key of the test"), nil }, MaxSilence: 14 * 24 * time.Hour,
		SignerOf: func(key register.SigningKey) (note.Signer, error) { return o.signers[key], nil }}
	reg, err := register.Open(t.Context(), o.desk)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = reg.Close() })
	keys, err := keyring.Open(filepath.Join(t.TempDir(), "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	serverKey, serverPub := signer(t, "letterlock-server")
	if o.pub, err = note.NewVerifier(serverPub); err != nil {
		t.Fatal(err)
	}
	cfg := Config{Register: reg, Store: o.store, Keyring: keys, Pages: pages(),
		Mail: o.post, Signer: serverKey, Verifier: o.pub, Origin: &url.URL{Scheme: "http", Host: "localhost:8080"}, MailDomain: "example.org",
		Helplines: []string{"respect-phoneline", "mens-advice-line"}, DestroyAfter: "readable", Now: now,
		Log: slog.New(slog.NewTextHandler(o.log, nil))}
	for _, opt := range opts {
		opt(&cfg)
	}
	o.Server = New(cfg)
	var sitePub string
	o.site, sitePub = signer(t, "office")
	o.must(reg.Record(t.Context(), register.FolderMade{}, 0))
	o.must(reg.AddEdge(t.Context(), "office", sitePub))
	o.must(o.PublishRecipients(t.Context()))
	o.person(register.TeamLeader, "ada@example.org", "respect-phoneline")
	return o
}

func (o *office) must(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) person(role register.Role, email string, helplines ...string) int64 {
	o.t.Helper()
	n, err := o.cfg.Register.AddPerson(o.t.Context(), register.Person{Name: "Somebody", Email: email, Role: role, Helplines: helplines})
	o.must(err)
	return n
}

// enrolled has each of them have a passkey.
func (o *office) enrolled(people ...int64) {
	o.t.Helper()
	for _, n := range people {
		o.must(o.cfg.Register.AddAnotherPasskey(o.t.Context(), n, []byte("passkey "+strconv.FormatInt(n, 10)), "{}"))
	}
}

// list is the recipients list in the bucket.
func (o *office) list() seal.Recipients {
	o.t.Helper()
	msg, err := o.readSmall(o.t.Context(), letter.RecipientsKey)
	o.must(err)
	list, err := seal.OpenRecipients(msg, o.pub)
	o.must(err)
	return list
}

// deposit leaves a sealed letter and its manifest in the bucket, as an edge
// does. spoil may change either before it is put.
func (o *office) deposit(spoil ...func(m *letter.Manifest, sealed *[]byte)) letter.Manifest {
	o.t.Helper()
	return o.depositPDF(onePage(), spoil...)
}

// onePage is what most tests deposit. Drawing it takes longer than much of what they do
// with it.
var onePage = sync.OnceValue(func() []byte { return specimen.New(1, 1).ColourPDF() })

func (o *office) depositPDF(pdf []byte, spoil ...func(m *letter.Manifest, sealed *[]byte)) letter.Manifest {
	o.t.Helper()
	ctx := o.t.Context()
	m := letter.Manifest{ID: letter.NewID(), Site: "office", Helpline: "respect-phoneline", Class: letter.SixMonths,
		Received: o.now.Truncate(time.Second), Pages: 1}
	to, err := o.list().For(m.Week())
	o.must(err)
	var sealed bytes.Buffer
	size, sum, err := seal.Seal(&sealed, bytes.NewReader(pdf), to)
	o.must(err)
	m.Size, m.SHA256 = size, hex.EncodeToString(sum[:])
	object := sealed.Bytes()
	for _, s := range spoil {
		s(&m, &object)
	}
	_, err = o.store.Store.Put(ctx, m.ObjectKey(), bytes.NewReader(object), int64(len(object)), sha256.Sum256(object), deposit.CreateOnly)
	o.must(err)
	o.announce(m)
	return m
}

// announce puts the letter's signed manifest.
func (o *office) announce(m letter.Manifest) {
	o.t.Helper()
	msg, err := m.Sign(o.site)
	o.must(err)
	o.putRaw(letter.IncomingKey(m.Site, m.ID), msg)
}

func (o *office) putRaw(key string, msg []byte) {
	o.t.Helper()
	_, err := o.store.Store.Put(o.t.Context(), key, bytes.NewReader(msg), int64(len(msg)), sha256.Sum256(msg), deposit.Replace)
	o.must(err)
}

// work does what Run's sweeps do, without the queue, until the letter rests.
func (o *office) work(id letter.ID) {
	o.t.Helper()
	o.tryFor(40, id)
}

// tryFor is work, for so many sweeps at most.
func (o *office) tryFor(sweeps int, id letter.ID) {
	o.t.Helper()
	ctx := o.t.Context()
	for range sweeps {
		_ = o.Admit(ctx)
		if err := o.Advance(ctx, id); err != nil {
			o.log.WriteString(err.Error())
		}
		_, _ = o.cfg.Register.ProveErased(ctx)
		l, err := o.cfg.Register.Letter(ctx, id)
		if errors.Is(err, register.ErrNotFound) {
			continue // not admitted yet, or gone
		}
		o.must(err)
		if l.NotBefore == nil && l.State != register.Admitted {
			return
		}
		if l.NotBefore != nil && l.NotBefore.After(o.now) {
			o.now = *l.NotBefore // a wait passes
		}
	}
}

func (o *office) state(id letter.ID) register.Letter {
	o.t.Helper()
	l, err := o.cfg.Register.Letter(o.t.Context(), id)
	o.must(err)
	return l
}

// story is the letter's entries, oldest first.
func (o *office) story(id letter.ID) string {
	o.t.Helper()
	entries, err := o.cfg.Register.Entries(o.t.Context(), -1, "", id, 1000)
	o.must(err)
	var kinds []string
	for _, e := range entries {
		kinds = append([]string{e.Kind}, kinds...)
	}
	return strings.Join(kinds, " ")
}

func (o *office) held() (reasons []register.HeldReason) {
	o.t.Helper()
	held, err := o.cfg.Register.Held(o.t.Context())
	o.must(err)
	for _, why := range held {
		reasons = append(reasons, why)
	}
	return reasons
}

func (o *office) traces(key string) int {
	o.t.Helper()
	found, err := o.store.Store.Traces(o.t.Context(), key)
	o.must(err)
	return len(found)
}

// receiptOf is what the edge finds of a letter, or nil.
func (o *office) receiptOf(m letter.Manifest) *letter.Receipt {
	o.t.Helper()
	msg, err := o.readSmall(o.t.Context(), letter.ReceiptKey(m.Site, m.ID))
	if errors.Is(err, deposit.ErrNotFound) {
		return nil
	}
	o.must(err)
	r, err := letter.OpenReceipt(msg, o.pub)
	o.must(err)
	return &r
}

// fault is what a broken call does.
type fault int

const (
	works    fault = iota
	fails          // it failed
	loses          // it worked, but the answer was lost
	pretends       // it says that it worked, and did nothing
)

// flaky is a store whose n-th call is broken.
type flaky struct {
	Store
	mu    sync.Mutex
	calls int
	at    int // the call that is broken, from 1
	how   fault
	only  string // the method that can break; "" is any
	clock func() (time.Time, error)
	shows func(key string, there []archive.Trace) []archive.Trace // what a listing shows of what is there; nil for all
	lists func(key string)                                        // called before a key's traces are listed
	reads func(key, version string) error                         // called before an object is read; its error is the store's
}

var errWire = errors.New("the wire broke")

// breaks counts a call and says how it goes.
func (f *flaky) breaks(method string) fault {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.only != "" && f.only != method {
		return works
	}
	f.calls++
	if f.calls == f.at || f.at < 0 {
		return f.how
	}
	return works
}

func (f *flaky) List(ctx context.Context, prefix string) iter.Seq2[string, error] {
	if f.breaks("List") != works {
		return func(yield func(string, error) bool) { yield("", errWire) }
	}
	return f.Store.List(ctx, prefix)
}

func (f *flaky) Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error) {
	if f.breaks("Read") != works {
		return nil, 0, errWire
	}
	if f.reads != nil {
		if err := f.reads(key, version); err != nil {
			return nil, 0, err
		}
	}
	return f.Store.Read(ctx, key, version)
}

func (f *flaky) Traces(ctx context.Context, key string) ([]archive.Trace, error) {
	if f.breaks("Traces") != works {
		return nil, errWire
	}
	if f.lists != nil {
		f.lists(key)
	}
	found, err := f.Store.Traces(ctx, key)
	if f.shows != nil && err == nil {
		found = f.shows(key, found)
	}
	return found, err
}

func (f *flaky) Remove(ctx context.Context, key string, t archive.Trace) error {
	switch f.breaks("Remove") {
	case fails:
		return errWire
	case loses:
		return errors.Join(errWire, f.Store.Remove(ctx, key, t))
	case pretends:
		return nil
	}
	return f.Store.Remove(ctx, key, t)
}

func (f *flaky) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [sha256.Size]byte, mode deposit.Mode) (string, error) {
	switch f.breaks("Put") {
	case fails:
		return "", errWire
	case loses:
		_, err := f.Store.Put(ctx, key, body, size, sum, mode)
		return "", errors.Join(errWire, err)
	case pretends:
		return "", nil
	}
	return f.Store.Put(ctx, key, body, size, sum, mode)
}

func (f *flaky) Clock(ctx context.Context) (time.Time, error) {
	if f.clock != nil {
		return f.clock()
	}
	return f.Store.Clock(ctx)
}

// post is a mail system that keeps what it took.
type post struct {
	mu    sync.Mutex
	taken []mail.Message
	next  []fault // how the coming calls go; works when empty
	down  bool
}

func (p *post) Send(_ context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	how := works
	if len(p.next) > 0 {
		how, p.next = p.next[0], p.next[1:]
	}
	if p.down {
		how = fails
	}
	if how != fails {
		p.taken = append(p.taken, m)
	}
	if how != works {
		return errWire
	}
	return nil
}
