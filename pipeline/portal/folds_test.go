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
	const shows = `String(document.querySelector("main .fold .button").checkVisibility())`
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
		b.TabTo("main .fold > summary")
		b.Keys(kb.Enter)
		b.WantsThat(shows, "true")
		b.TabTo(c.field)
		b.Open(c.asked)
		b.WantsThat(shows, "true")
		b.Lay(tablet)
		b.Open(c.path)
		b.WantsThat(shows, "true")
		b.WantsThat(`String(document.querySelector("main .fold > summary").checkVisibility())`, "false")
	}
	v := b.as(b.manager)
	b.Be(sessionCookie, v.cookies[sessionCookie])
	id := b.letter(1)
	b.as(b.lead).get("/l/" + string(id))
	b.asked(id)
	for _, width := range []int64{phone.Width, 320} { // at 400 % of a desk's
		b.Lay(portaltest.Layout{Width: width, Scheme: "light"})
		b.Open("/calendar")
		b.WantsThat(`String(document.querySelector("header.top").getBoundingClientRect().height < 180)`, "true")
		b.WantsThat(`document.querySelector("header summary").innerText`, "Menu 1 waiting")
		b.TabTo("header summary")
		b.Keys(kb.Enter)
		b.WantsThat(`[...document.querySelectorAll("header.top li")].filter((l) => l.checkVisibility()).length`, "11")
	}
	b.Leads(func() { b.TabTo(`header a[href="/holds"]`); b.Keys(kb.Enter) })
	b.WantsPath("/holds")
	b.Lay(portaltest.Layouts[2])
	b.WantsThat(`String(document.querySelector("header summary").checkVisibility())`, "false")
	b.WantsThat(`String(document.querySelector("header a[href='/settings']").checkVisibility())`, "true")
	v = b.as(b.lead)
	b.Be(sessionCookie, v.cookies[sessionCookie])
	b.Lay(phone)
	b.Open("/letters")
	b.WantsThat(`String(document.querySelector("main .card").getBoundingClientRect().top < 640)`, "true") // a short phone's height
}
