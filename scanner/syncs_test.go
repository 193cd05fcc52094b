package scanner

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/disk/disktest"
	"letterlock/scanner/letter"
)

// syncs is how many files and how many folders are synced.
type syncs struct{ files, folders int }

// TestWhatALetterCosts counts what one letter, neither the first nor one of a
// stack, makes the disks of the scanner do on its way. With a small letter a sync
// costs more than all the rest, so every one of them has its reason here. The
// store has its own besides: in a folder four, of the letter, the manifest and
// the folders of both.
func TestWhatALetterCosts(t *testing.T) {
	want := map[string]syncs{
		"claim":      {1, 2}, // what is known of it; the claim's names; the claim. Without: a scan that nobody knows for whom, or none
		"claimed":    {0, 1}, // the scan's arrival. Without: its departure alone, and it is lost
		"normalised": {0, 0}, // it can be made again
		"spooled":    {2, 0}, // the sealed letter and the manifest. Without: a manifest whose letter nobody has
		"sealed":     {0, 1}, // the names of both. Without: sealed once more, and the bucket has two of one letter
		"stored":     {0, 0},
		"deposited":  {0, 0},
		"receipt":    {0, 0},
		"slip":       {1, 2}, // the mark of its scan; the slip and its name. Without: its twin taken; a letter of which operations have no reference
		"recorded":   {1, 1}, // Without: a letter deposited again that the server may have ended by then
		"taken":      {0, 4}, // the scan out of its claim, the claim, the sealed letter, the manifest, one after the other
	}
	s := newSimulation(1)
	s.ended = true // nothing goes wrong
	s.cfg.SlipEvery = 24 * time.Hour
	scans := []*simScan{s.scanOf(soundScan), s.scanOf(soundScan)}
	got, n := map[string]syncs{}, syncs{}
	count := func(op disktest.Op) error {
		switch op {
		case disktest.OpSync:
			n.files++
		case disktest.OpSyncDir:
			n.folders++
		}
		return nil
	}
	s.share.Fault, s.state.Fault = count, count
	s.cfg.Step = func(step string, _ letter.ID) { got[step], n = n, syncs{} }
	e, err := Open(s.cfg)
	s.must(err)
	for _, scan := range scans {
		s.must(writeSim(s.share, line+"/scan.pdf", scan.data))
		n = syncs{}
		for range 60 {
			s.must(e.Once(t.Context()))
			s.server.act()
			s.pass(time.Second)
		}
	}
	if d := cmp.Diff(want, got, cmp.AllowUnexported(syncs{})); d != "" {
		t.Error(d)
	}
	if n != (syncs{}) {
		t.Errorf("and when it is taken: %+v", n)
	}
}
