package retention

import (
	"iter"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// The register's order is certain, and its times are what a clock said, which may have
// been ahead or behind for a while. A period is therefore a part of the register from one
// place to another, so that each entry is counted in one period and in no other. Where no
// time falls back over the period's first or last day these places follow from the times;
// where one does, fewest entries stand on the wrong side of them.

// setBack is by how much a time falls back that the record tells of: less is what
// several servers' clocks differ by, and what time synchronisation does.
const setBack = 5 * time.Minute

// when is where an entry stands to the period.
type when int

const (
	earlier when = iota
	within
	later
)

// whenOf goes by the entry's own time.
func (p Period) whenOf(e register.Entry) when {
	switch day := letter.DateOf(e.At); {
	case day.Before(p.First):
		return earlier
	case p.Last.Before(day):
		return later
	}
	return within
}

// border is the place in the register at which a day begins.
type border struct {
	day         letter.Date
	n           int64 // of the first entry that counts as of that day, or a later one
	wrong, best int   // entries on the wrong side if it were here, and there, but for a constant
}

func (b *border) saw(e register.Entry) {
	if letter.DateOf(e.At).Before(b.day) {
		b.wrong--
	} else {
		b.wrong++
	}
	if b.wrong < b.best {
		b.best, b.n = b.wrong, e.N+1
	}
}

// readInOrder reads what is in the period and before it into a record. It reads the
// register a second time only where a time has fallen back over a border.
func readInOrder(p Period, now time.Time, title func(name string) string, entries iter.Seq2[register.Entry, error]) (*maker, error) {
	begins, ends := border{day: p.First}, border{day: p.Last.AddDays(1)}
	last, fell := earlier, false
	m, err := readAll(p, now, title, entries, func(e register.Entry) when {
		begins.saw(e)
		ends.saw(e)
		is := p.whenOf(e)
		fell = fell || is < last
		last = max(last, is)
		return last
	})
	if err != nil || !fell {
		return m, err
	}
	return readAll(p, now, title, entries, func(e register.Entry) when {
		switch {
		case e.N < begins.n:
			return earlier
		case e.N < ends.n:
			return within
		}
		return later
	})
}

// readAll reads the entries, of which stands says where they stand: never earlier than the one before.
func readAll(p Period, now time.Time, title func(name string) string, entries iter.Seq2[register.Entry, error], stands func(register.Entry) when) (*maker, error) {
	m := newMaker(p, now, title)
	started := false
	var before time.Time
	for e, err := range entries {
		if err != nil {
			return nil, err
		}
		if readers[e.Kind] == nil {
			continue // whoever gives the whole register gets the same record
		}
		is := stands(e)
		if !started && is != earlier {
			m.begin()
			started = true
		}
		if is == later {
			continue
		}
		if e.At.Before(before.Add(-setBack)) {
			m.except(e.At, "", texts.Say("retention-event.clock-set-back"))
		}
		before = e.At
		if err := readers[e.Kind](m, e); err != nil {
			return nil, err
		}
	}
	if !started {
		m.begin()
	}
	return m, nil
}
