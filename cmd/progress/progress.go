// Package progress shows, for whatever takes longer than two seconds at a terminal,
// how far it has come and how long it may still take: a bar, and now and then a
// line where none can be drawn (TERM=dumb). In a log, or wherever else no terminal
// is, there is a line for what takes longer than ten.
//
// It tells how much of what is done, in counts, and never which: no file's name, no
// letter's reference. It is written to standard error and has no colour. What works
// counts only, and the counts are looked at a few times a second, so that it costs
// what works nothing.
//
// It is our own because what there is does not do: schollz/progressbar and mpb draw
// from the first moment on, know bars only, and leave it to whoever uses them that a
// line which is written meanwhile does not end up in the midst of one.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"letterlock/scanner/words"
)

const (
	patience  = 2 * time.Second        // before anything is shown at a terminal
	inLogs    = 10 * time.Second       // and elsewhere
	redrawn   = 200 * time.Millisecond // how often a bar is
	firstLine = 10 * time.Second       // between two lines, within the first minute
	laterLine = time.Minute            // and after it
)

// Screen is where a command says how far it is. One piece of work is shown at a
// time, the one that was begun last. A nil Screen shows none.
type Screen struct {
	mu      sync.Mutex
	out     io.Writer
	columns func() int // how wide a bar may be; nil where none can be drawn
	patient time.Duration

	began time.Time // the first work; zero for none yet
	said  time.Time // the last line; zero for none yet
	works []*Work   // at work, the one that was begun last at the end
	drawn int       // columns of the bar that stands there now
	amid  bool      // what was written last did not end its line
}

// On is the screen that out is: where standard error goes.
func On(out io.Writer) *Screen {
	s := &Screen{out: out, patient: inLogs}
	if !isTerminal(out) {
		return s
	}
	s.patient = patience
	if os.Getenv("TERM") != "dumb" {
		s.columns = func() int {
			wide, _, err := term.GetSize(int(out.(*os.File).Fd()))
			if err != nil || wide <= 0 {
				return 80
			}
			return wide
		}
	}
	return s
}

// Silent is the screen for a program's answer that another program reads: what a
// script takes for the answer may be both of our outputs. A person still sees a bar.
func (s *Screen) Silent() *Screen {
	if s.columns == nil {
		return nil
	}
	return s
}

// isTerminal reports whether a person sees what is written to out.
func isTerminal(out io.Writer) bool {
	f, is := out.(*os.File)
	return is && term.IsTerminal(int(f.Fd()))
}

// Write writes to where the screen is; a bar makes way for it.
func (s *Screen) Write(p []byte) (int, error) { return s.write(s.out, p) }

func (s *Screen) write(to io.Writer, p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	if len(p) > 0 {
		s.amid = p[len(p)-1] != '\n'
	}
	return to.Write(p)
}

// Beside is another way to the same terminal, for which a bar makes way too. Where
// out is none it is out itself.
func (s *Screen) Beside(out io.Writer) io.Writer {
	if s.columns == nil || !isTerminal(out) {
		return out
	}
	return beside{s, out}
}

// Shows reports whether out, which Beside has returned, is the same terminal.
func (s *Screen) Shows(out io.Writer) bool {
	_, is := out.(beside)
	return is
}

type beside struct {
	*Screen
	out io.Writer
}

func (b beside) Write(p []byte) (int, error) { return b.write(b.out, p) }

// Unit is what is counted, in the singular, as "letter".
type Unit string

// Units whose numbers are not said like others': Bytes in kB, MB and GB.
const (
	Bytes   Unit = "byte"
	Entries Unit = "entry"
)

// Work is one piece of work that is counted. A nil Work counts nothing.
type Work struct {
	screen *Screen
	says   string
	unit   Unit
	look   func() (done, of int64)
	began  time.Time
	ended  chan struct{}
	over   sync.Once
	gone   sync.WaitGroup

	done, of atomic.Int64
}

// Begin begins a piece of work of so many units, 0 where nobody knows. says what is
// done, as in "Reading the backup". It is shown until End, once it takes long.
func (s *Screen) Begin(says string, unit Unit, of int64) *Work {
	w := s.Watch(says, unit, nil)
	w.Set(0, of)
	return w
}

// Watch is Begin for work that is counted by looking at it: a few times a second,
// and only once it takes long.
func (s *Screen) Watch(says string, unit Unit, look func() (done, of int64)) *Work {
	if s == nil {
		return nil
	}
	w := &Work{screen: s, says: says, unit: unit, look: look, began: time.Now(), ended: make(chan struct{})}
	if look == nil {
		w.look = func() (done, of int64) { return w.done.Load(), w.of.Load() }
	}
	s.mu.Lock()
	if s.began.IsZero() {
		s.began = w.began
	}
	s.works = append(s.works, w)
	s.mu.Unlock()
	w.gone.Go(w.show)
	return w
}

// Add counts so many more as done.
func (w *Work) Add(n int64) {
	if w != nil {
		w.done.Add(n)
	}
}

// Set says how many are done, and of how many.
func (w *Work) Set(done, of int64) {
	if w != nil {
		w.done.Store(done)
		w.of.Store(of)
	}
}

// Far is Set for what counts with int.
func (w *Work) Far(done, of int) { w.Set(int64(done), int64(of)) }

// End ends it, and takes its bar away.
func (w *Work) End() {
	if w == nil {
		return
	}
	w.over.Do(w.end)
}

func (w *Work) end() {
	close(w.ended)
	w.gone.Wait()
	s := w.screen
	s.mu.Lock()
	defer s.mu.Unlock()
	s.clear()
	for i, at := range s.works {
		if at == w {
			s.works = append(s.works[:i], s.works[i+1:]...)
			break
		}
	}
}

// Reader counts the bytes that are read from r.
func (w *Work) Reader(r io.Reader) io.Reader { return &reader{w, r} }

type reader struct {
	work *Work
	from io.Reader
}

func (r *reader) Read(p []byte) (n int, err error) {
	n, err = r.from.Read(p)
	r.work.Add(int64(n))
	return n, err
}

// show shows the work for as long as it lasts.
func (w *Work) show() {
	tick := time.NewTicker(redrawn)
	defer tick.Stop()
	for {
		select {
		case <-w.ended:
			return
		case <-tick.C:
			w.screen.tell(w, time.Now())
		}
	}
}

// tell shows the work if its turn has come.
func (s *Screen) tell(w *Work, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.works[len(s.works)-1] != w || now.Sub(s.began) < s.patient {
		return
	}
	if s.columns != nil {
		if !s.amid { // nothing is drawn over a question
			s.draw(w.bar(now, s.columns()-1))
		}
		return
	}
	every := firstLine
	if now.Sub(s.began) > time.Minute {
		every = laterLine
	}
	if s.said.IsZero() || now.Sub(s.said) >= every {
		s.said = now
		_, _ = fmt.Fprintf(s.out, "%s: %s.\n", w.says, w.soFar(now))
	}
}

// draw puts a line in the place of the one before. It needs a carriage return and
// nothing else, so that every terminal does it.
func (s *Screen) draw(line string) {
	_, _ = fmt.Fprintf(s.out, "\r%-*s", s.drawn, line)
	s.drawn = max(s.drawn, len(line))
}

// clear takes away the bar that stands there.
func (s *Screen) clear() {
	if s.drawn > 0 {
		_, _ = fmt.Fprintf(s.out, "\r%*s\r", s.drawn, "")
		s.drawn = 0
	}
}

// The width of a bar, in columns; there is none where less is left.
const (
	narrowest = 10
	widest    = 30
)

// bar is the line with the bar, at most so many columns wide.
func (w *Work) bar(now time.Time, columns int) string {
	said := w.soFar(now)
	line := w.says + ": " + said
	if done, of := w.look(); of > 0 {
		if wide := min(widest, columns-len(w.says)-len(said)-len(" [] ")); wide >= narrowest {
			full := int(share(done, of) * float64(wide))
			line = w.says + " [" + strings.Repeat("#", full) + strings.Repeat(".", wide-full) + "] " + said
		}
	}
	return line[:min(len(line), max(columns, 0))]
}

// soFar says how far it is: "45 % of 1.2 GB, about 3 minutes left".
func (w *Work) soFar(now time.Time) string {
	lasted := now.Sub(w.began)
	done, of := w.look()
	if of <= 0 {
		if done > 0 {
			return w.unit.count(done) + " so far"
		}
		return seconds(lasted) + " so far"
	}
	said := fmt.Sprintf("%.0f %% of %s", 100*share(done, of), w.unit.count(of))
	if done > 0 && lasted >= patience {
		said += ", " + left(time.Duration(float64(lasted)*(1/share(done, of)-1)))
	}
	return said
}

// share is how much of it is done, from 0 to 1.
func share(done, of int64) float64 { return min(1, max(0, float64(done)/float64(of))) }

// count is a number of the unit.
func (u Unit) count(n int64) string {
	switch {
	case u == Entries && n != 1:
		return fmt.Sprintf("%d entries", n)
	case u != Bytes:
		return words.Number(int(n), string(u))
	}
	switch size := float64(n); {
	case n < 1e6:
		return fmt.Sprintf("%.0f kB", size/1e3)
	case n < 1e9:
		return fmt.Sprintf("%.0f MB", size/1e6)
	default:
		return fmt.Sprintf("%.1f GB", size/1e9)
	}
}

func seconds(d time.Duration) string {
	if d < time.Minute {
		return words.Number(int(d.Seconds()), "second")
	}
	return words.Lasted(d)
}

// left says how long it may still take, as roughly as anybody can know it.
func left(d time.Duration) string {
	switch {
	case d < 5*time.Second:
		return "a moment left"
	case d < time.Minute:
		return "less than a minute left"
	case d < time.Hour:
		return "about " + words.Lasted(d+30*time.Second) + " left"
	}
	return "about " + words.Lasted(d+30*time.Minute) + " left"
}
