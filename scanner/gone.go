package scanner

import (
	"context"
	"errors"
	"io/fs"

	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
)

// hearGone takes in, once a round over the slips, which letters have ended before their time: the edge forgets
// what it remembers of their scans. What became of their slips follows in its
// turn. A list that an older server left, or nobody, or somebody else, says nothing.
func (e *Edge) hearGone(ctx context.Context) error {
	if !e.goneHeard.IsZero() && e.Now().Sub(e.goneHeard).Abs() < e.SlipEvery {
		return nil
	}
	msg, err := e.get(ctx, "", letter.GoneKey(e.Site))
	if err != nil {
		return err
	}
	e.goneHeard = e.Now()
	if msg == nil {
		return nil
	}
	said, is, err := fromServer(e, msg, letter.OpenGone)
	if !is {
		return err
	}
	if said.Site != e.Site {
		return errors.New("the list of letters that are gone is another scanner's")
	}
	clear(e.gone)
	for _, l := range said.Letters {
		e.gone[l.ID] = l
	}
	return e.forgetGone()
}

// forgetGone drops what is remembered of the scans of letters that are gone. A
// crash leaves some of it, which the next start drops.
func (e *Edge) forgetGone() (err error) {
	for id := range e.gone {
		hash, known := e.known.hashes[id]
		if !known {
			continue
		}
		e.known.drop(hash, func(s takenScan) bool {
			if s.id != id {
				return false
			}
			removed := e.state.Remove(s.mark())
			if removed != nil && !errors.Is(removed, fs.ErrNotExist) {
				err = errors.Join(err, disk.Plain("forgetting a scan", removed))
				return false
			}
			delete(e.known.kept, s)
			return true
		})
	}
	return err
}
