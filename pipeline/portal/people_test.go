package portal

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

func personPath(number int64) string { return "/people/" + strconv.FormatInt(number, 10) }

var codeForm10 = regexp.MustCompile(`[A-Z2-7]{5}-[A-Z2-7]{5}`)

// invitation is a form that is filled in as it should be, with changes.
func invitation(changes ...string) url.Values {
	form := url.Values{"name": {"Nell New"}, "email": {"nell@example.org"}, "role": {"team-leader"}, "helpline": {"respect-phoneline"}}
	for i := 0; i < len(changes); i += 2 {
		if form[changes[i]] = nil; changes[i+1] != "" {
			form[changes[i]] = []string{changes[i+1]}
		}
	}
	return form
}

func TestAnAdministratorInvites(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.admin)
	wantText(t, v.get("/people/new"), "show first that it is you")
	wantStatus(t, v.post("/people/new", invitation()), http.StatusForbidden)
	if n := len(h.entries("person-added", "")); n != 8 {
		t.Fatalf("%d people: somebody was invited without a passkey shown", n)
	}
	v.showsAgain("/people/new")
	for field, changes := range map[string][]string{
		"name": {"name", " "}, "role": {"role", "boss"}, "email": {"email", "Nell <nell@example.org>"}, "helpline": {"helpline", "another"},
		"email ": {"email", ""}, "name ": {"name", strings.Repeat("x", 101)}, "helpline ": {"role", "operations"}, "email  ": {"email", "nell@exämple.org"},
		"name  ": {"name", "Nell\x00New"},
	} {
		w := v.post("/people/new", invitation(changes...))
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, `id="`+strings.TrimSpace(field)+`-flaw"`)
	}
	// Whoever takes longer than five minutes loses nothing: the form is there, and is sent
	// once it is shown anew who sends it.
	h.now = h.now.Add(againCounts + time.Minute)
	w := v.post("/people/new", invitation("name", " Nell\t <b>New "))
	wantStatus(t, w, http.StatusForbidden)
	wantText(t, w, `<a href="#again">`, "what you entered is still in the form", `value=" Nell	 &lt;b&gt;New "`, `value="nell@example.org"`,
		`value="team-leader" checked`, `value="respect-phoneline" checked`, `data-to="/people/new" data-sends`)
	if n := len(h.entries("person-added", "")); n != 8 {
		t.Fatalf("%d people", n)
	}
	v.showsAgain("/people/new")
	w = v.post("/people/new", invitation("name", " Nell\t <b>New "))
	wantStatus(t, w, http.StatusOK)
	code := codeForm10.FindString(w.Body.String())
	wantText(t, w, "Tell Nell &lt;b&gt;New this code", "Staff number 9", "25 November 2026 at 2:08pm")
	who, err := h.register.Person(t.Context(), 9)
	must(t, err)
	if who.Email != "nell@example.org" || !who.LeadsHelpline("respect-phoneline") {
		t.Errorf("invited %+v", who)
	}
	wantRedirect(t, h.nobody().post("/enrol", codeForm(9, code)), "/enrol/passkey")
	if e := h.entries("person-added", ""); len(e) != 9 || e[0].By != h.admin {
		t.Errorf("on record: %+v", e)
	}
	if owed, err := h.register.OwedInvitations(t.Context(), "x.org"); err != nil || len(owed) != 1 {
		t.Errorf("owed: %v, %v", owed, err)
	}
	// One showing, one act.
	wantStatus(t, v.post("/people/new", invitation()), http.StatusForbidden)
	if strings.Contains(h.log.String(), code) || strings.Contains(h.log.String(), "Nell") {
		t.Error("the log has the code or the name")
	}
}

// A device is lost: its passkey goes, the other one stays, and there is a new code.
func TestALostDevice(t *testing.T) {
	h := newHouse(t)
	for id, record := range map[string]string{"built in": `{"transport":["hybrid","internal"]}`, "a key": `{"transport":["nfc","usb"]}`} {
		must(t, h.register.AddAnotherPasskey(t.Context(), h.lead2, []byte(id), record))
	}
	wantText(t, h.as(h.admin).get(personPath(h.lead2)), "Made on 24 November 2026 at 2:02pm, in a phone, tablet or computer itself", "2:02pm, on a security key", "If you are not sure which")
	wantText(t, h.as(h.lead2).get("/account"), "2:02pm, in a phone, tablet or computer itself", "2:02pm, on a security key")
	must(t, h.register.AddAnotherPasskey(t.Context(), h.lead, []byte("one"), "{}"))
	lost := h.as(h.lead)
	v, path := h.as(h.admin), personPath(h.lead)
	keys, err := h.register.PasskeysOf(t.Context(), h.lead)
	must(t, err)
	form := url.Values{"passkey": {keys[0].Mark}}
	wantText(t, v.get(path), "Only one.", "Made on 24 November 2026 at 2:02pm", "show first that it is you")
	wantStatus(t, v.post(path+"/revoke", form), http.StatusForbidden)
	wantStatus(t, v.post(path+"/code", nil), http.StatusForbidden)
	wantStatus(t, lost.get("/letters"), http.StatusOK)
	v.showsAgain(path)
	wantText(t, v.get(path), "The device is lost")
	wantStatus(t, v.post(path+"/revoke", url.Values{"passkey": {"another"}}), http.StatusConflict)
	once := v.post(path+"/revoke", form) // one tap does nothing yet
	wantStatus(t, once, http.StatusOK)
	wantText(t, once, "Made on 24 November 2026 at 2:02pm", "Ada Lead is signed out everywhere. This cannot be undone.")
	wantStatus(t, lost.get("/letters"), http.StatusOK)
	form.Set("confirm", "yes")
	wantRedirect(t, v.post(path+"/revoke", form), path+"?done=revoked")
	wantText(t, v.get(path+"?done=revoked"), "opens nothing any more", "None: Ada Lead cannot sign in")
	wantStatus(t, lost.get("/letters"), http.StatusSeeOther)
	v.showsAgain(path)
	w := v.post(path+"/code", nil)
	wantStatus(t, w, http.StatusOK)
	wantRedirect(t, h.nobody().post("/enrol", codeForm(h.lead, codeForm10.FindString(w.Body.String()))), "/enrol/passkey")
	for _, odd := range []string{"0", "99", "-1", "01", "x", "7x", strings.Repeat("9", 30)} {
		wantSame(t, odd, v.get("/people/"+odd), v.get("/no-such-page"))
	}
}

// Whoever leaves is signed out in that moment, and it is said who reads now.
func TestSomebodyLeaves(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	v, path := h.as(h.admin), personPath(h.lead)+"/leave"
	wantText(t, v.get(path), "Respect Phoneline: 1 letter that nobody has opened. Bea Lead and the helplines’ manager go on reading what comes.", "show first that it is you")
	wantText(t, v.get(personPath(h.stranger)+"/leave"), "Nobody else leads this helpline.")
	gone := h.as(h.lead)
	wantStatus(t, v.post(path, nil), http.StatusForbidden)
	wantStatus(t, gone.get("/l/"+string(id)), http.StatusOK)
	// What was shown for one act does not serve for another.
	v.showsAgain(personPath(h.lead))
	wantStatus(t, v.post(path, nil), http.StatusForbidden)
	v.showsAgain(path)
	wantRedirect(t, v.post(path, nil), "/people?done=left")
	wantStatus(t, gone.get("/l/"+string(id)), http.StatusSeeOther)
	w := v.get("/people?done=left")
	wantText(t, w, "Who has left", fmt.Sprintf("Staff number %d, Team leader of Respect Phoneline", h.lead))
	if strings.Contains(w.Body.String(), "Ada") {
		t.Error("the page still has the name")
	}
	wantSame(t, "somebody who has gone", v.get(personPath(h.lead)), v.get("/no-such-page"))
	wantText(t, h.as(h.dpo).get("/register?kind=person-disabled"), fmt.Sprintf("Staff number %d can no longer sign in, and name and address were erased by staff number %d", h.lead, h.admin))
	wantStatus(t, h.as(h.lead2).get("/l/"+string(id)), http.StatusOK)
	// Who has opened it is named by what is left to name them.
	wantText(t, h.as(h.manager).get("/letters"), fmt.Sprintf("<dt>Opened by</dt><dd>Staff number %d and Bea Lead</dd>", h.lead))
}

// The helplines' one manager may go, but whoever lets them go is told what then stands
// still, and nothing is promised of a manager who is not there.
func TestTheLastManagerLeaves(t *testing.T) {
	h := newHouse(t)
	v, lead := h.as(h.admin), h.as(h.lead)
	if w := v.get(personPath(h.lead) + "/leave"); containsText(w.Body.String(), "no manager of the helplines") {
		t.Error("there is one")
	}
	id := h.letter(1)
	lead.looksAt(id, 1)
	wantRedirect(t, lead.post(letterPath(id)+"/hand-over", url.Values{"colleague": {fmt.Sprint(h.manager)}}), letterPath(id)+"?done=handed-over")
	hold := register.Hold{Helpline: "respect-phoneline", Reason: register.HoldReasons[0], Owner: h.manager, Review: letter.DateOf(h.now).AddDays(1)}
	_, err := h.register.PlaceHold(t.Context(), hold, h.manager)
	must(t, err)
	w := v.get(personPath(h.manager) + "/leave")
	wantText(t, w, "There is no manager of the helplines then.", "1 letter that a colleague handed over to Mo Manager", "nobody is told of that",
		"1 hold for which Mo Manager answers: nobody can name somebody else")
	if containsText(w.Body.String(), "the helplines’ manager names somebody else") || containsText(w.Body.String(), "is told by mail.") {
		t.Errorf("it is promised what nobody does:\n%s", w.Body)
	}
	other := h.person("Nina Next", register.Manager)
	wantText(t, v.get(personPath(h.manager)+"/leave"), "the helplines’ manager names somebody else", "the helplines’ manager is told by mail.")
	must(t, h.register.Leave(t.Context(), other, h.admin))
	must(t, h.register.Leave(t.Context(), h.manager, h.admin))

	kept := h.letter(1)
	lead.get(letterPath(kept))
	wantRedirect(t, lead.post(letterPath(kept)+"/safeguarding", with(h.keepForm(), "confirm", "yes")), letterPath(kept)+"?done=kept")
	wantText(t, v.get(personPath(h.lead)+"/leave"), "There is no manager of the helplines then.", "Bea Lead goes on reading what comes.", "nobody can open it until you invite a manager")
	wantText(t, v.get(personPath(h.stranger)+"/leave"), "Nobody else leads this helpline, and nobody is the helplines’ manager.")
}

func TestTheLastAdministratorStays(t *testing.T) {
	h := newHouse(t)
	must(t, h.register.AddAnotherPasskey(t.Context(), h.admin, []byte("only"), "{}"))
	v, path := h.as(h.admin), personPath(h.admin)
	wantText(t, v.get(path+"/leave"), "This is you.")
	v.showsAgain(path + "/leave")
	w := v.post(path+"/leave", nil)
	wantStatus(t, w, http.StatusConflict)
	wantText(t, w, "Nobody else could invite people then")
	keys, err := h.register.PasskeysOf(t.Context(), h.admin)
	must(t, err)
	v.showsAgain(path)
	wantStatus(t, v.post(path+"/revoke", url.Values{"passkey": {keys[0].Mark}, "confirm": {"yes"}}), http.StatusConflict)
	other := h.person("Una Admin", register.Administrator)
	must(t, h.register.AddAnotherPasskey(t.Context(), other, []byte("other"), "{}"))
	v.showsAgain(path + "/leave")
	wantRedirect(t, v.post(path+"/leave", nil), "/people?done=left")
	wantStatus(t, v.get("/people"), http.StatusSeeOther)
}
