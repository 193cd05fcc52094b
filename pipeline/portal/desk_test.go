package portal

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

func (h *house) destruction(change ...string) url.Values {
	form := url.Values{"sheets": {"2"}, "method": {"own-shredder"}, "level": {"P-5"}, "place": {"office"},
		"scanner": {strconv.FormatInt(h.ops, 10)}, "confirm": {"yes"}}
	for i := 0; i < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
}

// fills sends a form of the desk and returns the page on which it is signed.
func (v *visitor) fills(path string, form url.Values) (sign string) {
	v.h.t.Helper()
	w := v.post(path, form)
	wantStatus(v.h.t, w, http.StatusSeeOther)
	sign = w.Header().Get("Location")
	if !strings.HasPrefix(sign, "/desk/sign/") {
		v.h.t.Fatalf("led to %q", sign)
	}
	return sign
}

// signs has the two sign, as they would with their passkeys.
func (v *visitor) signs(sign string, witness int64) {
	v.h.t.Helper()
	v.showsAgain(sign)
	v.witnessed(sign, witness)
}

// witnessed is what the witness's passkey does in the visitor's browser.
func (v *visitor) witnessed(sign string, witness int64) {
	v.h.t.Helper()
	s, err := v.h.register.Session(v.h.t.Context(), v.cookies[sessionCookie])
	if errors.Is(err, register.ErrNotFound) {
		return // signed out, and so is their tray
	}
	must(v.h.t, err)
	visit := &visit{Request: httptest.NewRequest(http.MethodPost, sign, nil), session: s.Hash, person: s.Person}
	must(v.h.t, v.h.portal.witnessed(visit, strings.TrimPrefix(sign, "/desk/sign/"), witness))
}

// destroys fills in the form, has it signed and puts it on record.
func (v *visitor) destroys(path string, form url.Values) *httptest.ResponseRecorder {
	v.h.t.Helper()
	sign := v.fills(path, form)
	v.signs(sign, v.h.ops2)
	return v.post(sign, nil)
}

func (h *house) destroyed(id letter.ID) register.PaperDestroyed {
	h.t.Helper()
	found := h.entries("paper-destroyed", id)
	if len(found) != 1 {
		h.t.Fatalf("%d destructions on record, want 1", len(found))
	}
	var d register.PaperDestroyed
	must(h.t, json.Unmarshal(found[0].Data, &d))
	return d
}

func TestDestroyPaper(t *testing.T) {
	h := newHouse(t)
	kept, id := h.letter(2), h.readable(3)
	v := h.as(h.ops)
	desk := v.get("/desk")
	wantText(t, desk, id.Reference(), "3 pages", "Destroy "+id.Reference(), kept.Reference())
	for _, secret := range []string{"/l/", "/desk/" + string(kept)} {
		if strings.Contains(desk.Body.String(), secret) {
			t.Errorf("the desk leads to %q", secret)
		}
	}
	path := "/desk/" + string(id)
	form := v.get(path)
	wantText(t, form, "It should be 2 to 3", "<option selected>P-5", "Ola Office", "Mo Manager")
	sign := v.fills(path, h.destruction())
	wantText(t, v.get(sign), id.Reference(), "You sign first", "P-5")
	h.signed(v, sign, path)
	wantText(t, v.get(path), "Destruction recorded", "D-2026-000001", "Ola Office", "Pat Office", "P-5", "confidentiality-policy-1", "at office by staff number 5 (Ola Office)", "by staff number 1 (Ada Lead)")
	if d := h.destroyed(id); d.Sheets != 2 || d.Witness != h.ops2 || d.WitnessWith != register.WithPasskey || d.ReadableBy != h.lead || d.ScannedBy != h.ops || d.Place != "office" || d.Anomalies == nil || len(d.Anomalies) != 0 {
		t.Errorf("the record says %+v", d)
	}
	// The same sent twice shows the same record and makes no other.
	wantRedirect(t, v.post(path, h.destruction()), path)
	wantRedirect(t, v.post(sign, nil), path)
	h.destroyed(id)
	if strings.Contains(v.get("/desk").Body.String(), id.Reference()) {
		t.Error("destroyed paper is still on the desk")
	}

	// Where the scanner could count the sheets, it must be as many.
	exact := h.admitted(letter.Manifest{ID: letter.NewID(), Site: "office", Helpline: "respect-phoneline", Class: letter.SixMonths,
		Received: h.now.Truncate(time.Second), Pages: 4, Sheets: 4, Sides: 4, Size: 1000, SHA256: strings.Repeat("ab", 32)})
	h.opens(exact, h.lead)
	must(t, h.register.MarkReadable(t.Context(), exact, h.lead))
	path = "/desk/" + string(exact)
	wantText(t, v.get(path), "It should be 4.")
	stopped := v.post(path, h.destruction("sheets", "3"))
	wantStatus(t, stopped, http.StatusUnprocessableEntity)
	wantText(t, stopped, "Stop: 3 sheets cannot belong to a scan of 4 pages")
	wantRedirect(t, v.destroys(path, h.destruction("sheets", "4")), path)
	if d := h.destroyed(exact); d.Sheets != 4 || d.Sides != 4 || len(d.Anomalies) != 0 || d.Machine != "" {
		t.Errorf("the record says %+v", d)
	}

	// Where shredders have names, the record says which it was.
	h.portal.cfg.Machines = []register.Name{"shredder-1", "shredder-2"}
	named := h.readable(3)
	path = "/desk/" + string(named)
	for _, wrong := range []string{"", "mrs-smith"} {
		wantText(t, v.post(path, h.destruction("machine", wrong)), "Choose the shredder that destroyed it.")
	}
	sign = v.fills(path, h.destruction("machine", "shredder-2"))
	wantText(t, v.get(sign), "Our own shredder (shredder-2), level P-5")
	v.signs(sign, h.ops2)
	wantRedirect(t, v.post(sign, nil), path)
	wantText(t, v.get(path), "Our own shredder (shredder-2), level P-5")
	wantText(t, v.get("/desk/trays"), "Our own shredder (shredder-2), level P-5")
	wantText(t, h.as(h.dpo).get("/register?about="+named.Reference()), "with our own shredder (shredder-2), level P-5, at office")
}

func TestDestructionFormFlaws(t *testing.T) {
	h := newHouse(t)
	id := h.readable(4)
	v := h.as(h.ops)
	path := "/desk/" + string(id)
	for name, c := range map[string]struct {
		change []string
		says   string
	}{
		"no sheets":        {[]string{"sheets", ""}, "whole number from 1 to 9999"},
		"nought":           {[]string{"sheets", "0"}, "whole number from 1 to 9999"},
		"a word":           {[]string{"sheets", "two"}, "whole number from 1 to 9999"},
		"a fraction":       {[]string{"sheets", "2.5"}, "whole number from 1 to 9999"},
		"less than none":   {[]string{"sheets", "-2"}, "whole number from 1 to 9999"},
		"far too many":     {[]string{"sheets", "99999999999999999999"}, "whole number from 1 to 9999"},
		"no method":        {[]string{"method", "fire"}, "Choose how the paper was destroyed"},
		"no level":         {[]string{"level", "P-8"}, "Choose the level"},
		"no contractor":    {[]string{"method", "contractor", "contractor", "mrs-smith"}, "Choose the contractor"},
		"no certificate":   {[]string{"method", "contractor", "collection", "1"}, "Enter the number on the certificate of destruction"},
		"no collection":    {[]string{"method", "contractor", "certificate", "1"}, "Enter the number on the collection note"},
		"prose for one":    {[]string{"method", "contractor", "certificate", "for Mrs Smith 1"}, "Enter the number on the certificate of destruction"},
		"a name for one":   {[]string{"method", "contractor", "certificate", "MARGARET-1"}, "Enter the number on the certificate of destruction"},
		"no scanner":       {[]string{"scanner", ""}, "Choose who scanned it"},
		"a leader scanned": {[]string{"scanner", strconv.FormatInt(h.lead, 10)}, "Choose who scanned it"},
		"no place":         {[]string{"place", "mrs-smith"}, "Choose where"},
		"not confirmed":    {[]string{"confirm", ""}, "Tick the box"},
		"markup":           {[]string{"sheets", `"><script>alert(1)</script>`}, "&#34;&gt;&lt;script&gt;"},
		"too many sheets":  {[]string{"sheets", "5"}, "Stop: 5 sheets cannot belong to a scan of 4 pages"},
		"too few sheets":   {[]string{"sheets", "1"}, "Stop: 1 sheet cannot belong to a scan of 4 pages"},
		"a tick for other": {[]string{"sheets", "1", "recounted", "5"}, "Stop: 1 sheet cannot belong"},
	} {
		t.Run(name, func(t *testing.T) {
			w := v.post(path, h.destruction(c.change...))
			wantStatus(t, w, http.StatusUnprocessableEntity)
			wantText(t, w, c.says, "Please put this right")
		})
	}
	wantStatus(t, v.post(path, nil), http.StatusUnprocessableEntity)
	if n := len(h.entries("paper-destroyed", "")); n != 0 {
		t.Fatalf("%d destructions on record after flawed forms", n)
	}
	const ticked = `name="recounted" value="5" checked`
	destroyed := "If it is destroyed already, do not tick that you counted again: tell the helplines’ manager."
	wantText(t, v.post(path, h.destruction("sheets", "5")), destroyed)
	if w := v.post(path, h.destruction("sheets", "5", "confirm", "")); containsText(w.Body.String(), destroyed) || containsText(w.Body.String(), ticked) {
		t.Errorf("of a paper that is there it says:\n%s", w.Body)
	}
	// Who has counted again has done so, whatever else is to be put right; of another count
	// nobody has said it.
	wantText(t, v.post(path, h.destruction("sheets", "5", "recounted", "5", "place", "")), ticked)
	for _, change := range [][]string{{"sheets", "6"}, {"sheets", "4"}} {
		if w := v.post(path, h.destruction(append(change, "recounted", "5", "place", "")...)); containsText(w.Body.String(), `" checked><label for="recounted"`) || containsText(w.Body.String(), ticked) {
			t.Errorf("%v is ticked:\n%s", change, w.Body)
		}
	}
	t.Run("counted again", func(t *testing.T) {
		wantRedirect(t, v.destroys(path, h.destruction("sheets", "5", "recounted", "5", "scanner", nobodyKnows, "method", "contractor",
			"contractor", "shred-station", "collection", "c/4711", "certificate", "AB-12")), path)
		d := h.destroyed(id)
		want := []register.Anomaly{register.AnomalySheets, register.AnomalyScannerUnknown}
		if !slices.Equal(d.Anomalies, want) || d.Contractor != "shred-station" || d.Collection != "C/4711" || d.Certificate != "AB-12" || d.Level != "" {
			t.Errorf("the record says %+v", d)
		}
		wantText(t, v.get(path), "the sheets do not fit the scan’s pages, and were counted twice", "nobody knew any more who had scanned it",
			"A contractor: shred-station, collection C/4711, certificate AB-12")
	})
}

func TestPaperThatMayNotGo(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	kept := "/desk/" + string(h.letter(1))
	wantText(t, v.get(kept), "Keep this paper", "nobody has found its scan readable yet")
	wantRedirect(t, v.post(kept, h.destruction("sheets", "1")), kept)
	wantStatus(t, v.get("/desk/"+string(letter.NewID())), http.StatusNotFound)
	wantStatus(t, v.get("/desk/AAA"), http.StatusNotFound)
	wantStatus(t, v.post("/desk/AAA", h.destruction()), http.StatusNotFound)
	if n := len(h.entries("paper-destroyed", "")); n != 0 {
		t.Errorf("%d destructions on record", n)
	}
}

func TestOverduePaper(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	h.now = h.now.AddDate(0, 6, 1)
	h.expire(id)
	v := h.as(h.ops)
	wantText(t, v.get("/desk"), "Overdue: destroy these first", id.Reference())
	path := "/desk/" + string(id)
	wantRedirect(t, v.destroys(path, h.destruction("sheets", "1")), path)
	wantText(t, v.get(path), "Destruction recorded", "D-2027-000001")
	want := []register.Anomaly{register.AnomalyLetterGone, register.AnomalyUnread}
	if d := h.destroyed(id); d.LetterAlive || !slices.Equal(d.Anomalies, want) {
		t.Errorf("the record says %+v", d)
	}
	if strings.Contains(v.get("/desk").Body.String(), "Overdue") {
		t.Error("destroyed paper is still overdue")
	}
}

func TestNobodyToWitness(t *testing.T) {
	h := newHouse(t)
	id := h.readable(2)
	for _, n := range []int64{h.ops2, h.manager} {
		must(t, h.register.DisablePerson(t.Context(), n))
	}
	v := h.as(h.ops)
	wantText(t, v.get("/desk/"+string(id)), "Nobody else could be your witness")
	sign := v.fills("/desk/"+string(id), h.destruction())
	v.signs(sign, h.ops2) // who has signed, and left
	wantStatus(t, v.post(sign, nil), http.StatusForbidden)
	if n := len(h.entries("paper-destroyed", id)); n != 0 {
		t.Errorf("%d destructions on record", n)
	}
}

// signed signs step by step: nothing is on record before both have.
func (h *house) signed(v *visitor, sign, to string) {
	h.t.Helper()
	none := func(when string) {
		h.t.Helper()
		wantRedirect(h.t, v.post(sign, nil), sign)
		wantRedirect(h.t, v.post(sign, url.Values{"witness": {strconv.FormatInt(h.ops2, 10)}}), sign)
		if n := len(h.entries("paper-destroyed", "")); n != 0 {
			h.t.Fatalf("%s, %d destructions are on record", when, n)
		}
	}
	none("before anybody has signed")
	v.witnessed(sign, h.ops2)
	none("with the witness's signature alone")
	v.showsAgain(sign)
	h.now = h.now.Add(againCounts)
	none("with signatures that are old")
	v.showsAgain(sign)
	wantText(h.t, v.get(sign), "You have signed.", "Now your witness")
	none("with one's own signature alone")
	v.witnessed(sign, h.ops2)
	wantText(h.t, v.get(sign), "Your witness has signed.", "(Pat Office)", "Record the destruction")
	wantText(h.t, h.as(h.ops2).get(sign), "This form is no longer open")
	wantRedirect(h.t, h.as(h.ops).post(sign, nil), sign) // in another browser they show anew that it is them
	if n := len(h.entries("paper-destroyed", "")); n != 0 {
		h.t.Fatalf("with a signature from another session, %d destructions are on record", n)
	}
	wantRedirect(h.t, v.post(sign, nil), to)
}

func TestWhoMayWitness(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	for person, want := range map[int64]error{h.ops: ownWitness, h.ops2: nil, h.manager: nil, h.lead: noWitness, h.dpo: noWitness, h.admin: noWitness, 999: noWitness} {
		visit := &visit{Request: httptest.NewRequest(http.MethodGet, "/", nil), person: register.Person{Number: h.ops}}
		if got := h.portal.mayWitness(visit, tray{}, person); got != want {
			t.Errorf("person %d: %v, want %v", person, got, want)
		}
	}
	id := h.readable(1)
	sign := v.fills("/desk/"+string(id), h.destruction("sheets", "1"))
	v.signs(sign, h.ops)
	wantStatus(t, v.post(sign, nil), http.StatusForbidden)
	if _, err := h.register.DestroyPaper(t.Context(), id, register.Destruction{Sheets: 1, Witness: h.ops}, h.ops); !errors.Is(err, register.ErrOwnWitness) {
		t.Errorf("the register takes one person for both: %v", err)
	}
}

// A tray is one form and one pair of signatures for several papers, all of which
// are on record, or none.
func TestATrayOfPapers(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	one, two, three := h.readable(1), h.readable(4), h.readable(2)
	kept := h.letter(1)
	wantText(t, v.get("/desk"), `name="paper" value="`+string(two)+`"`, "Destroy the tray together")
	wantText(t, v.get("/desk/tray"), "References on the papers")
	wantText(t, v.get("/desk/tray?references="), "Type the references of the papers first")
	for typed, says := range map[string]string{
		"hello":                  "“hello” is no reference",
		kept.Reference():         "Keep the paper " + kept.Reference(),
		"K7QM-4T2X":              "K7QM-4T2X",
		strings.Repeat("x", 300): "is no reference",
	} {
		w := v.get("/desk/tray?" + url.Values{"references": {one.Reference() + "\n" + typed}}.Encode())
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, says, one.Reference()) // what was typed stays
	}
	wantRedirect(t, v.get("/desk/tray?paper="+string(one)), "/desk/"+string(one))
	wantStatus(t, v.get("/desk/tray?paper=AAA"), http.StatusNotFound)
	typed := strings.ToLower(strings.ReplaceAll(one.Reference(), "-", " ")) + "\r\n" + two.Reference() + ", " + two.Reference() + " " + one.Reference() + " "
	wantText(t, v.get("/desk/tray?"+url.Values{"references": {typed}, "paper": {string(three)}}.Encode()),
		"Destroy 3 papers", one.Reference(), two.Reference(), three.Reference(), `name="sheets-`+string(two)+`"`)

	form := h.destruction()
	form.Del("sheets")
	form["paper"] = []string{string(one), string(two), string(three)}
	w := v.post("/desk/tray", form)
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "Count the sheets of paper of "+two.Reference())
	for id, sheets := range map[letter.ID]string{one: "1", two: "5", three: "2"} {
		form.Set("sheets-"+string(id), sheets)
	}
	w = v.post("/desk/tray", form)
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "Stop: 5 sheets cannot belong to a scan of 4 pages, that of "+two.Reference(), `name="recounted-`+string(two)+`" value="5"`)
	form.Set("recounted-"+string(two), "5")
	sign := v.fills("/desk/tray", form)
	wantText(t, v.get(sign), "5, counted twice", "You sign first")
	wantText(t, v.get("/desk/tray?change="+strings.TrimPrefix(sign, "/desk/sign/")), `value="5"`, "Destroy 3 papers", `name="recounted-`+string(two)+`" value="5" checked`)

	other := v.fills("/desk/"+string(three), h.destruction())
	v.signs(other, h.ops2)
	v.signs(sign, h.ops2)
	wantRedirect(t, v.post(other, nil), "/desk/"+string(three))
	wantStatus(t, v.post(sign, nil), http.StatusConflict)
	if n := len(h.entries("paper-destroyed", "")); n != 1 {
		t.Fatalf("%d destructions on record, want that of the one paper", n)
	}
	form["paper"] = []string{string(one), string(two), string(three)} // the third is no longer listed, and is left out
	sign = v.fills("/desk/tray", form)
	v.signs(sign, h.manager)
	wantRedirect(t, v.post(sign, nil), sign)
	wantText(t, v.get(sign), "Destructions recorded", "2 papers", "D-2026-000002", "D-2026-000003", "(Mo Manager)", "(Ola Office)")
	wantRedirect(t, v.post(sign, nil), sign)
	if d := h.destroyed(two); d.Sheets != 5 || d.Witness != h.manager || !slices.Equal(d.Anomalies, []register.Anomaly{register.AnomalySheets}) {
		t.Errorf("the record says %+v", d)
	}
	if d := h.destroyed(one); d.Sheets != 1 || len(d.Anomalies) != 0 {
		t.Errorf("the record says %+v", d)
	}
}

func TestATrayThatIsTooFull(t *testing.T) {
	h := newHouse(t)
	q := url.Values{}
	for range maxTray + 1 {
		q.Add("paper", string(h.readable(1)))
	}
	v := h.as(h.ops)
	w := v.get("/desk/tray?" + q.Encode())
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "These are 51 papers. Take at most 50 at a time")

	// The desk shows the beginning of each list, and the way to all of it.
	for i := range deskShows + 1 {
		h.letter(2)
		again, outlived := h.letter(2), h.letter(2)
		h.opens(again, h.lead)
		must(t, h.register.MarkScanAgain(t.Context(), again, h.lead, "too-faint"))
		_, err := h.register.DB().ExecContext(t.Context(), `UPDATE papers SET letter_gone = 1 WHERE letter = ?`, string(outlived))
		must(t, err)
		_, err = h.register.DB().ExecContext(t.Context(), `UPDATE papers SET checked_by = ? WHERE letter = ?`, h.lead, string(h.letter(2+i)))
		must(t, err)
	}
	t.Logf("the desk has %d bytes", v.weighs("/desk"))
	seen, at := map[string]bool{}, "/desk?list=may-go"
	wantText(t, v.get("/desk"), "These are the 10 oldest", `<a href="`+at+`">All 51, page by page`)
	for _, list := range deskLists {
		t.Logf("%s has %d bytes", list, v.weighs("/desk?list="+string(list)))
	}
	for pages := 1; at != ""; pages++ {
		page := v.get(at).Body.String()
		for _, id := range q["paper"] {
			if strings.Contains(page, `href="/desk/`+id+`"`) {
				if seen[id] {
					t.Errorf("%s is listed twice", id)
				}
				seen[id] = true
			}
		}
		_, rest, more := strings.Cut(page, `<a href="/desk?after=`)
		rest, _, _ = strings.Cut(rest, `"`)
		if at = ""; more {
			at = "/desk?after=" + strings.ReplaceAll(rest, "&amp;", "&")
		} else if pages != 3 || len(seen) != maxTray+1 {
			t.Errorf("%d pages list %d papers", pages, len(seen))
		}
	}
}

func TestATrayIsForgotten(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	sign := v.fills("/desk/"+string(h.readable(1)), h.destruction("sheets", "1"))
	for range maxTrays.One {
		h.now = h.now.Add(time.Second)
		v.fills("/desk/"+string(h.readable(1)), h.destruction("sheets", "1"))
	}
	wantText(t, v.get(sign), "This form is no longer open", `Look first under <a href="/desk/trays">what was destroyed, day by day</a>`, "nothing was recorded")
	sign = v.fills("/desk/"+string(h.readable(1)), h.destruction("sheets", "1"))
	for range 3 {
		h.now = h.now.Add(trayLife / 3)
		v.get("/desk") // stays signed in
	}
	wantText(t, v.get(sign), "This form is no longer open")
}

// replayed has the register go through a restore.
func (h *house) replayed() {
	h.t.Helper()
	ctx := register.Replaying(h.t.Context())
	must(h.t, h.register.KeepClosed(ctx, []register.RestoreSign{register.SignPerson}))
	must(h.t, h.register.BeginRestore(ctx, register.RestoreBegun{Signs: []register.RestoreSign{register.SignPerson}}))
	_, err := h.register.EndRestore(ctx, 0)
	must(h.t, err)
}

// A paper of a letter that was on record at a restore may be gone, with the record
// of it: two people write it off, and nobody is asked for it any more. No other
// paper can be.
func TestAPaperThatARestoreAsksForIsWrittenOff(t *testing.T) {
	h := newHouse(t)
	gone, alive, kept := h.readable(1), h.readable(2), h.letter(1)
	h.expire(gone)
	h.replayed()
	later := h.readable(1)
	v := h.as(h.ops)
	for _, id := range []letter.ID{kept, later} {
		wantStatus(t, v.get(lostPath(id)), http.StatusNotFound)
		wantRedirect(t, v.post(lostPath(id), url.Values{"why": {"no-such-paper"}, "confirm": {"yes"}}), "/desk/"+string(id))
		if err := h.register.WriteOffPaper(t.Context(), id, register.WriteOff{Why: register.NoSuchPaper, Witness: h.ops2, WitnessWith: register.WithPasskey, Authority: "p-1"}, h.ops); !errors.Is(err, register.ErrPaperNotFree) {
			t.Errorf("written off: %v", err)
		}
	}
	if strings.Contains(v.get("/desk/"+string(later)).Body.String(), "/desk/lost/") {
		t.Error("a paper that came after the restore is said to be lost")
	}
	for id, why := range map[letter.ID]string{gone: "no-such-paper", alive: "destroyed-before"} {
		wantText(t, v.get("/desk/"+string(id)), lostPath(id), "The paper is not there")
		wantText(t, v.get(lostPath(id)), id.Reference(), "destroyed before the restore", "there is no such paper")
		wantStatus(t, v.post(lostPath(id), url.Values{"confirm": {"yes"}}), http.StatusUnprocessableEntity)
		wantStatus(t, v.post(lostPath(id), url.Values{"why": {why}}), http.StatusUnprocessableEntity)
		sign := v.fills(lostPath(id), url.Values{"why": {why}, "confirm": {"yes"}})
		wantText(t, v.get(sign), "Sign that the paper is not there", id.Reference(), "You sign first")
		wantRedirect(t, v.post(sign, nil), sign)
		v.witnessed(sign, h.ops2)
		wantRedirect(t, v.post(sign, nil), sign)
		if n := len(h.entries("paper-written-off", id)); n != 0 {
			t.Fatalf("signed by one, %d are on record", n)
		}
		v.showsAgain(sign)
		wantText(t, v.get(sign), "Record that it is not there")
		wantRedirect(t, v.post(sign, nil), "/desk/"+string(id))
		wantRedirect(t, v.get(sign), "/desk/"+string(id))
		wantText(t, v.get("/desk/"+string(id)), "Written off", id.Reference(), "Ola Office", "Pat Office", "signed with a passkey")
		if strings.Contains(v.get("/desk").Body.String(), id.Reference()) {
			t.Error("what is written off is still on the desk")
		}
		if found := h.entries("paper-written-off", id); len(found) != 1 || found[0].By != h.ops || !strings.Contains(string(found[0].Data), why) {
			t.Errorf("on record: %+v", found)
		}
		wantRedirect(t, v.post(lostPath(id), url.Values{"why": {why}, "confirm": {"yes"}}), "/desk/"+string(id))
	}
	if b, err := h.register.Balance(t.Context()); err != nil || b.Differs() != 0 {
		t.Errorf("the counts differ: %+v, %v", b, err)
	}
	wantText(t, h.as(h.dpo).get("/register"), "which was on record at a restore", "looked with them")
}
