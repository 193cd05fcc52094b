package pipeline

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"strings"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

const (
	oneToken  = "0123456789abcdef0123456789abcdef"
	twoToken  = "fedcba9876543210fedcba9876543210"
	secretary = "Mrs Smith.pdf" // which nobody outside may learn

	atOne, atTwo = "office-" + oneToken, "annexe-" + twoToken // in the portal
)

// thumb is a scanner's picture of a page.
func thumb(wide, high int) []byte {
	var out bytes.Buffer
	_ = jpeg.Encode(&out, image.NewGray(image.Rect(0, 0, wide, high)), nil)
	return out.Bytes()
}

// aStack is what a scanner asks of a stack of two pages.
func (o *office) aStack() letter.Question {
	return letter.Question{Kind: letter.AsksStack, Helpline: "respect-phoneline", Since: o.now.UTC().Truncate(time.Second), Says: "Page 2 may be a sheet.",
		Name: secretary, Pages: 2, Begins: []int{1}, Doubtful: []int{2}, Look: "Look at page 2.", Language: "cy"}
}

// sealed is what a scanner seals today.
func (o *office) sealed(data []byte) (letter.Week, []byte) {
	o.t.Helper()
	week := letter.WeekOf(letter.Deadline(letter.DateOf(o.now), letter.SixMonths))
	to, err := o.list().For(week)
	o.must(err)
	var out bytes.Buffer
	_, _, err = seal.Seal(&out, bytes.NewReader(data), to)
	o.must(err)
	return week, out.Bytes()
}

// asks has the site's scanner put a question, with its pages, signed by whoever.
func (o *office) asks(site, token string, q letter.Question, pages [][]byte, by note.Signer, spoil ...func(*letter.Asked)) {
	o.t.Helper()
	text, err := q.Write()
	o.must(err)
	asked := letter.Asked{Site: site, Token: token}
	asked.Week, asked.Question = o.sealed(text)
	if pages != nil {
		data, _ := letter.WritePages(pages)
		_, sealed := o.sealed(data)
		sum := sha256.Sum256(sealed)
		asked.Pages = &letter.AskedPages{Size: int64(len(sealed)), SHA256: hex.EncodeToString(sum[:])}
		o.putRaw(letter.AskedPagesKey(site, token), sealed)
	}
	for _, s := range spoil {
		s(&asked)
	}
	msg, err := asked.Sign(by)
	o.must(err)
	o.putRaw(letter.AskedKey(site, token), msg)
}

// reportsAsked has the site's scanner say what it asks, and the server take that in.
func (o *office) reportsAsked(site string, by note.Signer, tokens ...string) {
	o.t.Helper()
	o.now = o.now.Add(2 * heldRest)
	msg, err := letter.Report{Site: site, At: o.now.UTC().Truncate(time.Second), Questions: tokens}.Sign(by)
	o.must(err)
	o.putRaw(letter.ReportKey(site), msg)
	o.must(o.Admit(o.t.Context()))
}

// splitEntry is how the portal has a stack's answer go on record.
var splitEntry = register.ScanAnswered{Kind: register.QuestionStack, Answer: register.AnswerSplit, Letters: 2}

// questions is what the portal lists, by token.
func (o *office) questions() map[string]portal.Question {
	o.t.Helper()
	all, err := o.Intake().Questions(o.t.Context())
	o.must(err)
	out := map[string]portal.Question{}
	for _, q := range all {
		out[q.Token] = q
	}
	return out
}

// reread has the next look read everything anew, as after a start.
func (o *office) reread() { o.asked = askedScans{} }

// A question of a scanner on another machine is listed once it reports it, shown with
// its pages, answered once, told to the scanner, and gone with all that was put of it as
// soon as the scanner names it no more. Nothing outside is told what the file is called.
func TestAQuestionIsAskedAcrossTheBucket(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.HasLifecycle = true })
	ctx := t.Context()
	var w watch
	told := func() letter.Answers {
		t.Helper()
		o.must(o.tellAnswers(ctx, &w))
		if n := o.traces(letter.AnswersKey("office")); n != 1 {
			t.Errorf("%d lists lie there", n)
		}
		msg, err := o.readSmall(ctx, letter.AnswersKey("office"))
		o.must(err)
		said, err := letter.OpenAnswers(msg, o.pub)
		o.must(err)
		return said
	}
	if said := told(); said.Site != "office" || len(said.Answers) != 0 {
		t.Fatalf("before anything is asked a scanner is told %+v", said)
	}
	o.asks("office", oneToken, o.aStack(), [][]byte{thumb(400, 566), thumb(400, 300)}, o.site)
	o.must(o.Admit(ctx))
	if len(o.questions()) != 0 || len(o.held()) != 0 {
		t.Errorf("before it is reported it is listed, %v, or held: %v", o.questions(), o.held())
	}
	o.reportsAsked("office", o.site, oneToken)
	q := o.questions()[atOne]
	if q.Site != "office" || q.Kind != portal.QuestionStack || q.Name != secretary || q.Says != "Page 2 may be a sheet." || q.Language != "cy" || !q.Answered.IsZero() {
		t.Fatalf("it is listed as %+v", q)
	}
	intake := o.Intake()
	stack, err := intake.Stack(ctx, atOne)
	if err != nil || stack.Pages != 2 || stack.Says != "Look at page 2." || len(stack.Doubtful) != 1 {
		t.Errorf("it is shown as %+v, %v", stack, err)
	}
	picture, err := intake.Thumbnail(ctx, atOne, 2)
	o.must(err)
	if size, err := jpeg.DecodeConfig(bytes.NewReader(picture)); err != nil || size.Height != 300 {
		t.Errorf("its second page is shown as %+v, %v", size, err)
	}
	for _, n := range []int{0, 3} {
		if _, err := intake.Thumbnail(ctx, atOne, n); err == nil {
			t.Errorf("there is a page %d", n)
		}
	}

	answer := portal.Answer{Kind: portal.AnswerSplit, Begins: []int{1, 2}, Entry: splitEntry, By: 7}
	o.must(intake.Answer(ctx, atOne, answer))
	for range 2 {
		if err := intake.Answer(ctx, atOne, answer); !errors.Is(err, portal.ErrAnswered) {
			t.Errorf("it is answered twice: %v", err)
		}
		if o.questions()[atOne].Answered.IsZero() {
			t.Error("it is not said to be answered")
		}
		o.reread()
	}
	if _, err := intake.Stack(ctx, atOne); !errors.Is(err, portal.ErrAnswered) {
		t.Errorf("what is answered is shown: %v", err)
	}
	for range 2 { // a start in between changes nothing
		if said := told(); len(said.Answers) != 1 || said.Answers[0].Token != oneToken || said.Answers[0].Answer != letter.AnswerSplit || len(said.Answers[0].Begins) != 2 {
			t.Fatalf("the scanner is told %+v", said)
		}
		w = watch{}
	}
	o.reportsAsked("office", o.site, oneToken) // it has not heard yet
	if len(told().Answers) != 1 {
		t.Error("an answer is forgotten that the scanner has not heard")
	}

	// Whatever breaks while the question is removed, it is gone in the end.
	for call := 1; ; call++ {
		if call > 50 {
			t.Fatal("it never ends")
		}
		o.store.mu.Lock()
		o.store.calls, o.store.at, o.store.how, o.store.only = 0, call, fails, ""
		o.store.mu.Unlock()
		o.now = o.now.Add(2 * heldRest)
		msg, err := letter.Report{Site: "office", At: o.now.UTC().Truncate(time.Second)}.Sign(o.site)
		o.must(err)
		o.putRaw(letter.ReportKey("office"), msg)
		failed := o.Admit(ctx)
		o.store.at = 0
		o.now = o.now.Add(2 * heldRest)
		o.must(o.Admit(ctx))
		if left := o.traces(letter.AskedKey("office", oneToken)) + o.traces(letter.AskedPagesKey("office", oneToken)); left != 0 || len(o.questions()) != 0 {
			t.Fatalf("broken at call %d, %d traces are left, or it is listed", call, left)
		}
		if failed == nil {
			break
		}
		o.asks("office", oneToken, o.aStack(), [][]byte{thumb(9, 9), thumb(9, 9)}, o.site)
		o.reportsAsked("office", o.site, oneToken)
	}
	if said := told(); len(said.Answers) != 0 {
		t.Errorf("what it has heard it is told again: %+v", said)
	}
	if strings.Contains(o.log.String(), "Smith") || len(o.held()) != 0 {
		t.Errorf("the log holds the name of the file, or something is held: %v", o.held())
	}
}

// Of two who answer at once, each at a server of their own, one wins, and the other is
// told that it is answered: on record is what counts, and nothing else.
func TestTwoServersAnswerOneQuestionAtOnce(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.HasLifecycle = true })
	o.asks("office", oneToken, o.aStack(), [][]byte{thumb(400, 566), thumb(400, 300)}, o.site)
	o.reportsAsked("office", o.site, oneToken)
	o.questions() // both boards show it
	answered := make(chan error)
	for n := range 2 {
		go func() {
			answered <- o.cfg.Register.AnswerScan(t.Context(), "office", letter.Answer{Token: oneToken, Answer: letter.AnswerSplit, Begins: []int{1, 2}[:n+1]},
				register.ScanAnswered{Kind: register.QuestionStack, Answer: register.AnswerSplit, Letters: n + 1}, 7)
		}()
	}
	first, second := <-answered, <-answered
	if (first == nil) == (second == nil) || !errors.Is(errors.Join(first, second), register.ErrAnswered) {
		t.Errorf("one must win: %v, %v", first, second)
	}
	given, err := o.cfg.Register.ScanAnswers(t.Context())
	o.must(err)
	entries, err := o.cfg.Register.Entries(t.Context(), -1, "scan-answered", "", 10)
	o.must(err)
	if len(entries) != 1 || len(given["office"]) != 1 || !strings.Contains(string(entries[0].Data), fmt.Sprintf(`"letters":%d`, len(given["office"][0].Begins))) {
		t.Errorf("the scanner is told %+v, on record is %+v", given, entries)
	}
	if err := o.Intake().Answer(t.Context(), atOne, portal.Answer{Kind: portal.AnswerSplit, Begins: []int{1}, Entry: splitEntry, By: 7}); !errors.Is(err, portal.ErrAnswered) {
		t.Errorf("who comes later is told %v", err)
	}
}

// The list of answers is said anew each day: by its age a scanner knows that its
// questions are heard. Where no scanner can be on another machine nothing is said.
func TestAnswersAreSaidAnewEachDay(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.HasLifecycle = true })
	var w watch
	read := func() string {
		t.Helper()
		o.must(o.tellAnswers(t.Context(), &w))
		msg, err := o.readSmall(t.Context(), letter.AnswersKey("office"))
		o.must(err)
		return string(msg)
	}
	first := read()
	o.now = o.now.Add(time.Hour)
	if read() != first {
		t.Error("nothing has changed, and it is said anew")
	}
	o.now = o.now.Add(24 * time.Hour)
	if read() == first {
		t.Error("it is never said anew")
	}
	for _, alone := range []*office{newOffice(t), newOffice(t, func(c *Config) { c.HasLifecycle = true })} {
		if alone.cfg.HasLifecycle {
			alone.Beside("office")
		}
		var v watch
		alone.must(alone.tellAnswers(t.Context(), &v))
		if alone.traces(letter.AnswersKey("office")) != 0 {
			t.Error("nobody is on another machine, and a list lies there")
		}
	}
}

// Whatever somebody who holds a scanner's key, or the bucket, puts in a question's
// place: it is not shown, holds nothing up, and takes no other question along.
func TestNothingElseIsTakenForAQuestion(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	annexe, annexePub := signer(t, "annexe")
	o.must(o.cfg.Register.AddEdge(ctx, "annexe", annexePub))
	pages := [][]byte{thumb(400, 566), thumb(400, 566)}
	o.asks("annexe", twoToken, o.aStack(), pages, annexe)
	o.reportsAsked("annexe", annexe, twoToken)
	for what, put := range map[string]func(){
		"signed by another scanner": func() {
			o.asks("annexe", oneToken, o.aStack(), pages, annexe)
			msg, err := o.readSmall(ctx, letter.AskedKey("annexe", oneToken))
			o.must(err)
			o.putRaw(letter.AskedKey("office", oneToken), msg)
		},
		"another question": func() {
			o.asks("office", oneToken, o.aStack(), pages, o.site, func(a *letter.Asked) { a.Token = twoToken })
		},
		"not sealed": func() {
			o.asks("office", oneToken, o.aStack(), pages, o.site, func(a *letter.Asked) { a.Question = []byte(`{"kind":"stack"}`) })
		},
		"another week's": func() {
			o.asks("office", oneToken, o.aStack(), pages, o.site, func(a *letter.Asked) { a.Week = "x2031-W01" })
		},
		"without its pages":    func() { o.asks("office", oneToken, o.aStack(), nil, o.site) },
		"of another helpline":  func() { q := o.aStack(); q.Helpline = "nobodys-line"; o.asks("office", oneToken, q, pages, o.site) },
		"larger than anything": func() { o.putRaw(letter.AskedKey("office", oneToken), make([]byte, 2<<20)) },
		"nothing":              func() {},
	} {
		o.must(o.endTraces(ctx, letter.AskedKey("office", oneToken)))
		put()
		o.reread()
		o.reportsAsked("office", o.site, oneToken)
		list := o.questions()
		if _, is := list[atOne]; is || list[atTwo].Site != "annexe" {
			t.Errorf("%s: listed are %+v", what, list)
		}
		if _, err := o.Intake().Stack(ctx, atOne); err == nil {
			t.Errorf("%s: it is shown", what)
		}
	}
	if len(o.held()) != 0 {
		t.Errorf("a person is to look at them: %v", o.held())
	}
	for what, picture := range map[string][]byte{"no picture": []byte("<script>"), "a huge one": thumb(401, 10), "a long one": thumb(10, 1601), "half a one": thumb(400, 566)[:300]} {
		o.asks("office", oneToken, o.aStack(), [][]byte{picture, thumb(1, 1)}, o.site)
		o.reread()
		if _, err := o.Intake().Thumbnail(ctx, atOne, 1); err == nil {
			t.Errorf("%s is sent to people's browsers", what)
		}
		if _, err := o.Intake().Thumbnail(ctx, atOne, 2); err != nil {
			t.Errorf("beside %s the others are not shown: %v", what, err)
		}
	}
	// A scanner that names another's token asks about its own scan, and answers for no other.
	q := o.aStack()
	q.Name = "mine.pdf"
	o.asks("office", twoToken, q, pages, o.site)
	o.reportsAsked("office", o.site, oneToken, twoToken)
	if list := o.questions(); list[atTwo].Name != secretary || list["office-"+twoToken].Name != "mine.pdf" {
		t.Errorf("listed are %+v", list)
	}
	o.must(o.Intake().Answer(ctx, "office-"+twoToken, portal.Answer{Kind: portal.AnswerSplit, Begins: []int{1}, Entry: splitEntry, By: 7}))
	if given, err := o.cfg.Register.ScanAnswers(ctx); err != nil || len(given["annexe"]) != 0 || len(given["office"]) != 1 || !o.questions()[atTwo].Answered.IsZero() {
		t.Errorf("answered is %+v, %v", given, err)
	}
	o.reportsAsked("office", o.site, oneToken)
	// Pages that are being replaced, or were swapped, are not shown beside this question.
	_, other := o.sealed([]byte("other pages"))
	o.putRaw(letter.AskedPagesKey("office", oneToken), other)
	o.reread()
	if _, err := o.Intake().Stack(ctx, atOne); !errors.Is(err, portal.ErrNotLookedAt) {
		t.Errorf("with other pages: %v", err)
	}
	for word, want := range map[string]error{letter.UnseenYet: portal.ErrNotLookedAt, letter.UnseenTooMany: portal.ErrNotToBeSeen, letter.UnseenFailed: portal.ErrNotToBeSeen} {
		q := o.aStack()
		o.asks("office", oneToken, letter.Question{Kind: q.Kind, Helpline: q.Helpline, Since: q.Since, Name: q.Name, Says: q.Says, Unseen: word}, nil, o.site)
		o.reread()
		if _, err := o.Intake().Stack(ctx, atOne); !errors.Is(err, want) || len(o.questions()) != 2 {
			t.Errorf("%s: %v", word, err)
		}
	}
	o.must(o.cfg.Register.RevokeEdge(ctx, "annexe", 0))
	if _, is := o.questions()[atTwo]; is {
		t.Error("a scanner that is revoked still asks")
	}
	if strings.Contains(o.log.String(), "Smith") {
		t.Error("the log holds the name of the file")
	}
}

// What nobody reports goes by itself: a question that was put after its answer, one of a
// scanner that is no more.
func TestAQuestionThatNobodyAsksGoes(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	o.asks("office", oneToken, o.aStack(), [][]byte{thumb(9, 9), thumb(9, 9)}, o.site)
	o.asks("office", twoToken, o.aStack(), [][]byte{thumb(9, 9), thumb(9, 9)}, o.site)
	o.putRaw(letter.AskedKey("nowhere", oneToken), []byte("x"))
	o.reportsAsked("office", o.site, twoToken)
	all := func() int {
		return o.traces(letter.AskedKey("office", oneToken)) + o.traces(letter.AskedPagesKey("office", oneToken)) + o.traces(letter.AskedKey("nowhere", oneToken))
	}
	for range 5 {
		o.now = o.now.Add(unaskedFor / 6)
		o.must(o.Admit(ctx))
	}
	if all() != 3 {
		t.Error("something goes while its report may be on its way")
	}
	for range 3 {
		o.now = o.now.Add(unaskedFor / 6)
		o.must(o.Admit(ctx))
	}
	if n := all(); n != 0 || o.traces(letter.AskedKey("office", twoToken)) != 1 || o.traces(letter.AskedPagesKey("office", twoToken)) != 1 {
		t.Errorf("%d are left, or what is asked went with it", n)
	}
	if len(o.held()) != 0 {
		t.Errorf("a person is to look at them: %v", o.held())
	}
}
