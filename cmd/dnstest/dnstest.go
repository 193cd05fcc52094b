// Package dnstest answers for names as a network's DNS does, and stops doing so when a
// test wants it to. The programs that a test starts ask it by Go's own resolver. Only
// tests import it.
package dnstest

import (
	"context"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/dns/dnsmessage"
)

// env names the server that a program asks.
const env = "LETTERLOCK_TEST_DNS"

// Arm is called by a test binary before it plays a program. If its environment says so,
// the program asks the test's server for every name that /etc/hosts does not know.
func Arm() {
	if at := os.Getenv(env); at != "" {
		net.DefaultResolver = resolver(at)
	}
}

func resolver(at string) *net.Resolver {
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", at)
	}}
}

// How is how a server treats a name.
type How int

const (
	Known   How = iota // it is 127.0.0.1
	Unknown            // there is no such host
	Failing            // the server cannot say
	Silent             // no answer
)

// Server answers for names. Each is known, until Treats says otherwise.
type Server struct {
	door net.PacketConn
	mu   sync.Mutex
	how  map[string]How
}

// Start answers until the test ends; this process asks it too.
func Start(t testing.TB) *Server {
	t.Helper()
	door, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{door: door, how: map[string]How{}}
	before := net.DefaultResolver
	net.DefaultResolver = resolver(s.at())
	t.Cleanup(func() {
		net.DefaultResolver = before
		_ = door.Close()
	})
	go s.serve()
	return s
}

func (s *Server) at() string { return s.door.LocalAddr().String() }

// Env is what the environment of a program says that is to ask this server.
func (s *Server) Env() string { return env + "=" + s.at() }

// Treats has these names treated so from now on.
func (s *Server) Treats(how How, names ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range names {
		s.how[name] = how
	}
}

func (s *Server) serve() {
	question := make([]byte, 1500)
	for {
		n, from, err := s.door.ReadFrom(question)
		if err != nil {
			return
		}
		if answer := s.answer(question[:n]); answer != nil {
			_, _ = s.door.WriteTo(answer, from)
		}
	}
}

// answer is nil for none.
func (s *Server) answer(text []byte) []byte {
	var m dnsmessage.Message
	if m.Unpack(text) != nil || len(m.Questions) != 1 {
		return nil
	}
	q := m.Questions[0]
	s.mu.Lock()
	how := s.how[strings.TrimSuffix(q.Name.String(), ".")]
	s.mu.Unlock()
	said := dnsmessage.Message{Header: dnsmessage.Header{ID: m.ID, Response: true, RecursionAvailable: true}, Questions: m.Questions}
	switch {
	case how == Silent:
		return nil
	case how == Unknown:
		said.RCode = dnsmessage.RCodeNameError
	case how == Failing:
		said.RCode = dnsmessage.RCodeServerFailure
	case q.Type == dnsmessage.TypeA:
		said.Answers = []dnsmessage.Resource{{Header: dnsmessage.ResourceHeader{Name: q.Name, Type: q.Type, Class: q.Class},
			Body: &dnsmessage.AResource{A: [4]byte{127, 0, 0, 1}}}}
	}
	answer, err := said.Pack()
	if err != nil {
		return nil
	}
	return answer
}
