package main

import (
	"fmt"
	"path/filepath"

	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// fate is what becomes of a letter.
type fate int

const (
	plain    fate = iota // opened, found readable, its paper destroyed
	kept                 // for safeguarding
	unopened             // and its paper forgotten until it is overdue
	answered
	held // the half of them beyond the deadline, the others for good
	erased
	redirected
	shared // with an agency, and so kept
	scannedAgain
	heldBriefly
	fates
)

// nextFate deals the fates out in turn.
func (y *year) nextFate() fate {
	y.dealt++
	return fate(y.dealt-1) % fates
}

// scan is one paper of the year, or the copy of an answer, and the account that
// the test keeps of it.
type scan struct {
	fate     fate
	helpline string

	number int    // counts all scans; it stands in the file's name and in the text
	run    string // bytes of its page's picture, which nothing but its plaintext holds

	id      letter.ID
	answers letter.ID
	ends    letter.Date // when it must be gone, unless it is held
	holds   int         // in force that keep it
	late    bool        // it was due before its helpline was held

	sealed []byte // as somebody copied it from the bucket on the first day
	week   letter.Week
	rows   []string    // what only its rows in the database hold
	paper  bool        // still waits for its destruction
	told   letter.Date // since when the scanner is told that it is gone, or its paper after it
}

func aScan(helpline string, f fate) *scan { return &scan{helpline: helpline, fate: f} }

// drops drops scans, one for each helpline at most.
func (y *year) drops(scans ...*scan) {
	y.t.Helper()
	for _, s := range scans {
		y.draws(s)
		name := fmt.Sprintf("Canary_Name_%d.pdf", s.number)
		y.must(drop(filepath.Join(y.data, "scanner", s.helpline), name, y.paper(s).ColourPDF()))
	}
}

// brings drops scans and waits until they are letters that are announced.
func (y *year) brings(scans ...*scan) {
	y.t.Helper()
	y.drops(scans...)
	y.finds(scans)
}

// draws gives a scan what only its plaintext holds.
func (y *year) draws(s *scan) {
	s.number = len(y.scans)
	picture := y.paper(s).JPEG(1)
	s.run = string(picture[len(picture)/2:][:64])
	y.scans = append(y.scans, s)
}

func (y *year) paper(s *scan) specimen.Letter {
	l := specimen.New(uint64(s.number)+1000, 1)
	l.DPI, l.Canary = 100, fmt.Sprintf("CANARYWORD-%d", s.number)
	return l
}

// staysOn reports whether a letter outlives the test's days.
func (s *scan) staysOn() bool {
	return s.fate == kept || s.fate == shared || s.holds > 0
}
