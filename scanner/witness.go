package scanner

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// Where the store is a folder of this machine it has no clock of its own, and one that
// runs on this machine has this machine's. So there is a second witness of the time: the
// newest recipients list that was seen. The server makes one each day, unless it doubts
// its own clock, and none is valid for longer than longestList. Once it has run out the
// server may be away, or the clock ahead: then nothing is ended because its time is over.
// While it is valid for longer than any is, the clock is behind, and nothing is claimed,
// since a letter would be sealed to a week that ends too early.

// longestList is for longer than the server of any version makes a list: two weeks.
const longestList = 31 * 24 * time.Hour

// recallList finds out, when the edge starts, until when the newest list is valid. One
// that cannot be read, or that another key has signed, says nothing.
func (e *Edge) recallList() error {
	msg, err := disk.ReadFile(e.state, listFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("reading the newest recipients list: %w", err)
	}
	if list, err := letter.ByAny(seal.OpenRecipients, msg, e.keys.Believed(e.Server)); err == nil {
		e.validUntil = list.ValidUntil
	}
	if e.ranOut() {
		e.watched = time.Time{} // the first look is for another
	}
	return nil
}

// ranOut reports whether the newest list that was seen has run out.
func (e *Edge) ranOut() bool { return !e.validUntil.IsZero() && !e.Now().Before(e.validUntil) }

// clockAgrees reports whether this machine's clock may be believed: the time of receipt
// decides when a letter must be gone.
func (e *Edge) clockAgrees(ctx context.Context) bool {
	if !e.storeAgrees(ctx) {
		return false
	}
	behind := func() bool { return e.validUntil.Sub(e.Now()) > longestList }
	if behind() && e.Now().Sub(e.behindAsked).Abs() >= listAge {
		// It may be that the last one was made by a clock that was ahead.
		if _, err := e.fetchRecipients(ctx, ""); !errors.Is(err, errWaits) {
			e.behindAsked = e.Now()
		}
	}
	if behind() {
		e.tell("clock-list", "This machine's clock is behind, or the server's was ahead: what it has last said in the store is valid for longer than it ever says anything. Scans wait until the clock is set right, or the server says it anew; nothing is lost.")
		return false
	}
	e.tell("clock-list", "")
	return true
}

// aheadThen reports whether the clock was ahead when a scan was claimed: it counts as
// received in time to come, when the newest list will have run out.
func (e *Edge) aheadThen(c folder.Claim) bool {
	return !e.validUntil.IsZero() && c.Received.After(e.Now()) && !c.Received.Before(e.validUntil)
}

// putBack has such a scan settle anew, unless one of its letters is sealed: it would wait
// for that time in plain sight. A crash leaves a claim without its scan, and the next
// start clears it away.
func (e *Edge) putBack(j *job) (end bool, err error) {
	holds, err := e.readLetters(j.claim)
	if err != nil || e.anyRecorded(holds) {
		return false, err
	}
	var with []*job
	for _, o := range e.jobs {
		if o.claim.ID != j.claim.ID || o.end {
			continue
		}
		if o.manifest != nil {
			return false, nil
		}
		with = append(with, o)
	}
	if slices.ContainsFunc(holds.Letters, func(l clean) bool { return disk.Exists(e.folder.Disk(), spooled(l.ID, folder.ManifestExt)) }) {
		return false, nil
	}
	e.Log.Warn("A scan was claimed while this machine's clock was ahead. It is put back, and taken anew.", "letter", j.id)
	for _, o := range with {
		if err := e.discardSeal(o.id); err != nil {
			return false, disk.Plain("clearing the spool", err)
		}
	}
	if err := e.folder.PutBack(j.claim); err != nil {
		return false, err
	}
	maps.DeleteFunc(e.known.unsure, func(_ string, id letter.ID) bool { return id == j.claim.ID })
	e.known.drop(j.scan.hash, func(s takenScan) bool { return s.id == j.scan.id })
	for _, o := range with {
		o.end = true
	}
	return true, nil
}
