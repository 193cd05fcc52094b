package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// at is the visitor's request from that network address.
func (v *visitor) at(address, method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	r.RemoteAddr = address
	return v.send(r)
}

// A machine that guesses codes is stopped, also one that goes from person to
// person, and nobody else is.
func TestGuessingIsStopped(t *testing.T) {
	h := newHouse(t)
	guess := func(address string, n int) *httptest.ResponseRecorder {
		return h.nobody().at(address, http.MethodPost, "/enrol", codeForm(int64(1000+n), "AAAAA-AAAAA"))
	}
	const here, elsewhere = "203.0.113.7:4711", "203.0.113.8:4711"
	for n := range codesRate.atOnce {
		wantStatus(t, guess(here, n), http.StatusUnprocessableEntity)
	}
	w := guess(here, 99)
	wantStatus(t, w, http.StatusTooManyRequests)
	wantText(t, w, "That was too often in a short time", "Please wait 3 minutes and try again", "Nothing was changed")
	if got := w.Header().Get("Retry-After"); got != "180" {
		t.Errorf("Retry-After is %q", got)
	}
	wantStatus(t, h.nobody().at(here, http.MethodGet, "/enrol", nil), http.StatusOK) // looking is no guess
	wantStatus(t, guess(elsewhere, 1), http.StatusUnprocessableEntity)
	h.now = h.now.Add(codesRate.every)
	wantStatus(t, guess(here, 1), http.StatusUnprocessableEntity)
	wantStatus(t, guess(here, 1), http.StatusTooManyRequests)
	if strings.Contains(h.log.String(), "203.0.113") {
		t.Error("the log has an address")
	}

	for range signInRate.atOnce {
		wantStatus(t, h.nobody().at(here, http.MethodPost, "/sign-in/begin", nil), http.StatusOK)
	}
	w = h.nobody().at(here, http.MethodPost, "/sign-in/begin", nil)
	wantStatus(t, w, http.StatusTooManyRequests)
	wantText(t, w, `{"says":"That was too often in a short time. `, "Please wait a minute")
}

// Whoever drains the portal is stopped by person and by address.
func TestDrainingIsStopped(t *testing.T) {
	h := newHouse(t)
	lead := h.as(h.lead)
	stop := func(v *visitor, path string, r rate, from func(n int) string) {
		t.Helper()
		for n := range r.atOnce {
			if w := v.at(from(n), http.MethodPost, path, nil); w.Code == http.StatusTooManyRequests {
				t.Fatalf("stopped at the %d. request", n+1)
			}
		}
		wantStatus(t, v.at(from(r.atOnce), http.MethodPost, path, nil), http.StatusTooManyRequests)
	}
	stop(lead, "/stay", personRate, func(n int) string { return fmt.Sprintf("198.51.100.%d:1", n%250) })
	wantStatus(t, h.as(h.lead2).post("/stay", nil), http.StatusNoContent)
	wantStatus(t, h.as(h.lead).post("/stay", nil), http.StatusTooManyRequests) // another session is the same person
	h.now = h.now.Add(time.Second)
	wantStatus(t, lead.post("/stay", nil), http.StatusNoContent)
	stop(h.nobody(), "/nothing", addressRate, func(int) string { return "192.0.2.77:1" })
}

// A clock that is set back locks nobody out.
func TestAClockSetBackLocksNobodyOut(t *testing.T) {
	now := time.Now()
	l := newLimiter(func() time.Time { return now })
	l.take(rate{2, time.Minute}, "somebody")
	now = now.Add(-24 * time.Hour)
	if wait := l.take(rate{2, time.Minute}, "somebody"); wait != 0 {
		t.Errorf("has to wait %v", wait)
	}
}

func TestFromWhere(t *testing.T) {
	trusted, err := ParseProxies([]string{"10.0.0.0/28", "192.168.1.7", "fd00::7"})
	must(t, err)
	p := &Portal{cfg: Config{TrustedProxies: trusted}}
	for _, c := range []struct{ remote, forwarded, want string }{
		{"203.0.113.7:1234", "", "203.0.113.7"},
		{"203.0.113.7:1234", "198.51.100.1", "203.0.113.7"}, // anybody may say so
		{"127.0.0.1:1234", "198.51.100.1", "198.51.100.1"},  // a web server on this machine may
		{"[::1]:1234", "10.0.0.1, 198.51.100.1", "198.51.100.1"},
		{"10.0.0.3:1234", "198.51.100.1", "198.51.100.1"},                    // a web server that is named may, too
		{"10.0.0.33:1234", "198.51.100.1", "10.0.0.33"},                      // and no other
		{"192.168.1.7:1", "6.6.6.6, 198.51.100.1, 10.0.0.4", "198.51.100.1"}, // by way of two
		{"127.0.0.1:1", "6.6.6.6, 198.51.100.1, 10.0.0.4", "198.51.100.1"},
		{"127.0.0.1:1", "6.6.6.6, 127.0.0.1", "127.0.0.1"}, // which it does not say of itself
		{"[fd00::7]:1", "2001:db8:1:2::9", "2001:db8:1:2::/64"},
		{"10.0.0.3:1", "", "10.0.0.3"},
		{"10.0.0.3:1", "198.51.100.1:51234", "198.51.100.1"}, // as some web servers have it
		{"127.0.0.1:1", "6.6.6.6, [2001:db8:1:2::9]:443", "2001:db8:1:2::/64"},
		{"127.0.0.1:1", "[2001:db8:1:2::9]", "2001:db8:1:2::/64"},
		{"127.0.0.1:1234", "nonsense", "127.0.0.1"},
		{"[2001:db8:1:2:3:4:5:6]:1", "", "2001:db8:1:2::/64"},
		{"[::ffff:203.0.113.7]:1", "", "203.0.113.7"},
		{"[fe80::1%eth0]:1", "", "fe80::/64"},
		{"nonsense", "198.51.100.1", "unknown"},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got, _ := p.fromWhere(r); got != c.want {
			t.Errorf("%s by way of %q: %q, want %q", c.remote, c.forwarded, got, c.want)
		}
	}
}

// Behind a web server on another machine everybody counts by themselves once it is
// named; until then, who guesses there keeps everybody out, and 'check' can say so.
func TestAWebServerOnAnotherMachine(t *testing.T) {
	tries := func(h *house, from string) int {
		r := httptest.NewRequest(http.MethodPost, "/enrol", strings.NewReader("person=1&code=AAAAA-AAAAA"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = "10.0.0.3:4321"
		if from != "" {
			r.Header.Set("X-Forwarded-For", from)
		}
		return h.nobody().send(r).Code
	}
	for _, named := range []bool{false, true} {
		h := newHouse(t, func(c *Config) {
			if named {
				c.TrustedProxies, _ = ParseProxies([]string{"10.0.0.3"})
			}
		})
		if seen, err := ProxyNotBelieved(t.Context(), h.register); seen || err != nil {
			t.Errorf("before anybody comes: %v, %v", seen, err)
		}
		for range codesRate.atOnce + 1 {
			tries(h, "198.51.100.66")
		}
		if got := tries(h, "203.0.113.7"); (got == http.StatusTooManyRequests) == named {
			t.Errorf("named %v, somebody else is answered %d", named, got)
		}
		if seen, err := ProxyNotBelieved(t.Context(), h.register); seen == named || err != nil {
			t.Errorf("named %v, check is told %v, %v", named, seen, err)
		}
		h.now = h.now.Add(proxyNoted)
		if seen, _ := ProxyNotBelieved(t.Context(), h.register); seen {
			t.Error("it is said for ever")
		}
	}
	for _, wrong := range []string{"", "proxy", "10.0.0.0/0", "::/0", "10.0.0.1/33", "10.0.0.1:80", "fe80::1%eth0", "::ffff:10.0.0.1"} {
		if _, err := ParseProxies([]string{wrong}); err == nil {
			t.Errorf("%q is believed", wrong)
		}
	}
}

func TestWhoIsCountedIsBounded(t *testing.T) {
	now := time.Now()
	l := newLimiter(func() time.Time { return now })
	slow := rate{2, time.Hour}
	l.take(slow, "guesser")
	l.take(slow, "guesser")
	for n := range maxRated + 100 {
		l.take(rate{2, time.Minute}, fmt.Sprint(n))
	}
	if len(l.until) > maxRated {
		t.Errorf("%d are counted", len(l.until))
	}
	if l.take(slow, "guesser") == 0 {
		t.Error("a flood of others has made a guesser forgotten")
	}
}
