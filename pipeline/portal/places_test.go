package portal

import (
	"net/http"
	"testing"
	"time"
)

// One session in two places is shown to its owner, who can end it; somebody who
// goes from one place to another is not bothered.
func TestASessionInTwoPlacesIsShown(t *testing.T) {
	const office, home = "203.0.113.7:1", "198.51.100.9:1"
	const warning = "Your sign-in is used from two places at once"
	h := newHouse(t)
	v := h.as(h.lead)
	look := func(address string) string {
		t.Helper()
		h.now = h.now.Add(time.Minute)
		w := v.at(address, http.MethodGet, "/letters", nil)
		wantStatus(t, w, http.StatusOK)
		return w.Body.String()
	}
	for _, address := range []string{office, office, home, home} {
		if body := look(address); containsText(body, warning) {
			t.Fatalf("somebody who went home is bothered: %s", body)
		}
	}
	for _, address := range []string{office, home, home} {
		if body := look(address); !containsText(body, warning, "from 203.0.113.7 since 24 November 2026 at 2:03pm", "from 198.51.100.9") {
			t.Fatalf("it is not shown: %s", body)
		}
	}
	if found := h.entries("session-in-two-places", ""); len(found) != 1 || found[0].By != h.lead {
		t.Errorf("on record: %+v", found)
	}
	if containsText(h.log.String(), "203.0.113") {
		t.Error("the log has an address")
	}
	other := h.as(h.lead)
	wantText(t, other.get("/account"), "Here, and elsewhere since 24 November 2026")
	if containsText(other.get("/letters").Body.String(), warning) {
		t.Error("another session of the person is mixed up with it")
	}
	wantRedirect(t, v.post("/sign-out/everywhere", nil), "/sign-in?out=1")
	wantStatus(t, other.get("/letters"), http.StatusSeeOther)
	v = h.as(h.lead)
	wantText(t, v.get("/account"), "Here, and nowhere else.")
	if containsText(look(office), warning) {
		t.Error("a new session begins with the old one's warning")
	}
}

func TestPlacesAreForgotten(t *testing.T) {
	now := time.Now()
	p := newPlaces(func() time.Time { return now })
	for n := range 3 * maxPlaces {
		p.note([]byte("one"), string(rune('a'+n)), "")
	}
	if n := len(p.known["one"].places); n != maxPlaces {
		t.Errorf("%d places are told apart", n)
	}
	now = now.Add(time.Hour)
	p.note([]byte("two"), "a", "")
	if len(p.known) != 1 {
		t.Errorf("%d sessions are remembered", len(p.known))
	}
}
