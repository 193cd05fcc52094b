package scanner

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// BenchmarkPeakMemory takes one scan from the folder to its deposit and says how
// much memory that takes at most, in MB: of the edge itself (which is this test
// with all its code), of the child that makes the clean PDF, of the one that draws
// pages, and of all together at one moment.
func BenchmarkPeakMemory(b *testing.B) {
	for _, c := range []struct {
		name string
		scan func() []byte
	}{
		{"G4, 5 pages", func() []byte { return group4(5) }},
		{"G4, 500 pages", func() []byte { return group4(500) }},
		{"JPEG, 10 MB", func() []byte { return noiseJPEG(b, 2245) }},
		{"JPEG, 100 MB", func() []byte { return noiseJPEG(b, 7105) }},
		{"PDF, 100 MB", func() []byte { return colourScan(100_000_000) }},
	} {
		b.Run(c.name, func(b *testing.B) { benchmarkMemory(b, c.scan) })
	}
}

func benchmarkMemory(b *testing.B, scan func() []byte) {
	var deposited bool
	o := newOffice(b, func(o *office) {
		o.cfg.Step = func(step string, _ letter.ID) { deposited = deposited || step == "deposited" }
	})
	size := func() int {
		data := scan()
		o.drop(line+"/scan.pdf", data)
		return len(data)
	}()
	// What has made the scan does not count: it is given back, and the peak forgotten
	// (proc_pid_clear_refs(5)).
	debug.FreeOSMemory()
	debug.FreeOSMemory()
	if err := os.WriteFile("/proc/self/clear_refs", []byte("5"), 0); err != nil {
		b.Skip("the kernel does not say what a process has held: ", err)
	}
	most, done, ended := memory{}, make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			most.look()
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	}()
	for b.Loop() {
		o.pass(settled)
	}
	close(done)
	<-ended
	if !deposited {
		b.Fatalf("the scan was not taken: %v", o.given("refused"))
	}
	b.ReportMetric(float64(size)/1e6, "MB-scan")
	b.ReportMetric(most.edge, "MB-edge")
	b.ReportMetric(most.normaliser, "MB-normaliser")
	b.ReportMetric(most.renderer, "MB-renderer")
	b.ReportMetric(most.together, "MB-together")
}

// memory is the most that this process and its children have held, in MB.
type memory struct{ edge, normaliser, renderer, together float64 }

func (m *memory) look() {
	now, peak := memoryOf("self")
	m.edge = max(m.edge, peak)
	together := now
	lists, _ := filepath.Glob("/proc/self/task/*/children")
	for _, list := range lists {
		children, _ := os.ReadFile(list) // the thread is gone meanwhile
		for _, pid := range strings.Fields(string(children)) {
			now, peak := memoryOf(pid)
			together += now
			command, _ := os.ReadFile("/proc/" + pid + "/cmdline")
			switch {
			case bytes.Contains(command, []byte("normalise-child")):
				m.normaliser = max(m.normaliser, peak)
			case bytes.Contains(command, []byte("render-child")):
				m.renderer = max(m.renderer, peak)
			}
		}
	}
	m.together = max(m.together, together)
}

// memoryOf is how much memory a process holds and has held at most, in MB (VmRSS and
// VmHWM of proc_pid_status(5)).
func memoryOf(pid string) (now, peak float64) {
	status, _ := os.ReadFile("/proc/" + pid + "/status")
	for line := range strings.Lines(string(status)) {
		name, value, _ := strings.Cut(line, ":")
		kilobytes, _ := strconv.ParseFloat(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 64)
		switch name {
		case "VmRSS":
			now = kilobytes / 1000
		case "VmHWM":
			peak = kilobytes / 1000
		}
	}
	return now, peak
}

func group4(pages int) []byte {
	l := specimen.New(31, pages)
	l.DPI = 300
	return l.G4TIFF()
}

// noiseJPEG is a picture of which nothing can be made smaller: two bytes a dot.
func noiseJPEG(b *testing.B, side int) []byte {
	b.Helper()
	img := image.NewRGBA(image.Rect(0, 0, side, side))
	chance := rand.NewChaCha8([32]byte{})
	_, _ = chance.Read(img.Pix) // it never fails
	var out bytes.Buffer
	if err := jpeg.Encode(&out, img, &jpeg.Options{Quality: 100}); err != nil {
		b.Fatal(fmt.Errorf("making a scan: %w", err))
	}
	return out.Bytes()
}
