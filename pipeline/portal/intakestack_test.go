package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"letterlock/pipeline/register"
)

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
	wantText(t, w, `id="page-1-sheet" value="sheet" checked`, `id="page-4-begins" value="begins" checked`, "If a letter’s page lies over a sheet, put the stack right")
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

// TestAPageWithACodeIsALettersIfAPersonSaysSo: a letter's page may lie over a sheet, or be
// written on one. To say so takes two marks, and is on record.
func TestAPageWithACodeIsALettersIfAPersonSaysSo(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	path := h.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 5, Begins: []int{2, 5}, Sheets: []int{1, 4}, Coded: []int{1, 4}})
	w := v.get(path)
	wantText(t, w, `id="despite-4" value="yes">`, "A letter’s page is here, although a sheet’s code is on it")
	if n := strings.Count(w.Body.String(), `value="yes">`); n != 2 {
		t.Errorf("it can be said of %d pages", n)
	}
	form := split("sboob")
	w = v.post(path, form)
	wantStatus(t, w, http.StatusUnprocessableEntity)
	wantText(t, w, "Page 4 bears the code of a separator or cover sheet.", `id="page-4" value="on" checked`)
	form.Set("despite-1", "yes") // is left out all the same
	form.Set("despite-4", "yes")
	form.Del("confirm")
	wantText(t, v.post(path, form), "tick the box", `id="despite-4" value="yes" checked`)
	form.Set("confirm", "yes")
	wantRedirect(t, v.post(path, form), "/intake?done=1")
	want := Answer{Kind: AnswerSplit, Begins: []int{2, 5}, Sheets: []int{1}, Despite: []int{4}}
	if diff := cmp.Diff(want, h.intake.answers["token-1"]); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	if data := string(h.entries("scan-answered", "")[0].Data); data != `{"kind":"stack","answer":"split","letters":2,"despite":1}` {
		t.Errorf("the register holds %s", data)
	}
	wantText(t, h.as(h.dpo).get("/register"), "said that it holds 2 letters. Pages with a sheet’s code that are a letter’s all the same: 1.")
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
		said, flaws := readCuts(form, Stack{Pages: pages})
		if diff := cmp.Diff(places, said.places); diff != "" {
			t.Fatalf("the proposal is read as another (-proposed +read):\n%s", diff)
		}
		if len(at(places, nobody)) > 0 {
			if len(flaws) == 0 {
				t.Fatalf("%v is taken although nobody has said what each page is", places)
			}
		} else if len(flaws) > 0 && len(at(places, begins)) > 0 {
			t.Fatalf("the proposal %v is flawed: %v", places, flaws)
		}
		stack := Stack{Pages: pages, Coded: some.Draw(t, "coded")}
		for n := range pages {
			form.Set("despite-"+strconv.Itoa(n+1), rapid.SampledFrom([]string{"yes", ""}).Draw(t, "despite"))
			form.Set("page-"+strconv.Itoa(n+1), rapid.SampledFrom([]string{"on", "begins", "sheet", "", "x"}).Draw(t, "place"))
		}
		said, flaws = readCuts(form, stack)
		if len(flaws) > 0 {
			return
		}
		last := sheet
		for n, is := range said.places {
			if is != goesOn && is != begins && is != sheet || is == goesOn && last == sheet {
				t.Fatalf("page %d of %v is in no letter", n+1, said.places)
			}
			ticked := form.Get("despite-"+strconv.Itoa(n+1)) == "yes"
			if coded := slices.Contains(stack.Coded, n+1); slices.Contains(said.despite, n+1) != (coded && ticked && is != sheet) || coded && is != sheet && !ticked {
				t.Fatalf("page %d is %q, with a code: %v, ticked: %v; %v", n+1, is, coded, ticked, said.despite)
			}
			last = is
		}
	})
}
