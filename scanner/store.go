package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
	"letterlock/scanner/words"
)

// Store is the bucket as far as an edge may use it; see package deposit for
// what its methods promise and the errors they return. They are called one at a
// time, by any goroutine, and may take as long as they like; see calls.go.
type Store interface {
	Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sha256 [32]byte, mode deposit.Mode) (version string, err error)
	Get(ctx context.Context, key string) ([]byte, error)
	Clock(ctx context.Context) (time.Time, error)
}

// errWaits says that a letter waits for something that has been told already
// and that is not this letter's fault.
var errWaits = errors.New("waits")

// The store is left alone after it has failed: for a second at first, then
// twice as long each time, at most a minute.
const (
	firstRest   = time.Second
	longestRest = time.Minute
)

// reach is what the edge knows of its way to the store.
type reach struct {
	rest  time.Duration // after the last failure; 0 while it answers
	until time.Time     // when to try again
}

// reachable reports whether the store may be asked now.
func (e *Edge) reachable() bool { return !e.Now().Before(e.reach.until) }

// heard takes in what the store answered. An outage is told once, and its end.
func (e *Edge) heard(err error) error {
	if errors.Is(err, context.Canceled) || e.foundNoRoom(err) {
		return err
	}
	if !errors.Is(err, deposit.ErrUnavailable) {
		e.reach = reach{}
		e.tell("store", "")
		return err
	}
	e.reach.rest = min(max(2*e.reach.rest, firstRest), longestRest)
	e.reach.until = e.Now().Add(e.reach.rest)
	e.tell("store", "The store cannot be reached. Scans are still taken and wait here until it is back; nothing is lost.")
	return errWaits
}

// put stores something for a letter.
func (e *Edge) put(ctx context.Context, by letter.ID, key string, body func() (io.ReadSeekCloser, error), size int64, sum [32]byte, mode deposit.Mode) error {
	_, err := e.ask(ctx, question{
		what: fmt.Sprintf("put %s %x %d", key, sum, mode), by: by, body: body,
		do: func(ctx context.Context, body io.ReadSeeker) (r reply) {
			_, r.err = e.Store.Put(ctx, key, body, size, sum, mode)
			return r
		},
	})
	return err
}

// store puts the sealed letter. What lies at its key already is mostly the letter itself,
// of which the answer was lost, and is left alone. It may be something else, put there by
// whoever holds another scanner's credentials, and this edge cannot see what it is: it
// may read no letter. The letter is then put over it, and the bucket keeps both for now.
// That is done where nobody can have heard of the letter yet; and, within mayCover, each
// day where it has waited for its receipt for one, and none is there: the server gives none for other
// bytes, and the bucket may have ended the letter beneath them. A version more of the same
// letter does no harm: the server keeps the one that it has verified. A crash in the middle
// leaves one.
func (e *Edge) store(ctx context.Context, j *job) error {
	m, mode := *j.manifest, deposit.CreateOnly
	if j.lies && !j.over {
		if !j.unheard {
			receipt, err := e.receipt(ctx, m.Site, m.ID, m.SHA256)
			if receipt != nil || errors.Is(err, errWaits) {
				j.lies = receipt == nil
				return err
			}
		}
		e.Log.Info("Something lies at a letter's place in the store already. The letter is put over it.", "letter", m.ID)
		j.over = true
	}
	if j.over {
		mode = deposit.Replace
	}
	var sum [sha256.Size]byte
	if _, err := hex.Decode(sum[:], []byte(m.SHA256)); err != nil {
		return fmt.Errorf("reading a manifest: %w", err)
	}
	err := e.put(ctx, m.ID, m.ObjectKey(), func() (io.ReadSeekCloser, error) {
		sealed, err := e.folder.Disk().OpenFile(spooled(m.ID, sealedExt), os.O_RDONLY, 0)
		if err != nil {
			return nil, fmt.Errorf("opening a sealed letter: %w", err)
		}
		if file, own := sealed.(*os.File); own && j.readBack {
			return deposit.ReadBack{File: file, Sum: sum}, nil
		}
		return sealed, nil
	}, m.Size, sum, mode)
	switch {
	case err == nil:
		j.lies, j.over = false, false
	case errors.Is(err, deposit.ErrExists) && !j.lies && (j.unheard || e.mayCover(j)):
		j.lies = true
		return e.store(ctx, j)
	case errors.Is(err, deposit.ErrExists):
		return nil
	}
	return err
}

// mayCover reports whether a letter that this edge has announced may be put over what lies
// at its place: a day after it was claimed, and no later than a receipt that was ever
// written would still lie there. Each put begins the storage's months anew, and what has
// waited longer is for a person.
func (e *Edge) mayCover(j *job) bool {
	waited := e.Now().Sub(j.claim.Received)
	return !j.claim.Received.IsZero() && waited > 24*time.Hour && waited < letter.BriefDays*24*time.Hour
}

// readBack reads a sealed letter as it lies in its file.
func readBack(file disk.File, size int64, sum [sha256.Size]byte) error {
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(file, 0, size)); err != nil {
		return disk.Plain("reading a sealed letter back", err)
	}
	if [sha256.Size]byte(hash.Sum(nil)) != sum {
		return errors.New("reading a sealed letter back: the disk has other bytes than were written")
	}
	return nil
}

// inMemory is a body that is no file.
func inMemory(data []byte) func() (io.ReadSeekCloser, error) {
	return func() (io.ReadSeekCloser, error) {
		return struct {
			io.ReadSeeker
			io.Closer
		}{bytes.NewReader(data), io.NopCloser(nil)}, nil
	}
}

// get returns nil if there is no such object. An S3 server says "refused" of a
// missing object to an edge, which may not list.
func (e *Edge) get(ctx context.Context, by letter.ID, key string) ([]byte, error) {
	answer, err := e.ask(ctx, question{
		what: "get " + key, by: by,
		do: func(ctx context.Context, _ io.ReadSeeker) (r reply) {
			r.data, r.err = e.Store.Get(ctx, key)
			return r
		},
	})
	switch {
	case errors.Is(err, deposit.ErrNotFound) || errors.Is(err, deposit.ErrRefused):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return answer.data, nil
}

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

// listAge is how long a recipients list is used before a newer one is looked
// for.
const listAge = time.Minute

// recipient is whom the letter is sealed to. While there is no list that can be believed,
// or no key for its week in it, it waits. The error is a *tooLate where none will come.
func (e *Edge) recipient(ctx context.Context, m letter.Manifest) (age.Recipient, error) {
	received, today := m.ReceivedOn(), letter.DateOf(e.Now())
	// Its week's key may live for some days yet, and no server would take it. Where the
	// newest list has run out the clock may be ahead, and only another one can tell.
	if !today.Before(m.Deadline()) && !e.ranOut() {
		if !e.clockAgrees(ctx) {
			return nil, errWaits
		}
		return nil, &tooLate{day: received}
	}
	if e.list == nil || e.Now().Sub(e.listed).Abs() >= listAge {
		list, err := e.fetchRecipients(ctx, m.ID)
		if errors.Is(err, errWaits) || ctx.Err() != nil || e.foundNoRoom(err) {
			return nil, err
		}
		if err != nil {
			e.list = nil
			e.tell("recipients", "Letters cannot be sealed: "+err.Error()+". They wait here; nothing is lost.")
			return nil, errWaits
		}
		e.list, e.listed = &list, e.Now()
	}
	if !e.Now().Before(e.list.ValidUntil) {
		e.list = nil
		e.tell("recipients", "Letters cannot be sealed: the server's recipients list has run out. They wait here; nothing is lost.")
		return nil, errWaits
	}
	week := m.Week()
	to, err := e.list.For(week)
	switch {
	case err == nil:
		e.tell("recipients", "")
		return to, nil
	// What is younger waits: a list that begins so late has a fault that somebody will mend.
	// So does a new scan: as an ordinary letter it would be shown to who is walled off.
	case m.Replaces == "" && week < e.list.Begins() && received.AddDays(letter.BriefDays).Before(today):
		e.tell("recipients", "") // of which nothing waits any more
		return nil, &tooLate{day: received}
	}
	e.tell("recipients", "Letters of week "+string(week)+" cannot be sealed: "+err.Error()+". They wait here; nothing is lost. Tell the administrator of the server, where 'letterlock check' says what to do.")
	return nil, errWaits
}

// fetchRecipients gets the list, believes it only under the server's
// signature, and never goes back to an older one. The serial is remembered
// before the list is used: a crash in between forgets a list, never a serial.
func (e *Edge) fetchRecipients(ctx context.Context, by letter.ID) (seal.Recipients, error) {
	// There is one call at a time: what is on its way comes first.
	if err := e.saySeen(ctx, by); errors.Is(err, errWaits) {
		return seal.Recipients{}, err
	}
	msg, err := e.get(ctx, by, letter.RecipientsKey)
	if err != nil {
		return seal.Recipients{}, err
	}
	if msg == nil {
		return seal.Recipients{}, errors.New("the server has left no recipients list in the store yet")
	}
	list, err := letter.ByAny(seal.OpenRecipients, msg, e.keys.Believed(e.Server))
	if err != nil {
		return seal.Recipients{}, err
	}
	highest, err := e.highestSerial()
	if err != nil {
		return seal.Recipients{}, err
	}
	if list.Serial < highest {
		e.seen = highest
		if err := e.saySeen(ctx, by); errors.Is(err, errWaits) {
			return seal.Recipients{}, err
		}
		return seal.Recipients{}, errors.New("the recipients list in the store is older than one that was seen before: the server, or the store, was restored from a backup")
	}
	e.seen = 0
	e.validUntil = list.ValidUntil
	if list.Serial > highest || !disk.Exists(e.state, listFile) { // which a release before did not keep
		// The list first: a crash in between leaves one that is newer than the number, and proves as much.
		if err := disk.WriteBytes(e.state, listFile, 0o600, msg); err != nil {
			return seal.Recipients{}, err
		}
	}
	if list.Serial > highest {
		data := strconv.AppendUint(nil, list.Serial, 10)
		if err := disk.WriteBytes(e.state, serialFile, 0o600, append(data, '\n')); err != nil {
			return seal.Recipients{}, err
		}
	}
	return list, nil
}

// saySeenEvery is how often the server is told that a list in the store is too old.
const saySeenEvery = 24 * time.Hour

// saySeen tells the server, where the list in the store is older than one that
// was seen before, that it or the store is an older copy of itself: it may not
// know. Nothing waits for that but a call that is on its way; what fails is
// tried with the next look at the list.
func (e *Edge) saySeen(ctx context.Context, by letter.ID) error {
	if e.seen == 0 || e.Now().Sub(e.seenSaid).Abs() < saySeenEvery {
		return nil
	}
	said, err := e.saysSeen()
	if err != nil {
		return err
	}
	msg, err := said.Sign(e.Signer)
	if err != nil {
		return err
	}
	err = e.put(ctx, by, letter.SeenKey(e.Site), inMemory(msg), int64(len(msg)), sha256.Sum256(msg), deposit.Replace)
	if err == nil {
		e.seenSaid = e.Now()
	}
	return err
}

// saysSeen is what there is to say of the newest list that was seen, with that list, as
// the server has signed it, where it is there: an older version has not kept it.
func (e *Edge) saysSeen() (letter.Seen, error) {
	said := letter.Seen{Site: e.Site, Serial: e.seen}
	msg, err := disk.ReadFile(e.state, listFile)
	if errors.Is(err, fs.ErrNotExist) {
		return said, nil
	}
	if err != nil {
		return said, fmt.Errorf("reading the newest recipients list: %w", err)
	}
	list, err := letter.ByAny(seal.OpenRecipients, msg, e.keys.Believed(e.Server))
	if err == nil && list.Serial >= e.seen {
		said.Serial, said.List = list.Serial, string(msg)
	}
	return said, nil
}

// watchEvery is how often the list is looked at though no letter needs it.
const watchEvery = time.Hour

// watchList looks at the recipients list for the server's sake: on a day
// without a scan nobody else would find out that it is too old.
func (e *Edge) watchList(ctx context.Context) {
	every := watchEvery
	if e.ranOut() {
		every = e.SlipEvery // slips wait for that
	}
	if e.Now().Sub(e.watched).Abs() < every {
		return
	}
	if _, err := e.fetchRecipients(ctx, ""); errors.Is(err, errWaits) {
		return // the answer is taken in by a later pass
	}
	e.watched = e.Now() // whatever else is wrong is told once a letter needs the list
}

// serialFile, in the state folder, holds the highest serial that was seen.
const serialFile = "recipients-serial"

// listFile, beside it, holds the list that had it, which proves to the server that there
// was such a one.
const listFile = "recipients-list"

func (e *Edge) highestSerial() (uint64, error) {
	data, err := disk.ReadFile(e.state, serialFile)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the highest serial: %w", err)
	}
	serial, err := strconv.ParseUint(strings.TrimSpace(string(data)), 10, 64)
	if err != nil {
		return 0, errors.New("the file " + serialFile + " in the state folder is damaged")
	}
	return serial, nil
}

// receipt is the server's word on a letter, or nil while there is none that
// can be believed.
func (e *Edge) receipt(ctx context.Context, site string, id letter.ID, sha256 string) (*letter.Receipt, error) {
	msg, err := e.get(ctx, id, letter.ReceiptKey(site, id))
	if err != nil || msg == nil {
		return nil, err
	}
	r, is, err := fromServer(e, msg, letter.OpenReceipt)
	if !is {
		return nil, err
	}
	if r.ID != id || r.SHA256 != sha256 {
		return nil, errors.New("the receipt is for another letter, or for other bytes than were sealed")
	}
	return &r, nil
}
