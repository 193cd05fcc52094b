package pipeline

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

const (
	sweepEvery = 2 * time.Second // if not configured
	dueAtOnce  = 500             // letters that one sweep enqueues at most; the next one goes on
)

// sweeper is a store that needs somebody to remove what is brief, because it
// has no lifecycle of its own.
type sweeper interface {
	Sweep(ctx context.Context, now time.Time) (removed int, err error)
}

// Run plays the server's role until ctx ends: it takes in manifests, and has
// whatever is due done. What it does at its start is what it always does.
func (s *Server) Run(ctx context.Context) (err error) {
	company, alone, err := s.join(ctx)
	if err != nil {
		return err
	}
	queue, err := startJobs(ctx, s.cfg.Register, s.cfg.Log, company.me.ID(), alone, s.Advance)
	if err != nil && ctx.Err() != nil {
		return s.depart(company) // stopped before it had begun
	}
	if err != nil {
		return err
	}
	s.cfg.Register.OnDue(queue.enqueue)
	beating := s.keepBeating(ctx, company, queue)
	defer func() {
		s.cfg.Register.OnDue(nil)
		err = errors.Join(err, queue.stop(), s.depart(company))
	}()
	tick := time.NewTicker(cmp.Or(s.cfg.SweepEvery, sweepEvery))
	defer tick.Stop()
	var w watch
	for {
		s.report(ctx, s.turn(ctx, company, queue, &w))
		s.swept.Store(time.Now().Unix())
		select {
		case <-ctx.Done():
			return nil
		case err := <-beating:
			return err
		case <-tick.C:
		}
	}
}

// turn is one turn of a server: that of the one that leads, or of another.
func (s *Server) turn(ctx context.Context, c *company, queue *jobs, w *watch) error {
	leads, err := s.leads(ctx, c)
	switch {
	case err != nil:
	case leads:
		err = s.sweep(ctx, queue, w)
	default:
		w.awaited, w.answers = nil, nil
		err = s.follow(ctx, w)
	}
	return errors.Join(err, s.tellDisks(ctx, w), s.noteLacking(ctx, c), s.wipeEnded(ctx), *c.failed.Load())
}

// watch is what a run remembers of its sweeps.
type watch struct {
	prepared    bool                // the bucket is ready
	published   letter.Date         // the last day on which the recipients list was published
	kept        [6]letter.Date      // the last day on which each of a day's steps was done
	day         letter.Date         // the last day of which all is done
	strays      time.Time           // when it was last looked for strays
	uncovered   time.Time           // and for what lies above letters
	returned    letter.Date         // the last day on which it was looked for what had come back
	ended       time.Time           // when keys were last looked at
	ownKeys     time.Time           // and on a server that does not lead, those of its keyring
	overdue     bool                // whether a letter was due then
	alarmed     time.Time           // when it was last looked whether somebody must see to something
	alarmedSlow time.Time           // and for what takes many questions
	counted     time.Time           // when it was last counted whether everything adds up
	differ      bool                // and it did not
	present     letter.Date         // the last day on which it was looked whether every letter is there
	standing    standing            // whether what a sweep goes by is of now
	farewells   map[string]farewell // what was last told of letters that are gone, by site
	awaited     map[string]farewell // likewise of papers that are to be scanned again; nil before, and after another server led
	answers     map[string]farewell // likewise of what people have answered of scans; nil as awaited
	measured    time.Time           // when it was last looked how much room the disks have
	full        bool                // and whether one of them was nearly full
	tried       time.Time           // when the storage was last tried out, or was away
	keys        string              // what scanners were told of the server's keys, and on which day
}

// sweep finds what is due and has it done. Each part goes on where another fails.
func (s *Server) sweep(ctx context.Context, queue *jobs, w *watch) error {
	mayGoOn, err := s.recognise(ctx, &w.standing)
	switch {
	case mayGoOn:
	case s.Closed(ctx):
		return errors.Join(err, s.whileClosed(ctx, &w.standing))
	default:
		return errors.Join(err, s.watchAlarms(ctx, w))
	}
	return errors.Join(
		s.daily(ctx, w),
		s.uncoverList(ctx),
		// What is due comes before what was brought: whoever can put into incoming/ must
		// not be able to put off the end of a letter or of a key.
		s.endStorageUsers(ctx),
		s.endDrafts(ctx),
		s.enqueueDue(ctx, queue),
		s.prove(ctx),
		s.endKeys(ctx, w),
		s.Admit(ctx),
		s.tendServerKeys(ctx, w),
		s.tellGone(ctx, w),
		s.tellAgain(ctx, w),
		s.tellAnswers(ctx, w),
		s.watchStrays(ctx, w),
		s.uncoverLetters(ctx, w),
		s.tryStorageDaily(ctx, w),
		s.watchAlarms(ctx, w), // after all these: of what was just done nothing is an alarm
		s.remember(ctx, &w.standing),
	)
}

// daily does, at the start and then at each London midnight, what keeps a day
// going. Each step is done once; what fails is tried again with the next sweep, and
// keeps no other from being done.
func (s *Server) daily(ctx context.Context, w *watch) error {
	today := letter.DateOf(s.cfg.Now())
	if w.day == today {
		return nil
	}
	if s.cfg.Prepare != nil && !w.prepared {
		if err := s.cfg.Prepare(ctx); err != nil {
			return err
		}
		w.prepared = true
	}
	// Asked before the day's entry, which could hide a leap of the clock.
	why, err := s.doubt(ctx)
	if err != nil {
		return err
	}
	published := s.publishDaily(ctx, w, today, why)
	if _, err := s.cfg.Register.BeginDay(ctx); err != nil {
		return errors.Join(published, fmt.Errorf("beginning the day: %w", err))
	}
	if why != "" {
		return nil // everything is asked again with the next sweep
	}
	err = published
	for i, step := range []func(context.Context) error{s.cfg.Register.RenewHolds, s.cfg.Register.ForgetGone, s.cfg.Register.HandBack, s.anchor, s.sweepBucket, s.forgetUnread} {
		if w.kept[i] == today {
			continue
		}
		if failed := step(ctx); failed != nil {
			err = errors.Join(err, failed)
			continue
		}
		w.kept[i] = today
	}
	if err == nil {
		w.day = today
	}
	return err
}

// publishDaily renews what scanners are told each day, unless the clock is in doubt.
func (s *Server) publishDaily(ctx context.Context, w *watch, today letter.Date, doubt string) error {
	if doubt != "" || w.published == today {
		return nil
	}
	if err := s.listedBefore(ctx); err != nil {
		return err
	}
	if err := s.PublishRecipients(ctx); err != nil {
		return err
	}
	w.published = today
	if err := s.sayAbout(ctx); err != nil {
		s.cfg.Log.Warn("scanners cannot be told this server's version", "error", err)
	}
	s.compareLifecycle(ctx)
	return nil
}

// listedBefore has a list that an earlier version has published, which noted not when,
// count from now: or nobody would hear that no other follows it.
func (s *Server) listedBefore(ctx context.Context) error {
	listed, err := s.cfg.Register.KeptTime(ctx, register.MetaListed)
	if err != nil || !listed.IsZero() {
		return err
	}
	if _, published, err := s.cfg.Register.Serials(ctx); err != nil || published == 0 {
		return err
	}
	return s.cfg.Register.KeepTime(ctx, register.MetaListed, s.cfg.Now())
}

// sweepBucket removes manifests and receipts whose time is over, where the store does
// not do it by rules.
func (s *Server) sweepBucket(ctx context.Context) error {
	store, ok := s.cfg.Store.(sweeper)
	if !ok {
		return nil
	}
	if _, err := store.Sweep(ctx, s.cfg.Now()); err != nil {
		return fmt.Errorf("removing old manifests and receipts: %w", err)
	}
	return nil
}

// compareLifecycle is loud about deletion rules of the storage that somebody
// has changed, and mends nothing.
func (s *Server) compareLifecycle(ctx context.Context) {
	bad, _, err := s.checkStorage(ctx)
	if err != nil || bad != nil {
		s.cfg.Log.Error("the storage is not as it must be", "says", texts.English().Text(bad), "error", err)
	}
}

func (s *Server) enqueueDue(ctx context.Context, queue *jobs) error {
	due, err := s.cfg.Register.DueNow(ctx, dueAtOnce)
	if err != nil {
		return err
	}
	expired, err := s.cfg.Register.PastDeadline(ctx, letter.DateOf(s.cfg.Now()), dueAtOnce)
	if err != nil {
		return err
	}
	if len(expired) > 0 {
		// Asked once for all: each of them asks again before it destroys anything.
		if may, err := s.mayDestroy(ctx, s.doubt); err != nil || !may {
			expired = nil
		}
	}
	for _, id := range append(due, expired...) {
		if err := queue.enqueue(ctx, (*sql.Tx)(nil), id); err != nil {
			return err
		}
	}
	return nil
}

// prove completes deletions whose rows are not yet gone from the database's
// files, letters' and people's.
func (s *Server) prove(ctx context.Context) error {
	if err := s.cfg.Register.ForgetOver(ctx); err != nil {
		return err
	}
	n, err := s.cfg.Register.ProveErased(ctx)
	if errors.Is(err, register.ErrBusy) {
		return nil // a reader is at work; the next sweep tries again, and Overdue counts it until then
	}
	if n > 0 {
		s.cfg.Log.Info("letters are gone, with proof on the register", "letters", n)
	}
	if err != nil {
		return err
	}
	if err := s.cfg.Register.ProveForgotten(ctx); !errors.Is(err, register.ErrBusy) {
		return err
	}
	return nil
}

// endKeys looks at keys at the start, at midnight and hourly; more often while
// a letter that is due may still depend on one, or while one that is due is left, as
// where the clock is in doubt: once it is not, nothing waits for an hour longer.
func (s *Server) endKeys(ctx context.Context, w *watch) error {
	now := s.cfg.Now()
	overdue, err := s.cfg.Register.Overdue(ctx, letter.DateOf(now))
	if err != nil {
		return err
	}
	every := time.Hour
	if overdue > 0 || w.overdue {
		every = 5 * time.Second
	}
	if letter.DateOf(now) == letter.DateOf(w.ended) && now.Sub(w.ended).Abs() < every {
		return nil
	}
	w.overdue = overdue > 0
	if err := s.EndKeys(ctx); err != nil {
		return err
	}
	left, err := s.overdueKeys(ctx)
	w.overdue, w.ended = w.overdue || left > 0, now
	return err
}

// report says what went wrong with a sweep, and says the same again only after
// a minute: a storage that is down for a night must not fill the log.
func (s *Server) report(ctx context.Context, err error) {
	if err == nil || ctx.Err() != nil {
		was := s.said.Over(diskFull, databaseAway, databaseIdle, databaseRefuses, storageRefuses, storageAway, storageSkewed)
		switch {
		case was == "" || err != nil:
		case was == storageRefuses: // what asks for the same again may come in an hour
			s.cfg.Log.Info("the storage refuses nothing just now, and Letterlock goes on")
		case was == storageAway, was == storageSkewed:
			s.cfg.Log.Info("the storage answers again, and Letterlock goes on")
		default:
			s.cfg.Log.Info("everything can be recorded again, and Letterlock goes on")
		}
		return
	}
	says, again := err.Error(), time.Minute
	if register.IsFull(err) {
		says, again = diskFull, time.Hour
	} else if register.IsOutOfReach(err) {
		says, again = SayAway(err), 10*time.Minute
	} else if errors.Is(err, deposit.ErrUnavailable) {
		says, again = storageAway, 10*time.Minute
	} else if deposit.IsSkewed(err) {
		says, again = storageSkewed, 10*time.Minute
	} else if errors.Is(err, deposit.ErrRefused) {
		says, again = storageRefuses, 10*time.Minute
	}
	if !s.said.Due(says, again) {
		return
	}
	switch says {
	case diskFull:
		s.cfg.Log.Error(diskFull)
		return
	case databaseAway:
		s.cfg.Log.Error(databaseAway)
		return
	case databaseIdle:
		s.cfg.Log.Error(databaseIdle)
		return
	case databaseRefuses:
		s.cfg.Log.Error(databaseRefuses, "error", err)
		return
	case storageAway:
		s.cfg.Log.Error(storageAway, "error", err)
		return
	case storageRefuses:
		s.cfg.Log.Error(storageRefuses, "error", err)
		return
	case storageSkewed:
		s.cfg.Log.Error(storageSkewed, "error", err)
		return
	}
	s.cfg.Log.Error("something went wrong and is tried again in a moment", "error", err)
}

// diskFull is said once for everything that finds no room.
const diskFull = "the disk of the data folder, of the bucket or of the database is full: nothing can be recorded, so no letter is taken in, shown, announced or deleted; make room, and Letterlock goes on by itself; nothing is lost"

// databaseAway and databaseIdle are said once for everything that cannot be recorded.
const (
	databaseAway = "the database cannot be reached: nothing can be recorded, so no letter is taken in, shown, announced or deleted; see that its server runs, and Letterlock goes on by itself; nothing is lost"
	databaseIdle = "at the database's address answers a server that records nothing, a standby or one that is set read-only: no letter is taken in, shown, announced or deleted; see that the address leads to the one that others repeat, and Letterlock goes on by itself; nothing is lost"
)

// databaseRefuses is said once for everything that is not let in.
const databaseRefuses = "the database's server refuses: no letter is taken in, shown, announced or deleted; see that [database] has its user, password and database, and that the server lets this machine in; a new password counts at once, anything else with the next start; nothing is lost"

// storageAway, storageRefuses and storageSkewed are said once for everything that needs the
// storage.
const (
	storageSkewed  = "the storage refuses whatever this server asks, since the clocks of the two are too far apart: no letter can be opened or deleted; set the clock that is wrong, and Letterlock goes on by itself; nothing is lost"
	storageAway    = "the storage cannot be reached: no letter can be opened or deleted, and scans wait at the scanner; see that it runs and can be reached from here, and Letterlock goes on by itself; nothing is lost"
	storageRefuses = "the storage refuses something that Letterlock needs, and what it was for is tried again: 'letterlock check' says more; look at the access key, the secret key, their rights and the bucket's name in [storage], or at whose the bucket's folder is; new credentials count at once; nothing is lost"
)

// SayAway is what people are told while register.IsOutOfReach.
func SayAway(err error) string {
	if register.TakesNothing(err) {
		return databaseIdle
	}
	if register.Refuses(err) {
		return databaseRefuses
	}
	return databaseAway
}
