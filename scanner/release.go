package scanner

import (
	"errors"
	"maps"
	"strings"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// release is the end of a claim whose letters the server has: its scan is deleted,
// if it still is what they were made of. A program may have it open and go on
// writing, wherever it was moved; what it has written since is in no letter then,
// and the scan goes back to people. hash is the scan's keyed hash, "" where an
// earlier version did not write it down, or an edge with another key did.
//
// A crash leads here again: the letters are recorded, and the claim says whether
// it is being given back.
func (e *Edge) release(c *folder.Claim, hash string, letters []letter.ID) error {
	if c.Returning {
		return e.giveBack(c, outcome{})
	}
	changed, err := e.folder.Changed(*c, func(scan disk.File) (bool, error) {
		if hash == "" {
			return true, nil
		}
		now, err := e.hash(scan, c.Size)
		return now == hash, err
	})
	if err != nil {
		return err
	}
	if !changed {
		return e.folder.Release(*c)
	}
	var references []string
	for _, id := range letters {
		references = append(references, id.Reference())
	}
	// Louder than a refusal: a letter that somebody reads lacks something.
	e.Log.Warn("A scan was written to after it was taken: its letters lack what came later. It is given back, and its note says what to do.", "letters", letters)
	return e.giveBack(c, outcome{dir: folder.RefusedDir, why: whyGrew, note: folder.Note{
		What: say(e.Language, "refused.grew.what"), Language: e.Language,
		Next: say(e.Language, "refused.grew.next", "n", len(references), "references", strings.Join(references, ", ")),
	}})
}

// received reports whether the server has had the one letter of a claim, of which
// neither manifest nor record is left: its scan is marked, which is done on the receipt
// alone.
func (e *Edge) received(j *job) bool {
	// Of a stack the mark comes with the first receipt of any of its letters; and a letter
	// of which the clean PDF is there was not sealed, whatever an early version has marked.
	if j.claim.ID != j.id || j.clean != nil {
		return false
	}
	for _, s := range e.known.taken[e.known.hashes[j.id]] {
		if s.id == j.id && e.known.kept[s] {
			j.scan = s
			return true
		}
	}
	return false
}

// ids are those of a scan's letters.
func (h content) ids() (ids []letter.ID) {
	for _, l := range h.Letters {
		ids = append(ids, l.ID)
	}
	return ids
}

// finish ends a scan that does not become a letter: it is given back to
// operations with a note, unchanged, or deleted because a person has said that
// it was taken before.
func (e *Edge) finish(c *folder.Claim, out outcome) error {
	e.Log.Info(out.log, "letter", c.ID)
	maps.DeleteFunc(e.known.unsure, func(_ string, id letter.ID) bool { return id == c.ID })
	// An earlier try may have come as far as to seal it, and a crash.
	if err := e.discardSeal(c.ID); err != nil {
		return disk.Plain("clearing the spool", err)
	}
	switch {
	case out.unsettled:
		return nil // it was put back, to settle anew
	case out.drop:
		// What was compared is what is deleted; else it was put back, to settle anew.
		if err := e.folder.Settled(*c); err != nil {
			if errors.Is(err, folder.ErrUnsettled) {
				err = nil
			}
			return err
		}
		return e.folder.Release(*c)
	}
	return e.giveBack(c, out)
}

// giveBack returns a scan to operations, unchanged, with a note beside it. What
// a crash leaves is said in folder.GiveBack.
func (e *Edge) giveBack(c *folder.Claim, out outcome) error {
	if err := e.folder.GiveBack(c, out.dir, out.note); err != nil {
		return err
	}
	e.step("refused", c.ID)
	if out.why != "" {
		e.noteRefused(c.Helpline, out.why)
	}
	return nil
}
