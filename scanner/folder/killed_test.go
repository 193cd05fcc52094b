package folder

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/disk/disktest"
	"letterlock/scanner/letter"
)

// killed is the panic with which a process ends.
type killed struct{}

// dies reports whether the process was killed meanwhile.
func dies(do func()) (died bool) {
	defer func() {
		switch r := recover(); r.(type) {
		case nil:
		case killed:
			died = true
		default:
			panic(r)
		}
	}()
	do()
	return false
}

// TestKilledInAClaimAndThenThePowerFails kills the process when a scan is in its
// claim and that is not yet safe on disk, and lets the power fail at each step of
// the next start: the scan is where it was dropped, or in its claim.
func TestKilledInAClaimAndThenThePowerFails(t *testing.T) {
	for _, dropped := range []string{"scan.pdf", line + "/scan.pdf"} {
		for step, more := 1, true; more; step++ {
			for seed := range uint64(20) {
				sim, cfg := killedInAClaim(t, dropped)
				left := step
				sim.Fault = func(disktest.Op) error {
					if left--; left == 0 {
						panic(killed{})
					}
					return nil
				}
				more = dies(func() { _, _ = Open(cfg) })
				sim.Fault = nil
				sim.PowerCut(rand.New(rand.NewPCG(seed, 0)))
				found := false
				sim.Files(func(name string, data []byte) {
					found = found || strings.HasSuffix(name, "/scan.pdf") || name == dropped
				})
				if !found {
					t.Fatalf("%s is lost when the power fails at step %d of the start", dropped, step)
				}
			}
		}
	}
}

// TestKilledWhileGivingBackAndThenThePowerFails kills the process when a scan has
// left its claim for people and that is not yet safe on disk, and lets the power
// fail at each step of the next start: the scan is in its claim, or where people
// find it.
func TestKilledWhileGivingBackAndThenThePowerFails(t *testing.T) {
	for step, more := 1, true; more; step++ {
		for seed := range uint64(20) {
			sim, cfg := killedGivingBack(t)
			left := step
			sim.Fault = func(disktest.Op) error {
				if left--; left == 0 {
					panic(killed{})
				}
				return nil
			}
			more = dies(func() {
				f, err := Open(cfg)
				if err != nil {
					t.Fatal(err)
				}
				claims, err := f.Claims()
				if err != nil || len(claims) != 1 {
					t.Fatal(len(claims), err)
				}
				if err := f.GiveBack(&claims[0], "", Note{}); err != nil {
					t.Fatal(err)
				}
			})
			sim.Fault = nil
			sim.PowerCut(rand.New(rand.NewPCG(seed, 0)))
			found := false
			sim.Files(func(name string, data []byte) {
				found = found || strings.HasSuffix(name, "/scan.pdf") && string(data) == whole
			})
			if !found {
				t.Fatalf("the scan is lost when the power fails at step %d of the start", step)
			}
		}
	}
}

// killedGivingBack is what the disk was left like, and the folder on it.
func killedGivingBack(t *testing.T) (*disktest.Sim, Config) {
	t.Helper()
	sim, cfg, f, scan := settledScan(t, line+"/scan.pdf")
	c, err := f.Claim(scan)
	if err != nil {
		t.Fatal(err)
	}
	returning := false
	f.cfg.Step = func(step string, _ letter.ID) { returning = step == "refusing" }
	sim.Fault = func(op disktest.Op) error {
		if returning && op == disktest.OpSyncDir {
			if _, err := f.scan(c); err != nil {
				panic(killed{})
			}
		}
		return nil
	}
	if !dies(func() { _ = f.GiveBack(&c, DuplicatesDir, Note{What: "It is known.", Next: "Answer."}) }) {
		t.Fatal("it was not killed")
	}
	sim.Fault = nil
	return sim, cfg
}

// killedInAClaim is what the disk was left like, and the folder on it.
func killedInAClaim(t *testing.T, dropped string) (*disktest.Sim, Config) {
	t.Helper()
	sim, cfg, f, scan := settledScan(t, dropped)
	renamed := false
	sim.Fault = func(op disktest.Op) error {
		if renamed && op == disktest.OpSyncDir {
			panic(killed{})
		}
		return nil
	}
	f.cfg.Step = func(string, letter.ID) { renamed = true } // next
	if !dies(func() { _, _ = f.Claim(scan) }) {
		t.Fatal("it was not killed")
	}
	sim.Fault = nil
	return sim, cfg
}

// settledScan is a folder in which a scan has settled.
func settledScan(t *testing.T, dropped string) (*disktest.Sim, Config, *Folder, Scan) {
	now := time.Date(2026, 5, 26, 9, 0, 0, 0, time.UTC)
	sim := disktest.New(func() time.Time { return now })
	cfg := Config{Disk: sim, Helplines: []string{line}, Settle: time.Second, Arriving: time.Hour,
		Now: func() time.Time { return now }, Complete: complete}
	must := func(err error) {
		if err != nil {
			t.Helper()
			t.Fatal(err)
		}
	}
	f, err := Open(cfg)
	must(err)
	file, err := sim.OpenFile(dropped, os.O_CREATE|os.O_WRONLY, 0o600)
	must(err)
	_, err = file.Write([]byte(whole))
	must(err)
	must(file.Sync())
	must(file.Close())
	must(sim.SyncDir("."))
	must(sim.SyncDir(line))
	var v View
	for len(v.Settled) == 0 {
		now = now.Add(time.Second)
		v, err = f.Look(t.Context())
		must(err)
	}
	return sim, cfg, f, v.Settled[0]
}
