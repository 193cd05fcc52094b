package pipeline

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/mail"
	"net/url"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/killtest"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/keyring"
	ourmail "letterlock/pipeline/mail"
	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
	"letterlock/scanner/specimen"
)

// lettersEach is how many letters each edge sends; servers are killed for as long.
var lettersEach = flag.Int("letters-each", 5, "letters that each of the four edges sends in the test of three servers")

const serverEnv = "LETTERLOCK_TEST_SERVER"

// plan is what one server of several is told.
type plan struct {
	Name, URL, Keyring, SMTP, Listen                     string
	RegisterKey, RegisterPub, ServerKey, ServerPub, Site string
	Endpoint, Bucket, AccessKey, SecretKey               string
}

// runServer plays a server in a process of its own, where the environment says so.
func runServer() (is bool) {
	text := os.Getenv(serverEnv)
	if text == "" {
		return false
	}
	var none func(string, letter.ID)
	killtest.Arm(&none) // it dies with the test
	var p plan
	err := json.Unmarshal([]byte(text), &p)
	if err == nil {
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		err = p.serve(ctx)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	return true
}

// config is what all servers have alike.
func (p plan) config(ctx context.Context) (cfg Config, err error) {
	registerKey, err1 := note.NewSigner(p.RegisterKey)
	serverKey, err2 := note.NewSigner(p.ServerKey)
	public, err3 := note.NewVerifier(p.ServerPub)
	store, err4 := archive.OpenS3(deposit.S3Config{Endpoint: p.Endpoint, Bucket: p.Bucket, AccessKey: p.AccessKey, SecretKey: p.SecretKey})
	keys, err5 := keyring.Open(p.Keyring)
	sender, err6 := ourmail.NewSMTP(p.SMTP, "", "letterlock@example.org", time.Now)
	if err := errors.Join(err1, err2, err3, err4, err5, err6); err != nil {
		return cfg, err
	}
	reg, err := register.Open(ctx, register.Config{URL: p.URL, Signer: registerKey, Verifier: p.RegisterPub, Now: time.Now,
		CodeKey: []byte("a key of the test"), MaxSilence: 14 * 24 * time.Hour})
	if err != nil {
		return cfg, err
	}
	return Config{Register: reg, Store: store, Keyring: keys, Pages: pages(), Mail: sender, Signer: serverKey, Verifier: public,
		Origin: &url.URL{Scheme: "http", Host: "localhost:8080"}, MailDomain: "example.org", Helplines: []string{"respect-phoneline"},
		DestroyAfter: "readable", HasLifecycle: true, Name: p.Name, SweepEvery: 200 * time.Millisecond, BeatEvery: time.Second,
		Now: time.Now, Log: slog.New(slog.NewTextHandler(os.Stderr, nil))}, nil
}

func (p plan) serve(ctx context.Context) error {
	cfg, err := p.config(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = cfg.Register.Close() }()
	s := New(cfg)
	pages, err := portal.New(ctx, portal.Config{Register: cfg.Register, Reader: s, Responses: s, Closed: s.Closed, Origin: "http://localhost:8080", Language: "en",
		Helplines: []portal.Helpline{{Name: "respect-phoneline", Title: "Respect Phoneline"}}, Policy: thePolicy,
		Places: []register.Name{"office"}, Now: time.Now, Log: cfg.Log})
	if err != nil {
		return err
	}
	door, err := net.Listen("tcp", p.Listen)
	if err != nil {
		return err
	}
	go func() { _ = http.Serve(door, pages) }() // until the process ends
	return s.Run(ctx)
}

var thePolicy = portal.Policy{Name: "policy-1", Text: []byte("# Policy")}

// letterbox is a real SMTP server that remembers the ids of the mails for a letter.
type letterbox struct {
	mu  sync.Mutex
	ids map[string]map[string]bool // by the letter's link
}

func (b *letterbox) NewSession(*smtp.Conn) (smtp.Session, error) { return bag{b}, nil }

type bag struct{ box *letterbox }

func (bag) Mail(string, *smtp.MailOptions) error { return nil }
func (bag) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (bag) Reset()                               {}
func (bag) Logout() error                        { return nil }
func (b bag) Data(r io.Reader) error {
	m, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	text, err := io.ReadAll(m.Body)
	_, after, is := strings.Cut(strings.ReplaceAll(string(text), "=\r\n", ""), "http://localhost:8080/l/")
	if err != nil || !is {
		return err // another mail
	}
	link, _, _ := strings.Cut(after, "\r\n")
	b.box.mu.Lock()
	defer b.box.mu.Unlock()
	if b.box.ids[link] == nil {
		b.box.ids[link] = map[string]bool{}
	}
	b.box.ids[link][m.Header.Get("Message-ID")] = true
	return nil
}

func startLetterbox(t *testing.T) (*letterbox, string) {
	t.Helper()
	b := &letterbox{ids: map[string]map[string]bool{}}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(b)
	server.Domain = "localhost"
	go func() { _ = server.Serve(door) }()
	t.Cleanup(func() { _ = server.Close() })
	return b, "smtp://" + door.Addr().String()
}

// machine is one server that is killed and started again.
type machine struct {
	t    *testing.T
	plan plan
	cmd  *exec.Cmd
	out  bytes.Buffer
}

func (m *machine) begin() {
	m.t.Helper()
	text, err := json.Marshal(m.plan)
	if err != nil {
		m.t.Fatal(err)
	}
	m.cmd = exec.Command(os.Args[0])
	m.cmd.Env = append(os.Environ(), serverEnv+"="+string(text))
	m.cmd.Stdout, m.cmd.Stderr = &m.out, &m.out
	if err := m.cmd.Start(); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) kill() {
	_ = m.cmd.Process.Kill() // it may have ended by itself, which its output says
	_ = m.cmd.Wait()
}

// network is three servers on one PostgreSQL, one MinIO and one mail server.
type network struct {
	*office
	t        *testing.T
	machines []*machine
	box      *letterbox
}

func newNetwork(t *testing.T) *network {
	t.Helper()
	n := &network{t: t}
	s3 := deposittest.Start(t).Config()
	p := plan{URL: postgrestest.Start(t).Database(t), Keyring: t.TempDir() + "/keyring",
		Endpoint: s3.Endpoint, Bucket: s3.Bucket, AccessKey: s3.AccessKey, SecretKey: s3.SecretKey}
	n.box, p.SMTP = startLetterbox(t)
	for name, to := range map[string][2]*string{"letterlock-register": {&p.RegisterKey, &p.RegisterPub}, "letterlock-server": {&p.ServerKey, &p.ServerPub}} {
		secret, public, err := note.GenerateKey(rand.Reader, name)
		if err != nil {
			t.Fatal(err)
		}
		*to[0], *to[1] = secret, public
	}
	cfg, err := p.config(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cfg.Register.Close() })
	n.office = &office{Server: New(cfg), t: t, now: time.Now(), log: &bytes.Buffer{}, pub: cfg.Verifier}
	n.must(cfg.Register.Record(t.Context(), register.FolderMade{}, 0))
	n.must(cfg.Store.(*archive.S3).Prepare(t.Context()))
	for i := range 3 {
		door, err := net.Listen("tcp", "127.0.0.1:0")
		n.must(err)
		p.Name, p.Listen = fmt.Sprintf("server-%d", i), door.Addr().String()
		n.must(door.Close())
		m := &machine{t: t, plan: p}
		m.begin()
		t.Cleanup(m.kill)
		n.machines = append(n.machines, m)
	}
	return n
}

// sends is one edge, which leaves so many letters in the bucket.
func (n *network) sends(ctx context.Context, site string, key note.Signer, count int) (sent []letter.Manifest, err error) {
	for range count {
		msg, err := n.readSmall(ctx, letter.RecipientsKey)
		if err != nil {
			return sent, err
		}
		list, err := seal.OpenRecipients(msg, n.pub)
		if err != nil {
			return sent, err
		}
		m := letter.Manifest{ID: letter.NewID(), Site: site, Helpline: "respect-phoneline", Class: letter.SixMonths, Received: time.Now().UTC().Truncate(time.Second), Pages: 1}
		to, err := list.For(m.Week())
		if err != nil {
			return sent, err
		}
		var sealed bytes.Buffer
		size, sum, err := seal.Seal(&sealed, bytes.NewReader(specimen.New(1, 1).ColourPDF()), to)
		if err != nil {
			return sent, err
		}
		m.Size, m.SHA256 = size, hex.EncodeToString(sum[:])
		if _, err := n.cfg.Store.Put(ctx, m.ObjectKey(), bytes.NewReader(sealed.Bytes()), size, sum, deposit.CreateOnly); err != nil {
			return sent, err
		}
		if msg, err = m.Sign(key); err != nil {
			return sent, err
		}
		if _, err := n.cfg.Store.Put(ctx, letter.IncomingKey(site, m.ID), bytes.NewReader(msg), int64(len(msg)), sha256.Sum256(msg), deposit.Replace); err != nil {
			return sent, err
		}
		sent = append(sent, m)
	}
	return sent, nil
}

// Three servers and four edges, with a server killed every few seconds: each letter
// is taken in once, told of once and read at every server, with one session.
func TestThreeServersAndFourEdges(t *testing.T) {
	n := newNetwork(t)
	ctx, reg := t.Context(), n.cfg.Register
	leader := n.person(register.TeamLeader, "ada@example.org", "respect-phoneline")
	n.long("a list of keys is published", func() bool { _, err := n.readSmall(ctx, letter.RecipientsKey); return err == nil })
	sites := map[string]note.Signer{}
	for _, site := range []string{"north", "south", "east", "west"} {
		key, public := signer(t, site)
		n.must(reg.AddEdge(ctx, site, public))
		sites[site] = key
	}
	var mu sync.Mutex
	var all []letter.Manifest
	var edges sync.WaitGroup
	for site, key := range sites {
		edges.Go(func() {
			sent, err := n.sends(ctx, site, key, *lettersEach)
			if err != nil {
				t.Errorf("%s: %v", site, err)
			}
			mu.Lock()
			defer mu.Unlock()
			all = append(all, sent...)
		})
	}
	for i := range max(4, *lettersEach) { // each dies more than once, the one that leads too
		time.Sleep(2 * time.Second) // not for anything: a crash comes when it comes
		m := n.machines[i%len(n.machines)]
		m.kill()
		m.begin()
	}
	edges.Wait()
	for _, m := range all {
		n.long("every letter is announced", func() bool { return n.ended(m) })
	}
	n.checks(all)
	n.reads(leader, all)
}

// long is until for what takes several starts of a server.
func (n *network) long(what string, is func() bool) {
	n.t.Helper()
	for range 1800 {
		if is() {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	for _, m := range n.machines {
		n.t.Logf("%s:\n%s", m.plan.Name, m.out.String())
	}
	n.t.Fatalf("never: %s", what)
}

// checks looks at what is left of the letters' way.
func (n *network) checks(all []letter.Manifest) {
	n.t.Helper()
	ctx := n.t.Context()
	for _, m := range all {
		if got := n.story(m.ID); got != wholeStory {
			n.t.Errorf("on the register: %s", got)
		}
		if n.receiptOf(m) == nil {
			n.t.Error("a letter has no receipt")
		}
		if ids := n.box.ids[string(m.ID)]; len(ids) != 1 {
			n.t.Errorf("a letter was told of under %d ids", len(ids))
		}
	}
	counts, err := n.cfg.Register.Counts(ctx)
	n.must(err)
	if counts.Letters[register.Notified] != len(all) || len(counts.Letters) != 1 {
		n.t.Errorf("letters: %v, and %d were sent", counts.Letters, len(all))
	}
	for key, err := range n.cfg.Store.List(ctx, letter.IncomingPrefix) {
		n.t.Errorf("left of what came in: %s, %v", key, err)
	}
	var export bytes.Buffer
	n.must(n.cfg.Register.Export(ctx, &export))
	public, err := note.NewVerifier(n.machines[0].plan.RegisterPub)
	n.must(err)
	if _, err := register.Verify(&export, public); err != nil {
		n.t.Errorf("the register: %v", err)
	}
	n.long("nothing is left in the queue", func() bool {
		var jobs int
		err := n.cfg.Register.DB().QueryRowContext(ctx, `SELECT count(*) FROM river_job WHERE state <> 'completed'`).Scan(&jobs)
		return err == nil && jobs == 0
	})
	n.long("nobody is missed", func() bool { return ok(n.Check(ctx), "servers") })
}

// reads has one person read every letter, each at every server, in one session.
func (n *network) reads(person int64, all []letter.Manifest) {
	n.t.Helper()
	ctx, reg := n.t.Context(), n.cfg.Register
	policy, err := reg.PublishPolicy(ctx, register.Name(thePolicy.Name), thePolicy.Text)
	n.must(err)
	n.must(reg.ConfirmPolicy(ctx, policy.Number, person))
	token, err := reg.SignIn(ctx, person, register.WithPasskey)
	n.must(err)
	for _, m := range n.machines {
		for _, l := range all {
			for _, path := range []string{"/l/" + string(l.ID), "/l/" + string(l.ID) + "/page/1.jpg"} {
				r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+m.plan.Listen+path, nil)
				n.must(err)
				r.AddCookie(&http.Cookie{Name: "__Host-letterlock", Value: token})
				answer, err := http.DefaultTransport.RoundTrip(r)
				n.must(err)
				_, err = io.Copy(io.Discard, answer.Body)
				n.must(errors.Join(err, answer.Body.Close()))
				if answer.StatusCode != http.StatusOK {
					n.t.Fatalf("%s answers %d for %s", m.plan.Name, answer.StatusCode, strings.Replace(path, string(l.ID), "ID", 1))
				}
			}
		}
	}
}
