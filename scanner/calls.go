package scanner

import (
	"context"
	"io"
	"time"

	"letterlock/scanner/letter"
)

// A store may hang, and a big letter takes minutes on a slow line. The folder is
// looked after all the same, so a call of the store is made beside the edge's own
// work, which waits for it for a moment only. What takes longer goes on by
// itself; whoever asks the same question again later gets its answer, and until
// then everybody gets errWaits.
//
// There is one call at a time. It shares nothing with the edge: the body that it
// sends is a file that only it has open, of a letter that stays in the spool
// until the answer was taken in. A crash leaves what it leaves of any call:
// a question that may have been answered or not, and is asked again.

// defaultPatience is how long one pass waits for the store, all its calls
// together.
const defaultPatience = 2 * time.Second

// answerAge is how long an answer is kept for whoever asked.
const answerAge = time.Minute

// silence is after how long without an answer people are told.
const silence = time.Minute

// question is what the store is asked.
type question struct {
	what string    // it is asked; no other question has the same
	by   letter.ID // the letter for which it is asked; "" for none
	body func() (io.ReadSeekCloser, error)
	do   func(ctx context.Context, body io.ReadSeeker) reply
}

type reply struct {
	data []byte
	time time.Time
	err  error
}

// call is a question on its way, or its answer.
type call struct {
	question
	began    time.Time
	hangUp   context.CancelFunc
	unwanted bool // nobody may use the answer
	awaited  bool // a pass is made for it

	done  chan struct{} // closed when the fields below are set
	ended time.Time
	reply
}

func (c *call) answered() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// ask puts a question to the store, or takes in the answer to one that was put
// before. It returns errWaits while there is none.
func (e *Edge) ask(ctx context.Context, q question) (*call, error) {
	if e.call == nil {
		if !e.reachable() {
			return nil, errWaits
		}
		if err := e.begin(ctx, q); err != nil {
			return nil, err
		}
	}
	c := e.call
	if c.what != q.what || c.unwanted || !c.answered() {
		return nil, errWaits
	}
	e.call = nil
	return c, e.heard(c.err)
}

// begin makes a call, and waits for its answer for as long as this pass still
// has patience.
func (e *Edge) begin(ctx context.Context, q question) error {
	var body io.ReadSeekCloser
	if q.body != nil {
		var err error
		if body, err = q.body(); err != nil {
			return err
		}
	}
	ctx, hangUp := context.WithCancel(ctx)
	c := &call{question: q, began: e.Now(), hangUp: hangUp, done: make(chan struct{})}
	e.call = c
	e.beside(func() {
		c.reply = q.do(ctx, body)
		if body != nil {
			body.Close()
		}
	}, func() {
		c.ended = e.Now()
		close(c.done)
		hangUp()
	})
	if e.patienceLeft > 0 {
		start := time.Now()
		select {
		case <-c.done:
		case <-time.After(e.patienceLeft):
		}
		e.patienceLeft -= time.Since(start)
	}
	return nil
}

// beside is how calls are made outside simulations.
func beside(work, end func()) {
	go func() {
		work()
		end()
	}()
}

// mayAsk reports whether a question for a letter would be put, or has its
// answer.
func (e *Edge) mayAsk(id letter.ID) bool {
	if e.call == nil {
		return e.reachable()
	}
	return e.call.answered() && e.call.by == id
}

// answeredTo is the letter that the store has answered to; "" if there is none.
func (e *Edge) answeredTo() letter.ID {
	if e.call == nil || !e.call.answered() {
		return ""
	}
	return e.call.by
}

// awaited is closed when the call that is under way is answered; nil if there is
// none, or if a pass was made for its answer and nobody has come for it.
func (e *Edge) awaited() <-chan struct{} {
	c := e.call
	if c == nil || c.awaited {
		return nil
	}
	c.awaited = c.answered()
	return c.done
}

// tendCall begins a pass. It drops an answer that nobody has come for, which is
// always safe: the question is put again. It tells of a store that is silent.
func (e *Edge) tendCall() {
	e.patienceLeft = e.patience
	c := e.call
	switch {
	case c == nil:
	case c.answered():
		if c.unwanted || e.Now().Sub(c.ended).Abs() >= answerAge {
			e.call = nil
		}
	case e.silent():
		e.tell("store", "The store has not answered for more than a minute: it hangs, or the line to it is slow. Scans are still taken and wait here until it answers; nothing is lost.")
	}
}

// silent reports whether the store lets people wait for its answer.
func (e *Edge) silent() bool {
	return e.call != nil && !e.call.answered() && e.Now().Sub(e.call.began).Abs() >= silence
}

// forgetCall sees to it that nobody uses the answer to what was asked before.
func (e *Edge) forgetCall() {
	if e.call != nil {
		e.call.unwanted = true
	}
}

// again is when it may be worth asking the store once more.
func (e *Edge) again(now time.Time) time.Time {
	wait := max(e.reach.until.Sub(now), e.Rescan)
	if e.call != nil {
		wait = max(wait, min(now.Sub(e.call.began).Abs(), longestRest))
	}
	return now.Add(wait)
}

// hangUp ends the call that is under way, and returns when it has ended.
func (e *Edge) hangUp() {
	if e.call != nil {
		e.call.hangUp()
		<-e.call.done
		e.call = nil
	}
}
