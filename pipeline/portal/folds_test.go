package portal

import (
	"testing"

	"github.com/chromedp/chromedp/kb"

	"letterlock/pipeline/portal/portaltest"
)

// On a phone what there is to find is folded away, so that what was found is in
// sight, and open where something is asked for; on a desk it is there.
func TestFiltersAreFoldedOnAPhone(t *testing.T) {
	b := newBrowser(t)
	b.readable(1)
	b.letter(1)
	phone, tablet := portaltest.Layouts[0], portaltest.Layouts[1]
	const shows = `String(document.querySelector(".fold .button").checkVisibility())`
	for _, c := range []struct {
		who                int64
		path, asked, field string
	}{
		{b.lead, "/letters", "/letters?state=readable", "#state"},
		{b.dpo, "/register", "/register?kind=letter-opened", "#kind"},
		{b.dpo, "/openings", "/openings?days=7", "#days"},
		{b.dpo, "/retention", "/retention?from=2026-11-01&to=2026-11-02", "#period"},
	} {
		v := b.as(c.who)
		b.Be(sessionCookie, v.cookies[sessionCookie])
		b.Lay(phone)
		b.Open(c.path)
		b.WantsThat(shows, "false")
		b.TabTo(".fold > summary")
		b.Keys(kb.Enter)
		b.WantsThat(shows, "true")
		b.TabTo(c.field)
		b.Open(c.asked)
		b.WantsThat(shows, "true")
		b.Lay(tablet)
		b.Open(c.path)
		b.WantsThat(shows, "true")
		b.WantsThat(`String(document.querySelector(".fold > summary").checkVisibility())`, "false")
	}
	v := b.as(b.lead)
	b.Be(sessionCookie, v.cookies[sessionCookie])
	b.Lay(phone)
	b.Open("/letters")
	b.WantsThat(`String(document.querySelector("main .card").getBoundingClientRect().top < 640)`, "true") // a short phone's height
}
