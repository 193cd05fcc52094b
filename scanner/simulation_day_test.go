package scanner

import (
	"context"
	"errors"
	"fmt"
	"hash"
	"hash/fnv"
	"log/slog"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"letterlock/scanner/disk/disktest"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/separator"
)

// simulation is an office with its scanner folder, its edge, the bucket and the
// server, in memory and on a clock of its own. Everything that happens is drawn
// from one seed. Only the edge is real.
type simulation struct {
	chance *rand.Rand
	keys   *simSecrets
	cfg    Config

	now   time.Time     // by the clocks of the store and the server
	skew  time.Duration // of this machine's
	sleep time.Duration // in which its steady clock stood still

	share, state *disktest.Sim
	bucket       *simBucket
	server       *simServer
	edge         *Edge // nil while it is not running
	down         int   // for how many ticks it stays so
	hung         *hungCall
	onTheWire    []func() // what processes that are gone have asked the store to do

	hasClock, lists bool // what the store has and permits

	weather   simWeather
	changes   int  // ticks until the weather does
	inside    bool // the edge is at work, so that mishaps may happen
	countdown int  // operations until the next one
	ended     bool // no mishaps any more

	numbers  int
	scans    map[string]*simScan // by their bytes
	byNumber map[int]*simScan
	sends    []*sending
	names    int
	ids      []letter.ID
	noteless map[string]bool // where a person has removed a note
	safe     map[uint64]bool // inodes of scans that were synced by whoever dropped them

	counts map[string]int
	digest hash.Hash64
	log    []string // the last of what happened
}

// simWeather is what goes wrong for a while.
type simWeather struct {
	name  string
	apart int // operations on a disk between two mishaps, about
	// Of a hundred mishaps so many are these; the others are people who act in
	// the middle of an operation.
	kills, powerCuts, failures, late int
	store                            int // calls in a thousand at which the store fails
	hangs                            int // and so many that it does not answer
	away                             bool
	full                             bool
}

var simWeathers = []simWeather{
	{name: "calm", apart: 500},
	{name: "rough disks", apart: 60, kills: 5, powerCuts: 5, failures: 50, late: 25},
	{name: "kills", apart: 80, kills: 80},
	{name: "power cuts", apart: 120, powerCuts: 80},
	{name: "storm", apart: 25, kills: 15, powerCuts: 15, failures: 25, late: 20, store: 200, hangs: 100},
	{name: "the store has trouble", apart: 300, kills: 20, powerCuts: 10, store: 400, hangs: 100},
	{name: "the store is away", apart: 200, kills: 10, powerCuts: 10, store: 1000},
	{name: "the store hangs", apart: 200, kills: 20, powerCuts: 10, store: 200, hangs: 500},
	{name: "the share is away", apart: 100, kills: 10, powerCuts: 10, away: true},
	{name: "the disks are full", apart: 200, kills: 20, powerCuts: 20, failures: 20, full: true},
}

// rough reports whether anything may go wrong now.
func (s *simulation) rough() bool { return s.inside && !s.ended && s.weather.name != "calm" }

// stopped is the panic with which the process ends without a word.
type stopped struct{ power bool }

// violation is the panic with which the simulation ends: a promise is broken.
type violation struct{ what string }

func (s *simulation) violated(format string, args ...any) {
	panic(violation{fmt.Sprintf(format, args...)})
}

func (s *simulation) crash(power bool) { panic(stopped{power}) }

func (s *simulation) count(what string) { s.counts[what]++ }

func (s *simulation) oneIn(n int) bool { return s.chance.IntN(n) == 0 }

func (s *simulation) pass(d time.Duration) { s.now = s.now.Add(d) }

// note remembers what happened, for whoever has to find out why.
func (s *simulation) note(format string, args ...any) {
	line := fmt.Sprintf(format, args...)
	fmt.Fprintln(s.digest, line)
	if len(s.log) >= 2*simLogKept {
		s.log = append(s.log[:0], s.log[simLogKept:]...)
	}
	s.log = append(s.log, s.now.Format("0102 15:04:05 ")+line)
}

// newSimulation is an office on its first morning.
func newSimulation(seed uint64) *simulation {
	s := &simulation{
		chance: rand.New(rand.NewPCG(seed, 4)), keys: simKeys(), now: morning,
		scans: map[string]*simScan{}, byNumber: map[int]*simScan{}, safe: map[uint64]bool{}, noteless: map[string]bool{},
		counts: map[string]int{}, digest: fnv.New64a(),
	}
	s.hasClock, s.lists = !s.oneIn(8), s.oneIn(2)
	local := func() time.Time { return s.now.Add(s.skew) }
	s.share, s.state = disktest.New(local), disktest.New(local)
	s.share.Fault = func(op disktest.Op) error { return s.mishap(op, true) }
	s.state.Fault = func(op disktest.Op) error { return s.mishap(op, false) }
	s.bucket = &simBucket{simulation: s, objects: map[string]simObject{}, lied: map[string]bool{}}
	s.server = &simServer{simulation: s, read: map[letter.ID]letter.Manifest{}, asked: map[letter.ID]bool{}, anew: map[letter.ID]bool{}, final: map[letter.ID]bool{}}
	s.cfg = Config{
		Site: "office", Helplines: []string{line, "mens-advice-line"}, Signer: s.keys.site, Server: s.keys.public,
		Store: s.bucket, Workshop: simWorkshop{s}, SlipEvery: 20 * time.Second,
		Duplex: []separator.Duplex{separator.DuplexAuto, separator.DuplexYes, separator.DuplexNo}[s.chance.IntN(3)],
		Now:    local, NewID: s.newID, Log: slog.New(simLog{s}),
		Step: func(step string, id letter.ID) {
			s.note("%s %s", step, id)
			if s.rough() && s.oneIn(150) {
				s.crash(s.oneIn(2))
			}
		},
		Steady: func() time.Duration { return s.now.Sub(morning) - s.sleep }, folderDisk: s.share, stateDisk: s.state,
		beside: s.beside, patience: -1,
	}
	// Which key it is must not depend on chance of another kind.
	s.must(writeSim(s.state, duplicatesKey, []byte(strings.Repeat("k", 32))))
	s.weather = simWeathers[0]
	s.server.publish("good")
	s.openOffice()
	return s
}

func (s *simulation) must(errs ...error) {
	if err := errors.Join(errs...); err != nil {
		panic(err)
	}
}

// newID draws the id of a letter. Some share their reference.
func (s *simulation) newID() letter.ID {
	const alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	id := make([]byte, 26)
	for i := range id {
		id[i] = alphabet[s.chance.IntN(32)]
	}
	id[25] = alphabet[s.chance.IntN(8)*4]
	if len(s.ids) > 0 && s.oneIn(20) {
		copy(id[:7], s.ids[s.chance.IntN(len(s.ids))])
	}
	s.ids = append(s.ids, letter.ID(id))
	return letter.ID(id)
}

// mishap decides before each operation of the edge on a disk whether something
// happens.
func (s *simulation) mishap(op disktest.Op, share bool) error {
	if !s.inside {
		return nil
	}
	if share && s.weather.away {
		return syscall.ESTALE
	}
	if s.countdown--; s.countdown > 0 {
		return nil
	}
	s.countdown = 1 + int(s.chance.ExpFloat64()*float64(s.weather.apart))
	w, n := s.weather, s.chance.IntN(100)
	switch {
	case s.ended:
	case n < w.kills:
		s.crash(false)
	case n < w.kills+w.powerCuts:
		s.crash(true)
	case n < w.kills+w.powerCuts+w.failures:
		s.count("disk errors")
		s.note("%s fails", op)
		return []error{syscall.EIO, syscall.ENOSPC, syscall.EDQUOT, syscall.ESTALE}[s.chance.IntN(4)]
	case n < w.kills+w.powerCuts+w.failures+w.late && share:
		return s.late(op)
	default:
		s.outside(s.people)
	}
	return nil
}

// late is what a share says of an operation that was done when it has lost the
// answer: an error, or that of doing it again.
func (s *simulation) late(op disktest.Op) error {
	err := []error{syscall.EIO, syscall.ETIMEDOUT}[s.chance.IntN(2)]
	switch op {
	case disktest.OpRename, disktest.OpRemove:
		if s.oneIn(2) {
			err = syscall.ENOENT
		}
	case disktest.OpMkdir, disktest.OpMake, disktest.OpWrite, disktest.OpSync, disktest.OpSyncDir:
	default:
		return err
	}
	s.count("answers lost by the share")
	s.note("the answer of %s is lost: %v", op, err)
	return fmt.Errorf("%w: %w", err, disktest.ErrDone)
}

// outside lets somebody else act at this moment.
func (s *simulation) outside(act func()) {
	s.inside = false
	act()
	s.inside = true
}

// edgeDoes lets the edge work, and ends it where it is stopped.
func (s *simulation) edgeDoes(do func()) {
	defer func() {
		s.inside = false
		switch r := recover().(type) {
		case nil:
		case stopped:
			s.stop(r.power)
		case violation:
			panic(r)
		default:
			panic(violation{fmt.Sprintf("the edge panics: %v\n%s", r, debug.Stack())})
		}
	}()
	s.inside = true
	do()
}

// stop is the end of the process, or of the machine with the share on it.
func (s *simulation) stop(power bool) {
	s.edge, s.down = nil, s.chance.IntN(4)
	s.orphan(power)
	if !power {
		s.count("kills")
		s.note("kill")
		s.private()
		return
	}
	s.count("power cuts")
	s.note("power cut")
	s.powerCut()
	s.private()
}

// edgeTurn is one pass of the edge, or its start.
func (s *simulation) edgeTurn() {
	switch {
	case s.edge == nil && s.down > 0:
		s.down--
	case s.edge == nil:
		s.edgeDoes(func() {
			e, err := Open(s.cfg)
			s.said(err)
			if err == nil {
				s.edge = e
			}
		})
	case !s.ended && s.oneIn(150):
		s.count("restarts")
		s.hangNoMore(s.oneIn(2))
		s.edge.Close()
		s.edge, s.down = nil, s.chance.IntN(20)
	default:
		s.edgeDoes(func() {
			if s.oneIn(8) {
				s.hangNoMore(true)
			}
			s.said(s.edge.Once(context.Background()))
		})
	}
}

// said checks an error that would be logged.
func (s *simulation) said(err error) {
	if err != nil {
		s.note("the edge says: %v", err)
		s.discreet(err.Error())
	}
}

func (s *simulation) discreet(text string) {
	if strings.Contains(strings.ToLower(text), private) {
		s.violated("a scan's name or text is in the log: %s", text)
	}
}

// simLog is the log of a simulated edge.
type simLog struct{ *simulation }

func (l simLog) Enabled(context.Context, slog.Level) bool { return true }
func (l simLog) WithAttrs([]slog.Attr) slog.Handler       { return l }
func (l simLog) WithGroup(string) slog.Handler            { return l }

func (l simLog) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	l.discreet(b.String())
	l.note("log: %s", b.String())
	return nil
}

// changeWeather lets something else go wrong for a while, or nothing.
func (s *simulation) changeWeather() {
	if s.changes--; s.changes > 0 {
		return
	}
	s.changes = 3 + s.chance.IntN(25)
	s.weather = simWeathers[max(0, s.chance.IntN(3*len(simWeathers)/2)-len(simWeathers)/2)]
	s.countdown = 1 + s.chance.IntN(s.weather.apart)
	s.share.Room, s.state.Room = 0, 0
	if s.weather.full {
		s.share.Room = s.share.Used() + int64(s.chance.IntN(2000))
		if s.oneIn(2) {
			s.state.Room = s.state.Used() + int64(s.chance.IntN(100))
		}
	}
	s.note("weather: %s", s.weather.name)
	s.changeClock()
}

// changeClock sets this machine's clock: mostly right, sometimes not.
func (s *simulation) changeClock() {
	was := s.skew
	switch {
	case s.skew.Abs() > time.Minute:
		s.skew = 0 // somebody has noticed
	case s.hasClock && s.oneIn(6):
		s.skew = []time.Duration{time.Hour, -time.Hour, 365 * 24 * time.Hour, -365 * 24 * time.Hour}[s.chance.IntN(4)]
		s.count("wrong clocks")
	case s.oneIn(4):
		s.skew = time.Duration(s.chance.IntN(100)-50) * time.Second
	}
	if was != s.skew {
		s.note("the clock is wrong by %s", s.skew)
	}
}

// tick is what happens in a second, or in a quiet hour.
func (s *simulation) tick() {
	s.changeWeather()
	brisk := s.brisk()
	for range s.chance.IntN(4) {
		s.people()
	}
	for _, w := range brisk {
		if slices.Contains(s.sends, w) {
			s.goOn(w)
		}
	}
	s.edgeTurn()
	s.server.act()
	if len(s.brisk()) > 0 {
		s.pass(time.Second)
	} else {
		s.rest()
	}
	if s.oneIn(100) {
		s.private()
	}
}

// brisk are those that must go on in the next second.
func (s *simulation) brisk() (brisk []*sending) {
	for _, w := range s.sends {
		if w.brisk {
			brisk = append(brisk, w)
		}
	}
	return brisk
}

// rest is the time until the next pass. In the longer ones the machine may sleep.
func (s *simulation) rest() {
	before := s.now
	switch n := s.chance.IntN(1000); {
	case n < 700:
		s.pass(time.Second)
	case n < 850:
		s.pass(200 * time.Millisecond)
	case n < 950:
		s.pass(4 * time.Second)
	case n < 990:
		s.pass(time.Minute)
	case n < 997:
		s.pass(time.Duration(s.chance.IntN(40)) * time.Minute)
	case n < 999:
		s.pass(time.Duration(s.chance.IntN(30)) * time.Hour)
	default:
		s.pass(time.Duration(s.chance.IntN(20*24)) * time.Hour)
		s.server.lifecycle()
	}
	if long := s.now.Sub(before); long > time.Minute && s.oneIn(2) {
		s.sleep += long
		s.count("times asleep")
	}
}

// run is a run of so many scans. It returns what was broken, or "".
func (s *simulation) run(scans int) (broken string) {
	defer func() {
		switch r := recover().(type) {
		case nil:
		case violation:
			broken = r.what
		default:
			broken = fmt.Sprintf("the simulation panics: %v\n%s", r, debug.Stack())
		}
	}()
	for s.numbers < scans {
		s.tick()
	}
	s.settleDown()
	s.audit()
	s.auditSlips()
	if s.oneIn(8) {
		s.halfAYearOn()
	}
	return ""
}

// isGivenBack reports whether a path is one of a scan that was given back, or
// of a folder of answers below.
func isGivenBack(name string) bool {
	for _, dir := range append([]string{folder.RefusedDir}, folder.QuestionDirs...) {
		if strings.HasPrefix(name, dir+"/") || strings.Contains(name, "/"+dir+"/") {
			return true
		}
	}
	return false
}
