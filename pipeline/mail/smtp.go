package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/textproto"
	"net/url"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"letterlock/pipeline/texts"
)

const (
	// patience is how long the greeting with the server may take, and again the
	// message itself. Whatever it cuts off is sent again.
	patience = 30 * time.Second
	// farewell is how long the server may take to say goodbye.
	farewell = 2 * time.Second
)

// security is how the conversation with the mail server is kept private.
type security int

const (
	inClear  security = iota // loopback only: nothing leaves the machine
	startTLS                 // smtp: STARTTLS, or no conversation at all
	wrapped                  // smtps: TLS from the first byte
)

// SMTP sends through a mail server. Every message has a connection of its own.
type SMTP struct {
	host           string
	port           int
	security       security
	trust          *tls.Config
	user, password string
	renewed        func() (password string, err error) // nil for one that stays
	from           *netmail.Address
	now            func() time.Time
	language       *texts.Language
	patience       time.Duration
}

// Renew has the password asked for before each conversation, so that a new one
// counts without a restart. Where it cannot be had, that of NewSMTP is used. It is
// called before anything is sent.
func (s *SMTP) Renew(password func() (string, error)) { s.renewed = password }

// Speak has the messages say what they say in l instead of English. It is called
// before anything is sent.
func (s *SMTP) Speak(l *texts.Language) { s.language = l }

// NewSMTP prepares to send from the given address through the server, which
// is smtp://host:port (STARTTLS demanded, except on loopback, where nothing
// is encrypted; port 587 if none is given) or smtps://user@host:port (TLS;
// port 465). The password belongs to the user in the URL. now dates the
// messages. It sends nothing: Ping finds out whether the server is there.
func NewSMTP(server, password, from string, now func() time.Time) (*SMTP, error) {
	sender, err := parseSender(from)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(server)
	if err != nil || u.Scheme != "smtp" && u.Scheme != "smtps" || u.Hostname() == "" {
		return nil, errors.New("reading mail server: not a URL as in smtps://user@mail.example.org:465")
	}
	if u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("reading mail server: the URL holds more than a user, a host and a port")
	}
	if _, inURL := u.User.Password(); inURL {
		return nil, errors.New("reading mail server: the password belongs into a file of its own, not into the URL")
	}
	if (u.User.Username() == "") != (password == "") {
		return nil, errors.New("reading mail server: a user needs a password and a password needs a user")
	}
	s := &SMTP{host: u.Hostname(), user: u.User.Username(), password: password, from: sender, now: now, language: texts.English(), patience: patience}
	s.security, s.port = startTLS, 587
	switch {
	case u.Scheme == "smtps":
		s.security, s.port = wrapped, 465
	case isLoopback(s.host):
		s.security = inClear
	}
	if u.Port() != "" {
		if s.port, err = strconv.Atoi(u.Port()); err != nil || s.port < 1 || s.port > 65535 {
			return nil, errors.New("reading mail server: not a port")
		}
	}
	s.trust = &tls.Config{ServerName: s.host, MinVersion: tls.VersionTLS12}
	return s, nil
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

// Send hands the message to the server. It returns nil once the server has
// answered that it has it. An error that matches ErrPermanent is final; after
// any other the server may have the message all the same, when only its
// answer was lost: send it again with the same Message-ID.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	msg, err := compose(s.from, s.language, m, s.now())
	if err != nil {
		return err
	}
	c, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer c.close()
	if err := c.client.SendWithSMTPClient(c.smtp, msg); err != nil {
		return refusal(ctx, err, c.wire.stalled.Load())
	}
	return nil
}

// Ping greets the server as Send would, signs in, and takes its leave.
func (s *SMTP) Ping(ctx context.Context) error {
	c, err := s.open(ctx)
	if err != nil {
		return err
	}
	c.close()
	return nil
}

// conversation is an open connection that has been greeted and signed in to.
type conversation struct {
	wire   *wire
	client *gomail.Client
	smtp   *smtp.Client
	stop   func() bool // ends the watch over the context
}

// wire is a connection that remembers that the other side was waited for in vain:
// go-mail does not pass that on.
type wire struct {
	net.Conn
	stalled atomic.Bool
}

func (w *wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	w.note(err)
	return n, err
}

func (w *wire) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	w.note(err)
	return n, err
}

func (w *wire) note(err error) {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		w.stalled.Store(true)
	}
}

// open greets the server. The connection breaks off when ctx ends: go-mail
// itself heeds the context only while it dials.
func (s *SMTP) open(ctx context.Context) (*conversation, error) {
	c := &conversation{stop: func() bool { return true }}
	dial := func(dialling context.Context, network, _ string) (net.Conn, error) {
		// go-mail's own address lacks the brackets of IPv6.
		dialled, err := (&net.Dialer{}).DialContext(dialling, network, net.JoinHostPort(s.host, strconv.Itoa(s.port)))
		if err != nil {
			return nil, err
		}
		c.wire = &wire{Conn: dialled}
		c.stop = context.AfterFunc(ctx, func() { _ = dialled.Close() })
		if s.security == wrapped {
			return tls.Client(c.wire, s.trust), nil
		}
		return c.wire, nil
	}
	var err error
	if c.client, err = gomail.NewClient(s.host, s.options(dial)...); err != nil {
		return nil, fmt.Errorf("preparing mail: %w", err)
	}
	if c.smtp, err = c.client.DialToSMTPClientWithContext(ctx); err != nil {
		c.stop()
		if c.wire != nil { // which go-mail leaves open
			_ = c.wire.Close()
		}
		return nil, unreachable(ctx, err)
	}
	return c, nil
}

// options are what go-mail has to know of the server.
func (s *SMTP) options(dial gomail.DialContextFunc) []gomail.Option {
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(s.patience), gomail.WithDialContextFunc(dial),
		gomail.WithTLSPolicy(gomail.NoTLS), gomail.WithHELO(domainOf(s.from)),
		// No RSET: go-mail reports its failure although the message is taken.
		gomail.WithoutNoop(), gomail.WithoutRset(), gomail.WithoutSMTPUTF8(),
	}
	if s.security == startTLS {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory), gomail.WithTLSConfig(s.trust))
	}
	if s.user != "" {
		options = append(options, gomail.WithUsername(s.user), gomail.WithPassword(s.passwordNow()),
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin))
	}
	return options
}

// close takes leave without insisting on an answer.
func (c *conversation) close() {
	defer c.stop()
	_ = c.wire.SetDeadline(time.Now().Add(farewell))
	_ = c.client.CloseWithSMTPClient(c.smtp)
	_ = c.wire.Close()
}

// unreachable is why there was no conversation. Nothing in it can be the fault
// of one message, a refused password included, so it is never permanent; and
// nobody has named a recipient yet, so the network's own words may be shown.
func unreachable(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("connecting to mail server: %w", ctx.Err())
	}
	if answer, ok := errors.AsType[*textproto.Error](err); ok {
		if answer.Code == wrongCredentials {
			return fmt.Errorf("connecting to mail server: it answered %d, so it refuses the account or its password; the right password counts at once when it is in password_file of [mail]", answer.Code)
		}
		return fmt.Errorf("connecting to mail server: it answered %d", answer.Code)
	}
	if _, ok := errors.AsType[textproto.ProtocolError](err); ok {
		return silence{error: errors.New("connecting to mail server: what answers is not a mail server")}
	}
	return silence{error: fmt.Errorf("connecting to mail server: %w", err)}
}

// authenticationRequired is a reply that RFC 4954 6 allows at any step. It is
// about the server's settings and ours, not about the message.
const authenticationRequired = 530

// wrongCredentials is a reply of RFC 4954 6: whoever looks after mail must see to it.
const wrongCredentials = 535

// refusal is why the server has not taken the message, without the words of
// go-mail or of the server, which name the recipient. stalled says that the server was
// waited for in vain; one that hangs up has cost no time, may have done so over this
// message alone, and is not taken for away.
func refusal(ctx context.Context, err error, stalled bool) error {
	if ctx.Err() != nil {
		return fmt.Errorf("sending mail: %w", ctx.Err())
	}
	sent, ok := errors.AsType[*gomail.SendError](err)
	if !ok || sent.ErrorCode() == 0 {
		broke := errors.New("sending mail: the connection broke off")
		if stalled {
			return silence{error: broke, stalled: true}
		}
		return broke
	}
	answer := strconv.Itoa(sent.ErrorCode())
	if more := sent.EnhancedStatusCode(); more != "" {
		answer += " " + more
	}
	if code := sent.ErrorCode(); code >= 500 && code <= 599 && code != authenticationRequired {
		return fmt.Errorf("sending mail: the server answered %s: %w", answer, ErrPermanent)
	}
	return fmt.Errorf("sending mail: the server answered %s", answer)
}

// passwordNow is the password to be used from now on.
func (s *SMTP) passwordNow() string {
	if s.renewed != nil {
		if password, err := s.renewed(); err == nil && password != "" {
			return password
		}
	}
	return s.password
}
