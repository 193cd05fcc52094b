package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"image"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/realpart"
	"letterlock/scanner/separator"
	"letterlock/scanner/specimen"
)

// BenchmarkDropToDeposit takes a scan from its first look to its deposit, beside
// three others in the same run; of each the quickest of all turns, since a disk that
// others use as well makes some of them slow. The time a scan has to be still is no
// work and not in it, nor are the looks before the one that finds it settled.
// workshop-ms is what pdfcpu and pdfium need in their children,
// deposit-ms all the rest. by-copy is deposit-ms over a raw durable copy of the file
// into another folder; by-store the same over one into the same store, with a
// manifest; by-script all of Letterlock's work over that of the script which a careful
// administrator would write.
//
// A short letter cannot come near a raw copy, which waits for the disk twice: for the
// file and for its name. Letterlock waits seven times in a folder store, since each
// must be sure before the next: what is known of the claim, the scan's arrival in it,
// the sealed letter with its manifest, the names of both in the spool, the letter's
// name in the store, the manifest in the store, and its name there, which is the
// commit (TestWhatALetterCosts says what the lack of each would lose). The store's own
// are the last three of them, and a raw copy into it waits four times. Of a long letter
// what is left is mostly the seal; in an S3 server it is sent once more, after it
// is safe in the spool, since it must never be sealed twice.
func BenchmarkDropToDeposit(b *testing.B) {
	inAllStores(b, func(b *testing.B, store string, size int) { benchmarkDeposit(b, store, size, true) })
}

// BenchmarkDeposit is BenchmarkDropToDeposit without the workshop, for which a copy
// is made, and without the script: what is left can be had in many turns, also with the
// longest scans.
func BenchmarkDeposit(b *testing.B) {
	inAllStores(b, func(b *testing.B, store string, size int) { benchmarkDeposit(b, store, size, false) })
}

func inAllStores(b *testing.B, benchmark func(b *testing.B, store string, size int)) {
	for _, store := range []string{"dir", "minio"} {
		for _, size := range []int{100_000, 1_000_000, 10_000_000, 100_000_000} {
			b.Run(fmt.Sprintf("%s/%dkB", store, size/1000), func(b *testing.B) { benchmark(b, store, size) })
		}
	}
}

// copying is a workshop that takes every scan for a clean PDF of one page.
type copying struct{ Workshop }

func (copying) Normalise(_ context.Context, scan, clean disk.File) (pdf.Result, error) {
	info, err := scan.Stat()
	if err == nil {
		_, err = io.Copy(clean, io.NewSectionReader(scan, 0, info.Size()))
	}
	return pdf.Result{Pages: 1, Format: pdf.PDF}, err
}

func (copying) Inspect(context.Context, disk.File, disk.File, pdf.Result, func(int, *image.Gray)) (letter.Flags, []separator.Page, error) {
	return "", make([]separator.Page, 1), nil
}

// timed is a workshop whose time is taken.
type timed struct {
	Workshop
	spent time.Duration
}

func (t *timed) Normalise(ctx context.Context, scan, clean disk.File) (pdf.Result, error) {
	defer func(start time.Time) { t.spent += time.Since(start) }(time.Now())
	return t.Workshop.Normalise(ctx, scan, clean)
}

func (t *timed) Inspect(ctx context.Context, scan, clean disk.File, made pdf.Result, see func(int, *image.Gray)) (letter.Flags, []separator.Page, error) {
	defer func(start time.Time) { t.spent += time.Since(start) }(time.Now())
	return t.Workshop.Inspect(ctx, scan, clean, made, see)
}

func benchmarkDeposit(b *testing.B, store string, size int, whole bool) {
	var id letter.ID
	var deposited time.Time
	var workshop *timed
	var elsewhere script
	o := newOffice(b, func(o *office) {
		o.cfg.Step = func(step string, of letter.ID) {
			if step == "deposited" {
				id, deposited = of, time.Now()
			}
		}
		workshop = &timed{Workshop: o.cfg.Workshop}
		if !whole {
			workshop.Workshop = copying{o.cfg.Workshop}
		}
		o.cfg.Workshop = workshop
		elsewhere = script{b: b, to: o.weeks.Recipient().String(), target: filepath.Join(o.base, "script.age")}
		if store == "minio" {
			server, cfg := startMinIO(b, o)
			// The server's clock is none of this office's.
			o.cfg.Store = witness{openS3(b, cfg), func() (time.Time, error) { return o.now, nil }}
			elsewhere.target = fmt.Sprintf(":s3,provider=Minio,access_key_id=%s,secret_access_key=%s,endpoint='%s':%s/script.age",
				server.AccessKey, server.SecretKey, server.URL, cfg.Bucket)
		}
	})
	scan := colourScan(size)
	var workshops, rest, all, raw, bare, scripted quickest
	b.SetBytes(int64(len(scan)))
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		data := fmt.Appendf(slices.Clip(scan), "\n%% scan %d\n", n) // no duplicate of the one before
		o.drop(line+"/scan.pdf", data)
		source := filepath.Join(o.base, "source")
		if err := os.WriteFile(source, data, 0o600); err != nil {
			b.Fatal(err)
		}
		raw.of(durableCopy(b, source, filepath.Join(o.base, "copy")))
		bare.of(o.copyInto(b, source, store == "minio"))
		if whole {
			scripted.of(elsewhere.run(source))
		}
		workshop.spent = 0
		o.pass(settled - 1)
		b.StartTimer()
		start := time.Now()
		o.pass(1)
		b.StopTimer()
		total := deposited.Sub(start)
		all.of(total)
		workshops.of(workshop.spent)
		rest.of(total - workshop.spent)
		o.done(b, id)
		b.StartTimer()
	}
	b.ReportMetric(rest.ms(), "deposit-ms")
	b.ReportMetric(raw.ms(), "copy-ms")
	b.ReportMetric(bare.ms(), "store-ms")
	b.ReportMetric(rest.ms()/raw.ms(), "by-copy")
	b.ReportMetric(rest.ms()/bare.ms(), "by-store")
	if whole {
		b.ReportMetric(workshops.ms(), "workshop-ms")
		b.ReportMetric(scripted.ms(), "script-ms")
		b.ReportMetric(all.ms()/scripted.ms(), "by-script")
	}
}

// quickest is the shortest of the times of all turns.
type quickest struct{ time.Duration }

func (q *quickest) of(turn time.Duration) {
	if q.Duration == 0 || turn < q.Duration {
		q.Duration = turn
	}
}

func (q *quickest) ms() float64 { return q.Seconds() * 1000 }

// copyInto is how long a raw copy of a file into the store takes, with a manifest. A
// server has to be told the hash beforehand; a folder store finds it while it copies.
func (o *office) copyInto(b *testing.B, from string, server bool) time.Duration {
	b.Helper()
	check := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	source, err := os.Open(from)
	check(err)
	defer source.Close()
	start := time.Now()
	hash := sha256.New()
	size, err := io.Copy(hash, source)
	check(err)
	if !server {
		start = time.Now()
	}
	id, manifest := letter.NewID(), make([]byte, 600)
	key := letter.ObjectKey(letter.SixMonths, line, letter.DateOf(o.now), id)
	// Not as a file, or a folder store would give it a second name.
	_, err = o.cfg.Store.Put(b.Context(), key, struct{ io.ReadSeeker }{source}, size, [sha256.Size]byte(hash.Sum(nil)), deposit.CreateOnly)
	check(err)
	_, err = o.cfg.Store.Put(b.Context(), letter.IncomingKey("bare", id), bytes.NewReader(manifest), int64(len(manifest)), sha256.Sum256(manifest), deposit.Replace)
	check(err)
	return time.Since(start)
}

// done answers a manifest without reading the letter.
func (o *office) done(b *testing.B, id letter.ID) {
	msg, err := o.cfg.Store.Get(b.Context(), letter.IncomingKey("office", id))
	if err != nil {
		b.Fatal(err)
	}
	m, err := letter.OpenManifest(msg, o.site)
	if err != nil {
		b.Fatal(err)
	}
	receipt, err := letter.Receipt{ID: id, Version: "1", SHA256: m.SHA256, Paper: letter.PaperDestroyed}.Sign(o.server)
	if err == nil {
		_, err = o.cfg.Store.Put(b.Context(), letter.ReceiptKey("office", id), bytes.NewReader(receipt), int64(len(receipt)), sha256.Sum256(receipt), deposit.Replace)
	}
	if err != nil {
		b.Fatal(err)
	}
	o.pass(5)
}

// script is what a careful administrator would have instead of Letterlock: for
// each file that inotifywait names, qpdf, age and rclone.
type script struct {
	b          *testing.B
	to, target string
}

func (s script) run(source string) time.Duration {
	start := time.Now()
	for _, command := range [][]string{
		{"qpdf", source, source + ".clean"},
		{"age", "-r", s.to, "-o", source + ".age", source + ".clean"},
		{"rclone", "copyto", "--config", "", source + ".age", s.target},
	} {
		realpart.Tool(s.b, command[0], command[0])
		run := exec.Command(command[0], command[1:]...)
		run.Env = append(os.Environ(), "AWS_CA_BUNDLE=") // rclone stumbles over one
		if out, err := run.CombinedOutput(); err != nil {
			s.b.Fatalf("%s: %v\n%s", command[0], err, out)
		}
	}
	return time.Since(start)
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
	_ = os.Remove(to) // what a store has adopted is never written to
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
