package portal

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// reads is a letter of three pages that its team leader has before her.
func (b *browser) reads() (link string) {
	b.t.Helper()
	id := b.letter(3)
	b.be(b.lead)
	link = "/l/" + string(id)
	b.Open(link)
	return link
}

// A reader goes through a letter with the arrow keys, turns a page that lies on
// its side, makes it larger, and is shown no page that is not asked for.
func TestTurningPagesInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	b.reads()
	b.WantsThat(`document.getElementById("turner-at").textContent`, "Page 1 of 3")
	for _, c := range []struct{ key, at string }{
		{kb.ArrowRight, "page-2"}, {kb.ArrowRight, "page-3"}, {kb.ArrowRight, "page-3"}, {kb.ArrowLeft, "page-2"},
	} {
		b.Keys(c.key)
		b.WantsThat(`document.activeElement.id`, c.at)
	}
	b.WantsThat(`document.getElementById("turner-at").textContent`, "Page 2 of 3")
	const second = `document.querySelector("#page-2 img")`
	b.WantsThat(second+`.currentSrc.endsWith("?dpi=104")`, "true") // no more than this screen shows
	// A window so high that the page, on its side, leaves most of it to the next one.
	b.Do(chromedp.EmulateViewport(1280, 1600))
	b.Do(chromedp.Click(chromedp.CSS(`[data-does=turn]`)))
	b.WantsThat(`new URL(`+second+`.src).search`, "?turn=1")
	b.WantsThat(second+`.complete && `+second+`.width > `+second+`.height`, "true")
	for range 3 {
		b.Do(chromedp.Click(chromedp.CSS(`[data-does=turn]`)))
		b.WantsThat(`document.getElementById("turner-at").textContent`, "Page 2 of 3")
	}
	b.WantsThat(second+`.currentSrc.endsWith("?dpi=104")`, "true")
	b.Do(chromedp.EmulateViewport(1280, 900))
	wide := b.Finds(second + `.getBoundingClientRect().width`)
	b.Do(chromedp.Click(chromedp.CSS(`[data-does=larger]`)))
	b.WantsThat(second+`.getBoundingClientRect().width >= 1.5 * `+wide, "true")
	b.WantsThat(`document.querySelector("[data-does=larger]").getAttribute("aria-pressed")`, "true")
	b.WantsThat(second+`.currentSrc.endsWith("?dpi=200")`, "true") // and sharper
	b.WantsNoSideways(320)
	// At 400 % the window is so small that the letter needs all of it; on a phone the
	// buttons stay, in one row.
	for _, screen := range []struct {
		wide, high int64
		most       string // of the window's height that the buttons may cover
	}{{320, 256, "0"}, {320, 640, "0.17"}, {640, 450, "0.17"}} {
		b.Do(chromedp.EmulateViewport(screen.wide, screen.high))
		b.Finds(`document.getElementById("page-2").scrollIntoView({behavior: "instant"})`)
		b.WantsThat(`((bar) => Math.max(0, innerHeight - bar.top) / innerHeight <= `+screen.most+`)(document.getElementById("turner").getBoundingClientRect())`, "true")
	}
	b.Do(chromedp.EmulateViewport(1280, 900))
	// The arrow keys choose among the reasons, and turn no page then.
	b.TabTo("#reason")
	b.Keys(kb.ArrowDown)
	b.WantsThat(`document.activeElement.name`, "reason")
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}

// Without script the same is done by links.
func TestTurningPagesWithoutScript(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	b.WithoutScript(true)
	link := b.reads()
	b.Wants("Turn page 2", "Page before", "Next page")
	// By the keyboard: a pointer would miss what moves while the pages come.
	for _, to := range []string{"?page=2&turn=1#page-2", "?larger=1&page=2&turn=1#page-2"} {
		b.TabTo(`a[href="` + link + to + `"]`)
		b.Leads(func() { b.Keys(kb.Enter) })
	}
	b.Wants("Smaller")
	if n := b.LoadImages(); n != 3 {
		t.Fatalf("%d of 3 pages are there", n)
	}
	shown := b.reader.views()
	turned := false
	for _, v := range shown {
		turned = turned || v.Page == 2 && v.Turn == 1
		if v.Turn != 0 && v.Page != 2 {
			t.Errorf("another page is turned: %+v", v)
		}
	}
	if !turned {
		t.Errorf("the page is not turned: %+v", shown)
	}
}
