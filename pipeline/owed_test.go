package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// swallowing is a mail server's door that takes every connection and says nothing,
// until it is mended. It counts who was written to.
type swallowing struct {
	net.Listener
	mu     sync.Mutex
	dials  int
	held   []net.Conn
	over   bool // what is held, and what comes, is hung up on
	mended bool
	told   map[string]int

	dialled chan struct{} // has one at the first connection
}

func swallow(t *testing.T) *swallowing {
	t.Helper()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &swallowing{Listener: door, told: map[string]int{}, dialled: make(chan struct{}, 1)}
	server := smtp.NewServer(d)
	server.Domain = "localhost"
	go func() { _ = server.Serve(d) }()
	t.Cleanup(func() { _ = server.Close() })
	t.Cleanup(d.hangUp)
	return d
}

func (d *swallowing) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		d.mu.Lock()
		if d.mended {
			d.mu.Unlock()
			return conn, nil
		}
		if d.dials++; d.over {
			_ = conn.Close()
		} else {
			d.held = append(d.held, conn)
		}
		d.mu.Unlock()
		select {
		case d.dialled <- struct{}{}:
		default:
		}
	}
}

// hangUp ends what is held, as the patience of whoever waits would.
func (d *swallowing) hangUp() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	for _, conn := range d.held {
		_ = conn.Close()
	}
}

func (d *swallowing) mend() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mended = true
}

func (d *swallowing) count() (dials int, told map[string]int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.dials, d.told
}

func (d *swallowing) NewSession(*smtp.Conn) (smtp.Session, error) { return &bag{swallowing: d}, nil }

type bag struct {
	*swallowing
	to string
}

func (b *bag) Mail(string, *smtp.MailOptions) error { return nil }
func (b *bag) Reset()                               {}
func (b *bag) Logout() error                        { return nil }
func (b *bag) Rcpt(to string, _ *smtp.RcptOptions) error {
	b.to = to
	return nil
}

func (b *bag) Data(r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.told[b.to]++
	return err
}

// A mail server that accepts and never says a word costs a sweep one wait, however many
// are owed a mail: a letter that is due ends meanwhile, nobody is dialled for a minute,
// and once it answers everybody has one mail.
func TestAMailServerThatSwallowsEverythingIsWaitedForOnce(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	for i := range 10 {
		o.person(register.DPO, fmt.Sprintf("dee%d@example.org", i)) // who are written to each day
	}
	door, ended := swallow(t), make(chan struct{}, 1)
	sender, err := mail.NewSMTP("smtp://"+door.Addr().String(), "", "letters@example.org", o.cfg.Now)
	o.must(err)
	o.cfg.Mail = sender
	o.cfg.Step = func(step string, _ letter.ID) {
		if step == "rows-deleted" {
			ended <- struct{}{}
		}
	}
	o.Server = New(o.cfg)
	queue, err := startJobs(t.Context(), o.cfg.Register, o.cfg.Log, "server", true, o.Advance)
	o.must(err)
	var w watch
	swept := make(chan error)
	go func() { swept <- o.Server.sweep(t.Context(), queue, &w) }()
	for _, want := range []chan struct{}{door.dialled, ended} {
		select {
		case <-want:
		case err := <-swept:
			t.Fatalf("it did not wait for the mail server: %v", err)
		case <-time.After(3 * time.Minute):
			t.Fatal("while the mail server is waited for, no letter ends")
		}
	}
	door.hangUp()
	if err := <-swept; !errors.Is(err, mail.ErrUnreachable) || strings.Count(err.Error(), "sending the day's mail") != 1 {
		t.Errorf("of a mail server that does not answer it says %v", err)
	}
	if n, _ := door.count(); n != 1 {
		t.Errorf("one sweep dialled %d times", n)
	}
	o.must(queue.stop())
	if n, err := o.cfg.Register.MailsWaiting(t.Context()); err != nil || n != 10 {
		t.Errorf("%d mails wait: %v", n, err)
	}

	o.now = o.now.Add(11 * time.Second)
	if err := o.watchAlarms(t.Context(), &w); !errors.Is(err, mail.ErrUnreachable) {
		t.Errorf("within the minute it says %v", err)
	}
	if n, _ := door.count(); n != 1 {
		t.Errorf("dialled %d times within a minute", n)
	}
	door.mend()
	o.now = o.now.Add(time.Minute)
	o.must(o.watchAlarms(t.Context(), &w))
	o.now = o.now.Add(time.Minute)
	o.must(o.watchAlarms(t.Context(), &w))
	n, told := door.count()
	for to, mails := range told {
		if mails != 1 {
			t.Errorf("%s has %d mails", to, mails)
		}
	}
	if len(told) != 10 || n != 1 {
		t.Errorf("%d were told: %v; %d connections were swallowed", len(told), told, n)
	}
	if n, err := o.cfg.Register.MailsWaiting(t.Context()); err != nil || n != 0 {
		t.Errorf("%d mails wait in the end: %v", n, err)
	}
}

// sends is a mail system.
type sends func(m mail.Message) error

func (s sends) Send(_ context.Context, m mail.Message) error { return s(m) }

// mailsGo has the mails of a new server go there.
func (o *office) mailsGo(how sends) {
	o.cfg.Mail = how
	o.Server = New(o.cfg)
}

// Whoever works on letters waits for such a mail server once too, and not for each
// leader of each letter.
func TestLettersWaitForTheMailServerOnce(t *testing.T) {
	o := newOffice(t)
	for i := range 4 {
		o.person(register.TeamLeader, fmt.Sprintf("leader%d@example.org", i), "respect-phoneline")
	}
	away := fmt.Errorf("connecting to mail server: %w", mail.ErrUnreachable)
	told, calls := map[string]int{}, 0
	o.mailsGo(func(m mail.Message) error {
		calls++
		if away != nil {
			return away
		}
		told[m.To]++
		return nil
	})
	first, second := o.deposit(), o.deposit()
	all := []letter.ID{first.ID, second.ID}
	try := func() {
		t.Helper()
		o.must(o.Admit(t.Context()))
		for _, id := range all {
			o.must(o.Advance(t.Context(), id))
			if l := o.state(id); away != nil && (l.State != register.Receipted || l.Trouble != register.MailDown) {
				t.Fatalf("a letter is %s, %q", l.State, l.Trouble)
			}
		}
	}
	try()
	o.now = o.now.Add(mailPause - time.Second)
	try()
	if calls != 1 {
		t.Errorf("two letters of five leaders called the mail server %d times within a minute", calls)
	}
	o.now = o.now.Add(time.Second)
	try()
	if calls != 2 {
		t.Errorf("after a minute %d calls", calls)
	}
	away = nil
	o.now = o.now.Add(mailPause)
	for _, id := range all {
		o.work(id)
	}
	for to, n := range told {
		if n != 2 {
			t.Errorf("%s was told %d times", to, n)
		}
	}
	if len(told) != 5 {
		t.Errorf("told: %v", told)
	}
}

// A mail server that stops answering at one address keeps no mail from the others for
// longer than a minute, however often that is tried again.
func TestAnAddressAtWhichTheMailServerStallsKeepsNoMailFromOthers(t *testing.T) {
	o := newOffice(t)
	for _, to := range []string{"bad@example.org", "dee@example.org"} {
		o.person(register.DPO, to)
	}
	o.person(register.Manager, "mo@example.org")
	o.must(o.cfg.Register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: 1}))
	var to []string
	stalled := true
	o.mailsGo(func(m mail.Message) error {
		to = append(to, m.To)
		if stalled && m.To == "bad@example.org" {
			return stalledAt{}
		}
		return nil
	})
	tells := func(after time.Duration, want ...string) {
		t.Helper()
		o.now, to = o.now.Add(after), nil
		err := o.tellAlarms(t.Context())
		if fmt.Sprint(to) != fmt.Sprint(want) || (err != nil) != stalled {
			t.Errorf("written to %v, want %v: %v", to, want, err)
		}
	}
	tells(0, "bad@example.org")
	tells(mailPause - time.Second)
	tells(time.Second, "dee@example.org", "mo@example.org")
	tells(stalledPause - mailPause - time.Second)
	tells(time.Second, "bad@example.org")
	stalled = false
	tells(stalledPause, "bad@example.org")
	tells(stalledPause)
}

// A mail server takes its time with each message, and refuses some: a sweep gives each
// kind of mail a turn and goes on; the next turn begins with those that had none, and in
// the end everybody was told whom it lets be told.
func TestASlowMailServerIsGivenTurns(t *testing.T) {
	o := newOffice(t)
	for i := range 9 {
		o.person(register.DPO, fmt.Sprintf("dee%d@example.org", i))
	}
	o.must(o.cfg.Register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: 1}))
	told := map[string]int{}
	tried := 0
	o.mailsGo(func(m mail.Message) error {
		tried++
		o.now = o.now.Add(mailTurn / 2)
		if m.To < "dee3@example.org" {
			return errors.New("the server answered 450")
		}
		told[m.To]++
		return nil
	})
	for turn := range 9 {
		tried = 0
		began := o.now
		_ = o.tellAlarms(t.Context()) // which says of some that they were refused
		if took := o.now.Sub(began); took > mailTurn || tried > 2 {
			t.Errorf("turn %d took %v, for %d mails", turn, took, tried)
		}
	}
	for to, n := range told {
		if n != 1 {
			t.Errorf("%s was told %d times", to, n)
		}
	}
	if len(told) != 6 {
		t.Errorf("told: %v", told)
	}
}

type stalledAt struct{}

func (stalledAt) Error() string { return "sending mail: the connection broke off" }
func (stalledAt) Is(target error) bool {
	return target == mail.ErrUnreachable || target == mail.ErrStalled
}

// Once the pause is over, one finds out whether the mail server answers again; whoever
// else has a mail to send does not wait beside them.
func TestOneFindsOutWhetherTheMailServerAnswers(t *testing.T) {
	var s sending
	now := time.Date(2026, 11, 24, 10, 0, 0, 0, time.UTC)
	begins := func(want, ok bool) {
		t.Helper()
		if finds, err := s.begin(now, "ada@example.org"); finds != want || (err == nil) != ok {
			t.Errorf("%v, %v", finds, err)
		}
	}
	begins(false, true)
	begins(false, true) // at once, as long as it answers
	s.end(now, "ada@example.org", false, fmt.Errorf("connecting: %w", mail.ErrUnreachable), false)
	begins(false, false)
	now = now.Add(mailPause)
	begins(true, true)
	begins(false, false)
	s.end(now, "ada@example.org", true, context.Canceled, true) // which says nothing
	begins(true, true)
	begins(false, false)
	s.end(now, "ada@example.org", true, errors.New("the server answered 450"), false)
	begins(false, true)
	begins(false, true)
}
