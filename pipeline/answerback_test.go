package pipeline

import (
	"bytes"
	"io"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// replayed puts that copy of the database back, two days later, and replays.
func (o *office) replayed(copied string) register.Restored {
	o.t.Helper()
	o.nextDays(2)
	o.remember()
	o.restore(copied)
	o.must(o.cfg.Register.ConfirmClock(o.t.Context()))
	done, err := o.Replay(o.t.Context(), func(ReplayStep) {})
	o.must(err)
	return done
}

// An answer that was uploaded after the backup comes back as what it is: no letter,
// announced to nobody, and a draft that its uploader alone is shown and told of,
// whether its letter was on record or is found in the same replay. Nobody can say
// whether it was kept since; where its uploader cannot be asked, it is.
func TestAnAnswerOfTheLostTimeComesBackAsOne(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.read()
	o.person(register.TeamLeader, "eve@example.org", m.Helpline)
	copied := o.backUp()
	unkept, err := o.file(m, specimen.New(5, 2).ColourPDF())
	o.must(err)
	kept := o.kept(m, specimen.New(6, 1).G4TIFF())
	late := o.read()
	toLate, err := o.file(late, specimen.New(7, 1).ColourPDF())
	o.must(err)
	newcomer := o.person(register.TeamLeader, "new@example.org", m.Helpline)
	o.must(o.cfg.Register.RecordOpening(ctx, m.ID, newcomer, []byte("n"), "pages"))
	strangers, err := o.File(ctx, o.state(m.ID), specimenReader(8), newcomer)
	o.must(err)
	o.post.taken = nil

	if done := o.replayed(copied); done.Adopted != 1 || done.Answers != 4 || done.Unread != 0 {
		t.Errorf("did %+v", done)
	}
	o.must(o.tellCalled(ctx))
	o.work(late.ID)
	for id, want := range map[letter.ID]struct {
		to    letter.ID
		state register.State
		by    int64
	}{unkept: {m.ID, register.Draft, oneLeader}, kept: {m.ID, register.Draft, oneLeader}, toLate: {late.ID, register.Draft, oneLeader}, strangers: {m.ID, register.Filed, 0}} {
		o.work(id)
		l := o.state(id)
		if l.Answers != want.to || l.State != want.state || l.UploadedBy != want.by || !l.Open(o.now) || l.NotBefore != nil || l.Trouble != "" {
			t.Errorf("it is %+v, want %+v", l, want)
		}
		if _, err := o.cfg.Register.Paper(ctx, id); err == nil {
			t.Error("operations look for its paper")
		}
		if _, err := o.PDF(ctx, l); err != nil {
			t.Errorf("it does not open: %v", err)
		}
	}
	told := map[string]int{}
	for _, mail := range o.post.taken {
		told[mail.To+" "+mail.Link[len("http://localhost:8080/l/"):]]++
	}
	for _, id := range []letter.ID{unkept, kept, toLate} {
		if n := told["ada@example.org "+string(id)]; n != 1 {
			t.Errorf("its uploader is told %d times", n)
		}
	}
	if want := 3 + 2; len(told) != want { // and both leaders of the letter that was found
		t.Errorf("told are %v", told)
	}
	o.keeps(kept)
	o.now = o.state(unkept).DraftEnds
	o.must(o.endDrafts(ctx))
	o.work(unkept)
	if ev := o.deletion(unkept); ev.Early != register.NotKept || ev.PaperKept {
		t.Errorf("%+v", ev)
	}
	if b, err := o.cfg.Register.Balance(ctx); err != nil || b.Differs() != 0 {
		t.Errorf("the counts differ: %+v %v", b, err)
	}
}

func specimenReader(seed uint64) io.Reader { return bytes.NewReader(specimen.New(seed, 1).ColourPDF()) }

// A scan cannot say of itself that it is an answer.
func TestAMarkDoesNotOutliveAScanner(t *testing.T) {
	scan, err := io.ReadAll(io.MultiReader(specimenReader(3), markOf(letter.NewID(), oneLeader)))
	if err != nil {
		t.Fatal(err)
	}
	if to, by := readMark(scan); to == "" || by != oneLeader {
		t.Fatalf("the mark is read as %q, %d", to, by)
	}
	clean, _, err := normalised(t.Context(), bytes.NewReader(scan))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = clean.Close() }()
	rewritten, err := io.ReadAll(clean)
	if err != nil {
		t.Fatal(err)
	}
	if to, _ := readMark(rewritten); to != "" {
		t.Error("it is there after the rewriting")
	}
}
