package portal

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"letterlock/pipeline/texts"
)

// rate is how often somebody may do something: so many times at once, and once
// more in each while after that.
type rate struct {
	atOnce int
	every  time.Duration
}

// The portal's rates. They stop a machine that guesses or drains, and no person:
// a letter of twenty pages is some two dozen requests, and an office may share
// one address.
var (
	codesRate   = rate{20, 3 * time.Minute}         // enrolment codes tried, of one address; the register counts five tries of one person by itself
	signInRate  = rate{120, 5 * time.Second}        // steps of a sign-in, of one address
	addressRate = rate{6000, 10 * time.Millisecond} // anything, of one address
	personRate  = rate{3000, 50 * time.Millisecond} // anything, of one person
)

// maxRated bounds how many are counted at a time. Beyond that whoever has used
// least of their rate is counted from the beginning.
const maxRated = 20000

// limiter counts who has done what how often. It is in memory only: after a
// restart everybody begins anew.
type limiter struct {
	mu    sync.Mutex
	now   func() time.Time
	until map[string]time.Time // when each has their whole rate again
}

func newLimiter(now func() time.Time) *limiter {
	return &limiter{now: now, until: map[string]time.Time{}}
}

// take counts one more of what who does, or says how long to wait.
func (l *limiter) take(r rate, who string) (wait time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	until, known := l.until[who]
	if until.Before(now) || until.Sub(now) > time.Duration(r.atOnce)*r.every { // or the clock was set back
		until = now
	}
	until = until.Add(r.every)
	if wait = until.Sub(now) - time.Duration(r.atOnce)*r.every; wait > 0 {
		return wait
	}
	if !known && len(l.until) >= maxRated {
		l.forget(now)
	}
	l.until[who] = until
	return 0
}

// forget drops those who have their whole rate again, and, where that frees
// nothing, who is nearest to it.
func (l *limiter) forget(now time.Time) {
	first := ""
	for who, until := range l.until {
		if until.Before(now) {
			delete(l.until, who)
		} else if first == "" || until.Before(l.until[first]) {
			first = who
		}
	}
	if len(l.until) >= maxRated {
		delete(l.until, first)
	}
}

// tooOften is the page for whoever has used up a rate.
func tooOften(wait time.Duration) *problem {
	return &problem{Status: http.StatusTooManyRequests, Heading: texts.Say("problem.that-was-too-often-in-a-short"),
		RetryAfter: int(math.Ceil(wait.Seconds())),
		Lines: []texts.Text{texts.Say("problem.to-keep-out-machines-that-guess"),
			texts.Say("problem.please-wait-and-try-again", "wait", waitWords(wait))}}
}

func waitWords(wait time.Duration) texts.Text {
	if wait <= time.Minute {
		return texts.Say("problem.a-minute")
	}
	return texts.Say("settings.minutes", "n", int(math.Ceil(wait.Minutes())))
}

// limitAddress counts a request of an address, before anything is read of it.
func (p *Portal) limitAddress(v *visit) error {
	return p.limited(addressRate, "address "+v.from)
}

// limitTries counts what strangers may try: codes, and steps of a sign-in.
func (p *Portal) limitTries(v *visit, rt route) error {
	switch {
	case rt.sso:
		return p.limited(signInRate, "sign-in "+v.from)
	case rt.method != http.MethodPost:
		return nil
	case rt.path == "/enrol":
		return p.limited(codesRate, "codes "+v.from)
	case strings.HasPrefix(rt.path, "/sign-in/") || strings.HasPrefix(rt.path, "/enrol/"):
		return p.limited(signInRate, "sign-in "+v.from)
	}
	return nil
}

// limitPerson counts a request of somebody who is signed in.
func (p *Portal) limitPerson(v *visit) error {
	if !v.signedIn {
		return nil
	}
	return p.limited(personRate, "person "+strconv.FormatInt(v.person.Number, 10))
}

func (p *Portal) limited(r rate, who string) error {
	if wait := p.limiter.take(r, who); wait > 0 {
		return tooOften(wait)
	}
	return nil
}
