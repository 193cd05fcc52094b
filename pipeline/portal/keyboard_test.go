package portal

import (
	"fmt"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// goes comes to what leads on with the tabulator key, and presses Enter.
func (b *browser) goes(selector string) {
	b.t.Helper()
	b.TabTo(selector)
	b.Leads(func() { b.Keys(kb.Enter) })
}

// chooses types until the list that has the focus is at what begins so. A browser that gets
// the letters too slowly takes each for the beginning of another, and a blank for the wish
// to see the whole list.
func (b *browser) chooses(begins string) {
	b.t.Helper()
	for range 20 {
		b.Keys(begins)
		if b.Finds(fmt.Sprintf(`document.activeElement.selectedOptions[0].text.startsWith(%q)`, begins)) == "true" {
			return
		}
		time.Sleep(1200 * time.Millisecond) // after which a letter is the first
		b.Keys(kb.Escape)
	}
	b.t.Fatalf("the keyboard does not choose %q", begins)
}

// TestKeyboardInTheBrowser is the day of a letter without a mouse: read, found
// readable, kept for five years, and its paper destroyed.
func TestKeyboardInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	id := b.letter(2)
	link := "/l/" + string(id)
	b.be(b.lead)
	b.goes(`main a[href="` + link + `"]`)
	b.LoadImages() // as somebody who scrolls through them: all must have been shown
	b.TabTo(`a[href="#decide"]`)
	b.Keys(kb.Enter)
	b.goes(`form[action$="/readable"] button`)
	b.Wants("It is recorded that you found this letter readable.")
	b.TabTo("#colleague")
	b.Keys("B")
	b.goes(`form[action*="/hand-over"] button`)
	b.Wants("It was handed over to Bea Lead.")
	b.be(b.lead2) // who knows somebody in it
	b.Wants("Handed over to you")
	b.goes(`main a[href="` + link + `"]`)
	b.goes(`a[href="` + link + `/recuse"]`)
	b.goes("main form .danger")
	b.WantsPath("/letters?done=recused")
	b.be(b.lead)
	b.goes(`main a[href="` + link + `"]`)
	b.goes(`a[href="` + link + `/safeguarding"]`)
	b.goes("main form .button")
	b.Wants("Please put this right", "Choose why the letter must be kept")
	b.TabTo("#reason")
	b.Keys(kb.ArrowDown)
	b.TabTo("#told")
	b.Keys(kb.ArrowDown)
	b.TabTo("#review")
	b.Keys("11242027")
	b.TabTo("#named")
	b.Keys("A")
	b.goes("main form .button")
	b.Wants("An adult is at risk", "Was told of it", "24 November 2027", "Ada Lead")
	b.goes("main form .button")
	b.Wants("It is recorded that this letter is kept for five years.")

	b.be(b.ops)
	b.goes(`a[href="/desk/` + string(id) + `"]`)
	b.TabTo("#sheets")
	b.Keys("1")
	b.TabTo("#scanner")
	b.Keys("O")
	b.TabTo("#confirm")
	b.Keys(" ")
	b.goes("main form .danger")
	b.TabTo("#witness")
	b.Keys("P")
	b.goes("main form .danger")
	b.Wants("Destruction recorded", "D-2026-000001", "(Pat Office)")
}

// TestKeyboardOfTheDPOInTheBrowser finds a letter on the register and whoever
// opened it, and goes on to the openings, without a mouse.
func TestKeyboardOfTheDPOInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	id := b.readable(1)
	b.be(b.dpo)
	b.TabTo("#about")
	b.Keys("not a reference")
	b.goes("main .filter .button")
	b.Wants("Please put this right")
	b.TabTo("#about")
	b.Do(chromedp.Evaluate[chromedp.Void](`document.activeElement.select()`))
	b.Keys(id.Reference())
	b.TabTo("#kind")
	b.chooses("Letter found")
	b.goes("main .filter .button")
	b.Wants("(Ada Lead) found the letter readable.")
	b.goes(`nav a[href="/openings"]`)
	b.TabTo("#days")
	b.Keys("9")
	b.goes("main .filter .button")
	b.WantsPath("/openings?days=90")
	b.goes("main tbody th a")
	b.Wants("(Ada Lead) opened the letter.")
}
