package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"strings"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// simBucket is the store of a simulation. It polices what an edge promises, and
// it fails in every way in which stores do: it has not done it, has done it and
// lost the answer, says that it has done it and has not, says no, is slow.
type simBucket struct {
	*simulation
	objects map[string]simObject
	lied    map[string]bool // keys of which it has said that they are stored
	news    []string        // manifests that were put, for the server to read
}

type simObject struct {
	data []byte
	put  time.Time
}

// What a call of a store comes to.
const (
	storeWorks = iota
	storeFails
	storeLoses // the answer, not the object
	storeDenies
	storeLies
	storeGarbles // the bytes on their way
)

// mood is what the next call comes to. It may also be the last thing that this
// process hears.
func (b *simBucket) mood() int {
	w := b.weather
	if !b.rough() || b.chance.IntN(1000) >= w.store {
		return storeWorks
	}
	b.count("mishaps of the store")
	if w.store == 1000 {
		return storeFails
	}
	switch n := b.chance.IntN(100); {
	case n < 5:
		b.crash(false)
	case n < 10:
		b.pass(time.Duration(b.chance.IntN(90)) * time.Second)
		return storeWorks
	case n < 40:
		return storeFails
	case n < 65:
		return storeLoses
	case n < 75:
		return storeDenies
	case n < 85:
		return storeGarbles
	}
	return storeLies
}

// hungCall is a call of the store that is not answered yet.
type hungCall struct {
	work func() // nil if it is done, and only the answer is awaited
	end  func()
}

// beside makes a call of the store. Mostly the answer comes at once.
func (s *simulation) beside(work, end func()) {
	if !s.rough() || s.chance.IntN(1000) >= s.weather.hangs {
		work()
		end()
		return
	}
	s.count("calls that hang")
	s.note("a call hangs")
	if s.oneIn(2) {
		work()
		work = nil
	}
	s.hung = &hungCall{work, end}
}

// hangNoMore ends the call that hangs, if there is one. What was asked is done or
// not.
func (s *simulation) hangNoMore(do bool) {
	call := s.hung
	if call == nil {
		return
	}
	s.hung = nil
	s.note("a call hangs no more")
	if do && call.work != nil {
		call.work()
	}
	call.end()
}

// orphan is the end of a process that has waited for an answer. What it asked
// may still come to be done, if the machine goes on.
func (s *simulation) orphan(power bool) {
	if call := s.hung; call != nil && call.work != nil && !power && s.oneIn(2) {
		s.onTheWire = append(s.onTheWire, call.work)
	}
	s.hung = nil
}

// deliver lets the store do what a process has asked that is gone.
func (s *simulation) deliver() {
	do := s.onTheWire[0]
	s.onTheWire = s.onTheWire[1:]
	s.count("calls done after their process was gone")
	do()
}

func (b *simBucket) Put(_ context.Context, key string, body io.ReadSeeker, size int64, sum [32]byte, mode deposit.Mode) (string, error) {
	data, err := io.ReadAll(body)
	if err != nil {
		return "", deposit.Explain("measuring object", err)
	}
	isLetter := strings.HasPrefix(key, letter.LettersPrefix)
	_, there := b.objects[key]
	if isLetter != (mode == deposit.CreateOnly) && !(isLetter && there) || !isLetter && !strings.HasPrefix(key, letter.IncomingPrefix) || deposit.CheckKey(key) != nil {
		b.violated("an edge may not put %s so", key)
	}
	mood := b.mood()
	switch {
	case mood == storeFails:
		return "", fmt.Errorf("putting: %w: connection reset by peer", deposit.ErrUnavailable)
	case mood == storeDenies:
		return "", fmt.Errorf("putting: %w: slow down", deposit.ErrRefused)
	case int64(len(data)) != size:
		return "", fmt.Errorf("putting: it has %d bytes and should have %d", len(data), size)
	case mood == storeGarbles || sha256.Sum256(data) != sum:
		return "", fmt.Errorf("putting: %w", deposit.ErrWrongHash)
	}
	switch {
	case there && mode == deposit.CreateOnly:
		err = deposit.ErrExists
	case mood == storeLies:
		b.lied[key] = true
		b.note("the store lies about %s", key)
	default:
		b.keep(key, data)
	}
	if mood == storeLoses {
		if b.oneIn(4) {
			b.crash(b.oneIn(3))
		}
		err = fmt.Errorf("putting: %w: connection reset by peer", deposit.ErrUnavailable)
	}
	return "v", err
}

// keep stores what an edge has put.
func (b *simBucket) keep(key string, data []byte) {
	if bytes.Contains(data, []byte(private)) || strings.Contains(key, private) {
		b.violated("plaintext, or a file's name, is in the bucket")
	}
	b.objects[key] = simObject{data, b.now}
	delete(b.lied, key)
	if _, is := letter.SplitSeen(key); is {
		b.policeSeen(data)
	} else if strings.HasPrefix(key, letter.IncomingPrefix) {
		b.news = append(b.news, key)
		b.police(key, data)
	}
}

// policeSeen checks what the edge says of recipients lists that it has seen: the
// server has given out such a one.
func (b *simBucket) policeSeen(data []byte) {
	b.count("told that the recipients list is too old")
	said, err := letter.OpenSeen(data, b.keys.siteKey)
	if list, err := seal.OpenRecipients([]byte(said.List), b.keys.public); said.List != "" && (err != nil || list.Serial != said.Serial) {
		b.violated("the edge does not prove that it has seen recipients list %d: %v", said.Serial, err)
	}
	if err != nil || said.Serial > b.server.serial {
		b.violated("the edge has seen recipients list %d of %d, %v", said.Serial, b.server.serial, err)
	}
}

// police checks a manifest at the moment in which it is put: its letter is there
// already, unless the store has lied about that.
func (b *simBucket) police(key string, data []byte) {
	m, err := letter.OpenManifest(data, b.keys.siteKey)
	if err != nil || key != letter.IncomingKey(m.Site, m.ID) {
		b.violated("a manifest that no server takes: %v", err)
	}
	if _, there := b.objects[m.ObjectKey()]; !there && !b.lied[m.ObjectKey()] {
		b.violated("the manifest of letter %s came before the letter", m.ID)
	}
}

func (b *simBucket) Get(_ context.Context, key string) ([]byte, error) {
	switch b.mood() {
	case storeFails, storeLoses:
		return nil, fmt.Errorf("getting: %w: connection reset by peer", deposit.ErrUnavailable)
	case storeDenies:
		return nil, fmt.Errorf("getting: %w", deposit.ErrRefused)
	}
	o, there := b.objects[key]
	switch {
	case !there && b.lists:
		return nil, fmt.Errorf("getting: %w", deposit.ErrNotFound)
	case !there:
		return nil, fmt.Errorf("getting: %w", deposit.ErrRefused)
	}
	return bytes.Clone(o.data), nil
}

func (b *simBucket) Clock(context.Context) (time.Time, error) {
	if !b.hasClock {
		return time.Time{}, deposit.ErrNoClock
	}
	switch b.mood() {
	case storeFails, storeLoses:
		return time.Time{}, fmt.Errorf("asking for the time: %w: connection reset by peer", deposit.ErrUnavailable)
	case storeDenies:
		return time.Time{}, fmt.Errorf("asking for the time: %w", deposit.ErrRefused)
	}
	return b.now, nil
}
