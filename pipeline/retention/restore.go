package retention

import (
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// What a restore from a backup leaves on the register is counted like what it
// stands for, and said.

func (m *maker) restoring(e register.Entry, ev register.RestoreBegun) {
	said := "It was recognised that the register or the storage had been restored from a backup. Nobody was shown anything until what it lacked had been replayed."
	if lost := ev.Seen - ev.Entries; lost > 0 {
		m.except(e.At, "", "%s The register had %d entries; at least %d of a later time are lost, and with them what happened then.", said, ev.Entries, lost)
		return
	}
	m.except(e.At, "", "%s", said)
}

// adopted counts a letter that arrived when the lost entries were written.
func (m *maker) adopted(e register.Entry, ev register.LetterAdopted) {
	if m.living[e.Letter] != nil {
		m.wrong("The letter %s arrived twice.", e.Letter.Reference())
	}
	helpline := string(ev.Helpline)
	m.living[e.Letter] = &living{helpline: helpline, class: letter.SixMonths, deadline: ev.Deadline} // a hold says if it is kept longer
	m.papers[e.Letter] = &paper{helpline: helpline}
	m.line(helpline).Letters.Arrived++
	m.line(helpline).Paper.In++
	m.except(e.At, e.Letter, "The letter was found in the storage after a restore and had never been on this register. It is counted as arrived on this day.")
}

// answerAdopted counts an answer that was uploaded when the lost entries were written.
func (m *maker) answerAdopted(e register.Entry, ev register.ResponseAdopted) {
	helpline := string(ev.Helpline)
	m.living[e.Letter] = &living{helpline: helpline, class: letter.SixMonths, deadline: ev.Deadline, answers: ev.Answers, filedTo: ev.Answers}
	m.line(helpline).Letters.Filed++
	m.except(e.At, e.Letter, "The answer was found in the storage after a restore and had never been on this register. It is counted as filed on this day.")
}

// foundElsewhere follows a letter that had been moved when the lost entries were written.
func (m *maker) foundElsewhere(e register.Entry, ev register.LetterFoundElsewhere) {
	l, to := m.living[e.Letter], string(ev.Helpline)
	if l == nil || l.helpline != string(ev.From) {
		m.wrong("The letter %s was found elsewhere after a restore, and is not on record.", e.Letter.Reference())
		return
	}
	if l.helpline == to {
		m.except(e.At, e.Letter, "After a restore %s was found elsewhere in the storage than on record.", lower(l.what()))
		return
	}
	m.line(l.helpline).Letters.MovedOut++
	m.line(to).Letters.MovedIn++
	if p := m.papers[e.Letter]; p != nil {
		m.line(p.helpline).Paper.MovedOut++
		m.line(to).Paper.MovedIn++
		p.helpline = to
	}
	m.except(e.At, e.Letter, "After a restore %s was found in the place of the helpline %s, to which it had been moved from %s.", lower(l.what()), to, l.helpline)
	l.helpline = to
}

func (m *maker) notFound(e register.Entry, _ register.LetterNotFound) {
	m.except(e.At, e.Letter, "After a restore the letter was found nowhere in the storage.")
}

// foundDestroyed counts a paper whose destruction record is lost.
func (m *maker) foundDestroyed(e register.Entry, _ register.PaperFoundDestroyed) {
	p := m.papers[e.Letter]
	if p == nil {
		m.wrong("The paper of the letter %s was found to be destroyed, and never came in or was destroyed before.", e.Letter.Reference())
		return
	}
	delete(m.papers, e.Letter)
	m.line(p.helpline).Paper.Destroyed++
	m.except(e.At, e.Letter, "The paper is destroyed, as the receipt to its scanner says. The destruction record was lost with the entries that a restored backup lacks.")
}

// writtenOff counts a paper of which two people say that it is gone, since the
// record of that may be lost.
func (m *maker) writtenOff(e register.Entry, ev register.PaperWrittenOff) {
	p := m.papers[e.Letter]
	if p == nil {
		m.wrong("The paper %s was written off after a restore, and never came in or was destroyed before.", ev.Reference)
		return
	}
	delete(m.papers, e.Letter)
	m.line(p.helpline).Paper.Destroyed++
	said := "it was looked for after a restore and is not there"
	if ev.Why == register.DestroyedBefore {
		said = "it was destroyed before a restore, by which the destruction record was lost"
	}
	m.except(e.At, e.Letter, "Two people said of the paper that %s. It is counted as destroyed on this day.", said)
}

func (m *maker) restored(e register.Entry, ev register.Restored) {
	m.except(e.At, "", "The restore was replayed: %s and %d copies of answers found that were not on record, %d found elsewhere, %d found nowhere, %d ended with proof; %d objects removed from the storage, %d keys destroyed, %d objects of no known letter not opened.",
		count(ev.Adopted), ev.Answers, ev.Elsewhere, ev.Missing, ev.Deleted, ev.Strays, ev.Keys, ev.Unread)
}
