package scanner

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"letterlock/scanner/folder"
)

// BenchmarkIdleEdge lets an edge look for an hour at a folder in which nothing
// happens, where fifty thousand letters were taken and twenty-five thousand scans
// were refused, each with its note. It reports what share of a core that takes,
// by what the system says that the process has used.
func BenchmarkIdleEdge(b *testing.B) {
	o, _ := officeAfter(b, 50_000)
	refused := filepath.Join("scanner", line, folder.RefusedDir)
	for n := range 25_000 {
		scan := filepath.Join(refused, fmt.Sprintf("scan%d.pdf", n))
		o.lay(scan, []byte("a letter"))
		o.lay(scan+folder.NoteExt, []byte("a note"))
	}
	hour := func() time.Duration {
		before := used(b)
		for range time.Hour / o.Rescan {
			if err := o.Once(b.Context()); err != nil {
				b.Fatal(err)
			}
			o.now = o.now.Add(o.Rescan)
		}
		return used(b) - before
	}
	hour() // in which each slip of a start has its first turn
	var spent time.Duration
	for b.Loop() {
		spent += hour()
	}
	b.ReportMetric(100*spent.Hours()/float64(b.N), "%-of-a-core")
}

// used is the processor's time that this process has had.
func used(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
