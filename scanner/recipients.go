package scanner

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"filippo.io/age"

	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

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
		return seal.Recipients{}, errors.New("the server has left no recipients list in the store yet, or the store does not let this scanner read it")
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
