package portal

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

func (h *house) destruction(change ...string) url.Values {
	form := url.Values{"sheets": {"2"}, "method": {"own-shredder"}, "level": {"P-5"}, "place": {"office"},
		"scanner": {strconv.FormatInt(h.ops, 10)},
		"witness": {strconv.FormatInt(h.ops2, 10)}, "confirm": {"yes"}}
	for i := 0; i < len(change); i += 2 {
		form.Set(change[i], change[i+1])
	}
	return form
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
	wantText(t, form, "It should be 2 to 3", "<option selected>P-5", "Pat Office", "Mo Manager")
	for _, cannot := range []string{"Ola Office, ", "Ada Lead, ", "Dee Protect, "} {
		_, choices, _ := strings.Cut(form.Body.String(), "Who watched?")
		if strings.Contains(choices, ">"+cannot) {
			t.Errorf("%q can be a witness", cannot)
		}
	}
	wantRedirect(t, v.post(path, h.destruction()), path)
	wantText(t, v.get(path), "Destruction recorded", "D-2026-000001", "Ola Office", "Pat Office", "P-5", "confidentiality-policy-1", "at office by staff number 5 (Ola Office)", "by staff number 1 (Ada Lead)")
	if d := h.destroyed(id); d.Sheets != 2 || d.Witness != h.ops2 || d.ReadableBy != h.lead || d.ScannedBy != h.ops || d.Place != "office" || d.Anomalies == nil || len(d.Anomalies) != 0 {
		t.Errorf("the record says %+v", d)
	}
	// The same form sent twice shows the same record and makes no other.
	wantRedirect(t, v.post(path, h.destruction()), path)
	h.destroyed(id)
	if strings.Contains(v.get("/desk").Body.String(), id.Reference()) {
		t.Error("destroyed paper is still on the desk")
	}
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
		"no certificate":   {[]string{"method", "contractor", "collection", "1"}, "Enter the number on the contractor"},
		"no collection":    {[]string{"method", "contractor", "certificate", "1"}, "Enter the number on the contractor"},
		"prose for one":    {[]string{"method", "contractor", "certificate", "for Mrs Smith 1"}, "Enter the number on the contractor"},
		"a name for one":   {[]string{"method", "contractor", "certificate", "MARGARET-1"}, "Enter the number on the contractor"},
		"no scanner":       {[]string{"scanner", ""}, "Choose who scanned it"},
		"a leader scanned": {[]string{"scanner", strconv.FormatInt(h.lead, 10)}, "Choose who scanned it"},
		"no place":         {[]string{"place", "mrs-smith"}, "Choose where"},
		"herself":          {[]string{"witness", strconv.FormatInt(h.ops, 10)}, "somebody else than you"},
		"a team leader":    {[]string{"witness", strconv.FormatInt(h.lead, 10)}, "somebody else than you"},
		"nobody":           {[]string{"witness", ""}, "somebody else than you"},
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
	t.Run("counted again", func(t *testing.T) {
		wantRedirect(t, v.post(path, h.destruction("sheets", "5", "recounted", "5", "scanner", nobodyKnows, "method", "contractor",
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
	wantRedirect(t, v.post(path, h.destruction("sheets", "1")), path)
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
	form := h.destruction()
	wantStatus(t, v.post("/desk/"+string(id), maps.Clone(form)), http.StatusUnprocessableEntity)
}
