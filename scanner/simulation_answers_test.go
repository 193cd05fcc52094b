package scanner

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/separator"
)

func (s *simulation) atRefused(d *simScan, name string) {
	switch n := s.chance.IntN(10); {
	case n < 2:
		s.takeAway(d, name)
	case n < 3:
		if s.share.Remove(name+".txt") == nil { // the note only
			s.noteless[name] = true
		}
	case n < 6 && !strings.HasPrefix(name, folder.RefusedDir):
		if s.moved(d, name, path.Dir(folder.AnswerPath(s.of(name), "x", folder.Repair))) {
			d.repair++
		}
	case n < 8:
		s.moved(d, name, s.home(d))
	}
}

// of is in which helpline's folder a path leads.
func (s *simulation) of(name string) string {
	helpline, _, _ := strings.Cut(name, "/")
	return helpline
}

func (s *simulation) answer(d *simScan, name string, a folder.Answer) bool {
	return s.moved(d, name, path.Dir(folder.AnswerPath(s.of(name), "x", a)))
}

func (s *simulation) atDuplicates(d *simScan, name string, same, another folder.Answer) {
	switch n := s.chance.IntN(10); {
	case n < 1:
		s.takeAway(d, name)
	case n < 4:
		if s.answer(d, name, same) {
			d.same++
			s.count("answers")
		}
	case n < 6:
		if s.answer(d, name, another) {
			d.another++
			s.count("answers")
		}
	case n < 7:
		s.moved(d, name, s.home(d)) // to be asked again
	}
}

func (s *simulation) atStacks(d *simScan, name string) {
	switch n := s.chance.IntN(10); {
	case n < 1:
		s.takeAway(d, name)
	case n < 2:
		s.moved(d, name, s.home(d))
	case n < 4 && len(d.sheets) > 0:
		if s.cutByHand(d) && s.answer(d, name, folder.Cut) {
			d.cut++
			s.count("answers")
		}
	case n < 7:
		if s.answer(d, name, folder.Split) {
			d.split++
			s.count("answers")
		}
	}
}

// cutByHand says elsewhere than in the folder where the letters of a stack begin:
// at the sheets, and in the middle of a letter that is in truth two. It reports
// whether that could be kept.
func (s *simulation) cutByHand(d *simScan) bool {
	if len(d.byHand) == 0 {
		batch, err := separator.Split(d.helpline, d.pages, s.cfg.Duplex)
		s.must(err)
		d.cuts.LeaveOut = batch.Cuts.LeaveOut
		for _, l := range d.sheets {
			own := slices.DeleteFunc(slices.Clone(l.Pages), func(page int) bool { return slices.Contains(l.Kept, page) })
			d.cuts.Begins = append(d.cuts.Begins, own[:min(len(own), 2)]...)
		}
		batch, err = batch.Confirm(d.cuts)
		s.must(err)
		d.byHand = batch.Letters
	}
	key, err := disk.ReadFile(s.state, duplicatesKey)
	s.must(err)
	hash, err := (&Edge{known: duplicates{key: key}}).hash(bytes.NewReader(d.data), int64(len(d.data)))
	s.must(err)
	s.note("a person cuts stack %d by hand", d.number)
	return saveCuts(s.state, hash, d.cuts) == nil // or the disk is full
}
