package scanner

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkAfterTenThousand is what a letter costs an edge from its first look
// to its end, its receipt and slip included, where ten thousand letters of the
// last months were taken before, and where none was, in the same run. The children
// are left out: what they need is the same. by-none is the one over the other (1 is
// flat).
func BenchmarkAfterTenThousand(b *testing.B) {
	none, noneSpent := officeAfter(b, 0)
	many, manySpent := officeAfter(b, 10_000)
	scan := sampleLetter(1)
	var costs [2]time.Duration
	for n := 0; b.Loop(); n++ {
		data := fmt.Appendf(scan[:len(scan):len(scan)], "scan %d", n)
		for i, o := range []*office{none, many} {
			workshop := []*timed{noneSpent, manySpent}[i]
			workshop.spent = 0
			o.drop(line+"/scan.jpg", data)
			start := time.Now()
			o.pass(settled)
			costs[i] += time.Since(start) - workshop.spent
			b.StopTimer()
			o.verify()
			b.StartTimer()
			start = time.Now()
			o.pass(6)
			costs[i] += time.Since(start)
		}
	}
	b.ReportMetric(costs[0].Seconds()*1000/float64(b.N), "none-ms/op")
	b.ReportMetric(costs[1].Seconds()*1000/float64(b.N), "many-ms/op")
	b.ReportMetric(costs[1].Seconds()/costs[0].Seconds(), "by-none")
}

// officeAfter is an office that has taken so many letters, a hundred a day, whose
// papers lie there still.
func officeAfter(b *testing.B, letters int) (*office, *timed) {
	b.Helper()
	o := newOffice(b)
	o.pass(1)
	o.close()
	share, state := takenBefore(letters)
	for name, data := range share {
		o.lay("scanner/"+name, data)
	}
	for name, data := range state {
		o.lay("state/"+name, data)
	}
	workshop := &timed{Workshop: o.cfg.Workshop}
	o.cfg.Workshop = workshop
	o.open()
	o.pass(1)
	return o, workshop
}

// lay puts a file somewhere in the office.
func (o *office) lay(name string, data []byte) {
	o.Helper()
	full := filepath.Join(o.base, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(full), 0o700); err != nil {
		o.Fatal(err)
	}
	if err := os.WriteFile(full, data, 0o600); err != nil {
		o.Fatal(err)
	}
}
