package retention

import (
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// What a restore from a backup leaves on the register is counted like what it
// stands for, and said.

func (m *maker) restoring(e register.Entry, ev register.RestoreBegun) {
	said := texts.Say("retention-event.restored-from-a-backup")
	if lost := ev.Seen - ev.Entries; lost > 0 {
		m.except(e.At, "", texts.Say("retention-event.restored-and-lost", "said", said, "entries", ev.Entries, "lost", lost))
		return
	}
	m.except(e.At, "", said)
}

// adopted counts a letter that arrived when the lost entries were written.
func (m *maker) adopted(e register.Entry, ev register.LetterAdopted) {
	if m.living[e.Letter] != nil {
		m.wrong(texts.Say("retention-wrong.arrived-twice", "reference", e.Letter.Reference()))
	}
	helpline := string(ev.Helpline)
	m.living[e.Letter] = &living{helpline: helpline, class: letter.SixMonths, deadline: ev.Deadline} // a hold says if it is kept longer
	m.papers[e.Letter] = &paper{helpline: helpline}
	m.line(helpline).Letters.Arrived++
	m.line(helpline).Paper.In++
	m.except(e.At, e.Letter, texts.Say("retention-event.letter-adopted"))
}

// answerAdopted counts an answer that was uploaded when the lost entries were written.
func (m *maker) answerAdopted(e register.Entry, ev register.ResponseAdopted) {
	helpline := string(ev.Helpline)
	m.living[e.Letter] = &living{helpline: helpline, class: letter.SixMonths, deadline: ev.Deadline, answers: ev.Answers, filedTo: ev.Answers}
	m.line(helpline).Letters.Filed++
	m.except(e.At, e.Letter, texts.Say("retention-event.answer-adopted"))
}

// foundElsewhere follows a letter that had been moved when the lost entries were written.
func (m *maker) foundElsewhere(e register.Entry, ev register.LetterFoundElsewhere) {
	l, to := m.living[e.Letter], string(ev.Helpline)
	if l == nil || l.helpline != string(ev.From) {
		m.wrong(texts.Say("retention-wrong.found-elsewhere-not-on-record", "reference", e.Letter.Reference()))
		return
	}
	if l.helpline == to {
		m.except(e.At, e.Letter, texts.Say("retention-event.found-elsewhere", "what", l.what()))
		return
	}
	m.line(l.helpline).Letters.MovedOut++
	m.line(to).Letters.MovedIn++
	if p := m.papers[e.Letter]; p != nil {
		m.line(p.helpline).Paper.MovedOut++
		m.line(to).Paper.MovedIn++
		p.helpline = to
	}
	m.except(e.At, e.Letter, texts.Say("retention-event.found-with-helpline", "what", l.what(), "to", m.title(to), "from", m.title(l.helpline)))
	l.helpline = to
}

func (m *maker) notFound(e register.Entry, _ register.LetterNotFound) {
	m.except(e.At, e.Letter, texts.Say("retention-event.not-found"))
}

// foundDestroyed counts a paper whose destruction record is lost.
func (m *maker) foundDestroyed(e register.Entry, _ register.PaperFoundDestroyed) {
	p := m.papers[e.Letter]
	if p == nil {
		m.wrong(texts.Say("retention-wrong.found-destroyed-twice", "reference", e.Letter.Reference()))
		return
	}
	delete(m.papers, e.Letter)
	m.line(p.helpline).Paper.Destroyed++
	m.except(e.At, e.Letter, texts.Say("retention-event.found-destroyed"))
}

// writtenOff counts a paper of which two people say that it is gone, since the
// record of that may be lost.
func (m *maker) writtenOff(e register.Entry, ev register.PaperWrittenOff) {
	p := m.papers[e.Letter]
	if p == nil {
		m.wrong(texts.Say("retention-wrong.written-off-twice", "reference", ev.Reference))
		return
	}
	delete(m.papers, e.Letter)
	m.line(p.helpline).Paper.Destroyed++
	said := texts.Say("retention-event.written-off")
	if ev.Why == register.DestroyedBefore {
		said = texts.Say("retention-event.written-off-destroyed")
	}
	m.except(e.At, e.Letter, said)
}

func (m *maker) restored(e register.Entry, ev register.Restored) {
	m.except(e.At, "", texts.Say("retention-event.restored", "adopted", count(ev.Adopted), "answers", ev.Answers, "elsewhere", ev.Elsewhere,
		"missing", ev.Missing, "deleted", ev.Deleted, "strays", ev.Strays, "keys", ev.Keys, "unread", ev.Unread))
}
