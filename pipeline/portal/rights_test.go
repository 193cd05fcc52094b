package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/register"
)

// whoMayDoWhat is the table of routes.go once more, as people would write it
// on a wall: whoever changes who may do what changes it twice.
const whoMayDoWhat = `
GET  /sign-in                 everybody
POST /sign-in/begin           everybody
POST /sign-in/finish          everybody
GET  /sign-in/sso             everybody, with SSO
GET  /sign-in/sso/back        everybody, with SSO
GET  /enrol/sso               everybody, with SSO
GET  /enrol                   everybody
POST /enrol                   everybody
GET  /enrol/passkey           everybody
POST /enrol/passkey/begin     everybody
POST /enrol/passkey/finish    everybody
GET  /policy                  everybody
GET  /policy/confirm          staff
POST /policy/confirm          staff
GET  /policy/people           manager dpo
GET  /checkpoint              everybody
GET  /checkpoint/growth       everybody
GET  /checkpoint/keys         everybody
GET  /sample                  everybody, in a sample
POST /sample                  everybody, in a sample
GET  /{$}                     staff
POST /stay                    staff
POST /entered                 everybody
POST /sign-out                staff
POST /sign-out/everywhere     staff
GET  /account                 staff
POST /account/passkey/begin   staff
POST /account/passkey/finish  staff
GET  /security                staff
GET  /overview                manager
GET  /letters                 team-leader manager
POST /letters/answer-seen     team-leader manager
GET  /l/{id}                  team-leader manager, own letters
GET  /l/{id}/page/{n}         team-leader manager, own letters
GET  /l/{id}/letter.pdf       team-leader manager, own letters
POST /l/{id}/print            team-leader manager, own letters, where letters may be printed
POST /l/{id}/readable         team-leader manager, own letters
POST /l/{id}/scan-again       team-leader manager, own letters
POST /l/{id}/other-paper      team-leader manager, own letters
POST /l/{id}/risk             team-leader manager, own letters
POST /l/{id}/hand-over        team-leader manager, own letters
POST /l/{id}/seen-to          team-leader manager, own letters
GET  /l/{id}/recuse           team-leader manager, own letters
POST /l/{id}/recuse           team-leader manager, own letters
GET  /l/{id}/safeguarding     team-leader manager, own letters
POST /l/{id}/safeguarding     team-leader manager, own letters
GET  /l/{id}/sharing          team-leader manager, own letters
POST /l/{id}/sharing          team-leader manager, own letters
GET  /l/{id}/erase            team-leader manager, own letters
POST /l/{id}/erase            team-leader manager, own letters
GET  /l/{id}/withdraw         team-leader manager, own letters
POST /l/{id}/withdraw         team-leader manager, own letters
GET  /l/{id}/redirect         team-leader manager, own letters
POST /l/{id}/redirect         team-leader manager, own letters
POST /l/{id}/take-back        team-leader manager, own letters
GET  /l/{id}/response         team-leader manager, own letters
POST /l/{id}/response         team-leader manager, own letters
POST /l/{id}/answer-seen      team-leader manager, own letters
POST /l/{id}/keep             team-leader manager, own letters
POST /l/{id}/throw-away       team-leader manager, own letters
POST /l/{id}/confirm-address  team-leader manager, own letters
GET  /requests                manager dpo
GET  /requests/{request}      manager dpo
POST /requests/{request}/confirm manager dpo
POST /requests/{request}/decline manager dpo
POST /again/begin             staff
POST /again/finish            staff
GET  /again/sso               staff, with SSO
GET  /holds                   manager dpo
GET  /holds/new               manager
POST /holds/new               manager
GET  /holds/{hold}            manager dpo
POST /holds/{hold}/review     manager
POST /holds/{hold}/release    manager dpo
GET  /desk                    operations
GET  /desk/{id}               operations
POST /desk/{id}               operations
GET  /desk/tray               operations
POST /desk/tray               operations
GET  /desk/trays              operations
GET  /desk/lost/{id}          operations
POST /desk/lost/{id}          operations
GET  /desk/sign/{token}       operations
POST /desk/sign/{token}       operations
POST /desk/sign/{token}/witness/begin operations
POST /desk/sign/{token}/witness/finish operations
GET  /papers                  operations manager
GET  /papers/count            operations manager
POST /papers/count            operations manager
GET  /intake                  operations
GET  /intake/{token}          operations
GET  /intake/{token}/page/{n} operations
POST /intake/{token}          operations
GET  /register                dpo
POST /register/export.ndjson  dpo
GET  /openings                dpo
GET  /calendar                manager dpo
GET  /retention               manager dpo
GET  /retention/record.csv    manager dpo
GET  /retention/record.pdf    manager dpo
GET  /evidence                manager dpo
POST /evidence                manager dpo
GET  /evidence/making         manager dpo
GET  /evidence/pack.zip       manager dpo
GET  /people                  administrator
GET  /people/new              administrator
POST /people/new              administrator
GET  /people/{person}         administrator
GET  /people/{person}/edit    administrator
POST /people/{person}/edit    administrator
POST /people/{person}/code    administrator
POST /people/{person}/revoke  administrator
POST /people/{person}/end-sso administrator, with SSO
GET  /people/{person}/leave   administrator
POST /people/{person}/leave   administrator
GET  /scanners                administrator
GET  /scanners/new            administrator
POST /scanners/new            administrator
GET  /scanner/{site}          administrator
GET  /scanner/{site}/replace  administrator
POST /scanner/{site}/replace  administrator
GET  /scanner/{site}/revoke   administrator
POST /scanner/{site}/revoke   administrator
GET  /settings                manager administrator
POST /settings                manager administrator
GET  /check                   administrator
`

func TestWhoMayDoWhat(t *testing.T) {
	var got strings.Builder
	for _, r := range routes {
		who := "everybody"
		switch {
		case len(r.who) == len(register.Roles):
			who = "staff"
		case len(r.who) > 0:
			who = strings.Join(apply(r.who, func(r register.Role) string { return string(r) }), " ")
		}
		if r.own {
			who += ", own letters"
		}
		if r.sample {
			who += ", in a sample"
		}
		if r.print {
			who += ", where letters may be printed"
		}
		if r.sso {
			who += ", with SSO"
		}
		fmt.Fprintf(&got, "%-4s %-24s %s\n", r.method, r.path, who)
	}
	if diff := cmp.Diff(strings.TrimSpace(whoMayDoWhat), strings.TrimSpace(got.String())); diff != "" {
		t.Errorf("routes differ from the wall (-wall +routes):\n%s", diff)
	}
}

// TestEveryRouteAsEverybody calls each route as nobody, as every role, and as
// a team leader of another helpline, and compares with the table.
func TestEveryRouteAsEverybody(t *testing.T) {
	h := newHouse(t, letsPrint)
	h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 3, Begins: []int{1, 3}, Sheets: []int{2}})
	_, err := h.register.BeginDay(t.Context())
	must(t, err)
	hold := h.onHold()
	visitors := []int64{0, h.lead, h.stranger, h.manager, h.ops, h.dpo, h.admin}
	for _, r := range routes {
		id, request := h.readable(2), ""
		if strings.HasPrefix(r.path, "/desk/lost/") { // only what was on record at a restore is written off
			h.replayed()
		}
		for _, n := range visitors {
			if strings.Contains(r.path, "{request}") { // each is dealt with once
				request = h.asked(h.readable(1))
			}
			path := strings.NewReplacer("{request}", request, "{$}", "", "{id}", string(id), "{n}", "1.jpg", "{token}", "token-1", "{person}", strconv.FormatInt(h.lead2, 10), "{site}", h.scans("office"), "{hold}", hold).Replace(r.path)
			v := h.as(n)
			w := v.get(path)
			if r.method == http.MethodPost {
				w = v.post(path, url.Values{})
			}
			who := register.Person{}
			if n != 0 {
				var err error
				who, err = h.register.Person(t.Context(), n)
				must(t, err)
			}
			name := fmt.Sprintf("%s %s as %s %d", r.method, r.path, who.Role, n)
			switch allowed := len(r.who) == 0 || slices.Contains(r.who, who.Role) && (!r.own || n != h.stranger); {
			case r.sample, r.sso:
				wantSame(t, name, w, v.get("/no-such-page"))
			case n == 0 && len(r.who) > 0 && r.script:
				if w.Code != http.StatusUnauthorized {
					t.Errorf("%s: answered %d, want 401", name, w.Code)
				}
			case n == 0 && len(r.who) > 0:
				if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in?") {
					t.Errorf("%s: answered %d to %q, want the sign-in page", name, w.Code, w.Header().Get("Location"))
				}
			case !allowed && r.script:
				if w.Code != http.StatusNotFound {
					t.Errorf("%s: answered %d, want 404", name, w.Code)
				}
			case !allowed:
				wantSame(t, name, w, v.get("/no-such-page"))
			case w.Code == http.StatusNotFound || w.Code >= 500:
				t.Errorf("%s: answered %d", name, w.Code)
			}
		}
	}
	if h.log.Len() == 0 || strings.Contains(h.log.String(), "ERROR") {
		t.Errorf("log is empty or tells of failures:\n%s", &h.log)
	}
}

// The routes that are there where the organisation has a sign-in of its own.
func TestEveryRouteOfTheSignInAsEverybody(t *testing.T) {
	f := newFakeProvider(t, func() time.Time { return time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC) })
	h := ssoHouse(t, f.url, func(s *SSO) { s.StepUpACR = []string{f.acr} })
	called := 0
	for _, r := range routes {
		if !r.sso || len(r.who) == 0 {
			continue // everybody's are called by conforms
		}
		called++
		path := strings.ReplaceAll(r.path, "{person}", strconv.FormatInt(h.lead2, 10))
		for _, n := range []int64{0, h.lead, h.manager, h.ops, h.dpo, h.admin} {
			v := h.as(n)
			w := v.get(path)
			if r.method == http.MethodPost {
				w = v.post(path, url.Values{})
			}
			name := fmt.Sprintf("%s %s as %d", r.method, r.path, n)
			who, err := h.register.Person(t.Context(), n)
			switch {
			case n == 0:
				if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/sign-in?") {
					t.Errorf("%s: answered %d to %q, want the sign-in page", name, w.Code, w.Header().Get("Location"))
				}
			case err != nil:
				t.Fatal(err)
			case !slices.Contains(r.who, who.Role):
				wantSame(t, name, w, v.get("/no-such-page"))
			case w.Code == http.StatusNotFound || w.Code >= 500:
				t.Errorf("%s: answered %d", name, w.Code)
			}
		}
	}
	if called == 0 {
		t.Error("there are none")
	}
}

// wantSame compares status, headers and body, byte for byte.
func wantSame(t *testing.T, name string, got, want *httptest.ResponseRecorder) {
	t.Helper()
	if got.Code != want.Code {
		t.Errorf("%s: answered %d, want %d", name, got.Code, want.Code)
	}
	if diff := cmp.Diff(want.Header(), got.Header()); diff != "" {
		t.Errorf("%s: headers differ:\n%s", name, diff)
	}
	if diff := cmp.Diff(want.Body.String(), got.Body.String()); diff != "" {
		t.Errorf("%s: pages differ:\n%s", name, diff)
	}
}
