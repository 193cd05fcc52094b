package portal

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// everyPage looks at every page as everybody who may, and has each looked at.
func everyPage(t *testing.T, look func(h *house, who int64, path string, get func() *httptest.ResponseRecorder)) {
	t.Helper()
	h := newHouse(t, letsPrint)
	h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 3, Begins: []int{1, 3}, Sheets: []int{2}})
	id := h.readable(2)
	lost := h.readable(1)
	h.replayed()
	_, err := h.register.BeginDay(t.Context())
	must(t, err)
	hold, request := h.onHold(), h.asked(h.readable(1))
	looked := 0
	for _, r := range routes {
		if r.method != http.MethodGet || r.sample || r.sso {
			continue
		}
		about := id
		if strings.HasPrefix(r.path, "/desk/lost/") {
			about = lost
		}
		path := strings.NewReplacer("{request}", request, "{$}", "", "{id}", string(about), "{n}", "1.jpg", "{token}", "token-1",
			"{person}", strconv.FormatInt(h.lead2, 10), "{site}", h.scans("office"), "{hold}", hold).Replace(r.path)
		for _, n := range []int64{0, h.lead, h.manager, h.ops, h.dpo, h.admin} {
			who, err := h.register.Person(t.Context(), n)
			if len(r.who) > 0 && (err != nil || !slices.Contains(r.who, who.Role)) {
				continue
			}
			v := h.as(n)
			look(h, n, path, func() *httptest.ResponseRecorder { return v.get(path) })
			looked++
		}
	}
	if looked < 100 {
		t.Fatalf("only %d pages were looked at", looked)
	}
}

// TestLookingChangesNothing: whatever address somebody opens, nothing is on record
// but that a letter was opened.
func TestLookingChangesNothing(t *testing.T) {
	everyPage(t, func(h *house, who int64, path string, get func() *httptest.ResponseRecorder) {
		before := h.newestEntry(t)
		get()
		for _, e := range h.since(t, before) {
			t.Errorf("staff number %d only looked at %s, and on record is %s", who, path, e.Kind)
		}
	})
}

// TestSigningOutIsOnEveryPage that is shown to somebody who is signed in.
func TestSigningOutIsOnEveryPage(t *testing.T) {
	everyPage(t, func(_ *house, who int64, path string, get func() *httptest.ResponseRecorder) {
		w := get()
		page := w.Code == http.StatusOK && strings.HasPrefix(w.Header().Get("Content-Type"), "text/html")
		if page && who != 0 && !strings.Contains(w.Body.String(), `action="/sign-out"`) {
			t.Errorf("%s has nothing to sign out with", path)
		}
	})
}

// TestAddressesAreForTheAdministratorAlone: who sees a person's name does not see
// their mail address, nor what a passkey is known by.
func TestAddressesAreForTheAdministratorAlone(t *testing.T) {
	seen := false
	everyPage(t, func(h *house, who int64, path string, get func() *httptest.ResponseRecorder) {
		there := strings.Contains(get().Body.String(), "somebody@example.org")
		if there && who != h.admin {
			t.Errorf("%s shows staff number %d a mail address", path, who)
		}
		seen = seen || there
	})
	if !seen {
		t.Error("nobody sees any, and the test cannot fail")
	}
	if w := newHouse(t).nobody().post("/sign-in/begin", nil); strings.Contains(w.Body.String(), "allowCredentials") {
		t.Errorf("a stranger is told whose passkeys there are:\n%s", w.Body)
	}
}

// TestARiskIsForThoseWhoRead: what a reader answers to the safeguarding question
// is on the letter's page, and on none of those who do not read.
func TestARiskIsForThoseWhoRead(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	path := "/l/" + string(id)
	must(t, h.register.AnswerRisk(t.Context(), id, register.RiskShare, "", h.lead))
	says := texts.English().Text(texts.Word("risk", register.RiskShare))
	wantText(t, h.as(h.manager).get(path), says)
	for _, p := range []string{"/desk", "/desk/" + string(id), "/papers", "/intake"} {
		w := h.as(h.ops).get(p)
		wantStatus(t, w, http.StatusOK)
		if strings.Contains(w.Body.String(), says) {
			t.Errorf("%s tells operations of a risk", p)
		}
	}
}
