package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"letterlock/cmd/supervised"
	"letterlock/pipeline/portal"
)

// A register is moved while nobody is at work on it. A server need not be stopped for
// that: whoever moves the register holds state/move.lock, and a server that sees it
// held ends all that it does, lets the data folder go, and answers at its door that
// people are to come again in a minute. Once the lock is free it begins anew, with the
// database that the configuration names by then. The kernel frees it with the process
// that held it: a move that is killed holds nobody up.
//
//	move.lock   held by whoever moves the register
//	makes-way   held by a server that looks for that; one of an earlier version does not
const (
	moveLock  = "move.lock"
	makesWay  = "makes-way"
	lookEvery = 500 * time.Millisecond // for somebody who is to move the register
	// madeWayIn is how long a server may take to make way: it ends jobs and pages that
	// are under way, for which it takes some ten seconds at most.
	madeWayIn = time.Minute
)

const movingSays = "the register is being moved into another database; Letterlock goes on by itself once that is done, and nothing is lost"

var errMoving = errors.New(movingSays)

// beingMoved reports whether somebody is about to move the register, or moves it.
func (d dataDir) beingMoved() bool { return isHeld(d.in("state", moveLock)) }

// makesWay reports whether a server is there that makes way, or has.
func (d dataDir) makesWay() bool { return isHeld(d.in("state", makesWay)) }

// isHeld reports whether a process holds that lock.
func isHeld(path string) bool {
	if !exists(path) {
		return false
	}
	unlock, err := lockFile(path)
	if err != nil {
		return errors.Is(err, errLocked)
	}
	unlock()
	return false
}

// lockSoon is lockFile, and tries some times more: a process that looks whether the lock
// is held holds it for a moment (see isHeld).
func lockSoon(path string, more int) (unlock func(), err error) {
	unlock, err = lockFile(path)
	for range more {
		if !errors.Is(err, errLocked) {
			break
		}
		time.Sleep(50 * time.Millisecond)
		unlock, err = lockFile(path)
	}
	return unlock, err
}

// willMakeWay says so of this process, until it is taken back.
func (w *world) willMakeWay() (takeBack func()) {
	free, err := lockSoon(w.dir.in("state", makesWay), 10)
	if err != nil {
		if !errors.Is(err, errLocked) { // by one that is started beside it, and waits too
			w.log.Warn("to move the register into another database, this server will have to be stopped", "error", err)
		}
		return func() {}
	}
	return free
}

// lockOrMoving locks the data folder; unlock is nil while it is another's because
// that moves the register.
func (d dataDir) lockOrMoving() (unlock func(), err error) {
	unlock, err = d.lock()
	if err != nil && d.beingMoved() {
		return nil, nil
	}
	return unlock, err
}

// untilMoved plays the roles until the context ends, or, which moved says, until all is
// ended because somebody is to move the register.
func (w *world) untilMoved(door net.Listener, begin func(*installation) error, edge bool) (moved bool, err error) {
	ctx, end := context.WithCancelCause(w.ctx)
	defer end(nil)
	go func() {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			if w.dir.beingMoved() {
				end(errMoving)
			}
		}
	}()
	within := *w
	within.ctx = ctx
	err = asTold(ctx, within.playHere(door, begin, edge))
	return err == nil && w.ctx.Err() == nil && errors.Is(context.Cause(ctx), errMoving), err
}

// standBack answers at the door until the register is moved, and takes the data folder
// again. unlock is nil, without an error, where the context ends before that.
func (w *world) standBack(door net.Listener) (unlock func(), err error) {
	w.log.Info("Letterlock makes way: " + movingSays)
	stop, err := w.answerMeanwhile(door, portal.Moving, movingSays)
	if err != nil {
		return nil, err
	}
	defer stop()
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	go supervised.Watch(ctx, w.log, func() error { return nil })
	for w.dir.beingMoved() {
		supervised.Starting(w.log, longestTry)
		select {
		case <-w.ctx.Done():
			return nil, nil
		case <-time.After(lookEvery):
		}
	}
	if unlock, err = w.dir.lockOrMoving(); err == nil && unlock == nil {
		return w.standBack(door)
	}
	return unlock, err
}

// holdServer has the server that is at work here make way until letGo is called, and
// keeps any other from beginning. served says that there was one.
func (w *world) holdServer() (served bool, letGo func(), err error) {
	moving := w.dir.in("state", moveLock)
	free, err := lockSoon(moving, 20)
	if err != nil {
		return false, nil, err
	}
	freed := func() {
		free()
		_ = os.Remove(moving) // one that stays is held by nobody
	}
	served = w.dir.makesWay()
	unlock, err := w.dir.lock()
	if err != nil && served {
		unlock, err = w.untilFree()
	}
	if err != nil {
		freed()
		return served, nil, err
	}
	return served, func() { unlock(); freed() }, nil
}

// untilFree waits for the data folder.
func (w *world) untilFree() (unlock func(), err error) {
	fmt.Fprintln(w.out, "The server makes way: who comes to the portal is asked to come again in a minute ...")
	work := w.screen.Begin("Waiting for the server to make way", "", 0)
	defer work.End()
	for began := time.Now(); time.Since(began) < madeWayIn; {
		if unlock, err = w.dir.lock(); err == nil {
			return unlock, nil
		}
		select {
		case <-w.ctx.Done():
			return nil, w.ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil, fmt.Errorf("the server has not made way for a minute, so that nothing was moved: %w", err)
}
