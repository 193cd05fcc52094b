package inspect

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

// BenchmarkInspect says what a page costs, and how much memory this process and
// its child hold at most for 500 pages.
func BenchmarkInspect(b *testing.B) {
	l := specimen.New(1, 5)
	l.DPI = 300
	for _, c := range []struct {
		name  string
		scan  []byte
		times int
	}{{"G4", l.G4TIFF(), 1}, {"G4, 500 pages", l.G4TIFF(), 100}, {"colour", l.ColourPDF(), 1}} {
		b.Run(c.name, func(b *testing.B) {
			out, known := clean(b, c.scan)
			if c.times > 1 {
				out, known = repeated(b, out, known, c.times)
			}
			i := Inspector{Renderer: renderer(b, page.Config{})}
			if err := i.Renderer.Warm(b.Context()); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if _, err := i.Inspect(b.Context(), out, known); err != nil {
					b.Fatal(err)
				}
			}
			pages := l.Pages() * c.times
			b.ReportMetric(float64(b.Elapsed().Milliseconds())/float64(b.N*pages), "ms/page")
			for _, pid := range children() {
				b.ReportMetric(peak(pid), "MB-child")
			}
			b.ReportMetric(peak(os.Getpid()), "MB-self")
		})
	}
}

// repeated is a PDF that shows its pages many times.
func repeated(b *testing.B, out *os.File, known Scan, times int) (*os.File, Scan) {
	raw, err := io.ReadAll(out)
	if err != nil {
		b.Fatal(err)
	}
	tree := regexp.MustCompile(`/Count (\d+)/Kids\[([^\]]*)\]`)
	found := tree.FindStringSubmatch(string(raw))
	count, _ := strconv.Atoi(found[1])
	raw = tree.ReplaceAllLiteral(raw, fmt.Appendf(nil, "/Count %d/Kids[%s]", count*times, strings.Repeat(found[2]+" ", times)))
	var looks []pdf.Look
	for range times {
		looks = append(looks, known.Looks...)
	}
	return file(b, raw), Scan{Looks: looks}
}

// peak is the most memory that a process has held, in MB (VmHWM), or 0 where
// /proc is not mounted.
func peak(pid int) float64 {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(raw)) {
		if f := strings.Fields(line); len(f) > 1 && f[0] == "VmHWM:" {
			kb, _ := strconv.ParseFloat(f[1], 64)
			return kb / 1024
		}
	}
	return 0
}
