package main

import (
	"errors"
	"io"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"letterlock/scanner/letter"
)

// postbox is a real SMTP server that keeps what it is given, and fails as such do.
type postbox struct {
	mu       sync.Mutex
	mails    map[string][]string // by recipient
	refuses  string              // a recipient of whom it takes nothing
	drops    int                 // how many mails it still takes without a word, and hangs up
	waits    string              // a recipient whose mails it takes, and does not say so until let go
	password string              // of the user "clerk", without which it takes nothing; "" where anybody may
	waiting  int                 // how many it has taken so
	goOn     chan struct{}
	close    func() // nobody answers any more
}

func startPostbox(t *testing.T) (*postbox, string) {
	t.Helper()
	p := &postbox{mails: map[string][]string{}}
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(p)
	server.Domain, server.AllowInsecureAuth = "localhost", true
	go func() { _ = server.Serve(door) }()
	p.close = func() { _ = server.Close() }
	t.Cleanup(p.close)
	t.Cleanup(p.answers)
	return p, "smtp://" + door.Addr().String()
}

// fails has it fail in that way from now on.
func (p *postbox) fails(how func(p *postbox)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	how(p)
}

// holdsBack has it take the mails of that person without saying so.
func (p *postbox) holdsBack(person string) {
	p.fails(func(p *postbox) { p.waits, p.waiting, p.goOn = person, 0, make(chan struct{}) })
}

// held counts the mails that it has taken and not said so.
func (p *postbox) held() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.waiting
}

// answers ends holdsBack.
func (p *postbox) answers() {
	p.fails(func(p *postbox) {
		if p.waits != "" {
			p.waits = ""
			close(p.goOn)
		}
	})
}

func (p *postbox) NewSession(c *smtp.Conn) (smtp.Session, error) {
	return &letterbag{postbox: p, wire: c.Conn()}, nil
}

func (p *postbox) total() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.mails {
		n += len(m)
	}
	return n
}

// to counts what one person was sent.
func (p *postbox) to(person string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.mails[person])
}

var linkOfMail = regexp.MustCompile(`/l/([0-9a-z]{26})`)

// told are the Message-IDs of the mails by which a person was told of letters, in
// their order.
func (p *postbox) told(t testing.TB, person string) map[letter.ID][]string {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	ids := map[letter.ID][]string{}
	for _, text := range p.mails[person] {
		m, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		found := linkOfMail.FindStringSubmatch(strings.ReplaceAll(text, "=\r\n", ""))
		if found == nil {
			t.Errorf("a mail is of no letter:\n%s", text)
			continue
		}
		ids[letter.ID(found[1])] = append(ids[letter.ID(found[1])], m.Header.Get("Message-ID"))
	}
	return ids
}

type letterbag struct {
	*postbox
	wire net.Conn
	to   string
	in   bool // who sends is known
}

func (l *letterbag) needsPassword() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.password != ""
}

func (l *letterbag) AuthMechanisms() []string {
	if l.needsPassword() {
		return []string{sasl.Plain}
	}
	return nil
}

func (l *letterbag) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.in = user == "clerk" && password == l.password; !l.in {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

func (l *letterbag) Mail(string, *smtp.MailOptions) error {
	if l.needsPassword() && !l.in {
		return smtp.ErrAuthRequired
	}
	return nil
}
func (l *letterbag) Reset()        {}
func (l *letterbag) Logout() error { return nil }
func (l *letterbag) Rcpt(to string, _ *smtp.RcptOptions) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.to = to; to == l.refuses {
		return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "<" + to + "> is not known here"}
	}
	return nil
}

func (l *letterbag) Data(r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l.mu.Lock()
	l.mails[l.to] = append(l.mails[l.to], string(b))
	if l.drops > 0 {
		l.drops--
		l.mu.Unlock()
		return errors.Join(errors.New("hung up"), l.wire.Close())
	}
	var wait chan struct{}
	if l.to == l.waits {
		l.waiting++
		wait = l.goOn
	}
	l.mu.Unlock()
	if wait != nil {
		<-wait
	}
	return nil
}
