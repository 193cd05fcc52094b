package portal

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// TestTheTimeTellsNothing: that there is nothing is answered no sooner for a letter
// that never was than for one that is another's. How near they are is measured
// below.
func TestTheTimeTellsNothing(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.stranger)
	for _, path := range []string{"/l/" + string(h.letter(1)), "/l/" + string(letter.NewID()), "/l/x", "/l/" + string(letter.NewID()) + "/page/1.jpg"} {
		begin := time.Now()
		wantStatus(t, v.get(path), http.StatusNotFound)
		if took := time.Since(begin); took < evenStep {
			t.Errorf("%s is answered after %v", path, took)
		}
	}
}

// BenchmarkNowhere sets how long it takes to be told that there is nothing against
// how long it takes for a letter that never was, by turns in one run: another
// helpline's, one that somebody is walled off from, and one that is over. Near 1,
// the time tells nobody which it was.
func BenchmarkNowhere(b *testing.B) {
	h := newHouse(b)
	foreign, walled, over := h.letter(3), h.letter(3), h.letter(3)
	must(b, h.register.RecordOpening(b.Context(), walled, h.lead2, []byte("a session"), "pages"))
	must(b, h.register.Recuse(b.Context(), walled, h.lead2))
	h.expire(over)
	paths := map[string]string{"another helpline's": string(foreign), "walled off": string(walled), "over": string(over), "never was": string(letter.NewID())}
	stranger, lead2 := h.as(h.stranger), h.as(h.lead2)
	took := map[string][]time.Duration{}
	for b.Loop() {
		for name, id := range paths {
			v := stranger
			if name == "walled off" {
				v = lead2
			}
			begin := time.Now()
			w := v.get("/l/" + id)
			took[name] = append(took[name], time.Since(begin))
			wantStatus(b, w, http.StatusNotFound)
			h.now = h.now.Add(personRate.every) // nobody's rate is used up
		}
	}
	for name := range paths {
		b.ReportMetric(float64(median(took[name]))/float64(median(took["never was"])), "x-"+strings.ReplaceAll(name, " ", "-"))
	}
}
