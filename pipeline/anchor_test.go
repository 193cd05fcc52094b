package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// anchored are the days whose checkpoint is in the bucket.
func (o *office) anchored() (days []string) {
	o.t.Helper()
	for key, err := range o.store.Store.List(o.t.Context(), letter.CheckpointsPrefix) {
		o.must(err)
		days = append(days, strings.TrimPrefix(key, letter.CheckpointsPrefix))
	}
	slices.Sort(days)
	return days
}

// Each day leaves a checkpoint in the bucket, however often it begins, whatever
// fails; and no deletion of letters reaches it.
func TestEachDayLeavesACheckpoint(t *testing.T) {
	for name, how := range map[string]fault{"nothing fails": 0, "the put failed": fails, "it was done, and the answer lost": loses} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.must(o.daily(t.Context(), &watch{}))
			o.must(o.daily(t.Context(), &watch{})) // another start
			o.now = o.now.AddDate(0, 0, 1)
			if how != 0 {
				o.store.at, o.store.how, o.store.only = -1, how, "Put"
				if err := o.anchor(t.Context()); err == nil && how == fails {
					t.Fatal("a put that failed is no error")
				}
				o.store.at = 0
			}
			o.must(o.daily(t.Context(), &watch{}))
			if got := o.anchored(); !slices.Equal(got, []string{"2026-11-24", "2026-11-25"}) {
				t.Fatalf("checkpoints of %v", got)
			}
			o.now = o.now.AddDate(0, 8, 0)
			o.must(o.cfg.Register.ConfirmClock(t.Context()))
			o.must(o.daily(t.Context(), &watch{}))
			if got := o.anchored(); len(got) != 3 {
				t.Errorf("after eight months: checkpoints of %v", got)
			}
			if got := o.alarms(); len(got) != 0 || !ok(o.Check(t.Context()), "register") {
				t.Errorf("all is well, and loud is %v", got)
			}
		})
	}
}

// A register that lost entries since, or that was written anew, is an alarm,
// and no later day hides it.
func TestARegisterThatIsBehindTheBucketIsLoud(t *testing.T) {
	o := newOffice(t)
	o.must(o.daily(t.Context(), &watch{}))
	other := newOffice(t) // another story of the same days
	for range 40 {
		other.must(other.cfg.Register.Record(t.Context(), register.BucketAdopted{}, 0))
	}
	other.now = o.now.AddDate(0, 0, 1)
	other.must(other.daily(t.Context(), &watch{}))
	for name, statement := range map[string]string{
		"another register's":     string(other.statement()),
		"nothing that is signed": `{"checkpoint":"letterlock register"}`,
		"no statement":           "x",
	} {
		key := letter.CheckpointKey(letter.DateOf(o.now).AddDays(1))
		body := []byte(statement)
		_, err := o.store.Store.Put(t.Context(), key, bytes.NewReader(body), int64(len(body)), sha256.Sum256(body), deposit.Replace)
		o.must(err)
		if got := o.alarms(); !slices.Equal(got, []register.AlarmKind{register.RegisterWrong}) || ok(o.Check(t.Context()), "register") {
			t.Errorf("%s: loud is %v", name, got)
		}
		o.now = o.now.AddDate(0, 0, 2)
		o.must(o.daily(t.Context(), &watch{}))
		if got := o.alarms(); !slices.Equal(got, []register.AlarmKind{register.RegisterWrong}) {
			t.Errorf("%s: two days later loud is %v", name, got)
		}
	}
}

func (o *office) statement() []byte {
	o.t.Helper()
	day, _, err := o.cfg.Register.Today(context.Background())
	o.must(err)
	b, err := o.readSmall(o.t.Context(), letter.CheckpointKey(day))
	o.must(err)
	return b
}
