package scanner

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/separator"
	"letterlock/scanner/texts"
)

// cutsDir, in the state folder, holds what a person has decided of a scan, under its
// keyed hash, from the answer until it is taken: where a stack is cut, and that it is
// a letter although the same was taken before.
const cutsDir = "cuts"

func cutsPath(hash string) string { return path.Join(cutsDir, hash+".json") }

// unclearStack is the error for a stack whose letters cannot be told apart for
// certain, until a person has looked.
type unclearStack struct {
	separator.Batch
	portal bool // it can be answered there too
}

func (e *Edge) unclear(b separator.Batch) error {
	return &unclearStack{b, e.inPortal()}
}

func (s *unclearStack) Error() string {
	var why []string
	for _, h := range s.Held {
		why = append(why, string(h.Reason))
	}
	return "its letters cannot be told apart for certain: " + strings.Join(why, ", ")
}

// note tells the person who scans what to look at.
func (s *unclearStack) note(l *texts.Language) folder.Note {
	look, otherwise := say(l, "stack.look"), say(l, "stack.otherwise")
	if s.portal {
		look, otherwise = say(l, "stack.look-portal"), say(l, "stack.otherwise-portal")
	}
	if doubtful := s.Doubtful(); len(doubtful) > 0 {
		otherwise = say(l, "stack.goes", "n", len(doubtful), "pages", doubtful) + " " + otherwise
	}
	return folder.Note{
		What: say(l, "stack.what", "why", s.Says(l)),
		Next: say(l, "stack.next", "look", look, "otherwise", otherwise) + " " + say(l, "note.kept-until"),
	}
}

// cut tells the letters of a scan apart. What a person has decided of a stack
// that was held is obeyed as far as it can be right: no sheet becomes part of a
// letter, and no page is lost.
func (e *Edge) cut(c folder.Claim, hash string, pages []separator.Page) (separator.Batch, error) {
	batch, err := separator.Split(c.Helpline, pages, e.Duplex)
	if err == nil && c.Answer == folder.Again && (batch.WasCut() || len(batch.Held) > 0) {
		return batch, errAgainStack
	}
	if err != nil || len(batch.Held) == 0 {
		return batch, err
	}
	var cuts separator.Cuts
	switch c.Answer {
	case folder.Split:
		cuts = batch.AtSheets()
	case folder.Cut:
		if cuts, err = readCuts(e.state, hash); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return batch, err
		}
	default:
		return batch, e.unclear(batch)
	}
	// What was said and is not known any more is asked again; it is never
	// guessed.
	if err == nil {
		batch, err = batch.Confirm(cuts)
	}
	if err != nil {
		return batch, e.unclear(batch)
	}
	return batch, nil
}

// saveCuts remembers where a person has cut a stack before the scan is moved to
// be taken: a crash in between leaves the question open, with its answer ready.
func saveCuts(state disk.Disk, hash string, cuts separator.Cuts) error {
	if err := disk.MakeDir(state, cutsDir, 0o700); err != nil {
		return fmt.Errorf("keeping where a stack is cut: %w", err)
	}
	return disk.WriteJSON(state, cutsPath(hash), 0o600, cuts)
}

func readCuts(state disk.Disk, hash string) (cuts separator.Cuts, err error) {
	data, err := disk.ReadFile(state, cutsPath(hash))
	if err == nil {
		err = json.Unmarshal(data, &cuts)
	}
	return cuts, disk.Plain("reading where a stack is cut", err)
}

// answerPath, beside the cuts, is what a person has said of a scan that was taken
// before: it may be a stack too, about which there is a second question, or damaged.
func answerPath(hash string) string { return path.Join(cutsDir, hash+".answer") }

// rememberAnswer keeps an answer to ask until the scan is taken, so that the answer to
// the next question does not lead to the same one again. A crash before that leaves
// the answer with the claim.
func (e *Edge) rememberAnswer(hash string, said folder.Answer, ask *duplicate) error {
	if ask == nil {
		return nil // nothing would be asked
	}
	if err := disk.MakeDir(e.state, cutsDir, 0o700); err != nil {
		return fmt.Errorf("keeping an answer: %w", err)
	}
	return disk.WriteBytes(e.state, answerPath(hash), 0o600, []byte(said))
}

// answeredBefore is what rememberAnswer has kept; NoAnswer if it has nothing.
func (e *Edge) answeredBefore(hash string) (folder.Answer, error) {
	data, err := disk.ReadFile(e.state, answerPath(hash))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	return folder.Answer(data), disk.Plain("reading an answer", err)
}

// forgetCuts drops what a person has decided of a scan that is taken.
func (e *Edge) forgetCuts(hash string) (err error) {
	for _, decided := range []string{cutsPath(hash), answerPath(hash)} {
		if gone := e.state.Remove(decided); gone != nil && !errors.Is(gone, fs.ErrNotExist) {
			err = errors.Join(err, disk.Plain("forgetting a decision", gone))
		}
	}
	return err
}

// sweepCuts drops decisions whose scan never came, when its letters would have
// met their deadline.
func (e *Edge) sweepCuts(over func(received letter.Date) bool) error {
	names, err := disk.Names(e.state, cutsDir, func(fs.DirEntry) bool { return true })
	for _, name := range names {
		info, statErr := e.state.Lstat(path.Join(cutsDir, name))
		if statErr == nil && over(letter.DateOf(info.ModTime())) {
			err = errors.Join(err, e.state.Remove(path.Join(cutsDir, name)))
		}
	}
	return err
}

// sheetsOf is the number of sheets as a manifest says it: 0 where it is only
// the likelier one.
func sheetsOf(l separator.Letter) int {
	if l.Uncertain {
		return 0
	}
	return l.Sheets
}
