package portal

import (
	"fmt"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// showsByKeys shows anew who somebody is, with their passkey and without a mouse.
func (b *browser) showsByKeys() {
	b.t.Helper()
	b.goes(`main [data-begin="/again/begin"]`)
}

// endsByKeys ends the day.
func (b *browser) endsByKeys() {
	b.t.Helper()
	b.goes("header form button")
	b.WantsPath("/sign-in?out=1")
	for _, said := range b.Complaints() {
		b.t.Errorf("the browser complains: %s", said)
	}
}

// TestKeyboardOfTheManagerInTheBrowser is a manager's day without a mouse: a letter is
// put on hold, the hold looked at again and released, what a colleague has asked for
// is confirmed, and a setting changed.
func TestKeyboardOfTheManagerInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	id := b.letter(1)
	b.asked(b.readable(1))
	b.enrol(b.manager)
	b.goes(`nav a[href="/overview"]`)
	b.goes(`main a[href="/letters?helpline=respect-phoneline&state=unopened"]`)
	b.goes(`main a[href="/l/` + string(id) + `"]`)
	b.goes(`a[href="/holds/new?letter=` + string(id) + `"]`)
	b.goes("main form .button")
	b.Wants("Please put this right")
	b.TabTo("#reason")
	b.Keys(" ")
	b.TabTo("#owner")
	b.Keys("M")
	b.TabTo("#review")
	b.Keys("01152027")
	b.goes("main form .button")
	b.Wants("Nothing that is held is deleted until the hold is released")
	b.goes("main form .button")
	b.Wants("The hold is on record.", id.Reference(), "15 January 2027")
	b.goes(`main .card a[href="/holds/1"]`)
	b.TabTo("#review")
	b.Keys("02012027")
	b.goes(`form[action*="/review"] button`)
	b.Wants("1 February 2027")
	b.goes(`main .card a[href="/holds/1"]`)
	b.showsByKeys()
	b.goes(`form[action*="/release"] button`)
	b.Wants("Release hold number 1?")
	b.goes("main form .button")
	b.Wants("The hold is released.", "Nothing is on hold")

	b.goes(`nav a[href="/requests"]`)
	b.goes("main ol.cards a")
	b.showsByKeys()
	b.goes(`main form[action*="/confirm"] button`)
	b.WantsPath("/requests?done=confirmed")
	b.Wants("No request about a letter waits for a second person")
	b.goes(`nav a[href="/settings"]`)
	b.showsByKeys()
	b.TabTo("#" + string(register.SettingConfirm))
	b.Keys("Y")
	b.goes("main form .button")
	b.Wants("changed here")
	b.endsByKeys()
}

// TestKeyboardOfTheAdministratorInTheBrowser is an administrator's day without a
// mouse: somebody is invited, another gets a new name and a code for a new passkey,
// one leaves, a setting is changed, and the checks are looked at.
func TestKeyboardOfTheAdministratorInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	b.enrol(b.admin)
	b.goes(`nav a[href="/people"]`)
	b.goes(`main a[href="/people/new"]`)
	b.showsByKeys()
	b.TabTo("#name")
	b.Keys("Nora New")
	b.TabTo("#email")
	b.Keys("nora@example.org")
	b.TabTo("[name=role]")
	b.Keys(" ")
	b.goes("main form .button")
	b.Wants("Nora New", "code")

	person := fmt.Sprintf("/people/%d", b.lead2)
	b.goes(`nav a[href="/people"]`)
	b.goes(`main a[href="` + person + `"]`)
	b.goes(`main a[href="` + person + `/edit"]`)
	b.showsByKeys()
	b.TabTo("#name")
	b.Keys("Bea Married") // what is in a field is chosen as one comes to it
	b.goes("main form .button")
	b.Wants("Bea Married")
	b.showsByKeys()
	b.goes(`form[action*="/code"] button`)
	b.Wants("Tell Bea Married this code")

	person = fmt.Sprintf("/people/%d", b.lead)
	b.goes(`nav a[href="/people"]`)
	b.goes(`main a[href="` + person + `"]`)
	b.goes(`main a[href="` + person + `/leave"]`)
	b.showsByKeys()
	b.goes("main form .danger")
	b.Wants("Who has left", fmt.Sprintf("Staff number %d", b.lead))

	b.goes(`nav a[href="/settings"]`)
	b.showsByKeys()
	b.TabTo("#" + string(register.SettingIdle))
	b.Keys("20")
	b.goes("main form .button")
	b.Wants("changed here")
	b.goes(`nav a[href="/check"]`)
	b.Wants("Checks")
	b.endsByKeys()
}

// TestKeyboardOfANewScanInTheBrowser compares a new scan with the old one without a
// mouse: it is the same letter, which has to be ticked, or another, and then
// operations see at the intake that the paper is still to be scanned.
func TestKeyboardOfANewScanInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	old, wrong := b.letter(1), b.letter(1)
	fresh, other := b.rescanned(old), b.rescanned(wrong)
	b.be(b.lead)
	b.goes(`main a[href="/l/` + string(fresh) + `"]`)
	b.LoadImages()
	b.goes(`form[action$="/readable"] button`)
	b.Wants("Please put this right", "Compare it with the old scan first")
	b.goes(`main a[href="/l/` + string(old) + `"]`)
	b.Wants("A new scan of this letter is here")
	b.LoadImages()
	b.goes(`main a[href="/l/` + string(fresh) + `"]`)
	b.TabTo("#same")
	b.Keys(" ")
	b.goes(`form[action$="/readable"] button`)
	b.Wants("It is recorded that you found this letter readable.")

	b.goes(`p.back a`)
	b.goes(`main a[href="/l/` + string(other) + `"]`)
	b.goes(`form[action*="/other-paper"] button`)
	b.goes("#sure .danger")
	b.Wants("It is recorded that this is another letter", wrong.Reference())
	b.be(b.ops)
	b.goes(`nav a[href="/intake"]`)
	b.WantsThat(`document.querySelectorAll("#again ~ .cards .card").length`, "1")
	b.Wants(wrong.Reference(), "put the new scan into the folder of its reference")
}

// TestKeyboardOfATrayInTheBrowser destroys several papers together without a mouse: they
// are put into the tray, counted, signed for by who destroyed them and then, on the same
// screen, by the witness, each with a passkey of their own.
func TestKeyboardOfATrayInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	papers := []letter.ID{b.readable(1), b.readable(3)}
	stays := b.readable(1)
	b.enrol(b.ops2)
	witness := b.Passkeys()
	b.endsByKeys()
	b.enrol(b.ops)
	b.goes(`nav a[href="/desk"]`)
	for _, id := range papers {
		b.TabTo("#tray-" + string(id))
		b.Keys(" ")
	}
	b.goes(`main form[action="/desk/tray"] button`)
	b.Wants("Destroy 2 papers")
	for i, id := range papers {
		b.TabTo("#sheets-" + string(id))
		b.Keys([]string{"1", "9"}[i])
	}
	b.TabTo("#scanner")
	b.Keys("O")
	b.TabTo("#confirm")
	b.Keys(" ")
	b.goes("main form .danger")
	b.Wants("Please put this right", "Stop: 9 sheets cannot belong to a scan of 3 pages")
	b.TabTo("#sheets-" + string(papers[1]))
	b.Keys("2") // what is in a field is chosen as one comes to it
	b.TabTo("#confirm")
	b.Keys(" ")
	b.goes("main form .danger")
	b.Wants("You sign first")
	b.showsByKeys()
	b.Wants("You have signed.", "Now your witness.")
	b.TabTo(`main [data-begin$="/witness/begin"]`)
	b.Keys(kb.Enter)
	b.Wants("Somebody else must be the witness")
	b.HandDevice(witness)
	b.goes(`main [data-begin$="/witness/begin"]`)
	b.Wants("Your witness has signed.", "(Pat Office)")
	if n := len(b.entries("paper-destroyed", "")); n != 0 {
		t.Errorf("%d destructions are on record before they are recorded", n)
	}
	b.goes("main form .danger")
	b.Wants("Destructions recorded", "2 papers", "D-2026-000001", "D-2026-000002", "(Pat Office)")
	b.goes(`main a[href="/desk"]`)
	b.Wants(stays.Reference())
	for _, id := range papers {
		if d := b.destroyed(id); d.Witness != b.ops2 || d.WitnessWith != register.WithPasskey {
			t.Errorf("on record is %+v", d)
		}
	}
	b.endsByKeys()
}
