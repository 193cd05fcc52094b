package scanner

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

var (
	simScans = flag.Int("scans", 0, "how many scans TestSimulation drops; default 20000 in CI, 2000 elsewhere, 400 with -short")
	simSeed  = flag.Uint64("seed", 1, "the seed of the first office of TestSimulation; each further office has the next one")
)

// scansPerOffice is how many scans one simulated office sees. The next office
// has the next seed.
const scansPerOffice = 200

type simRun struct {
	seed  uint64
	scans int
}

// simRuns are the offices of a test run.
func simRuns() (runs []simRun) {
	scans := *simScans
	switch {
	case scans > 0:
	case os.Getenv("LETTERLOCK_CI") == "1":
		scans = 20_000
	case testing.Short():
		scans = 400
	default:
		scans = 2_000
	}
	for at := 0; at < scans; at += scansPerOffice {
		runs = append(runs, simRun{*simSeed + uint64(at/scansPerOffice), min(scansPerOffice, scans-at)})
	}
	return runs
}

// TestSimulation lets the real flow of an edge work on simulated disks, with a
// simulated store, server and clock, while everything goes wrong that can: a
// scan ends as exactly one letter, verified by the server page by page, or lies
// where people find it with the bytes that it had. A seed gives the same run
// again.
func TestSimulation(t *testing.T) {
	runs := make(chan simRun)
	counts := map[string]int{}
	var mu sync.Mutex
	var workers sync.WaitGroup
	failed := false
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for run := range runs {
				s := newSimulation(run.seed)
				broken := s.run(run.scans)
				mu.Lock()
				for what, n := range s.counts {
					counts[what] += n
				}
				if broken != "" && !failed {
					failed = true
					t.Errorf("%s\n\nTo see it again: go test ./scanner -run TestSimulation -seed %d -scans %d\n\n%s",
						broken, run.seed, run.scans, strings.Join(s.log[max(0, len(s.log)-simLogShown()):], "\n"))
				}
				mu.Unlock()
			}
		})
	}
	for _, run := range simRuns() {
		mu.Lock()
		stop := failed
		mu.Unlock()
		if stop {
			break
		}
		runs <- run
	}
	close(runs)
	workers.Wait()
	var says []string
	for _, what := range slices.Sorted(maps.Keys(counts)) {
		says = append(says, fmt.Sprintf("%d %s", counts[what], what))
	}
	t.Logf("%s", strings.Join(says, ", "))
}

// simLogKept is how many of the last lines are kept of a run, and simLogShown
// how many are shown if it fails.
const simLogKept = 20_000

func simLogShown() int {
	if testing.Verbose() {
		return simLogKept
	}
	return 60
}

// TestSimulationRepeats runs one office twice: the same happens, in the same
// order.
func TestSimulationRepeats(t *testing.T) {
	var digests [2]uint64
	for i := range digests {
		s := newSimulation(7)
		if broken := s.run(60); broken != "" {
			t.Skip("TestSimulation says what is broken")
		}
		digests[i] = s.digest.Sum64()
	}
	if digests[0] != digests[1] {
		t.Error("one seed has given two different runs")
	}
}
