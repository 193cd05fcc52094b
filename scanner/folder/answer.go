package folder

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"letterlock/scanner/disk"
)

// The folders below a helpline's in which scans are given back to people.
const (
	RefusedDir    = "refused"        // cannot be taken as they are
	DuplicatesDir = "duplicates"     // may be a letter that was taken before
	OtherLineDir  = "other helpline" // was taken before, for another helpline
	StacksDir     = "stacks"         // nobody can tell their letters apart for certain
)

var returnDirs = append([]string{RefusedDir}, QuestionDirs...)

// QuestionDirs are those in which a person is asked something.
var QuestionDirs = []string{DuplicatesDir, OtherLineDir, StacksDir}

// Answer is what a person says of a scan that was given back, by moving it
// into the folder of that answer.
type Answer string

// The answers.
const (
	NoAnswer Answer = ""         // a scan that was dropped
	Repair   Answer = "repair"   // draw its pages anew
	Same     Answer = "same"     // it is the letter that was taken before
	Another  Answer = "another"  // it is a letter of its own
	Mistake  Answer = "mistake"  // it is the other helpline's letter, and was dropped here by mistake
	HereToo  Answer = "here too" // it belongs here, whatever was taken for another helpline
	Split    Answer = "split"    // take the stack apart at the sheets that were found
	Cut      Answer = "cut"      // take it apart as a person has said in Letterlock
)

// answers is where each answer is given. Only files directly in these folders
// are an answer.
var answers = []struct {
	answer  Answer
	in, dir string // the folder below the one in which the question lies
}{
	{Repair, RefusedDir, "repair"},
	{Same, DuplicatesDir, "same letter"},
	{Another, DuplicatesDir, "another letter"},
	{Mistake, OtherLineDir, "dropped here by mistake"},
	{HereToo, OtherLineDir, "take it here too"},
	{Split, StacksDir, "split at the sheets"},
	{Cut, StacksDir, "as told in Letterlock"},
}

// dir is the folder of the answer below a helpline's, "" for none.
func (a Answer) dir() string {
	for _, at := range answers {
		if at.answer == a {
			return path.Join(at.in, at.dir)
		}
	}
	return ""
}

// Question is the folder below a helpline's in which the scan lay to which this
// is an answer, like DuplicatesDir.
func (a Answer) Question() string { return path.Dir(a.dir()) }

// AnswerPath is where a scan of that name, given back to a helpline, is moved
// to give that answer, relative to the scanner folder.
func AnswerPath(helpline, name string, a Answer) string {
	return path.Join(home(helpline), a.dir(), name)
}

// Reserved reports whether a helpline cannot have that name because the
// scanner folder has a meaning of its own for it.
func Reserved(name string) bool {
	return slices.Contains(ours, name) || isJunk(name)
}

// ours are the folders below a helpline's that are not looked into like it.
var ours = append([]string{TakenDir, AgainDir}, returnDirs...)

// makeAnswers makes the folders for the answers to scans given back in dir.
// Strays have none: they are answered by moving them to their helpline.
func (f *Folder) makeAnswers(helpline, dir string) error {
	for _, a := range answers {
		if a.in != dir || helpline == "" {
			continue
		}
		// Where a person has put a file of that name there is no answering, but
		// the scan is given back all the same.
		if err := disk.MkdirAll(f.disk, AnswerPath(helpline, "", a.answer), 0o770); err != nil && !errors.Is(err, fs.ErrExist) {
			return disk.Plain("making the folder for an answer", err)
		}
	}
	return nil
}

// dropNote removes the note of a scan that came back with an answer. Whatever
// is not certainly that note stays.
func (f *Folder) dropNote(c Claim, name string) {
	if c.Answer == NoAnswer || c.Answer == Again {
		return
	}
	scan := path.Join(home(c.Helpline), c.Answer.Question(), name)
	note := scan + NoteExt
	if disk.Exists(f.disk, scan) || disk.Exists(f.disk, note+NoteExt) {
		return // the note of another scan, or a scan of that name
	}
	if _, _, err := ReadNote(f.disk, scan); err == nil {
		// It goes with the claim. One that cannot be moved only lies about.
		_ = f.disk.Rename(note, c.Path(answeredFile))
	}
}

// sameFolder reports whether two names lead to one folder.
func sameFolder(d disk.Disk, a, b string) bool {
	infoA, errA := d.Lstat(a)
	infoB, errB := d.Lstat(b)
	return errA == nil && errB == nil && sameFile(infoA, infoB)
}

// isOurs reports whether a folder below a helpline's is one of ours. On a
// share that does not tell A from a it may have been made in other letters.
func isOurs(d disk.Disk, helpline, name string) bool {
	for _, own := range ours {
		if name == own {
			return true
		}
		if strings.EqualFold(name, own) && sameFolder(d, path.Join(helpline, own), path.Join(helpline, name)) {
			return true
		}
	}
	return false
}
