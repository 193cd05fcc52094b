package scanner

import (
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// sticky is a disk that for a while deletes nothing of what lies in some folders, as
// one on which another program has those files open.
type sticky struct {
	disk.Disk
	sticks bool
	in     []string
}

func (d *sticky) Remove(name string) error {
	if d.sticks && disk.Exists(d, name) && slices.ContainsFunc(d.in, func(dir string) bool { return strings.HasPrefix(name, dir) }) {
		return syscall.EBUSY
	}
	return d.Disk.Remove(name)
}

// The paper of a letter may be destroyed while its scan cannot be deleted yet. Its
// record stays as long: without it the next start would take what is left for a
// letter on its way, and deposit one that the server has ended.
func TestALetterIsRememberedUntilNothingIsLeftOfIt(t *testing.T) {
	s := newSimulation(1)
	s.ended = true // nothing else goes wrong
	stuck := &sticky{Disk: s.share, in: []string{folder.SpoolDir, folder.ClaimedDir}}
	s.cfg.folderDisk = stuck
	var id letter.ID
	deposits := 0
	s.cfg.Step = func(step string, of letter.ID) {
		switch step {
		case "recorded":
			id, stuck.sticks = of, true
		case "deposited":
			deposits++
		}
	}
	edge := func(seconds int) {
		e, err := Open(s.cfg)
		s.must(err)
		defer e.Close()
		for range seconds {
			s.must(e.Once(t.Context()))
			s.server.act()
			s.pass(time.Second)
			if m, verified := s.server.read[id]; verified {
				s.bucket.objects[letter.ReceiptKey(m.Site, id)] = simObject{s.server.receipt(m, letter.PaperDestroyed, "", s.keys.server), s.now}
			}
		}
	}
	s.must(writeSim(s.share, line+"/scan.pdf", s.scanOf(soundScan).data))
	edge(600)
	if id == "" || !disk.Exists(s.share, recordPath(id)) {
		t.Error("its scan is still there, and nobody knows any more that it is taken")
	}
	clear(s.bucket.objects) // the letter's time is over meanwhile
	s.server.publish("good")
	stuck.sticks = false
	edge(600)
	if deposits != 1 {
		t.Errorf("it was deposited %d times", deposits)
	}
	s.share.Files(func(name string, _ []byte) {
		if strings.Contains(name, string(id)) {
			t.Errorf("there is still %s", name)
		}
	})
}

// A crash may come between the slip of a destroyed paper and its record. What the
// server has said of the paper may be gone from the store by the next start.
func TestARecordWithoutItsSlipIsNotKept(t *testing.T) {
	s := newSimulation(1)
	s.ended = true
	stuck := &sticky{Disk: s.share, in: []string{folder.RecordDir}}
	s.cfg.folderDisk = stuck
	edge := func(seconds int, between func()) {
		e, err := Open(s.cfg)
		s.must(err)
		defer e.Close()
		for range seconds {
			s.must(e.Once(t.Context()))
			s.server.act()
			between()
			s.pass(time.Second)
		}
	}
	s.must(writeSim(s.share, line+"/scan.pdf", s.scanOf(soundScan).data))
	var id letter.ID
	edge(600, func() {
		for _, m := range s.server.read {
			if id = m.ID; disk.Exists(s.share, recordPath(id)) {
				stuck.sticks = true
				s.bucket.objects[letter.ReceiptKey(m.Site, id)] = simObject{s.server.receipt(m, letter.PaperDestroyed, "", s.keys.server), s.now}
			}
		}
	})
	if id == "" || !disk.Exists(s.share, recordPath(id)) || disk.Exists(s.share, line+"/taken/"+id.Reference()+".txt") {
		t.Fatal("the disk did not fail between the slip and the record")
	}
	clear(s.bucket.objects)
	s.server.publish("good")
	stuck.sticks = false
	edge(120, func() {})
	if disk.Exists(s.share, recordPath(id)) {
		t.Error("the record is still there")
	}
}

// What was sealed of a scan that has gone back to people is not kept.
func TestWhatIsSealedOfARefusedScanIsNotKept(t *testing.T) {
	o := newOffice(t)
	willing := o.cfg.Workshop
	o.stopAt("spooled", "scan.jpg", sampleLetter(1))
	o.cfg.Workshop = unwilling{willing} // as of a later version that takes less
	o.open()
	o.pass(settled)
	if len(o.given(folder.RefusedDir)) != 2 {
		t.Fatalf("refused: %v", o.given(folder.RefusedDir))
	}
	if left := o.files("scanner/" + folder.SpoolDir); len(left) > 0 {
		t.Errorf("there is still %d files: %v", len(left), left)
	}
	o.drop(spooled(letter.NewID(), sealedExt), []byte("sealed")) // as earlier versions left
	o.restart()
	if left := o.files("scanner/" + folder.SpoolDir); len(left) > 0 {
		t.Errorf("after a restart there is still %d files: %v", len(left), left)
	}
}
