package scanner

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// A scanner folder may come to a machine of another site than that which has sealed what
// lies in it. This one's key announces no letter of the other site, and the server would
// believe nobody else's. Whether it has the letter this edge hears only where it may read
// the other's receipts. If not, the scan goes back to people, who can find out.

// foreignFor is how long such a letter waits for its receipt: what was announced a moment
// before its scanner ended is verified by then.
const foreignFor = 10 * time.Minute

// foreign reports whether another site's edge has sealed a letter.
func (e *Edge) foreign(j *job) bool { return j.manifest != nil && j.manifest.Site != e.Site }

// tendForeign is the end of a letter that is foreign. What a crash leaves on the way is
// found by the mark in its manifest, which comes before the claim is Returning: without a
// claim such a letter is given back, and its seal is of no use.
func (e *Edge) tendForeign(ctx context.Context, j *job) (end bool, err error) {
	if j.claim.ID == "" && j.returned {
		return true, e.dropSealed(j.id)
	}
	if j.deposited.IsZero() {
		j.deposited = e.Now() // by nobody; but from now on it only waits
	}
	if end, err := e.receive(ctx, j); end || err != nil {
		return end, err
	}
	waited := e.Now().Sub(j.deposited).Abs() // a clock that was ahead is set right
	if j.claim.ID == "" || waited < foreignFor {
		j.stuck = j.claim.ID == ""
		return false, nil
	}
	// The last of a stack's, so that all have had their time.
	for _, o := range e.jobs {
		if o.claim.ID == j.claim.ID && !o.end && e.foreign(o) && (o.deposited.IsZero() || e.Now().Sub(o.deposited).Abs() < foreignFor) {
			return false, nil
		}
	}
	return true, e.giveBackForeign(j)
}

// giveBackForeign gives back the scan of a claim of which letters are foreign. Those that
// are not sealed go back with it; one that this edge has sealed needs the scan no more.
func (e *Edge) giveBackForeign(j *job) error {
	holds, err := e.readLetters(j.claim)
	if err != nil {
		return err
	}
	claim, with := &j.claim, []*job{}
	for _, o := range e.jobs {
		if o.claim.ID == claim.ID && !o.end && (o.manifest == nil || e.foreign(o)) {
			with = append(with, o)
		}
	}
	for _, o := range with {
		if o.manifest == nil || o.returned {
			continue
		}
		marked := sealed{Manifest: *o.manifest, Hash: o.scan.hash, By: e.known.self(), First: o.scan.id, Late: o.late, Returned: true}
		if err := disk.WriteJSON(e.folder.Disk(), spooled(o.id, folder.ManifestExt), 0o600, marked); err != nil {
			return err
		}
		o.returned = true
	}
	if !e.anyRecorded(holds) { // else a twin is a letter that was taken
		e.known.drop(j.scan.hash, func(s takenScan) bool { return s.id == j.scan.id })
	}
	letters := holds.ids()
	if letters == nil {
		letters = []letter.ID{j.id} // it came alone
	}
	var references []string
	for _, id := range letters {
		references = append(references, id.Reference())
	}
	e.Log.Warn("A letter was sealed by the scanner of another site, and cannot be announced by this one. Its scan is given back, and its note says what to do.", "letters", letters)
	err = e.giveBack(claim, outcome{dir: folder.RefusedDir, why: whyOtherSite, note: folder.Note{
		What: say(e.Language, "refused.other-site.what"), Language: e.Language,
		Next: say(e.Language, "refused.other-site.next", "n", len(references), "references", strings.Join(references, ", ")) + " " + say(e.Language, "note.kept"),
	}})
	for _, o := range with {
		o.claim.Returning = claim.Returning
		if o != j && err == nil {
			o.end = true
			if o.manifest != nil {
				err = e.dropSealed(o.id)
				o.end = err == nil
			}
		}
	}
	if err != nil {
		return err
	}
	return e.dropSealed(j.id)
}

// sayForeign tells of letters that are foreign, and of which no scan is here.
func (e *Edge) sayForeign() {
	var all []string
	for _, j := range e.jobs {
		if j.stuck && !j.end {
			all = append(all, fmt.Sprintf("%s of %s", j.id.Reference(), j.manifest.Site))
		}
	}
	if len(all) == 0 {
		e.tell("foreign", "")
		return
	}
	slices.Sort(all)
	e.tell("foreign", advise("The scanner of another site has sealed letters that this one cannot announce, and their scans are not here: %s. Keep their papers. "+
		"Have a machine of that site take this scanner folder, which brings them; or look in Letterlock whether they have arrived, and scan the papers of the others again.", strings.Join(all, "; ")))
}
