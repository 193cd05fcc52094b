package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCookies: every cookie that the portal sets is a browser's for this host
// alone, over TLS, until it is closed, and no script's.
func TestCookies(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	h := ssoHouse(t, f.url)
	v := h.enrolsSSO(t, h.lead, f.logsIn)
	another, code := h.nobody(), h.code(h.lead2)
	answers := []*httptest.ResponseRecorder{
		another.get("/sign-in/sso"), another.follows(t, f.logsIn, "/sign-in/sso"), another.post("/sign-out", nil),
		h.nobody().post("/sign-in/begin", nil), h.nobody().post("/enrol", codeForm(h.lead2, code)),
		v.post("/account/passkey/begin", nil), v.post("/sign-out/everywhere", nil),
	}
	sample := newHouse(t, func(c *Config) { c.Sample = true })
	answers = append(answers, sample.nobody().post("/sample", url.Values{"person": {strconv.FormatInt(sample.lead, 10)}}))
	set, cleared := map[string]int{}, 0
	for _, w := range answers {
		for _, c := range w.Result().Cookies() {
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" {
				t.Errorf("not for this host alone: %s", c.Raw)
			}
			switch {
			case c.MaxAge < 0:
				cleared++
			case c.MaxAge > 0 || !c.Expires.IsZero():
				t.Errorf("it outlives the browser: %s", c.Raw)
			default:
				set[c.Name]++
				if len(c.Value) < 26 { // 128 bits, in letters of five
					t.Errorf("it can be guessed: %s", c.Raw)
				}
			}
		}
	}
	if set["__Host-letterlock"] < 2 || set["__Host-letterlock-passkey"] < 4 || len(set) != 2 || cleared < 3 {
		t.Errorf("set %v, cleared %d", set, cleared)
	}
}
