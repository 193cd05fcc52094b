package folder

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"sync"
	"time"

	"letterlock/scanner/disk"
)

// Where the folder is a share, a lock of the system may not reach the other
// machines that mount it. So whoever holds the folder also signs a file in it,
// and changes it every beat. Somebody who finds the file of another watches it
// on his own clock: nobody's clocks are compared. If it stands still for more
// than three beats its owner is dead, or cut off from the share; the newcomer
// then signs, and begins to work once his own signature has stood for longer
// than anybody takes who had the same thought, or who was only away for a
// while, to look at the file again. Who finds another's signature in the place
// of his own gives up at once.
//
// The file stays when nobody works on the folder, so that a full disk does not
// keep an edge from working it empty.
//
//	.letterlock/owner   who works on the folder, and a number that grows
const (
	ownerFile   = PrivateDir + "/owner"
	beatEvery   = 10 * time.Second
	standsStill = 35 * time.Second // longer than three beats
	signedFor   = 15 * time.Second // longer than one beat
)

// signature is what the owner file holds.
type signature struct {
	Holder
	Self  string `json:"self"`  // as in Config
	Run   string `json:"run"`   // of the system, from one start to the next; "" if it does not say
	Nonce string `json:"nonce"` // of this Open
	Beat  int64  `json:"beat"`
	Left  bool   `json:"left"`  // in good order: nobody works on the folder
	Trial bool   `json:"trial"` // does not work on it yet
	Blind bool   `json:"blind"` // has met scans of which it cannot know whether somebody has them open
}

// signed is the signature as it is written: always of the same length, so that
// it is replaced in one piece.
func (s signature) signed() []byte {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // it is made of strings and numbers
	}
	const length = 1023
	return append(data, append(bytes.Repeat([]byte(" "), max(0, length-len(data))), '\n')...)
}

// hereAs reports whether both were signed on one machine, where the lock of the
// system lets only one of them be at work.
func (s signature) hereAs(other signature) bool {
	return s.Nonce == other.Nonce || s.Run != "" && s.Run == other.Run || s.Self != "" && s.Self == other.Self
}

// watched is what this process has seen of the signature of somebody else, or
// of its own that is still on trial.
type watched struct {
	signature []byte
	since     time.Time
	holder    Holder // who signed, or had signed before
	trial     bool
}

func (w *watched) held() error { return &HeldError{w.holder, true} }

// watchings are kept from one Open to the next, by folder and Config.Self: who
// waits for a folder opens it again and again.
var watchings = struct {
	sync.Mutex
	of map[string]*watched
}{of: map[string]*watched{}}

// ownership is a folder that this process owns.
type ownership struct {
	disk *disk.Real
	now  func() time.Time
	stop func() // ends live

	mu     sync.Mutex
	mine   signature
	beaten time.Time // when it was last found to be ours
	lost   *HeldError
}

// takeOver signs the folder if nobody else does. Otherwise it fails with a
// *HeldError, and is to be tried again.
func takeOver(d *disk.Real, cfg *Config) (*ownership, error) {
	run := systemRun()
	if cfg.noLock {
		run = ""
	}
	watchings.Lock()
	defer watchings.Unlock()
	key := cfg.Path + "\x00" + cfg.Self
	found, err := disk.ReadFile(d, ownerFile)
	now := cfg.steady()
	mine := signature{Holder: holder(cfg.Now()), Self: cfg.Self, Run: run, Nonce: rand.Text()}
	var theirs signature
	switch w := watchings.of[key]; {
	case errors.Is(err, fs.ErrNotExist):
		err = sign(d, mine, os.O_EXCL)
		if errors.Is(err, fs.ErrExist) {
			return nil, &HeldError{Far: true} // who it is will be seen next time
		}
	case err != nil:
	case json.Unmarshal(found, &theirs) == nil && theirs.hereAs(mine) && !theirs.Trial:
		// It has ended on this machine: had it not, the lock would be taken. If
		// the disk is too full to say so, the next beat tries again.
		_ = sign(d, mine, 0)
	case w == nil || !bytes.Equal(w.signature, found):
		w = &watched{found, now, theirs.Holder, false}
		watchings.of[key] = w
		return nil, w.held()
	case w.trial && now.Sub(w.since) >= signedFor:
		mine = theirs
		mine.Trial = false
		err = sign(d, mine, 0)
	case w.trial || !theirs.Left && now.Sub(w.since) < standsStill:
		return nil, w.held()
	default:
		mine.Trial = true
		if err = sign(d, mine, 0); err == nil {
			w.signature, w.since, w.trial = mine.signed(), now, true
			return nil, w.held()
		}
	}
	if err != nil {
		return nil, disk.Plain("signing the scanner folder", err)
	}
	delete(watchings.of, key)
	ended := make(chan struct{})
	o := &ownership{disk: d, now: cfg.steady, stop: sync.OnceFunc(func() { close(ended) }), mine: mine, beaten: now}
	if !cfg.noPulse {
		go o.live(ended)
	}
	return o, nil
}

// sign writes a signature into the folder. It need not outlive a power cut.
func sign(d *disk.Real, s signature, flag int) error {
	file, err := d.OpenFile(ownerFile, os.O_WRONLY|os.O_CREATE|flag, 0o600)
	if err != nil {
		return err
	}
	_, err = file.WriteAt(s.signed(), 0)
	return errors.Join(err, file.Close())
}

// live beats while the edge is busy with a scan for long.
func (o *ownership) live(ended <-chan struct{}) {
	tick := time.NewTicker(beatEvery)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			_ = o.beat() // the next Look says it
		}
	}
}

// beat looks whether the folder is still signed by this process, and signs it
// again, if it is time for that by the clock or by what has really passed: a
// machine that slept is late by its clock only.
func (o *ownership) beat() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.lost != nil {
		return o.lost
	}
	now := o.now()
	if now.Sub(o.beaten).Abs() < beatEvery && now.Round(0).Sub(o.beaten.Round(0)).Abs() < beatEvery {
		return nil
	}
	found, err := readSignature(o.disk)
	flag := 0
	switch {
	case errors.Is(err, fs.ErrNotExist):
		flag = os.O_EXCL // somebody has cleared it away; or is that a newcomer?
	case errors.Is(err, errDamaged): // the last beat failed half-way
	case err != nil:
		return disk.Plain("looking who owns the scanner folder", err)
	case !found.hereAs(o.mine):
		o.lost = &HeldError{found.Holder, true}
		return o.lost
	}
	next := o.mine
	next.Beat++
	// A disk that is full must not keep the edge from its work. Whoever takes it
	// for dead meanwhile signs, and is seen here before he begins.
	switch err := sign(o.disk, next, flag); {
	case errors.Is(err, fs.ErrExist):
		o.lost = &HeldError{Far: true} // a newcomer was faster
		return o.lost
	case err == nil:
		o.mine = next
	}
	o.beaten = now
	return nil
}

// isBlind has the next beat say so.
func (o *ownership) isBlind() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.mine.Blind = true
}

// leave lets the next one begin at once, or on another machine soon.
func (o *ownership) leave() {
	o.stop()
	o.mu.Lock()
	defer o.mu.Unlock()
	if found, err := readSignature(o.disk); err == nil && found.hereAs(o.mine) {
		o.mine.Left = true
		_ = sign(o.disk, o.mine, 0) // or the next one waits for a minute
	}
}

var errDamaged = errors.New("the file " + ownerFile + " is damaged")

func readSignature(d disk.Disk) (s signature, err error) {
	data, err := disk.ReadFile(d, ownerFile)
	if err == nil && json.Unmarshal(data, &s) != nil {
		err = errDamaged
	}
	return s, err
}
