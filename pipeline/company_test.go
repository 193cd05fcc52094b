package pipeline

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/keyring"
	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/pipeline/register/postgrestest"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// beside is another server on the office's register, bucket and keyring.
func (o *office) beside(name string) *Server {
	o.t.Helper()
	reg, err := register.Open(o.t.Context(), o.desk)
	o.must(err)
	o.t.Cleanup(func() { _ = reg.Close() })
	cfg := o.cfg
	cfg.Name, cfg.Register = name, reg
	return New(cfg)
}

// quickly has a server look often. Its beats are as far apart as elsewhere: one that has
// to wait for its turn on a busy machine is not to be taken for dead.
func quickly(c *Config) { c.Name, c.SweepEvery = "first", 50*time.Millisecond }

// runs plays the server's role until stop is called, or the test ends.
func (o *office) runs(s *Server) (stop func() error) {
	o.t.Helper()
	ctx, cancel := context.WithCancel(o.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx) }()
	return func() error { cancel(); return <-ended }
}

// until waits for what the servers are about to do.
func (o *office) until(what string, is func() bool) {
	o.t.Helper()
	for range 6000 {
		if is() {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	o.t.Fatalf("not within five minutes: %s\n%s", what, o.log)
}

func (o *office) leader() string {
	o.t.Helper()
	leader, err := o.cfg.Register.Leader(o.t.Context())
	o.must(err)
	name, _, _ := strings.Cut(leader, "/")
	return name
}

func (o *office) ended(m letter.Manifest) bool {
	l, err := o.cfg.Register.Letter(o.t.Context(), m.ID)
	return err == nil && l.State == register.Notified && l.NotBefore == nil
}

// Two servers on one register and one bucket take in each letter once, and tell of
// it once. One that ends leaves the lead to the other at once.
func TestTwoServersShareTheWork(t *testing.T) {
	o := newOffice(t, quickly)
	second := o.beside("second")
	stopFirst := o.runs(o.Server)
	o.until("the first leads", func() bool { return o.leader() == "first" })
	stopSecond := o.runs(second)
	var all []letter.Manifest
	for range 12 {
		all = append(all, o.deposit())
	}
	for _, m := range all {
		o.until("every letter is announced", func() bool { return o.ended(m) })
	}
	o.must(stopFirst())
	o.until("the second leads", func() bool { return o.leader() == "second" })
	last := o.deposit()
	o.until("the second goes on alone", func() bool { return o.ended(last) })
	o.must(stopSecond())
	for _, m := range append(all, last) {
		if got := o.story(m.ID); got != wholeStory {
			t.Errorf("on the register: %s", got)
		}
	}
	if len(o.post.taken) != len(all)+1 {
		t.Errorf("%d mails for %d letters", len(o.post.taken), len(all)+1)
	}
	if _, err := o.cfg.Register.VerifyTip(t.Context()); err != nil {
		t.Error(err)
	}
	if left, err := o.cfg.Register.Running(t.Context()); err != nil || len(left) != 0 || o.leader() != "" {
		t.Errorf("still at work: %v, %v; %q leads", left, err, o.leader())
	}
}

// A server that dies without a word in the middle of a letter loses the lead, and
// its letter goes on. It is missed until it is back.
func TestAServerDies(t *testing.T) {
	o := newOffice(t, quickly, func(c *Config) { c.BeatEvery = 2 * time.Second })
	m := o.deposit()
	dead, _, err := o.join(t.Context())
	o.must(err)
	begun := make(chan struct{})
	queue, err := startJobs(t.Context(), o.cfg.Register, o.cfg.Log, dead.me.ID(), true, func(ctx context.Context, _ letter.ID) error {
		close(begun)
		<-ctx.Done() // it never comes to its end
		return ctx.Err()
	})
	o.must(err)
	o.must(o.beat(t.Context(), dead, queue)) // it leads, and no beat follows
	o.must(o.Admit(t.Context()))
	o.must(o.enqueueDue(t.Context(), queue))
	<-begun
	second := o.beside("second")
	stop := o.runs(second)
	o.until("the second leads", func() bool { return o.leader() == "second" })
	o.until("the letter is announced", func() bool { return o.ended(m) })
	o.until("the dead one is missed", func() bool { return !ok(o.Check(t.Context()), "servers") })
	if got := o.story(m.ID); got != wholeStory || len(o.post.taken) != 1 {
		t.Errorf("on the register: %s; %d mails", got, len(o.post.taken))
	}
	o.must(queue.stop())

	back := o.runs(o.beside("first"))
	o.until("nobody is missed", func() bool { return ok(o.Check(t.Context()), "servers") })
	if o.leader() != "second" {
		t.Errorf("%s leads", o.leader())
	}
	o.must(back())
	o.must(stop())
}

// A job that the database gave to a server, in an answer that was lost, does not keep
// its letter for a day; nor is one taken away on which the server works.
func TestAJobIsGivenInAnAnswerThatIsLost(t *testing.T) {
	o, ctx := newOffice(t, quickly), t.Context()
	m := o.deposit()
	company, alone, err := o.join(ctx)
	o.must(err)
	begun, goOn := make(chan struct{}), make(chan struct{})
	queue, err := startJobs(ctx, o.cfg.Register, o.cfg.Log, company.me.ID(), alone, func(ctx context.Context, id letter.ID) error {
		begun <- struct{}{}
		<-goOn
		return o.Advance(ctx, id)
	})
	o.must(err)
	o.must(o.Admit(ctx))
	db := o.cfg.Register.DB()
	const longAgo = `UPDATE river_job SET state = 'running', attempt = 1, attempted_by = json_array($1), attempted_at = datetime('now', '-1 hour')`
	tx, err := db.BeginTx(ctx, nil)
	o.must(err)
	o.must(queue.enqueue(ctx, tx, m.ID))
	_, err = tx.ExecContext(ctx, longAgo, company.me.ID())
	o.must(err)
	o.must(tx.Commit())
	o.must(o.enqueueDue(ctx, queue))
	if n := o.jobRows(db); n != 1 {
		t.Fatalf("there are %d jobs: it does not stand in the way", n)
	}
	o.must(o.beat(ctx, company, queue))
	o.must(o.enqueueDue(ctx, queue))
	<-begun
	_, err = db.ExecContext(ctx, longAgo, company.me.ID())
	o.must(err)
	o.must(o.beat(ctx, company, queue))
	if n := o.jobRows(db); n != 1 {
		t.Errorf("the job is taken away on which the server works: %d are left", n)
	}
	close(goOn)
	go func() {
		for range begun { // whatever follows
		}
	}()
	o.until("the letter is announced", func() bool {
		o.must(o.enqueueDue(ctx, queue))
		return o.ended(m)
	})
	o.must(queue.stop())
	close(begun)
}

// A start after a crash leads at once: nobody waits for the beat of its own
// earlier start.
func TestAStartAfterACrashLeadsAtOnce(t *testing.T) {
	o := newOffice(t, quickly)
	dead, _, err := o.join(t.Context())
	o.must(err)
	o.must(o.cfg.Register.Lead(t.Context(), "", dead.me.ID()))
	again, alone, err := o.join(t.Context())
	o.must(err)
	queue := o.startsJobs(alone)
	o.must(o.beat(t.Context(), again, queue))
	if leads, err := o.leads(t.Context(), again); err != nil || !leads || !alone {
		t.Errorf("it leads: %v, alone: %v, %v", leads, alone, err)
	}
	o.must(queue.stop())
}

// Two machines with one name do not play the server's role in turns unseen.
func TestTwoServersOfOneName(t *testing.T) {
	o := newOffice(t, quickly)
	ended := make(chan error, 1)
	go func() { ended <- o.Run(t.Context()) }()
	o.until("the first leads", func() bool { return o.leader() == "first" })
	stop := o.runs(o.beside("first"))
	if err := <-ended; !errors.Is(err, errOusted) {
		t.Errorf("the first ended with %v", err)
	}
	o.must(stop())
}

// Servers that are at work while a newer program brings the tables up to date go, the
// one that leads and the other, and name the version that is needed.
func TestServersGoWhereANewerProgramHasChangedTheTables(t *testing.T) {
	o := newOffice(t, quickly)
	ended := make(chan error, 2)
	go func() { ended <- o.Run(t.Context()) }()
	o.until("the first leads", func() bool { return o.leader() == "first" })
	second := o.beside("second")
	go func() { ended <- second.Run(t.Context()) }()
	o.until("both are at work", func() bool {
		all, err := o.cfg.Register.Running(t.Context())
		return err == nil && len(all) == 2 && all[1].Beat > 0
	})
	_, err := o.cfg.Register.DB().ExecContext(t.Context(), `INSERT INTO goose_db_version (version_id, is_applied) VALUES (90001, TRUE)`)
	o.must(err)
	o.until("both have gone", func() bool { return len(ended) == 2 })
	for range 2 {
		err := <-ended
		if newer, is := errors.AsType[*register.TooNewError](err); !is || newer.Tables != 90001 {
			t.Errorf("a server ended with %v", err)
		}
	}
	if left, err := o.cfg.Register.Running(t.Context()); err != nil || len(left) != 0 {
		t.Errorf("still at work: %v, %v", left, err)
	}
}

// A server that does not lead takes nothing in, and does not do the day's duties a
// second time; that a letter is missing it tells the one that leads.
func TestAServerThatDoesNotLead(t *testing.T) {
	o := newOffice(t, quickly)
	leads, _, err := o.join(t.Context())
	o.must(err)
	o.must(o.cfg.Register.Lead(t.Context(), "", leads.me.ID()))
	second := o.beside("second")
	follows, _, err := second.join(t.Context())
	o.must(err)
	queue := o.startsJobs(false)
	o.must(second.beat(t.Context(), follows, queue))
	follows.failed.Store(new(error))
	leads.failed.Store(new(error))
	m := o.deposit()
	second.lookForMissing.Store(true)
	entries := o.entries()
	var w watch
	o.must(second.turn(t.Context(), follows, queue, &w))
	if n := o.entries(); n != entries || o.traces(letter.IncomingKey("office", m.ID)) != 1 {
		t.Errorf("%d entries, and there were %d", n, entries)
	}
	if asked, err := o.cfg.Register.Meta(t.Context(), register.MetaLookForMissing); err != nil || asked == "" {
		t.Errorf("nobody is told that a letter is missing: %v", err)
	}
	w = watch{present: letter.DateOf(o.now)}
	o.must(o.turn(t.Context(), leads, queue, &w))
	if o.entries() == entries {
		t.Error("nobody took it in")
	}
	if asked, err := o.cfg.Register.Meta(t.Context(), register.MetaLookForMissing); err != nil || asked != "" {
		t.Errorf("it was not looked for: %q, %v", asked, err)
	}
	o.must(queue.stop())
}

// What one server holds of a letter in memory goes when another has ended it.
func TestALetterThatAnotherServerEndsIsWiped(t *testing.T) {
	o := newOffice(t)
	m := o.read()
	second := o.beside("second")
	l := o.state(m.ID)
	_, err := second.Page(t.Context(), l, portal.View{Page: 1, DPI: 50})
	o.must(err)
	plain, done, err := second.plain(t.Context(), l)
	o.must(err)
	done()
	o.must(second.wipeEnded(t.Context()))
	if wiped(plain) {
		t.Fatal("it is wiped while it lives")
	}
	o.toDeadline(m)
	o.work(m.ID)
	o.must(second.wipeEnded(t.Context()))
	if !wiped(plain) || len(second.showing.letters()) != 0 {
		t.Error("the letter has ended, and is in memory")
	}
}

// What differs between servers is said.
func TestServersThatDiffer(t *testing.T) {
	for name, differ := range map[string]func(*register.Running){
		"configuration": func(s *register.Running) { s.Setup = "another" },
		"version":       func(s *register.Running) { s.Program = "v9" },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t, quickly)
			c, alone, err := o.join(t.Context())
			o.must(err)
			queue := o.startsJobs(alone)
			o.must(o.beat(t.Context(), c, queue))
			other := register.Running{Name: "second", Boot: "x"}
			differ(&other)
			o.must(o.cfg.Register.Join(t.Context(), other))
			if ok(o.Check(t.Context()), "servers") {
				t.Error("the check says nothing of it")
			}
			o.must(o.cfg.Register.Join(t.Context(), register.Running{Name: "second", Boot: "x"}))
			if !ok(o.Check(t.Context()), "servers") {
				t.Error("they are the same, and the check says otherwise")
			}
			o.must(queue.stop())
		})
	}
}

// Two servers whose clocks are apart are found, whichever is wrong.
func TestServersWithClocksApart(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.Name = "first" })
	c, alone, err := o.join(t.Context())
	o.must(err)
	queue := o.startsJobs(alone)
	right := o.now
	second := o.beside("second")
	theirs, _, err := second.join(t.Context())
	o.must(err)
	o.must(o.beat(t.Context(), c, queue))
	o.store.clock = func() (time.Time, error) { return right, nil } // who is asked whose is wrong
	o.now = right.Add(time.Hour)
	o.must(second.cfg.Register.Beat(t.Context(), theirs.me))
	o.now = right
	o.must(o.beat(t.Context(), c, queue))
	if ok(o.Check(t.Context()), "servers") {
		t.Error("the check says nothing of it")
	}
	o.must(second.cfg.Register.Beat(t.Context(), theirs.me))
	o.must(o.beat(t.Context(), c, queue))
	if !ok(o.Check(t.Context()), "servers") {
		t.Error("they agree, and the check says otherwise")
	}
	o.must(queue.stop())
}

// The one of two servers whose clock the storage does not agree with takes no part
// until it is right, and loses the lead; where the storage has none, the database's counts.
func TestTheServerWithTheWrongClockStandsAside(t *testing.T) {
	t.Run("the storage's", func(t *testing.T) {
		o := newOffice(t, func(c *Config) { c.Name = "first" })
		right := o.now
		o.store.clock = func() (time.Time, error) { return right, nil }
		o.oneClockIsWrong()
	})
	if !postgrestest.OnPostgreSQL() {
		return // a file has no clock
	}
	t.Run("the database's", func(t *testing.T) {
		o := newOffice(t, func(c *Config) { c.Name = "first" })
		o.now = time.Now() // which may be months after what is on record
		o.must(o.cfg.Register.ConfirmClock(t.Context()))
		o.store.clock = func() (time.Time, error) { return time.Time{}, deposit.ErrNoClock }
		o.oneClockIsWrong()
	})
}

func (o *office) oneClockIsWrong() {
	t := o.t
	t.Helper()
	right := o.now
	wrong := time.Hour
	o.desk.Now = func() time.Time { return right.Add(wrong) }
	second := o.beside("second")
	second.cfg.Now = o.desk.Now
	theirs, _, err := second.join(t.Context())
	o.must(err)
	queue := o.startsJobs(false)
	o.must(second.beat(t.Context(), theirs, queue))
	ours, _, err := o.join(t.Context())
	o.must(err)
	both := func() {
		t.Helper()
		for range 2 {
			o.must(o.beat(t.Context(), ours, queue))
			o.must(second.beat(t.Context(), theirs, queue))
		}
	}
	both()
	o.must(o.beat(t.Context(), ours, queue))
	if o.leader() != "first" || o.aside.Load() || !second.aside.Load() {
		t.Fatalf("%q leads; aside are first: %v, second: %v", o.leader(), o.aside.Load(), second.aside.Load())
	}
	if err := second.cfg.Register.Record(t.Context(), register.FolderMade{}, 0); !errors.Is(err, register.ErrAside) {
		t.Errorf("it records with a wrong clock: %v", err)
	}
	if !second.mustRest(t.Context()) || o.mustRest(t.Context()) {
		t.Error("the wrong one works, or the right one rests")
	}
	if why, err := o.cfg.Register.ClockDoubt(t.Context()); err != nil || why != "" {
		t.Errorf("the clock is in doubt for all: %q, %v", why, err)
	}
	wrong = 0
	both()
	if err := second.cfg.Register.Record(t.Context(), register.FolderMade{}, 0); err != nil || second.aside.Load() || o.leader() != "first" {
		t.Errorf("set right, it stays aside: %v; %q leads", err, o.leader())
	}
	o.must(queue.stop())
}

// Two servers that make the keys of the weeks at once make the same.
func TestTwoServersMakeTheSameKeys(t *testing.T) {
	o := newOffice(t)
	dir := filepath.Join(t.TempDir(), "keyring")
	made := make(chan string, 2)
	for range 2 {
		ring, err := keyring.Open(dir)
		o.must(err)
		go func() {
			recipient, err := ring.Make("x2027-W21")
			if err != nil {
				recipient = err.Error()
			}
			made <- recipient
		}()
	}
	if a, b := <-made, <-made; a != b || !strings.HasPrefix(a, "age1") {
		t.Errorf("%s and %s", a, b)
	}
}
