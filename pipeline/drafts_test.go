package pipeline

import (
	"errors"
	"io"
	"testing"
	"time"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner/specimen"
)

// A copy that nobody keeps, or that is thrown away, leaves nothing but its entries,
// whatever holds its letter; who uploaded it is told, once, if they have not thrown
// it away themselves.
func TestADraftEndsWithProof(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.read()
	o.hold("", m.Helpline)
	var keys []string
	for _, thrownAway := range []bool{true, false} {
		id, err := o.file(m, specimen.New(5, 2).ColourPDF())
		o.must(err)
		l := o.state(id)
		if l.State != register.Draft || l.Held() || l.DraftEnds != o.now.Add(register.DraftLives) {
			t.Fatalf("uploaded, it is %+v", l)
		}
		keys = append(keys, l.ObjectKey())
		o.must(o.endDrafts(ctx))
		if o.state(id).Erase != "" {
			t.Fatal("it ended before its time")
		}
		if thrownAway {
			o.must(o.cfg.Register.RecordOpening(ctx, id, oneLeader, []byte("k"), "pages"))
			o.must(o.cfg.Register.DropResponse(ctx, id, register.DroppedUnsafe, oneLeader))
		} else {
			o.now = l.DraftEnds
			o.must(o.endDrafts(ctx))
			o.must(o.endDrafts(ctx))
		}
		o.work(id)
		if ev := o.deletion(id); ev.Early != register.NotKept || ev.Versions != 1 || ev.PaperKept || ev.RowsErased.IsZero() {
			t.Errorf("%+v", ev)
		}
	}
	for _, key := range keys {
		if n := o.traces(key); n != 0 {
			t.Errorf("%d traces", n)
		}
	}
	if !ok(o.Check(ctx), "counts") {
		t.Error("the counts differ")
	}
	for range 2 {
		o.must(o.tellCalled(ctx))
	}
	if taken := o.calls(); len(taken) != 1 || taken[0].Link != "http://localhost:8080/l/"+string(m.ID) {
		t.Errorf("mails: %+v", taken)
	}
	if why, _, err := o.cfg.Register.ResponseBecame(ctx, m.ID, oneLeader); err != nil || why != register.CalledUnkept {
		t.Errorf("they are told %q, %v", why, err)
	}
}

// What waits for a second person is told to who may be it, is held like its letter
// once it is kept, and ends on its deadline if nobody comes.
func TestAnAnswerWaitsForASecondPerson(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.read()
	second := o.person(register.TeamLeader, "second@example.org", m.Helpline)
	o.person(register.TeamLeader, "other@example.org", "mens-advice-line")
	mo := o.person(register.Manager, "mo@example.org")
	o.must(o.cfg.Register.RecordOpening(ctx, m.ID, mo, []byte("m"), "pages"))
	o.must(o.cfg.Register.Recuse(ctx, m.ID, mo))
	o.must(o.tellCalled(ctx))
	o.post.taken = nil
	for range 2 {
		id, err := o.file(m, specimen.New(5, 2).ColourPDF())
		o.must(err)
		o.must(o.cfg.Register.RecordOpening(ctx, id, oneLeader, []byte("k"), "pages"))
		o.must(o.cfg.Register.KeepResponse(ctx, id, register.AddressGiven, true, oneLeader))
		o.must(o.tellCalled(ctx))
		if taken := o.calls(); len(taken) != 1 || taken[0].To != "second@example.org" || taken[0].Link != "http://localhost:8080/l/"+string(id) {
			t.Fatalf("mails: %+v", taken)
		}
		o.post.taken = nil
		o.now = o.now.Add(2 * register.DraftLives)
		o.must(o.endDrafts(ctx))
		if l := o.state(id); l.State != register.ToConfirm || l.Erase != "" {
			t.Fatalf("it waits as %+v", l)
		}
		if o.story(id) == "" {
			t.Fatal("nothing is on record")
		}
	}
	all := o.filed(m)
	kept, waits := all[0], all[1]
	o.must(o.cfg.Register.RecordOpening(ctx, kept.ID, second, []byte("s"), "pages"))
	o.must(o.cfg.Register.ConfirmResponse(ctx, kept.ID, second))
	o.hold("", m.Helpline) // its manager has stepped back from the letter
	o.work(kept.ID)
	if !o.state(kept.ID).Held() || o.state(waits.ID).Held() {
		t.Error("what is kept is not held, or what is not kept is")
	}
	o.now = waits.Deadline().Start().Add(time.Minute)
	o.must(o.cfg.Register.ConfirmClock(ctx))
	o.work(waits.ID)
	if ev := o.deletion(waits.ID); ev.Early != "" || ev.Versions != 1 {
		t.Errorf("%+v", ev)
	}
	if !o.state(kept.ID).State.CanBeOpened() {
		t.Error("what is held has ended")
	}
}

// While the clock is in doubt a draft does not end, and is shown to nobody.
func TestAWrongClockEndsNoDraft(t *testing.T) {
	o := newOffice(t)
	m := o.read()
	id, err := o.file(m, specimen.New(5, 2).ColourPDF())
	o.must(err)
	o.now = o.now.AddDate(0, 2, 0) // further than any silence
	o.must(o.endDrafts(t.Context()))
	if l := o.state(id); l.Erase != "" || l.Open(o.now) {
		t.Errorf("it is %+v", l)
	}
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.must(o.endDrafts(t.Context()))
	if o.state(id).Erase != register.NotKept {
		t.Error("it does not end once the clock is right")
	}
}

// Only so many files are taken at once: whoever comes then is told to wait, and
// nothing of their file is read.
func TestFilesAreTakenInTurn(t *testing.T) {
	o := newOffice(t)
	m := o.read()
	read, write := io.Pipe()
	ends := make(chan error)
	for range takenAtOnce {
		go func() {
			_, err := o.File(t.Context(), o.state(m.ID), read, oneLeader)
			ends <- err
		}()
	}
	for len(o.taking) < takenAtOnce {
		time.Sleep(time.Millisecond)
	}
	o.takingWait = time.Millisecond
	_, err := o.File(t.Context(), o.state(m.ID), unread{t}, oneLeader)
	if not, is := errors.AsType[*portal.NotTaken](err); !is || not.Says == nil || not.Anew {
		t.Errorf("one more: %v", err)
	}
	o.must(write.CloseWithError(io.ErrUnexpectedEOF))
	for range takenAtOnce {
		if err := <-ends; !errors.Is(err, portal.ErrUpload) {
			t.Errorf("a file that broke off: %v", err)
		}
	}
	o.kept(m, specimen.New(5, 2).ColourPDF())
}

// unread is a file of which nothing may be read.
type unread struct{ t *testing.T }

func (f unread) Read([]byte) (int, error) {
	f.t.Error("the file was read")
	return 0, io.EOF
}

// A draft that comes back with a restore waits anew: it may have been kept since.
func TestADraftComesBack(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.read()
	id, err := o.file(m, specimen.New(5, 2).ColourPDF())
	o.must(err)
	copied := o.backUp()
	o.keeps(id)
	o.nextDays(2)
	o.remember()
	o.restore(copied)
	if _, err := o.Replay(ctx, func(ReplayStep) {}); err != nil {
		o.must(o.cfg.Register.ConfirmClock(ctx))
		_, err = o.Replay(ctx, func(ReplayStep) {})
		o.must(err)
	}
	if l := o.state(id); l.State != register.Draft || !l.Open(o.now) || !l.DraftEnds.After(o.now.Add(register.DraftLives)) {
		t.Fatalf("it is %+v", l)
	}
	o.must(o.tellCalled(ctx))
	if taken := o.calls(); len(taken) != 1 || taken[0].Link != "http://localhost:8080/l/"+string(id) {
		t.Errorf("mails: %+v", taken)
	}
	o.keeps(id)
}
