package postgrestest

import (
	"crypto/tls"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
)

// Guarded makes an empty database that lets nobody in without that password, and
// returns the address, host and port, at which it is reached over a network.
func (s *Server) Guarded(t testing.TB, name, password string) (address string) {
	t.Helper()
	s.Do(t, "CREATE DATABASE "+name)
	s.Do(t, "ALTER ROLE letterlock PASSWORD '"+password+"'")
	rules := filepath.Join(s.Dir, "pg_hba.conf")
	text, err := os.ReadFile(rules)
	if err == nil {
		err = os.WriteFile(rules, append([]byte("local "+name+" all scram-sha-256\n"), text...), 0o600) // the first that fits counts
	}
	if err != nil {
		t.Fatal(err)
	}
	s.Do(t, "SELECT pg_reload_conf()")
	return s.door(t, func(from net.Conn) (net.Conn, error) { return from, nil })
}

// OverTLS returns the address, host and port, at which the server is reached over TLS, with
// what the configuration shows then. PostgreSQL itself would want to own the files.
func (s *Server) OverTLS(t testing.TB, config *tls.Config) (address string) {
	t.Helper()
	return s.door(t, func(from net.Conn) (net.Conn, error) {
		asks := make([]byte, 8) // for TLS, before anything else
		if _, err := io.ReadFull(from, asks); err != nil {
			return nil, err
		}
		_, err := from.Write([]byte("S"))
		return tls.Server(from, config), err
	})
}

// door opens an address on the network at which the server is reached, as what greets
// each connection makes of it.
func (s *Server) door(t testing.TB, greets func(from net.Conn) (net.Conn, error)) (address string) {
	t.Helper()
	door, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = door.Close() })
	go s.passOn(door, greets)
	return door.Addr().String()
}

// passOn hands every connection on to the server's socket, until the door is shut.
func (s *Server) passOn(door net.Listener, greets func(from net.Conn) (net.Conn, error)) {
	for {
		from, err := door.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = from.Close() }()
			from, err := greets(from)
			if err != nil {
				return
			}
			to, err := net.Dial("unix", filepath.Join(s.sockets, ".s.PGSQL.5432"))
			if err != nil {
				return
			}
			defer func() { _ = to.Close() }()
			go func() { _, _ = io.Copy(to, from) }()
			_, _ = io.Copy(from, to)
		}()
	}
}
