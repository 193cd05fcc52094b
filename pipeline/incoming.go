package pipeline

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// This file keeps what lies in incoming/ from taking all the time there is: whoever
// holds one scanner's credentials can put as much there as they like.

const (
	// mostListed is how many keys one pass lists at once: a page of a listing, and more
	// than wait there on any day.
	mostListed = 1000
	// mostTaken is how many keys one pass sees to of each listing of a site that has more.
	mostTaken = 200
)

// beginnings are what a key can begin with, below its site. A site with more keys than
// one listing shows is looked at under one more of them with each pass, so that what is
// put first by its name hides nothing for ever.
const beginnings = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// pass is one look at what lies in incoming/.
type pass struct {
	*Server
	shown  map[string]bool // keys that the storage shows
	part   map[string]bool // sites of which not every key was listed
	joins  []string        // sites for which somebody asks to be enrolled
	failed error
}

// note adds to what went wrong. One key that cannot be seen to must not keep others back.
func (p *pass) note(err error) { p.failed = errors.Join(p.failed, err) }

// mayBeThere reports whether the storage shows the key, or was not asked for all there is.
func (p *pass) mayBeThere(key string) bool {
	return p.shown[key] || p.part[path.Base(path.Dir(key))]
}

// listSome lists keys below prefix, mostListed of them at most; whole says that there are
// no more.
func (s *Server) listSome(ctx context.Context, prefix string) (keys []string, whole bool, err error) {
	for key, err := range s.cfg.Store.List(ctx, prefix) {
		if err != nil {
			return nil, false, fmt.Errorf("listing incoming manifests: %w", err)
		}
		if len(keys) == mostListed {
			return keys, false, nil
		}
		keys = append(keys, key)
	}
	return keys, true, nil
}

// takeBySite takes of each site its portion; of those with more than one listing shows
// last, so that no other waits for them.
func (p *pass) takeBySite(ctx context.Context) error {
	sites, err := p.cfg.Store.Folders(ctx, letter.IncomingPrefix)
	if err != nil {
		return fmt.Errorf("listing incoming manifests: %w", err)
	}
	p.mu.Lock()
	next := beginnings[p.passes%len(beginnings)]
	p.passes++
	p.mu.Unlock()
	var many [][]string
	for _, site := range sites {
		prefix := letter.IncomingPrefix + site + "/"
		if deposit.CheckKey(prefix+"x") != nil {
			continue // nothing of ours; it goes with what is brief
		}
		keys, whole, err := p.listSome(ctx, prefix)
		if err == nil && whole {
			p.take(ctx, keys, len(keys), heldRest)
			continue
		}
		p.part[site] = true
		if err != nil {
			p.note(err)
			continue
		}
		p.noteOdd(site, oddFlood)
		others, _, err := p.listSome(ctx, prefix+string(next))
		p.note(err)
		// What is in both is taken once: the second time its marker is gone.
		others = slices.DeleteFunc(others, func(key string) bool { return slices.Contains(keys, key) })
		many = append(many, keys, others)
	}
	for _, keys := range many {
		p.take(ctx, keys, mostTaken, floodRest)
	}
	return nil
}

// take sees to as many of the keys, but for those that were looked at a moment ago. What
// is not taken in then rests for that long.
func (p *pass) take(ctx context.Context, keys []string, most int, rest time.Duration) {
	for _, key := range keys {
		p.shown[key] = p.shown[key] || p.lookedAt(key)
		if p.shown[key] {
			continue
		}
		if most--; most < 0 || ctx.Err() != nil {
			return
		}
		if p.see(ctx, key); p.lookedAt(key) {
			p.leaveAloneFor(key, rest)
		}
	}
}

// see does with one key whatever it is for.
func (p *pass) see(ctx context.Context, key string) {
	if site, ok := letter.SplitJoin(key); ok {
		p.shown[key] = true
		p.joins = append(p.joins, site)
		return
	}
	if said, err := p.takeSaid(ctx, key); said {
		p.shown[key] = true
		p.note(err)
		return
	}
	why, err := p.admit(ctx, key)
	if err == nil && why != "" {
		// Not believed: it stays where it is, for a person, and is looked at
		// again, since a person may make it believable.
		p.shown[key] = true
		err = p.cfg.Register.Hold(ctx, key, why)
	}
	p.noteLook(key, why != "")
	if site, _, ok := letter.SplitIncoming(key); ok && p.isAnObjectsOwn(ctx, key, err) {
		p.shown[key] = true
		p.noteOdd(site, oddUnreadable)
		p.noteLook(key, true)
		return
	}
	if err != nil {
		p.shown[key] = true
		p.note(fmt.Errorf("admitting a manifest: %w", err))
	}
}
