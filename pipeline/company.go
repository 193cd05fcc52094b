package pipeline

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

// Several servers may play the server's role on one register and one bucket, and
// any of them may die at any point. Letters are advanced by all of them, through
// the job queue. Everything that a sweep does is done by the one that leads:
// looking for what is new and due, and the day's duties. None of that is unsafe
// where two do it, as when one that had hung for long comes back: it would be done
// twice, and some of it be on record twice.

const (
	beatEvery = 5 * time.Second // if not configured
	// deadBeats is after how many beats that were not heard a server counts as dead.
	deadBeats = 4
)

// errOusted ends a server whose name another start has taken.
var errOusted = errors.New("another server has begun under this one's name: two machines have the same host name, and their data folders the same path; give one of them another")

// company is what this server knows of those at work beside it.
type company struct {
	me    register.Running
	heard map[string]heard // by ID

	failed atomic.Pointer[error] // what the last beat failed with

	lacks   int       // keys that this server's keyring lacked; for its turns alone
	lacksAt time.Time // when that was looked at

	vacant   time.Time // since when nobody leads, for a server that lacks a signing key
	stopgaps time.Time // when it took the lead all the same
}

// heard is the last beat that was heard of a server, and when by this process's
// own steady clock.
type heard struct {
	beat  int64
	at    time.Time
	fresh bool // it has grown just now: what came with it is of now
}

// join puts this server among those at work. alone says that there is no other.
func (s *Server) join(ctx context.Context) (c *company, alone bool, err error) {
	c = &company{heard: map[string]heard{},
		me: register.Running{Name: s.cfg.Name, Boot: rand.Text(), Program: string(s.cfg.Program), Setup: s.cfg.Setup, Exposed: s.door}}
	if err := s.cfg.Register.Join(ctx, c.me); err != nil {
		return nil, false, err
	}
	all, err := s.cfg.Register.Running(ctx)
	return c, len(all) == 1, err
}

// beat is what a server does every few seconds beside its work: it says that it
// lives, listens for the others, and takes the lead where nobody has it. It stops
// where the sweeps do not go on, so that another takes over.
func (s *Server) beat(ctx context.Context, c *company, queue *jobs) error {
	// A newer program may bring the tables up to date at any moment. This one would write
	// into them what that one does not expect, so it goes, as it would not begin there.
	if err := s.cfg.Register.RefuseNewer(ctx); err != nil || s.Stuck() != nil {
		return err
	}
	err := s.cfg.Register.Beat(ctx, c.me)
	switch {
	case errors.Is(err, register.ErrMoved):
		return errOusted
	case errors.Is(err, register.ErrNotFound): // it had hung, and was forgotten
		err = s.cfg.Register.Join(ctx, c.me)
	}
	if err != nil {
		return err
	}
	// Before the servers are read: who has begun to work has joined before.
	found, err := queue.atWork(ctx)
	if err != nil {
		return err
	}
	if err := queue.releaseLost(ctx, found, s.deadAfter()); err != nil {
		return err
	}
	all, err := s.cfg.Register.Running(ctx)
	if err != nil {
		return err
	}
	c.listen(all, time.Now())
	if aside, err := s.standAside(ctx, c, all); err != nil || aside {
		return err
	}
	if err := s.takesUpKeys(ctx, c, all); err != nil {
		return err
	}
	leads, err := s.takeLead(ctx, c, all)
	if err != nil || !leads {
		return err
	}
	return errors.Join(s.noteHeard(ctx, c, all), queue.release(ctx, found, func(id string) bool { return c.lives(id, s.deadAfter()) }))
}

// keepBeating beats until ctx ends. What it returns gives an error if the server
// must end.
func (s *Server) keepBeating(ctx context.Context, c *company, queue *jobs) <-chan error {
	must := make(chan error, 1)
	once := func() bool {
		err := s.beat(ctx, c, queue)
		c.failed.Store(&err)
		if _, outdated := errors.AsType[*register.TooNewError](err); outdated || errors.Is(err, errOusted) {
			must <- err
			return false
		}
		return true
	}
	if !once() { // before the first sweep, which is the leader's
		return must
	}
	go func() {
		tick := time.NewTicker(s.beatEvery())
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if !once() {
				return
			}
		}
	}()
	return must
}

// depart takes this server from among those at work, so that another need not
// wait to take over. A crash before this leaves one that is dead after deadBeats.
func (s *Server) depart(c *company) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.deadAfter())
	defer cancel()
	return s.cfg.Register.Depart(ctx, c.me)
}

func (s *Server) beatEvery() time.Duration { return cmp.Or(s.cfg.BeatEvery, beatEvery) }
func (s *Server) deadAfter() time.Duration { return deadBeats * s.beatEvery() }

// listen notes whose beat has grown.
func (c *company) listen(all []register.Running, now time.Time) {
	before := c.heard
	c.heard = make(map[string]heard, len(all))
	for _, other := range all {
		last, known := before[other.ID()]
		if !known || last.beat != other.Beat {
			last = heard{other.Beat, now, known}
		} else {
			last.fresh = false
		}
		c.heard[other.ID()] = last
	}
}

// lives reports whether that start of a server was heard of within so long.
func (c *company) lives(id string, within time.Duration) bool {
	last, known := c.heard[id]
	return known && time.Since(last.at) < within
}

// takeLead takes the lead where nobody has it that lives, and reports whether
// this server has it.
func (s *Server) takeLead(ctx context.Context, c *company, all []register.Running) (leads bool, err error) {
	leader, err := s.cfg.Register.Leader(ctx)
	if err != nil || leader == c.me.ID() {
		return err == nil, err
	}
	if leader != "" && c.lives(leader, s.deadAfter()) {
		return false, nil
	}
	err = s.cfg.Register.Lead(ctx, leader, c.me.ID())
	if errors.Is(err, register.ErrMoved) {
		return false, nil // another was first
	}
	if err == nil && len(all) > 1 {
		s.cfg.Log.Info("this server leads from now on", "server", c.me.Name)
	}
	return err == nil, err
}

// standAside finds out whether this server's clock is the wrong one of two that
// differ, by the storage's or the database's. If so it takes no part until it is
// right: what it puts on record would put the clock in doubt for all. Where nobody
// can tell whose clock is wrong both go on, and the register's own doubt keeps
// either from deleting anything.
func (s *Server) standAside(ctx context.Context, c *company, all []register.Running) (aside bool, err error) {
	beside := ""
	for _, other := range all {
		heard := c.heard[other.ID()]
		if other.ID() != c.me.ID() && heard.fresh && other.Clock.Sub(s.cfg.Now()).Abs() > clockSlack {
			beside = other.Name
		}
	}
	switch {
	case beside != "":
		if aside, err = s.clockIsWrong(ctx); err != nil {
			return s.aside.Load(), err
		}
	case s.aside.Load():
		// Perhaps no other has been heard since: what the judge says counts.
		if aside, err = s.clockIsWrong(ctx); err != nil {
			return true, err
		}
	}
	s.cfg.Register.StandAside(aside)
	if !s.aside.Swap(aside) && aside {
		s.cfg.Log.Error("this server's clock is wrong: it records nothing, shows nobody anything and leaves the work to the others until it is right", "beside", beside)
		return true, s.cfg.Register.GiveUpLead(ctx, c.me)
	}
	return aside, nil
}

// takesUpKeys puts signing keys in their places that took over beside this process, also
// where this server signs nothing for a while: the old ones are wiped by that. A server
// that was not given one can record or tell nothing; so it leaves the lead to another,
// which may have it, and its error says what it lacks. Alone it keeps the lead; and where
// none of the others takes it, since each lacks a key, one of them leads all the same: alarms
// must be told, and what needs no key done.
func (s *Server) takesUpKeys(ctx context.Context, c *company, all []register.Running) error {
	err := s.cfg.Register.MaySign(ctx)
	if err == nil {
		_, _, err = s.signerHere(ctx)
	}
	lacks := errors.Is(err, register.ErrOldKey) || errors.Is(err, register.ErrNoKey) || errors.Is(err, ErrServerKeyMissing) || errors.Is(err, ErrNoServerKey)
	if !lacks {
		return err
	}
	others := slices.ContainsFunc(all, func(one register.Running) bool { return one.ID() != c.me.ID() && c.lives(one.ID(), s.deadAfter()) })
	if !others {
		return nil // whoever does what cannot be done says it
	}
	leader, unknown := s.cfg.Register.Leader(ctx)
	if unknown != nil {
		return errors.Join(err, unknown)
	}
	now := time.Now()
	switch {
	case leader == c.me.ID():
		if !c.stopgaps.IsZero() && now.Sub(c.stopgaps) < stopgapFor {
			return nil
		}
		c.vacant = now
		return errors.Join(err, s.cfg.Register.GiveUpLead(ctx, c.me))
	case leader != "" && c.lives(leader, s.deadAfter()):
		c.vacant = time.Time{}
	case c.vacant.IsZero():
		c.vacant = now
	case now.Sub(c.vacant) >= 2*s.deadAfter():
		c.stopgaps = now
		return nil
	}
	return err
}

// stopgapFor is for how long a server leads that lacks a signing key, before it asks again
// whether another one can.
const stopgapFor = 10 * time.Minute

// clockIsWrong asks those who are neither of the servers: the storage, or where it
// has no clock of its own the database.
func (s *Server) clockIsWrong(ctx context.Context) (bool, error) {
	theirs, err := s.cfg.Store.Clock(ctx)
	if errors.Is(err, deposit.ErrNoClock) {
		known := false
		if theirs, known, err = s.cfg.Register.DatabaseClock(ctx); err == nil && !known {
			return false, nil
		}
	}
	if err != nil {
		return false, fmt.Errorf("finding out whose clock is wrong: %w", err)
	}
	return s.cfg.Now().Sub(theirs).Abs() > clockSlack, nil
}

// leads reports whether this server leads just now. Where it cannot be found out
// it does not.
func (s *Server) leads(ctx context.Context, c *company) (bool, error) {
	leader, err := s.cfg.Register.Leader(ctx)
	return err == nil && leader == c.me.ID(), err
}

// noteHeard keeps, where 'letterlock check' finds it, which servers are silent and
// whose clock is another. One that is silent is missed until it is back, or until
// somebody says that it does not come back: nothing else does, and until then it may
// hold keys of before.
func (s *Server) noteHeard(ctx context.Context, c *company, all []register.Running) error {
	for _, other := range all {
		if other.ID() == c.me.ID() {
			continue
		}
		last := c.heard[other.ID()]
		silent, apart := other.Silent, other.Apart
		switch {
		case !c.lives(other.ID(), s.deadAfter()):
			if silent.IsZero() {
				silent = s.cfg.Now()
			}
		case last.fresh:
			silent, apart = time.Time{}, other.Clock.Sub(s.cfg.Now())
			if apart.Abs() < clockSlack {
				apart = 0
			}
		}
		if silent.Equal(other.Silent) && (apart-other.Apart).Abs() < time.Minute && (apart == 0) == (other.Apart == 0) {
			continue
		}
		if err := s.cfg.Register.Heard(ctx, other, silent, apart); err != nil {
			return err
		}
	}
	return nil
}

// follow is what a sweep does on a server that does not lead.
func (s *Server) follow(ctx context.Context, w *watch) error {
	*w = watch{standing: w.standing, ownKeys: w.ownKeys, measured: w.measured} // another does the rest meanwhile
	mayGoOn, err := s.recognise(ctx, &w.standing)
	if !mayGoOn {
		if s.Closed(ctx) {
			s.sayClosed(ctx, &w.standing)
		}
		return err
	}
	if s.lookForMissing.Swap(false) {
		err = errors.Join(err, s.cfg.Register.SetMeta(ctx, register.MetaLookForMissing, "yes"))
	}
	return errors.Join(err, s.endOwnKeys(ctx, w))
}

// endOwnKeys destroys what this server's keyring holds of keys that must be dead.
// The server that leads destroys keys in its own; where another was given a folder
// of its own, against what is demanded, a key must not live on there.
func (s *Server) endOwnKeys(ctx context.Context, w *watch) error {
	now := s.cfg.Now()
	if letter.DateOf(now) == letter.DateOf(w.ownKeys) && now.Sub(w.ownKeys) < time.Hour {
		return nil
	}
	due, err := s.dueKeys(ctx)
	if err != nil {
		return err
	}
	due = slices.DeleteFunc(due, func(k register.WeekKey) bool {
		return k.State == register.KeyLiving || k.State == register.KeyDying // the leading server ends these
	})
	if err := s.endAll(ctx, due); err != nil {
		return err
	}
	w.ownKeys = now
	return nil
}

// noteLacking keeps, where every server finds it, how many keys this one's keyring
// lacks.
func (s *Server) noteLacking(ctx context.Context, c *company) error {
	if time.Since(c.lacksAt) < time.Minute {
		return nil
	}
	n, err := s.lackingKeys(ctx)
	if err != nil {
		return err
	}
	if n > 0 && n != c.lacks {
		s.cfg.Log.Error("keys that live on record are not in this server's keyring, and letters that are sealed to them wait for another server: all servers must have one and the same folder as their keyring", "keys", n)
	}
	if n > 0 || n != c.lacks {
		if err := s.cfg.Register.Lacking(ctx, c.me, n); err != nil {
			return err
		}
	}
	c.lacks, c.lacksAt = n, time.Now()
	return nil
}

// wipeEnded wipes what is held of letters that are shown to nobody any more:
// another server may have ended them.
func (s *Server) wipeEnded(ctx context.Context) error {
	for _, id := range s.showing.letters() {
		l, err := s.cfg.Register.Letter(ctx, id)
		switch {
		case errors.Is(err, register.ErrNotFound), err == nil && !l.Open(s.cfg.Now()):
			s.closeLetter(id)
		case err != nil:
			return err
		}
	}
	return nil
}

// missed are those servers that have ended without a word.
func missed(all []register.Running) (silent []register.Running) {
	return slices.DeleteFunc(slices.Clone(all), func(one register.Running) bool { return one.Silent.IsZero() })
}

// checkServers looks at the servers beside one another.
func (s *Server) checkServers(ctx context.Context) (bad, good texts.Text, err error) {
	all, err := s.cfg.Register.Running(ctx)
	if err != nil || len(all) == 0 {
		return nil, texts.Say("check-servers.none"), err
	}
	leader, err := s.cfg.Register.Leader(ctx)
	if err != nil {
		return nil, nil, err
	}
	leads := all[0]
	for _, one := range all {
		if one.ID() == leader {
			leads = one
		}
	}
	if silent := missed(all); len(silent) > 0 {
		return texts.Say("check-servers.silent", "server", silent[0].Name), nil, nil
	}
	for _, one := range all {
		switch {
		case one.Apart != 0:
			return texts.Say("check-servers.clocks-differ", "server", one.Name, "other", leads.Name, "by", words.Lasted(one.Apart.Abs())), nil, nil
		case one.Lacks > 0:
			return texts.Say("check-servers.lacks-keys", "server", one.Name, "n", one.Lacks), nil, nil
		case one.Program != leads.Program: // which may say the same of their configurations in other words
			return texts.Say("check-servers.versions-differ", "server", one.Name, "version", one.Program, "other", leads.Name, "others", leads.Program), nil, nil
		case one.Setup != leads.Setup:
			return texts.Say("check-servers.configurations-differ", "server", one.Name, "other", leads.Name), nil, nil
		}
	}
	return nil, texts.Say("check-servers.at-work", "n", len(all)), nil
}
