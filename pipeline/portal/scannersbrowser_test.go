package portal

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestScannersInTheBrowser is the life of a scanner at the portal: invited, with a
// file to save and a code to tell, another machine in its place, and revoked.
func TestScannersInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	b.enrol(b.admin)
	b.Open("/scanners")
	b.Press(`main a[href="/scanners/new"]`)
	b.Press("[data-passkey]")
	b.WantsPath("/scanners/new")
	b.Do(chromedp.SendKeys(chromedp.ID("site"), "annexe"))
	b.Press("main form .button")
	b.Wants("A file and a code for annexe", "K7QM-4T2X-9ABC")
	if file := string(b.Saves("a[download]", "annexe.invitation")); file != "sealed for annexe" {
		t.Errorf("saved: %q", file)
	}
	b.Press(".back a")
	b.WantsPath("/scanners")
	b.Wants("annexe: the invitation can be used until")

	b.scans("annexe")
	b.Open("/scanner/annexe")
	b.Press(`a[href="/scanner/annexe/replace"]`)
	b.Press("[data-passkey]")
	b.WantsPath("/scanner/annexe/replace")
	b.Press("main form .button")
	b.Wants("A file and a code for annexe")
	b.Press(".back a")
	b.WantsPath("/scanner/annexe")
	b.Press(`a[href="/scanner/annexe/revoke"]`)
	b.Wants("From then on nothing that it signs is believed")
	b.Press("[data-passkey]")
	b.WantsPath("/scanner/annexe/revoke")
	b.Press("main form .danger")
	b.WantsPath("/scanners?done=revoked")
	b.Wants("annexe, revoked on")
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}
