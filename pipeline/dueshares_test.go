package pipeline

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// When a key dies, its shares are due: that is on the register, said by the
// check at once, and loud after two weeks, until each is destroyed: custodians are asked
// once a week. Until then two of them bring back nothing into the keyring.
func TestSharesOfADeadKeyAreDue(t *testing.T) {
	o, dirs := newOffice(t), custodians(t)
	made := o.share(dirs)
	dead := made[0]
	o.now = dead.Over().Start()
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.must(o.EndKeys(t.Context()))
	entries, err := o.cfg.Register.Entries(t.Context(), -1, "key-destroyed", "", 10)
	o.must(err)
	if o.cfg.Keyring.Has(dead) || len(entries) != 1 || !strings.Contains(string(entries[0].Data), `"shares":3`) {
		t.Fatalf("%d entries: %s", len(entries), entries[0].Data)
	}
	if ok(o.Check(t.Context()), "escrow") {
		t.Error("the check says nothing of it")
	}
	if got := o.alarms(); slices.Contains(got, register.SharesDue) {
		t.Error("loud at once")
	}
	o.now = o.now.AddDate(0, 0, 8)
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	if got := o.alarms(); slices.Contains(got, register.SharesDue) {
		t.Error("loud before the custodians' word can have come")
	}
	o.now = o.now.AddDate(0, 0, 7)
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	if got := o.alarms(); !slices.Contains(got, register.SharesDue) {
		t.Errorf("after two weeks loud is %v", got)
	}
	if found, err := o.RestoreKeys(t.Context(), [2]string{dirs[0], dirs[1]}); err != nil || len(found) != 0 {
		t.Fatalf("restored: %v, %v", found, err)
	}
	if err := o.cfg.Register.KeyRestored(t.Context(), dead); !errors.Is(err, register.ErrKeyDead) {
		t.Errorf("a dead key may be restored: %v", err)
	}
	if _, err := o.Drill(t.Context(), [2]string{dirs[0], dirs[1]}); err != nil {
		t.Error(err)
	}
	if o.cfg.Keyring.Has(dead) {
		t.Fatal("a dead key is back")
	}
	// A file manager has made a second copy of one.
	name := "letterlock-" + string(dead) + "-custodian-1"
	text, err := os.ReadFile(filepath.Join(dirs[0], name+".txt"))
	o.must(err)
	second := filepath.Join(dirs[0], name+" (1).txt")
	o.must(os.WriteFile(second, text, 0o600))
	for i, dir := range dirs[:2] {
		ended, err := o.RetireShares(t.Context(), dir, false)
		if says := "In " + dir + " 1 share is damaged or renamed, and may bring back a dead key. What is no second copy of another file is given back the name that it had, letterlock-WEEK-custodian-N.txt, before this command is given again; what is one, or belongs to a week that is over, is overwritten and deleted by hand. What is on record as due after that: letterlock key escrow list; that it is destroyed: letterlock key escrow vouch 1"; i == 0 {
			if err == nil || err.Error() != says {
				t.Errorf("of the second copy it says %v", err)
			}
			if _, err := o.Drill(t.Context(), [2]string{dirs[0], dirs[1]}); err == nil || !strings.Contains(err.Error(), "Give back the name that it had, letterlock-WEEK-custodian-N.txt, or put it aside") {
				t.Errorf("a drill says %v", err)
			}
			o.must(os.Remove(second))
			err = nil
		}
		if err != nil || len(ended) == 0 || !slices.ContainsFunc(ended, func(s keyring.Share) bool { return s.Week == dead }) {
			t.Fatalf("ended: %v, %v", ended, err)
		}
		for _, s := range ended {
			if !s.Week.Over().Start().Before(o.now) && s.Week != dead {
				t.Errorf("the share of %s went", s.Week)
			}
		}
	}
	said, err := o.EndShares(t.Context(), 3, false, register.ShareVouched)
	if err != nil || len(said) == 0 {
		t.Fatalf("vouched for %v, %v", said, err)
	}
	if got := o.alarms(); slices.Contains(got, register.SharesDue) {
		t.Errorf("all are gone, and loud is %v", got)
	}
	if found, err := o.Drill(t.Context(), [2]string{dirs[0], dirs[1]}); err != nil || len(found) == 0 {
		t.Errorf("the living keys' shares: %v, %v", found, err)
	}
}

// dies has the oldest living key die, on its Monday.
func (o *office) dies(w letter.Week) {
	o.t.Helper()
	o.now = w.Over().Start()
	o.must(o.cfg.Register.ConfirmClock(o.t.Context()))
	o.must(o.EndKeys(o.t.Context()))
}

// From half a year on a key dies each Monday. Two custodians destroy their shares of it and
// say so by the next: nothing is ever loud, and the check is well with the third's, of
// which nothing can be read, until the quarter's making destroys those.
func TestCustodiansOfWhomTwoDestroyTheirsEachWeek(t *testing.T) {
	o, dirs := newOffice(t), custodians(t)
	made, _, err := o.MakeShares(t.Context(), dirs, 13)
	o.must(err)
	for i, w := range made[:8] {
		o.dies(w)
		for range 7 { // each day of the week after
			if got := o.alarms(); slices.Contains(got, register.SharesDue) {
				t.Fatalf("week %d: loud on %s", i, letter.DateOf(o.now))
			}
			o.now = o.now.AddDate(0, 0, 1)
		}
		o.must(o.cfg.Register.ConfirmClock(t.Context()))
		for custodian := 1; custodian <= 2; custodian++ {
			o.must2(o.EndShares(t.Context(), custodian, false, register.ShareVouched))
		}
	}
	bad, good, err := o.checkShares(t.Context())
	if said := texts.English().Text(good); err != nil || bad != nil || !strings.Contains(said, "shares of dead keys are left, of each key one, which opens nothing alone: they go with the next letterlock key escrow make") {
		t.Errorf("of the third's: %q, %q, %v", texts.English().Text(bad), said, err)
	}
	// One who has lost theirs has not destroyed it.
	o.dies(made[9])
	o.must2(o.EndShares(t.Context(), 1, false, register.ShareLost))
	o.must2(o.EndShares(t.Context(), 2, false, register.ShareVouched))
	if bad, _, err := o.checkShares(t.Context()); err != nil || bad == nil {
		t.Errorf("one is lost and one is left, and the check is well: %v", err)
	}
	living, err := o.livingWeeks(t.Context())
	o.must(err)
	_, ended, err := o.MakeShares(t.Context(), dirs, 13)
	o.must(err)
	for _, dir := range dirs {
		_, shares, err := custodian(dir)
		o.must(err)
		for _, s := range shares {
			if !living[s.Week] && s.Week < made[10] {
				t.Errorf("custodian %d's share of %s is still there", s.Custodian, s.Week)
			}
		}
	}
	if due, err := o.DueShares(t.Context()); len(due) != 0 || len(ended) < 10 || err != nil {
		t.Errorf("due after a making are %v; %d were destroyed, %v", due, len(ended), err)
	}
}
