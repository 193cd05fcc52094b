package scanner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

// Where the store is a folder of this machine it has no clock of its own, and one that
// runs on this machine has this machine's. So there is a second witness of the time: the
// newest recipients list that was seen. The server makes one each day, unless it doubts
// its own clock, and none is valid for longer than longestList. Once it has run out the
// server may be away, or the clock ahead: then nothing is ended because its time is over.
// While it is valid for longer than any is, the clock is behind, and nothing is claimed,
// since a letter would be sealed to a week that ends too early.

// maxSkew is how far this clock may be from the store's.
const maxSkew = 5 * time.Minute

// clockAge is for how long one comparison of the clocks holds.
const clockAge = time.Minute

// clockJumped reports whether this machine's clock was set since the last call:
// it has gone another way than a clock that nobody can set. A machine that slept
// looks the same.
func (e *Edge) clockJumped(now time.Time) bool {
	steady := e.Steady()
	jump := now.Sub(e.lastNow) - (steady - e.lastSteady)
	first := e.lastNow.IsZero()
	e.lastNow, e.lastSteady = now, steady
	return !first && jump.Abs() > maxJump
}

// maxJump is more than clocks are ever corrected by while they are right.
const maxJump = time.Minute

// storeAgrees is clockAgrees by what the store says. A clock that was right stays
// believed while the store cannot be asked and nobody has set it; one that was
// never compared does not, unless the store has no clock to compare with.
func (e *Edge) storeAgrees(ctx context.Context) bool {
	now := e.Now()
	if e.clockJumped(now) {
		e.clockRight, e.clockAsked = false, time.Time{}
		e.reach = reach{} // its time to wait was told by the other clock
		e.forgetCall()    // and so was what it asks
	}
	if e.clockRight && now.Sub(e.clockAsked).Abs() < clockAge || !e.reachable() {
		return e.clockRight
	}
	answer, err := e.ask(ctx, question{what: "clock", do: func(ctx context.Context, _ io.ReadSeeker) (r reply) {
		r.time, r.err = e.Store.Clock(ctx)
		return r
	}})
	var there time.Time
	switch {
	case errors.Is(err, deposit.ErrNoClock):
		e.clockRight = true
	case err != nil:
		if !e.clockRight && (e.call == nil || e.silent()) {
			e.tell("clock", "The store's clock cannot be asked whether this machine's is right. Scans wait in their folders until it can; nothing is lost.")
		}
		return e.clockRight
	default:
		// Asking took time, too; half of it at most falls to either side. What
		// took too long says nothing.
		took := answer.ended.Sub(answer.began).Abs()
		if took > clockAge {
			return e.clockRight
		}
		now, there = answer.began, answer.time
		e.clockRight = there.Sub(now).Abs() <= maxSkew+took
	}
	e.clockAsked = now
	if e.clockRight {
		e.tell("clock", "")
	} else {
		// A store tells its time in whole seconds: what is found differs from one question
		// to the next, and is said once.
		if off := there.Sub(now).Abs(); (off - e.clockOff).Abs() >= time.Minute {
			e.clockOff = off
		}
		e.tell("clock", fmt.Sprintf("This machine's clock differs from the store's by %s. Scans wait until one of them is set right; nothing is lost.",
			words.Lasted(e.clockOff)))
	}
	return e.clockRight
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
