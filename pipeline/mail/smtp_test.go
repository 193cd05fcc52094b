package mail

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"

	"letterlock/scanner/realpart"
)

// canary is in every address that is written to and in every answer of the
// mail server; no error may hold it.
const canary = "canary7f3d"

var letterWaits = Message{
	To:        "jo." + canary + "@leaders.example.org",
	MessageID: "k7qm4t2xw3v8@letters.example.org",
	Link:      "https://letters.example.org/l/0q3v9x7m2k5t8w1r4y6z0b2c3d",
}

func now() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) }

func newSMTP(t *testing.T, url, password string) *SMTP {
	t.Helper()
	s, err := NewSMTP(url, password, "Letterlock <letters@letters.example.org>", now)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func says(code int, enhanced smtp.EnhancedCode) error {
	return &smtp.SMTPError{Code: code, EnhancedCode: enhanced, Message: "<jo." + canary + "@leaders.example.org>: no"}
}

// noCanary fails when the error betrays who was written to, however it is printed.
func noCanary(t *testing.T, err error) {
	t.Helper()
	for ; err != nil; err = errors.Unwrap(err) {
		if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, canary) {
			t.Errorf("the error betrays the address: %s", text)
		}
	}
}

func TestTheServerTakesIt(t *testing.T) {
	office := &postOffice{}
	s := newSMTP(t, "smtp://"+office.open(t, nil, false), "")
	if err := s.Send(t.Context(), letterWaits); err != nil {
		t.Fatal(err)
	}
	taken := office.deliveries()
	if len(taken) != 1 || taken[0].to != letterWaits.To || taken[0].from != "letters@letters.example.org" {
		t.Fatalf("delivered: %+v", taken)
	}
	checkMessage(t, taken[0].data, letterWaits)
}

func TestWhatTheServerSaysIsSorted(t *testing.T) {
	permanent, temporary := true, false
	for _, c := range []struct {
		name   string
		office *postOffice
		final  bool
		says   string
	}{
		{"greylisted", &postOffice{refuseRcpt: says(450, smtp.EnhancedCode{4, 2, 0})}, temporary, "450 4.2.0"},
		{"mailbox full for now", &postOffice{refuseData: says(452, smtp.EnhancedCode{4, 2, 2})}, temporary, "452 4.2.2"},
		{"sender deferred", &postOffice{refuseMail: says(451, smtp.EnhancedCode{4, 7, 1})}, temporary, "451 4.7.1"},
		{"closing down", &postOffice{refuseMail: says(421, smtp.EnhancedCode{4, 3, 2})}, temporary, "421 4.3.2"},
		{"no such person", &postOffice{refuseRcpt: says(550, smtp.EnhancedCode{5, 1, 1})}, permanent, "550 5.1.1"},
		{"content refused", &postOffice{refuseData: says(554, smtp.EnhancedCode{5, 7, 1})}, permanent, "554 5.7.1"},
		{"sender refused", &postOffice{refuseMail: says(553, smtp.EnhancedCode{5, 7, 1})}, permanent, "553 5.7.1"},
		{"sign in first", &postOffice{refuseMail: says(530, smtp.EnhancedCode{5, 7, 0})}, temporary, "530 5.7.0"},
		{"not open", &postOffice{greet: says(554, smtp.EnhancedCode{5, 3, 2})}, temporary, "554"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newSMTP(t, "smtp://"+c.office.open(t, nil, false), "")
			err := s.Send(t.Context(), letterWaits)
			if err == nil {
				t.Fatal("no error")
			}
			noCanary(t, err)
			if errors.Is(err, ErrPermanent) != c.final {
				t.Errorf("permanent is %v: %v", !c.final, err)
			}
			if !strings.Contains(err.Error(), c.says) {
				t.Errorf("%q does not say %s", err, c.says)
			}
			if errors.Is(err, ErrUnreachable) {
				t.Errorf("it answered, and is taken for away: %v", err)
			}
			if n := len(c.office.deliveries()); n != 0 {
				t.Errorf("%d messages delivered", n)
			}
		})
	}
}

// The answer is lost after the server has the message. The sender cannot know,
// so it sends again, and the mailbox can tell by the Message-ID.
func TestALostAnswerIsARepeat(t *testing.T) {
	office := &postOffice{dropAfterData: true}
	s := newSMTP(t, "smtp://"+office.open(t, nil, false), "")
	err := s.Send(t.Context(), letterWaits)
	if err == nil || errors.Is(err, ErrPermanent) || errors.Is(err, ErrUnreachable) {
		t.Fatalf("after a lost answer: %v", err)
	}
	noCanary(t, err)
	if err := s.Send(t.Context(), letterWaits); err != nil {
		t.Fatal(err)
	}
	taken := office.deliveries()
	if len(taken) != 2 {
		t.Fatalf("%d messages delivered", len(taken))
	}
	for _, d := range taken {
		checkMessage(t, d.data, letterWaits)
	}
}

func TestADeadServerIsTriedAgain(t *testing.T) {
	s := newSMTP(t, "smtp://"+realpart.Address(t), "")
	for _, try := range []func() error{
		func() error { return s.Send(t.Context(), letterWaits) },
		func() error { return s.Ping(t.Context()) },
	} {
		err := try()
		if !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrStalled) || errors.Is(err, ErrPermanent) {
			t.Errorf("a dead server: %v", err)
		}
		noCanary(t, err)
	}
}

func TestTheMailServersNameCannotBeLookedUp(t *testing.T) {
	err := newSMTP(t, "smtp://mail.invalid:25", "").Send(t.Context(), letterWaits)
	if !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrPermanent) {
		t.Fatalf("a name that nobody knows: %v", err)
	}
	noCanary(t, err)
}

func TestAnotherKindOfServer(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("HTTP/1.1 400 " + canary + "\r\n\r\n"))
			_ = conn.Close()
		}
	}()
	err = newSMTP(t, "smtp://"+listener.Addr().String(), "").Ping(t.Context())
	if !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrPermanent) {
		t.Fatalf("a web server: %v", err)
	}
	noCanary(t, err)
}

// A server that has stopped answering does not hold up whoever gives up first.
func TestTheContextEndsIt(t *testing.T) {
	office := &postOffice{stall: make(chan struct{})}
	t.Cleanup(func() { close(office.stall) })
	s := newSMTP(t, "smtp://"+office.open(t, nil, false), "")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.Send(ctx, letterWaits)
	if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrPermanent) || errors.Is(err, ErrUnreachable) {
		t.Fatalf("got %v", err)
	}
	noCanary(t, err)
}

// A server that swallows whatever it is told, from the beginning or from some command on,
// is waited for no longer than patience has it, and is told from one that answers.
func TestAServerThatSwallowsEverything(t *testing.T) {
	for name, dumb := range map[string]bool{"from the beginning": true, "once it has greeted": false} {
		t.Run(name, func(t *testing.T) {
			office := &postOffice{stall: make(chan struct{})}
			t.Cleanup(func() { close(office.stall) })
			address := office.open(t, nil, false)
			if dumb {
				listener, err := net.Listen("tcp", "127.0.0.1:0") // the system accepts
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = listener.Close() })
				address = listener.Addr().String()
			}
			s := newSMTP(t, "smtp://"+address, "")
			s.patience = 3 * time.Second
			err := s.Send(t.Context(), letterWaits)
			if !dumb && !office.wasTold() { // the greeting alone took that long, on a busy machine
				s.patience = patience
				err = s.Send(t.Context(), letterWaits)
			}
			if !errors.Is(err, ErrUnreachable) || errors.Is(err, ErrStalled) == dumb || errors.Is(err, ErrPermanent) {
				t.Errorf("got %v", err)
			}
			noCanary(t, err)
		})
	}
}

func TestEncryption(t *testing.T) {
	secure, trust := certificate(t)

	t.Run("smtps", func(t *testing.T) {
		office := &postOffice{password: "open sesame"}
		address := office.open(t, secure, true)
		s := newSMTP(t, "smtps://clerk@"+address, "open sesame")
		if err := s.Ping(t.Context()); !errors.Is(err, ErrUnreachable) {
			t.Errorf("an unknown certificate was trusted, or: %v", err)
		}
		s.trust.RootCAs = trust
		if err := s.Ping(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Send(t.Context(), letterWaits); err != nil {
			t.Fatal(err)
		}
		if d := office.deliveries(); len(d) != 1 || !d[0].encrypted {
			t.Fatalf("delivered: %+v", d)
		}
	})

	t.Run("wrong password", func(t *testing.T) {
		office := &postOffice{password: "open sesame"}
		s := newSMTP(t, "smtps://clerk@"+office.open(t, secure, true), "open barley")
		s.trust.RootCAs = trust
		err := s.Send(t.Context(), letterWaits)
		if err == nil || errors.Is(err, ErrPermanent) || errors.Is(err, ErrUnreachable) || !strings.Contains(err.Error(), "535, so it refuses the account or its password") {
			t.Fatalf("got %v", err)
		}
		noCanary(t, err)
	})

	t.Run("starttls", func(t *testing.T) {
		office := &postOffice{password: "open sesame"}
		s := newSMTP(t, "smtp://clerk@"+office.open(t, secure, false), "open sesame")
		s.security, s.trust.RootCAs = startTLS, trust // as it is off loopback
		if err := s.Send(t.Context(), letterWaits); err != nil {
			t.Fatal(err)
		}
		if d := office.deliveries(); len(d) != 1 || !d[0].encrypted {
			t.Fatalf("delivered: %+v", d)
		}
	})

	t.Run("no starttls, no mail", func(t *testing.T) {
		office := &postOffice{}
		s := newSMTP(t, "smtp://"+office.open(t, nil, false), "")
		s.security = startTLS
		err := s.Send(t.Context(), letterWaits)
		if err == nil || errors.Is(err, ErrPermanent) || len(office.deliveries()) != 0 {
			t.Fatalf("a server without TLS off loopback: %v", err)
		}
		noCanary(t, err)
	})

	t.Run("new password", func(t *testing.T) {
		office := &postOffice{password: "open sesame"}
		s := newSMTP(t, "smtp://clerk@"+office.open(t, nil, false), "of last year")
		password, err := "of last year", error(nil)
		s.Renew(func() (string, error) { return password, err })
		if err := s.Ping(t.Context()); err == nil {
			t.Fatal("an old password is taken")
		}
		password = "open sesame"
		if err := s.Send(t.Context(), letterWaits); err != nil {
			t.Errorf("with the new password: %v", err)
		}
		if password, err = "open sesame", errors.New("the file is being written"); s.Ping(t.Context()) == nil {
			t.Error("a password that could not be had is used")
		}
	})

	t.Run("password in clear on loopback", func(t *testing.T) {
		office := &postOffice{password: "open sesame"}
		s := newSMTP(t, "smtp://clerk@"+office.open(t, nil, false), "open sesame")
		if err := s.Send(t.Context(), letterWaits); err != nil {
			t.Fatal(err)
		}
	})
}

func TestServerURLs(t *testing.T) {
	for _, c := range []struct {
		url, password string
		host          string
		port          int
		security      security
	}{
		{"smtp://127.0.0.1:1025", "", "127.0.0.1", 1025, inClear},
		{"smtp://localhost", "", "localhost", 587, inClear},
		{"smtp://[::1]:25", "", "::1", 25, inClear},
		{"smtp://mail.example.org", "", "mail.example.org", 587, startTLS},
		{"smtp://clerk@mail.example.org:25/", "x", "mail.example.org", 25, startTLS},
		{"smtps://clerk@mail.example.org", "x", "mail.example.org", 465, wrapped},
		{"smtps://letters%40example.org@mail.example.org:4465", "x", "mail.example.org", 4465, wrapped},
	} {
		s := newSMTP(t, c.url, c.password)
		if s.host != c.host || s.port != c.port || s.security != c.security {
			t.Errorf("%s: host %q, port %d, security %d", c.url, s.host, s.port, s.security)
		}
	}
	for _, c := range []struct{ url, password string }{
		{"", ""}, {"mail.example.org:25", ""}, {"http://mail.example.org", ""}, {"smtp://", ""},
		{"smtp://mail.example.org:0", ""}, {"smtp://mail.example.org:99999", ""},
		{"smtp://clerk:secret@mail.example.org", ""}, {"smtp://clerk:secret@mail.example.org", "secret"},
		{"smtp://clerk@mail.example.org", ""}, {"smtp://mail.example.org", "secret"},
		{"smtp://mail.example.org/inbox", ""}, {"smtp://mail.example.org?tls=off", ""},
	} {
		_, err := NewSMTP(c.url, c.password, "letters@example.org", now)
		if err == nil {
			t.Errorf("%s was taken", c.url)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error holds the password: %v", err)
		}
	}
}
