package portal

import (
	"context"
	"database/sql/driver"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"testing"
)

// While Letterlock is closed every route answers everybody with one and the
// same page, whatever cookie they bring: nobody can sign in, no session lives,
// nothing is recorded. What is of no letter and of nobody can still be read.
func TestClosedToEverybody(t *testing.T) {
	closed, unknown := false, error(nil)
	h := newHouse(t, func(c *Config) { c.Closed = func(context.Context) (bool, error) { return closed, unknown } })
	_, err := h.register.BeginDay(t.Context())
	must(t, err)
	id, hold := h.readable(1), h.onHold()
	visitors := map[int64]*visitor{0: h.nobody()}
	for _, n := range []int64{h.lead, h.manager, h.ops, h.dpo, h.admin} {
		visitors[n] = h.as(n)
		wantStatus(t, visitors[n].get("/account"), http.StatusOK) // the session is a true one
	}
	site := h.scans("office")
	closed = true
	entries, _, err := h.register.Checkpoint(t.Context())
	must(t, err)
	page := h.nobody().get("/")
	for _, r := range routes {
		path := strings.NewReplacer("{$}", "", "{id}", string(id), "{n}", "1.jpg", "{token}", "token-1", "{site}", site, "{hold}", hold, "{request}", "1").Replace(r.path)
		for n, v := range visitors {
			w := v.get(path)
			if r.method == http.MethodPost {
				w = v.post(path, url.Values{"code": {"K7QM-4T2X"}})
			}
			switch path {
			case "/policy", "/checkpoint", "/checkpoint/keys":
				wantStatus(t, w, http.StatusOK)
			case "/checkpoint/growth":
				wantStatus(t, w, http.StatusBadRequest) // no numbers were asked for
			default:
				wantSame(t, r.method+" "+path, w, page)
				continue
			}
			if n != 0 && w.Body.String() != visitors[0].get(path).Body.String() {
				t.Errorf("%s: staff %d is shown another page than nobody", path, n)
			}
		}
	}
	wantStatus(t, page, http.StatusServiceUnavailable)
	wantText(t, page, "restored from a backup")
	wantText(t, page, "letterlock restore")
	if page.Header().Get("Retry-After") == "" {
		t.Error("nobody is told to come back")
	}
	wantStatus(t, h.nobody().get(h.portal.files.address("style.css")), http.StatusOK)
	wantSame(t, "an address that is nowhere", h.nobody().get("/no-such-page"), page)
	if now, _, err := h.register.Checkpoint(t.Context()); err != nil || now != entries {
		t.Errorf("%d entries, and there were %d, %v", now, entries, err)
	}
	closed = false
	for says, why := range map[string]error{"cannot reach its register": driver.ErrBadConn, "no room left": syscall.ENOSPC} {
		unknown = why
		for _, v := range visitors {
			w := v.get("/letters")
			wantStatus(t, w, http.StatusServiceUnavailable)
			wantText(t, w, says)
			wantText(t, w, "Nothing is lost")
			if w.Header().Get("Retry-After") == "" || strings.Contains(w.Body.String(), "backup") {
				t.Errorf("while it cannot be found out: %v, %s", w.Header(), w.Body)
			}
		}
	}
	unknown = errors.New("something else")
	wantStatus(t, visitors[h.lead].get("/letters"), http.StatusInternalServerError)
	unknown = nil
	wantStatus(t, visitors[h.lead].get("/letters"), http.StatusOK)
}
