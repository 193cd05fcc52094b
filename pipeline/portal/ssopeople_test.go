package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"letterlock/pipeline/register"
)

// signsInAt has the person sign in at that issuer, whatever the portal's own is.
func (h *house) signsInAt(person int64, issuer string) {
	h.t.Helper()
	proof, err := h.register.CheckCode(h.t.Context(), person, h.code(person))
	must(h.t, err)
	must(h.t, h.register.LinkSSO(h.t.Context(), person, proof, issuer, "subject"))
}

func lacksText(t *testing.T, body string, says ...string) {
	t.Helper()
	for _, say := range says {
		if containsText(body, say) {
			t.Errorf("the page says %q:\n%s", say, body)
		}
	}
}

// Where their groups decide, the pages do not say that a passkey signs somebody in, nor
// that the helplines which an administrator ticks are theirs for good.
func TestPagesOfWhomTheGroupsDecide(t *testing.T) {
	const issuer = "https://login.example.org"
	h := ssoHouse(t, issuer, byGroups("groups", "groups"))
	h.signsInAt(h.lead, issuer)
	must(t, h.register.AddAnotherPasskey(t.Context(), h.lead, []byte("one"), "{}"))
	v, path := h.as(h.admin), personPath(h.lead)
	w := v.get(path)
	wantText(t, w, "signs in with Example account alone", "A passkey does not sign them in: it shows anew that it is them.")
	lacksText(t, w.Body.String(), "stays able to sign in with a passkey")

	v.showsAgain(path + "/edit")
	wantText(t, v.get(path+"/edit"), "What you tick here holds only until the next one")
	form := with(nil, "name", "Ada Lead", "email", "ada@example.org", "helpline", "mens-advice-line")
	wantRedirect(t, v.post(path+"/edit", form), path+"?done=changed")
	w = v.get(path + "?done=changed")
	wantText(t, w, "The helplines hold until Ada Lead signs in anew")
	lacksText(t, w.Body.String(), "holds at once")
	v.showsAgain("/people/new")
	wantText(t, v.get("/people/new"), "Whoever then signs in with Example account may do what their groups there say")

	lead := h.as(h.lead)
	wantText(t, lead.get("/account"), "You sign in with Example account.", "with a second passkey you can still show that it is you")
	lacksText(t, lead.get("/letters").Body.String(), "If you lose that device you cannot sign in")

	// Of whom no group decides it is as ever.
	other := personPath(h.lead2)
	v.showsAgain(other + "/edit")
	lacksText(t, v.get(other+"/edit").Body.String(), "groups")
	wantText(t, v.get(other+"?done=changed"), "That is changed, and holds at once.")
}

// A sign-in of the organisation's that was set up under an issuer which is configured no
// more signs nobody in. No page says that it does, and the administrator's says how to go on.
func TestALinkToAFormerIssuer(t *testing.T) {
	const issuer, former = "https://login.example.org", "https://former.example.org"
	h := ssoHouse(t, issuer)
	h.signsInAt(h.lead, former)
	v, path := h.as(h.admin), personPath(h.lead)
	w := v.get(path)
	wantText(t, w, "None: Ada Lead cannot sign in until they have made one with a code", "That does not sign them in any more. Make them a code: with it they choose Example account anew, or make a passkey.")
	lacksText(t, w.Body.String(), "Ada Lead signs in with")
	lacksText(t, v.get("/people").Body.String(), "and the organisation’s sign-in")
	lacksText(t, h.as(h.lead).get("/account").Body.String(), "You sign in with")

	lacksText(t, v.get(path+"?done=revoked").Body.String(), "signed in there")

	h.signsInAt(h.lead, issuer)
	wantText(t, v.get(path), "Ada Lead signs in with Example account.")
	wantText(t, v.get(path+"?done=revoked"), "so does whoever holds the device and is signed in there: have that ended there, or end it for Ada Lead below.")
	wantText(t, v.get("/people"), "None yet, and the organisation’s sign-in")
	wantText(t, h.as(h.lead).get("/account"), "You sign in with Example account.")
	v.showsAgain(path)
	wantText(t, v.post(path+"/end-sso", nil), "End it for Ada Lead?", "is signed out everywhere", "Ada Lead has no passkey, and cannot sign in until you have made a code.")
	wantText(t, v.get(path), "Ada Lead signs in with Example account.") // until it is confirmed
	must(t, h.register.AddAnotherPasskey(t.Context(), h.lead, []byte("one"), "{}"))
	lacksText(t, v.post(path+"/end-sso", nil).Body.String(), "cannot sign in")
	wantRedirect(t, v.post(path+"/end-sso", url.Values{"confirm": {"yes"}}), path+"?done=unlinked")
	w = v.get(path)
	wantStatus(t, w, http.StatusOK)
	if strings.Contains(w.Body.String(), "Example account") {
		t.Errorf("it has ended:\n%s", w.Body)
	}

	// Where no sign-in of the organisation's is configured any more there is none.
	plain := newHouse(t)
	plain.signsInAt(plain.lead, former)
	lacksText(t, plain.as(plain.admin).get("/people").Body.String(), "and the organisation’s sign-in")
	if who, err := plain.register.Person(t.Context(), plain.lead); err != nil || !who.SSO || who.Role != register.TeamLeader {
		t.Errorf("%+v, %v", who, err)
	}
}
