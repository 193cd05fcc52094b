package scanner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// Run works until ctx ends, which is its only end: whatever else goes wrong is
// told in the log and tried again.
func (e *Edge) Run(ctx context.Context) {
	for ctx.Err() == nil {
		rest, err := e.pass(ctx)
		e.passed.Store(time.Now().Unix())
		if ctx.Err() != nil {
			return
		}
		switch {
		case e.foundNoRoom(err):
			e.sayRoom()
		case err != nil:
			e.tell("folder", sentence(err)+". Trying again; nothing is lost.")
		}
		e.pause(ctx, rest)
	}
}

// stillFor is after how long without the end of a look at the folder an edge counts
// as stuck. One takes seconds, and with scans of hundreds of pages or a slow line
// many minutes.
const stillFor = 2 * time.Hour

// Stuck is why the process is to be started anew: Run does not go on. It is nil
// before Run has ended its first look.
func (e *Edge) Stuck() error {
	passed := e.passed.Load()
	if passed == 0 {
		return nil
	}
	if still := time.Since(time.Unix(passed, 0)); still > stillFor {
		return fmt.Errorf("the scanner folder was not looked at for %s", still.Round(time.Minute))
	}
	return nil
}

// Once does all that can be done now: one look at the folder, a bounded amount
// of work, one round over the slips if it is time for one.
func (e *Edge) Once(ctx context.Context) error {
	_, err := e.pass(ctx)
	return err
}

// pass is Once, and says when the next should follow if no hint comes before.
func (e *Edge) pass(ctx context.Context) (rest time.Duration, err error) {
	if err := e.attach(); err != nil {
		return e.Rescan, err
	}
	e.room = room{}
	view, err := e.look(ctx)
	if err != nil {
		e.detach()
		return e.Rescan, err
	}
	e.troubled(view.Trouble)
	e.tendCall()
	e.loadAgain()
	e.tendLost()
	e.left = view.Settled
	right := e.clockAgrees(ctx)
	if right && e.takeAnswer(ctx) {
		right = e.clockAgrees(ctx) // which may have had to wait for that
	}
	more := right && e.claimSome()
	if right {
		e.hearServerKeys(ctx) // by which everything else is believed
		e.tendOwnKey(ctx)     // with which everything is signed
		e.tendSlips(ctx)      // before others keep the store busy
	}
	more = e.work(ctx, right) || more
	if right {
		e.watchList(ctx)
		e.forget()
	}
	e.post(view)
	if right {
		e.tendQuestions(ctx, !more && e.idle())
		e.sayReport(ctx)
	}
	e.print()
	e.sayRoom()
	more = more || view.More
	e.busy = more
	switch {
	case more:
		return 0, ctx.Err()
	case view.Soon:
		return e.Settle, ctx.Err()
	}
	return e.Rescan, ctx.Err()
}

// look is a look at the folder. While there is work it is not repeated sooner
// than it can count, so that ten thousand scans cost each no more than one does.
func (e *Edge) look(ctx context.Context) (folder.View, error) {
	if since := e.Now().Sub(e.lookedAt); e.busy && since >= 0 && since < e.Settle && len(e.view.Settled) == 0 && !e.view.More {
		return e.view, ctx.Err()
	}
	view, err := e.settle(ctx)
	e.view, e.lookedAt = view, e.Now()
	return view, err
}

// pause waits for an answer of the store, for a hint, or for as long as it says.
// A scan that is being written gives a hint at every write, so hints count only
// after a while.
func (e *Edge) pause(ctx context.Context, rest time.Duration) {
	deaf := min(rest, e.Settle/4)
	answered := e.awaited()
	select {
	case <-ctx.Done():
		return
	case <-answered:
		return
	case <-time.After(deaf):
	}
	var hints <-chan struct{} // none while the folder is gone
	if e.folder != nil {
		hints = e.folder.Hints()
	}
	select {
	case <-ctx.Done():
	case <-answered:
	case <-hints:
	case <-time.After(rest - deaf):
	}
}

// Bounds of one pass, so that however many letters there are the next look at
// the folder comes soon.
const (
	claimsAtOnce  = 64
	lettersAtOnce = 8  // that are normalised, sealed and deposited
	pollsAtOnce   = 64 // that are asked about a receipt
)

// claimSome claims what is left of what has settled. A scan that cannot be taken
// away keeps none of the others back: the next look says why. It reports whether
// there are more for the next pass.
func (e *Edge) claimSome() (more bool) {
	claimed := 0
	for ; len(e.left) > 0; e.left = e.left[1:] {
		if claimed == claimsAtOnce {
			return true
		}
		err := e.claim(e.left[0])
		switch {
		case errors.Is(err, folder.ErrUnsettled): // it settles anew
		case e.foundNoRoom(err):
			e.claimedAfterAll()
			return false
		case err != nil:
			e.tell("claim", "Scans cannot be taken from their folders: "+err.Error()+". Trying again; nothing is lost.")
			e.claimedAfterAll()
			return false
		default:
			claimed++
			e.tell("claim", "")
		}
	}
	return false
}

// takeAnswer advances the letter that the store has answered to. It reports
// whether there was one.
func (e *Edge) takeAnswer(ctx context.Context) bool {
	id := e.answeredTo()
	at := slices.IndexFunc(e.jobs, func(j *job) bool { return j.id == id && !j.end })
	if at >= 0 {
		e.attempt(ctx, e.jobs[at])
	}
	return at >= 0
}

// work advances the letters whose turn it is, those that waited longest first.
// With a wrong clock nothing new is deposited. It reports whether more could be
// done at once.
func (e *Edge) work(ctx context.Context, clockRight bool) (more bool) {
	now := e.Now()
	slices.SortStableFunc(e.jobs, func(a, b *job) int { return a.due.Compare(b.due) })
	known, letters, polls := len(e.jobs), 0, 0
	for _, j := range e.jobs {
		if ctx.Err() != nil {
			break
		}
		polling := j.manifest != nil && !e.depositDue(j)
		spent, limit := &letters, lettersAtOnce
		if polling {
			spent, limit = &polls, pollsAtOnce
		}
		switch {
		case j.end: // with another letter of its stack
		case j.due.After(now) && j.due.Sub(now) <= longestWait: // a clock put back frees it
		case !polling && !clockRight:
		case j.manifest != nil && !j.taken && !e.recorded(j.id) && !e.mayAsk(j.id): // the store is all that it waits for
		case *spent == limit:
			more = true
		default:
			*spent++
			e.attempt(ctx, j)
			e.post(e.view)
		}
	}
	more = more || len(e.jobs) > known // the letters of a stack
	e.jobs = slices.DeleteFunc(e.jobs, func(j *job) bool { return j.end })
	if !slices.ContainsFunc(e.jobs, func(j *job) bool { return j.open }) {
		e.tell("open", "")
	}
	e.sayForeign()
	return more
}

// longestWait is the longest time between two attempts at one letter.
const longestWait = 5 * time.Minute

// attempt advances one letter and decides when to come back to it.
func (e *Edge) attempt(ctx context.Context, j *job) {
	end, err := e.advance(ctx, j)
	now := e.Now()
	j.noRoom, j.open = e.foundNoRoom(err), errors.Is(err, folder.ErrOpen)
	switch {
	case j.noRoom:
		j.tries++
		j.due = now.Add(min(e.Rescan<<min(j.tries, 10), longestWaitForRoom))
	case err == nil && end:
		j.end = true
	case err == nil:
		// No receipt yet. The longer it takes the less often is it asked for.
		j.tries = 0
		j.due = now.Add(min(max(now.Sub(j.deposited)/4, e.Rescan), time.Minute))
	case errors.Is(err, errWaits):
		j.due = e.again(now)
	case j.open:
		j.tries++
		j.due = now.Add(min(e.Rescan<<min(j.tries, 10), longestWaitForRoom))
		e.tell("open", "A program still has a scan open that was taken already: close it wherever it is open. The scan is deleted once that is done.")
	case errors.Is(err, folder.ErrLingers):
		j.due = now.Add(longestWaitForRoom)
	case errors.Is(err, errUnanswered):
		j.due = now.Add(longestWait)
		e.tell("letter "+string(j.id), "A letter waits for a person: "+err.Error()+". Its scan is kept in its claim; find out on the server what has become of the letter before anything is deleted.")
	default:
		j.tries++
		j.due = now.Add(min(e.Rescan<<min(j.tries, 10), longestWait))
		e.report(ctx, j.id, "a letter cannot go on just now; trying again", err)
	}
}

// longestWaitForRoom is the same while a disk is full, or somebody has a scan open:
// a try costs little, and nobody should wait long once that is over.
const longestWaitForRoom = time.Minute

// room is what a pass has found out about the room on the disks.
type room struct{ lacking, found bool }

// foundNoRoom reports whether err says that a disk is full, which is told once
// for everything that waits for it.
func (e *Edge) foundNoRoom(err error) bool {
	full := disk.IsFull(err)
	e.room.lacking = e.room.lacking || full
	return full
}

// sayRoom tells that a disk is full, and its end: once nothing waits for room
// any more and something could be written.
func (e *Edge) sayRoom() {
	lacking := e.room.lacking || slices.ContainsFunc(e.jobs, func(j *job) bool { return j.noRoom })
	switch {
	case lacking:
		e.tell("room", "A disk is full: that of the scanner folder, of the scanner's own memory or of the bucket. Scans wait here until there is room again, and then go on by themselves; nothing is lost.")
	case e.room.found:
		e.tell("room", "")
	}
}

// report logs what went wrong with one letter, unless it is told already or
// only the end of the program.
func (e *Edge) report(ctx context.Context, id letter.ID, what string, err error) {
	if ctx.Err() == nil && !errors.Is(err, errWaits) {
		e.Log.Warn(what, "letter", id, "error", err)
	}
}

// tell logs a sentence about a subject when it is new; an empty one says that
// all is well with the subject.
func (e *Edge) tell(about, sentence string) {
	before := e.told[about]
	e.told[about] = sentence
	switch {
	case sentence == before:
	case sentence != "":
		e.Log.Warn(sentence, "about", about)
	default:
		e.Log.Info("All is well again.", "about", about)
	}
}

// troubled tells what kept the folder from being looked at in full.
func (e *Edge) troubled(err error) {
	switch elsewhere := e.sayElsewhere(); {
	case elsewhere != "": // whatever else there is, is in that one
		e.tell("folder", elsewhere)
	case err != nil:
		e.tell("folder", "In the scanner folder: "+err.Error()+". Nothing is lost, and Letterlock goes on by itself once that is mended.")
	default:
		e.tell("folder", "")
	}
}

// sentence is an error as the beginning of one.
func sentence(err error) string {
	s := err.Error()
	return strings.ToUpper(s[:1]) + s[1:]
}

func (e *Edge) step(step string, id letter.ID) {
	if e.Step != nil {
		e.Step(step, id)
	}
}
