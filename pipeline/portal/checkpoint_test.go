package portal

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"letterlock/pipeline/register"
)

// A stranger sees the day's checkpoint and can follow how the register grows
// from day to day, and nothing of what goes on meanwhile.
func TestAStrangerFollowsTheRegister(t *testing.T) {
	h := newHouse(t)
	stranger := h.nobody()
	wantStatus(t, stranger.get("/checkpoint"), http.StatusNotFound)
	day := func() register.Head {
		t.Helper()
		_, err := h.register.BeginDay(t.Context())
		must(t, err)
		w := stranger.get("/checkpoint")
		wantStatus(t, w, http.StatusOK)
		head, err := register.OpenHead(w.Body.String(), h.verifier)
		must(t, err)
		return head
	}
	first := day()
	h.readable(2)
	if w := stranger.get("/checkpoint"); w.Body.String() != first.Note || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Error("a stranger can see that something happens here")
	}
	h.now = h.now.AddDate(0, 0, 1)
	second := day()
	if second.Entries <= first.Entries+1 {
		t.Fatalf("%d entries after %d", second.Entries, first.Entries)
	}
	w := stranger.get(fmt.Sprintf("/checkpoint/growth?from=%d", first.Entries))
	wantStatus(t, w, http.StatusOK)
	var g register.Growth
	must(t, json.Unmarshal(w.Body.Bytes(), &g))
	must(t, g.Check(first, second))
	h.readable(1)
	for _, q := range []string{"", "?from=0", "?from=x", fmt.Sprintf("?from=%d&to=%d", first.Entries, second.Entries+1), fmt.Sprintf("?from=%d&to=1", first.Entries)} {
		wantStatus(t, stranger.get("/checkpoint/growth"+q), http.StatusBadRequest)
	}
}
