package portal

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"letterlock/scanner/letter"
)

// confirming is a form that is seen once more, on a page of its own, before it acts.
type confirming struct {
	page, path string // on which it stands, and where it is sent
	form       url.Values
	says       []string // of its page, where what was filled in is there again
}

func (h *house) confirming(id letter.ID) map[string]confirming {
	of := "/l/" + string(id)
	hold := url.Values{"reason": {"court-order"}, "owner": {fmt.Sprint(h.dpo)}, "review": {"2027-02-01"}}
	held := []string{`value="court-order" checked`, fmt.Sprintf(`value="%d" selected`, h.dpo), `value="2027-02-01"`}
	keep := h.keepForm()
	kept := []string{`value="child-at-risk" checked`, `value="told" checked`, `value="2027-11-24"`, fmt.Sprintf(`value="%d" selected`, h.lead)}
	sharing := url.Values{"agency": {"police"}, "basis": {"consent"}, "on": {"2026-11-24"}}
	maps.Copy(sharing, keep)
	return map[string]confirming{
		"everything of a helpline": {"/holds/new", "/holds/new", with(hold, "helpline", "mens-advice-line"), append(held, `value="mens-advice-line" selected`)},
		"a letter":                 {"/holds/new?letter=" + string(id), "/holds/new", with(hold, "letter", string(id)), append(held, id.Reference())},
		"five years":               {of + "/safeguarding", of + "/safeguarding", keep, kept},
		"sharing":                  {of + "/sharing", of + "/sharing", sharing, append(kept, `value="police" checked`, `value="consent" checked`)},
	}
}

// Who sees on the page that asks once more that something is wrong comes back to what
// they had filled in, with nothing on record.
func TestBackFromThePageThatAsksOnceMore(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	who := h.as(h.manager)
	who.get("/l/" + string(id))
	for name, it := range h.confirming(id) {
		w := who.post(action(t, who.get(it.page), it.path), it.form)
		wantText(t, w, `form="sure" name="change"`)
		w = who.post(action(t, w, it.path), with(it.form, "confirm", "yes", "change", "yes"))
		wantText(t, w, it.says...)
		// From there it goes on as the first time.
		w = who.post(action(t, w, it.path), it.form)
		wantText(t, w, `form="sure"`)
		for _, kind := range []string{"hold-placed", "letter-safeguarded", "letter-shared"} {
			if n := len(h.entries(kind, "")); n != 0 {
				t.Errorf("%s: %d are on record as %s", name, n, kind)
			}
		}
	}
}

// A session that ends on the page that asks once more, before the answer or with it,
// takes nothing along that somebody had filled in.
func TestASessionEndsOnThePageThatAsksOnceMore(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	for name, it := range h.confirming(id) {
		if name == "sharing" {
			continue // others may have changed it meanwhile
		}
		who := h.as(h.manager)
		who.get("/l/" + string(id))
		at := action(t, who.get(it.page), it.path)
		to := action(t, who.post(at, it.form), it.path)
		h.now = h.now.Add(16 * time.Minute)
		wantRedirect(t, who.postFrom(h.manager, at, to, with(it.form, "confirm", "yes")), "/sign-in?"+url.Values{"kept": {"1"}, "to": {it.page}}.Encode())
		w := h.as(h.manager).get(it.page)
		wantText(t, w, append(it.says, comesBack)...)
	}
}

// A session may end on any page that answers a form: whoever signs in again comes to
// the page on which that form was, and not to an address that can only be sent to.
func TestTheWayBackToWhereAFormWasSent(t *testing.T) {
	h := newHouse(t, letsPrint)
	id := h.readable(1)
	h.onHold()
	lead, here := personPath(h.lead), regexp.MustCompile(`data-here="([^"]+)"`)
	for _, it := range []struct {
		by               int64
		page, path, back string
	}{
		{h.manager, "/holds/1", "/holds/1/release", "/holds/1"},
		{h.lead, "/l/" + string(id), "/l/" + string(id) + "/print", "/l/" + string(id)},
		{h.admin, lead, lead + "/code", lead},
	} {
		who := h.as(it.by)
		who.get(it.page)
		who.showsAgain(it.page)
		w := who.post(it.path, nil)
		wantStatus(t, w, http.StatusOK)
		if said := here.FindStringSubmatch(w.Body.String()); said == nil || said[1] != it.back {
			t.Errorf("%s leads back to %q, not to %s", it.path, said, it.back)
		}
	}
}

// The same in a browser, where the page goes by itself.
func TestThePageThatAsksOnceMoreGoesByItself(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	b.be(b.manager)
	b.Open("/holds/new")
	for id, value := range map[string]string{"helpline": "mens-advice-line", "owner": fmt.Sprint(b.dpo), "review": letter.DateOf(b.clock()).AddDays(30).String()} {
		b.Do(chromedp.SetValue(chromedp.ID(id), value))
	}
	b.Do(chromedp.Click(chromedp.ID("reason")))
	b.Press("main form .button")
	b.Press(".back .link")
	b.WantsThat(`document.getElementById("helpline").value`, "mens-advice-line")
	b.Press("main form .button")
	b.Leads(func() {
		b.Do(chromedp.Evaluate[chromedp.Void](`{ const now = Date.now; Date.now = () => now() + 16 * 60000; document.dispatchEvent(new Event("visibilitychange")); }`))
	})
	b.WantsPath("/sign-in?" + url.Values{"idle": {"1"}, "to": {"/holds/new"}}.Encode())
	select {
	case <-b.left:
	case <-time.After(2 * time.Minute):
		t.Fatal("the page has gone and has not said what was entered")
	}
	b.be(b.manager)
	b.Open("/holds/new")
	b.Wants(comesBack)
	b.WantsThat(`document.getElementById("helpline").value + document.getElementById("owner").value`, "mens-advice-line"+fmt.Sprint(b.dpo))
}
