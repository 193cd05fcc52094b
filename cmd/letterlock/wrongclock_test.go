package main

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"letterlock/pipeline/archive/lyingtest"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/specimen"
)

// offbeat is a program whose clock is wrong, beside a storage whose clock is right. What
// is right is months ahead of the machine on which the test runs.
type offbeat struct {
	*program
	file   string       // how far the program's clock is ahead of this machine's
	right  atomic.Int64 // how far the right time is, in nanoseconds
	skewed atomic.Bool  // so wrong that the storage takes nothing that is signed by it
}

// storage is the storage as it would be at the right time.
func (o *offbeat) storage(r *http.Request, next http.RoundTripper) (*http.Response, error) {
	answer, err := next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if o.skewed.Load() {
		_ = answer.Body.Close()
		text := `<Error><Code>RequestTimeTooSkewed</Code><Message>The difference between the request time and the server's time is too large.</Message></Error>`
		answer.StatusCode, answer.Status = http.StatusForbidden, "403 Forbidden"
		answer.Body, answer.ContentLength = io.NopCloser(strings.NewReader(text)), int64(len(text))
		answer.Header.Set("Content-Length", fmt.Sprint(len(text)))
	}
	answer.Header.Set("Date", time.Now().Add(time.Duration(o.right.Load())).UTC().Format(http.TimeFormat))
	return answer, nil
}

// goes sets the right time, and the program's clock wrong by so much.
func (o *offbeat) goes(right time.Duration, wrong time.Duration) {
	o.t.Helper()
	o.right.Store(int64(right))
	must(o.t, durable.Replace(o.file, []byte((right+wrong).String()), 0o600))
}

// checkSays waits until 'check' says it of the clock.
func (o *offbeat) checkSays(what string) {
	o.t.Helper()
	o.eventually("check says "+what, func() bool {
		out, _ := looks(o.data, "check")
		return regexp.MustCompile("(?m)" + what).MatchString(out)
	})
}

// clockIsDoubted waits until the running server has seen it.
func (o *offbeat) clockIsDoubted() {
	o.t.Helper()
	o.eventually("the alarm is raised", func() bool {
		for _, a := range o.status().Alarms {
			if a.Kind == register.ClockDoubted {
				return true
			}
		}
		return false
	})
}

func (o *offbeat) clockIsRight() {
	o.t.Helper()
	_, _ = looks(o.data, "check", "--clock-is-right") // it may find something else to see to
}

// untilMoment is how far that moment is from now.
func untilMoment(at time.Time) time.Duration { return time.Until(at).Round(time.Second) }

// The clock of a server that runs is set wrong, back and ahead, by more than the five
// minutes in which two clocks agree, just when a letter and its key are due to end, with a
// real S3 storage whose clock is right. Nothing ends meanwhile; the log, the alarm and
// 'check' say why; and once it is right, or somebody has vouched for it where the register
// knows of later entries, all of it goes on. By more than the storage bears, it says that
// too, and goes on by itself.
func TestTheServersClockIsWrong(t *testing.T) {
	o := &offbeat{program: &program{t: t, data: newData(t), out: &safeBuffer{}}, file: filepath.Join(t.TempDir(), "clock")}
	s3 := lyingtest.Before(t, deposittest.Start(t).Config(), o.storage, nil)
	o.goes(0, 0)
	systemClock = wrongBy(o.file)
	t.Cleanup(func() { systemClock = time.Now })
	configure(t, o.data, s3, "")
	o.cmd = letterlockCmd(t, o.data, "up", "--listen", "localhost:0")
	o.cmd.Env = append(o.cmd.Env, clockEnv+"="+o.file)
	o.begin()
	o.isSetUp()
	_, err := looks(o.data, "user", "add", "--name", "Ada", "--role", "team-leader", "--helpline", "respect-phoneline", "--email", "ada@example.org")
	must(t, err)
	must(t, os.WriteFile(filepath.Join(o.data, "scanner", "respect-phoneline", "one.tif"), specimen.New(1, 1).G4TIFF(), 0o600))
	o.eventually("the letter is announced and its scan gone", func() bool {
		return o.status().Letters[register.Notified] == 1 && len(claimed(filepath.Join(o.data, "scanner"))) == 0
	})
	l := o.letters()[0]
	key := filepath.Join(o.data, "keyring", string(l.Key)+".txt")

	// Too far for the storage, which says so to everything.
	o.skewed.Store(true)
	o.eventually("the log says it", func() bool { return strings.Contains(o.out.String(), "the clocks of the two are too far apart") })
	o.checkSays(`^LOOK +storage +The storage refuses whatever this server asks, since the clocks`)
	o.skewed.Store(false)
	o.eventually("the log says that it goes on", func() bool { return strings.Contains(o.out.String(), "the storage answers again") })

	// Behind, an hour after the deadline. The months since the last entry are vouched for.
	deadline := untilMoment(l.Deadline.Start()) + time.Hour
	o.goes(deadline, -6*time.Minute)
	o.clockIsDoubted()
	o.clockIsRight()
	o.checkSays(`^LOOK +clock +.*it differs from the storage's clock by`)
	o.clockIsDoubted()
	if len(o.letters()) != 1 || deletions(t, o.data) != 0 {
		t.Fatal("by a clock that is behind, the letter is ended")
	}
	o.goes(deadline, 0)
	o.eventually("it is right, and the letter is gone, with proof", func() bool { return deletions(t, o.data) == 1 })

	// Ahead, an hour after the key's week is over. What was recorded meanwhile is later than
	// what comes when it is right.
	over := untilMoment(l.Key.Over().Start()) + time.Hour
	o.goes(over, 6*time.Minute)
	o.clockIsDoubted()
	o.checkSays(`^LOOK +clock +.*it differs from the storage's clock by`)
	if !exists(key) {
		t.Fatal("by a clock that is ahead, the key is destroyed")
	}
	o.goes(over, 0)
	o.checkSays(`^LOOK +clock +.*behind the newest entry of the register.*--clock-is-right`)
	if !exists(key) {
		t.Fatal("while the clock is in doubt, the key is destroyed")
	}
	o.clockIsRight()
	o.eventually("somebody has vouched for it, and the key is gone", func() bool { return !exists(key) })
	o.stop()
	kinds := entries(t, o.data)
	if n := count(kinds, "letter-deleted"); n != 1 {
		t.Errorf("%d deletions", n)
	}
	if n := count(kinds, "clock-confirmed"); n != 2 {
		t.Errorf("vouched for %d times", n)
	}
}
