package deposit

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// dialTimeout is how long a server may take to be there at all.
	dialTimeout = 10 * time.Second
	// stall is how long a connection may stand still, while bytes are due in
	// either direction, before it counts as dead. A slow line that moves is
	// never cut, however long an object takes.
	stall = time.Minute
)

// newTransport is a transport with time limits on everything. It speaks
// HTTP/1.1, as S3 servers do.
func newTransport(trust *tls.Config) *http.Transport {
	dialer := net.Dialer{Timeout: dialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy: http.ProxyFromEnvironment,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			c, err := dialer.DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return &stallConn{c, stall}, nil
		},
		TLSClientConfig:     trust,
		TLSHandshakeTimeout: dialTimeout,
		IdleConnTimeout:     stall / 2,
		MaxIdleConnsPerHost: 8,
		DisableCompression:  true, // an object is to arrive as it was stored
	}
}

// stallConn puts its deadline off by limit at every step it makes.
type stallConn struct {
	net.Conn
	limit time.Duration
}

func (c *stallConn) Read(b []byte) (int, error) {
	if err := c.SetReadDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Read(b)
}

// Write puts off the read deadline too: while a long body goes out, a Read is
// already waiting for the answer.
func (c *stallConn) Write(b []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(c.limit)); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// witness remembers the Date header of the last answer that had one, and the
// server's certificate. It also sees to it that a request is over when its answer is.
type witness struct {
	next http.RoundTripper

	mu   sync.Mutex
	date time.Time
	seen int
	leaf *x509.Certificate // of the last answer over TLS
}

func (w *witness) RoundTrip(r *http.Request) (*http.Response, error) {
	body := &turnstile{body: r.Body}
	if r.Body != nil {
		r = r.WithContext(r.Context()) // a copy: a request is not the transport's to change
		r.Body = body
	}
	answer, err := w.next.RoundTrip(r)
	if err != nil {
		body.shut()
		return nil, err
	}
	answer.Body = &answerBody{answer.Body, body}
	if answer.TLS != nil && len(answer.TLS.PeerCertificates) > 0 {
		w.mu.Lock()
		w.leaf = answer.TLS.PeerCertificates[0]
		w.mu.Unlock()
	}
	if date, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		w.mu.Lock()
		w.date, w.seen = date, w.seen+1
		w.mu.Unlock()
	}
	return answer, nil
}

// last is the latest date and how many have been seen so far.
func (w *witness) last() (time.Time, int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.date, w.seen
}

// certificate is the server's own of the last answer; nil for none.
func (w *witness) certificate() *x509.Certificate {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.leaf
}

// turnstile is a request's body that can be shut. A server may answer before
// it has had the whole body, and net/http then goes on reading it in the
// background, while minio-go already winds the same file back for the next
// attempt.
type turnstile struct {
	body io.ReadCloser

	mu     sync.Mutex
	closed bool
}

func (t *turnstile) Read(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	return t.body.Read(b)
}

func (t *turnstile) Close() error { return t.body.Close() }

// shut returns once nobody reads the body any more, nor ever will.
func (t *turnstile) shut() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
}

// answerBody shuts the request's body when the answer has been dealt with, and
// not sooner: to end the request is to end the connection.
type answerBody struct {
	io.ReadCloser
	request *turnstile
}

func (a *answerBody) Close() error {
	defer a.request.shut()
	return a.ReadCloser.Close()
}
