// Package scanner is the edge: it takes scans from a folder and leaves sealed
// letters in a bucket. It knows public keys only. In the bucket it writes sealed
// letters, under letters/six-months/, and all that it says to the server, under
// incoming/<site>/; it reads what the server says to every scanner, under keys/, and
// to it, under receipts/<site>/. It can neither list nor remove.
//
// This file is one letter's way, steps 1 to 5, and its end on the receipt.
// There is no other way: after a crash every letter goes on from what lies on
// disk, through the same lines. Each step looks first whether it was done.
package scanner

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// Steps are the boundaries that Config.Step is told of, in a letter's order,
// each when what its name says is on disk or in the bucket.
var Steps = []string{
	"claim",      // a claim is made, still without the scan
	"claimed",    // the scan is in it
	"normalised", // the clean PDF is there
	"spooled",    // it is sealed
	"sealed",     // and the manifest is written: never sealed anew
	"stored",     // the sealed letter is in the bucket
	"deposited",  // its manifest is too: the commit
	"receipt",    // the server has verified it
	"slip",       // operations have their slip
	"recorded",   // and the edge knows it
	"taken",      // nothing is left but the slip
}

// StackSteps are the boundaries of a stack, between "claimed" and "normalised".
var StackSteps = []string{
	"extracted", // one more of its letters has a clean PDF of its own
	"cut",       // all have, and that of the whole stack is gone
}

// RefusalSteps are the boundaries of a refusal, after "claimed".
var RefusalSteps = []string{"refusing", "returned", "noted", "refused"}

// job is a letter on its way, or a claimed scan until it is known which letters
// it holds; it then has the claim's id.
type job struct {
	id        letter.ID
	claim     folder.Claim     // zero if only the spool is left of the letter
	noRoom    bool             // it waits for room on a disk
	taken     bool             // it is recorded: only its traces here are to go
	open      bool             // it is taken, and somebody still has its scan open
	clean     *clean           // what is known of the clean PDF; nil before the end of step 3
	scan      takenScan        // what duplicates of the scan are told; with clean
	manifest  *letter.Manifest // from step 4 on
	late      bool             // it is a late new scan, see awaited.go; with manifest
	returned  bool             // its scan is given back although it is sealed, see anothersite.go; with manifest
	stuck     bool             // it is another site's, and no scan of it is here
	kept      bool             // which letters its scan holds is on disk, see keep
	spooled   bool             // the sealed letter is known to lie beside its manifest
	readBack  bool             // so it was, when it was written a moment ago
	unheard   bool             // this process has sealed it, and has not announced it
	lies      bool             // something lies at its key, and may be another's
	over      bool             // it is put over that
	stored    bool             // the first half of step 5 is done
	deposited time.Time        // when step 5 was last done by this process
	tries     int              // that failed, one after the other
	due       time.Time        // when to try again
	end       bool             // nothing is left to do
}

// settle is step 1. A scan is left alone until nothing changes it, nobody has
// it open for writing and its structure is complete. Looking changes nothing,
// so a crash leaves nothing.
func (e *Edge) settle(ctx context.Context) (folder.View, error) { return e.folder.Look(ctx) }

// claim is step 2: the scan becomes a letter with an id and a time of receipt,
// and leaves the hands of people. A crash leaves the scan either where it was
// dropped, beside an empty claim that the next start clears away, or claimed,
// and the next start finds it.
func (e *Edge) claim(scan folder.Scan) error {
	c, err := e.folder.Claim(scan)
	if err != nil {
		return err
	}
	e.step("claimed", c.ID)
	e.jobs = append(e.jobs, &job{id: c.ID, claim: c})
	return nil
}

// advance takes a letter through what is left of its way. It reports whether
// the job has reached its end; if not, it is tried again later.
func (e *Edge) advance(ctx context.Context, j *job) (end bool, err error) {
	if done, end, err := e.goOn(j); done {
		return end, err
	}
	if e.foreign(j) {
		return e.tendForeign(ctx, j)
	}
	if j.manifest == nil && j.clean == nil {
		if e.mayHideTwin() {
			return false, errWaits
		}
		holds, err := e.normalise(ctx, j.claim)
		if out, ok := verdict(e.Language, err, j.claim); ok {
			return true, e.finish(&j.claim, out)
		}
		if err != nil {
			return false, err
		}
		e.follow(j.claim, holds, holds.Letters, e.on)
		if j.clean == nil {
			return true, nil // a stack: its letters go on by themselves
		}
	}
	if j.manifest == nil {
		j.late = j.clean.Late
		if j.manifest, err = e.seal(ctx, j); err != nil {
			return e.unsealed(j, err)
		}
	}
	if e.depositDue(j) {
		if err := e.deposit(ctx, j); err != nil {
			return false, err
		}
		j.stored, j.deposited = false, e.Now()
	}
	return e.receive(ctx, j)
}

// goOn finds how far the letter came before a crash, a full disk or a clock that was
// wrong, and ends what had begun to end. done is true where there is nothing to add to
// that in this round.
func (e *Edge) goOn(j *job) (done, end bool, err error) {
	if j.taken = j.taken || e.recorded(j.id); j.taken {
		return true, true, e.discard(j) // a crash came between the record and the end
	}
	if j.claim.Returning {
		err := e.giveBack(&j.claim, outcome{}) // a crash or a full disk came in the middle
		if err == nil && j.returned && e.foreign(j) {
			err = e.dropSealed(j.id)
		}
		return true, true, err
	}
	if j.manifest == nil {
		if sealed, err := e.sealedBefore(j); sealed || err != nil {
			return true, false, err
		}
	}
	if j.manifest == nil && e.received(j) {
		j.taken = true
		return true, true, e.discard(j) // its claim could not be read when it ended, and its record has ended since
	}
	if j.manifest != nil && !j.spooled {
		if err := e.findSpooled(j); err != nil {
			return true, false, err
		}
	}
	if j.manifest == nil && e.aheadThen(j.claim) {
		end, err := e.putBack(j)
		return end || err != nil, end, err
	}
	return false, false, nil
}

// normalise is step 3: the scan becomes one clean PDF, made and then compared
// with it by child processes, and that becomes the letters of the stack, one in
// nearly all cases. A scan that may be a duplicate is asked about, and so is a
// stack whose letters cannot be told apart for certain: then nothing of it is
// taken. The list of a stack's letters comes last and is the commit; a crash
// before it leaves clean PDFs in the claim of which nobody has heard, and they
// are made again. A letter that came alone has no list, nor is its clean PDF
// synced: the claim says enough to make it again, under the same id, and it is
// sealed at once. One that cannot be is kept (see keep).
func (e *Edge) normalise(ctx context.Context, c folder.Claim) (content, error) {
	// It may have been done although the disk has said that it failed.
	holds, err := e.readLetters(c)
	if err != nil || holds.Letters != nil {
		return holds, errors.Join(err, disk.SyncDir(e.folder.Disk(), c.Path("")))
	}
	if err := e.folder.Settled(c); err != nil {
		return content{}, err
	}
	if _, err := e.rescanOf(c); err != nil {
		return content{}, err // before anything dear
	}
	scan, err := e.whole(c)
	if err != nil {
		return content{}, err
	}
	defer scan.Close()
	making, stop := context.WithCancel(ctx)
	defer stop()
	asked := e.askBeside(c, scan, stop)
	made, err := e.makeClean(making, c, scan)
	if holds.Hash, err = asked(err); err != nil {
		return content{}, err
	}
	seen, err := e.inspect(ctx, c, scan, made)
	if err != nil {
		return content{}, err
	}
	if holds.Letters, err = e.split(ctx, c, holds.Hash, seen); err != nil {
		return content{}, err
	}
	// While it was looked at somebody may have gone on writing. From here on that
	// is found out before it is deleted (see release).
	if err := e.folder.Settled(c); err != nil {
		return content{}, err
	}
	holds.By = e.known.self()
	if holds.Letters[0].ID != c.ID {
		e.known.unsure[holds.Hash] = c.ID // until follow
		if err := disk.WriteJSON(e.folder.Disk(), c.Path(lettersFile), 0o600, holds); err != nil {
			return content{}, err
		}
		holds.kept = true
	}
	e.step("normalised", c.ID)
	return holds, nil
}

// seal is step 4: the clean PDF is encrypted to the key of the letter's expiry
// week and spooled, with the manifest beside it. A crash before the manifest
// is on disk leaves a sealed letter that nobody has heard of, and it is sealed
// again; so it is after a power cut that has left the manifest alone (see
// findSpooled). Once both are on disk it never is: two seals of a letter differ,
// and the bucket may hold this one already. So the manifest is returned then,
// even beside an error.
func (e *Edge) seal(ctx context.Context, j *job) (*letter.Manifest, error) {
	m := letter.Manifest{
		ID: j.id, Site: e.Site, Helpline: j.claim.Helpline, Class: letter.SixMonths,
		Received: j.clean.received(j.claim), Pages: j.clean.Pages, Sheets: j.clean.Sheets, Sides: j.clean.Sides,
		Flags: j.clean.Flags, Repaired: j.clean.Repaired, Replaces: j.clean.Replaces,
	}
	to, err := e.recipient(ctx, m)
	if err != nil {
		return nil, err
	}
	d := e.folder.Disk()
	plain, err := d.OpenFile(cleanPath(j.claim, j.id), os.O_RDONLY, 0)
	if err != nil {
		return nil, fmt.Errorf("opening a clean PDF: %w", err)
	}
	defer plain.Close()
	var sum [sha256.Size]byte
	var give func() error // names the manifest; its sync of their folder is for both
	err = disk.WriteBeside(d, spooled(j.id, sealedExt), 0o600, func(out disk.File) error {
		m.Size, sum, err = seal.Seal(disk.Early(out), plain, to)
		m.SHA256 = hex.EncodeToString(sum[:])
		return disk.Plain("spooling a sealed letter", err)
	}, func(out disk.File) (err error) {
		give, err = disk.Prepare(d, spooled(j.id, folder.ManifestExt), 0o600, sealed{Manifest: m, Hash: j.scan.hash, By: e.known.self(), First: j.scan.id, Late: j.clean.Late})
		return errors.Join(readBack(out, m.Size, sum), err)
	})
	if err != nil {
		return nil, err
	}
	e.step("spooled", j.id)
	if err := give(); err != nil {
		return nil, err
	}
	j.spooled, j.readBack, j.unheard = true, true, true
	e.step("sealed", j.id)
	// A crash before this line leaves it in the claim, and it goes with the claim.
	if err := disk.Discard(d, cleanPath(j.claim, j.id)); err != nil {
		return &m, fmt.Errorf("deleting a clean PDF: %w", err)
	}
	return &m, nil
}

// depositDue says when step 5 is to be done: after every start and then once a
// day while there is no receipt, so that neither the fourteen days of incoming/
// nor an outage of the server loses a letter.
func (e *Edge) depositDue(j *job) bool {
	return e.Now().Sub(j.deposited) >= 24*time.Hour
}

// errUnanswered says that a letter has waited here past its deadline. Whether it
// may go a person must find out.
var errUnanswered = errors.New("its deadline is past and the server has never answered")

// deposit is step 5: the sealed letter goes to its final key, then its signed
// manifest to incoming/, and that is the commit. A crash, or an answer that is
// lost, at any point leaves what the same two puts complete: the letter's key
// is taken by the same letter, or by something over which it is put (see store),
// and the manifest is replaced by the same manifest.
func (e *Edge) deposit(ctx context.Context, j *job) error {
	m := *j.manifest
	if !letter.DateOf(e.Now()).Before(m.Deadline()) {
		// It may have been in the bucket and be gone from it, as it must.
		return errUnanswered
	}
	if !j.stored {
		err := e.store(ctx, j)
		j.readBack = false // what has lain there for long the store reads itself
		if err != nil {
			return fmt.Errorf("depositing a letter: %w", err)
		}
		j.stored = true
		e.step("stored", m.ID)
	}
	signed, err := e.announcement(m)
	if err != nil {
		return err
	}
	j.unheard = false
	err = e.put(ctx, m.ID, letter.IncomingKey(m.Site, m.ID), inMemory(signed), int64(len(signed)),
		sha256.Sum256(signed), deposit.Replace)
	if err != nil {
		return fmt.Errorf("depositing a manifest: %w", err)
	}
	e.step("deposited", m.ID)
	e.Log.Info("A letter is deposited.", "letter", m.ID)
	return nil
}

// receive looks for the receipt: the server has read the letter back, opened
// it and rendered every page. Only this lets the edge delete the scan. The
// slip comes first, then the record, which is the commit; a crash before it
// finds the receipt again and writes the same slip, a crash after it discards.
func (e *Edge) receive(ctx context.Context, j *job) (end bool, err error) {
	receipt, err := e.receipt(ctx, j.manifest.Site, j.id, j.manifest.SHA256)
	if gone := e.gone[j.id]; err == nil && receipt == nil && gone.SHA256 == j.manifest.SHA256 {
		// The server had these very bytes, and they have ended while this edge was
		// away: nobody may be shown them, and what is left of them here goes too.
		receipt = &letter.Receipt{ID: j.id, SHA256: j.manifest.SHA256, Paper: gone.Paper}
	}
	if err != nil || receipt == nil {
		return false, err
	}
	if e.dimmed(j.id) {
		return false, errWaits // which was told already
	}
	e.step("receipt", j.id)
	// Before the spool forgets the letter, which has told its twins so far.
	if err := e.mark(j.scan); err != nil {
		return false, err
	}
	r := e.newRecord(j, *receipt)
	if j.late {
		e.named.renewed[r.Replaces] = e.named.at
	}
	if err := e.writeSlip(r); err != nil {
		return false, err
	}
	e.step("slip", j.id)
	if err := e.saveRecord(r); err != nil {
		return false, err
	}
	e.step("recorded", j.id)
	j.taken = true
	return true, e.discard(j)
}

// discard deletes the plaintext and the spool of a letter that is recorded, and
// the scan once it was the last letter of it. The manifest goes last: while it
// is there, a crash leads back here.
func (e *Edge) discard(j *job) error {
	if err := e.dropClean(j); err != nil {
		return err
	}
	if err := e.dropSealed(j.id); err != nil {
		return err
	}
	e.step("taken", j.id)
	e.Log.Info("A letter is taken: the server has it and its scan is deleted.", "letter", j.id)
	return nil
}
