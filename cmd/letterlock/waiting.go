package main

import (
	"context"
	"errors"
	"net"
	"net/http"
	"sync"
	"time"

	"letterlock/cmd/supervised"
	"letterlock/pipeline"
	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
)

const (
	firstTry    = time.Second // and then after twice as long each time
	slowestTry  = 30 * time.Second
	longestTry  = 30 * time.Second // until the network gives up
	sayWaitsFor = 10 * time.Minute
)

// openPatiently opens the data folder. While the database's server is away, as
// after a power failure, when both begin at once, it answers at the door that it
// waits, and tells systemd so.
func (w *world) openPatiently(door net.Listener) (*installation, error) {
	in, err := w.opened(open)
	if !register.IsAway(err) {
		return in, err
	}
	stop, unanswered := w.answerMeanwhile(door, portal.Starting, pipeline.SayAway(err))
	if unanswered != nil {
		return nil, errors.Join(unanswered, err)
	}
	defer stop()
	var said time.Time
	for wait := firstTry; register.IsAway(err); wait = min(2*wait, slowestTry) {
		if time.Since(said) > sayWaitsFor {
			w.log.Error("Letterlock waits for the database: "+pipeline.SayAway(err), "cause", cause(err))
			said = time.Now()
		}
		supervised.Starting(w.log, wait+longestTry)
		select {
		case <-w.ctx.Done():
			return nil, w.ctx.Err()
		case <-time.After(wait):
		}
		in, err = open(w.ctx, w.dir, w.log)
	}
	if err == nil {
		w.log.Info("the database answers, and Letterlock begins")
	}
	return in, err
}

// answerMeanwhile answers at the portal's door with a page, and at that of the metrics
// with why, until stop is called. The portal's stays open: it goes on to the portal.
func (w *world) answerMeanwhile(door net.Listener, says func(portal.Config) (http.Handler, error), why string) (stop func(), err error) {
	in := &installation{dir: w.dir, log: w.log}
	if in.cfg, err = readConfig(w.dir.config); err != nil {
		return nil, err
	}
	page, err := says(portal.Config{Language: in.cfg.Portal.Language, SubdomainsWithoutTLS: in.cfg.Portal.SubdomainsWithoutTLS, Log: w.log})
	if err != nil {
		return nil, err
	}
	r := &roles{in: in}
	if r.web, err = in.web(page); err != nil {
		return nil, err
	}
	if r.metrics, err = in.metricsDoor(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(w.ctx)
	lent := lend(door)
	var both sync.WaitGroup
	answers := func(f func() error) {
		both.Go(func() {
			if err := f(); err != nil {
				w.log.Warn("nobody is told that Letterlock waits", "error", err)
			}
		})
	}
	answers(func() error { return r.answer(lent) })
	if r.metrics != nil {
		answers(func() error { return r.monitor(ctx, waits(why)) })
	}
	return func() {
		cancel()
		r.hangUp()
		both.Wait()
		lent.takeBack()
	}, nil
}

// waits is what is answered to whoever looks after a process that waits: that it
// lives, and that nobody can be sent to it.
func waits(why string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /healthz", pipeline.Health(nil))
	mux.Handle("GET /readyz", pipeline.Health(errors.New(why)))
	return mux
}

// lentDoor is a door at which a web server answers for a while: closing it lets go
// whoever waits at it, and leaves it open.
type lentDoor struct{ *net.TCPListener }

func lend(door net.Listener) lentDoor { return lentDoor{door.(*net.TCPListener)} }

// takeBack has the door open again for whoever answers at it next.
func (l lentDoor) takeBack() { _ = l.SetDeadline(time.Time{}) } // of an open door, which cannot fail

// Close has Accept return, now and until the deadline is taken away.
func (l lentDoor) Close() error { return l.SetDeadline(time.Unix(1, 0)) }
