package folder

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"letterlock/scanner/disk"
)

// fill drops n files into a folder, without the test's care for each.
func (o *office) fill(dir string, n int, content string) {
	o.Helper()
	full := filepath.Join(o.dir, dir)
	if err := os.MkdirAll(full, 0o755); err != nil {
		o.Fatal(err)
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(full, fmt.Sprintf("scan%06d.pdf", i)), []byte(content), 0o644); err != nil {
			o.Fatal(err)
		}
	}
}

// TestTenThousandAtOnce takes 10,000 files that were moved in at once: each
// once, and with few walks through the folder.
func TestTenThousandAtOnce(t *testing.T) {
	n := 2000
	if os.Getenv("LETTERLOCK_CI") == "1" {
		n = 10_000
	}
	o := open(t)
	o.fill(line, n, whole)
	seen := map[string]bool{}
	looks := 0
	for len(seen) < n {
		v := o.look()
		if looks++; looks > n/offeredAtOnce+10 {
			t.Fatalf("%d of %d after %d looks: %+v", len(seen), n, looks, v.Arriving)
		}
		if got := len(v.Settled) + v.arriving() + len(seen); got != n {
			t.Fatalf("%d of %d files are accounted for", got, n)
		}
		for _, s := range v.Settled {
			if seen[s.path] {
				t.Fatal("a scan was offered twice")
			}
			seen[s.path] = true
			o.mem.claimed(s)
			if err := os.Remove(filepath.Join(o.dir, s.path)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if v := o.look(); len(v.Settled)+v.arriving() > 0 || v.More {
		t.Errorf("left over: %+v", v)
	}
}

// BenchmarkLook looks at files that are waited for, and reports the cost of one
// among ten thousand as a multiple of one among a hundred.
func BenchmarkLook(b *testing.B) {
	each := func(n int) float64 {
		o := open(b)
		o.fill(line, n, "SCAN of a let")
		for range 5 {
			o.look()
		}
		const looks = 10
		begin := time.Now()
		for range looks * 10_000 / n {
			o.look()
		}
		o.Folder.Close()
		return time.Since(begin).Seconds() / (looks * 10_000)
	}
	for b.Loop() {
		few, many := each(100), each(10_000)
		b.ReportMetric(many*1e9, "ns/file")
		b.ReportMetric(many/few, "x-cost-of-one-in-10000-to-one-in-100")
	}
}

// BenchmarkIdle looks at a folder in which nothing arrives, and reports what
// share of one core that takes every three seconds: with a hundred thousand
// files in refused/ and taken/, and as a multiple of none.
func BenchmarkIdle(b *testing.B) {
	each := func(n int) float64 {
		o := open(b)
		o.fill(line+"/refused", n/2, whole)
		o.fill(line+"/taken", n/2, whole)
		begin := time.Now()
		const looks = 1000
		for range looks {
			o.look()
		}
		o.Folder.Close()
		return time.Since(begin).Seconds() / looks
	}
	for b.Loop() {
		none, many := each(0), each(100_000)
		b.ReportMetric(100*many/3, "%-of-a-core")
		b.ReportMetric(many/none, "x-cost-of-100000-to-none")
	}
}

// BenchmarkClaim claims scans, and reports the cost of one among ten thousand
// as a multiple of one among a hundred, with all the looks in between.
func BenchmarkClaim(b *testing.B) {
	each := func(n int) float64 {
		o := open(b)
		o.fill(line, n, whole)
		begin := time.Now()
		for claimed := 0; claimed < n; {
			for _, s := range o.look().Settled {
				if _, err := o.Claim(s); err != nil {
					b.Fatal(err)
				}
				claimed++
			}
		}
		o.Folder.Close()
		return time.Since(begin).Seconds() / float64(n)
	}
	for b.Loop() {
		few, many := each(100), each(10_000)
		b.ReportMetric(many*1e6, "µs/scan")
		b.ReportMetric(many/few, "x-cost-of-one-in-10000-to-one-in-100")
	}
}

// BenchmarkGiveBack gives back scans that all have the name of those that were
// given back before.
func BenchmarkGiveBack(b *testing.B) {
	each := func(before int) float64 {
		o := open(b)
		for n := range before {
			o.drop(line+"/refused/"+disk.Numbered("scan.pdf", n+1, disk.MaxName), "")
		}
		var spent time.Duration
		for range 100 {
			c := o.take(line+"/scan.pdf", "Dear all")
			begin := time.Now()
			if err := o.GiveBack(&c, RefusedDir, Note{}); err != nil {
				b.Fatal(err)
			}
			spent += time.Since(begin)
		}
		o.Folder.Close()
		return spent.Seconds()
	}
	for b.Loop() {
		few, many := each(0), each(10_000)
		b.ReportMetric(many/few, "x-cost-after-10000-to-after-none")
	}
}

// BenchmarkCount counts beside a running edge.
func BenchmarkCount(b *testing.B) {
	o := open(b)
	o.fill(line+"/refused", 50_000, whole)
	for i := range 50_000 {
		if err := os.WriteFile(filepath.Join(o.dir, line, "refused", fmt.Sprintf("scan%06d.pdf.txt", i)), nil, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if n, err := Count(o.dir, []string{line}); err != nil || n.Refused != 50_000 {
			b.Fatal(n, err)
		}
	}
}
