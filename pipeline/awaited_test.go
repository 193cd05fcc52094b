package pipeline

import (
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// lateRescan leaves a late new scan in the bucket: received, and so sealed, today.
func (o *office) lateRescan(old letter.Manifest) letter.Manifest {
	o.t.Helper()
	return o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Replaces = old.ID })
}

// toldAgain is which papers the site's scanner is told to scan again; nil for a list
// that was never written.
func (o *office) toldAgain() (ids []letter.ID) {
	o.t.Helper()
	msg, err := o.readSmall(o.t.Context(), letter.AgainKey("office"))
	if err != nil {
		return nil
	}
	said, err := letter.OpenAgain(msg, o.cfg.Verifier)
	o.must(err)
	if said.Site != "office" || said.At.After(o.now) || o.now.Sub(said.At) > 48*time.Hour {
		o.t.Errorf("it is said to %s at %s", said.Site, said.At)
	}
	ids = []letter.ID{}
	for _, l := range said.Letters {
		ids = append(ids, l.ID)
	}
	return ids
}

// forgotten is a letter on hold that cannot be read, eight months after it came; and
// the hold.
func (o *office) forgotten() (letter.Manifest, int64) {
	o.t.Helper()
	m := o.read()
	hold := o.hold(m.ID, "")
	o.work(m.ID)
	o.days(240)
	o.must(o.PublishRecipients(o.t.Context()))
	o.must(o.cfg.Register.MarkScanAgain(o.t.Context(), m.ID, oneLeader, register.PagesMissing))
	o.work(m.ID)
	return m, hold
}

// A letter that outlives its six months is named to its scanner, in a list that is
// kept fresh and that goes when nothing is asked for any more; the late new scan is
// moved to where the old one lies, and both end with the hold, each with its proof.
func TestALetterIsScannedAnewAfterItsMonths(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	var w watch
	sweep := func() { t.Helper(); o.must(o.tellAgain(ctx, &w)) }
	inTime := o.unreadable()
	sweep()
	if told := o.toldAgain(); told != nil {
		t.Fatalf("within six months it is told %v", told)
	}
	o.must(o.cfg.Register.MarkReadableAfterAll(ctx, inTime.ID, oneLeader))
	old, hold := o.forgotten()
	sweep()
	if told := o.toldAgain(); len(told) != 1 || told[0] != old.ID {
		t.Fatalf("it is told %v", told)
	}
	first := o.traces(letter.AgainKey("office"))
	sweep()
	if n := o.traces(letter.AgainKey("office")); n != 1 || first != 1 {
		t.Errorf("%d lists lie there, and %d before", n, first)
	}
	at := func() time.Time {
		msg, err := o.readSmall(ctx, letter.AgainKey("office"))
		o.must(err)
		said, err := letter.OpenAgain(msg, o.cfg.Verifier)
		o.must(err)
		return said.At
	}
	before := at()
	o.days(1)
	sweep()
	if !at().After(before) {
		t.Error("it was not said anew on another day, and the storage forgets it after fourteen")
	}

	m := o.lateRescan(old)
	o.work(m.ID)
	o.work(old.ID)
	if held := o.held(); len(held) > 0 {
		t.Fatalf("it is held: %v", held)
	}
	was := o.state(old.ID)
	l := o.lies(m)
	if l.Replaces != old.ID || l.State != register.Notified || l.Lies.Class != letter.FiveYears || l.Lies.Since != was.Lies.Since || l.Deadline() != was.Deadline() {
		t.Errorf("the new scan is %+v", l)
	}
	if r := o.receiptOf(m); r.Replaces != old.ID {
		t.Errorf("its receipt says that it replaces %q", r.Replaces)
	}
	if n := o.traces(m.ObjectKey()); n != 0 {
		t.Errorf("%d traces are left where it was deposited", n)
	}
	if story := o.story(m.ID); !strings.Contains(story, "new-scan-taken") || strings.Index(story, "new-scan-taken") > strings.Index(story, "letter-move-begun") {
		t.Errorf("on the register: %s", story)
	}
	o.opens(old) // still
	sweep()
	if told := o.toldAgain(); told == nil || len(told) != 0 {
		t.Errorf("with the new scan here it is told %v", told)
	}
	o.announce(m) // its scanner has missed the receipt
	o.work(m.ID)
	o.work(old.ID)
	if story := o.story(m.ID); strings.Count(story, "new-scan-taken") != 1 {
		t.Errorf("announced twice it is %s", story)
	}

	o.must(o.cfg.Register.RecordOpening(ctx, m.ID, oneLeader, []byte("s"), register.ShownPages))
	o.must(o.cfg.Register.MarkReadable(ctx, m.ID, oneLeader))
	o.work(old.ID)
	o.opens(old) // a hold keeps the old scan too
	o.release(hold)
	for _, id := range []letter.ID{old.ID, m.ID} {
		o.work(id)
		if ev := o.deletion(id); ev.Versions < 1 || ev.RowsErased.IsZero() {
			t.Errorf("the proof is %+v", ev)
		}
	}
	if b, err := o.cfg.Register.Balance(ctx); err != nil || b.Differs() != 0 {
		t.Errorf("%+v, %v", b, err)
	}
}

// The old letter ends while its new scan is on the way: that one is a letter of its
// own, with six months of its own, and its leaders are told of it.
func TestALateNewScanOfALetterThatHasEnded(t *testing.T) {
	o := newOffice(t)
	old, hold := o.forgotten()
	m := o.lateRescan(old)
	o.release(hold)
	o.work(old.ID)
	o.deletion(old.ID)
	o.work(m.ID)
	if held := o.held(); len(held) > 0 {
		t.Fatalf("it is held: %v", held)
	}
	l := o.lies(m)
	if l.Replaces != "" || l.State != register.Notified || l.Deadline() != m.Deadline() || l.Paper != letter.PaperKept || !strings.Contains(o.story(m.ID), "new-scan-apart") {
		t.Errorf("it is %+v; on the register: %s", l, o.story(m.ID))
	}
	if r := o.receiptOf(m); r.Replaces != "" {
		t.Errorf("its receipt says that it replaces %q", r.Replaces)
	}
	o.opens(m)
}

// A list that an earlier run of the server left names nothing that is not so now, and
// what cannot be put is put with the next sweep.
func TestAListOfAnEarlierRun(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	old, hold := o.forgotten()
	o.must(o.tellAgain(ctx, new(watch)))
	o.release(hold)
	o.work(old.ID)
	var w watch
	o.store.calls, o.store.at, o.store.how = 0, 1, fails
	if err := o.tellAgain(ctx, &w); err == nil {
		t.Error("the storage failed, and nothing is said")
	}
	o.store.at = 0
	o.must(o.tellAgain(ctx, &w))
	if told := o.toldAgain(); told == nil || len(told) != 0 {
		t.Errorf("it is told %v", told)
	}
	other, _ := o.forgotten()
	o.must(o.tellAgain(ctx, &w))
	if told := o.toldAgain(); len(told) != 1 || told[0] != other.ID {
		t.Errorf("it is told %v", told)
	}
}
