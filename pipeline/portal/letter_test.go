package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

func TestLetterIsOnRecordBeforeItIsShown(t *testing.T) {
	h := newHouse(t)
	id := h.letter(3)
	opened := func() int { return len(h.entries("letter-opened", id)) }
	// No plaintext is made before its opening is on the register.
	h.reader.before = func(l register.Letter) {
		if opened() == 0 {
			t.Error("a page was made before the opening was on record")
		}
	}
	for _, path := range []string{"/page/2.jpg", "/letter.pdf", ""} {
		t.Run("first by "+path, func(t *testing.T) {
			h.now = h.now.Add(time.Minute)
			before := opened()
			w := h.as(h.lead).get("/l/" + string(id) + path)
			wantStatus(t, w, http.StatusOK)
			if opened() != before+1 {
				t.Errorf("%d openings on record, want %d", opened(), before+1)
			}
			if w.Header().Get("Cache-Control") != "no-store" {
				t.Errorf("a letter may be kept by the browser: %q", w.Header().Get("Cache-Control"))
			}
		})
	}
	t.Run("one session's further looks are one opening, the PDF always another", func(t *testing.T) {
		before, v := opened(), h.as(h.manager)
		v.get("/l/" + string(id))
		v.get("/l/" + string(id) + "/page/1.jpg")
		v.get("/l/" + string(id) + "/page/3.jpg")
		if got := opened() - before; got != 1 {
			t.Errorf("a page with its images counts %d openings, want 1", got)
		}
		v.get("/l/" + string(id) + "/letter.pdf")
		if got := opened() - before; got != 2 {
			t.Errorf("with the PDF %d openings, want 2", got)
		}
	})
}

func TestLetterIsNotShownWithoutRecord(t *testing.T) {
	h := newHouse(t)
	id := h.letter(2)
	v := h.as(h.lead)
	v.get("/") // the session is known; now the register refuses to be written
	h.reader.before = func(register.Letter) { t.Error("a page was made without a record") }
	_, err := h.register.DB().Exec(`CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'no room for ` + string(id) + `'); END`)
	must(t, err)
	for _, path := range []string{"", "/page/1.jpg", "/letter.pdf"} {
		w := v.get("/l/" + string(id) + path)
		wantStatus(t, w, http.StatusServiceUnavailable)
		wantText(t, w, "Every opening is written in the register first")
		if strings.Contains(w.Body.String(), "no room") {
			t.Error("the page tells of an inner error")
		}
	}
	if !strings.Contains(h.log.String(), "no room for (letter)") || strings.Contains(h.log.String(), string(id)) {
		t.Errorf("the log should name the fault and no letter:\n%s", &h.log)
	}
}

func TestLetterPage(t *testing.T) {
	h := newHouse(t)
	id := h.admitted(letter.Manifest{ID: letter.NewID(), Site: "office", Helpline: "respect-phoneline", Class: letter.SixMonths,
		Received: h.now.Truncate(time.Second), Pages: 3, Flags: "2:blank", Size: 1000, SHA256: strings.Repeat("ab", 32)})
	w := h.as(h.lead).get("/l/" + string(id))
	wantStatus(t, w, http.StatusOK)
	wantText(t, w, "looks blank", id.Reference(), "Respect Phoneline", "24 November 2026 at 2:02pm", "23 May 2027",
		`alt="Page 1 of 3"`, `src="/l/`+string(id)+`/page/3.jpg"`, "Can you read every page?")
	ofADay := h.admitted(letter.Manifest{ID: letter.NewID(), Site: "office", Helpline: "respect-phoneline", Class: letter.SixMonths,
		Received: letter.DateOf(h.now).Start(), Pages: 1, Size: 1000, SHA256: strings.Repeat("cd", 32)})
	if body := h.as(h.lead).get("/l/" + string(ofADay)).Body.String(); !strings.Contains(body, "<dd>24 November 2026</dd>") {
		t.Errorf("of a letter whose day alone is known the page says:\n%s", body)
	}
	for _, bad := range []string{"0.jpg", "4.jpg", "01.jpg", "1", "1.png", "-1.jpg", "1.jpg.jpg", "99999999999999999999.jpg"} {
		wantStatus(t, h.as(h.lead).get("/l/"+string(id)+"/page/"+bad), http.StatusNotFound)
	}
	jpeg := h.as(h.lead).get("/l/" + string(id) + "/page/1.jpg")
	if kind := http.DetectContentType(jpeg.Body.Bytes()); kind != "image/jpeg" || jpeg.Header().Get("Content-Type") != kind {
		t.Errorf("a page is %s, sent as %s", kind, jpeg.Header().Get("Content-Type"))
	}
	pdf := h.as(h.lead).get("/l/" + string(id) + "/letter.pdf")
	if pdf.Header().Get("Content-Type") != "application/pdf" || pdf.Header().Get("Content-Disposition") != "inline" {
		t.Errorf("the PDF's headers are %v", pdf.Header())
	}
	h.reader.fails = ErrNotClean
	refused := h.as(h.lead).get("/l/" + string(id) + "/letter.pdf")
	if wantStatus(t, refused, http.StatusForbidden); !strings.Contains(refused.Body.String(), "page by page only") {
		t.Errorf("of a file that is not given out the page says:\n%s", refused.Body)
	}
}

// The first page is begun exactly as the browser then asks for it, or it is made twice.
func TestTheFirstPageIsBegunAsItIsAskedFor(t *testing.T) {
	h := newHouse(t, letsPrint)
	id := string(h.letter(2))
	v := h.as(h.lead)
	for _, c := range []struct{ page, image string }{
		{"", "?dpi=104"}, // a screen on a desk
		{"?page=1&turn=1", "?turn=1"}, {"?page=2&turn=3", "?dpi=104"}, {"?larger=1", "?dpi=200"},
		{"?page=1&turn=1&larger=1", "?dpi=200&turn=1"}, {"/print", ""},
	} {
		if c.page == "/print" {
			wantStatus(t, v.post("/l/"+id+c.page, nil), http.StatusOK)
		} else {
			wantStatus(t, v.get("/l/"+id+c.page), http.StatusOK)
		}
		wantStatus(t, v.get("/l/"+id+"/page/1.jpg"+c.image), http.StatusOK)
		begun, shown := h.reader.begun, h.reader.views()
		if diff := cmp.Diff(begun[len(begun)-1], shown[len(shown)-1]); diff != "" {
			t.Errorf("%s: begun and shown are not one:\n%s", c.page, diff)
		}
	}
	begins := func(agent string, want int) {
		t.Helper()
		r := httptest.NewRequest(http.MethodGet, "/l/"+id, nil)
		r.Header.Set("User-Agent", agent)
		wantStatus(t, v.send(r), http.StatusOK)
		if begun := h.reader.begun; begun[len(begun)-1].DPI != want {
			t.Errorf("with %q the first page is begun with %d dots per inch, and not with %d", agent, begun[len(begun)-1].DPI, want)
		}
	}
	begins("a screen on a desk, as before it was printed", screenDPI)
	v.get("/l/" + id + "/page/2.jpg?dpi=150")
	begins("a screen on a desk, and fine: it was asked for so last", pageDPI)
	v.get("/l/" + id + "/page/2.jpg?dpi=104")
	begins("Mobile, and coarse: it was asked for so last", screenDPI)
	v = h.as(h.manager)
	begins("Mobile, as a phone's that is not known yet", pageDPI)
}

// TestSameNothing: what is missing, malformed, foreign, not verified yet, due
// or gone answers alike, to the byte.
func TestSameNothing(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.stranger)
	nothing := v.get("/no-such-page")
	wantText(t, nothing, "the letter may have been deleted because its time is over")
	foreign, due, gone := h.letter(1), h.letter(1), h.letter(1)
	h.expire(gone)
	m := letter.Manifest{ID: letter.NewID(), Site: "office", Helpline: "mens-advice-line", Class: letter.SixMonths,
		Received: h.now.Truncate(time.Second), Pages: 1, Size: 1, SHA256: strings.Repeat("ab", 32)}
	must(t, h.register.Admit(t.Context(), m)) // its own helpline's, but not verified yet
	for name, id := range map[string]string{
		"missing": string(letter.NewID()), "malformed": "AAA", "foreign": string(foreign), "gone": string(gone), "not verified": string(m.ID),
	} {
		for _, path := range []string{"", "/page/1.jpg", "/letter.pdf"} {
			wantSame(t, name+path, v.get("/l/"+id+path), nothing)
		}
		wantSame(t, name, v.post("/l/"+id+"/readable", nil), nothing)
		wantSame(t, name, v.post("/l/"+id+"/scan-again", nil), nothing)
	}
	h.now = h.now.AddDate(0, 6, 0) // the deadline has come, and nothing has acted on it yet
	lead := h.as(h.lead)
	wantSame(t, "due", lead.get("/l/"+string(due)), lead.get("/no-such-page"))
}

func TestReadable(t *testing.T) {
	h := newHouse(t)
	id := h.letter(2)
	v := h.as(h.lead)
	path := "/l/" + string(id)
	wantText(t, v.post(path+"/readable", nil), "Please open the letter first")
	v.looksAt(id, 2)
	w := v.post(path+"/readable", nil)
	wantRedirect(t, w, path+"?done=readable")
	wantText(t, v.get(path+"?done=readable"), "Thank you. It is recorded that you found this letter readable.")
	v.post(path+"/readable", nil) // sent twice
	if n := len(h.entries("letter-readable", id)); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
	if strings.Contains(v.get(path+"?done=scan-again").Body.String(), "Thank you") {
		t.Error("an address thanks for what was not done")
	}
}

// Nobody finds a letter readable of which they have not seen every page.
func TestReadableIsOfEveryPage(t *testing.T) {
	h := newHouse(t)
	id := h.letter(9)
	path := "/l/" + string(id)
	v, other := h.as(h.lead), h.as(h.lead2)
	v.looksAt(id, 1)
	other.looksAt(id, 9)
	refused := func(says, at string) {
		t.Helper()
		w := v.post(path+"/readable", nil)
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, says, `<a href="#`+at+`">`, `id="`+at+`"`)
	}
	refused("You have not been shown 8 of its pages, of which page 2 is the first, yet.", "page-2")
	h.now = h.now.Add(time.Hour)
	v = h.as(h.lead) // what she has seen counts in another session too
	for _, n := range []string{"2", "3", "4", "5", "7", "8"} {
		v.get(path + "/page/" + n + ".jpg")
	}
	refused("You have not been shown pages 6 and 9 yet.", "page-6")
	h.reader.fails = errors.New("the storage is down")
	wantStatus(t, v.get(path+"/page/6.jpg"), http.StatusServiceUnavailable)
	h.reader.fails = nil
	v.get(path + "/page/9.jpg")
	refused("You have not been shown page 6 yet.", "page-6")
	if n := len(h.entries("letter-readable", id)); n != 0 {
		t.Fatalf("%d entries of what was refused", n)
	}
	v.get(path + "/page/6.jpg")
	wantRedirect(t, v.post(path+"/readable", nil), path+"?done=readable")

	whole := h.letter(9) // the PDF is every page
	v.get("/l/" + string(whole) + "/letter.pdf")
	wantRedirect(t, v.post("/l/"+string(whole)+"/readable", nil), "/l/"+string(whole)+"?done=readable")

	// Whoever has it open, and whose only page is not there yet, is not told to open it;
	// whoever has not finds the way to it.
	path = letterPath(h.letter(1))
	v.get(path)
	refused("You have not been shown page 1 yet.", "page-1")
	wantText(t, h.as(h.lead2).post(path+"/readable", nil), "Please open the letter first", `<a href="`+path+`">Letter `)
}

// Every page says who looks at it and since when, as the register says it.
func TestEveryPageIsMarked(t *testing.T) {
	h := newHouse(t)
	id := h.letter(2)
	v := h.as(h.lead)
	v.looksAt(id, 1)
	h.now = h.now.Add(10 * time.Minute)
	v.get("/l/" + string(id) + "/page/2.jpg?turn=3")
	h.now = h.now.Add(6 * time.Minute) // which is another opening
	h.as(h.lead).get("/l/" + string(id) + "/page/2.jpg?turn=-1")
	h.as(h.lead).get("/l/" + string(id) + "/page/2.jpg?turn=sideways")
	first, later := fmt.Sprintf("Staff number %d, opened 24 November 2026 at 2:02pm", h.lead), fmt.Sprintf("Staff number %d, opened 24 November 2026 at 2:18pm", h.lead)
	want := []View{{1, pageDPI, 0, first}, {2, pageDPI, 3, first}, {2, pageDPI, 3, later}, {2, pageDPI, 0, later}}
	if diff := cmp.Diff(want, h.reader.views()); diff != "" {
		t.Error(diff)
	}
}

func TestScanAgain(t *testing.T) {
	h := newHouse(t)
	id := h.letter(2)
	v := h.as(h.lead)
	path := "/l/" + string(id)
	v.get(path)
	for _, reason := range []string{"", "because", "<script>"} {
		w := v.post(path+"/scan-again", url.Values{"reason": {reason}})
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, "Choose what is wrong with the scan", "<title>Error: ")
	}
	wantRedirect(t, v.post(path+"/scan-again", url.Values{"reason": {"too-faint"}}), path+"?done=scan-again")
	wantText(t, v.get(path+"?done=scan-again"), "Operations see that this letter must be scanned again")
	desk := h.as(h.ops).get("/desk")
	wantText(t, desk, id.Reference(), "It is too faint or blurred to read")
	if strings.Contains(desk.Body.String(), "/desk/"+string(id)) {
		t.Error("paper that must be scanned again can be destroyed")
	}
	wantText(t, h.as(h.ops).get("/desk/"+string(id)), "Keep this paper", "too faint")
	// She changes her mind while the paper exists.
	v.looksAt(id, 2)
	wantText(t, v.get(path), `name="state" value="scan-again"`)
	wantRedirect(t, v.post(path+"/readable", url.Values{"state": {"scan-again"}}), path+"?done=readable")
}

// A page from before a colleague's word does not undo it: the paper would go.
func TestNobodyUndoesWhatTheyHaveNotSeen(t *testing.T) {
	h := newHouse(t)
	id := h.letter(2)
	path := letterPath(id)
	ada, bea := h.as(h.lead), h.as(h.lead2)
	ada.looksAt(id, 2)
	bea.looksAt(id, 2)
	wantText(t, bea.get(path), `name="state" value="opened"`, `name="instead" value=""`)
	wantRedirect(t, ada.post(path+"/scan-again", url.Values{"reason": {"cut-off"}}), path+"?done=scan-again")
	wantRedirect(t, ada.post(path+"/risk", url.Values{"risk": {"urgent"}}), path+"?done=risk-urgent")

	w := bea.post(path+"/readable", url.Values{"state": {"opened"}})
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "It was said meanwhile that this letter must be scanned again", `href="#decide"`, `name="state" value="scan-again"`)
	w = bea.post(path+"/risk", url.Values{"risk": {"none"}, "instead": {""}})
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "It was answered meanwhile", `href="#keeping"`, `name="instead" value="urgent"`)
	l, err := h.register.Letter(t.Context(), id)
	must(t, err)
	if l.Paper != letter.PaperScanAgain || l.Risk != register.RiskUrgent || len(h.entries("letter-readable", id)) != 0 || len(h.entries("risk-said", id)) != 1 {
		t.Errorf("over what she had not seen: %+v", l)
	}

	// Who is in danger is said at once, whatever was said before; and with that before
	// her, she may say otherwise.
	wantRedirect(t, bea.post(path+"/risk", url.Values{"risk": {"none"}, "instead": {"urgent"}}), path+"?done=risk-none")
	wantRedirect(t, ada.post(path+"/risk", url.Values{"risk": {"urgent"}, "instead": {""}}), path+"?done=risk-urgent")
	wantRedirect(t, bea.post(path+"/readable", url.Values{"state": {"scan-again"}}), path+"?done=readable")
}

func TestDecisionAfterThePaperIsGone(t *testing.T) {
	h := newHouse(t)
	id := h.readable(2)
	v := h.as(h.lead2)
	v.get("/l/" + string(id))
	_, err := h.register.DestroyPaper(t.Context(), id, register.Destruction{Sheets: 1, Method: register.Shredder, Level: "P-5",
		Place: "office", Authority: "policy-1", Witness: h.ops2}, h.ops)
	must(t, err)
	w := v.post("/l/"+string(id)+"/scan-again", url.Values{"reason": {"too-faint"}})
	wantStatus(t, w, http.StatusConflict)
	wantText(t, w, "The paper has been destroyed already", "was not recorded")
	wantText(t, v.get("/l/"+string(id)), "There is nothing more to decide")
}

func TestStorageTrouble(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	for _, c := range []struct {
		fails  error
		status int
		says   string
	}{
		{ErrGone, http.StatusGone, "time is over"},
		{ErrLost, http.StatusGone, "The manager, the data-protection officer and the administrator are told"},
		{ErrMissing, http.StatusGone, "It was not in the storage any more when Letterlock was restored from a backup. That is on the register."},
		{errors.New("GET letters/six-months/" + string(id) + ".age: connection refused"), http.StatusServiceUnavailable, "Nothing is lost"},
	} {
		h.reader.fails = c.fails
		for _, path := range []string{"/page/1.jpg", "/letter.pdf"} {
			w := h.as(h.lead).get("/l/" + string(id) + path)
			wantStatus(t, w, c.status)
			wantText(t, w, c.says)
		}
	}
	if strings.Contains(h.log.String(), string(id)) {
		t.Errorf("the log names a letter:\n%s", &h.log)
	}
}

func TestPreviewOpensNothing(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	for name, said := range map[string]string{"Sec-Purpose": "prefetch;prerender", "Purpose": "prefetch", "X-Purpose": "preview", "X-Moz": "prefetch"} {
		r := httptest.NewRequest(http.MethodGet, "/l/"+string(id), nil)
		r.Header.Set(name, said)
		wantStatus(t, h.as(h.lead).send(r), http.StatusForbidden)
	}
	if n := len(h.entries("letter-opened", id)); n != 0 {
		t.Errorf("a preview counted as %d openings", n)
	}
}

// Each reader is told what becomes of the paper on their word, and that it may be gone.
func TestWhatReadableMeansForThePaper(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	path := letterPath(id)
	wantText(t, h.as(h.lead).get(path), "operations may destroy the paper.")
	wantText(t, h.as(h.manager).get(path), "unless your organisation has somebody else look at the scan too")
	_, err := h.register.DB().ExecContext(t.Context(), `UPDATE papers SET state = 'may-go' WHERE letter = ?`, string(id))
	must(t, err)
	wantText(t, h.as(h.lead).get(path), "The paper may be destroyed already.")
}

func TestLetters(t *testing.T) {
	h := newHouse(t)
	wantText(t, h.as(h.manager).get("/letters"), "Nothing is waiting", "its team leaders get a mail, and you find it here")
	wantText(t, h.as(h.lead).get("/letters"), "Nothing is waiting", "Letters that are done, and those that are to be scanned again")
	var ids []letter.ID
	for range perPage + 2 {
		ids = append(ids, h.letter(1))
		h.now = h.now.Add(time.Hour)
	}
	read := h.readable(1)
	v := h.as(h.lead2)
	w := v.get("/letters")
	wantText(t, w, ids[0].Reference(), read.Reference(), "Opened by</dt><dd>Ada Lead", "Still to read</dt><dd>you", "More letters that nobody has opened")
	if i, j := strings.Index(w.Body.String(), ids[0].Reference()), strings.Index(w.Body.String(), ids[1].Reference()); i > j {
		t.Error("the letter that waits longest is not on top")
	}
	if strings.Contains(w.Body.String(), ids[sectionShows].Reference()) {
		t.Error("a list among others shows more than its beginning")
	}
	w = v.get("/letters?unopened=")
	wantText(t, w, ids[0].Reference(), ids[perPage-1].Reference(), "More letters that nobody has opened")
	if strings.Contains(w.Body.String(), ids[perPage].Reference()) {
		t.Error("a page lists more than it should")
	}
	_, rest, _ := strings.Cut(w.Body.String(), `href="/letters?unopened=`)
	cursor, _, _ := strings.Cut(rest, `"`)
	h.expire(ids[perPage-1]) // the letter that the cursor stands on goes; the list goes on
	further := v.get("/letters?unopened=" + cursor)
	wantText(t, further, ids[perPage].Reference(), ids[perPage+1].Reference(), "Back to the beginning")
	if strings.Contains(h.as(h.stranger).get("/letters").Body.String(), ids[0].Reference()) {
		t.Error("another helpline's letter is listed")
	}
	wantText(t, h.as(h.manager).get("/letters"), ids[0].Reference())
	for _, odd := range []string{"x", "1.", ".", "9223372036854775807.zzz", "-5.aaaaaaaaaaaaaaaaaaaaaaaaa0"} {
		wantStatus(t, v.get("/letters?unopened="+odd), http.StatusOK)
		wantStatus(t, v.get("/letters?opened="+odd), http.StatusOK)
	}
}
