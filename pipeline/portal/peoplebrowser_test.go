package portal

import (
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"letterlock/pipeline/register"
)

// TestPeopleInTheBrowser is the life of a colleague at the portal: invited,
// enrolled with the code that was told by voice, asked to confirm the policy
// before the first letter, a device lost, and in the end gone.
func TestPeopleInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	b.enrol(b.admin)
	records, err := b.register.Passkeys(t.Context(), b.admin)
	must(t, err)
	if !OpensAt(records[0], "localhost") || OpensAt(records[0], "letters.example.org") {
		t.Errorf("a passkey does not say where it was made: %s", records[0])
	}
	b.Open("/")
	b.WantsPath("/people")
	b.shoot("people")
	b.WantsNoSideways(320)
	b.Press(`a[href="/people/new"]`)
	b.Press("[data-passkey]")
	b.WantsPath("/people/new")
	b.Do(chromedp.SendKeys(chromedp.ID("name"), "Nell New"), chromedp.Click(chromedp.CSS(`[value="team-leader"]`)),
		chromedp.Click(chromedp.CSS(`[value="respect-phoneline"]`)))
	b.Press("main form .button")
	b.Wants("Please put this right", "A team leader needs an address")
	b.shoot("invite")
	b.WantsNoSideways(320)
	b.Do(chromedp.SendKeys(chromedp.ID("email"), "nell@example.org"))
	b.now = b.now.Add(againCounts + time.Minute)
	b.Press("main form .button")
	b.Wants("Show once more that it is you")
	b.WantsNoSideways(320)
	b.Press("[data-passkey]") // which sends what she has filled in
	b.Wants("Tell Nell New this code", "Staff number 9")
	b.shoot("code")
	b.WantsNoSideways(320)
	code := codeForm10.FindString(b.Text())
	b.SignOut()

	b.Enrol("/enrol?person=9", code, nil)
	link := "/l/" + string(b.letter(1))
	b.Open(link)
	b.Wants("Please read the policy first", "After six months all records go.")
	b.Press("main form .button")
	b.Wants("tick the box if you have understood it")
	b.shoot("confirm-policy")
	b.WantsNoSideways(320)
	b.Do(chromedp.Click(chromedp.ID("read")))
	b.Press("main form .button")
	b.WantsPath(link)
	b.Wants("Nell New, Team leader of Respect Phoneline", "You have only one passkey.")
	b.Open("/policy")
	b.shoot("policy")
	b.SignOut()

	b.enrol(b.person("Una Admin", register.Administrator))
	b.Open("/people/9")
	b.Wants("Only one. Ask Nell New")
	b.Press("[data-passkey]")
	b.WantsPath("/people/9")
	b.shoot("person")
	b.WantsNoSideways(320)
	b.Press(`form[action*="/people/9/revoke"] button`)
	b.Press("#sure .danger")
	b.WantsPath("/people/9?done=revoked")
	b.Wants("None: Nell New cannot sign in")
	b.Press(`a[href="/people/9/leave"]`)
	b.Wants("Respect Phoneline: 0 letters that nobody has opened. Ada Lead, Bea Lead and the helplines’ manager go on reading what comes.")
	b.Press("[data-passkey]")
	b.WantsPath("/people/9/leave")
	b.shoot("leave")
	b.WantsNoSideways(320)
	b.Press("main form .danger")
	b.WantsPath("/people?done=left")
	b.Wants("Who has left", "Staff number 9")
	b.Open("/check")
	b.shoot("check")
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}
