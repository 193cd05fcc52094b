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

// killedInAClaim is what the disk was left like, and the folder on it.
func killedInAClaim(t *testing.T, dropped string) (*disktest.Sim, Config) {
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
	renamed := false
	sim.Fault = func(op disktest.Op) error {
		if renamed && op == disktest.OpSyncDir {
			panic(killed{})
		}
		return nil
	}
	f.cfg.Step = func(string, letter.ID) { renamed = true } // next
	if !dies(func() { _, _ = f.Claim(v.Settled[0]) }) {
		t.Fatal("it was not killed")
	}
	sim.Fault = nil
	return sim, cfg
}
