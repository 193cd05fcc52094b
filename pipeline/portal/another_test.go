package portal

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"

	"letterlock/scanner/letter"
)

// scanned is a letter that the manager, who may have scanned it, found readable.
func (h *house) scanned(pages int) letter.ID {
	h.t.Helper()
	id := h.letter(pages)
	h.findsReadable(h.manager, id, pages)
	return id
}

func (h *house) findsReadable(who int64, id letter.ID, pages int) {
	h.t.Helper()
	v := h.as(who)
	v.looksAt(id, pages)
	wantRedirect(h.t, v.post("/l/"+string(id)+"/readable", nil), "/l/"+string(id)+"?done=readable")
}

func TestWhoScannedDoesNotCheckAlone(t *testing.T) {
	h := newHouseUnder(t, true)
	id, free := h.scanned(2), h.readable(1)
	path, desk := "/l/"+string(id), "/desk/"+string(id)
	manager, lead, ops := h.as(h.manager), h.as(h.lead), h.as(h.ops)
	wantText(t, manager.get(path+"?done=readable"), "The paper is kept until another person has found it readable too",
		"Another person must find it readable too before the paper may be destroyed")
	if strings.Contains(manager.get(path).Body.String(), path+"/readable") || strings.Contains(manager.get("/letters").Body.String(), `id="another"`) {
		t.Error("the manager is asked again")
	}
	manager.post(path+"/readable", nil)

	page := ops.get("/desk").Body.String()
	waits, kept := strings.Index(page, "Keep until a second person has read the scan"), strings.Index(page, `id="kept"`)
	if at := strings.Index(page, id.Reference()); waits < 0 || at < waits || at > kept || strings.Contains(page, desk) || !strings.Contains(page, "/desk/"+string(free)) {
		t.Errorf("the desk has the paper at %d, what waits at %d and what is kept at %d", at, waits, kept)
	}
	for _, address := range []string{desk, "/desk/tray?references=" + id.Reference()} {
		if says := ops.get(address).Body.String(); !strings.Contains(says, "another person must find it readable first") {
			t.Errorf("%s says %s", address, says)
		}
	}
	wantRedirect(t, ops.post(desk, h.destruction()), desk)

	wantText(t, lead.get("/letters"), "To be found readable by another person", "Kept until another person has found the scan readable too")
	wantText(t, lead.get("/letters?state=another"), id.Reference())
	wantText(t, lead.get(path), "Who found this scan readable may have scanned it too", path+"/readable")
	h.findsReadable(h.lead, id, 2)
	wantText(t, lead.get(path+"?done=readable"), "Operations may now destroy the paper")
	if strings.Contains(lead.get("/letters").Body.String(), `id="another"`) {
		t.Error("it still waits for another")
	}
	wantRedirect(t, ops.destroys(desk, h.destruction("sheets", "1")), desk)
	wantText(t, ops.get(desk), "by staff number 4 (Mo Manager) and by staff number 1 (Ada Lead)")
	if d := h.destroyed(id); d.ReadableBy != h.manager || d.ReadableToo != h.lead {
		t.Errorf("the record says %+v", d)
	}
}

// Of whoever turns out to have scanned what they checked, the paper is kept back.
func TestPaperIsKeptBackAtTheDesk(t *testing.T) {
	h := newHouseUnder(t, true)
	id, other := h.scanned(1), h.readable(1)
	h.findsReadable(h.lead, id, 1) // two people: whoever scanned it, one has not
	alone := h.readable(1)         // by a leader
	must(t, h.register.GiveRole(t.Context(), h.lead, "operations", nil))
	ops := h.as(h.ops)
	wantRedirect(t, ops.destroys("/desk/"+string(id), h.destruction("sheets", "1", "scanner", strconv.FormatInt(h.lead, 10))), "/desk/"+string(id))
	tray := h.destruction("sheets-"+string(alone), "1", "sheets-"+string(other), "1", "scanner", strconv.FormatInt(h.lead, 10))
	tray["paper"] = []string{string(alone), string(other)}
	w := ops.post("/desk/tray", tray)
	wantStatus(t, w, http.StatusConflict)
	wantText(t, w, "Keep this paper", alone.Reference(), other.Reference(), "Ask a team leader")
	wantText(t, ops.get("/desk"), "Keep until a second person has read the scan")
	if n := len(h.entries("paper-kept-back", alone)) + len(h.entries("paper-kept-back", other)); n != 2 || len(h.entries("paper-destroyed", "")) != 1 {
		t.Errorf("%d kept back on record", n)
	}
	wantText(t, h.as(h.dpo).get("/register?kind=paper-kept-back"), "was about to record that the paper is destroyed, and it is kept", "It had been scanned, they said, by staff number 1")
	h.findsReadable(h.lead2, alone, 1)
	wantRedirect(t, ops.destroys("/desk/"+string(alone), h.destruction("sheets", "1", "scanner", nobodyKnows)), "/desk/"+string(alone))
}

// The story of the rule, in the browser and without a mouse.
func TestWhoScannedDoesNotCheckAloneInTheBrowser(t *testing.T) {
	b := newBrowserUnder(t, true, func(c *Config) { c.Sample = true })
	id := b.letter(1)
	link := "/l/" + string(id)
	finds := func(who int64, from string) {
		b.be(who)
		b.Open(from)
		b.goes(`main a[href="` + link + `"]`)
		b.LoadImages()
		b.TabTo(`a[href="#decide"]`)
		b.Keys(kb.Enter)
		b.goes(`form[action$="/readable"] button`)
	}
	finds(b.manager, "/letters")
	b.Wants("The paper is kept until another person has found it readable too")
	b.shoot("letter-another")
	b.be(b.ops)
	b.Wants("A second person must have found the scan readable", "Nothing may be destroyed now")
	b.shoot("desk-another")
	b.WantsNoSideways(320)
	finds(b.lead, "/letters?state=another")
	b.Wants("Operations may now destroy the paper")
	b.be(b.ops)
	b.goes(`a[href="/desk/` + string(id) + `"]`)
	for _, c := range [][2]string{{"#sheets", "1"}, {"#scanner", "M"}, {"#confirm", " "}} {
		b.TabTo(c[0])
		b.Keys(c[1])
	}
	b.goes("main form .danger")
	b.TabTo("#witness")
	b.Keys("P")
	b.goes("main form .danger")
	b.Wants("staff number 4 (Mo Manager) and by staff number 1 (Ada Lead)")
}
