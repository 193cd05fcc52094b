package pdf_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// fiveHundredPages is a Group 4 TIFF of 500 pages at 300 dots per inch.
func fiveHundredPages(b *testing.B) *os.File {
	b.Helper()
	l := specimen.New(31, 500)
	l.DPI = 300
	return file(b, l.G4TIFF())
}

// BenchmarkFiveHundredPagesOfGroup4 compares making a clean PDF with a durable
// copy of the same file, and tells how much memory the child took.
func BenchmarkFiveHundredPagesOfGroup4(b *testing.B) {
	scan, out := fiveHundredPages(b), file(b, nil)
	size, err := scan.Seek(0, io.SeekEnd)
	if err != nil {
		b.Fatal(err)
	}
	var copying, making time.Duration
	for b.Loop() {
		begun := time.Now()
		durableCopy(b, scan, filepath.Join(b.TempDir(), "copy"))
		copying += time.Since(begun)
		begun = time.Now()
		result, err := pdf.Normaliser{}.Normalise(context.Background(), scan, out)
		if err != nil || result.Pages != 500 {
			b.Fatal(result.Pages, err)
		}
		if err := out.Sync(); err != nil {
			b.Fatal(err)
		}
		making += time.Since(begun)
	}
	made, err := out.Seek(0, io.SeekEnd)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(making.Seconds()/copying.Seconds(), "x-copy")
	b.ReportMetric(float64(made)/float64(size), "x-size")
	b.ReportMetric(float64(size)/1e6, "MB-scan")
	b.ReportMetric(peakMemory(b, scan), "MB-peak")
}

func durableCopy(b *testing.B, from *os.File, to string) {
	b.Helper()
	copied, err := os.Create(to)
	if err != nil {
		b.Fatal(err)
	}
	defer copied.Close()
	if _, err := from.Seek(0, io.SeekStart); err != nil {
		b.Fatal(err)
	}
	if _, err := io.Copy(copied, from); err != nil {
		b.Fatal(err)
	}
	if err := copied.Sync(); err != nil {
		b.Fatal(err)
	}
}

// peakMemory is the most memory in MB that the child held at once, as the kernel
// counts it; 0 where that cannot be seen.
func peakMemory(b *testing.B, scan *os.File) float64 {
	b.Helper()
	done, peak := make(chan struct{}), make(chan float64)
	go func() {
		most := 0.0
		for {
			select {
			case <-done:
				peak <- most
				return
			case <-time.After(2 * time.Millisecond):
				most = max(most, childrensPeak())
			}
		}
	}()
	_, err := pdf.Normaliser{}.Normalise(context.Background(), scan, file(b, nil))
	close(done)
	if err != nil {
		b.Fatal(err)
	}
	return <-peak
}

// childrensPeak looks how much memory, in MB, any child of this process has held
// so far.
func childrensPeak() (most float64) {
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		numbers, _ := os.ReadFile(list) // gone meanwhile, or not a Linux
		for _, number := range strings.Fields(string(numbers)) {
			status, _ := os.ReadFile("/proc/" + number + "/status")
			for line := range strings.Lines(string(status)) {
				var kilobytes float64
				if _, err := fmt.Sscanf(line, "VmHWM: %f kB", &kilobytes); err == nil {
					most = max(most, kilobytes/1000)
				}
			}
		}
	}
	return most
}
