package pipeline

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
)

// A server is healthy while its sweeps go on, and ready while it may serve.
func TestHealth(t *testing.T) {
	o := newOffice(t)
	healthz, readyz := o.Healthz(), o.Readyz()
	want := func(when string, h http.Handler, says string) {
		t.Helper()
		answer := httptest.NewRecorder()
		h.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/", nil))
		if (answer.Code == http.StatusOK) != (says == "ok") || !strings.Contains(answer.Body.String(), says) {
			t.Errorf("%s: %d %s", when, answer.Code, answer.Body)
		}
	}
	want("just started", healthz, "ok")
	want("just started", readyz, "ok")
	o.swept.Store(time.Now().Add(-stillFor / 2).Unix())
	want("after a long sweep", healthz, "ok")
	o.swept.Store(time.Now().Add(-stillFor - time.Minute).Unix())
	want("stuck", healthz, "nothing was looked after for 31m")
	o.must(o.cfg.Register.Close())
	want("without its register", readyz, "the register does not answer")

	older := newOffice(t)
	older.must(older.cfg.Register.KeepClosed(t.Context(), register.RestoreSigns[:1]))
	want("an older copy", older.Readyz(), "serves nobody")

	// The key was changed on another server, or is not in the folder.
	other := newOffice(t)
	want("with the register's key", other.Readyz(), "ok")
	strange, _ := signer(t, "letterlock-register")
	for when, key := range map[string]note.Signer{"without the register's key": nil, "with a key that does not sign": strange} {
		desk := other.desk
		desk.Signer = key
		reg, err := register.Open(t.Context(), desk)
		other.must(err)
		defer func() { _ = reg.Close() }()
		cfg := other.cfg
		cfg.Register = reg
		want(when, New(cfg).Readyz(), "nobody can sign in here")
	}
}
