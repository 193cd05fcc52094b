package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// early is how long before its deadline a letter is opened here.
const early = 5 * time.Minute

// itsDayComes has the page's clock go on to the deadline of the letter that is open, which
// no page loads too slowly for.
func (b *browser) itsDayComes() {
	b.t.Helper()
	b.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ const now = Date.now; Date.now = () => now() + %d; }`, early.Milliseconds())))
}

// isClosed waits until the letter that was open is closed, with its pages.
func (b *browser) isClosed() {
	b.t.Helper()
	b.Wants("This letter’s time is over, and it is closed here.")
	b.WantsThat(`document.querySelectorAll("main img, main form").length`, "0")
}

// A letter whose deadline comes while it is open closes, and nobody has to touch
// anything for it; its pages are answered with nothing.
func TestALetterEndsWhileItIsOpenInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	id := b.letter(2)
	path := "/l/" + string(id)
	l, err := b.register.Letter(t.Context(), id)
	must(t, err)
	b.now = l.Deadline().Start().Add(-early)
	b.be(b.lead)
	b.Open(path)
	b.Wants("Page 2 of 2")
	b.itsDayComes()
	b.isClosed()
	b.now = l.Deadline().Start()
	for _, p := range []string{"", "/page/1.jpg", "/letter.pdf", "/response", "/safeguarding"} {
		wantStatus(t, b.as(b.lead).get(path+p), http.StatusNotFound)
	}
}

// So does the page on which it is printed: from then on nothing of it is put on paper.
func TestALetterEndsWhileItIsPrintedInTheBrowser(t *testing.T) {
	b := newBrowser(t, letsPrint, func(c *Config) { c.Sample = true })
	id := b.letter(2)
	path := "/l/" + string(id)
	l, err := b.register.Letter(t.Context(), id)
	must(t, err)
	b.now = l.Deadline().Start().Add(-early)
	b.be(b.lead)
	b.Open(path)
	b.Press(`form[action="` + path + `/print"] button`)
	b.Wants("It is recorded that you print it.")
	b.itsDayComes()
	b.isClosed()
	b.OnPaper(func() { b.WantsThat(`document.querySelectorAll("main img").length`, "0") })
}

// One that is erased while it is open closes at its next page.
func TestALetterIsErasedWhileItIsOpenInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	link := b.reads()
	b.LoadImages()
	b.expire(letter.ID(link[len("/l/"):]))
	b.Finds(`document.querySelector("[data-does=turn]").click()`)
	b.isTakenAway()
}

// later moves the clock of the page on, and of nothing else.
func (b *browser) later(minutes int) {
	b.t.Helper()
	b.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ const now = Date.now; Date.now = () => now() + %d * 60000; }`, minutes)))
}

// Nobody has to touch anything for it: the page asks by itself, as it does when somebody
// comes back to it, and when they go on reading. That is no opening.
func TestALetterIsTakenAwayWhileItIsOpenInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	for name, reads := range map[string]func(){
		"and nobody does anything": func() { b.later(2) },
		"and somebody comes back":  func() { b.Finds(`document.dispatchEvent(new Event("visibilitychange"))`) },
		"and somebody reads on":    func() { b.later(2); b.Keys("a") },
	} {
		t.Log(name)
		link := b.reads()
		b.LoadImages()
		reads()
		b.WantsThat(`performance.getEntriesByType("resource").some((e) => e.name.includes("/stay"))`, "true")
		b.WantsThat(`document.querySelectorAll("main img").length`, "3")
		id := letter.ID(link[len("/l/"):])
		b.expire(id)
		reads()
		b.isTakenAway()
		if n := len(b.entries("letter-opened", id)); n != 1 {
			t.Errorf("%s: %d openings on record", name, n)
		}
	}
}

// Whose letter it is no more, for whatever reason, is told so where they have it open,
// and nobody else is.
func TestWhetherALetterIsTakenAway(t *testing.T) {
	for name, c := range map[string]struct {
		happens func(h *house, id letter.ID)
		want    int
	}{
		"nothing": {func(*house, letter.ID) {}, http.StatusNoContent},
		"erased":  {(*house).expire, http.StatusGone},
		"over": {func(h *house, id letter.ID) {
			l, err := h.register.Letter(h.t.Context(), id)
			must(h.t, err)
			h.now = l.Deadline().Start()
		}, http.StatusGone},
		"a colleague alone may": {func(h *house, id letter.ID) {
			wantRedirect(h.t, h.as(h.lead).post(letterPath(id)+"/safeguarding", with(h.keepForm(), "named", fmt.Sprint(h.lead2), "confirm", "yes")), "/letters?done=given-away")
		}, http.StatusGone},
		"another helpline's leader": {func(h *house, _ letter.ID) {
			must(h.t, h.register.ChangePerson(h.t.Context(), register.Person{Number: h.lead, Name: "Ada Lead", Email: "ada@example.org", Helplines: []string{"mens-advice-line"}}, h.admin))
		}, http.StatusGone},
		"knows somebody": {func(h *house, id letter.ID) {
			must(h.t, h.register.Recuse(h.t.Context(), id, h.lead))
		}, http.StatusGone},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			id := h.letter(1)
			h.as(h.lead).get(letterPath(id))
			c.happens(h, id)
			lead := h.as(h.lead)
			for _, at := range []string{letterPath(id), letterPath(id) + "?done=readable"} {
				wantStatus(t, lead.post("/stay?asks=1", url.Values{"who": {fmt.Sprint(h.lead)}, "here": {at}}), c.want)
			}
			for _, at := range []string{"", "/letters", "/l/", "/l/x", letterPath(id) + "/recuse", "::"} { // where no letter is shown
				wantStatus(t, lead.post("/stay", url.Values{"here": {at}}), http.StatusNoContent)
			}
			for _, stranger := range []int64{h.stranger, h.ops, h.dpo, h.admin} {
				wantStatus(t, h.as(stranger).post("/stay", url.Values{"here": {letterPath(id)}}), http.StatusGone)
			}
			if n := len(h.entries("letter-opened", id)); n != 1 {
				t.Errorf("%d openings on record", n)
			}
		})
	}
}

// Who signs out in one tab has done so in all of them: no letter stays behind.
func TestSigningOutClosesTheOtherTabsInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	b.reads()
	if n := b.LoadImages(); n != 3 {
		t.Fatalf("%d pages are there", n)
	}
	tab := b.Tab()
	tab.Open("/letters")
	tab.SignOut()
	b.Wants("Your session has ended")
	b.WantsThat(`document.querySelectorAll("main img").length`, "0")
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}

// isTakenAway waits until the letter that was open is closed before its time.
func (b *browser) isTakenAway() {
	b.t.Helper()
	b.Wants("This cannot be shown here any more, and it is closed.")
	b.WantsThat(`document.querySelectorAll("main img, main form").length`, "0")
	if strings.Contains(b.Text(), "time is over") {
		b.t.Error("it is said that its time is over")
	}
}

// One that others alone may read from now on closes too, and nobody is told that it is
// gone.
func TestALetterBecomesSomebodyElsesInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	link := b.reads()
	b.LoadImages()
	wantRedirect(t, b.as(b.lead).post(link+"/safeguarding", with(b.keepForm(), "named", fmt.Sprint(b.lead2), "confirm", "yes")), "/letters?done=given-away")
	b.Finds(`document.querySelector("[data-does=turn]").click()`)
	b.isTakenAway()
}

// What has closed leaves the keyboard alone.
func TestWhatHasClosedKeepsNoFocusInTheBrowser(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	id := b.letter(1)
	l, err := b.register.Letter(t.Context(), id)
	must(t, err)
	b.now = l.Deadline().Start().Add(-3 * time.Second)
	b.be(b.lead)
	b.Open("/l/" + string(id))
	b.isClosed()
	b.Finds(`(window.taken = 0, document.getElementById("ended").addEventListener("focus", () => window.taken++), document.querySelector("header a").focus())`)
	b.Finds(`await new Promise((done) => setTimeout(done, 2500))`)
	b.WantsThat(`window.taken`, "0")
}

// A page that was only asked about was shown to nobody.
func TestAskingAboutAPageShowsNothing(t *testing.T) {
	h := newHouse(t)
	id := h.letter(2)
	path := "/l/" + string(id)
	lead := h.as(h.lead)
	lead.get(path)
	for _, p := range []string{"/page/1.jpg", "/page/2.jpg", "/letter.pdf"} {
		wantStatus(t, lead.send(httptest.NewRequest(http.MethodHead, path+p, nil)), http.StatusOK)
	}
	if w := lead.post(path+"/readable", nil); w.Code == http.StatusSeeOther {
		t.Error("it is found readable by somebody who has seen nothing")
	}
	lead.looksAt(id, 2)
	wantStatus(t, lead.post(path+"/readable", nil), http.StatusSeeOther)
}

// A letter on hold stays.
func TestALetterOnHoldDoesNotClose(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	path := "/l/" + string(id)
	wantText(t, h.as(h.lead).get(path), `id="ended"`, ` data-in="`)
	h.as(h.manager).get(path)
	_, err := h.register.PlaceHold(t.Context(), register.Hold{Helpline: "respect-phoneline", Reason: register.HoldReasons[0], Owner: h.manager,
		Review: letter.DateOf(h.now).AddDays(1)}, h.manager)
	must(t, err)
	if w := h.as(h.lead).get(path); containsText(w.Body.String(), ` data-in="`) {
		t.Error("it closes on its deadline")
	}
}
