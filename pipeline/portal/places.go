package portal

import (
	"slices"
	"sync"
	"time"

	"letterlock/pipeline/register"
)

// whereabout is where a session was used: a network address and a browser.
type whereabout struct {
	From        string
	agent       string
	First, Last time.Time
}

// places remembers where each session is used, to tell its owner when it is used
// from two places at once: somebody may have a copy of the cookie. It is in
// memory only, since an address says where a person is.
type places struct {
	mu    sync.Mutex
	now   func() time.Time
	known map[string]*used
}

// used is one session's places.
type used struct {
	places []whereabout
	twice  bool // from two places at once
}

// maxPlaces bounds how many places of a session are told apart.
const maxPlaces = 5

func newPlaces(now func() time.Time) *places {
	return &places{now: now, known: map[string]*used{}}
}

// note notes that the session was used from there. It returns every place once
// it was used from two at once, and whether that was found just now.
//
// Somebody who takes a laptop home changes places once. At once is what goes
// back: here, elsewhere, and here again.
func (p *places) note(session []byte, from, agent string) (all []whereabout, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := p.now()
	u := p.known[string(session)]
	if u == nil {
		p.forget(now)
		u = &used{}
		p.known[string(session)] = u
	}
	i := slices.IndexFunc(u.places, func(at whereabout) bool { return at.From == from && at.agent == agent })
	switch {
	case i >= 0:
		before := u.places[i].Last
		u.places[i].Last = now
		back := slices.ContainsFunc(u.places, func(other whereabout) bool { return other.Last.After(before) && other != u.places[i] })
		found = back && !u.twice
		u.twice = u.twice || back
	case len(u.places) < maxPlaces:
		u.places = append(u.places, whereabout{from, agent, now, now})
	}
	if u.twice {
		all = slices.Clone(u.places)
	}
	return all, found
}

// renew has the session's places known under its new token.
func (p *places) renew(old, renewed []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if u := p.known[string(old)]; u != nil {
		delete(p.known, string(old))
		p.known[string(renewed)] = u
	}
}

// forget drops the sessions that have ended by themselves.
func (p *places) forget(now time.Time) {
	for session, u := range p.known {
		if !slices.ContainsFunc(u.places, func(at whereabout) bool { return now.Sub(at.Last) < register.SessionIdle }) {
			delete(p.known, session)
		}
	}
}

// notePlace notes where the visitor's session is used. That it is used from two
// places at once goes on the register; where, is shown to its owner alone.
func (p *Portal) notePlace(v *visit) error {
	all, found := p.places.note(v.session, v.from, v.UserAgent())
	v.places = all
	if !found {
		return nil
	}
	return p.cfg.Register.Record(v.Context(), register.SessionInTwoPlaces{}, v.person.Number)
}
