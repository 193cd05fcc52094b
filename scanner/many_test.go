package scanner

import (
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

var manyFiles = flag.Int("files", 0, "how many scans TestManyAtOnce drops; default 150 in CI, 40 elsewhere")

// TestManyAtOnce moves a folder of real scans in at once, more than one pass can
// take. Each becomes one letter, of its own bytes, with one slip. It says what
// the first of them have cost, and the last. With ten thousand it takes the
// better part of an hour on two cores:
//
//	go test ./scanner -run TestManyAtOnce -files 10000 -timeout 0 -v
func TestManyAtOnce(t *testing.T) {
	n := *manyFiles
	switch {
	case n > 0:
	case os.Getenv("LETTERLOCK_CI") == "1":
		n = 150
	default:
		n = 40
	}
	var deposited []letter.ID
	o := newOffice(t, func(o *office) {
		o.cfg.Step = func(step string, id letter.ID) {
			if step == "deposited" {
				deposited = append(deposited, id)
			}
		}
	})
	batch := filepath.Join(o.base, "batch")
	if err := os.Mkdir(batch, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(batch, fmt.Sprintf("scan %d.jpg", i)), sampleLetter(uint64(i)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(batch, filepath.Join(o.cfg.Folder, line, "batch")); err != nil {
		t.Fatal(err)
	}

	contents := map[[sha256.Size]byte]letter.ID{}
	var costs []time.Duration // of each letter from the one before
	for passes := 0; len(contents) < n; passes++ {
		if passes > n {
			t.Fatalf("after %d passes %d of %d are deposited", passes, len(contents), n)
		}
		deposited = deposited[:0]
		start := time.Now()
		o.pass(1)
		for range deposited {
			costs = append(costs, time.Since(start)/time.Duration(len(deposited)))
		}
		for _, id := range deposited {
			sum := sha256.Sum256(o.readBack(id))
			if other, twice := contents[sum]; twice {
				t.Fatalf("letters %s and %s hold the same scan", other, id)
			}
			contents[sum] = id
		}
	}
	for range 200 {
		if o.now = o.now.Add(time.Minute); len(o.jobs) == 0 {
			break
		}
		o.pass(1)
	}
	o.ended(n)
	if slips := len(o.slips()); slips != n {
		t.Errorf("%d letters have %d slips", n, slips)
	}
	tenth := max(1, n/10)
	t.Logf("%d scans: each of the first %d took %v, each of the last %v", n, tenth, mean(costs[:tenth]), mean(costs[len(costs)-tenth:]))
}

// readBack is what the letter holds; the server answers that it is verified.
func (o *office) readBack(id letter.ID) []byte {
	o.Helper()
	msg, err := o.bucket.Get(o.Context(), letter.IncomingKey("office", id))
	if err != nil {
		o.Fatal(err)
	}
	m, err := letter.OpenManifest(msg, o.site)
	if err != nil {
		o.Fatal(err)
	}
	plain := o.opens(m)
	o.answer(m, letter.PaperKept, "")
	return plain
}

func mean(of []time.Duration) time.Duration {
	var sum time.Duration
	for _, d := range of {
		sum += d
	}
	return (sum / time.Duration(len(of))).Round(100 * time.Microsecond)
}
