package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"letterlock/pipeline/register"
)

const twice = "everything twice"

// badInputs are what may stand in a field of any form, beside what the page offers.
func (h *house) badInputs(foreign register.Letter) map[string]func(pageField) []string {
	always := func(values ...string) func(pageField) []string { return func(pageField) []string { return values } }
	return map[string]func(pageField) []string{
		"nothing":           always(),
		"emptiness":         always(""),
		"blanks":            always(" \t\u00a0 "),
		"too much":          always(strings.Repeat("x", 5000)),
		"markup":            always(`"><` + mark + `>{{.}}<script>`),
		"no text":           always("\x00\xff\xfe"),
		"a number":          always("-1"),
		"a huge number":     always("99999999999999999999"),
		"a day that is not": always("2026-02-30"),
		twice:               func(f pageField) []string { return []string{f.value + "x", f.value} },
		"another's letter":  always(string(foreign.ID)),
		"its reference":     always(foreign.ID.Reference()),
		"another's number":  always(strconv.FormatInt(h.stranger, 10)),
	}
}

// TestEveryFormWithBadInput sends every form of every page as everybody who sees
// it, with each kind of bad input in all its fields, and after the session has
// died. It is told in a plain page, nothing that was sent is part of that, and
// nothing is on record of it.
func TestEveryFormWithBadInput(t *testing.T) {
	h := newHouse(t, letsPrint)
	h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
	h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 3, Begins: []int{1, 3}, Sheets: []int{2}})
	foreign, err := h.register.Letter(t.Context(), h.letter(1))
	must(t, err)
	hold, request := h.onHold(), h.asked(h.readable(1))
	sent := map[string]bool{}
	for _, n := range []int64{h.lead, h.manager, h.ops, h.dpo, h.admin} {
		for _, r := range routes {
			if r.method != http.MethodGet || r.sample || r.sso {
				continue
			}
			who, err := h.register.Person(t.Context(), n)
			must(t, err)
			if len(r.who) > 0 && !slices.Contains(r.who, who.Role) {
				continue
			}
			path := strings.NewReplacer("{$}", "", "{id}", string(h.readable(2)), "{n}", "1.jpg", "{token}", "token-1", "{site}", h.scans("office"), "{hold}", hold,
				"{request}", request, "{person}", strconv.FormatInt(h.lead2, 10)).Replace(r.path)
			v := h.as(n)
			v.showsAgain(path)
			for _, f := range formsOf(t, v.get(path).Body) {
				if len(f.fields) == 0 { // a button, which has nothing to be wrong
					continue
				}
				for name, bad := range h.badInputs(foreign) {
					h.sendsBadly(t, v, path, f, name, bad)
				}
				h.sendsTooLate(t, path, f)
				sent[r.path+" "+f.fields[0].name] = true
			}
		}
	}
	if len(sent) < 16 {
		t.Errorf("only %d forms were sent", len(sent))
	}
}

// sendsBadly fills every field of the form with that.
func (h *house) sendsBadly(t *testing.T, v *visitor, page string, f pageForm, name string, bad func(pageField) []string) {
	t.Helper()
	form := url.Values{}
	for _, field := range f.fields {
		form[field.name] = bad(field)
	}
	to, _, _ := strings.Cut(f.action, "?form=") // with its token it acts once, and is sent many times here
	v.showsAgain(page)
	v.showsAgain(to)
	before := h.newestEntry(t)
	w := v.post(to, form)
	said := w.Body.String()
	if w.Code >= 500 || strings.Contains(said, "goroutine ") || strings.Contains(said, "<"+mark) {
		t.Errorf("%s with %s: answered %d:\n%s", to, name, w.Code, said)
	}
	for _, e := range h.since(t, before) {
		if name == twice && (e.Kind == "person-changed" || e.Kind == "edge-invited") { // the first of two names is one
			continue
		}
		t.Errorf("%s of %s with %s: answered %d, and on record is %s", to, page, name, w.Code, e.Kind)
	}
}

// sendsTooLate sends the form from a page whose session has died meanwhile.
func (h *house) sendsTooLate(t *testing.T, page string, f pageForm) {
	t.Helper()
	if f.action == "/enrol" { // which needs none
		return
	}
	r := httptest.NewRequest(http.MethodPost, f.action, strings.NewReader(url.Values{f.fields[0].name: {"x"}}.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Referer", testOrigin+page)
	before := h.newestEntry(t)
	w := h.nobody().send(r)
	if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in?lost=1&to="+url.QueryEscape(page)) {
		t.Errorf("%s without a session: answered %d to %q", f.action, w.Code, w.Header().Get("Location"))
	}
	if len(h.since(t, before)) > 0 {
		t.Errorf("%s without a session is on record", f.action)
	}
}

func (h *house) newestEntry(t *testing.T) int64 {
	t.Helper()
	found, err := h.register.Entries(t.Context(), -1, "", "", 1)
	must(t, err)
	return found[0].N
}

// since is what came on record after that entry, but for letters that were opened.
func (h *house) since(t *testing.T, entry int64) (out []register.Entry) {
	t.Helper()
	found, err := h.register.Entries(t.Context(), -1, "", "", 20)
	must(t, err)
	for _, e := range found {
		if e.N > entry && e.Kind != "letter-opened" {
			out = append(out, e)
		}
	}
	return out
}
