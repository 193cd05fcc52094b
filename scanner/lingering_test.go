package scanner

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// sticky is a disk that for a while deletes nothing of what is private there, as
// one on which another program has those files open.
type sticky struct {
	disk.Disk
	sticks bool
}

func (d *sticky) Remove(name string) error {
	if d.sticks && (strings.HasPrefix(name, folder.SpoolDir) || strings.HasPrefix(name, folder.ClaimedDir)) {
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
	stuck := &sticky{Disk: s.share}
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
