package portal

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// rescanned is a new scan of the letter, which a leader could not read.
func (h *house) rescanned(old letter.ID) letter.ID {
	h.t.Helper()
	ctx := h.t.Context()
	h.opens(old, h.lead)
	must(h.t, h.register.MarkScanAgain(ctx, old, h.lead, register.CutOff))
	return h.scanOf(old)
}

// scanOf is a letter whose scanner says that it is a new scan of another.
func (h *house) scanOf(old letter.ID, change ...func(*letter.Manifest)) letter.ID {
	h.t.Helper()
	was, err := h.register.Letter(h.t.Context(), old)
	must(h.t, err)
	m := letter.Manifest{ID: letter.NewID(), Site: "office", Helpline: was.Helpline, Class: letter.SixMonths,
		Received: was.Received, Pages: was.Pages, Size: 1, SHA256: strings.Repeat("ab", 32), Replaces: old}
	for _, c := range change {
		c(&m)
	}
	return h.admitted(m)
}

func TestANewScanOnThePage(t *testing.T) {
	h := newHouse(t)
	old := h.letter(2)
	id := h.rescanned(old)
	v := h.as(h.lead)
	was, path := "/l/"+string(old), "/l/"+string(id)
	w := v.get(was)
	wantText(t, w, "A new scan of this letter is here", `href="`+path+`"`, "Go on with")
	for _, form := range []string{"/readable", "/scan-again", "/risk", "/hand-over", "/response", "/erase"} {
		if strings.Contains(w.Body.String(), was+form) {
			t.Errorf("the old scan's page still has %s", form)
		}
	}
	wantText(t, v.get(path), "This is a new scan of", `href="`+was+`"`, "Something is cut off at the edge", "It is the same letter as", "It is another letter")
	v.looksAt(old, 2)
	w = v.post(was+"/readable", nil)
	wantStatus(t, w, http.StatusConflict)
	wantText(t, w, "A new scan of this letter is here", "was not recorded")

	v.looksAt(id, 2)
	w = v.post(path+"/readable", nil)
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "Compare it with the old scan first")
	wantRedirect(t, v.post(path+"/readable", url.Values{"same": {"yes"}}), path+"?done=readable")
	h.expire(old)
	wantText(t, v.get(path), "This is a new scan of letter", old.Reference(), "is erased")
	wantSame(t, "the old scan", v.get(was), v.get("/l/"+string(letter.NewID())))

	tray := h.as(h.ops).get("/desk/tray?references=" + old.Reference())
	wantText(t, tray, "The paper "+old.Reference()+" was scanned again and is now called "+id.Reference())
	wantText(t, h.as(h.dpo).get("/register?about="+string(old)), "The new scan of the letter is here, as "+id.Reference(),
		"found the new scan "+id.Reference()+" readable: this one is erased now", "its new scan is "+id.Reference())
	wantText(t, h.as(h.dpo).get("/register?about="+string(id)), "The letter is the new scan of "+old.Reference()+", which was asked for: something is cut off at the edge")
}

func TestTheWrongPaperInTheScanner(t *testing.T) {
	h := newHouse(t)
	old := h.letter(1)
	id := h.rescanned(old)
	v := h.as(h.lead)
	path := "/l/" + string(id)
	to := action(t, v.get(path), path+"/other-paper")
	sure := url.Values{"confirm": {"yes"}}
	once := v.post(to, nil) // one tap does nothing yet
	wantStatus(t, once, http.StatusOK)
	wantText(t, once, old.Reference()+"</span> waits to be scanned again. This cannot be undone.", `name="confirm" value="yes"`, `<a href="`+path+`">`)
	if n := len(h.entries("letter-other-paper", "")); n != 0 {
		t.Errorf("%d on record", n)
	}
	to = action(t, once, path+"/other-paper")
	for range 2 { // the second time it is the same form
		wantRedirect(t, v.post(to, sure), path+"?done=other-paper")
	}
	wantText(t, v.get(path+"?done=other-paper"), "Thank you. It is recorded that this is another letter", old.Reference(), "It is a letter of its own all the same")
	wantStatus(t, v.post(path+"/other-paper", sure), http.StatusConflict)
	wantText(t, h.as(h.ops).get("/desk"), old.Reference(), "Something is cut off at the edge")
	wantText(t, h.as(h.dpo).get("/register?about="+string(id)), "found the letter to be no new scan of "+old.Reference()+" but another")
	if n := len(h.entries("new-scan-is-other", id)); n != 1 {
		t.Errorf("%d entries", n)
	}
	// It was put in once more, and is said on its page.
	h.scanOf(old)
	stray := h.scanOf(old)
	wantText(t, v.get("/l/"+string(stray)), "At the scanner this was put in as a new scan of letter", old.Reference())
	wantText(t, h.as(h.dpo).get("/register?about="+string(stray)), "It is a letter of its own, because that letter has a new scan already")
}

// Operations see at the intake which papers are to be scanned again, and why, for as
// long as the new scan is not there.
func TestTheIntakeSaysWhatIsToBeScannedAgain(t *testing.T) {
	h := newHouse(t)
	old := h.letter(2)
	wantText(t, h.as(h.ops).get("/intake"), "No letter has to be scanned again.")
	h.opens(old, h.lead)
	h.now = h.now.Add(26 * time.Hour)
	must(t, h.register.MarkScanAgain(t.Context(), old, h.lead, register.CutOff))
	v := h.as(h.ops)
	w := v.get("/intake")
	wantText(t, w, `class="reference">`+old.Reference(), texts.English().Text(texts.Word("reason", register.CutOff)),
		"Waiting since</dt><dd>25 November 2026 at 4:02pm", "put the new scan into the folder of its reference")
	if strings.Contains(w.Body.String(), "/l/") {
		t.Error("the board leads to what a letter says")
	}
	if strings.Contains(w.Body.String(), "no slip names it") {
		t.Error("its folder is said to be gone")
	}
	h.scanOf(old)
	if w := v.get("/intake"); strings.Contains(w.Body.String(), "Waiting since") {
		t.Error("the new scan is here, and the board still asks for it")
	}
}

// A letter that is kept for years outlives the months for which its scanner seals, and
// with them its slip: then people are sent to the folder, and told what it means if
// there is none. Of one whose old letter has ended its page says so.
func TestAPaperThatItsScannerHasForgotten(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead := h.as(h.lead)
	lead.get(letterPath(id))
	wantStatus(t, lead.post(letterPath(id)+"/safeguarding", with(h.keepForm(), "confirm", "yes")), http.StatusSeeOther)
	must(t, h.register.MarkScanAgain(t.Context(), id, h.lead, register.CutOff))
	h.now = h.now.AddDate(0, 6, 0)
	v := h.as(h.ops)
	for _, page := range []string{"/intake", "/desk"} {
		wantText(t, v.get(page), id.Reference(), "no slip names it", "the program at the scanner is an older one")
	}
	newer := h.scanOf(id, func(m *letter.Manifest) { m.Replaces, m.Received = letter.NewID(), h.now.UTC().Truncate(time.Second) })
	wantText(t, h.as(h.lead).get(letterPath(newer)), "which has ended meanwhile", "This is a letter of its own, with months of its own")
}
