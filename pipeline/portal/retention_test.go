package portal

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// fakeRetention knows November of 2026, by two of its names, and all of 2026.
type fakeRetention struct{ wrong, rows []texts.Text }

func (f *fakeRetention) Sheet(_ context.Context, period string) (Sheet, error) {
	if period != "2026-11" && period != "2026-11-01..2026-11-30" && period != "2026" {
		return Sheet{}, ErrPeriod
	}
	day := letter.Date{Year: 2026, Month: 11, Day: 24}
	return Sheet{Title: texts.Say("retention-record.title", "period", period), Period: period, Says: []texts.Text{texts.Say("retention-record.names-nobody")}, Wrong: f.wrong,
		Tables: []SheetTable{{texts.Say("retention-record.letters"), []texts.Text{texts.Plain("Respect Phoneline"), texts.Say("retention-record.all")},
			[]SheetRow{{texts.Say("retention-row.arrived"), []int{41, 41}, false}, {texts.Say("retention-row.sum"), []int{41, 41}, true}}}},
		Heading: texts.Say("retention-record.exceptions"),
		Rows: append([]texts.Text{texts.Say("retention-record.of-letter", "day", day, "reference", "K7QM-4T2X",
			"says", texts.Say("retention-event.response-lost", "answers", "K7QM-4T2X"))}, f.rows...)}, nil
}

func (f *fakeRetention) CSV(ctx context.Context, period string, w io.Writer) error {
	return f.file(ctx, period, w, "Letters,Arrived,41\n")
}

func (f *fakeRetention) PDF(ctx context.Context, period string, w io.Writer) error {
	return f.file(ctx, period, w, "%PDF-1.3\n")
}

func (f *fakeRetention) file(ctx context.Context, period string, w io.Writer, text string) error {
	if _, err := f.Sheet(ctx, period); err != nil {
		return err
	}
	_, err := io.WriteString(w, text)
	return err
}

func TestRetentionRecord(t *testing.T) {
	record := &fakeRetention{}
	h := newHouse(t, func(c *Config) { c.Retention = record })
	for _, who := range []int64{h.manager, h.dpo} {
		v := h.as(who)
		w := v.get("/retention")
		wantStatus(t, w, http.StatusOK)
		wantText(t, w, "Organisational retention record, 2026-11", `<th scope="row">Arrived</th><td>41</td>`, "K7QM-4T2X: This response to the letter",
			"November 2026", "Quarter 4 of 2026", `href="/retention/record.pdf?period=2026-11"`)
		if strings.Contains(w.Body.String(), "do not add up") {
			t.Error("all is well, and the page says otherwise")
		}
		wantText(t, v.get("/retention?period=2026"), "retention record, 2026<")
		wantText(t, v.get("/retention?period=2026&from=2026-11-01&to=2026-11-30"), "retention record, 2026-11-01..2026-11-30", `value="2026-11-30"`)
		wantText(t, v.get("/retention?from=2026-11-30&to=<script>"), "Please put this right", "the earlier one first", "record, 2026-11<")
		for path, want := range map[string]string{"/retention/record.csv?period=2026": "text/csv; charset=utf-8", "/retention/record.pdf?period=2026": "application/pdf"} {
			w := v.get(path)
			wantStatus(t, w, http.StatusOK)
			name := `attachment; filename="retention-record` + path[len("/retention/record"):len("/retention/record.csv")] + `"`
			if w.Header().Get("Content-Type") != want || w.Header().Get("Content-Disposition") != name {
				t.Errorf("%s: headers are %v", path, w.Header())
			}
		}
		wantStatus(t, v.get("/retention/record.pdf?period=soon"), http.StatusNotFound)
	}
	record.wrong = []texts.Text{texts.Say("retention-wrong.letters-do-not-add-up", "helpline", "respect-phoneline")}
	wantText(t, h.as(h.dpo).get("/retention"), "These counts do not add up", "The letters of respect-phoneline")
}

// One of the list is chosen while the days of the period before still stand in the form:
// the choice is what is shown. Days that are filled in beside an untouched list are too.
func TestTheLastChoiceOfAPeriodIsShown(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Retention = &fakeRetention{} })
	v := h.as(h.manager)
	form := func(page *httptest.ResponseRecorder, changes url.Values) string {
		t.Helper()
		forms := formsOn(t, page, "/retention")
		for name, values := range changes {
			forms[name] = values
		}
		return "/retention?" + forms.Encode()
	}
	days := v.get(form(v.get("/retention"), url.Values{"from": {"2026-11-01"}, "to": {"2026-11-30"}}))
	wantText(t, days, "retention record, 2026-11-01..2026-11-30<", `value="2026-11-30"`, `<option value="" selected>The days below</option>`)
	wantText(t, v.get(form(days, nil)), "retention record, 2026-11-01..2026-11-30<")
	year := v.get(form(days, url.Values{"period": {"2026"}}))
	wantText(t, year, "retention record, 2026<", `<option value="2026" selected>`)
	lacksText(t, year.Body.String(), `value="2026-11-30"`, "The days below")
	wantText(t, v.get(form(days, url.Values{"period": {"2026-11"}})), "retention record, 2026-11<") // the first of the list
	wantText(t, v.get(form(year, url.Values{"from": {"2026-11-01"}, "to": {"2026-11-30"}})), "retention record, 2026-11-01..2026-11-30<")
}

// formsOn is what a browser would send of the page's form that leads there.
func formsOn(t *testing.T, w *httptest.ResponseRecorder, to string) url.Values {
	t.Helper()
	page, err := html.Parse(strings.NewReader(w.Body.String()))
	must(t, err)
	out := url.Values{}
	for form := range page.Descendants() {
		if form.Data != "form" || attr(form, "action") != to {
			continue
		}
		for field := range form.Descendants() {
			switch {
			case field.Data == "input":
				out.Set(attr(field, "name"), attr(field, "value"))
			case field.Data == "option" && (!out.Has("period") || slices.ContainsFunc(field.Attr, func(a html.Attribute) bool { return a.Key == "selected" })):
				out.Set("period", attr(field, "value"))
			}
		}
	}
	return out
}

// A year in which much happened is shown in parts, and none of them is left out.
func TestManyExceptions(t *testing.T) {
	record := &fakeRetention{}
	h := newHouse(t, func(c *Config) { c.Retention = record })
	for n := 2; n <= 250; n++ {
		record.rows = append(record.rows, texts.Plain(fmt.Sprintf("It happened, number %d.", n)))
	}
	v := h.as(h.dpo)
	parts := map[string][2]string{"": {"1 to 100 of 250", "exception=101#"}, "101": {"101 to 200 of 250", "exception=201#"}, "250": {"201 to 250 of 250", "exception=101#"},
		"999999": {"201 to 250 of 250", "exception=101#"}, "-5": {"1 to 100 of 250", "exception=101#"}, "x": {"1 to 100 of 250", "exception=101#"}}
	for from, want := range parts {
		w := v.get("/retention?period=2026&exception=" + from)
		wantText(t, w, want[0], "/retention?period=2026&amp;"+want[1], "The copies below hold them all")
	}
	seen := 0
	for _, from := range []string{"1", "101", "201"} {
		seen += strings.Count(v.get("/retention?exception="+from).Body.String(), "It happened, number")
	}
	if seen != 249 {
		t.Errorf("%d were shown", seen)
	}
}
