// Package lyingtest stands between a client and a real S3 server and lies in
// one way: about what it has done, or about what there is. Only tests import it.
package lyingtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"letterlock/scanner/deposit"
)

// Lie is one way of lying. next is the honest server.
type Lie func(r *http.Request, next http.RoundTripper) (*http.Response, error)

// Before starts a liar before the server of c, until the test ends, and returns
// c with the liar's endpoint. The lie holds while active says so; nil is always.
func Before(t testing.TB, c deposit.S3Config, lie Lie, active func() bool) deposit.S3Config {
	t.Helper()
	target, err := url.Parse(c.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	wire := &http.Transport{DisableCompression: true}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(target)
			p.Out.Host = p.In.Host // which the client has signed
		},
		Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
			if active != nil && !active() {
				return wire.RoundTrip(r)
			}
			return lie(r, wire)
		}),
	})
	t.Cleanup(func() {
		server.Close()
		wire.CloseIdleConnections()
	})
	c.Endpoint = server.URL
	return c
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// says is an answer without having asked.
func says(r *http.Request, status int, body string) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
	h := http.Header{"Date": {time.Now().UTC().Format(http.TimeFormat)}, "Content-Type": {"application/xml"}}
	return &http.Response{StatusCode: status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: h,
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body)), Request: r}, nil
}

// Asks reports whether r is about a part of the bucket or object, as in ?versioning.
func Asks(r *http.Request, method, about string) bool {
	return r.Method == method && (about == "" || r.URL.Query().Has(about))
}

// IsPut reports whether r puts an object.
func IsPut(r *http.Request) bool {
	return r.Method == http.MethodPut && strings.Count(r.URL.Path, "/") > 1 && r.URL.RawQuery == ""
}

// IsRemoval reports whether r removes a version or a marker for good.
func IsRemoval(r *http.Request) bool { return Asks(r, http.MethodDelete, "versionId") }

// Instead answers the requests that fit by itself; the server does not hear of them.
func Instead(fits func(*http.Request) bool, status int, body string) Lie {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if fits(r) {
			return says(r, status, body)
		}
		return next.RoundTrip(r)
	}
}

// Lost passes the requests that fit on, and answers that the server is not there.
func Lost(fits func(*http.Request) bool) Lie {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		if err != nil || !fits(r) {
			return answer, err
		}
		_ = answer.Body.Close()
		return says(r, http.StatusServiceUnavailable, "")
	}
}

// Rewritten changes the server's answers to the requests that fit.
func Rewritten(fits func(*http.Request) bool, change func(header http.Header, body string) string) Lie {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		if err != nil || !fits(r) {
			return answer, err
		}
		defer func() { _ = answer.Body.Close() }()
		b, err := io.ReadAll(answer.Body)
		if err != nil {
			return nil, err
		}
		body := change(answer.Header, string(b))
		if r.Method != http.MethodHead {
			answer.Header.Set("Content-Length", fmt.Sprint(len(body)))
			answer.ContentLength = int64(len(body))
		}
		answer.Body = io.NopCloser(strings.NewReader(body))
		return answer, nil
	}
}

// Pretended turns the refusals of the requests that fit into successes.
func Pretended(fits func(*http.Request) bool) Lie {
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		answer, err := next.RoundTrip(r)
		if err == nil && fits(r) && answer.StatusCode >= 400 && answer.StatusCode < 500 {
			_ = answer.Body.Close()
			answer, err = says(r, http.StatusOK, "")
			answer.Header.Set("Etag", `"d41d8cd98f00b204e9800998ecf8427e"`)
		}
		return answer, err
	}
}

// Replaced puts by in the place of whatever matches in the server's answers to
// the requests that fit.
func Replaced(fits func(*http.Request) bool, pattern, by string) Lie {
	re := regexp.MustCompile("(?s)" + pattern)
	return Rewritten(fits, func(_ http.Header, body string) string { return re.ReplaceAllString(body, by) })
}

// Stale answers a listing of versions with what it showed for the first time.
func Stale() Lie {
	var mu sync.Mutex
	first := map[string][]byte{}
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		if !Asks(r, http.MethodGet, "versions") {
			return next.RoundTrip(r)
		}
		mu.Lock()
		defer mu.Unlock()
		key := r.URL.String()
		if first[key] == nil {
			answer, err := next.RoundTrip(r)
			if err != nil {
				return nil, err
			}
			b, err := io.ReadAll(answer.Body)
			if err != nil || answer.StatusCode != http.StatusOK {
				answer.Body = io.NopCloser(bytes.NewReader(b))
				return answer, err
			}
			first[key] = b
		}
		return says(r, http.StatusOK, string(first[key]))
	}
}

// Bin answers the removals that fit with success, lists what was removed no more, and keeps it.
func Bin(fits func(*http.Request) bool) Lie {
	var mu sync.Mutex
	var kept []string
	entry := regexp.MustCompile(`(?s)<(?:Version|DeleteMarker)>.*?</(?:Version|DeleteMarker)>`)
	hidden := Rewritten(func(r *http.Request) bool { return Asks(r, http.MethodGet, "versions") }, func(_ http.Header, body string) string {
		return entry.ReplaceAllStringFunc(body, func(e string) string {
			if slices.ContainsFunc(kept, func(id string) bool { return strings.Contains(e, id) }) {
				return ""
			}
			return e
		})
	})
	return func(r *http.Request, next http.RoundTripper) (*http.Response, error) {
		mu.Lock()
		defer mu.Unlock()
		if fits(r) {
			kept = append(kept, r.URL.Query().Get("versionId"))
			return says(r, http.StatusNoContent, "")
		}
		return hidden(r, next)
	}
}
