package scanner

import (
	"path"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// record is what the edge keeps of a letter that is taken, as long as its slip
// lies in the folder.
type record struct {
	ID       letter.ID    `json:"id"`
	Site     string       `json:"site"`
	Helpline string       `json:"helpline"`
	Class    letter.Class `json:"class"`
	Received time.Time    `json:"received"`       // of a new scan when its paper came, from which its time counts
	Taken    time.Time    `json:"taken,omitzero"` // of a new scan, when it was taken itself
	Pages    int          `json:"pages"`
	SHA256   string       `json:"sha256"` // of the sealed letter, which later receipts must name
	Paper    string       `json:"paper"`  // as in the receipt
	Reason   string       `json:"reason,omitempty"`
	Was      string       `json:"was,omitempty"`        // of paperOverdue what Paper was before, and Reason: a clock may have been ahead
	WasFor   string       `json:"was_reason,omitempty"` // likewise
	Moved    string       `json:"moved,omitempty"`      // the helpline whose the paper is, if that is another, as in the receipt
	Gone     bool         `json:"gone,omitempty"`       // the letter was erased before its deadline, and its paper waits
	Slip     string       `json:"slip"`                 // its file name; of PaperReplaced the last one's, if there was any
	// Replaces is the letter of which this is a new scan, if it is one. That one's
	// own record stays without a slip while the server says PaperReplaced: should the
	// new scan turn out to be of another paper, it is asked for again.
	Replaces letter.ID `json:"replaces,omitempty"`
	Apart    bool      `json:"apart,omitempty"` // it was put in as that, and the server has taken it for a letter of its own
	stackPlace
}

// newRecord joins a deposit and its receipt.
func (e *Edge) newRecord(j *job, r letter.Receipt) record {
	m := *j.manifest
	rec := record{
		ID: m.ID, Site: m.Site, Helpline: m.Helpline, Class: m.Class, Received: m.Received,
		Pages: m.Pages, SHA256: m.SHA256, Paper: r.Paper, Reason: r.Reason, Moved: r.Helpline, Replaces: m.Replaces,
	}
	if j.clean != nil {
		rec.stackPlace = j.clean.stackPlace
	}
	if m.Replaces != "" {
		rec.Taken = j.claim.Received
	}
	rec.Apart = j.late && r.Replaces == "" // whoever writes the list says so in every receipt
	rec.Slip = e.slipName(rec)
	e.shelf.plan(rec)
	return rec
}

func recordPath(id letter.ID) string { return path.Join(folder.RecordDir, string(id)+".json") }

// recorded reports whether a letter is taken.
func (e *Edge) recorded(id letter.ID) bool {
	_, is := e.shelf.records[id]
	return is
}

func (e *Edge) saveRecord(r record) error {
	if err := disk.WriteJSON(e.folder.Disk(), recordPath(r.ID), 0o600, r); err != nil {
		return err
	}
	e.know(r)
	return e.dropStraySlips(r)
}

// know takes in a record that is on disk.
func (e *Edge) know(r record) {
	if e.shelf.put(r) {
		e.printed[r.Helpline] = false
	}
}
