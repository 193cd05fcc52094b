// Package retention makes the organisational retention record, the document
// that the confidentiality policy asks for (point 10): what arrived in a
// period, what was destroyed, deleted, held and moved to five years, in counts
// that add up, and every exception in words.
//
// It is computed from the register's entries alone, so that anybody who
// verifies an export can compute it again. Its memory grows with what lives and
// with the exceptions of the period, not with the archive.
package retention

import (
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// Kinds are the kinds of entry that Make reads; it passes over any others.
var Kinds = slices.Sorted(maps.Keys(readers))

// reader reads one kind of entry.
type reader func(m *maker, e register.Entry) error

var readers = map[string]reader{
	"letter-admitted":        reads((*maker).admitted),
	"letter-opened":          reads((*maker).opened),
	"letter-deleted":         reads((*maker).deleted),
	"letter-unverifiable":    reads((*maker).unverifiable),
	"letter-verified":        reads((*maker).verified),
	"letter-safeguarded":     reads((*maker).safeguarded),
	"safeguarding-withdrawn": reads((*maker).withdrawn),
	"letter-shared":          reads((*maker).shared),
	"letter-redirected":      reads((*maker).redirected),
	"letter-replaced":        reads((*maker).replaced),
	"new-scan-apart":         reads((*maker).apart),
	"new-scan-is-other":      reads((*maker).otherPaper),
	"old-scan-ending":        reads((*maker).oldScanEnding),
	"erasure-confirmed":      reads((*maker).erasure),
	"response-filed":         reads((*maker).filed),
	"response-dropped":       reads((*maker).dropped),
	"response-lost":          reads((*maker).lost),
	"hold-placed":            reads((*maker).holdPlaced),
	"hold-released":          reads((*maker).holdReleased),
	"paper-destroyed":        reads((*maker).destroyed),
	"alarm-raised":           reads((*maker).alarmed),
	"day-begun":              reads((*maker).day),

	"restore-begun":          reads((*maker).restoring),
	"letter-adopted":         reads((*maker).adopted),
	"response-adopted":       reads((*maker).answerAdopted),
	"letter-found-elsewhere": reads((*maker).foundElsewhere),
	"letter-not-found":       reads((*maker).notFound),
	"paper-found-destroyed":  reads((*maker).foundDestroyed),
	"paper-written-off":      reads((*maker).writtenOff),
	"restored":               reads((*maker).restored),
}

func reads[E register.Event](read func(m *maker, e register.Entry, ev E)) reader {
	return func(m *maker, e register.Entry) error {
		var ev E
		if len(e.Data) > 0 {
			if err := json.Unmarshal(e.Data, &ev); err != nil {
				return fmt.Errorf("reading entry %d: it is not of its kind", e.N)
			}
		}
		read(m, e, ev)
		return nil
	}
}

// Make computes the record of the period from the register's entries, from the
// first on; they may be read twice. A period that is not over is counted up to now.
// title is how people call a helpline.
func Make(p Period, now time.Time, title func(name string) string, entries iter.Seq2[register.Entry, error]) (Record, error) {
	m, err := readInOrder(p, now, title, entries)
	if err != nil {
		return Record{}, err
	}
	m.end()
	return m.Record, nil
}

// maker is a record in the making.
type maker struct {
	Record
	title  func(name string) string
	lines  map[string]*Line
	living map[letter.ID]*living
	holds  map[int64]hold       // by number
	papers map[letter.ID]*paper // that wait for their destruction

	missing int         // letters that the last day's count found fewer than the entries say, and not proven gone since
	since   letter.Date // the day from which on every day's count has found fewer; zero if the last has not
	first   bool        // that day is the last that began
}

func newMaker(p Period, now time.Time, title func(name string) string) *maker {
	return &maker{Record: Record{Period: p, Made: now.UTC()}, title: title, lines: map[string]*Line{}, holds: map[int64]hold{}, living: map[letter.ID]*living{}, papers: map[letter.ID]*paper{}}
}

func (m *maker) line(helpline string) *Line {
	if m.lines[helpline] == nil {
		m.lines[helpline] = &Line{Helpline: helpline}
	}
	return m.lines[helpline]
}

// begin counts what the period finds.
func (m *maker) begin() {
	for _, l := range m.lines {
		*l = Line{Helpline: l.Helpline}
	}
	m.Exceptions, m.Alarms = nil, 0
	for _, l := range m.living {
		m.line(l.helpline).Letters.Before++
	}
	for _, p := range m.papers {
		m.line(p.helpline).Paper.Before++
	}
}

func (m *maker) except(at time.Time, id letter.ID, says texts.Text) {
	m.Exceptions = append(m.Exceptions, Exception{at, id, says})
}

func (m *maker) wrong(says texts.Text) { m.Wrong = append(m.Wrong, says) }

func (m *maker) admitted(e register.Entry, ev register.LetterAdmitted) {
	if m.living[e.Letter] != nil {
		m.wrong(texts.Say("retention-wrong.arrived-twice", "reference", e.Letter.Reference()))
	}
	helpline := string(ev.Helpline)
	m.living[e.Letter] = &living{helpline: helpline, class: ev.Class, deadline: ev.Deadline}
	m.papers[e.Letter] = &paper{helpline: helpline}
	m.line(helpline).Letters.Arrived++
	m.line(helpline).Paper.In++
}

// filed counts a response like a letter that came without paper.
func (m *maker) filed(e register.Entry, ev register.ResponseFiled) {
	helpline := string(ev.Helpline)
	m.living[e.Letter] = &living{helpline: helpline, class: ev.Class, deadline: ev.Deadline, answers: ev.Answers, filedTo: ev.Answers}
	m.line(helpline).Letters.Filed++
}

// lost is a response that never reached the storage: it is erased at once.
func (m *maker) lost(e register.Entry, ev register.ResponseLost) {
	if l := m.living[e.Letter]; l != nil {
		l.erased = letter.DateOf(e.At)
	}
	m.except(e.At, e.Letter, texts.Say("retention-event.response-lost", "answers", ev.Answers.Reference()))
}

// dropped is a response that was uploaded and not kept: it is erased at once, and
// that is no exception.
func (m *maker) dropped(e register.Entry, _ register.ResponseDropped) {
	if l := m.living[e.Letter]; l != nil {
		l.erased = letter.DateOf(e.At)
	}
}

func (m *maker) erasure(e register.Entry, ev register.ErasureConfirmed) {
	l := m.living[e.Letter]
	if l == nil {
		m.wrong(texts.Say("retention-wrong.erased-not-on-record", "reference", e.Letter.Reference()))
		return
	}
	l.erased = letter.DateOf(e.At)
	m.except(e.At, e.Letter, texts.Say("retention-event.erasure-decided", "what", l.what(), "due", l.deadline, "reason", texts.Word("retention-erase", ev.Reason)))
}

func (m *maker) opened(e register.Entry, _ register.LetterOpened) {
	if l := m.living[e.Letter]; l != nil {
		l.opened = true
	}
}

func (m *maker) deleted(e register.Entry, ev register.LetterDeleted) {
	l := m.living[e.Letter]
	if l == nil {
		m.wrong(texts.Say("retention-wrong.gone-before", "reference", e.Letter.Reference()))
		l = &living{helpline: string(ev.Helpline)}
	}
	delete(m.living, e.Letter)
	m.line(l.helpline).Letters.Deleted++
	if m.missing > 0 {
		m.missing--
	}
	if p := m.papers[e.Letter]; p != nil {
		p.outlived = true
		m.except(e.At, e.Letter, texts.Say("retention-event.paper-waits"))
	}
	if ev.Early == "" && l.answers == "" && !l.opened {
		m.except(e.At, e.Letter, texts.Say("retention-event.never-opened"))
	}
	m.inTime(e, ev, l)
	if ev.By == register.ByNobody && ev.Early != register.NeverStored && ev.Early != register.NotKept {
		m.except(e.At, e.Letter, texts.Say("retention-event.removed-by-somebody", "what", l.what()))
	}
}

// inTime says why a letter was not deleted on its deadline.
func (m *maker) inTime(e register.Entry, ev register.LetterDeleted, l *living) {
	decided := l.erased != (letter.Date{})
	if decided != (ev.Early != "") {
		m.wrong(texts.Say("retention-wrong.erased-or-not", "reference", e.Letter.Reference()))
	}
	due := ev.Deadline
	if due.Before(l.withdrawn) {
		due = l.withdrawn // its six months were over when that was decided
	}
	switch gone := letter.DateOf(e.At); {
	case ev.Early == register.NeverStored, ev.Early == register.NotKept: // said when it was lost, or in order
	case ev.Early != "":
		m.line(l.helpline).Letters.Erased++
		if decided && ev.Early != register.NewerScan { // which was said when it was decided
			m.except(e.At, e.Letter, texts.Say("retention-event.erased", "what", l.what(), "due", ev.Deadline, "decided", l.erased, "reason", texts.Word("retention-erase", ev.Early)))
		}
	case due.Before(gone) && l.wasHeld:
		m.except(e.At, e.Letter, texts.Say("retention-event.held-and-gone", "what", l.what(), "due", ev.Deadline, "gone", gone))
	case due.Before(gone):
		m.except(e.At, e.Letter, texts.Say("retention-event.gone-late", "what", l.what(), "due", due, "gone", gone))
	case gone.Before(ev.Deadline):
		m.except(e.At, e.Letter, texts.Say("retention-event.gone-early", "what", l.what(), "due", ev.Deadline))
	}
}

func (m *maker) unverifiable(e register.Entry, _ register.LetterUnverifiable) {
	if l := m.living[e.Letter]; l != nil {
		l.unverifiable = e.At
	}
}

func (m *maker) verified(e register.Entry, _ register.LetterVerified) {
	if l := m.living[e.Letter]; l != nil {
		l.unverifiable = time.Time{}
	}
}

func (m *maker) safeguarded(e register.Entry, ev register.LetterSafeguarded) {
	l := m.living[e.Letter]
	if l == nil {
		m.wrong(texts.Say("retention-wrong.kept-not-on-record", "reference", e.Letter.Reference()))
		return
	}
	l.class, l.deadline = letter.FiveYears, ev.Deadline
	if !m.keptBefore(e.Letter) {
		m.line(l.helpline).Letters.Kept++
	}
	m.keptAlike(e.Letter, l)
	m.except(e.At, e.Letter, texts.Say("retention-event.kept", "deadline", ev.Deadline, "reason", texts.Word("retention-reason", ev.Reason), "review", ev.Review))
}

// withdrawn puts a letter back under the rule of six months.
func (m *maker) withdrawn(e register.Entry, ev register.SafeguardingWithdrawn) {
	l := m.living[e.Letter]
	if l == nil || l.class != letter.FiveYears {
		m.wrong(texts.Say("retention-wrong.withdrawn-never-kept", "reference", e.Letter.Reference()))
		return
	}
	l.class, l.deadline, l.withdrawn = letter.SixMonths, ev.Deadline, letter.DateOf(e.At)
	m.line(l.helpline).Letters.Withdrawn++
	m.keptAlike(e.Letter, l)
	reason := texts.Word("retention-withdraw", ev.Reason)
	said := texts.Say("retention-event.withdrawn", "reason", reason, "due", l.deadline)
	if !l.withdrawn.Before(l.deadline) {
		said = texts.Say("retention-event.withdrawn-and-due", "reason", reason, "due", l.deadline)
	}
	m.except(e.At, e.Letter, said)
}

func (m *maker) shared(e register.Entry, ev register.LetterShared) {
	m.except(e.At, e.Letter, texts.Say("retention-event.shared", "agency", texts.Word("retention-agency", ev.Agency), "on", ev.On))
}

// redirected follows a letter to the helpline to which it was written, and its
// paper where that still waits.
func (m *maker) redirected(e register.Entry, ev register.LetterRedirected) {
	l, to := m.living[e.Letter], string(ev.To)
	if l == nil || l.helpline != string(ev.From) || l.helpline == to {
		m.wrong(texts.Say("retention-wrong.moved-not-there", "reference", e.Letter.Reference(), "from", m.title(string(ev.From)), "to", m.title(to)))
		return
	}
	l.wasHeld = l.wasHeld || m.held(e.Letter, l)
	m.line(l.helpline).Letters.MovedOut++
	m.line(to).Letters.MovedIn++
	if p := m.papers[e.Letter]; p != nil {
		m.line(p.helpline).Paper.MovedOut++
		m.line(to).Paper.MovedIn++
		p.helpline = to
	}
	m.except(e.At, e.Letter, texts.Say("retention-event.moved", "what", l.what(), "from", m.title(l.helpline), "to", m.title(to)))
	l.helpline = to
}

func (m *maker) holdPlaced(e register.Entry, ev register.HoldPlaced) {
	h := hold{e.Letter, string(ev.Helpline), e.At}
	for id, l := range m.living {
		if h.keeps(id, l) && !letter.DateOf(e.At).Before(l.deadline) && !m.held(id, l) {
			l.late = true
		}
	}
	m.holds[ev.Hold] = h
	what := texts.Say("retention-what.letter")
	if l := m.living[h.letter]; l != nil {
		what = l.what()
	}
	if h.letter == "" {
		what = texts.Say("retention-what.helpline", "helpline", m.title(h.helpline), "letters", count(ev.Letters))
	}
	m.except(e.At, e.Letter, texts.Say("retention-event.held", "what", what, "hold", ev.Hold, "reason", texts.Word("retention-hold", ev.Reason), "review", ev.Review))
}

func (m *maker) holdReleased(e register.Entry, ev register.HoldReleased) {
	h, ok := m.holds[ev.Hold]
	if !ok {
		m.wrong(texts.Say("retention-wrong.released-twice", "hold", ev.Hold))
		return
	}
	delete(m.holds, ev.Hold)
	for id, l := range m.living {
		if h.keeps(id, l) {
			l.wasHeld = true
		}
	}
	m.except(e.At, h.letter, texts.Say("retention-event.released", "hold", ev.Hold, "letters", count(ev.Letters)))
}

func count(letters int) texts.Text { return texts.Say("count.letter", "n", letters) }

func (m *maker) destroyed(e register.Entry, ev register.PaperDestroyed) {
	p := m.papers[e.Letter]
	if p == nil {
		m.wrong(texts.Say("retention-wrong.destroyed-twice", "reference", ev.Reference, "ledger", ev.Ledger))
		return
	}
	delete(m.papers, e.Letter)
	count := &m.line(p.helpline).Paper
	count.Destroyed++
	count.Sheets += ev.Sheets
	if ev.Method == register.Contractor {
		count.Certified++
	}
	for _, a := range ev.Anomalies {
		if a == register.AnomalyUnread && !slices.Contains(ev.Anomalies, register.AnomalyLetterGone) {
			// While its letter lives such a paper may go by that rule alone: it is
			// counted, since it may be every paper.
			count.Unread++
			continue
		}
		m.except(e.At, e.Letter, texts.Say("retention-event.destroyed", "ledger", ev.Ledger, "anomaly", texts.Word("retention-anomaly", a)))
	}
}

func (m *maker) alarmed(e register.Entry, ev register.AlarmRaised) {
	m.Alarms++
	m.except(e.At, "", texts.Say("retention-event.alarm", "alarm", texts.Word("retention-alarm", ev.Alarm)))
}

// day compares with what the database held on that morning. A letter whose rows
// are erased and whose entry is still to come may be missing until the next; one
// that stays missing, and is not proven gone by the end, is wrong.
func (m *maker) day(e register.Entry, ev register.DayBegun) {
	today, have := letter.DateOf(e.At), len(m.living)
	if ev.Living > have {
		m.wrong(texts.Say("retention-wrong.more-in-the-database", "day", today, "held", ev.Living, "known", have))
	}
	m.missing = max(0, have-ev.Living)
	switch {
	case m.missing == 0:
		m.since = letter.Date{}
	case m.since == letter.Date{}:
		m.since, m.first = today, true
	default:
		m.first = false
	}
}

// end counts what the period leaves, and whether it all adds up.
func (m *maker) end() {
	at, until := m.Made, m.Period.Last.AddDays(1)
	today := letter.DateOf(m.Made)
	if !today.Before(until) {
		today, at = m.Period.Last, until.Start()
	}
	if m.missing > 0 && !m.first {
		m.wrong(texts.Say("retention-wrong.fewer-in-the-database", "since", m.since, "missing", m.missing))
	}
	for _, id := range slices.Sorted(maps.Keys(m.living)) {
		l := m.living[id]
		count, held := &m.line(l.helpline).Letters, m.held(id, l)
		count.After++
		switch {
		case held:
			count.Held++
		case l.class == letter.FiveYears:
			count.FiveYears++
		default:
			count.Ordinary++
		}
		if l.due().Before(today) && !held {
			count.Overdue++
			m.except(at, id, texts.Say("retention-event.not-gone", "what", l.what(), "due", l.due()))
		}
		if !l.unverifiable.IsZero() {
			m.except(at, id, texts.Say("retention-event.unverifiable", "what", l.what(), "since", letter.DateOf(l.unverifiable)))
		}
	}
	for _, p := range m.papers {
		count := &m.line(p.helpline).Paper
		count.After++
		if p.outlived {
			count.Outlived++
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.lines)) {
		l := *m.lines[name]
		m.addsUp(l)
		m.Helplines = append(m.Helplines, l)
		m.Total.add(l)
	}
	if n := m.Total.Paper.Unread; n > 0 {
		m.except(at, "", texts.Say("retention-event.unread", "n", n))
	}
}

func (m *maker) addsUp(l Line) {
	n, p := l.Letters, l.Paper
	if n.Before+n.Arrived+n.Filed+n.MovedIn != n.Deleted+n.MovedOut+n.After || n.After != n.Ordinary+n.FiveYears+n.Held {
		m.wrong(texts.Say("retention-wrong.letters-do-not-add-up", "helpline", m.title(l.Helpline)))
	}
	if p.Before+p.In+p.MovedIn != p.Destroyed+p.MovedOut+p.After {
		m.wrong(texts.Say("retention-wrong.papers-do-not-add-up", "helpline", m.title(l.Helpline)))
	}
}
