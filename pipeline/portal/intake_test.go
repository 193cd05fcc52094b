package portal

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"letterlock/pipeline/register"
)

func TestIntakeIsElsewhere(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Intake = nil })
	v := h.as(h.ops)
	wantText(t, v.get("/intake"), "The scanner folder is on another machine", "duplicates", "stacks")
	wantStatus(t, v.get("/desk"), http.StatusOK)
	for _, w := range []*httptest.ResponseRecorder{v.get("/intake/token-1"), v.get("/intake/token-1/page/1.jpg"), v.post("/intake/token-1", split("b"))} {
		wantStatus(t, w, http.StatusGone)
	}
	if n := len(h.scanAnswers()); n != 0 {
		t.Errorf("%d answers on record", n)
	}
}

func TestIntakeLists(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	wantText(t, v.get("/intake"), "No scan is waiting for an answer.")
	for _, path := range []string{"/desk", "/intake", "/account"} {
		if strings.Contains(v.get(path).Body.String(), "waiting</span>") {
			t.Errorf("%s: something waits in the menu", path)
		}
	}
	first := h.intake.asks(QuestionDuplicate, "Mrs \u202eSmith <b>.pdf", Stack{Pages: 2})
	second := h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 3})
	w := v.get("/intake")
	wantText(t, w, `href="`+first+`"`, `href="`+second+`"`, "<bdi class=\"file\">Mrs \u202eSmith &lt;b&gt;.pdf</bdi>", "as K7QM-4T2X",
		"Respect Phoneline", "24 November 2026 at 2:02pm")
	for _, path := range []string{"/desk", "/intake", "/account", "/no-such-page"} {
		wantText(t, v.get(path), `Intake <span class="waits">2 waiting</span>`)
	}
	wantText(t, v.get("/desk"), "2 scans wait for your answer.")
	if h.intake.looks != 0 {
		t.Error("a list looks at scans, which takes long")
	}
	for _, who := range []int64{h.lead, h.manager, h.dpo, h.admin} {
		if strings.Contains(h.as(who).get("/account").Body.String(), "Intake") {
			t.Errorf("the intake is in the menu of staff number %d", who)
		}
	}
	for range intakeShows {
		h.intake.asks(QuestionDuplicate, "further.pdf", Stack{Pages: 1})
	}
	wantText(t, v.get("/intake"), "102 waiting", "These are the 100 oldest.")
}

func TestAnswerDuplicate(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	for _, c := range []struct {
		answer  AnswerKind
		letters int
		thanks  string
	}{
		{AnswerSame, 0, "It is recorded that this is the same letter."},
		{AnswerAnother, 1, "It is recorded that this is another letter."},
	} {
		path := h.intake.asks(QuestionDuplicate, "scan0012.pdf", Stack{Pages: 2})
		wantText(t, v.get(path), "Exactly this file was scanned before", "scan0012.pdf", path+"/page/2.jpg", "It is the same letter", "It is another letter",
			"This file is deleted; the letter that was taken stays.")
		wantRedirect(t, v.post(path, url.Values{"answer": {string(c.answer)}}), "/intake?done=1")
		wantText(t, v.get("/intake?done=1"), c.thanks)
		if strings.Contains(h.as(h.ops2).get("/intake?done=1").Body.String(), "Thank you") {
			t.Error("an address thanks for what another has done")
		}
		want := register.ScanAnswered{Kind: QuestionDuplicate, Answer: c.answer, Letters: c.letters}
		if got := h.scanAnswers()[0]; got != want {
			t.Errorf("on record is %+v, want %+v", got, want)
		}
		// Sent twice, it does nothing twice.
		wantStatus(t, v.post(path, url.Values{"answer": {string(c.answer)}}), http.StatusGone)
		wantStatus(t, v.get(path), http.StatusGone)
	}
	if n := len(h.scanAnswers()); n != 2 {
		t.Errorf("%d answers on record, want 2", n)
	}
	h.now = h.now.Add(6 * time.Minute)
	if strings.Contains(v.get("/intake?done=1").Body.String(), "Thank you") {
		t.Error("thanked for an answer of long ago")
	}
	wantText(t, h.as(h.dpo).get("/register?kind=scan-answered"), "(Ola Office) said of a scan whose bytes had been taken before that it is the same letter.",
		"that it is another letter.")
}

// TestAnswerWhatAnotherHelplineHas: "the same letter" is no answer there, since
// it would delete what this helpline never got.
func TestAnswerWhatAnotherHelplineHas(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	for _, c := range []struct {
		answer  AnswerKind
		letters int
		thanks  string
	}{
		{AnswerMistake, 0, "It is recorded that the scan was dropped here by mistake."},
		{AnswerHereToo, 1, "It is recorded that the letter belongs here"},
	} {
		path := h.intake.asks(QuestionOtherLine, "scan0012.pdf", Stack{Pages: 2})
		wantText(t, v.get(path), "Taken before for another helpline", "for Men&#39;s Advice Line, as K7QM-4T2X", path+"/page/2.jpg",
			"It was dropped here by mistake", "It is a letter to Respect Phoneline", "tell the helplines’ manager at once")
		for _, other := range []AnswerKind{AnswerSame, AnswerAnother, AnswerSplit} {
			wantStatus(t, v.post(path, url.Values{"answer": {string(other)}}), http.StatusBadRequest)
		}
		wantRedirect(t, v.post(path, url.Values{"answer": {string(c.answer)}}), "/intake?done=1")
		wantText(t, v.get("/intake?done=1"), c.thanks)
		want := register.ScanAnswered{Kind: QuestionOtherLine, Answer: c.answer, Letters: c.letters}
		if got := h.scanAnswers()[0]; got != want {
			t.Errorf("on record is %+v, want %+v", got, want)
		}
	}
	wantText(t, h.as(h.dpo).get("/register?kind=scan-answered"), "for another helpline that it was dropped by mistake.",
		"The earlier letter may be in the wrong place.")
}

func TestSplitStack(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	path := h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 7, Begins: []int{2, 5}, Sheets: []int{1, 4}, Says: "Look at the boundaries."})
	w := v.get(path)
	wantText(t, w, "whose code is damaged", "Look at the boundaries.", "batch.pdf", "scan the stack again", path+"/page/7.jpg",
		`id="page-1-sheet" value="sheet" checked`, `id="page-2-begins" value="begins" checked`, `id="page-3" value="on" checked`, `id="page-7" value="on" checked`,
		`<span class="as-made">2</span>`, "I have the stack in my hand", "Split into these letters")
	if n := strings.Count(w.Body.String(), " checked"); n != 7 {
		t.Errorf("%d choices made for 7 pages", n)
	}
	const damaged = "Page 2 may be a separator or cover sheet whose code is damaged."
	again := v.get(h.intake.asks(QuestionStack, "batch 2.pdf", Stack{Pages: 2, Begins: []int{1}, Says: damaged})).Body.String()
	if n := strings.Count(again, damaged); n != 1 {
		t.Errorf("it says %d times what is wrong", n)
	}
	h.intake.waiting = h.intake.waiting[:1]
	if strings.Contains(w.Body.String(), "batch.pdf – Letterlock") {
		t.Error("the file's name is in the title, which goes into the browser's history")
	}
	wantRedirect(t, v.post(path, split("sboobob")), "/intake?done=1")
	want := Answer{Kind: AnswerSplit, Begins: []int{2, 5, 7}, Sheets: []int{1}}
	if diff := cmp.Diff(want, h.intake.answers["token-1"]); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	wantText(t, v.get("/intake?done=1"), "It is recorded that the stack holds 3 letters.", "No scan is waiting")
	if got := h.scanAnswers(); len(got) != 1 || got[0] != (register.ScanAnswered{Kind: QuestionStack, Answer: AnswerSplit, Letters: 3}) {
		t.Errorf("on record is %+v", got)
	}
	if data := string(h.entries("scan-answered", "")[0].Data); data != `{"kind":"stack","answer":"split","letters":3}` {
		t.Errorf("the register holds %s", data)
	}
	wantText(t, h.as(h.dpo).get("/register"), "(Ola Office) looked through a stack whose letters could not be told apart, and said that it holds 3 letters.")
}

// TestDoubtfulPagesAreNotLeftOutByDefault: a page of a letter may lie over a sheet,
// and whoever only ticks the box must not lose it.
func TestDoubtfulPagesAreNotLeftOutByDefault(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	stack := Stack{Pages: 5, Begins: []int{2, 4}, Sheets: []int{1, 3}, Doubtful: []int{3}}
	path := h.intake.asks(QuestionStack, "batch.pdf", stack)
	w := v.get(path)
	wantText(t, w, `id="page-1-sheet" value="sheet" checked`, `id="page-4-begins" value="begins" checked`, "If a letter’s page lies over a sheet, do not answer here")
	if s := w.Body.String(); strings.Count(s, " checked") != 4 || strings.Count(s, "Look at this page") != 1 || strings.Contains(s, `value="sheet" checked><label for="page-3`) {
		t.Error("something is proposed for the page that may be a letter's, or another is called so")
	}
	form := split("sbsbo")
	form.Del("page-3") // as the page is made
	w = v.post(path, form)
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "Choose what page 3 is.", "Look at this page")
	if len(h.scanAnswers()) != 0 {
		t.Error("an answer is on record")
	}
	wantRedirect(t, v.post(path, split("sbsbo")), "/intake?done=1") // somebody has looked
}

// TestFlawedSplits: none of these reaches the register or the scanner folder,
// and what the person chose stays chosen.
func TestFlawedSplits(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	path := h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 4, Begins: []int{1, 4}, Sheets: []int{3}})
	with := func(places string, change ...string) url.Values {
		form := split(places)
		for i := 0; i < len(change); i += 2 {
			form.Set(change[i], change[i+1])
		}
		return form
	}
	for name, c := range map[string]struct {
		form   url.Values
		status int
		says   string
	}{
		"begins with nothing":     {with("oobo"), 422, "Page 1 has no letter to go on with."},
		"goes on behind a sheet":  {with("boso"), 422, "Page 4 has no letter to go on with."},
		"only sheets":             {with("ssss"), 422, "No letter is left."},
		"not compared":            {with("bosb", "confirm", ""), 422, "tick the box"},
		"a page without a choice": {with("bosb", "page-2", ""), 422, "Choose what page 2 is."},
		"a choice that is none":   {with("bosb", "page-3", "<script>"), 422, "Choose what page 3 is."},
		"more pages":              {with("bosbo"), 409, "The stack changed while you were looking"},
		"fewer pages":             {with("bos"), 409, "The stack changed while you were looking"},
		"no number of pages":      {with("bosb", "pages", ""), 409, "The stack changed while you were looking"},
		"the other question's":    {url.Values{"answer": {"same"}}, 409, "The stack changed while you were looking"},
	} {
		t.Run(name, func(t *testing.T) {
			w := v.post(path, c.form)
			wantStatus(t, w, c.status)
			wantText(t, w, c.says)
		})
	}
	wantText(t, v.post(path, with("bbob", "confirm", "")), `id="page-2-begins" value="begins" checked`, `id="page-3" value="on" checked`, `href="#confirm"`)
	duplicate := h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
	for _, odd := range []string{"", "split", "SAME", "<script>"} {
		wantStatus(t, v.post(duplicate, url.Values{"answer": {odd}}), http.StatusBadRequest)
	}
	wantStatus(t, v.post(duplicate, split("b")), http.StatusBadRequest)
	if len(h.scanAnswers()) != 0 || len(h.intake.answers) != 0 {
		t.Errorf("on record %v, given %v", h.scanAnswers(), h.intake.answers)
	}
}

func TestBadSplitIsShown(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	path := h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 3, Begins: []int{1, 3}, Sheets: []int{2}})
	h.intake.refuses = fmt.Errorf("cutting: %w", BadAnswer{"A separator sheet would become part of a letter."})
	w := v.post(path, split("bob"))
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "A separator sheet would become part of a letter.", `href="#stack"`, `id="page-2" value="on" checked`)
	h.intake.refuses = nil
	wantRedirect(t, v.post(path, split("bsb")), "/intake?done=1")
}

func TestForgedPagesAndTokens(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	path := h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 2, Begins: []int{1}})
	w := v.get(path + "/page/2.jpg")
	wantStatus(t, w, http.StatusOK)
	if kind := http.DetectContentType(w.Body.Bytes()); kind != "image/jpeg" || w.Header().Get("Content-Type") != kind || w.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("a page is %s, sent with %v", kind, w.Header())
	}
	for _, bad := range []string{"0.jpg", "3.jpg", "01.jpg", "1", "1.png", "-1.jpg", "+1.jpg", "1.jpg.jpg", "99999999999999999999.jpg"} {
		wantStatus(t, v.get(path+"/page/"+bad), http.StatusNotFound)
	}
	for _, token := range []string{"token-2", "batch.pdf", "..%2f..%2fbatch.pdf", "%00", "%ff", strings.Repeat("a", 5000)} {
		wantStatus(t, v.get("/intake/"+token), http.StatusGone)
		wantStatus(t, v.get("/intake/"+token+"/page/1.jpg"), http.StatusGone)
		wantStatus(t, v.post("/intake/"+token, split("bo")), http.StatusGone)
	}
	// A form of another site is refused before anything looks at it.
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(split("bo").Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	wantStatus(t, v.send(r), http.StatusForbidden)
	if len(h.scanAnswers()) != 0 {
		t.Error("a forged answer is on record")
	}
}

// TestIntakeFails: the folder hangs, the scan cannot be looked at, the register
// is full, the answer is lost on its way there or back.
func TestIntakeFails(t *testing.T) {
	trouble := errors.New("input/output error")
	t.Run("the folder", func(t *testing.T) {
		h := newHouse(t)
		path := h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 1})
		h.intake.fails = trouble
		v := h.as(h.ops)
		for _, w := range []*httptest.ResponseRecorder{v.get("/intake"), v.get(path), v.get(path + "/page/1.jpg"), v.post(path, split("b"))} {
			wantStatus(t, w, http.StatusServiceUnavailable)
			wantText(t, w, "Nothing is lost")
			if strings.Contains(w.Body.String(), trouble.Error()) {
				t.Error("the page tells of an inner error")
			}
		}
		desk := v.get("/desk")
		wantStatus(t, desk, http.StatusOK)
		wantText(t, desk, "not known whether a scan waits")
		if !strings.Contains(h.log.String(), trouble.Error()) {
			t.Errorf("the log does not tell what failed:\n%s", &h.log)
		}
	})
	t.Run("the look", func(t *testing.T) {
		h := newHouse(t)
		stack := h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 1})
		duplicate := h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
		h.intake.unseen = trouble
		v := h.as(h.ops)
		wantText(t, v.get(stack), "The pages of this scan cannot be shown right now", "You can also answer in the scanner folder")
		wantStatus(t, v.post(stack, split("b")), http.StatusServiceUnavailable)
		wantText(t, v.get(duplicate), "The pages cannot be shown right now", "It is the same letter")
		wantRedirect(t, v.post(duplicate, url.Values{"answer": {"same"}}), "/intake?done=1")
		h.intake.unseen, h.intake.stacks["token-1"] = nil, Stack{}
		wantStatus(t, v.get(stack), http.StatusServiceUnavailable)
	})
	t.Run("the register", func(t *testing.T) {
		h := newHouse(t)
		path := h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
		v := h.as(h.ops)
		v.get("/")
		_, err := h.register.DB().Exec(`CREATE TRIGGER full BEFORE INSERT ON entries BEGIN SELECT RAISE(ABORT, 'no room'); END`)
		must(t, err)
		w := v.post(path, url.Values{"answer": {"same"}})
		wantStatus(t, w, http.StatusServiceUnavailable)
		wantText(t, w, "Every answer is written in the register first")
		if len(h.intake.answers) != 0 {
			t.Error("an answer was given without a record")
		}
	})
	t.Run("the answer on its way there", func(t *testing.T) {
		h := newHouse(t)
		path := h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
		h.intake.refuses = trouble
		v := h.as(h.ops)
		wantText(t, v.post(path, url.Values{"answer": {"same"}}), "Your answer may not have arrived", "Look whether the question is still listed")
		wantText(t, v.get("/intake"), path)
		h.intake.refuses = nil
		wantRedirect(t, v.post(path, url.Values{"answer": {"another"}}), "/intake?done=1")
	})
	t.Run("the answer on its way back", func(t *testing.T) {
		h := newHouse(t)
		path := h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
		h.intake.forgets = true
		v := h.as(h.ops)
		wantText(t, v.post(path, url.Values{"answer": {"same"}}), "Your answer may not have arrived")
		wantText(t, v.get("/intake"), "No scan is waiting")
		wantStatus(t, v.post(path, url.Values{"answer": {"same"}}), http.StatusGone)
	})
	t.Run("somebody in the folder was quicker", func(t *testing.T) {
		h := newHouse(t)
		path := h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
		h.intake.quicker = true
		wantText(t, h.as(h.ops).post(path, url.Values{"answer": {"same"}}), "This question does not wait any more")
	})
}

// TestPersonLeavesWhileAnswering: what is on record is carried out although
// nobody waits for the page any more.
func TestPersonLeavesWhileAnswering(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	path := h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 1})
	ctx, leave := context.WithCancel(t.Context())
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, path, strings.NewReader(split("b").Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	h.portal.cfg.Intake = &leaving{h.intake, leave}
	wantRedirect(t, v.send(r), "/intake?done=1")
	if len(h.scanAnswers()) != 1 || len(h.intake.answers) != 1 {
		t.Error("the answer was given up")
	}
}

// leaving is an Intake that is left by whoever asks it.
type leaving struct {
	*fakeIntake
	leave func()
}

func (l *leaving) Stack(ctx context.Context, token string) (Stack, error) {
	l.leave()
	if ctx.Err() != nil {
		l.h.t.Error("a look was given up: whoever loads the page again waits anew")
	}
	return l.fakeIntake.Stack(ctx, token)
}

// TestFirstLookIsSlow: the page comes although the look takes longer than the
// server lets other pages take.
func TestFirstLookIsSlow(t *testing.T) {
	h := newHouse(t)
	path := h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 1})
	h.portal.cfg.Intake = &slow{h.intake}
	server := httptest.NewUnstartedServer(h.portal)
	server.Config.WriteTimeout = 50 * time.Millisecond
	server.Start()
	defer server.Close()
	for _, address := range []string{path, path + "/page/1.jpg"} {
		r, err := http.NewRequest(http.MethodGet, server.URL+address, nil)
		must(t, err)
		r.AddCookie(&http.Cookie{Name: sessionCookie, Value: h.as(h.ops).cookies[sessionCookie]})
		answer, err := server.Client().Do(r)
		must(t, err)
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusOK {
			t.Errorf("%s answered %d", address, answer.StatusCode)
		}
	}
}

// TestIntakePanics: the page that says so has the menu in which what waits is
// counted, and must not fall over the same stone.
func TestIntakePanics(t *testing.T) {
	h := newHouse(t)
	h.portal.cfg.Intake = &broken{h.intake}
	w := h.as(h.ops).get("/intake")
	wantStatus(t, w, http.StatusInternalServerError)
	wantText(t, w, "Something went wrong on our side")
	if strings.Contains(w.Body.String()+h.log.String(), "Canary") {
		t.Error("the panic's own words are out")
	}
}

type broken struct{ *fakeIntake }

func (broken) Questions(context.Context) ([]Question, error) { panic("Mrs Canary.pdf") }

// slow is an Intake that looks at a scan for longer than pages may take.
type slow struct{ *fakeIntake }

func (s *slow) Stack(ctx context.Context, token string) (Stack, error) {
	time.Sleep(200 * time.Millisecond)
	return s.fakeIntake.Stack(ctx, token)
}

// TestTwoAnswerAtOnce: one answer is given and recorded, whoever is first.
func TestTwoAnswerAtOnce(t *testing.T) {
	h := newHouse(t)
	path := h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
	visitors := []*visitor{h.as(h.ops), h.as(h.ops2), h.as(h.ops), h.as(h.ops2)}
	var wg sync.WaitGroup
	codes := make([]int, len(visitors))
	for i, v := range visitors {
		answer := []string{"same", "another"}[i%2]
		wg.Go(func() { codes[i] = v.post(path, url.Values{"answer": {answer}}).Code })
	}
	wg.Wait()
	slices.Sort(codes)
	if diff := cmp.Diff([]int{303, 410, 410, 410}, codes); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	if got := h.scanAnswers(); len(got) != 1 || got[0].Answer != h.intake.answers["token-1"].Kind {
		t.Errorf("on record %v, given %v", got, h.intake.answers)
	}
}

// TestFileNamesStayOnThePage: neither in addresses nor in the log or the register.
func TestFileNamesStayOnThePage(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	path := h.intake.asks(QuestionStack, "Mrs Canary.pdf", Stack{Pages: 1})
	wantText(t, v.get(path), "Mrs Canary.pdf")
	h.intake.unseen = errors.New("a page cannot be drawn")
	v.get(path)
	h.intake.unseen = nil
	w := v.post(path, split("b"))
	wantText(t, v.get("/intake?done=1"), "Thank you")
	export := h.as(h.dpo).post("/register/export.ndjson", nil).Body.String()
	for where, text := range map[string]string{"log": h.log.String(), "address": path + w.Header().Get("Location"), "register": export} {
		if strings.Contains(text, "Canary") {
			t.Errorf("the %s holds the file's name:\n%s", where, text)
		}
	}
}

// TestEverySplitIsSound: whatever a form says, what reaches the scanner folder
// puts every page into one letter or leaves it out as a sheet, and a proposal
// that nobody changes is taken, but for a page of which nobody has said what it is.
func TestEverySplitIsSound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pages := rapid.IntRange(1, 9).Draw(t, "pages")
		some := rapid.SliceOf(rapid.IntRange(-1, 11))
		places := proposed(Stack{Pages: pages, Begins: some.Draw(t, "begins"), Sheets: some.Draw(t, "sheets"), Doubtful: some.Draw(t, "doubtful")})
		form := url.Values{"confirm": {"yes"}}
		for i, is := range places {
			form.Set("page-"+strconv.Itoa(i+1), string(is))
		}
		got, flaws := readPlaces(form, pages)
		if diff := cmp.Diff(places, got); diff != "" {
			t.Fatalf("the proposal is read as another (-proposed +read):\n%s", diff)
		}
		if len(at(places, nobody)) > 0 {
			if len(flaws) == 0 {
				t.Fatalf("%v is taken although nobody has said what each page is", places)
			}
		} else if len(flaws) > 0 && len(at(places, begins)) > 0 {
			t.Fatalf("the proposal %v is flawed: %v", places, flaws)
		}
		for n := range pages {
			form.Set("page-"+strconv.Itoa(n+1), rapid.SampledFrom([]string{"on", "begins", "sheet", "", "x"}).Draw(t, "place"))
		}
		got, flaws = readPlaces(form, pages)
		if len(flaws) > 0 {
			return
		}
		last := sheet
		for n, is := range got {
			if is != goesOn && is != begins && is != sheet || is == goesOn && last == sheet {
				t.Fatalf("page %d of %v is in no letter", n+1, got)
			}
			last = is
		}
	})
}
