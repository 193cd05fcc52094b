package main

import (
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/portal/portaltest"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// What the days after bring: a five-year copy is due to be looked at again, which
// its manager's overview says until somebody has looked; and the data-protection
// officer is shown who has opened more letters than anybody reads. At a sample,
// whose clock can be moved.
func TestTheDaysAfter(t *testing.T) {
	for _, layout := range []string{"desk", "phone"} {
		t.Run(layout, func(t *testing.T) {
			t.Parallel()
			data, opened := newData(t), 10
			dropsMany(t, data, opened-2) // two of the sample's own are this helpline's
			p := start(t, data, "", "--sample")
			p.eventually("all letters are announced", func() bool { return p.status().Letters[register.Notified] == opened+1 })
			kept := p.opensInARow(opened)
			p.stop()

			later := letter.DateOf(time.Now()).AddDays(2)
			p = start(t, data, "", "--sample", "--clock", later.String())
			p.isSetUp()
			d := &day{program: p, Browser: portaltest.New(t, p.origin()), layout: layout}
			if layout == "phone" {
				d.Phone()
			}
			d.looksAgain(kept, later)
			d.findsTheUnusual(opened)
			for _, said := range d.Complaints() {
				t.Errorf("the browser complains: %s", said)
			}
		})
	}
}

// dropsMany drops small letters for the first helpline.
func dropsMany(t *testing.T, data string, n int) {
	t.Helper()
	dir := filepath.Join(data, "scanner", "respect-phoneline")
	must(t, os.MkdirAll(dir, 0o700))
	for i := range n {
		l := specimen.New(uint64(100+i), 1)
		l.DPI = 72
		must(t, drop(dir, fmt.Sprintf("scan%02d.pdf", i), l.ColourPDF()))
	}
}

// opensInARow has the team leader open all letters of their helpline, and keep the
// last for five years, to be looked at again tomorrow.
func (p *program) opensInARow(n int) (kept letterLine) {
	p.t.Helper()
	leader, opened := p.signsIn(leaderOf("respect-phoneline")), 0
	for _, l := range p.letters() {
		if l.Helpline == "respect-phoneline" {
			leader.opens(l.ID)
			kept, opened = l, opened+1
		}
	}
	if opened != n {
		p.t.Fatalf("the helpline has %d letters, and there should be %d", opened, n)
	}
	leader.sends("/l/"+string(kept.ID)+"/safeguarding", url.Values{"reason": {string(register.SafeguardingReasons[0])}, "told": {string(register.Tolds[0])},
		"review": {letter.DateOf(time.Now()).AddDays(1).String()}, "named": {leaderNumber(kept.Helpline)}})
	p.eventually("it lies with the five-year copies", func() bool { return p.letter(kept.ID).Class == letter.FiveYears })
	return kept
}

// letter is a letter as 'letterlock letters' has it.
func (p *program) letter(id letter.ID) letterLine {
	p.t.Helper()
	for _, l := range p.letters() {
		if l.ID == id {
			return l
		}
	}
	p.t.Fatal("the letter is not there")
	return letterLine{}
}

// is has the browser be one of the sample's people.
func (d *day) is(who string) {
	d.T.Helper()
	v := d.signsIn(who)
	name, value, _ := strings.Cut(v.cookie, "=")
	d.Be(name, value)
}

// looksAgain is the manager, whom the overview sends to the five-year copy.
func (d *day) looksAgain(kept letterLine, today letter.Date) {
	const due = "Kept for five years, and due to be looked at again"
	list := `main a[href*="state=review-due"]`
	d.is(manager)
	d.Open("/overview")
	d.sees("Overview", due)
	d.Press(list)
	d.sees(kept.ID.Reference(), "To be looked at again on")
	path := "/l/" + string(kept.ID)
	d.goes(path)
	d.goes(path + "/safeguarding")
	d.sees("is kept for five years")
	d.does("main form .button", "review", today.AddDays(300).String())
	d.Press("main form .button")
	d.sees("Thank you. It is recorded that you have looked at this decision again.")
	d.goes("/overview")
	d.WantsThat(`String(document.querySelectorAll('`+list+`').length)`, "0")
	if n := d.entries("safeguarding-reviewed"); n != 1 {
		d.T.Errorf("%d looks are on record", n)
	}
}

// findsTheUnusual is the data-protection officer, who asks who has opened so many.
func (d *day) findsTheUnusual(opened int) {
	d.is(dpo)
	d.Open("/register")
	d.goes("/openings")
	// Whether the manager's one opening is unusual too depends on when the test runs: at night it is.
	d.sees(leaderOf("respect-phoneline"), "Something is unusual about", fmt.Sprintf("many in a row: %d letters within an hour", opened))
	d.Press(`main a[href="/register?kind=letter-opened&by=` + leaderNumber("respect-phoneline") + `"]`)
	d.sees("(" + leaderOf("respect-phoneline") + ") opened the letter")
	if status, _ := d.signsIn(dpo).do(http.MethodGet, "/l/"+string(d.letters()[0].ID), nil); status != http.StatusNotFound {
		d.T.Errorf("a letter is shown to the data-protection officer: %d", status)
	}
}

// entries counts the register's entries of that kind.
func (d *day) entries(kind string) int {
	d.T.Helper()
	return count(entries(d.T, d.data), kind)
}
