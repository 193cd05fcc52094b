package scanner

import (
	"context"
	"crypto/sha256"
	"errors"
	"reflect"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
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
}

// noteRefused remembers a refusal for the report. A crash forgets it: the scan and
// its note lie in the folder, and are counted.
func (e *Edge) noteRefused(helpline, why string) {
	r := &e.reporting
	r.refused = append(r.refused, letter.Refused{Helpline: helpline, At: e.Now().UTC().Truncate(time.Second), Why: why})
	r.refused = r.refused[max(0, len(r.refused)-letter.MaxRefused):]
}

// sayReport tells the server what is in the folder. Nothing waits for that. The
// same message is put until the store has answered; what it refuses is not put
// again, and the next one says more.
func (e *Edge) sayReport(ctx context.Context) {
	if !e.Reports {
		return
	}
	r := &e.reporting
	if r.msg == nil {
		age := e.Now().Sub(r.at).Abs()
		if age < reportAtMost {
			return
		}
		now := e.gather()
		if age < reportEvery && now.ServerKey == r.said.ServerKey && reflect.DeepEqual(now.Folders, r.said.Folders) && reflect.DeepEqual(now.Refused, r.said.Refused) {
			return
		}
		msg, err := now.Sign(e.Signer)
		if err != nil {
			e.Log.Warn("a report cannot be signed", "error", err)
			return
		}
		r.said, r.msg, r.at = now, msg, e.Now()
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
	out := letter.Report{Site: e.Site, At: now, Program: e.Program, ServerKey: e.serverKey()}
	for _, f := range e.reporting.refused {
		if now.Sub(f.At).Abs() < 24*time.Hour {
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
