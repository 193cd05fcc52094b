package pipeline

import (
	"bytes"
	"errors"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

func (o *office) file(m letter.Manifest, upload []byte) (letter.ID, error) {
	return o.File(o.t.Context(), o.state(m.ID), bytes.NewReader(upload), oneLeader)
}

// kept files an answer and keeps it.
func (o *office) kept(m letter.Manifest, upload []byte) letter.ID {
	o.t.Helper()
	id, err := o.file(m, upload)
	o.must(err)
	o.keeps(id)
	return id
}

func (o *office) keeps(id letter.ID) {
	o.t.Helper()
	o.must(o.cfg.Register.RecordOpening(o.t.Context(), id, oneLeader, []byte("k"), "pages"))
	o.must(o.cfg.Register.KeepResponse(o.t.Context(), id, register.AddressAsked, false, oneLeader))
}

func (o *office) filed(m letter.Manifest) []register.Letter {
	o.t.Helper()
	all, err := o.cfg.Register.Responses(o.t.Context(), m.ID)
	o.must(err)
	return all
}

// A response goes through normalise, seal, deposit and verify like a letter, is
// announced to nobody, and ends six months after it was filed, with a proof of
// its own.
func TestAResponseIsFiled(t *testing.T) {
	spool := t.TempDir()
	o := newOffice(t, func(c *Config) { c.Spool = spool; c.DestroyAfter = "verified" })
	m := o.read()
	o.days(10)
	for _, upload := range [][]byte{specimen.New(5, 2).ColourPDF(), specimen.New(6, 3).G4TIFF()} {
		id := o.kept(m, upload)
		o.work(id)
		l := o.state(id)
		if l.State != register.Filed || l.Trouble != "" || l.NotBefore != nil || l.Answers != m.ID || l.Deadline() != letter.Deadline(letter.DateOf(o.now), letter.SixMonths) {
			t.Errorf("it is %s because of %q, due %s\n%s", l.State, l.Trouble, l.Deadline(), o.log)
		}
		if got := o.story(id); got != "response-filed letter-verified letter-opened response-kept" {
			t.Errorf("on the register: %s", got)
		}
		if plain, err := o.PDF(t.Context(), l); err != nil || !bytes.HasPrefix(plain, []byte("%PDF")) || bytes.Equal(plain, upload) {
			t.Errorf("what opens is not the clean copy: %v", err)
		}
		o.now = o.now.Add(time.Minute)
	}
	if all := o.filed(m); len(all) != 2 || all[0].Pages != 2 || all[1].Pages != 3 {
		t.Errorf("filed: %+v", all)
	}
	if len(o.post.taken) != 1 {
		t.Errorf("%d mails", len(o.post.taken))
	}
	if left, _ := os.ReadDir(spool); len(left) > 0 {
		t.Errorf("left in the spool: %v", left)
	}
	papers, err := o.cfg.Register.Counts(t.Context())
	o.must(err)
	if papers.Papers[letter.PaperMayGo] != 1 || len(papers.Papers) != 1 {
		t.Errorf("papers: %v", papers.Papers)
	}
	if !ok(o.Check(t.Context()), "counts") {
		t.Error("a response makes the counts differ")
	}

	answer := o.filed(m)[0]
	o.toDeadline(m)
	o.work(m.ID)
	o.deletion(m.ID)
	o.work(answer.ID)
	if o.state(answer.ID).State != register.Filed {
		t.Error("the answer went with its letter")
	}
	o.now = answer.Deadline().Start().Add(time.Minute)
	o.must(o.cfg.Register.ConfirmClock(t.Context()))
	o.work(answer.ID)
	if ev := o.deletion(answer.ID); ev.Versions != 1 || ev.PaperKept || ev.Early != "" {
		t.Errorf("%+v", ev)
	}
	if n := o.traces(answer.ObjectKey()); n != 0 {
		t.Errorf("%d traces", n)
	}
}

func TestWhatCannotBeFiled(t *testing.T) {
	o := newOffice(t)
	m := o.read()
	for name, upload := range map[string][]byte{"nothing": nil, "words": []byte("Dear Mrs Canary"), "cut off": specimen.New(1, 1).ColourPDF()[:3000]} {
		_, err := o.file(m, upload)
		if not, ok := errors.AsType[*portal.NotTaken](err); !ok || not.Says == nil || !not.Anew || strings.Contains(texts.English().Text(not.Says), "Canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
	// The storage is down, or its answer is lost: nothing was filed, and nothing stays.
	for _, how := range []fault{fails, loses} {
		o.store.calls, o.store.at, o.store.how, o.store.only = 0, 1, how, "Put"
		if _, err := o.file(m, specimen.New(1, 1).ColourPDF()); err == nil {
			t.Fatal("it was filed")
		}
		o.store.at = 0
		due, err := o.cfg.Register.PastDeadline(t.Context(), letter.DateOf(o.now), 10)
		o.must(err)
		if len(due) != 1 {
			t.Fatalf("%d are due", len(due))
		}
		o.work(due[0])
		if ev := o.deletion(due[0]); ev.Early != register.NeverStored || len(o.filed(m)) != 0 {
			t.Errorf("%+v", ev)
		}
	}
}

// The process dies between any two steps of filing: the response is there, or it
// is taken away with proof.
func TestFilingIsCutOffAnywhere(t *testing.T) {
	for step, stays := range map[string]bool{"response-filed": false, "response-put": true} {
		t.Run(step, func(t *testing.T) {
			o := newOffice(t)
			m := o.read()
			o.cfg.Step = func(at string, _ letter.ID) {
				if at == step {
					runtime.Goexit()
				}
			}
			var done sync.WaitGroup
			done.Go(func() { _, _ = o.file(m, specimen.New(1, 1).ColourPDF()) })
			done.Wait()
			o.cfg.Step = func(string, letter.ID) {}
			all := o.filed(m)
			if len(all) != 1 {
				t.Fatalf("%d on record", len(all))
			}
			o.work(all[0].ID)
			if stays {
				if l := o.state(all[0].ID); l.State != register.Draft {
					t.Errorf("it is %s", l.State)
				}
				return
			}
			if ev := o.deletion(all[0].ID); ev.Early != register.NeverStored || len(o.filed(m)) != 0 {
				t.Errorf("%+v", ev)
			}
		})
	}
}

// What is decided of a letter holds for what was answered.
func TestAnswersFollowTheirLetter(t *testing.T) {
	answered := func(t *testing.T) (*office, letter.Manifest, letter.ID) {
		o := newOffice(t)
		o.person(register.TeamLeader, "ben@example.org", "mens-advice-line")
		m := o.read()
		id := o.kept(m, specimen.New(5, 2).ColourPDF())
		o.work(id)
		return o, m, id
	}
	t.Run("to one leader", func(t *testing.T) {
		o, m, id := answered(t)
		o.safeguard(m.ID)
		if l := o.state(id); l.Named == 0 || l.Named != o.state(m.ID).Named || l.Class != letter.SixMonths {
			t.Errorf("staff %d may open the answer, staff %d the letter", l.Named, o.state(m.ID).Named)
		}
	})
	t.Run("to another helpline", func(t *testing.T) {
		o, m, id := answered(t)
		hold := o.hold("", m.Helpline)
		o.work(id)
		o.must(o.cfg.Register.AskRedirection(t.Context(), m.ID, "mens-advice-line", oneLeader))
		o.confirm(m.ID)
		o.work(m.ID)
		o.work(id)
		l := o.state(id)
		if l.Helpline != "mens-advice-line" || l.Lies.Helpline != "mens-advice-line" || l.MoveDue() || !l.Held() {
			t.Errorf("the answer is of %s, lies in %s and is held: %v", l.Helpline, l.Lies.Helpline, l.Held())
		}
		o.release(hold)
		if !o.state(id).Held() {
			t.Error("the hold that went along does not hold the answer")
		}
	})
	t.Run("on hold", func(t *testing.T) {
		o, m, id := answered(t)
		hold := o.hold(m.ID, "")
		later := o.kept(m, specimen.New(6, 2).ColourPDF())
		o.days(200)
		o.work(id)
		o.work(later)
		if !o.state(id).Held() || !o.state(later).Held() {
			t.Fatal("an answer is not held")
		}
		o.release(hold)
		o.work(id)
		o.work(later)
		o.deletion(id)
		o.deletion(later)
	})
	t.Run("erased", func(t *testing.T) {
		o, m, id := answered(t)
		o.must(o.cfg.Register.AskErasure(t.Context(), m.ID, register.PersonAsked, oneLeader))
		o.confirm(m.ID)
		o.work(m.ID)
		o.work(id)
		if ev := o.deletion(id); ev.Early != register.PersonAsked {
			t.Errorf("%+v", ev)
		}
	})
	t.Run("not while one of them is held", func(t *testing.T) {
		o, m, id := answered(t)
		o.must(o.cfg.Register.AskErasure(t.Context(), m.ID, register.PersonAsked, oneLeader))
		o.hold(id, "")
		q, err := o.cfg.Register.RequestOf(t.Context(), m.ID)
		o.must(err)
		if err := o.cfg.Register.ConfirmRequest(t.Context(), q.Number, o.manager()); !errors.Is(err, register.ErrOnHold) {
			t.Errorf("confirmed: %v", err)
		}
	})
	t.Run("longer than the letter", func(t *testing.T) {
		o := newOffice(t)
		m := o.read()
		o.days(100)
		o.must(o.PublishRecipients(t.Context()))
		id := o.kept(m, specimen.New(5, 2).ColourPDF())
		o.work(id)
		orphans := func() (ids []letter.ID) {
			found, err := o.cfg.Register.Listed(t.Context(), register.Listing{Readership: register.Readership{Helplines: []string{m.Helpline}}, What: register.ListLoneAnswers, Limit: 10})
			o.must(err)
			for _, l := range found {
				ids = append(ids, l.ID)
			}
			return ids
		}
		if found := orphans(); len(found) != 0 {
			t.Errorf("its letter is there, and it is listed: %v", found)
		}
		o.toDeadline(m)
		o.work(m.ID)
		if found := orphans(); !slices.Equal(found, []letter.ID{id}) {
			t.Errorf("listed are %v", found)
		}
	})
}
