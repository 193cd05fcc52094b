package portal

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// action is where a page's form is sent, its token included.
func action(t testing.TB, w *httptest.ResponseRecorder, path string) string {
	t.Helper()
	wantStatus(t, w, http.StatusOK)
	body := w.Body.String()
	for _, f := range formsOf(t, strings.NewReader(body)) {
		if at, _, _ := strings.Cut(f.action, "?form="); at == path {
			return f.action
		}
	}
	t.Fatalf("no form for %s on the page:\n%s", path, body)
	return ""
}

// onceForm is a form that becomes an entry for good.
type onceForm struct {
	name, page, path string // {id} is a letter that its sender has opened
	form             url.Values
	kind             string // of the entry
	shows            string
	prepare          func(h *house, id letter.ID)
	confirm          bool   // it is seen once more on a page of its own
	by               int64  // who sends it; 0 for the manager
	again            string // for which they show anew who they are, if they must
	code             bool   // the first time it shows what is shown only once
}

func (h *house) onceForms() []onceForm {
	hold := url.Values{"reason": {"coroner"}, "owner": {fmt.Sprint(h.dpo)}, "review": {"2027-02-22"}}
	held := func(h *house, _ letter.ID) { h.onHold() }
	asked := func(h *house, id letter.ID) { h.asked(id) }
	passkey := func(h *house, _ letter.ID) {
		must(h.t, h.register.AddAnotherPasskey(h.t.Context(), h.lead, []byte("one"), "{}"))
	}
	mark := sha256.Sum256([]byte("one")) // as the page shows it
	lead := personPath(h.lead)
	sharing := url.Values{"agency": {"police"}, "basis": {"consent"}, "on": {"2026-11-24"}}
	maps.Copy(sharing, h.keepForm())
	review := h.keepForm()
	review.Del("reason") // which only the decision itself asks for
	return []onceForm{
		{name: "hold", page: "/holds/new?letter={id}", path: "/holds/new", form: with(hold, "letter", "{id}"), kind: "hold-placed", shows: "/holds?done=placed", confirm: true},
		{name: "review of a hold", page: "/holds/1", path: "/holds/1/review", form: hold, kind: "hold-reviewed", shows: "/holds?done=reviewed", prepare: held},
		{name: "release", page: "/holds/1", path: "/holds/1/release", kind: "hold-released", shows: "/holds?done=released", prepare: held, again: "/holds/1", confirm: true},
		{name: "safeguarding", page: "/l/{id}/safeguarding", path: "/l/{id}/safeguarding", form: h.keepForm(), kind: "letter-safeguarded", shows: "/l/{id}?done=kept", confirm: true},
		{name: "review of safeguarding", page: "/l/{id}/safeguarding", path: "/l/{id}/safeguarding", form: review, kind: "safeguarding-reviewed", shows: "/l/{id}?done=reviewed",
			prepare: (*house).keeps, confirm: true},
		{name: "sharing", page: "/l/{id}/sharing", path: "/l/{id}/sharing", form: sharing, kind: "letter-shared", shows: "/l/{id}?done=shared", confirm: true},
		{name: "stepping back", page: "/l/{id}/recuse", path: "/l/{id}/recuse", kind: "letter-recused", shows: "/letters?done=recused", by: h.lead},
		{name: "erasure", page: "/l/{id}/erase", path: "/l/{id}/erase", form: url.Values{"reason": {"person-asked"}}, kind: "erasure-asked", shows: "/l/{id}?done=asked"},
		{name: "redirection", page: "/l/{id}/redirect", path: "/l/{id}/redirect", form: url.Values{"helpline": {"mens-advice-line"}}, kind: "redirection-asked", shows: "/l/{id}?done=asked"},
		{name: "withdrawal", page: "/l/{id}/withdraw", path: "/l/{id}/withdraw", form: url.Values{"reason": {"other-letter"}}, kind: "withdrawal-asked", shows: "/l/{id}?done=asked",
			prepare: (*house).keeps},
		{name: "confirmation", page: "/requests/1", path: "/requests/1/confirm", kind: "erasure-confirmed", shows: "/requests?done=confirmed", prepare: asked, by: h.dpo, again: "/requests/1"},
		{name: "no", page: "/requests/1", path: "/requests/1/decline", kind: "request-declined", shows: "/requests?done=declined", prepare: asked, by: h.dpo},
		{name: "second thoughts", page: "/l/{id}", path: "/l/{id}/take-back", kind: "request-declined", shows: "/l/{id}?done=taken-back", by: h.lead,
			prepare: func(h *house, id letter.ID) {
				must(h.t, h.register.AskErasure(h.t.Context(), id, register.PersonAsked, h.lead))
			}},
		{name: "invitation", page: "/people/new", path: "/people/new", form: invitation(), kind: "person-added", shows: "/people?done=invited", by: h.admin, again: "/people/new", code: true},
		{name: "code", page: lead, path: lead + "/code", kind: "code-made", shows: lead + "?done=code", by: h.admin, again: lead, code: true},
		{name: "lost device", page: lead, path: lead + "/revoke", form: url.Values{"passkey": {hex.EncodeToString(mark[:8])}}, kind: "passkey-revoked", shows: lead + "?done=revoked", confirm: true, by: h.admin, again: lead, prepare: passkey},
		{name: "leaving", page: lead + "/leave", path: lead + "/leave", kind: "person-disabled", shows: "/people?done=left", by: h.admin, again: lead + "/leave"},
	}
}

// The same form, sent twice, becomes one entry, and the second sending is led to
// where the first was.
func TestAFormActsOnce(t *testing.T) {
	for _, f := range newHouse(t).onceForms() {
		t.Run(f.name, func(t *testing.T) { newHouse(t).actsOnce(f) })
	}
}

func (h *house) actsOnce(f onceForm) {
	t := h.t
	id := h.readable(1)
	put := func(s string) string { return strings.ReplaceAll(s, "{id}", string(id)) }
	who := h.as(h.manager)
	who.get("/l/" + string(id))
	if f.prepare != nil {
		f.prepare(h, id)
	}
	if f.by != 0 {
		who = h.as(f.by)
	}
	if f.again != "" {
		who.showsAgain(f.again)
	}
	form := url.Values{}
	for name, values := range f.form {
		form.Set(name, put(values[0]))
	}
	to := action(t, who.get(put(f.page)), put(f.path))
	if f.confirm {
		to = action(t, who.post(to, form), put(f.path))
		form.Set("confirm", "yes")
	}
	before := len(h.entries(f.kind, ""))
	if f.code {
		wantText(t, who.post(to, form), "This page is shown once")
	}
	for range 3 {
		wantRedirect(t, who.post(to, form), put(f.shows))
	}
	if n := len(h.entries(f.kind, "")) - before; n != 1 {
		t.Errorf("%d entries", n)
	}
	if strings.Contains(h.log.String(), to) {
		t.Error("the log tells which form it was")
	}
}

// mayRepeat are the forms that may be sent as often as one likes, and why.
var mayRepeat = map[string]string{
	"enrol.html /enrol":                        "the code is spent by the passkey",
	"evidence.html /evidence":                  "each pack is an export of its own, and on record as one",
	"confirm-policy.html /policy/confirm":      "a text is confirmed once",
	"account.html /sign-out/everywhere":        "the sessions are over",
	"layout.html /sign-out/everywhere":         "the sessions are over",
	"layout.html /sign-out":                    "the session is over",
	"letter.html /l/{{$letter.ID}}/readable":   "found readable twice is found readable",
	"letter.html /l/{{$letter.ID}}/scan-again": "for the same reason it is nothing new",
	"letter.html /l/{{$letter.ID}}/print":      "each printing is on record as one",
	"lost.html {{.Body.Action}}":               "nothing is on record before it is signed",
	"paper.html {{.Body.Action}}":              "nothing is on record before it is signed",
	"question.html /intake/{{.Body.Token}}":    "the question has its token",
	"register.html /register/export.ndjson":    "each is an export of its own, and on record as one",
	"sample.html /sample":                      "signing in",
	"sign.html {{.Path}}":                      "the tray has its token",
}

// No form acts twice because nobody has thought of it.
func TestEveryFormIsOneOrTheOther(t *testing.T) {
	every := regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	names, err := fs.Glob(templates, "templates/*.html")
	must(t, err)
	left := maps.Clone(mayRepeat)
	for _, name := range names {
		text, err := fs.ReadFile(templates, name)
		must(t, err)
		for _, m := range every.FindAllStringSubmatch(string(text), -1) {
			form := filepath.Base(name) + " " + m[1]
			delete(left, form)
			if mayRepeat[form] == "" && !strings.Contains(m[1], "?form={{$.Token}}") {
				t.Errorf("%s: a second click may act again", form)
			}
		}
	}
	for form := range left {
		t.Errorf("%s is not there any more", form)
	}
}

// Two clicks reach the server at once.
func TestAFormIsSentTwiceAtOnce(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	manager := h.as(h.manager)
	form := url.Values{"letter": {string(id)}, "reason": {"coroner"}, "owner": {fmt.Sprint(h.dpo)}, "review": {"2027-02-22"}, "confirm": {"yes"}}
	to := action(t, manager.get("/holds/new?letter="+string(id)), "/holds/new")
	var all sync.WaitGroup
	for range 8 {
		twin := &visitor{h: h, cookies: maps.Clone(manager.cookies)}
		all.Go(func() {
			if w := twin.post(to, form); w.Code != http.StatusSeeOther {
				t.Errorf("answered %d", w.Code)
			}
		})
	}
	all.Wait()
	if n := len(h.entries("hold-placed", "")); n != 1 {
		t.Errorf("%d holds", n)
	}
}

// What failed can be sent again; another page's form is another act; and nobody
// is led anywhere by a form of somebody else.
func TestAFormThatDidNotAct(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	form := url.Values{"reason": {"person-asked"}}
	to := action(t, lead.get(path+"/erase"), path+"/erase")
	wantText(t, lead.post(to, form), "Please open the letter first")
	lead.get(path)
	wantText(t, lead.post(to, nil), "Choose why the letter must be erased")
	wantRedirect(t, lead.post(to, form), path+"?done=asked")
	second := h.as(h.lead2)
	second.get(path)
	wantText(t, second.post(to, form), "Something was asked for this letter already")
	wantText(t, lead.post(action(t, lead.get(path+"/erase"), path+"/erase"), form), "Something was asked for this letter already")
	wantStatus(t, lead.post(path+"/erase?form=short", form), http.StatusBadRequest)
	h.as(h.dpo).post("/requests/1/decline", nil)
	h.now = h.now.Add(7 * time.Hour)
	lead = h.as(h.lead) // a page that stood open since the morning
	wantRedirect(t, lead.post(to, form), path+"?done=asked")
	if n := len(h.entries("erasure-asked", id)); n != 1 {
		t.Errorf("asked %d times", n)
	}
}

// A form that takes the letter from whoever sends it still shows, the second time,
// that it was done.
func TestAFormThatGivesTheLetterAway(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	lead.get(path)
	form := with(h.keepForm(), "named", fmt.Sprint(h.lead2), "confirm", "yes")
	to := action(t, lead.get(path+"/safeguarding"), path+"/safeguarding")
	for range 2 {
		wantRedirect(t, lead.post(to, form), "/letters?done=given-away")
	}
	wantText(t, lead.get("/letters?done=given-away"), "Your decision is recorded, and the letter is kept for five years.", "it is not yours to open any more")
}

// A copy is filed once, however often its form is sent.
func TestAnAnswerIsFiledOnce(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	lead.get(path)
	to := action(t, lead.get(path+"/response"), path+"/response")
	wantStatus(t, lead.upload(to, "file", "x.pdf", []byte("%PDF")), http.StatusSeeOther)
	wantRedirect(t, lead.upload(to, "file", "x.pdf", []byte("%PDF")), path+"?done=filed")
	wantText(t, lead.get(path+"?done=filed"), "not kept yet", "A copy that you have not kept yet")
	filed, err := h.register.Responses(t.Context(), id)
	must(t, err)
	if len(filed) != 1 {
		t.Errorf("%d answers", len(filed))
	}
}

// Whoever clicks twice waits for what becomes of the first click: it may fail yet.
func TestTheSecondSendingWaits(t *testing.T) {
	s := &sending{forms: map[string]chan struct{}{}}
	end, err := s.begin(t.Context(), "form")
	must(t, err)
	hurried, stop := context.WithCancel(t.Context())
	stop()
	if _, err := s.begin(hurried, "form"); !errors.Is(err, context.Canceled) {
		t.Errorf("the second did not wait: %v", err)
	}
	other, err := s.begin(hurried, "another")
	must(t, err)
	other()
	end()
	end, err = s.begin(hurried, "form")
	must(t, err)
	end()
	if len(s.forms) > 0 {
		t.Errorf("%d forms are left", len(s.forms))
	}
}
