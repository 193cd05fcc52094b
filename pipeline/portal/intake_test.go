package portal

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

func TestIntakeIsElsewhere(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Intake = nil })
	v := h.as(h.ops)
	wantText(t, v.get("/intake"), "No scan is waiting for an answer.")
	// A scanner that does not put its questions through the bucket.
	h.reports(letter.Report{Folders: []letter.ReportLine{{Helpline: "respect-phoneline", Asked: 2}}})
	page := v.get("/intake")
	wantText(t, page, "2 more scans wait for an answer in the folder of scanner “office”", "duplicates", "stacks")
	if strings.Contains(page.Body.String(), "No scan is waiting") {
		t.Error("two scans wait, and it is said that none does")
	}
	wantStatus(t, v.get("/desk"), http.StatusOK)
	for _, w := range []*httptest.ResponseRecorder{v.get("/intake/token-1"), v.get("/intake/token-1/page/1.jpg"), v.post("/intake/token-1", split("b"))} {
		wantStatus(t, w, http.StatusGone)
	}
	if n := len(h.scanAnswers()); n != 0 {
		t.Errorf("%d answers on record", n)
	}
}

// The scans of two scanners are listed with the name of each. What was answered, and its
// scanner has not heard yet, is said to be on its way and cannot be answered again; what
// cannot be seen can be answered in the folder.
func TestIntakeOfScannersOnOtherMachines(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	first := h.intake.asks(QuestionDuplicate, "first.pdf", Stack{Pages: 1})
	second := h.intake.asks(QuestionStack, "second.pdf", Stack{Pages: 2})
	h.intake.waiting[0].Site, h.intake.waiting[1].Site = "office", "annexe"
	h.intake.waiting[0].Language = "cy" // a scanner that speaks another language, and one that does not say
	h.reports(letter.Report{Folders: []letter.ReportLine{{Helpline: "respect-phoneline", Asked: 1}}})
	page := v.get("/intake")
	wantText(t, page, "<dt>Scanner</dt><dd>office</dd>", "<dt>Scanner</dt><dd>annexe</dd>", first, second, `<p lang="cy">Exactly`, `<p lang="en-GB">The letters`)
	wantText(t, v.get(first), `<p class="lede" lang="cy">`)
	if strings.Contains(page.Body.String(), "in the folder of scanner") {
		t.Error("what is listed is said to be in the folder alone")
	}
	h.intake.waiting[0].Answered = h.now.Add(-time.Minute)
	page = v.get("/intake")
	wantText(t, page, "Answered 24 November 2026 at 2:01pm. The answer is on its way to the scanner", `Intake <span class="waits">1 waiting</span>`)
	if strings.Contains(page.Body.String(), first) {
		t.Error("what is answered can be answered again")
	}
	wantText(t, v.get("/desk"), "1 scan waits for your answer.")
	for _, w := range []*httptest.ResponseRecorder{v.get(first), v.post(first, url.Values{"answer": {"another"}})} {
		wantStatus(t, w, http.StatusGone)
	}
	if n := len(h.scanAnswers()); n != 0 {
		t.Errorf("%d answers on record", n)
	}
	h.intake.unseen = ErrNotLookedAt
	wantText(t, v.get(second), "The scanner has not looked at this scan yet", "You can also answer in the scanner folder")
	h.intake.unseen = ErrNotToBeSeen
	wantText(t, v.get(second), "The scanner cannot show the pages of this scan", "Answer in the scanner folder")
	wantStatus(t, v.get(second+"/page/1.jpg"), http.StatusNotFound)
	h.intake.waiting[0].Answered = time.Time{}
	wantText(t, v.get(first), "The pages cannot be shown right now", "It is another letter") // which can be told without
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
}

// After a week in which nobody has answered, the page still loads as fast as any other,
// and every question is reached from it.
func TestTheIntakeOfAWeek(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	var asked []string
	name := strings.Repeat("Ünlängst gescannt – ", 6) + ".pdf" // 240 bytes long, as long as names become
	for i := range 100 {
		asked = append(asked, h.intake.asks([]QuestionKind{QuestionDuplicate, QuestionOtherLine, QuestionStack}[i%3], name, Stack{Pages: 1}))
		again := h.letter(2)
		h.opens(again, h.lead)
		must(t, h.register.MarkScanAgain(t.Context(), again, h.lead, "too-faint"))
	}
	h.letter(1)
	var refused []letter.Refused
	for range letter.MaxRefused {
		refused = append(refused, letter.Refused{Helpline: "respect-phoneline", At: h.now, Why: "cut-off"})
	}
	h.reports(letter.Report{Folders: []letter.ReportLine{{Helpline: "respect-phoneline", Arriving: 4}}, Refused: refused})
	wantText(t, v.get("/intake"), "100 waiting", "These are the 10 oldest papers.", `<a href="/desk?list=again">`)
	seen, at := map[string]bool{}, "/intake"
	further := regexp.MustCompile(`<a href="([^"]+)">Further scans</a>`)
	for at != "" {
		t.Logf("%s has %d bytes", at, v.weighs(at))
		page := v.get(at).Body.String()
		for _, path := range asked {
			seen[path] = seen[path] || containsText(page, `href="`+path+`"`)
		}
		if at = ""; further.MatchString(page) {
			at = further.FindStringSubmatch(page)[1]
		}
	}
	for _, path := range asked {
		if !seen[path] {
			t.Errorf("%s is on no page", path)
		}
	}
	for _, from := range []string{"x", "-1", "0", "100", "99999999999999999999"} {
		wantStatus(t, v.get("/intake?from="+from), http.StatusOK)
	}
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
		wantRedirect(t, v.post(path, url.Values{"answer": {string(c.answer)}, "confirm": {"yes"}}), "/intake?done=1")
		wantText(t, v.get("/intake?done=1"), c.thanks)
		if strings.Contains(h.as(h.ops2).get("/intake?done=1").Body.String(), "Thank you") {
			t.Error("an address thanks for what another has done")
		}
		want := register.ScanAnswered{Kind: QuestionDuplicate, Answer: c.answer, Letters: c.letters}
		if got := h.scanAnswers()[0]; got != want {
			t.Errorf("on record is %+v, want %+v", got, want)
		}
		// Sent twice, it does nothing twice.
		wantStatus(t, v.post(path, url.Values{"answer": {string(c.answer)}, "confirm": {"yes"}}), http.StatusGone)
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
		form := url.Values{"answer": {string(c.answer)}}
		if c.answer == AnswerMistake { // which deletes a file, and does nothing at one tap
			once, before := v.post(path, form), len(h.scanAnswers())
			wantStatus(t, once, http.StatusOK)
			wantText(t, once, "A deleted file cannot be brought back.", `name="answer" value="mistake"`, `<a href="`+path+`">`)
			if len(h.scanAnswers()) != before {
				t.Error("it is on record")
			}
			form.Set("confirm", "yes")
			path = action(t, once, path)
		}
		wantRedirect(t, v.post(path, form), "/intake?done=1")
		wantText(t, v.get("/intake?done=1"), c.thanks)
		want := register.ScanAnswered{Kind: QuestionOtherLine, Answer: c.answer, Letters: c.letters}
		if got := h.scanAnswers()[0]; got != want {
			t.Errorf("on record is %+v, want %+v", got, want)
		}
	}
	wantText(t, h.as(h.dpo).get("/register?kind=scan-answered"), "for another helpline that it was dropped by mistake.",
		"The earlier letter may be in the wrong place.")
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
		board := v.get("/intake") // with what could be read: another scanner's questions
		wantText(t, board, path, "The scanner folder cannot be looked into right now")
		waiting := h.intake.waiting
		h.intake.waiting = nil
		empty := v.get("/intake")
		wantStatus(t, v.get(path), http.StatusServiceUnavailable) // nobody knows whether it waits
		h.intake.waiting = waiting
		if strings.Contains(empty.Body.String(), "No scan is waiting") {
			t.Error("it is said that nothing waits, which nobody knows")
		}
		for i, w := range []*httptest.ResponseRecorder{board, empty, v.get(path), v.get(path + "/page/1.jpg"), v.post(path, split("b"))} {
			status := http.StatusServiceUnavailable
			if i < 2 {
				status = http.StatusOK
			}
			wantStatus(t, w, status)
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
		wantRedirect(t, v.post(duplicate, url.Values{"answer": {"same"}, "confirm": {"yes"}}), "/intake?done=1")
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
		w := v.post(path, url.Values{"answer": {"same"}, "confirm": {"yes"}})
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
		wantText(t, v.post(path, url.Values{"answer": {"same"}, "confirm": {"yes"}}), "Your answer may not have arrived", "Look whether the question is still listed")
		wantText(t, v.get("/intake"), path)
		h.intake.refuses = nil
		wantRedirect(t, v.post(path, url.Values{"answer": {"another"}}), "/intake?done=1")
	})
	t.Run("the answer on its way back", func(t *testing.T) {
		h := newHouse(t)
		path := h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
		h.intake.forgets = true
		v := h.as(h.ops)
		wantText(t, v.post(path, url.Values{"answer": {"same"}, "confirm": {"yes"}}), "Your answer may not have arrived")
		wantText(t, v.get("/intake"), "No scan is waiting")
		wantStatus(t, v.post(path, url.Values{"answer": {"same"}, "confirm": {"yes"}}), http.StatusGone)
	})
	t.Run("somebody in the folder was quicker", func(t *testing.T) {
		h := newHouse(t)
		path := h.intake.asks(QuestionDuplicate, "scan.pdf", Stack{Pages: 1})
		h.intake.quicker = true
		wantText(t, h.as(h.ops).post(path, url.Values{"answer": {"same"}, "confirm": {"yes"}}), "This question does not wait any more")
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
		wg.Go(func() { codes[i] = v.post(path, url.Values{"answer": {answer}, "confirm": {"yes"}}).Code })
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
	export := h.as(h.dpo).exports().Body.String()
	for where, text := range map[string]string{"log": h.log.String(), "address": path + w.Header().Get("Location"), "register": export} {
		if strings.Contains(text, "Canary") {
			t.Errorf("the %s holds the file's name:\n%s", where, text)
		}
	}
}
