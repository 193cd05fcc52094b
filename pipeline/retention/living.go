package retention

import (
	"time"

	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// living is a letter that is on record and not proven gone.
type living struct {
	helpline     string
	class        letter.Class
	deadline     letter.Date
	wasHeld      bool      // by a hold that has ended
	opened       bool      // by anybody, as far as is on record
	unverifiable time.Time // since when; zero when it is not

	answers   letter.ID   // of a response: its letter
	filedTo   letter.ID   // likewise: the scan of it that was there then
	newScan   letter.ID   // the newest scan of its paper, if there is one beside this
	since     time.Time   // when that came
	late      bool        // it was past its deadline when a hold came
	withdrawn letter.Date // when it was last decided not to keep it for five years after all; zero when it was not
	erased    letter.Date // when it was decided to erase it before its time; zero when it was not
}

// what it is.
func (l *living) what() texts.Text {
	if l.answers != "" {
		return texts.Say("retention-what.answer")
	}
	return texts.Say("retention-what.letter")
}

// due is the day on which it must be gone, unless it is held.
func (l *living) due() letter.Date {
	if l.erased != (letter.Date{}) {
		return l.erased
	}
	if l.deadline.Before(l.withdrawn) {
		return l.withdrawn // its six months were over by then
	}
	return l.deadline
}

// hold keeps one letter with what goes with it or, where it names none, all of a helpline.
type hold struct {
	letter   letter.ID
	helpline string
	placed   time.Time
}

func (h hold) keeps(id letter.ID, l *living) bool {
	if h.letter == "" {
		return h.helpline == l.helpline
	}
	return h.letter == id || h.letter == l.answers || h.letter == l.newScan
}

// held reports whether any hold keeps the letter. One that is to be erased, or
// was past its deadline, is kept by none: a hold that is placed then comes too late.
func (m *maker) held(id letter.ID, l *living) bool {
	if l.erased != (letter.Date{}) || l.late {
		return false
	}
	for _, h := range m.holds { // a handful
		if h.keeps(id, l) {
			return true
		}
	}
	return false
}

// paper is a paper original.
type paper struct {
	helpline string
	outlived bool
}
