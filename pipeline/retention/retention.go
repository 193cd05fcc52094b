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
	"letterlock/scanner/letter"
)

// Kinds are the kinds of entry that Make reads; it passes over any others.
var Kinds = slices.Sorted(maps.Keys(readers))

// reader reads one kind of entry.
type reader func(m *maker, e register.Entry) error

var readers = map[string]reader{
	"letter-admitted":        reads((*maker).admitted),
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
// first on. A period that is not over is counted up to now.
func Make(p Period, now time.Time, entries iter.Seq2[register.Entry, error]) (Record, error) {
	m := &maker{Record: Record{Period: p, Made: now.UTC()}, lines: map[string]*Line{}, holds: map[int64]hold{}, living: map[letter.ID]*living{}, papers: map[letter.ID]*paper{}}
	started := false
	for e, err := range entries {
		if err != nil {
			return Record{}, err
		}
		if !started && !p.before(e.At) {
			m.begin()
			started = true
		}
		if p.before(e.At) || p.holds(e.At) {
			if read := readers[e.Kind]; read != nil {
				if err := read(m, e); err != nil {
					return Record{}, err
				}
			}
		}
	}
	if !started {
		m.begin()
	}
	m.end()
	return m.Record, nil
}

// maker is a record in the making.
type maker struct {
	Record
	lines  map[string]*Line
	living map[letter.ID]*living
	holds  map[int64]hold       // by number
	papers map[letter.ID]*paper // that wait for their destruction

	missing int         // letters that the last day's count found fewer than the entries say, and not proven gone since
	since   letter.Date // the day from which on every day's count has found fewer; zero if the last has not
	first   bool        // that day is the last that began
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

func (m *maker) except(at time.Time, id letter.ID, format string, args ...any) {
	m.Exceptions = append(m.Exceptions, Exception{at, id, fmt.Sprintf(format, args...)})
}

func (m *maker) wrong(format string, args ...any) {
	m.Wrong = append(m.Wrong, fmt.Sprintf(format, args...))
}

func (m *maker) admitted(e register.Entry, ev register.LetterAdmitted) {
	if m.living[e.Letter] != nil {
		m.wrong("The letter %s arrived twice.", e.Letter.Reference())
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
	m.except(e.At, e.Letter, "This response to the letter %s was filed and did not reach the storage. It must be filed again.", ev.Answers.Reference())
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
		m.wrong("The letter %s is to be erased, and is not on record.", e.Letter.Reference())
		return
	}
	l.erased = letter.DateOf(e.At)
	m.except(e.At, e.Letter, "Two people decided that %s, due on %s, is erased before its time: %s.", lower(l.what()), day(l.deadline), worded(eraseWords, ev.Reason))
}

func (m *maker) deleted(e register.Entry, ev register.LetterDeleted) {
	l := m.living[e.Letter]
	if l == nil {
		m.wrong("The letter %s is proven gone, and never arrived or was gone before.", e.Letter.Reference())
		l = &living{helpline: string(ev.Helpline)}
	}
	delete(m.living, e.Letter)
	m.line(l.helpline).Letters.Deleted++
	if m.missing > 0 {
		m.missing--
	}
	if p := m.papers[e.Letter]; p != nil {
		p.outlived = true
		m.except(e.At, e.Letter, "The letter was deleted while its paper was not on record as destroyed.")
	}
	m.inTime(e, ev, l)
	if ev.By == register.ByNobody && ev.Early != register.NeverStored && ev.Early != register.NotKept {
		m.except(e.At, e.Letter, "Nothing was left of %s when it was due, and the storage cannot have removed it by itself by then. Somebody else had removed it.", lower(l.what()))
	}
}

// inTime says why a letter was not deleted on its deadline.
func (m *maker) inTime(e register.Entry, ev register.LetterDeleted, l *living) {
	decided := l.erased != (letter.Date{})
	if decided != (ev.Early != "") {
		m.wrong("The letter %s was deleted, and the register does not agree with itself on whether it was to be erased before its time.", e.Letter.Reference())
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
			m.except(e.At, e.Letter, "%s, due on %s, was erased as two people had decided on %s: %s.", l.what(), day(ev.Deadline), day(l.erased), worded(eraseWords, ev.Early))
		}
	case due.Before(gone) && l.wasHeld:
		m.except(e.At, e.Letter, "%s was due on %s, was held, and was proven gone on %s.", l.what(), day(ev.Deadline), day(gone))
	case due.Before(gone):
		m.except(e.At, e.Letter, "%s was due on %s and proven gone on %s. Alarms of these days say whether the storage, the clock or Letterlock itself stood still.",
			l.what(), day(due), day(gone))
	case gone.Before(ev.Deadline):
		m.except(e.At, e.Letter, "%s was deleted before its time, which was %s.", l.what(), day(ev.Deadline))
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
		m.wrong("The letter %s is kept for five years, and is not on record.", e.Letter.Reference())
		return
	}
	l.class, l.deadline = letter.FiveYears, ev.Deadline
	if !m.keptBefore(e.Letter) {
		m.line(l.helpline).Letters.Kept++
	}
	m.keptAlike(e.Letter, l)
	m.except(e.At, e.Letter, "The letter is kept for five years, until %s: %s. It is looked at again on %s.", day(ev.Deadline), worded(reasonWords, ev.Reason), day(ev.Review))
}

// withdrawn puts a letter back under the rule of six months.
func (m *maker) withdrawn(e register.Entry, ev register.SafeguardingWithdrawn) {
	l := m.living[e.Letter]
	if l == nil || l.class != letter.FiveYears {
		m.wrong("The letter %s is not kept for five years after all, and never was.", e.Letter.Reference())
		return
	}
	l.class, l.deadline, l.withdrawn = letter.SixMonths, ev.Deadline, letter.DateOf(e.At)
	m.line(l.helpline).Letters.Withdrawn++
	m.keptAlike(e.Letter, l)
	became := "It is due on %s"
	if !l.withdrawn.Before(l.deadline) {
		became = "Its six months were over on %s, so it was due at once"
	}
	m.except(e.At, e.Letter, "Two people decided that the letter is not kept for five years after all: %s. "+became+".", worded(withdrawWords, ev.Reason), day(l.deadline))
}

func (m *maker) shared(e register.Entry, ev register.LetterShared) {
	m.except(e.At, e.Letter, "The letter was shared with an agency (%s) on %s.", worded(agencyWords, ev.Agency), day(ev.On))
}

// redirected follows a letter to the helpline to which it was written, and its
// paper where that still waits.
func (m *maker) redirected(e register.Entry, ev register.LetterRedirected) {
	l, to := m.living[e.Letter], string(ev.To)
	if l == nil || l.helpline != string(ev.From) || l.helpline == to {
		m.wrong("The letter %s was moved from %s to %s, and was not there.", e.Letter.Reference(), ev.From, to)
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
	m.except(e.At, e.Letter, "%s had been given to the helpline %s by mistake and was moved to %s, as two people decided.", l.what(), l.helpline, to)
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
	what := "The letter"
	if l := m.living[h.letter]; l != nil {
		what = l.what()
	}
	if h.letter == "" {
		what = fmt.Sprintf("Everything of the helpline %s (%s)", h.helpline, count(ev.Letters))
	}
	m.except(e.At, e.Letter, "%s was put on hold %d, because %s. It is looked at again on %s.", what, ev.Hold, worded(holdWords, ev.Reason), day(ev.Review))
}

func (m *maker) holdReleased(e register.Entry, ev register.HoldReleased) {
	h, ok := m.holds[ev.Hold]
	if !ok {
		m.wrong("Hold %d was released, and had never been placed or was released before.", ev.Hold)
		return
	}
	delete(m.holds, ev.Hold)
	for id, l := range m.living {
		if h.keeps(id, l) {
			l.wasHeld = true
		}
	}
	m.except(e.At, h.letter, "Hold %d was released; it had stopped the end of %s.", ev.Hold, count(ev.Letters))
}

func count(letters int) string {
	if letters == 1 {
		return "1 letter"
	}
	return fmt.Sprintf("%d letters", letters)
}

func (m *maker) destroyed(e register.Entry, ev register.PaperDestroyed) {
	p := m.papers[e.Letter]
	if p == nil {
		m.wrong("The paper %s is on record as destroyed, and never came in or was destroyed before (%s).", ev.Reference, ev.Ledger)
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
		m.except(e.At, e.Letter, "The paper was destroyed (%s), but %s.", ev.Ledger, worded(anomalyWords, a))
	}
}

func (m *maker) alarmed(e register.Entry, ev register.AlarmRaised) {
	m.Alarms++
	m.except(e.At, "", "An alarm was raised: %s.", worded(alarmWords, ev.Alarm))
}

// day compares with what the database held on that morning. A letter whose rows
// are erased and whose entry is still to come may be missing until the next; one
// that stays missing, and is not proven gone by the end, is wrong.
func (m *maker) day(e register.Entry, ev register.DayBegun) {
	today, have := letter.DateOf(e.At), len(m.living)
	if ev.Living > have {
		m.wrong("On %s the database held %d letters, and the register accounts for %d.", day(today), ev.Living, have)
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
		m.wrong("Since %s letters are gone from the database (%d of them) without proof on the register.", day(m.since), m.missing)
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
			m.except(at, id, "%s was due on %s and was not proven gone at the end.", l.what(), day(l.due()))
		}
		if !l.unverifiable.IsZero() {
			m.except(at, id, "What was deposited of %s could not be verified since %s; its scan is kept at the scanner.", lower(l.what()), day(letter.DateOf(l.unverifiable)))
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
		of := fmt.Sprintf("%d papers that were", n)
		if n == 1 {
			of = "1 paper that was"
		}
		m.except(at, "", "Of %s destroyed nobody had found the scan readable: Letterlock had read it back, which is enough where the configuration says so (destroy_after = \"verified\").", of)
	}
}

func (m *maker) addsUp(l Line) {
	n, p := l.Letters, l.Paper
	if n.Before+n.Arrived+n.Filed+n.MovedIn != n.Deleted+n.MovedOut+n.After || n.After != n.Ordinary+n.FiveYears+n.Held {
		m.wrong("The letters of %s do not add up.", l.Helpline)
	}
	if p.Before+p.In+p.MovedIn != p.Destroyed+p.MovedOut+p.After {
		m.wrong("The papers of %s do not add up.", l.Helpline)
	}
}
