package retention

import (
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// A new scan of a paper is a letter of its own, and the paper is counted once: it
// came in with the first scan and goes with the last.

// replaced hands what was the old scan's to the new one.
func (m *maker) replaced(e register.Entry, ev register.LetterReplaced) {
	old := m.living[e.Letter]
	if old == nil || m.living[ev.By] == nil {
		m.wrong(texts.Say("retention-wrong.replaced-not-on-record", "reference", e.Letter.Reference()))
		return
	}
	old.newScan, old.since = ev.By, e.At
	for _, l := range m.living {
		if l.newScan == e.Letter {
			l.newScan = ev.By
		}
		if l.answers == e.Letter {
			l.answers = ev.By
		}
	}
	for n, h := range m.holds {
		if h.letter == e.Letter {
			h.letter = ev.By
			m.holds[n] = h
		}
	}
	if p := m.papers[e.Letter]; p != nil {
		delete(m.papers, e.Letter)
		m.line(p.helpline).Paper.In--
	}
	m.except(e.At, e.Letter, texts.Say("retention-event.scanned-again", "by", ev.By.Reference()))
}

// otherPaper undoes it.
func (m *maker) otherPaper(e register.Entry, ev register.NewScanIsOther) {
	old := m.living[ev.Of]
	if old == nil || old.newScan != e.Letter {
		m.wrong(texts.Say("retention-wrong.was-no-new-scan", "reference", e.Letter.Reference(), "of", ev.Of.Reference()))
		return
	}
	for id, l := range m.living {
		if l.newScan == e.Letter && id != ev.Of {
			l.newScan = ev.Of
		}
		if l.answers == e.Letter && l.filedTo != e.Letter { // to it, or to a scan before it
			l.answers = ev.Of
		}
	}
	for n, h := range m.holds {
		if h.letter == e.Letter && !h.placed.After(old.since) {
			h.letter = ev.Of
			m.holds[n] = h
		}
	}
	old.newScan = ""
	m.papers[ev.Of] = &paper{helpline: old.helpline}
	m.line(old.helpline).Paper.In++
	m.except(e.At, e.Letter, texts.Say("retention-event.is-of-another-paper", "of", ev.Of.Reference()))
	l := m.living[e.Letter]
	if l == nil || ev.Class == "" {
		return // nothing was decided of either, or it was kept by a decision of its own
	}
	if l.class != ev.Class {
		m.except(e.At, e.Letter, texts.Say("retention-event.kept-by-its-own-rule", "due", ev.Deadline))
	}
	l.class, l.deadline, l.withdrawn = ev.Class, ev.Deadline, letter.Date{}
}

func (m *maker) apart(e register.Entry, ev register.NewScanApart) {
	m.except(e.At, e.Letter, texts.Say("retention-event.new-scan-apart", "of", ev.Of.Reference()))
}

// oldScanEnding is an old scan that is erased because a newer one can be read.
func (m *maker) oldScanEnding(e register.Entry, ev register.OldScanEnding) {
	l := m.living[e.Letter]
	if l == nil {
		m.wrong(texts.Say("retention-wrong.erased-not-on-record", "reference", e.Letter.Reference()))
		return
	}
	l.erased = letter.DateOf(e.At)
	m.except(e.At, e.Letter, texts.Say("retention-event.old-scan-ending", "due", l.deadline, "by", ev.By.Reference()))
}

// keptAlike has older scans of the paper kept as the letter is.
func (m *maker) keptAlike(id letter.ID, as *living) {
	for _, l := range m.living {
		if l.newScan == id {
			l.class, l.deadline, l.withdrawn = as.class, as.deadline, as.withdrawn
		}
	}
}

// keptBefore reports whether an older scan of the paper is kept for five years: then
// its new scan is by the same decision.
func (m *maker) keptBefore(id letter.ID) bool {
	for _, l := range m.living {
		if l.newScan == id && l.class == letter.FiveYears {
			return true
		}
	}
	return false
}
