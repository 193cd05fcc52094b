package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strconv"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// The people of a sample: see samplePeople.
const (
	operations = "Alex Operations"
	manager    = "Morgan Manager"
	dpo        = "Dana Protection"
)

func leaderOf(helpline string) string { return "Leader of " + helplineTitle(helpline) }

func otherLine(helpline string) string {
	if helpline == "respect-phoneline" {
		return "mens-advice-line"
	}
	return "respect-phoneline"
}

// as is somebody at the portal, who signs in anew every day.
func (y *year) as(who string) *person {
	y.t.Helper()
	if y.signedIn != y.today() {
		y.signedIn, y.people = y.today(), map[string]*person{}
	}
	if y.people[who] == nil {
		y.people[who] = y.p.signsIn(who)
	}
	return y.people[who]
}

// plans says what becomes of a letter, and when.
func (y *year) plans(s *scan) {
	y.plansTroubles(s)
	switch s.fate {
	case unopened:
		y.at(s.ends.AddDays(1), func() { y.findsForgottenPaper(s) })
		return
	case scannedAgain:
		y.after(1, func() { y.wantsItAgain(s) })
		y.at(s.ends.AddDays(1), func() { y.findsForgottenPaper(s) })
		return
	}
	y.after(1, func() { y.reads(s) })
	y.after(2, func() { y.destroysPaper(s) })
	switch s.fate {
	case kept:
		y.after(2, func() { y.keeps(s, "/safeguarding", url.Values{}) })
	case shared:
		y.after(2, func() {
			y.keeps(s, "/sharing", url.Values{"agency": {"police"}, "basis": {"consent"}, "on": {y.today().String()}})
		})
	case answered:
		y.after(2, func() { y.answers(s) })
	case erased:
		// At once after its paper, so that the receipt goes before the scanner has
		// read of that.
		y.after(2, func() { y.erases(s) })
	case redirected:
		y.after(3, func() { y.redirects(s) })
	case heldBriefly:
		y.after(2, func() { y.holdsLetter(s, s.ends.AddDays(-100)) })
	case held:
		until := s.ends.AddDays(10)
		if s.number%2 == 0 {
			until = letter.Date{} // for good
		}
		y.after(2, func() { y.holdsLetter(s, until) })
	}
}

// plansTroubles has the storage go down over the deadlines of the first quarter
// of the letters, and all of a helpline held over those of the middle.
func (y *year) plansTroubles(s *scan) {
	if s.number >= *yearDays/2 && !y.planned["outage"] {
		y.planned["outage"] = true
		y.outage = s.ends.AddDays(-1)
	}
	if s.number >= *yearDays && s.helpline == "mens-advice-line" && !y.planned["hold"] {
		y.planned["hold"] = true
		from, until := s.ends.AddDays(-2), s.ends.AddDays(10)
		y.at(from, func() { y.holdsLine("mens-advice-line", until) })
	}
}

// reads opens a letter and finds it readable: it is the one that was scanned,
// and no other.
func (y *year) reads(s *scan) {
	y.t.Helper()
	leader := y.as(leaderOf(s.helpline))
	y.opens(leader, s)
	leader.sends("/l/"+string(s.id)+"/readable", url.Values{})
}

func (y *year) opens(who *person, s *scan) {
	y.t.Helper()
	path := "/l/" + string(s.id)
	for _, path := range []string{path, path + "/page/1.jpg"} {
		if status, page := who.do(http.MethodGet, path, nil); status != http.StatusOK {
			y.t.Fatalf("%s: opening a letter (fate %d): %d\n%s", y.today(), s.fate, status, page)
		}
	}
	status, pdf := who.do(http.MethodGet, path+"/letter.pdf", nil)
	if status != http.StatusOK || s.run != "" && !strings.Contains(pdf, s.run) {
		y.t.Fatalf("%s: the letter's PDF (fate %d): %d, and it is not what was scanned", y.today(), s.fate, status)
	}
}

// destroysPaper destroys a paper at the desk.
func (y *year) destroysPaper(s *scan) {
	y.t.Helper()
	sheets := "1"
	if p, err := y.in.register.Paper(y.t.Context(), s.id); err == nil {
		fewest, _ := p.SheetsBetween()
		sheets = strconv.Itoa(fewest)
	}
	y.as(operations).sends("/desk/"+string(s.id), url.Values{"sheets": {sheets}, "scanner": {"1"}, "method": {"own-shredder"},
		"level": {"P-5"}, "place": {"office"}, "witness": {"2"}})
	if !y.recorded("paper-destroyed", s.id) {
		y.t.Fatalf("%s: the paper's destruction (fate %d) is not on record", y.today(), s.fate)
	}
	s.paper = false
}

func (y *year) recorded(kind string, id letter.ID) bool {
	entries, err := y.in.register.Entries(y.t.Context(), -1, kind, id, 1)
	y.must(err)
	return len(entries) == 1
}

// findsForgottenPaper destroys a paper that has outlived its letter, whereupon the
// scanner's note goes, which says so.
func (y *year) findsForgottenPaper(s *scan) {
	y.t.Helper()
	if !y.recorded("letter-deleted", s.id) { // it is held
		y.after(1, func() { y.findsForgottenPaper(s) })
		return
	}
	note := filepath.Join(y.data, "scanner", s.helpline, "taken", "OVERDUE "+s.id.Reference()+".txt")
	y.eventually("the slip says that the paper is overdue", func() bool { return exists(note) })
	y.destroysPaper(s)
	s.told = y.today()
	y.eventually("the slip goes with its paper", func() bool { return !exists(note) })
}

// wantsItAgain finds a scan unreadable: the same paper is scanned once more.
func (y *year) wantsItAgain(s *scan) {
	y.t.Helper()
	leader := y.as(leaderOf(s.helpline))
	y.opens(leader, s)
	leader.sends("/l/"+string(s.id)+"/scan-again", url.Values{"reason": {"too-faint"}})
	y.brings(aScan(s.helpline, plain))
}

// keeps keeps a letter for five years.
func (y *year) keeps(s *scan, page string, form url.Values) {
	y.t.Helper()
	for name, value := range map[string]string{"reason": "child-at-risk", "told": "consented", "named": leaderNumber(s.helpline),
		"review": y.today().AddMonths(48).String()} {
		form.Set(name, value)
	}
	y.as(leaderOf(s.helpline)).sends("/l/"+string(s.id)+page, form)
	s.ends = letter.Deadline(y.today(), letter.FiveYears)
}

// answers files the copy of an answer, which has six months of its own.
func (y *year) answers(s *scan) {
	y.t.Helper()
	a := aScan(s.helpline, plain)
	y.draws(a)
	y.as(leaderOf(s.helpline)).files(s.id, y.paper(a).ColourPDF())
	y.eventually("the answer is read back", func() bool {
		all, err := y.in.register.Responses(y.t.Context(), s.id)
		y.must(err)
		if len(all) != 1 || all[0].State != register.Filed {
			return false
		}
		sealed, plain := y.copies(all[0])
		if !bytes.Contains(plain, []byte(a.run)) {
			y.t.Fatalf("%s: the answer is not what was filed", y.today())
		}
		y.arrives(a, all[0], sealed)
		return true
	})
}

// erases has a letter erased before its time, by two people.
func (y *year) erases(s *scan) {
	y.t.Helper()
	if y.lineHeld[s.helpline] { // what is held is not erased
		y.after(1, func() { y.erases(s) })
		return
	}
	y.as(leaderOf(s.helpline)).sends("/l/"+string(s.id)+"/erase", url.Values{"reason": {"person-asked"}})
	y.confirms()
	s.ends, s.told = y.today(), y.today()
}

// redirects gives a letter to the helpline to which it was written.
func (y *year) redirects(s *scan) {
	y.t.Helper()
	if y.lineHeld[s.helpline] {
		y.after(1, func() { y.redirects(s) })
		return
	}
	to := otherLine(s.helpline)
	y.as(leaderOf(s.helpline)).sends("/l/"+string(s.id)+"/redirect", url.Values{"helpline": {to}})
	y.confirms()
	s.helpline = to
	y.after(1, func() { y.opens(y.as(leaderOf(to)), s) })
}

// confirms is the second person.
func (y *year) confirms() {
	y.t.Helper()
	waiting, err := y.in.register.Requests(y.t.Context(), 0)
	y.must(err)
	newest := int64(0) // a restore gives no number twice
	for _, q := range waiting {
		newest = max(newest, q.Number)
	}
	y.as(dpo).sends(fmt.Sprintf("/requests/%d/confirm", newest), url.Values{})
}

// holdsLetter holds a letter until a day; the zero day is never.
func (y *year) holdsLetter(s *scan, until letter.Date) {
	y.t.Helper()
	hold := y.places(url.Values{"letter": {string(s.id)}})
	s.holds++
	y.holdEnds(hold, until, func() { s.holds-- })
}

// holdsLine holds everything of a helpline.
func (y *year) holdsLine(helpline string, until letter.Date) {
	y.t.Helper()
	hold := y.places(url.Values{"helpline": {helpline}})
	y.lineHeld[helpline] = true
	for _, s := range y.scans {
		s.late = s.late || s.helpline == helpline && !y.today().Before(s.ends) // for what is due it comes too late
	}
	y.holdEnds(hold, until, func() { y.lineHeld[helpline] = false })
}

func (y *year) places(form url.Values) (hold string) {
	y.t.Helper()
	form.Set("reason", "court-order")
	form.Set("owner", "5")
	form.Set("review", y.today().AddDays(80).String())
	y.as(manager).sends("/holds/new", form)
	holds, err := y.in.register.HoldsInForce(y.t.Context())
	y.must(err)
	newest := int64(0)
	for _, h := range holds {
		newest = max(newest, h.Number)
	}
	return strconv.FormatInt(newest, 10)
}

// holdEnds releases a hold on its day, and until then looks at it again and again.
func (y *year) holdEnds(hold string, until letter.Date, released func()) {
	const often = 75
	if again := y.today().AddDays(often); until == (letter.Date{}) || again.Before(until) {
		y.at(again, func() {
			y.as(manager).sends("/holds/"+hold+"/review", url.Values{"owner": {"5"}, "review": {y.today().AddDays(80).String()}})
			y.holdEnds(hold, until, released)
		})
		return
	}
	y.at(until, func() {
		if y.as(manager).sends("/holds/"+hold+"/release", url.Values{}); strings.HasSuffix(y.as(manager).led, "release-asked") {
			y.as(dpo).sends("/holds/"+hold+"/release", url.Values{})
		}
		released()
	})
}
