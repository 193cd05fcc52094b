package scanner

import (
	"crypto/sha256"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// BenchmarkDropToDeposit takes a scan from its first look to its deposit in a
// directory store, beside a raw durable copy of the same file in the same run.
// The time it has to be still is no work and not in it. Of the work,
// normalise-ms is step 3, mostly pdfcpu in its child process, and deposit-ms is
// all the rest; ratio is copy-ms to deposit-ms, so that 1 is as fast as a copy.
func BenchmarkDropToDeposit(b *testing.B) {
	for name, size := range map[string]int{"1MB": 1_000_000, "10MB": 10_000_000} {
		b.Run(name, func(b *testing.B) { benchmarkDeposit(b, size) })
	}
}

func benchmarkDeposit(b *testing.B, size int) {
	at := map[string]time.Time{}
	o := newOffice(b, func(o *office) {
		o.cfg.Step = func(step string, _ letter.ID) { at[step] = time.Now() }
	})
	scan := colourScan(size)
	var normalise, rest, raw time.Duration
	b.SetBytes(int64(len(scan)))
	for b.Loop() {
		b.StopTimer()
		o.drop(line+"/scan.pdf", scan)
		source := filepath.Join(o.base, "source")
		if err := os.WriteFile(source, scan, 0o600); err != nil {
			b.Fatal(err)
		}
		raw += durableCopy(b, source, filepath.Join(o.base, "copy"))
		b.StartTimer()
		start := time.Now()
		o.pass(settled)
		b.StopTimer()
		step3 := at["normalised"].Sub(at["claimed"])
		normalise += step3
		rest += at["deposited"].Sub(start) - step3
		for _, key := range o.keys(letter.IncomingPrefix) {
			o.take(b, key)
		}
		o.pass(5)
		b.StartTimer()
	}
	perOp := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.N) }
	b.ReportMetric(perOp(normalise), "normalise-ms/op")
	b.ReportMetric(perOp(rest), "deposit-ms/op")
	b.ReportMetric(perOp(raw), "copy-ms/op")
	b.ReportMetric(raw.Seconds()/rest.Seconds(), "ratio")
}

// take answers a manifest without reading the letter, and forgets both.
func (o *office) take(b *testing.B, key string) {
	msg, err := o.bucket.Get(b.Context(), key)
	if err != nil {
		b.Fatal(err)
	}
	m, err := letter.OpenManifest(msg, o.site)
	if err != nil {
		b.Fatal(err)
	}
	o.answer(m, letter.PaperDestroyed, "")
	for _, gone := range []string{key, m.ObjectKey()} {
		if err := o.bucket.Root().Remove(gone); err != nil {
			b.Fatal(err)
		}
	}
}

// colourScan is a scan of at least that many bytes.
func colourScan(size int) []byte {
	l := specimen.New(1, 1)
	page := len(l.ColourPDF())
	return specimen.New(1, 1+size/page).ColourPDF()
}

// durableCopy is the least that anything can do that hashes a file and keeps
// it: read, SHA-256, write, sync the file and its folder.
func durableCopy(b *testing.B, from, to string) time.Duration {
	b.Helper()
	start := time.Now()
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	in, err := os.Open(from)
	check(err)
	defer in.Close()
	out, err := os.Create(to)
	check(err)
	_, err = io.Copy(io.MultiWriter(out, sha256.New()), in)
	check(err)
	check(out.Sync())
	check(out.Close())
	dir, err := os.Open(filepath.Dir(to))
	check(err)
	defer dir.Close()
	check(dir.Sync())
	return time.Since(start)
}

// BenchmarkGoingOnAfterKill is the time from the death of a process that has
// just normalised a letter until a fresh process has sealed it: what a crash
// costs when the system starts the program again at once.
func BenchmarkGoingOnAfterKill(b *testing.B) {
	scan := sampleLetter(1)
	for b.Loop() {
		b.StopTimer()
		c := crash{Base: b.TempDir(), Step: "normalised", Secrets: newSecrets(b)}
		buildOffice(b, c.Base, c.Secrets).drop(line+"/scan.jpg", scan)
		c.happens(b)
		c.Step = "sealed"
		b.StartTimer()
		c.happens(b)
	}
}
