package scanner

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"image"
	"io/fs"
	"os"
	"path"
	"slices"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/separator"
)

// Which letters a claimed scan holds. Mostly it is one, under the claim's own
// id. A stack that was scanned in one go, with separator sheets, holds several,
// each under an id of its own; the claim with the scan of the whole stack stays
// until the last of them is taken.
//
//	claimed/CLAIM/scan/...        the scan
//	claimed/CLAIM/clean/ID.pdf    a letter's clean PDF, until it is sealed
//	claimed/CLAIM/letters.json    which letters there are; the commit of step 3
//
// A letter that is listed is on its way while it has its clean PDF, or its
// manifest in the spool, and has ended when it has neither. What is not listed is
// one letter, or is not known yet.
const (
	cleanDir    = "clean"
	lettersFile = "letters.json"
)

// clean is what is known of a letter's clean PDF.
type clean struct {
	ID       letter.ID    `json:"id"`
	Pages    int          `json:"pages"`
	Sheets   int          `json:"sheets,omitempty"` // as in the manifest
	Sides    int          `json:"sides,omitempty"`
	Flags    letter.Flags `json:"flags,omitempty"`
	Repaired bool         `json:"repaired,omitempty"`
	rescan
	stackPlace
}

// rescan is of which letter this is a new scan; zero for any other.
type rescan struct {
	Replaces letter.ID `json:"replaces,omitempty"`
	Came     time.Time `json:"came,omitzero"`  // when the paper came: as in that letter's manifest; zero for one that is late
	Late     bool      `json:"late,omitempty"` // that letter's six months are over for this edge: see awaited.go
}

// stackPlace is where a letter was in the stack that it was scanned with. It is
// zero for a letter that came alone.
type stackPlace struct {
	Place int       `json:"place,omitempty"` // the how manieth letter, from 1
	Of    int       `json:"of,omitempty"`    // of how many
	First letter.ID `json:"first,omitempty"` // the stack's first letter
	From  int       `json:"from,omitempty"`  // its first page in the scan, from 1, sheets and backs counted
	To    int       `json:"to,omitempty"`    // its last page
	Cover string    `json:"cover,omitempty"` // the stack's id, printed on its cover sheet
}

// content is the letters of a scan, as lettersFile has them.
type content struct {
	Hash    string  `json:"hash"`         // the keyed hash of the scan, to find duplicates by
	By      string  `json:"by,omitempty"` // by whose key, as in duplicates.self; earlier versions did not write it
	Letters []clean `json:"letters"`
	kept    bool    // it is on disk
}

// scan is what duplicates of the claim's scan are told.
func (h content) scan(c folder.Claim) takenScan {
	first := h.Letters[0]
	return takenScan{hash: h.Hash, id: first.ID, day: letter.DateOf(first.received(c)), helpline: c.Helpline}
}

// received is when the letter counts as received.
func (l clean) received(c folder.Claim) time.Time { return cmp.Or(l.Came, c.Received) }

func cleanPath(c folder.Claim, id letter.ID) string {
	return c.Path(path.Join(cleanDir, string(id)+".pdf"))
}

// progress is how far a look at a scan has come.
type progress struct {
	helpline string
	n, of    int
}

// sight is the clean PDF of a whole scan, and what was seen on its pages.
type sight struct {
	flags    letter.Flags
	pages    []separator.Page
	repaired bool
}

// makeClean makes the clean PDF of the whole scan, or draws its pages anew when
// a person has said so of a damaged one.
func (e *Edge) makeClean(ctx context.Context, c folder.Claim, scan disk.File) (pdf.Result, error) {
	if err := ctx.Err(); err != nil {
		return pdf.Result{}, err // nobody wants it any more
	}
	d := e.folder.Disk()
	// What an earlier try left is of no use: it may be the half of a stack.
	if err := disk.Discard(d, c.Path(cleanDir)); err != nil {
		return pdf.Result{}, disk.Plain("clearing what was half made", err)
	}
	if err := d.Mkdir(c.Path(cleanDir), 0o700); err != nil {
		return pdf.Result{}, disk.Plain("making the folder of clean PDFs", err)
	}
	file, err := d.OpenFile(cleanPath(c, c.ID), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return pdf.Result{}, disk.Plain("making a clean PDF", err)
	}
	defer file.Close()
	if c.Answer == folder.Repair {
		return e.Workshop.Repair(ctx, scan, file)
	}
	return e.Workshop.Normalise(ctx, scan, file)
}

// inspect compares the clean PDF of the whole scan with it.
func (e *Edge) inspect(ctx context.Context, c folder.Claim, scan disk.File, made pdf.Result) (sight, error) {
	file, err := e.folder.Disk().OpenFile(cleanPath(c, c.ID), os.O_RDONLY, 0)
	if err != nil {
		return sight{}, disk.Plain("opening a clean PDF", err)
	}
	defer file.Close()
	flags, pages, err := e.Workshop.Inspect(ctx, scan, file, made, func(n int, _ *image.Gray) {
		// A long scan takes minutes, in which people want to see that it goes on.
		e.page = progress{c.Helpline, n, made.Pages}
		e.post(e.view)
	})
	e.page = progress{}
	if err == nil && len(pages) != made.Pages {
		err = fmt.Errorf("inspecting a clean PDF: saw %d of %d pages", len(pages), made.Pages)
	}
	return sight{flags, pages, c.Answer == folder.Repair}, err
}

// split gives each letter of a scan a clean PDF of its own.
func (e *Edge) split(ctx context.Context, c folder.Claim, hash string, seen sight) ([]clean, error) {
	again, err := e.rescanOf(c)
	if err != nil {
		return nil, err
	}
	batch, err := e.cut(c, hash, seen.pages)
	if err != nil {
		return nil, err
	}
	if !batch.WasCut() {
		l := batch.Letters[0]
		return []clean{{ID: c.ID, Pages: len(l.Pages), Sheets: sheetsOf(l), Sides: l.Sides, Flags: flagsOf(l, seen.flags), Repaired: seen.repaired, rescan: again}}, nil
	}
	d := e.folder.Disk()
	all, err := d.OpenFile(cleanPath(c, c.ID), os.O_RDONLY, 0)
	if err != nil {
		return nil, disk.Plain("opening the clean PDF of a stack", err)
	}
	defer all.Close()
	var letters []clean
	for i, l := range batch.Letters {
		part := clean{ID: e.NewID(), Pages: len(l.Pages), Sheets: sheetsOf(l), Sides: l.Sides,
			Flags: flagsOf(l, seen.flags), Repaired: seen.repaired,
			stackPlace: stackPlace{Place: i + 1, Of: len(batch.Letters), From: l.Pages[0], To: l.Pages[len(l.Pages)-1]}}
		if part.First = part.ID; i > 0 {
			part.First = letters[0].ID
		}
		if batch.Cover != nil {
			part.Cover = batch.Cover.Stack
		}
		err := disk.WriteFirst(d, cleanPath(c, part.ID), 0o600, func(out disk.File) error {
			return e.Workshop.Extract(ctx, all, out, l.Pages)
		})
		if err != nil {
			return nil, err
		}
		e.step("extracted", part.ID)
		letters = append(letters, part)
	}
	// The stack as a whole belongs to nobody.
	if err := disk.Discard(d, cleanPath(c, c.ID)); err != nil {
		return nil, disk.Plain("deleting the clean PDF of a stack", err)
	}
	if err := disk.SyncDir(d, c.Path(cleanDir)); err != nil {
		return nil, err
	}
	e.step("cut", c.ID)
	return letters, nil
}

// flagsOf is a stack's flags for one letter, with those of its pages that may be sheets.
func flagsOf(l separator.Letter, all letter.Flags) (flags letter.Flags) {
	for i, page := range l.Pages {
		for _, flag := range all.Of(page) {
			flags = flags.Add(i+1, flag)
		}
		if slices.Contains(l.Kept, page) {
			flags = flags.Add(i+1, letter.MaybeSheet)
		}
	}
	return flags
}

// readLetters is which letters a claimed scan holds; none while that is not
// known yet.
func (e *Edge) readLetters(c folder.Claim) (content, error) {
	data, err := disk.ReadFile(e.folder.Disk(), c.Path(lettersFile))
	if errors.Is(err, fs.ErrNotExist) {
		return content{}, nil
	}
	if err != nil {
		return content{}, disk.Plain("reading which letters a scan holds", err)
	}
	var holds content
	if json.Unmarshal(data, &holds) != nil || len(holds.Letters) == 0 {
		return content{}, fmt.Errorf("reading which letters claim %s holds: the file is damaged", c.ID)
	}
	holds.Hash, holds.kept = e.known.ours(holds.Hash, holds.By), true
	return holds, nil
}

// keep makes a letter's clean PDF outlive a power cut when it cannot be sealed
// just now, because of err: while the store is away a thousand may wait for that,
// and no start should make them all again. A crash on the way leaves no list.
func (e *Edge) keep(j *job, err error) error {
	if j.manifest != nil || j.kept {
		return err
	}
	d := e.folder.Disk()
	file, failed := d.OpenFile(cleanPath(j.claim, j.id), os.O_RDWR, 0)
	if failed == nil {
		failed = errors.Join(file.Sync(), file.Close())
	}
	if failed == nil {
		failed = d.SyncDir(j.claim.Path(cleanDir))
	}
	if failed != nil {
		return disk.Plain("keeping a clean PDF", failed)
	}
	if failed := disk.WriteJSON(d, j.claim.Path(lettersFile), 0o600, content{Hash: j.scan.hash, By: e.known.self(), Letters: []clean{*j.clean}}); failed != nil {
		return failed
	}
	j.kept = true
	return err
}

// unsealed is what becomes of a letter that cannot be sealed, because of err.
func (e *Edge) unsealed(j *job, err error) (end bool, _ error) {
	var late *tooLate
	if errors.As(err, &late) {
		return true, e.giveBackLate(j, late)
	}
	return false, e.keep(j, err)
}

// giveBackLate gives the scan of a letter back to people that was not sealed while there
// was a key for it: nobody has read it, and it must neither wait for ever nor be lost. What
// is left of a stack goes back with it; a letter of it that is sealed needs the scan no
// more. A crash leaves what one in any refusal leaves: a claim that is Returning, of which
// nothing is asked any more but its return, or a claim that comes here again.
func (e *Edge) giveBackLate(j *job, late *tooLate) error {
	holds, err := e.readLetters(j.claim)
	if err != nil {
		return err
	}
	d := e.folder.Disk()
	late.part = slices.ContainsFunc(holds.Letters, func(l clean) bool {
		return l.ID != j.id && (!disk.Exists(d, cleanPath(j.claim, l.ID)) || disk.Exists(d, spooled(l.ID, folder.ManifestExt)))
	})
	out, _ := verdict(e.Language, late, j.claim)
	claim := &j.claim
	err = e.finish(claim, out)
	if !claim.Returning {
		return err
	}
	if !late.part { // else a twin is a letter that was taken
		e.known.drop(j.scan.hash, func(s takenScan) bool { return s.id == j.scan.id })
	}
	for _, o := range e.jobs {
		if o != j && o.claim.ID == claim.ID && o.manifest == nil {
			o.claim.Returning, o.end = true, err == nil
		}
	}
	return err
}

// follow gives letters of a claim their jobs; on finds or makes one. From here
// on the scan counts as taken.
func (e *Edge) follow(c folder.Claim, holds content, letters []clean, on func(letter.ID) *job) {
	scan := holds.scan(c)
	e.known.add(scan)
	delete(e.known.unsure, scan.hash)
	for _, l := range letters {
		j := on(l.ID)
		j.claim, j.clean, j.scan, j.kept = c, &l, scan, holds.kept
	}
}

// on is the job of that id, made if there is none.
func (e *Edge) on(id letter.ID) *job {
	at := slices.IndexFunc(e.jobs, func(j *job) bool { return j.id == id && !j.end })
	if at < 0 {
		e.jobs = append(e.jobs, &job{id: id})
		at = len(e.jobs) - 1
	}
	return e.jobs[at]
}

// onItsWay reports whether a letter of the claim has not ended.
func (e *Edge) onItsWay(c folder.Claim, id letter.ID) bool {
	d := e.folder.Disk()
	return disk.Exists(d, cleanPath(c, id)) || disk.Exists(d, spooled(id, folder.ManifestExt))
}

// anyRecorded reports whether one of the letters has been taken.
func (e *Edge) anyRecorded(holds content) bool {
	return slices.ContainsFunc(holds.Letters, func(l clean) bool { return disk.Exists(e.folder.Disk(), recordPath(l.ID)) })
}

// dropClean deletes a letter's clean PDF, and the claim if no other letter of
// it is on its way. Where the claim stays, no power cut may bring the clean PDF
// back: once the letter's record is gone, with its paper, it would be sealed anew.
func (e *Edge) dropClean(j *job) error {
	if j.claim.ID == "" {
		return nil // gone already
	}
	if err := disk.Discard(e.folder.Disk(), cleanPath(j.claim, j.id)); err != nil {
		return disk.Plain("deleting a clean PDF", err)
	}
	holds, err := e.readLetters(j.claim)
	if err != nil {
		return err
	}
	for _, l := range holds.Letters {
		if l.ID != j.id && e.onItsWay(j.claim, l.ID) {
			return disk.SyncDir(e.folder.Disk(), j.claim.Path(cleanDir))
		}
	}
	letters := holds.ids()
	if letters == nil {
		letters = []letter.ID{j.id} // it came alone
	}
	return e.release(&j.claim, j.scan.hash, letters)
}
