package progress

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"letterlock/cmd/progress/terminaltest"
)

// screen is one without a terminal, or with one that is so many columns wide.
func screen(columns int) (*Screen, *bytes.Buffer) {
	var out bytes.Buffer
	s := On(&out)
	if columns > 0 {
		s.columns, s.patient = func() int { return columns }, patience
	}
	return s, &out
}

func TestWhatIsQuickIsNotShown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, columns := range []int{0, 80} {
			s, out := screen(columns)
			work := s.Begin("Reading the backup", Bytes, 100)
			time.Sleep(s.patient - time.Millisecond)
			work.End()
			if out.Len() > 0 {
				t.Errorf("on %d columns it said %q", columns, out)
			}
		}
	})
}

// Without a terminal there is a line after ten seconds, and then fewer and fewer.
func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, out := screen(0)
		work := s.Begin("Reading the backup", Bytes, 1e9)
		var lines []string
		for second := range 200 {
			work.Set(int64(second)*1e9/200, 1e9)
			time.Sleep(1001 * time.Millisecond)
			s.mu.Lock()
			if out.Len() > 0 {
				lines = append(lines, fmt.Sprintf("%d %s", second, out))
				out.Reset()
			}
			s.mu.Unlock()
		}
		work.End()
		want := []string{"9", "19", "29", "39", "49", "59", "119", "179"}
		if len(lines) != len(want) {
			t.Fatalf("lines: %q", lines)
		}
		for i, at := range want {
			if !strings.HasPrefix(lines[i], at+" Reading the backup: ") || strings.Count(lines[i], "\n") != 1 || strings.Contains(lines[i], "\r") {
				t.Errorf("line %d: %q", i, lines[i])
			}
		}
		if want := "59 Reading the backup: 30 % of 1.0 GB, about 2 minutes left.\n"; lines[5] != want {
			t.Errorf("said %q, want %q", lines[5], want)
		}
		if out.Len() > 0 {
			t.Errorf("at its end it said %q", out)
		}
	})
}

func TestABarMakesWayAndGoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, out := screen(80)
		sees := func(want ...string) {
			t.Helper()
			s.mu.Lock()
			defer s.mu.Unlock()
			if got := terminaltest.Shown(out.String()); !slices.Equal(got, want) {
				t.Errorf("shown: %q, want %q", got, want)
			}
		}
		outer := s.Begin("Comparing with the bucket", "letter", 0)
		work := s.Begin("Reading the backup", Entries, 1000)
		time.Sleep(4100 * time.Millisecond)
		sees("Reading the backup [..............................] 0 % of 1000 entries")
		work.Add(250)
		time.Sleep(time.Second)
		sees("Reading the backup [###.........] 25 % of 1000 entries, less than a minute left")
		fmt.Fprintln(s, "a line of the log")
		sees("a line of the log", "")
		time.Sleep(time.Second)
		work.End()
		sees("a line of the log", "")
		time.Sleep(time.Second)
		sees("a line of the log", "Comparing with the bucket: 7 seconds so far")
		// A question stands at the end of its line, and is not drawn over.
		fmt.Fprint(s, "Replay all this? [y/N] ")
		time.Sleep(time.Second)
		sees("a line of the log", "Replay all this? [y/N]")
		fmt.Fprintln(s)
		time.Sleep(time.Second)
		sees("a line of the log", "Replay all this? [y/N]", "Comparing with the bucket: 9 seconds so far")
		outer.End()
		sees("a line of the log", "Replay all this? [y/N]", "")
	})
}

func TestBarFitsEveryWidth(t *testing.T) {
	began := time.Now()
	for columns := range 200 {
		for _, done := range []int64{-1, 0, 1, 50, 100, 120} {
			s, _ := screen(columns)
			w := &Work{screen: s, says: "Verifying the register in it", unit: Entries, began: began}
			w.look = func() (int64, int64) { return done, 100 }
			line := w.bar(began.Add(time.Minute), columns)
			if len(line) > columns {
				t.Errorf("%d columns: %q", columns, line)
			}
			if columns > 120 && (!strings.Contains(line, "[") || strings.Count(line, "#")+strings.Count(line, ".") != widest) {
				t.Errorf("%d columns, %d of 100: %q", columns, done, line)
			}
		}
	}
}

func TestSoFar(t *testing.T) {
	for _, c := range []struct {
		unit     Unit
		done, of int64
		lasted   time.Duration
		want     string
	}{
		{"letter", 0, 0, 3 * time.Second, "3 seconds so far"},
		{"letter", 0, 0, 3 * time.Minute, "3 minutes so far"},
		{"letter", 12, 0, 3 * time.Second, "12 letters so far"},
		{"letter", 0, 50, 3 * time.Second, "0 % of 50 letters"},
		{"letter", 25, 50, time.Second, "50 % of 50 letters"},
		{"letter", 25, 50, 3 * time.Second, "50 % of 50 letters, a moment left"},
		{"letter", 25, 50, 30 * time.Second, "50 % of 50 letters, less than a minute left"},
		{"letter", 25, 50, 100 * time.Second, "50 % of 50 letters, about 2 minutes left"},
		{"letter", 25, 50, 10 * time.Hour, "50 % of 50 letters, about 10 hours left"},
		{"letter", 70, 50, time.Minute, "100 % of 50 letters, a moment left"},
		{Entries, 1, 1, time.Minute, "100 % of 1 entry, a moment left"},
		{Bytes, 300, 900, time.Second, "33 % of 1 kB"},
		{Bytes, 5e6, 0, time.Second, "5 MB so far"},
	} {
		w := &Work{unit: c.unit, look: func() (int64, int64) { return c.done, c.of }}
		if got := w.soFar(w.began.Add(c.lasted)); got != c.want {
			t.Errorf("%d of %d after %s: %q, want %q", c.done, c.of, c.lasted, got, c.want)
		}
	}
}

func TestReadersAndWritersCount(t *testing.T) {
	s, _ := screen(0)
	const text = "one\ntwo\nthree"
	for name, c := range map[string]struct {
		copy func(w *Work) (string, error)
		want int64
	}{
		"bytes": {func(w *Work) (string, error) {
			b, err := io.ReadAll(w.Reader(strings.NewReader(text)))
			return string(b), err
		}, int64(len(text))},
		"lines": {func(w *Work) (string, error) {
			b, err := io.ReadAll(w.Lines(strings.NewReader(text)))
			return string(b), err
		}, 2},
		"lines written": {func(w *Work) (string, error) {
			var b bytes.Buffer
			_, err := io.WriteString(w.LinesTo(&b), text)
			return b.String(), err
		}, 2},
	} {
		work := s.Begin("Reading", Bytes, 0)
		if got, err := c.copy(work); err != nil || got != text || work.done.Load() != c.want {
			t.Errorf("%s: %q, %v, counted %d", name, got, err, work.done.Load())
		}
		work.End()
		var none *Screen
		if got, err := c.copy(none.Begin("Reading", Bytes, 0)); err != nil || got != text {
			t.Errorf("%s without a screen: %q, %v", name, got, err)
		}
		none.Begin("Reading", Bytes, 0).End()
	}
}

// What is counted costs as good as nothing: the ratio is what counting adds.
func BenchmarkCounting(b *testing.B) {
	big := bytes.Repeat([]byte("a line of an export, as long as most of them are, about so\n"), 1<<18)
	read := func(wrap func(*Work) io.Reader) time.Duration {
		best := time.Hour
		for range 5 {
			s, _ := screen(0)
			work := s.Begin("Reading", Bytes, int64(len(big)))
			began := time.Now()
			_, _ = io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{wrap(work)})
			best = min(best, time.Since(began))
			work.End()
		}
		return best
	}
	for b.Loop() {
		bare := read(func(*Work) io.Reader { return bytes.NewReader(big) })
		b.ReportMetric(float64(read(func(w *Work) io.Reader { return w.Reader(bytes.NewReader(big)) }))/float64(bare), "bytes/bare")
		b.ReportMetric(float64(read(func(w *Work) io.Reader { return w.Lines(bytes.NewReader(big)) }))/float64(bare), "lines/bare")
	}
}
