package portal

import (
	"html"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

var overviewCount = regexp.MustCompile(`<a href="([^"]+)" aria-label="(\d+): ([^"]+)">(\d+)</a>`)

// Each count of the overview is that of the list to which it leads.
func TestOverviewCountsWhatItsLinksList(t *testing.T) {
	h := newHouse(t)
	old := h.readable(1)
	for range 3 {
		h.letter(1)
	}
	h.now = h.now.AddDate(0, 0, 1) // from Tuesday to Wednesday, a working day
	h.letter(1)
	h.now = h.now.AddDate(0, 0, 1)
	again, recused, kept, held := h.letter(1), h.letter(1), h.letter(1), h.readable(1)
	h.opens(again, h.lead)
	must(t, h.register.MarkScanAgain(t.Context(), again, h.lead, register.TooFaint))
	must(t, h.register.AnswerRisk(t.Context(), again, register.RiskUrgent, "", h.lead))
	h.opens(recused, h.lead2)
	must(t, h.register.Recuse(t.Context(), recused, h.lead2))
	h.opens(kept, h.lead)
	review := letter.DateOf(h.now).AddDays(1)
	must(t, h.register.Safeguard(t.Context(), kept, register.Safeguarding{Reason: register.ChildAtRisk, Told: register.Tolds[0], Review: review, Named: h.lead}, h.lead))
	_, err := h.register.PlaceHold(t.Context(), register.Hold{Letter: held, Reason: register.Inquiry, Owner: h.manager, Review: review}, h.manager)
	must(t, err)
	h.asked(h.readable(1))
	h.now = h.now.AddDate(0, 0, 1)
	h.expire(old) // and its paper is there

	page := h.as(h.manager).get("/overview")
	wantText(t, page, "<td>None</td>") // of Men's Advice Line
	if strings.Contains(page.Body.String(), ">0<") {
		t.Error("zero is not said in words")
	}
	got := map[string]int{}
	for _, m := range overviewCount.FindAllStringSubmatch(page.Body.String(), -1) {
		n, err := strconv.Atoi(m[2])
		must(t, err)
		what, _, _ := strings.Cut(m[3], ", Respect Phoneline")
		got[what] = n
		to := html.UnescapeString(m[1])
		there := h.as(h.manager).get(to).Body.String()
		if cards := strings.Count(there, `<li class="card">`); strings.HasPrefix(to, "/letters") && cards != n || cards == 0 && !strings.Contains(there, `<table>`) {
			t.Errorf("%s are %d, and %s lists %d", what, n, to, cards)
		}
	}
	for what, want := range map[string]int{
		"Somebody is in danger": 1, "Not yet said whether somebody is at risk": 2,
		"Waiting to be opened": 5, "Not opened within a working day": 5, "Not opened within two working days": 4,
		"Opened, and not yet said whether it can be read": 1, "To be scanned again": 1, "Somebody has stepped back": 1, "On hold": 1,
		"Kept for five years": 1, "Kept for five years, and due to be looked at again": 1, "Past their day, and not proven gone": 0,
		"Papers that are not destroyed": 10, "Papers that outlived their letters": 1,
		"Requests that wait for a second person": 1, "Holds in force": 1, "Holds that are due to be looked at again": 1,
	} {
		if got[what] != want {
			t.Errorf("%s: %d, want %d", what, got[what], want)
		}
	}
	h.now = h.now.AddDate(0, 7, 0).Add(-time.Hour)
	wantText(t, h.as(h.manager).get("/overview"), ": Past their day, and not proven gone, Respect Phoneline", `<tr class="loud"><th scope="row">Past their day`)
}

func TestOverviewOfNothing(t *testing.T) {
	h := newHouse(t)
	page := h.as(h.manager).get("/").Header().Get("Location")
	if page != "/overview" {
		t.Errorf("the manager's day begins at %q", page)
	}
	body := h.as(h.manager).get("/overview").Body.String()
	if n := strings.Count(body, ">None</td>"); n != 2*16+6 || overviewCount.MatchString(body) {
		t.Errorf("%d of 38 counts are none:\n%s", n, body)
	}
}
