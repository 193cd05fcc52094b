package scanner

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"testing"
	"time"

	"letterlock/scanner/disk"
	"letterlock/scanner/disk/disktest"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/texts"
)

// work is what an edge does for something.
type work struct {
	calls   int    // of its disks
	entries int    // in folders that it lists
	memory  uint64 // bytes that it asks for, all in all
}

// tallied is a disk of which every call is tallied.
type tallied struct {
	disk.Disk
	work *work
}

func tally(d *disktest.Sim, w *work) disk.Disk {
	d.Fault = func(disktest.Op) error { w.calls++; return nil }
	return tallied{d, w}
}

func (c tallied) List(dir string) ([]fs.DirEntry, error) {
	list, err := c.Disk.List(dir)
	c.work.entries += len(list)
	return list, err
}

// takenBefore is what so many letters of the last months leave in the scanner
// folder and in the edge's memory, while their papers lie there.
func takenBefore(letters int) (share, state map[string][]byte) {
	share, state = map[string][]byte{}, map[string][]byte{}
	daily := max(100, letters/150) // so that none is past its deadline
	for n := range letters {
		id := letter.NewID()
		r := record{ID: id, Site: "office", Helpline: line, Class: letter.SixMonths, Pages: 1,
			Received: morning.AddDate(0, 0, -1-n/daily).UTC().Truncate(time.Second).Add(time.Duration(n%daily) * time.Minute),
			SHA256:   fmt.Sprintf("%064x", n), Paper: letter.PaperKept, Slip: id.Reference() + ".txt"}
		data, err := json.Marshal(r)
		if err != nil {
			panic(err)
		}
		share[recordPath(id)], share[r.place()] = data, []byte(r.slip(texts.English(), ""))
		state[takenScan{r.SHA256, id, letter.DateOf(r.Received), line}.mark()] = nil
	}
	return share, state
}

// TestALetterCostsNoMoreAfterThousands counts what an edge does for a letter, for
// a scan that is refused or finds no room, and while nothing happens, where three
// thousand of each lie there and where three hundred do, of which no round goes
// through more.
func TestALetterCostsNoMoreAfterThousands(t *testing.T) {
	few, many := costsAfter(t, 300), costsAfter(t, 3000)
	for what, few := range few {
		many := many[what]
		t.Logf("%s: %+v, %+v", what, few, many)
		if few.calls == 0 || few.memory == 0 {
			t.Errorf("%s: nothing was counted", what)
		}
		if many.calls*10 > few.calls*11 || many.entries*10 > few.entries*11+100 || many.memory*10 > few.memory*13 {
			t.Errorf("%s costs %+v where three hundred lie, and %+v where three thousand do", what, few, many)
		}
	}
}

func costsAfter(t *testing.T, kept int) map[string]work {
	s := newSimulation(1)
	s.ended = true // nothing goes wrong
	var w work
	s.cfg.folderDisk, s.cfg.stateDisk = tally(s.share, &w), tally(s.state, &w)
	s.cfg.SlipEvery, s.cfg.Step = 15*time.Second, nil
	share, state := takenBefore(kept)
	for n := range kept {
		refused := fmt.Sprintf("%s/%s/scan%d.pdf", line, folder.RefusedDir, n)
		share[refused], share[refused+folder.NoteExt] = []byte("a letter"), []byte("a note")
	}
	for d, files := range map[*disktest.Sim]map[string][]byte{s.share: share, s.state: state} {
		for name, data := range files {
			s.must(disk.MkdirAll(d, path.Dir(name), 0o700), writeSim(d, name, data))
		}
	}
	e, err := Open(s.cfg)
	s.must(err)
	costs := map[string]work{}
	measure := func(what string, scan []byte) {
		if scan != nil {
			s.must(writeSim(s.share, line+"/scan.pdf", scan))
		}
		w = work{}
		for range 60 {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			s.must(e.Once(t.Context()))
			runtime.ReadMemStats(&after)
			w.memory += after.TotalAlloc - before.TotalAlloc
			s.server.act()
			s.pass(time.Second)
		}
		costs[what] = w
	}
	measure("the start", nil)
	delete(costs, "the start")
	measure("an idle minute", nil)
	measure("a letter", s.scanOf(soundScan).data)
	measure("a refusal", s.scanOf(foreignScan).data)
	s.share.Room = s.share.Used() + 1000
	measure("a scan that there is no room for", s.scanOf(soundScan).data)
	s.share.Room = 0
	if got := e.folder.GivenBack(line, folder.RefusedDir); got != kept+1 {
		t.Errorf("%d scans are said to be refused, not %d", got, kept+1)
	}
	if got := len(e.shelf.records); got != kept+1 {
		t.Errorf("%d letters are taken, not %d", got, kept+1)
	}
	return costs
}
