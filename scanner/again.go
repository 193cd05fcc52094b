package scanner

import (
	"errors"
	"slices"
	"strings"

	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/texts"
)

// New scans of papers that are to be scanned again. While the server asks for one,
// which the edge knows from the letter's receipt, or from a list once the letter's
// six months are over (see awaited.go), the paper has a folder of its own
// (folder.AgainDir). The manifest of what is put there names the letter, and within
// the six months the paper keeps the time at which it came. The edge refuses what is certainly wrong;
// whether the letter still waits for a new scan when it arrives the server says.

// againWrong is the error for a scan in folder.AgainDir that is no new scan of a
// paper that is to be scanned again.
type againWrong struct {
	why  string     // for the log
	what texts.Text // for people
}

func (a *againWrong) Error() string { return a.why }

// againSame is the error for a new scan whose bytes were taken before.
type againSame struct{ before takenScan }

func (a *againSame) Error() string {
	return "it is said to be a new scan, and the same bytes were taken before, as letter " + string(a.before.id)
}

func (a *againSame) what(l *texts.Language) string {
	return say(l, "again.same", "when", a.before.day, "reference", a.before.id.Reference())
}

var errAgainStack = errors.New("it is said to be a new scan of one paper, and holds a separator sheet")

// againNext says what to do with a refused scan that had been put into the folder
// of a paper.
func againNext(l *texts.Language, err error, paper string) string {
	kept := " " + say(l, "note.kept")
	var wrong *againWrong
	if errors.As(err, &wrong) {
		return say(l, "again.compare") + kept
	}
	return say(l, "again.scan-it", "paper", paper, "folder", folder.AgainDir+"/"+paper) + kept + " " + say(l, "note.delete-it")
}

// rescanOf is of which letter the claimed scan is a new scan, by the folder into
// which a person has put it; zero for any other scan.
func (e *Edge) rescanOf(c folder.Claim) (rescan, error) {
	if c.Answer != folder.Again {
		return rescan{}, nil
	}
	if c.Again == "" {
		return rescan{}, &againWrong{"it lies beside the folders of the papers that are to be scanned again",
			texts.Say("again.lies-beside")}
	}
	of, ok := e.askedAs(c.Helpline, c.Again)
	if !ok && e.named.heard.IsZero() {
		return rescan{}, errWaits // the list may name it, and the store could not be asked since the start
	}
	if !ok {
		return rescan{}, &againWrong{"no such paper is to be scanned again",
			texts.Say("again.not-asked")}
	}
	if at := slices.IndexFunc(e.jobs, func(j *job) bool { return !j.end && j.claim.ID != c.ID && j.replaces() == of.Replaces }); at >= 0 {
		return rescan{}, &againWrong{"a new scan of that paper is on its way",
			texts.Say("again.on-its-way", "reference", of.Replaces.Reference())}
	}
	return of, nil
}

// replaces is the letter of which the job's is a new scan; "" if none is known.
func (j *job) replaces() letter.ID {
	switch {
	case j.manifest != nil:
		return j.manifest.Replaces
	case j.clean != nil:
		return j.clean.Replaces
	}
	return ""
}

// askedAs is the letter whose paper is to be scanned again and has that folder. A
// person may have made the folder, and written its name as people do.
func (e *Edge) askedAs(helpline, name string) (rescan, bool) {
	reference, err := letter.ParseReference(name)
	var exactly, found []wanted
	for _, w := range e.wanted() {
		switch {
		case w.helpline != helpline:
		case w.name == name:
			exactly = append(exactly, w)
		case err == nil && reference == w.Replaces.Reference():
			found = append(found, w)
		}
	}
	if len(exactly) > 0 {
		found = exactly
	}
	if len(found) != 1 {
		return rescan{}, false // two papers of one reference: a person must say which
	}
	return found[0].rescan, true
}

// againIn is in which helpline's folder the new scan of a letter's paper is dropped,
// if that is to be scanned again: in its own, or that to which it was moved. Where
// this edge does not scan for that one there is none.
func (e *Edge) againIn(r record) (helpline string, ok bool) {
	if r.Paper != letter.PaperScanAgain || !letter.DateOf(e.Now()).Before(letter.Deadline(letter.DateOf(r.Received), r.Class)) {
		return "", false
	}
	if r.Moved == "" {
		return r.Helpline, true
	}
	return r.Moved, e.scansFor(r.Moved)
}

func (e *Edge) scansFor(helpline string) bool { return slices.Contains(e.Helplines, helpline) }

// againName is the name of the folder of a letter's paper: as its slip's, which no
// other has.
func againName(r record) string {
	name := strings.TrimSuffix(r.Slip, ".txt")
	for _, asks := range []string{scanAgainSlip, handOverSlip} {
		name = strings.TrimPrefix(name, asks)
	}
	return name
}

// tendAgain keeps a folder for each paper that is to be scanned again, and removes
// the others. It is level-triggered: a crash leaves some too many or too few.
func (e *Edge) tendAgain() {
	want := map[string][]string{}
	for _, w := range e.wanted() {
		want[w.helpline] = append(want[w.helpline], w.name)
	}
	var failed error
	for _, helpline := range e.Helplines {
		have, err := e.folder.AgainFolders(helpline)
		failed = errors.Join(failed, err)
		for _, name := range want[helpline] {
			// Whoever has made one may not have come so far as to sync it.
			made := helpline + "/" + name
			if !e.againMade[made] || !slices.Contains(have, name) {
				err := e.folder.MakeAgain(helpline, name)
				e.againMade[made] = err == nil
				failed = errors.Join(failed, err)
			}
		}
		for _, name := range have {
			// Until the list was heard the paper may be on it.
			if !slices.Contains(want[helpline], name) && !e.named.heard.IsZero() {
				e.folder.DropAgain(helpline, name)
			}
		}
	}
	switch {
	case failed == nil:
		e.tell("again", "")
	case !e.foundNoRoom(failed):
		e.tell("again", "The folders for papers that are to be scanned again cannot be kept in order: "+failed.Error()+". Trying again.")
	}
}

// againSaid is how many papers STATUS.txt names that are to be scanned again.
const againSaid = 10

// asksAgain says which papers of a helpline are to be scanned again.
func (e *Edge) asksAgain(helpline string) (lines []string) {
	var names []string
	for _, w := range e.wanted() {
		if w.helpline == helpline {
			names = append(names, becauseOf(e.Language, w.reason, w.name))
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	more := ""
	if n := len(names) - againSaid; n > 0 {
		names, more = names[:againSaid], say(e.Language, "status.more", "n", n)
	}
	return []string{say(e.Language, "status.scan-again", "papers", strings.Join(names, "; "), "more", more, "folder", folder.AgainDir)}
}

// because is what, and behind it in brackets why the paper is to be scanned again, if
// that is known.
func (r record) because(l *texts.Language, what string) string { return becauseOf(l, r.Reason, what) }

// becauseOf is because for a reason of which there is no record. A newer server may
// have reasons of its own.
func becauseOf(l *texts.Language, reason, what string) string {
	if reason == "" {
		return what
	}
	why := texts.Plain(strings.ReplaceAll(reason, "-", " "))
	if l.Has("reason." + reason) {
		why = texts.Word("reason", reason)
	}
	return say(l, "slip.because", "paper", what, "reason", why)
}
