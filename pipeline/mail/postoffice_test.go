package mail

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// delivery is what a mail server has taken.
type delivery struct {
	from, to  string
	data      string
	encrypted bool
}

// postOffice is a mail server that does as it is told. Its fields are set
// before it opens.
type postOffice struct {
	greet, refuseMail, refuseRcpt, refuseData error

	dropAfterData bool // it takes the message and the answer is lost
	stall         chan struct{}
	password      string // asked for, if not empty

	mu        sync.Mutex
	delivered []delivery
	dropped   int
	told      bool // somebody has got as far as to say from whom it is
}

// open starts the server on loopback until the test ends.
func (p *postOffice) open(t *testing.T, secure *tls.Config, wrapped bool) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := smtp.NewServer(p)
	server.Domain = "mail.example.org"
	server.TLSConfig = secure
	server.AllowInsecureAuth = secure == nil
	server.ErrorLog = log.New(io.Discard, "", 0)
	if wrapped {
		listener = tls.NewListener(listener, secure)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return listener.Addr().String()
}

func (p *postOffice) NewSession(c *smtp.Conn) (smtp.Session, error) {
	if p.greet != nil {
		return nil, p.greet
	}
	return &session{office: p, conn: c, known: p.password == ""}, nil
}

func (p *postOffice) deliveries() []delivery {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]delivery(nil), p.delivered...)
}

func (p *postOffice) wasTold() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told
}

type session struct {
	office *postOffice
	conn   *smtp.Conn
	known  bool
	delivery
}

func (s *session) AuthMechanisms() []string {
	if s.office.password == "" {
		return nil
	}
	return []string{sasl.Plain}
}

func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != "clerk" || password != s.office.password {
			return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "not you, " + canary}
		}
		s.known = true
		return nil
	}), nil
}

func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.office.mu.Lock()
	s.office.told = true
	s.office.mu.Unlock()
	if s.office.stall != nil {
		<-s.office.stall
	}
	if !s.known {
		return smtp.ErrAuthRequired
	}
	s.from = from
	return s.office.refuseMail
}

func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = to
	return s.office.refuseRcpt
}

func (s *session) Data(r io.Reader) error {
	data, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if s.office.refuseData != nil {
		return s.office.refuseData
	}
	s.data = string(data)
	_, s.encrypted = s.conn.TLSConnectionState()
	s.office.mu.Lock()
	s.office.delivered = append(s.office.delivered, s.delivery)
	drop := s.office.dropAfterData && s.office.dropped == 0
	if drop {
		s.office.dropped++
	}
	s.office.mu.Unlock()
	if drop {
		_ = s.conn.Conn().Close()
	}
	return nil
}

func (s *session) Reset()        {}
func (s *session) Logout() error { return nil }

// certificate is one for 127.0.0.1 and what trusts it.
func certificate(t *testing.T) (server *tls.Config, trust *x509.CertPool) {
	t.Helper()
	issuer := httptest.NewTLSServer(http.NotFoundHandler())
	defer issuer.Close()
	trust = x509.NewCertPool()
	trust.AddCert(issuer.Certificate())
	return &tls.Config{Certificates: issuer.TLS.Certificates}, trust
}
