package portal

import (
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// be is somebody of the sample, picked on its own page.
func (b *browser) be(person int64) {
	b.t.Helper()
	b.Open("/sample")
	b.Press(`button[value="` + strconv.FormatInt(person, 10) + `"]`)
}

// Without script a page that shows a letter goes from the screen when the session ends
// that nobody uses, or the letter, whichever is sooner.
func TestALetterGoesFromTheScreenWithoutScript(t *testing.T) {
	h := newHouse(t, letsPrint)
	id := h.readable(1)
	l, err := h.register.Letter(t.Context(), id)
	must(t, err)
	v := h.as(h.lead)
	idle := func(path string) string {
		return `<noscript><meta http-equiv="refresh" content="900; url=/sign-in?idle=1&amp;to=` + url.QueryEscape(path) + `"></noscript>`
	}
	path := letterPath(id)
	draft := v.files(id)
	for _, page := range []string{path, draft} {
		wantText(t, v.get(page), idle(page))
	}
	wantText(t, v.postFrom(h.lead, path, path+"/scan-again", url.Values{}), idle(path)) // shown again, with what is to be put right
	wantText(t, v.post(path+"/print", nil), `<meta http-equiv="refresh" content="900; url=/sign-in?idle=1`)
	lacksText(t, v.get("/letters").Body.String(), "refresh")
	h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 3, Begins: []int{1, 3}, Sheets: []int{2}})
	lacksText(t, h.as(h.ops).get("/intake/token-1").Body.String(), "refresh") // it takes long to fill in
	h.now = l.Deadline().Start().Add(-90 * time.Second)
	wantText(t, h.as(h.lead).get(path), `<meta http-equiv="refresh" content="90; url=`+path+`">`)
}

// TestWithoutScriptInTheBrowser is a day of a letter with JavaScript switched
// off: only passkeys need it, and a sample has none.
func TestWithoutScriptInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	id := b.letter(2)
	link, name := "/l/"+string(id), id.Reference()
	b.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 3, Begins: []int{1, 3}, Sheets: []int{2}})
	b.WithoutScript(true)
	b.Open("/sign-in")
	b.Wants("Passkeys need JavaScript, and it is switched off in this browser.")

	b.be(b.lead)
	// Nothing warns of its end, and nothing takes it from the screen but this.
	ends := b.letter(1)
	l, err := b.register.Letter(t.Context(), ends)
	must(t, err)
	now := b.now
	b.now = l.Deadline().Start().Add(-2 * time.Second)
	b.be(b.lead)
	b.Open(letterPath(ends))
	b.Wants(ends.Reference())
	b.now = l.Deadline().Start()
	b.Wants("There is nothing here")
	b.now = now

	b.be(b.lead)
	b.Wants("Letters", name, "Not opened yet")
	b.Press(`a[href="` + link + `"]`)
	if n := b.LoadImages(); n != 2 {
		t.Fatalf("%d of 2 pages are there", n)
	}
	b.Press(`form[action$="/scan-again"] button`)
	b.Wants("Please put this right", "Choose what is wrong with the scan")
	b.Press(`form[action$="/readable"] button`)
	b.Wants("It is recorded that you found this letter readable.")
	b.Open(link + "/safeguarding")
	b.Do(chromedp.Click(chromedp.CSS(`[value="child-at-risk"]`)), chromedp.Click(chromedp.CSS(`[value="told"]`)),
		chromedp.SetValue(chromedp.ID("review"), "2027-11-24"), chromedp.SetValue(chromedp.ID("named"), strconv.FormatInt(b.lead, 10)))
	b.Press("main form .button")
	b.Wants("A child is at risk", "24 November 2027")
	b.Press("main form .button")
	b.Wants("It is recorded that this letter is kept for five years.")

	b.be(b.ops)
	b.Press(`nav a[href="/intake"]`)
	b.Press(`main a[href="/intake/token-1"]`)
	b.Do(chromedp.Click(chromedp.ID("confirm")))
	b.Press("main form .button")
	b.Wants("It is recorded that the stack holds 2 letters.")
	b.Press(`nav a[href="/desk"]`)
	b.Press(`a[href="/desk/` + string(id) + `"]`)
	b.Do(chromedp.SendKeys(chromedp.ID("sheets"), "1"), chromedp.SetValue(chromedp.ID("scanner"), strconv.FormatInt(b.ops, 10)),
		chromedp.Click(chromedp.ID("confirm")))
	b.Press("main form .danger")
	b.Do(chromedp.SetValue(chromedp.ID("witness"), strconv.FormatInt(b.ops2, 10)))
	b.Press("main form .danger")
	b.Wants("Destruction recorded", "D-2026-000001")

	b.be(b.dpo)
	b.Do(chromedp.SendKeys(chromedp.ID("about"), name))
	b.Press("main .filter button")
	b.Wants("(Ada Lead) found the letter readable.", "Ledger number D-2026-000001")
	b.Press("header form button")
	b.WantsPath("/sign-in?out=1")
	if n := len(b.entries("paper-destroyed", id)); n != 1 {
		t.Errorf("%d destructions on record, want 1", n)
	}
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}
