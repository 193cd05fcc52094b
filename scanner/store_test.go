package scanner

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// fault is what a faulty store does.
type fault int

const (
	works  fault = iota
	fails        // nothing happens
	loses        // it happens, and the answer is lost
	denies       // the store says no
)

// faulty is a store that fails on command, in every way that a store does.
type faulty struct {
	Store
	on func(op, key string) fault
}

func (f *faulty) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [32]byte, mode deposit.Mode) (string, error) {
	kind := f.on("put", key)
	if kind == works {
		return f.Store.Put(ctx, key, body, size, sum, mode)
	}
	if kind == loses {
		if _, err := f.Store.Put(ctx, key, body, size, sum, mode); err != nil {
			return "", err
		}
	}
	return "", kind.error()
}

func (f *faulty) Get(ctx context.Context, key string) ([]byte, error) {
	if kind := f.on("get", key); kind != works {
		return nil, kind.error()
	}
	return f.Store.Get(ctx, key)
}

func (f *faulty) Clock(ctx context.Context) (time.Time, error) {
	if kind := f.on("clock", ""); kind != works {
		return time.Time{}, kind.error()
	}
	return f.Store.Clock(ctx)
}

func (k fault) error() error {
	if k == denies {
		return fmt.Errorf("putting: %w", deposit.ErrRefused)
	}
	return fmt.Errorf("putting: %w: connection reset by peer", deposit.ErrUnavailable)
}

// TestEveryAnswerFailsOnce lets each call of a letter's way fail once in each
// way: the letter arrives, once.
func TestEveryAnswerFailsOnce(t *testing.T) {
	for _, kind := range []fault{fails, loses, denies} {
		for nth := range 6 {
			t.Run(fmt.Sprintf("%d/%d", kind, nth), func(t *testing.T) {
				t.Parallel()
				calls := 0
				o := newOffice(t, func(o *office) {
					o.cfg.Store = &faulty{Store: o.cfg.Store, on: func(string, string) fault {
						if calls++; calls == nth+1 {
							return kind
						}
						return works
					}}
				})
				o.drop(line+"/scan.jpg", sampleLetter(1))
				for range 30 {
					o.pass(1)
					o.verify()
				}
				o.ended(1)
			})
		}
	}
}

// TestAMissingReceiptIsRefused is what S3 says to an edge, which may not list:
// "refused", and not "not found". It is no reason to complain.
func TestAMissingReceiptIsRefused(t *testing.T) {
	answered := false
	o := newOffice(t, func(o *office) {
		o.cfg.Store = &faulty{Store: o.cfg.Store, on: func(op, key string) fault {
			if op == "get" && strings.HasPrefix(key, letter.ReceiptsPrefix) && !answered {
				return denies
			}
			return works
		}}
	})
	o.drop(line+"/scan.jpg", sampleLetter(1))
	o.pass(60)
	if strings.Contains(o.log.String(), "level=WARN") {
		t.Error("the log complains")
	}
	answered = true
	o.verify()
	o.now = o.now.Add(time.Minute)
	o.pass(2)
	o.ended(1)
}

func TestDroppedWhileTheStoreIsDown(t *testing.T) {
	down, asked := false, 0
	o := newOffice(t, func(o *office) {
		o.cfg.Store = &faulty{Store: o.cfg.Store, on: func(string, string) fault {
			if down {
				asked++
				return fails
			}
			return works
		}}
	})
	o.pass(1)
	down = true
	for n := range 10 {
		o.drop(fmt.Sprintf("%s/scan %d.jpg", line, n), sampleLetter(uint64(n)))
	}
	o.pass(600)
	o.says("The store cannot be reached")
	if asked > 30 {
		t.Errorf("in ten minutes a store that is down was asked %d times", asked)
	}
	o.restart() // an office is closed for the night
	o.pass(60)
	down = false
	for range 120 {
		o.pass(1)
		o.verify()
	}
	o.says("All is well again.\" about=store")
	o.ended(10)
	if n := len(o.slips()); n != 10 {
		t.Errorf("%d slips", n)
	}
}

func TestRecipientsListThatCannotBeBelieved(t *testing.T) {
	for name, c := range map[string]struct {
		bend func(*office, *seal.Recipients)
		says string
	}{
		"is missing": {func(o *office, r *seal.Recipients) { o.bucket.Root().Remove(letter.RecipientsKey) }, "no recipients list in the store yet"},
		"a stranger's": {func(o *office, r *seal.Recipients) {
			o.server = buildOffice(o.TB, o.TempDir(), newSecrets(o.TB)).server
		}, "signature"},
		"run out":      {func(o *office, r *seal.Recipients) { r.ValidUntil = o.now }, "has run out"},
		"an older one": {func(o *office, r *seal.Recipients) { r.Serial = 1 }, "older than one that was seen"},
		"no such week": {func(o *office, r *seal.Recipients) { delete(r.Keys, "x2026-W48") }, "has no key for this expiry week"},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.publish(o.recipients()) // serial 2
			o.drop("mens-advice-line/scan.jpg", sampleLetter(1))
			o.pass(settled)
			o.restart() // what was seen before must outlive the process
			server, bad := o.server, o.recipients()
			o.publish(bad)
			if c.bend(o, &bad); name != "is missing" {
				o.publish(bad)
			}
			o.drop(line+"/scan.jpg", sampleLetter(2))
			o.pass(100)
			if n := len(o.keys(letter.LettersPrefix)); n != 1 {
				t.Errorf("%d letters were sealed", n)
			}
			o.says(c.says)
			o.server = server
			o.publish(o.recipients())
			o.now = o.now.Add(listAge)
			o.pass(5)
			if n := len(o.keys(letter.LettersPrefix)); n != 2 {
				t.Errorf("with a true list %d letters were sealed", n)
			}
		})
	}
}

// A scanner that finds an older list than it has seen tells the server, which
// may be an older copy of itself: also after a restart, also on a day without a
// scan, once a day for as long as that is so, whatever the store does to it.
func TestAListThatIsTooOldIsTold(t *testing.T) {
	for kind, how := range map[string]fault{"works": works, "fails once": fails, "the answer is lost once": loses} {
		t.Run(kind, func(t *testing.T) {
			told := 0
			o := newOffice(t, func(o *office) {
				o.cfg.Store = &faulty{Store: o.cfg.Store, on: func(op, key string) fault {
					if _, is := letter.SplitSeen(key); op != "put" || !is {
						return works
					}
					if told++; told == 1 {
						return how
					}
					return works
				}}
			})
			o.serial = 40
			newest, older := o.recipients(), o.recipients()
			older.Serial = 7
			o.publish(newest)
			o.wait(watchEvery + time.Minute)
			if o.publish(older); len(o.keys(letter.SeenKey("office"))) != 0 {
				t.Fatal("it tells of a list that it has seen nothing newer than")
			}
			o.restart()
			o.wait(2*watchEvery + time.Minute)
			msg, err := o.bucket.Get(t.Context(), letter.SeenKey("office"))
			if err != nil {
				t.Fatal(err)
			}
			if said, err := letter.OpenSeen(msg, o.site); err != nil || said.Serial != 41 {
				t.Errorf("it says %+v, %v", said, err)
			} else if list, err := seal.OpenRecipients([]byte(said.List), o.cfg.Server); err != nil || list.Serial != 41 {
				t.Errorf("it proves list %d, %v", list.Serial, err)
			}
			o.wait(10 * watchEvery)
			if want := 1 + min(int(how), 1); told != want {
				t.Errorf("told %d times on one day, want %d", told, want)
			}
			if o.wait(saySeenEvery); told != 2+min(int(how), 1) {
				t.Errorf("a day later it was told %d times in all", told)
			}
			o.serial = 50
			o.publish(o.recipients())
			before := told
			if o.wait(2 * saySeenEvery); told != before {
				t.Error("it is told though the list is newer")
			}
		})
	}
}

// witness is a store with a clock.
type witness struct {
	Store
	clock func() (time.Time, error)
}

func (w witness) Clock(context.Context) (time.Time, error) { return w.clock() }

func TestAWrongClockTakesNothing(t *testing.T) {
	var wrong time.Duration
	o := newOffice(t, func(o *office) {
		o.cfg.Store = witness{o.cfg.Store, func() (time.Time, error) { return o.now.Add(wrong), nil }}
	})
	for _, wrong = range []time.Duration{6 * time.Minute, -6 * time.Minute, 365 * 24 * time.Hour} {
		o.drop(line+"/scan.jpg", sampleLetter(1))
		o.now = o.now.Add(clockAge)
		o.pass(20)
		if counts, err := o.Status(); err != nil || counts.Arriving != 1 || counts.Claimed+counts.Waiting > 0 {
			t.Fatalf("with a clock %v wrong: %+v %v", wrong, counts, err)
		}
	}
	o.says("differs from the store's by 365 days")
	wrong = 4 * time.Minute
	o.pass(1)
	o.verify()
	o.pass(5)
	o.ended(1)
}

// A store tells its time in whole seconds, so that a difference of full minutes is now
// less and now more: it is said once.
func TestAClockThatIsWrongByFullMinutesIsSaidOnce(t *testing.T) {
	wrong := 6 * time.Minute
	o := newOffice(t, func(o *office) {
		o.cfg.Store = witness{o.cfg.Store, func() (time.Time, error) { return o.now.Add(wrong), nil }}
	})
	for range 4 {
		for _, wrong = range []time.Duration{6*time.Minute + time.Second/2, 6*time.Minute - time.Second/2} {
			o.now = o.now.Add(clockAge)
			o.pass(2)
		}
	}
	o.says("differs from the store's by")
}

// TestAClockThatGoesWrong is right when the letter is claimed and wrong when
// the store is back to take it.
func TestAClockThatGoesWrong(t *testing.T) {
	var wrong time.Duration
	down := false
	o := newOffice(t, func(o *office) {
		clock := witness{o.cfg.Store, func() (time.Time, error) { return o.now.Add(wrong), nil }}
		o.cfg.Store = &faulty{Store: clock, on: func(string, string) fault {
			if down {
				return fails
			}
			return works
		}}
	})
	o.pass(1)
	down = true
	o.drop(line+"/scan.jpg", sampleLetter(1))
	o.pass(10)
	down, wrong = false, time.Hour
	o.now = o.now.Add(longestRest)
	o.pass(10)
	if n := len(o.keys(letter.LettersPrefix)); n > 0 {
		t.Error("deposited by a wrong clock")
	}
	wrong = 0
	o.pass(1)
	o.verify()
	o.pass(5)
	o.ended(1)
}

func TestAClockThatWasNeverComparedIsNotBelieved(t *testing.T) {
	var err error = deposit.ErrUnavailable
	o := newOffice(t, func(o *office) {
		o.cfg.Store = witness{o.cfg.Store, func() (time.Time, error) { return o.now, err }}
	})
	o.drop(line+"/first.jpg", sampleLetter(1))
	o.pass(10)
	if counts, _ := o.Status(); counts.Arriving != 1 {
		t.Errorf("%+v", counts)
	}
	o.says("The store's clock cannot be asked")
	err = nil
	o.now = o.now.Add(longestRest)
	o.pass(1)
	err = deposit.ErrUnavailable
	o.now = o.now.Add(clockAge)
	o.drop(line+"/second.jpg", sampleLetter(2))
	o.pass(5)
	if counts, _ := o.Status(); counts.Arriving != 0 {
		t.Errorf("a clock that was right is not believed any more: %+v", counts)
	}
}

// A clock that somebody sets while the store is away may be wrong by a year.
func TestAClockThatWasSetIsNotBelieved(t *testing.T) {
	for name, jump := range map[string]time.Duration{"a year ahead": 365 * 24 * time.Hour, "an hour back": -time.Hour} {
		t.Run(name, func(t *testing.T) {
			var err error
			right := func() time.Time { return morning }
			o := newOffice(t, func(o *office) {
				o.cfg.Store = witness{o.cfg.Store, func() (time.Time, error) { return right(), err }}
			})
			right = func() time.Time { return o.now }
			o.pass(1)
			err = deposit.ErrUnavailable
			o.now, o.set = o.now.Add(jump), -jump
			o.drop(line+"/scan.jpg", sampleLetter(1))
			o.pass(5)
			if counts, _ := o.Status(); counts.Arriving != 1 {
				t.Errorf("a scan was taken: %+v", counts)
			}
			o.pass(5)
			if status := o.given("")["STATUS.txt"]; !strings.Contains(status, "Arrived, and not taken yet: 1 scan.") {
				t.Errorf("STATUS.txt does not count it: %q", status)
			}
			o.now, o.set = o.now.Add(-jump), 0
			err = nil
			o.now = o.now.Add(longestRest)
			o.pass(5)
			if counts, _ := o.Status(); counts.Arriving != 0 {
				t.Errorf("the scan is not taken although the clock is right again: %+v", counts)
			}
		})
	}
}

func TestReceiptsThatDoNotCount(t *testing.T) {
	other := letter.NewID()
	for name, bend := range map[string]func(*office, letter.Manifest) (string, letter.Receipt){
		"another letter's": func(o *office, m letter.Manifest) (string, letter.Receipt) {
			return "", letter.Receipt{ID: other, SHA256: m.SHA256, Paper: letter.PaperKept}
		},
		"for other bytes": func(o *office, m letter.Manifest) (string, letter.Receipt) {
			return "", letter.Receipt{ID: m.ID, SHA256: strings.Repeat("0", 64), Paper: letter.PaperKept}
		},
		"a stranger's": func(o *office, m letter.Manifest) (string, letter.Receipt) {
			return "stranger", letter.Receipt{ID: m.ID, SHA256: m.SHA256, Paper: letter.PaperKept}
		},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.drop(line+"/scan.jpg", sampleLetter(1))
			o.pass(settled)
			m := o.verify()[0]
			signer, r := bend(o, m)
			server := o.server
			if signer != "" {
				server = buildOffice(t, t.TempDir(), newSecrets(t)).server
			}
			msg, err := r.Sign(server)
			if err != nil {
				t.Fatal(err)
			}
			o.replace(letter.ReceiptKey("office", m.ID), msg)
			o.pass(60)
			if counts, err := o.Status(); err != nil || counts.Waiting != 1 || len(o.slips()) > 0 {
				t.Errorf("it was believed: %+v %v", counts, err)
			}
			o.answer(m, letter.PaperKept, "")
			o.now = o.now.Add(longestWait)
			o.pass(2)
			o.ended(1)
		})
	}
}
