package scanner

import (
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"io/fs"
	"path"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/texts"
)

// The server is told what is in the folder when that has changed, but not more
// often than once a minute, and otherwise every ten: who shows it to people can
// tell them when nobody has looked for long.
const (
	reportAtMost = time.Minute
	reportEvery  = 10 * time.Minute
)

// reporting is what the server was told, and is to be told.
type reporting struct {
	said    letter.Report // the last, or the one that is on its way
	msg     []byte        // that, signed, until the store has answered
	at      time.Time     // when it was made
	refused []letter.Refused
	lie     map[string]int // how many scans of a helpline lie refused, by refused
}

// noteRefused remembers a refusal for the report. A crash forgets it: the scan and
// its note lie in the folder, where it is read again.
func (e *Edge) noteRefused(helpline, why string) {
	r := &e.reporting
	r.refused = append(r.refused, letter.Refused{Helpline: helpline, At: e.Now().UTC().Truncate(time.Second), Why: why})
	r.refused = r.refused[max(0, len(r.refused)-letter.MaxRefused):]
	if n, known := r.lie[helpline]; known {
		r.lie[helpline] = n + 1
	}
}

// whyNoted is said of a refusal of which only the note beside the scan tells more.
const whyNoted = "noted"

// recallRefused reads from the notes what lies refused of a helpline, where that is
// not what is remembered: after a start, and when a person has taken a scan away.
// What cannot be read now is read for the next report.
func (e *Edge) recallRefused(helpline string) {
	r, dir, d := &e.reporting, path.Join(helpline, folder.RefusedDir), e.folder.Disk()
	lie := e.folder.GivenBack(helpline, folder.RefusedDir)
	if known, is := r.lie[helpline]; is && known == lie {
		return
	}
	list, err := d.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return
	}
	var notes []fs.FileInfo
	for _, entry := range list {
		if !strings.HasSuffix(entry.Name(), folder.NoteExt) {
			continue
		}
		if info, err := d.Lstat(path.Join(dir, entry.Name())); err == nil {
			notes = append(notes, info)
		}
	}
	slices.SortFunc(notes, func(a, b fs.FileInfo) int { return b.ModTime().Compare(a.ModTime()) })
	r.refused = slices.DeleteFunc(r.refused, func(f letter.Refused) bool { return f.Helpline == helpline })
	for _, info := range notes[:min(len(notes), letter.MaxRefused)] {
		scan := path.Join(dir, strings.TrimSuffix(info.Name(), folder.NoteExt))
		what, since, err := folder.ReadNote(d, scan)
		if err != nil || !disk.Exists(d, scan) {
			continue // a text of somebody else's, or on its way
		}
		at := since.UTC().Truncate(time.Second)
		if at.Year() < 2000 || at.After(e.Now().Add(24*time.Hour)) { // the share's own clock, which may be lost
			at = e.Now().UTC().Truncate(time.Second)
		}
		r.refused = append(r.refused, letter.Refused{Helpline: helpline, At: at, Why: cmp.Or(whys()[what], whyNoted)})
	}
	slices.SortStableFunc(r.refused, func(a, b letter.Refused) int { return a.At.Compare(b.At) })
	r.refused = r.refused[max(0, len(r.refused)-letter.MaxRefused):]
	if r.lie == nil {
		r.lie = map[string]int{}
	}
	r.lie[helpline] = lie
}

// whys are the words for what notes say is wrong, in every language: a note may be
// older than the scanner's present one.
var whys = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for _, name := range texts.Names(texts.Files) {
		l, err := texts.New(texts.Files, name)
		if err != nil {
			continue
		}
		for _, why := range RefusalWords() {
			if l.Has("refused." + why + ".what") {
				what := say(l, "refused."+why+".what")
				all[what], all[say(l, "repair.failed", "what", what)] = why, why
			}
		}
	}
	return all
})

// sayReport tells the server what is in the folder. Nothing waits for that. The
// same message is put until the store has answered; what it refuses is not put
// again, and the next one says more.
func (e *Edge) sayReport(ctx context.Context) {
	// Of another folder than before the server would believe that nothing waits, and drop
	// what is asked; it finds this scanner silent.
	if !e.Reports || !e.knowsQuestions() || e.elsewhere {
		return
	}
	r := &e.reporting
	if r.msg == nil {
		age := e.Now().Sub(r.at).Abs()
		if age < reportAtMost {
			return
		}
		now := e.gather()
		if age < reportEvery && now.ServerKey == r.said.ServerKey && reflect.DeepEqual(now.Folders, r.said.Folders) && reflect.DeepEqual(now.Refused, r.said.Refused) && slices.Equal(now.Questions, r.said.Questions) {
			return
		}
		msg, err := now.Sign(e.Signer)
		if err != nil {
			e.Log.Warn("a report cannot be signed", "error", err)
			return
		}
		r.said, r.msg, r.at = now, msg, e.Now()
		e.forgetUnsaid()
	}
	err := e.put(ctx, "", letter.ReportKey(e.Site), inMemory(r.msg), int64(len(r.msg)), sha256.Sum256(r.msg), deposit.Replace)
	if errors.Is(err, errWaits) {
		return
	}
	r.msg = nil
	if err != nil {
		r.said = letter.Report{} // so that the next is new
	}
}

// gather is the report of this moment.
func (e *Edge) gather() letter.Report {
	now := e.Now().UTC().Truncate(time.Second)
	out := letter.Report{Site: e.Site, At: now, Program: e.Program, ServerKey: e.serverKey(), Questions: e.asksNow()}
	for _, helpline := range e.Helplines {
		e.recallRefused(helpline)
	}
	for _, f := range e.reporting.refused {
		// As long as it lies there; what lay in no helpline's folder is not looked after.
		if f.Helpline != "" || now.Sub(f.At).Abs() < 24*time.Hour {
			out.Refused = append(out.Refused, f)
		}
	}
	for _, helpline := range e.Helplines[:min(len(e.Helplines), letter.MaxFolders)] {
		line := letter.ReportLine{Helpline: helpline, Refused: e.folder.GivenBack(helpline, folder.RefusedDir)}
		for _, dir := range folder.QuestionDirs {
			line.Asked += e.folder.GivenBack(helpline, dir)
		}
		for _, a := range e.view.Arriving {
			if a.Helpline == helpline {
				line.Arriving, line.Stuck, line.Oldest = a.Files, a.Stuck, a.Since.UTC().Truncate(time.Second)
			}
		}
		ready, taking, waiting := e.underWay(helpline)
		line.Taking, line.OnTheWay = ready+taking, waiting
		out.Folders = append(out.Folders, line)
	}
	return out
}
