package main

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp/kb"

	"letterlock/pipeline/portal/portaltest"
	"letterlock/pipeline/register"
	"letterlock/scanner/page"
	"letterlock/scanner/specimen"
)

// mostMemory is what the server and its children may take together while 50
// people read at once, in MB.
const mostMemory = 512

// TestFiftyReadersAtOnce: 50 people open letters in the same moment, and each is
// shown their pages. Pages are made a few at a time: whoever comes later waits,
// nobody is sent away, and no more children run than are meant to.
func TestFiftyReadersAtOnce(t *testing.T) {
	data := newSample(t)
	p := start(t, data, "", "--sample")
	p.isSetUp()
	readers := p.readers(50)
	letters := p.lettersOf(1, 2)
	use := p.watch()
	p.readAtOnce(readers, letters)
	if peak := use(); peak.children == 0 || peak.children > 3 || peak.mb == 0 || peak.mb > mostMemory {
		t.Errorf("while they read there were %d children, and %d MB of memory", peak.children, peak.mb)
	}
	shown := map[int64]bool{} // who is on record
	in := beside(t, data)
	defer in.close()
	for _, l := range letters {
		opened, err := in.register.Entries(t.Context(), -1, "letter-opened", l.ID, 1000)
		must(t, err)
		for _, e := range opened {
			shown[e.By] = true
		}
	}
	if len(shown) != len(readers) {
		t.Errorf("%d of %d readers are on record", len(shown), len(readers))
	}
}

// BenchmarkReaders is TestFiftyReadersAtOnce with letters of 20 pages: in colour, which
// are decoded as they are, and black on white as fax machines and many scanners send
// them, which PDFium draws.
func BenchmarkReaders(b *testing.B) {
	b.Run("colour", func(b *testing.B) { benchmarkReaders(b, func(data string) { dropsLong(b, data, 3) }) })
	b.Run("PDFium", func(b *testing.B) {
		benchmarkReaders(b, func(data string) {
			for n := range 3 {
				l := specimen.New(uint64(20+n), 20)
				l.DPI = 300
				must(b, drop(filepath.Join(data, "scanner", "respect-phoneline"), fmt.Sprintf("long%d.tif", n), l.G4TIFF()))
			}
		})
	})
}

func benchmarkReaders(b *testing.B, drops func(data string)) {
	data := newData(b)
	drops(data)
	p := start(b, data, "", "--sample")
	letters := p.announced(3)
	var peak usage
	var took []time.Duration
	for b.Loop() {
		readers := p.readers(50)
		use := p.watch()
		took = append(took, p.readAtOnce(readers, letters)...)
		if most := use(); most.mb > peak.mb {
			peak = most
		}
	}
	b.ReportMetric(float64(peak.mb), "MB")
	b.ReportMetric(float64(peak.alone), "MB-server")
	b.ReportMetric(float64(peak.mb)/mostMemory, "x-512MB")
	b.ReportMetric(float64(at(took, 50))/1e6, "ms-p50")
	b.ReportMetric(float64(at(took, 95))/1e6, "ms-p95")
}

// BenchmarkReading is what one reader waits for in a real browser, with a scan of
// 20 pages in colour and 5 MB, everything else being idle: the first page, from
// the click on the letter to its picture on the screen; its request alone; both
// as multiples of what PDFium takes to draw that page in this same run; and the
// next page, from the key to its picture on the screen, after the first was read for a
// moment, and how often that picture was in the browser before the key.
// Before it counts somebody reads every letter, so that all are warm: the browser, the
// children that draw, and the memory in which pages are made.
func BenchmarkReading(b *testing.B) {
	const scans = 5
	data := newData(b)
	scan := dropsLong(b, data, scans)
	p := start(b, data, "", "--sample")
	letters := p.announced(scans)
	bare := drawer(b, data, scan)
	browser := portaltest.New(b, p.origin())
	var seen, asked, next, drawn []time.Duration
	there := 0
	warming := true
	for b.Loop() {
		for i, who := range p.readers(9) {
			name, value, _ := strings.Cut(who.cookie, "=")
			browser.Be(name, value)
			if i > 0 && warming {
				warming, seen, asked, next, drawn, there = false, nil, nil, nil, nil, 0
			}
			for n := range letters {
				drawn = append(drawn, bare())
				browser.Open("/l/" + string(letters[(i+n)%len(letters)].ID))
				seen = append(seen, millis(b, browser.Finds(paintedAt)))
				asked = append(asked, millis(b, browser.Finds(`performance.getEntriesByName(document.querySelector("#page-1 img").currentSrc)[0].duration`)))
				for range 3 {
					time.Sleep(reads)
					browser.Finds(turnsPage)
					browser.Keys(kb.ArrowRight)
					next = append(next, millis(b, browser.Finds("await window.turned")))
					if browser.Finds("window.there") == "1" {
						there++
					}
				}
			}
		}
	}
	b.ReportMetric(float64(at(seen, 95))/1e6, "first-ms-p95")
	b.ReportMetric(float64(at(seen, 50))/1e6, "first-ms-p50")
	b.ReportMetric(float64(at(asked, 95))/1e6, "image-ms-p95")
	b.ReportMetric(float64(at(asked, 50))/1e6, "image-ms-p50")
	b.ReportMetric(float64(at(next, 50))/1e6, "next-ms-p50")
	b.ReportMetric(float64(at(next, 95))/1e6, "next-ms-p95")
	b.ReportMetric(100*float64(there)/float64(len(next)), "next-there-%")
	b.ReportMetric(float64(at(asked, 50))/float64(at(drawn, 50)), "image-x-pdfium")
	b.ReportMetric(float64(at(seen, 50))/float64(at(drawn, 50)), "first-x-pdfium")
}

// reads is how long somebody reads a page, at the least.
const reads = time.Second

// paintedAt is when the first page was on the screen, in milliseconds since the
// click: Chromium's own largest contentful paint.
const paintedAt = `await new Promise((seen) => new PerformanceObserver((all) => {
	const page = all.getEntries().find((e) => e.element?.closest("#page-1"));
	if (page) seen(page.startTime);
}).observe({type: "largest-contentful-paint", buffered: true}))`

// turnsPage makes window.turned the milliseconds from the next key until the page to
// which it leads is on the screen, and window.there whether its picture had come already.
const turnsPage = `document.addEventListener("keydown", (e) => {
	const image = document.activeElement.querySelector("img");
	window.there = image.complete ? 1 : 0;
	window.turned = (async () => {
		await new Promise(requestAnimationFrame);
		await image.decode();
		await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
		return performance.now() - e.timeStamp;
	})();
}, {once: true})`

// dropsLong drops so many scans of 20 pages in colour, of some 5 MB, for Respect
// Phoneline, before the program is started. They look alike, and each has a byte
// of its own behind its end, so that none is taken for another.
func dropsLong(b *testing.B, data string, scans int) (scan []byte) {
	l := specimen.New(20, 20)
	l.DPI = 240
	scan = l.ColourPDF()
	for n := range scans {
		must(b, drop(filepath.Join(data, "scanner", "respect-phoneline"), fmt.Sprintf("long%d.pdf", n), fmt.Appendf(slices.Clip(scan), "%%%d\n", n)))
	}
	return scan
}

// announced waits for the sample's letters and for the long ones, and returns these.
func (p *program) announced(long int) []register.Letter {
	for n := range long + 1 { // each may take a while
		p.eventually("long letters are announced", func() bool { return p.status().Letters[register.Notified] >= 3+n })
	}
	return p.lettersOf(20)
}

// readers are so many new team leaders of Respect Phoneline, each signed in.
func (p *program) readers(n int) (all []*person) {
	p.t.Helper()
	in := beside(p.t, p.data)
	defer in.close()
	var names []string
	for range n {
		who := register.Person{Email: "reader@example.org", Role: register.TeamLeader, Helplines: []string{"respect-phoneline"}}
		who.Name = "Reader " + strconv.FormatInt(time.Now().UnixNano(), 36)
		_, err := in.register.AddPerson(p.t.Context(), who)
		must(p.t, err)
		names = append(names, who.Name)
	}
	must(p.t, in.samplePolicy(p.t.Context()))
	for _, name := range names {
		all = append(all, p.signsIn(name))
	}
	return all
}

// readAtOnce has everybody open a letter at once and look at its first pages, one
// after the other, and returns how long each of them took.
func (p *program) readAtOnce(readers []*person, letters []register.Letter) (took []time.Duration) {
	p.t.Helper()
	var wait sync.WaitGroup
	var mu sync.Mutex
	for i, who := range readers {
		wait.Go(func() {
			l := letters[i%len(letters)]
			path := "/l/" + string(l.ID)
			if status, body := who.do(http.MethodGet, path, nil); status != http.StatusOK {
				p.t.Errorf("the letter: %d\n%s", status, body)
				return
			}
			for n := 1; n <= min(l.Pages, 4); n++ {
				begin := time.Now()
				if status, body := who.do(http.MethodGet, fmt.Sprintf("%s/page/%d.jpg", path, n), nil); status != http.StatusOK || !strings.HasPrefix(body, "\xff\xd8") {
					p.t.Errorf("page %d: %d\n%.1000s", n, status, body)
					return
				}
				mu.Lock()
				took = append(took, time.Since(begin))
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	if p.t.Failed() {
		p.t.Fatalf("it said:\n%s", p.out)
	}
	return took
}

// usage is what the program and its children take: MB of memory, together and of
// the program alone, and how many children there are.
type usage struct{ mb, alone, children int }

// watch looks at it from now on, until the most that it saw is asked for.
func (p *program) watch() (most func() usage) {
	end, ended := make(chan struct{}), make(chan struct{})
	var peak usage
	go func() {
		defer close(ended)
		for {
			u := usageOf(p.cmd.Process.Pid)
			peak = usage{max(peak.mb, u.mb), max(peak.alone, u.alone), max(peak.children, u.children)}
			select {
			case <-end:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return sync.OnceValue(func() usage {
		close(end)
		<-ended
		return peak
	})
}

// usageOf adds up what lies in memory of a process and of its children. The
// program's own file, which they share, counts once.
func usageOf(pid int) (u usage) {
	var shared int
	for _, n := range append(childrenOf(pid), pid) {
		if n != pid {
			u.children++
		}
		status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", n)) // it may have ended meanwhile
		var own, file int
		for line := range strings.Lines(string(status)) {
			switch f := append(strings.Fields(line), "", ""); f[0] {
			case "RssAnon:", "RssShmem:":
				kb, _ := strconv.Atoi(f[1])
				own += kb >> 10
			case "RssFile:":
				kb, _ := strconv.Atoi(f[1])
				file = kb >> 10
			}
		}
		if u.mb, shared = u.mb+own, max(shared, file); n == pid {
			u.alone = own + file
		}
	}
	u.mb += shared
	return u
}

// childrenOf are the processes that a process has started.
func childrenOf(pid int) (all []int) {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		stat, _ := os.ReadFile(name)
		_, after, _ := strings.Cut(string(stat), ") ")
		if f := strings.Fields(after); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			all = append(all, n)
		}
	}
	return all
}

// drawer returns what has PDFium draw the scan's first page at the resolution of
// the portal's, and says how long that took. The document is opened anew each time:
// PDFium keeps the pictures of one that is open, and draws them in half of the time.
func drawer(b *testing.B, data string, scan []byte) func() time.Duration {
	pages, err := page.Open(page.Config{Children: 1, CacheDir: filepath.Join(data, "state", "cache")})
	must(b, err)
	b.Cleanup(func() { _ = pages.Close() })
	return func() time.Duration {
		doc, err := pages.Document(b.Context(), scan)
		must(b, err)
		defer doc.Close()
		begin := time.Now()
		_, err = doc.Colour(b.Context(), 1, 150)
		must(b, err)
		return time.Since(begin)
	}
}

func millis(b *testing.B, said string) time.Duration {
	ms, err := strconv.ParseFloat(said, 64)
	must(b, err)
	return time.Duration(ms * float64(time.Millisecond))
}

// at is what so many of a hundred took at most.
func at(took []time.Duration, percent int) time.Duration {
	sorted := slices.Sorted(slices.Values(took))
	return sorted[min(len(sorted)*percent/100, len(sorted)-1)]
}
