package portal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"regexp"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"letterlock/pipeline/register"
)

// maxBody bounds a request's body in bytes: the largest true form or passkey
// answer is a few kilobytes.
const maxBody = 64 << 10

// visit is one request and who makes it.
type visit struct {
	*http.Request
	from      string // the network address it came from; never in a log
	began     time.Time
	even      bool   // that there is nothing is answered in even steps of time: see evenOut
	requestID string // in the log and on the page of a failure, so that the two can be brought together
	signedIn  bool
	session   []byte    // hash of the session's token
	since     time.Time // when the session began
	person    register.Person
	tried     int64           // staff number that somebody tried to sign in as, in vain; 0 if that is not known
	places    []whereabout    // where the session is used, if from two places at once
	letter    register.Letter // where the route is about one that is the person's to read
	script    bool            // the caller is our script
	form      string          // token of the form that is sent, if it acts once only
	waits     *waits          // what the scanner folder asks, once it was looked into
	file      io.ReadCloser   // what is still to come of an upload; nil where there is none
	closed    bool            // Letterlock is closed: the visitor is nobody, whatever the cookie says
}

type visitKey struct{}

func visitOf(r *http.Request) *visit {
	v := r.Context().Value(visitKey{}).(*visit)
	v.Request = r
	return v
}

// routeName is the route in the log: its pattern, never the address asked for.
func (v *visit) routeName() string {
	method := v.Method
	if method != http.MethodGet && method != http.MethodHead && method != http.MethodPost {
		method = "OTHER" // whatever a stranger likes to call it
	}
	return method + " " + v.Pattern
}

// securityHeaders go with every answer, whatever it is.
var securityHeaders = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
		"form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
	"X-Content-Type-Options":       "nosniff",
	"Strict-Transport-Security":    "max-age=31536000; includeSubDomains",
	"Cache-Control":                "no-store",
	// With no-referrer the browser sends "Origin: null" and our own forms
	// would look forged over plain HTTP.
	"Referrer-Policy": "same-origin",
}

// arrives is how every visit begins.
func (p *Portal) arrives(rw http.ResponseWriter, r *http.Request) (*recorder, *visit) {
	w := &recorder{ResponseWriter: rw}
	from, believed := p.fromWhere(r)
	if !believed {
		p.noteProxy(r.Context(), r)
	}
	v := &visit{requestID: rand.Text()[:10], from: from, began: time.Now()}
	v.Request = r.WithContext(context.WithValue(r.Context(), visitKey{}, v))
	for name, value := range securityHeaders {
		w.Header().Set(name, value)
	}
	if p.cfg.SubdomainsWithoutTLS {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
	}
	return w, v
}

// ServeHTTP answers one request.
func (p *Portal) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w, v := p.arrives(rw, r)
	r = v.Request
	defer p.logVisit(w, v)
	defer p.recoverPanic(w, v)
	if err := p.limitAddress(v); err != nil {
		p.answer(w, v, err)
		return
	}
	notKnown := p.findClosed(v)
	switch {
	case v.closed && !shownWhileClosed(r):
		p.answer(w, v, cmp.Or[error](notKnown, closedNow))
	case isPreview(r):
		p.answer(w, v, preview)
	case p.crossOrigin.Check(r) != nil:
		p.answer(w, v, forged)
	case isUpload(r):
		// Only its handler reads it, after it is known who sends it.
		v.file = r.Body
		r.Body = http.MaxBytesReader(rw, r.Body, MaxUpload+maxBody)
		p.mux.ServeHTTP(w, r)
	default:
		body, err := io.ReadAll(http.MaxBytesReader(rw, r.Body, maxBody))
		if err != nil {
			p.answer(w, v, bodyProblem(err))
			return
		}
		// Read whole before anything acts on it: half a form never does.
		r.Body = io.NopCloser(bytes.NewReader(body))
		p.mux.ServeHTTP(w, r)
	}
}

// findClosed finds out whether Letterlock is closed. Where that is not known, it is.
func (p *Portal) findClosed(v *visit) (err error) {
	if p.cfg.Closed != nil {
		v.closed, err = p.cfg.Closed(v.Context())
		v.closed = v.closed || err != nil
	}
	return err
}

// shownWhileClosed tells what anybody may see even while Letterlock is closed:
// it is of no letter and of nobody.
func shownWhileClosed(r *http.Request) bool {
	switch p := r.URL.Path; p {
	case "/policy", "/checkpoint", "/checkpoint/growth", "/checkpoint/keys":
		return true
	default:
		return strings.HasPrefix(p, "/static/")
	}
}

// isUpload tells the one form that carries a file.
func isUpload(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(r.URL.Path, "/l/") && strings.HasSuffix(r.URL.Path, "/response")
}

// isPreview tells a page fetched ahead of a person's decision to look at it:
// it must not count as an opening.
func isPreview(r *http.Request) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		said := r.Header.Get(name)
		if strings.Contains(said, "prefetch") || strings.Contains(said, "prerender") || strings.Contains(said, "preview") {
			return true
		}
	}
	return false
}

func bodyProblem(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return tooLarge
	}
	return badForm
}

// recorder notes what was answered.
type recorder struct {
	http.ResponseWriter
	status int
}

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *recorder) Write(b []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the server's own writer.
func (w *recorder) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// logVisit writes one line: never an address as asked for, an id or a name.
func (p *Portal) logVisit(w *recorder, v *visit) {
	p.cfg.Log.Info("request", "route", v.routeName(), "status", w.status, "staff", v.person.Number, "request", v.requestID)
}

// recoverPanic turns a fault of ours into a plain page. Of the panic's value
// only what the runtime itself says is logged: any other may hold anything.
func (p *Portal) recoverPanic(w *recorder, v *visit) {
	value := recover()
	if value == nil {
		return
	}
	if value == http.ErrAbortHandler {
		panic(value) // a handler cut its own answer off
	}
	said := fmt.Sprintf("%T", value)
	if err, ok := value.(runtime.Error); ok {
		said = err.Error()
	}
	p.logFailure(v, "panic: "+said+"\n"+string(debug.Stack()))
	if w.status != 0 {
		panic(http.ErrAbortHandler) // the answer has begun: cut it off rather than let it pass for whole
	}
	p.answer(w, v, failure)
}

func (p *Portal) logFailure(v *visit, said string) {
	p.cfg.Log.LogAttrs(v.Context(), slog.LevelError, "portal failed", slog.String("said", scrub(said)),
		slog.String("route", v.routeName()), slog.String("request", v.requestID))
}

// An id of a letter, or a reference, wherever it stands in a text.
const (
	anID       = `\b(?i:[0-9a-hjkmnp-tv-z]{26})\b`
	aReference = `\b[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}\b`
)

var lettersID = regexp.MustCompile(anID + `|` + aReference)

// scrub takes letters' ids and references out of an error's text. Storage
// errors name objects, and objects are named after letters.
func scrub(said string) string { return lettersID.ReplaceAllString(said, "(letter)") }
