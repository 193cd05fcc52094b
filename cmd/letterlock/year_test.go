package main

import (
	"bytes"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/deposit/deposittest"
	"letterlock/scanner/letter"
)

var yearDays = flag.Int("days", 5, "days on which scans are dropped in TestAYear; 365 is the whole year")

// TestAYear lives through a year and the half-year after it, in which all of it
// ends, with the whole program, a real MinIO and people at the portal. It keeps
// an account of its own of what must be gone when, and in the end looks for
// what is left in every file that anybody wrote. Real days do not pass: the
// sample's clock is moved, and a day lasts as long as its work.
//
// The whole year takes some minutes:
//
//	go test ./cmd/letterlock -run TestAYear -days 365 -timeout 3h -v
func TestAYear(t *testing.T) {
	y := beginYear(t)
	for day := range *yearDays {
		scans := []*scan{aScan("respect-phoneline", y.nextFate()), aScan("mens-advice-line", y.nextFate())}
		if day == *yearDays*3/4 {
			y.comesBackWithout(scans...)
		} else {
			y.brings(scans...)
		}
		y.lives()
		if day == *yearDays/2 {
			y.audit("in the middle of it")
		}
		y.moves(y.today().AddDays(1))
	}
	for last := y.lastDay(); y.today().Before(last); last = y.lastDay() {
		y.lives()
		y.moves(y.nextDay())
	}
	y.lives()
	y.audit("at its end")
	y.putsBackADeadKey()
	y.isWell()
	y.registerHolds()
	y.recordAddsUp()
	y.nothingOldOpens()
	y.startsAgain()
	y.audit("after another start")
	y.p.stop()
	y.audit("once it has ended")
	t.Logf("%d days and then %s: %d scans and answers, %d register entries, %v", *yearDays, y.today(), len(y.scans), y.entries, time.Since(y.began).Round(time.Second))
	t.Logf("searched at the last: %s", y.searched)
}

// year is the whole product, the people at it, and the account of what must be gone.
type year struct {
	t      *testing.T
	began  time.Time
	data   string // the data folder
	temp   string // the folder for temporary files of every program
	server *deposittest.Server
	s3     deposit.S3Config
	p      *program
	in     *installation // beside the program, as a command is

	scans        []*scan
	dealt        int
	lineHeld     map[string]bool
	planned      map[string]bool // what happens but once
	todo         []task
	outage       letter.Date // the day on which the storage goes down; zero afterwards
	people       map[string]*person
	signedIn     letter.Date            // the day of their sessions
	keys         map[letter.Week][]byte // the files of the keyring, as somebody copied them
	startedAgain bool
	said         string // by the programs that have ended
	entries      int64
	searched     string
}

// task is something that people do on a day.
type task struct {
	on letter.Date
	do func()
}

func beginYear(t *testing.T) *year {
	y := &year{t: t, began: time.Now(), server: deposittest.Start(t), data: newData(t), temp: t.TempDir(),
		lineHeld: map[string]bool{}, planned: map[string]bool{}, keys: map[letter.Week][]byte{}}
	y.s3 = y.server.Config()
	configure(t, y.data, y.s3, "")
	t.Setenv("TMPDIR", y.temp)
	t.Setenv(paceEnv, "150ms")
	y.starts()
	y.eventually("the sample's own letters are announced", func() bool {
		return y.count(register.Notified) == 3 && len(claimed(filepath.Join(y.data, "scanner"))) == 0
	})
	for range 3 {
		y.scans = append(y.scans, aScan("", unopened))
	}
	y.finds(y.scans)
	return y
}

// starts starts the program, and opens its folder beside it.
func (y *year) starts() {
	y.t.Helper()
	y.p = start(y.t, y.data, "", "--sample")
	y.p.isSetUp()
	y.opensBeside()
}

// opensBeside opens the folder beside the program that runs.
func (y *year) opensBeside() {
	y.t.Helper()
	dir, err := locate(y.data, "")
	y.must(err)
	y.in, err = open(y.t.Context(), dir, slog.New(slog.DiscardHandler))
	y.must(err)
	y.t.Cleanup(y.in.close)
	y.signedIn = letter.Date{}
}

// startsAgain ends the program and starts it anew.
func (y *year) startsAgain() {
	y.t.Helper()
	y.p.stop()
	y.said += y.p.out.String()
	y.starts()
	y.startedAgain = true
	y.rests()
}

// comesBackWithout drops scans, and when they are letters puts the database back
// to what it was before: nobody is let in until they are found and taken in.
func (y *year) comesBackWithout(scans ...*scan) {
	y.t.Helper()
	ctx := y.t.Context()
	y.rests()
	backup := filepath.Join(y.t.TempDir(), "backup.db")
	_, err := y.in.register.DB().ExecContext(ctx, `VACUUM INTO '`+backup+`'`)
	y.must(err)
	y.brings(scans...)
	// A manifest that still lies there would be admitted after the restore, as any.
	y.eventually("the scanner has its receipts, and the keyring remembers", func() bool {
		_, now, err := y.in.register.Checkpoint(ctx)
		y.must(err)
		seen, err := y.in.keyring.Remembered()
		y.must(err)
		return seen == now && len(claimed(filepath.Join(y.data, "scanner"))) == 0 && len(traces(y.t, y.s3, letter.IncomingPrefix)) == 0
	})
	y.p.stop()
	y.said += y.p.out.String()
	database := filepath.Join(y.data, "state", "letterlock.db")
	for _, file := range []string{database, database + "-wal", database + "-shm"} {
		if err := os.Remove(file); !os.IsNotExist(err) {
			y.must(err)
		}
	}
	y.must(os.Rename(backup, database))

	y.p = start(y.t, y.data, "", "--sample")
	y.eventually("it is closed", func() bool { return strings.Contains(y.p.out.String(), "CLOSED") })
	y.opensBeside()
	if _, err := y.in.register.Letter(ctx, scans[0].id); err == nil {
		y.t.Fatal("the database is not the older one")
	}
	portal := regexp.MustCompile(`portal is at +(http://\S+)`).FindStringSubmatch(y.p.out.String())[1]
	answers := func() int {
		answer, err := http.Get(portal + "/sample")
		y.must(err)
		_ = answer.Body.Close()
		return answer.StatusCode
	}
	if status := answers(); status != http.StatusServiceUnavailable {
		y.t.Fatalf("%s: closed, the portal answers %d", y.today(), status)
	}
	out, err := letterlockCmd(y.t, y.data, "restore", "--yes").CombinedOutput()
	if err != nil || !strings.Contains(string(out), fmt.Sprintf("%d letters taken in, 0 found elsewhere, 0 found nowhere", len(scans))) {
		y.t.Fatalf("%s: restored: %v\n%s", y.today(), err, out)
	}
	y.eventually("it opens by itself", func() bool { return answers() == http.StatusOK })
	y.signedIn = letter.Date{}
}

func (y *year) must(err error) {
	y.t.Helper()
	if err != nil {
		y.t.Fatal(err)
	}
}

func (y *year) today() letter.Date { return letter.DateOf(y.in.clock.Now()) }

func (y *year) eventually(what string, so func() bool) {
	y.t.Helper()
	for deadline := time.Now().Add(patience); time.Now().Before(deadline); time.Sleep(30 * time.Millisecond) {
		if so() {
			return
		}
	}
	out, _ := letterlockCmd(y.t, y.data, "check").CombinedOutput()
	said := y.p.out.String()
	y.t.Fatalf("%s: waited in vain until %s; check says:\n%s\nlast it said:\n%s", y.today(), what, out, said[max(0, len(said)-4000):])
}

func (y *year) count(state register.State) int {
	counts, err := y.in.register.Counts(y.t.Context())
	y.must(err)
	return counts.Letters[state]
}

// finds waits until scans are letters that are announced, learns by what is in
// them which, and lets people begin with them.
func (y *year) finds(scans []*scan) {
	y.t.Helper()
	ctx := y.t.Context()
	known := map[letter.ID]bool{}
	for _, s := range y.scans {
		known[s.id] = true
	}
	missing := len(scans)
	y.eventually("the scans are letters, and announced", func() bool {
		entries, err := y.in.register.Entries(ctx, -1, "letter-notified", "", 50)
		y.must(err)
		for _, e := range entries {
			if known[e.Letter] {
				continue
			}
			known[e.Letter] = true
			l, err := y.in.register.Letter(ctx, e.Letter)
			y.must(err)
			sealed, plain := y.copies(l)
			of := slices.IndexFunc(scans, func(s *scan) bool { return s.id == "" && bytes.Contains(plain, []byte(s.run)) })
			if of < 0 || scans[of].helpline != "" && scans[of].helpline != l.Helpline {
				y.t.Fatalf("%s: the letter %s is none of the scans that were dropped, or for another helpline", y.today(), l.ID)
			}
			y.arrives(scans[of], l, sealed)
			missing--
		}
		return missing == 0
	})
}

// arrives begins the account of a letter.
func (y *year) arrives(s *scan, l register.Letter, sealed []byte) {
	s.id, s.helpline, s.answers = l.ID, l.Helpline, l.Answers
	s.ends, s.week = letter.Deadline(letter.DateOf(l.Received), letter.SixMonths), l.Week()
	s.rows, s.sealed = []string{l.SHA256, l.ObjectVersion}, sealed
	if s.paper = !l.IsResponse(); s.paper {
		y.plans(s)
	}
}

// lives does what people do on the day, and waits for what the program does.
func (y *year) lives() {
	y.t.Helper()
	later := func(t task) bool { return y.today().Before(t.on) }
	due := slices.DeleteFunc(slices.Clone(y.todo), later)
	y.todo = slices.DeleteFunc(y.todo, func(t task) bool { return !later(t) })
	for _, t := range due {
		t.do()
	}
	y.rests()
}

// at is something to do on a day, or on the first after it on which people can work.
func (y *year) at(on letter.Date, do func()) { y.todo = append(y.todo, task{on, do}) }

// after is something to do in so many days.
func (y *year) after(days int, do func()) { y.at(y.today().AddDays(days), do) }

// moves lets the day come, and on its day the storage's outage.
func (y *year) moves(to letter.Date) {
	y.t.Helper()
	y.must(y.in.moveClock(y.t.Context(), to.String()))
	if y.outage != (letter.Date{}) && !to.Before(y.outage) {
		y.outage = letter.Date{}
		y.suffers()
	}
}

// suffers is an outage of the storage over deadlines: scans are dropped, days
// pass, what is due is loud. Then the storage is back, and all is made good.
func (y *year) suffers() {
	y.t.Helper()
	y.server.Stop()
	var waiting []*scan
	for range 4 {
		waiting = append(waiting, aScan("respect-phoneline", plain), aScan("mens-advice-line", plain))
		y.drops(waiting[len(waiting)-2:]...)
		y.must(y.in.moveClock(y.t.Context(), y.today().AddDays(1).String()))
		y.eventually("the program has seen that letters are overdue", func() (seen bool) {
			y.must(y.in.register.DB().QueryRowContext(y.t.Context(), `SELECT count(*) FROM alarms WHERE kind = $1`, string(register.LettersOverdue)).Scan(&seen))
			return seen
		})
	}
	y.eventually("it is loud that letters are overdue", func() bool { return y.alarm(register.LettersOverdue) })
	if out, err := letterlockCmd(y.t, y.data, "status").CombinedOutput(); err == nil {
		y.t.Errorf("with letters overdue, status says that all is well:\n%s", out)
	}
	y.server.Resume(y.t)
	y.finds(waiting)
}

// pauses lets the programs do what they do a moment later.
func (y *year) pauses() { time.Sleep(500 * time.Millisecond) }

func (y *year) alarm(kind register.AlarmKind) bool {
	alarms, err := y.in.register.Alarms(y.t.Context())
	y.must(err)
	return slices.ContainsFunc(alarms, func(a register.Alarm) bool { return a.Kind == kind })
}

// rests waits until the program has nothing more to do today, and keeps it to
// the account: who must be gone is gone, and nobody else is.
func (y *year) rests() {
	y.t.Helper()
	ctx, today := y.t.Context(), y.today()
	y.eventually("the day's work is done", func() bool {
		begun, err := y.in.register.Entries(ctx, -1, "day-begun", "", 1)
		y.must(err)
		due, err := y.in.register.DueNow(ctx, 1)
		y.must(err)
		overdue, err := y.in.register.Overdue(ctx, today)
		y.must(err)
		return len(begun) == 1 && letter.DateOf(begun[0].At) == today && len(due) == 0 && overdue == 0 && y.moving() == 0 && y.keysPast() == 0
	})
	for _, s := range y.scans {
		_, err := y.in.register.Letter(ctx, s.id)
		if gone := err != nil; gone != y.mustBeGone(s) {
			y.t.Fatalf("on %s the letter %s (fate %d), which ends on %s and is under %d holds: gone is %v", today, s.id, s.fate, s.ends, s.holds, gone)
		}
	}
	y.copiesKeys()
}

// moving counts letters that are on their way to another place.
func (y *year) moving() (n int) {
	y.must(y.in.register.EachLetter(y.t.Context(), func(l register.Letter) error {
		if l.MoveDue() {
			n++
		}
		return nil
	}))
	return n
}

// keysPast counts keys that are still there after their week.
func (y *year) keysPast() (n int) {
	there, err := y.in.keyring.Weeks()
	y.must(err)
	living, err := y.in.register.Keys(y.t.Context(), register.KeyLiving, register.KeyDying)
	y.must(err)
	for _, k := range living {
		there = append(there, k.Week)
	}
	for _, w := range there {
		if !y.today().Before(w.Over()) {
			n++
		}
	}
	return n
}

// mustBeGone is the account's word.
func (y *year) mustBeGone(s *scan) bool {
	return s.holds == 0 && (s.late || !y.lineHeld[s.helpline]) && !y.today().Before(s.ends)
}

// lastDay is the day on which all is over that ends in this test: every letter
// of six months, and the week of its key.
func (y *year) lastDay() (last letter.Date) {
	last = y.today()
	for _, s := range y.scans {
		if over := letter.WeekOf(s.ends).Over(); !s.staysOn() && last.Before(over) {
			last = over
		}
	}
	return last
}

// nextDay is the next on which there is something to do.
func (y *year) nextDay() letter.Date {
	next := y.lastDay()
	sooner := func(d letter.Date) {
		if y.today().Before(d) && d.Before(next) {
			next = d
		}
	}
	sooner(y.outage)
	for _, t := range y.todo {
		sooner(t.on)
	}
	for _, s := range y.scans {
		sooner(s.ends)
		sooner(letter.WeekOf(s.ends).Over())
	}
	if !y.today().Before(next) {
		next = y.today().AddDays(1)
	}
	return next
}

// copiesKeys is somebody who copies the keyring every day.
func (y *year) copiesKeys() {
	files, err := filepath.Glob(filepath.Join(y.data, "keyring", "x*.txt"))
	y.must(err)
	for _, path := range files {
		w := letter.Week(strings.TrimSuffix(filepath.Base(path), ".txt"))
		if y.keys[w] == nil {
			y.keys[w], err = os.ReadFile(path)
			y.must(err)
		}
	}
}
