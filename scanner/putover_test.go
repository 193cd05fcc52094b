package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// laysBefore has somebody put something at a letter's key before its scanner does, once.
type laysBefore struct {
	Store
	bytes []byte
	laid  map[string]bool
}

func (l *laysBefore) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [32]byte, mode deposit.Mode) (string, error) {
	if strings.HasPrefix(key, letter.LettersPrefix) && !l.laid[key] {
		l.laid[key] = true
		if _, err := l.Store.Put(ctx, key, bytes.NewReader(l.bytes), int64(len(l.bytes)), sha256.Sum256(l.bytes), deposit.CreateOnly); err != nil {
			return "", err
		}
	}
	return l.Store.Put(ctx, key, body, size, sum, mode)
}

// Whoever holds another scanner's credentials puts something where a letter is to lie. The
// letter is stored all the same: at once as a rule, and after a day where its scanner was
// started anew in between and cannot know whether the letter lies there already.
func TestSomethingLiesAtALettersPlace(t *testing.T) {
	for _, restarts := range []bool{false, true} {
		t.Run(fmt.Sprint(restarts), func(t *testing.T) {
			o := newOffice(t, func(o *office) {
				o.cfg.Store = &laysBefore{o.cfg.Store, []byte("planted"), map[string]bool{}}
				o.cfg.Step = func(step string, _ letter.ID) {
					if restarts && step == "sealed" {
						runtime.Goexit()
					}
				}
			})
			o.drop(line+"/scan.jpg", sampleLetter(1))
			done := make(chan struct{})
			go func() { // which ends where the process dies
				defer close(done)
				o.pass(settled)
			}()
			<-done
			if restarts {
				o.cfg.Step = nil
				o.restart()
				o.pass(settled)
				o.wait(24 * time.Hour)
			}
			o.verify()
			o.wait(2 * time.Minute)
			o.ended(1)
			if n := len(o.slips()); n != 1 {
				t.Errorf("%d slips", n)
			}
			o.says("Something lies at a letter's place in the store already.")
			if n := strings.Count(o.log.String(), "A letter is taken"); n != 1 {
				t.Errorf("%d letters are taken", n)
			}
		})
	}
}

// A scanner that was off for days, and whose letter was verified meanwhile, puts nothing
// over it.
func TestWhatTheServerHasVerifiedIsNotPutOver(t *testing.T) {
	over := 0
	o := newOffice(t, func(o *office) {
		o.cfg.Store = &countsOver{o.cfg.Store, &over}
	})
	o.drop(line+"/scan.jpg", sampleLetter(1))
	o.pass(settled)
	o.close()
	o.verify()
	o.now = o.now.AddDate(0, 0, 3)
	o.open()
	o.wait(time.Minute)
	if o.ended(1); over != 0 {
		t.Errorf("it is put over %d times", over)
	}
}

type countsOver struct {
	Store
	n *int
}

func (c *countsOver) Put(ctx context.Context, key string, body io.ReadSeeker, size int64, sum [32]byte, mode deposit.Mode) (string, error) {
	if strings.HasPrefix(key, letter.LettersPrefix) && mode == deposit.Replace {
		*c.n++
	}
	return c.Store.Put(ctx, key, body, size, sum, mode)
}
