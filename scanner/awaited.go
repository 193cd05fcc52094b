package scanner

import (
	"context"
	"errors"
	"time"

	"letterlock/scanner/letter"
)

// Papers that are to be scanned again once this edge has forgotten their letters, or
// is about to: a letter that is on hold, or kept for five years, outlives the six
// months for which edges seal. The server names these in a list of its own, which is
// heard anew and kept nowhere: what is not on the newest is not asked for. A scan of
// such a paper counts as received when it was claimed, since no key is left to which
// the time of the old one would lead.

// awaiting is what the list says.
type awaiting struct {
	letters map[letter.ID]letter.AgainLetter
	at      time.Time               // when the server said so
	heard   time.Time               // when it was last asked for; zero if never yet
	renewed map[letter.ID]time.Time // a new scan was taken while the list of that time was the newest
}

func newAwaiting() awaiting {
	return awaiting{letters: map[letter.ID]letter.AgainLetter{}, renewed: map[letter.ID]time.Time{}}
}

// hearAgain takes the list in, once a round over the slips. One that an older server
// has never written, that nobody renews, or that somebody else has signed says that
// nothing is asked for: a scan is then given back, and no letter is replaced.
func (e *Edge) hearAgain(ctx context.Context) error {
	if !e.named.heard.IsZero() && e.Now().Sub(e.named.heard).Abs() < e.SlipEvery {
		return nil
	}
	msg, err := e.get(ctx, "", letter.AgainKey(e.Site))
	if err != nil {
		return err // it is not known, and what was heard stands
	}
	before := e.named.at
	e.named.heard = e.Now()
	clear(e.named.letters)
	if msg == nil {
		return nil
	}
	said, is, err := fromServer(e, msg, letter.OpenAgain)
	if !is {
		return err
	}
	switch age := e.Now().Sub(said.At); {
	case said.Site != e.Site:
		return errors.New("the list of papers that are to be scanned again is another scanner's")
	case age > letter.BriefDays*24*time.Hour || said.At.Before(before):
		return errors.New("the list of papers that are to be scanned again is an old one")
	case age < -2*maxSkew:
		return errors.New("the list of papers that are to be scanned again is dated ahead of this machine's clock")
	}
	e.named.at = said.At
	for _, l := range said.Letters {
		e.named.letters[l.ID] = l
	}
	return nil
}

// awaits reports whether the newest list asks for a new scan of the letter's paper,
// and none was taken since.
func (e *Edge) awaits(id letter.ID) bool {
	_, is := e.named.letters[id]
	taken, was := e.named.renewed[id]
	return is && (!was || e.named.at.After(taken))
}

// wanted is a paper that is to be scanned again.
type wanted struct {
	rescan
	helpline string // in whose folder the new scan is dropped
	name     string // of the paper's folder there
	reason   string // why, in one word; "" if that is not known
}

// wanted is every paper that is to be scanned again. Of one that both its receipt
// and the list name the list is the later word.
func (e *Edge) wanted() (all []wanted) {
	for id := range e.shelf.asked {
		r := e.shelf.records[id]
		if h, ok := e.againIn(r); ok && !e.awaits(id) {
			all = append(all, wanted{rescan{Replaces: r.ID, Came: r.Received}, h, againName(r), r.Reason})
		}
	}
	known := map[string]letter.ID{} // whose a reference is, by its helpline and itself; "" for two letters'
	note := func(helpline string, id letter.ID) {
		key := helpline + "/" + id.Reference()
		if other, is := known[key]; is && other != id {
			id = ""
		}
		known[key] = id
	}
	for _, w := range all {
		note(w.helpline, w.Replaces)
	}
	for id, l := range e.named.letters {
		note(l.Helpline, id)
	}
	for id, l := range e.named.letters {
		if !e.awaits(id) || !e.scansFor(l.Helpline) {
			continue
		}
		name := id.Reference()
		if known[l.Helpline+"/"+name] != id {
			name += " (" + l.Received.String() + ")" // which stands on the paper's stamp, and tells people which
		}
		all = append(all, wanted{rescan{Replaces: id, Late: true}, l.Helpline, name, l.Reason})
	}
	return all
}
