package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
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
	wantRedirect(t, b.as(b.lead).post(link+"/safeguarding", with(b.keepForm(), "named", fmt.Sprint(b.lead2), "confirm", "yes")), "/letters")
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
