package scanner

import (
	"path"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// destroyedBefore takes a scan for which wanted is true, has the server say of one of
// its letters that the paper is destroyed and nothing of the others, and cuts the
// power once the edge has done what follows. It returns that letter.
func destroyedBefore(t *testing.T, s *simulation, wanted func(*simScan) bool) letter.ID {
	s.ended = true // nothing else goes wrong
	scan := s.newScan(line)
	for scan.kind != soundScan || scan.asked || !wanted(scan) {
		scan = s.newScan(line)
	}
	e, err := Open(s.cfg)
	s.must(err, writeSim(s.share, line+"/scan.pdf", scan.data))
	for range 60 {
		s.must(e.Once(t.Context()))
		s.pass(time.Second)
	}
	var gone letter.Manifest
	for key, o := range s.bucket.objects {
		if strings.HasPrefix(key, letter.IncomingPrefix) {
			gone, err = letter.OpenManifest(o.data, s.keys.siteKey)
			s.must(err)
		}
	}
	s.bucket.objects[letter.ReceiptKey(gone.Site, gone.ID)] = simObject{s.server.receipt(gone, letter.PaperDestroyed, "", s.keys.server), s.now}
	for range 120 {
		s.must(e.Once(t.Context()))
		s.pass(time.Second)
	}
	if disk.Exists(s.share, recordPath(gone.ID)) {
		t.Fatal("the letter is still remembered")
	}
	s.share.PowerCut(s.chance)
	s.state.PowerCut(s.chance)
	return gone.ID
}

// A slip without a record would lie in the folder for ever.
func TestNoPowerCutBringsASlipBack(t *testing.T) {
	for seed := range uint64(60) {
		s := newSimulation(seed)
		id := destroyedBefore(t, s, func(d *simScan) bool { return len(d.sheets) == 1 })
		slip := path.Join(line, folder.TakenDir, id.Reference()+".txt")
		if disk.Exists(s.share, slip) && !disk.Exists(s.share, recordPath(id)) {
			t.Fatalf("seed %d: a slip is back of which nobody knows", seed)
		}
	}
}

// A clean PDF without a record would be sealed anew and deposited a second time.
func TestNoPowerCutBringsALetterOfAStackBack(t *testing.T) {
	for seed := range uint64(60) {
		s := newSimulation(seed)
		id := destroyedBefore(t, s, func(d *simScan) bool { return len(d.sheets) > 1 })
		s.share.Files(func(name string, _ []byte) {
			if strings.HasPrefix(name, folder.ClaimedDir) && strings.Contains(name, string(id)) {
				t.Fatalf("seed %d: its clean PDF is back", seed)
			}
		})
	}
}
