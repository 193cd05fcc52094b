package portal

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"sync"

	"letterlock/pipeline/register"
)

// fakeIntake is a scanner folder that asks what a test lets it ask. It polices
// its contract: no answer comes without what is to be on the register, and none twice.
type fakeIntake struct {
	h *house

	mu      sync.Mutex
	waiting []Question
	stacks  map[string]Stack
	answers map[string]Answer
	looks   int   // at a scan
	fails   error // whatever is asked of it
	unseen  error // whatever is looked at
	refuses error // to be answered
	forgets bool  // answers do as they should, and then it says that they failed
	quicker bool  // somebody answers in the folder while the register is written
}

// asks adds a question, with the tokens token-1, token-2 and so on.
func (f *fakeIntake) asks(kind QuestionKind, name string, stack Stack) (path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.stacks == nil {
		f.stacks, f.answers = map[string]Stack{}, map[string]Answer{}
	}
	token := "token-" + strconv.Itoa(len(f.stacks)+1)
	says := "Exactly this file was scanned before, on 20 November 2026, as K7QM-4T2X. Is it the same letter, or another?"
	switch kind {
	case QuestionOtherLine:
		says = "Exactly this file was scanned before, on 20 November 2026, for Men's Advice Line, as K7QM-4T2X. Was it dropped here by mistake, or is K7QM-4T2X in the wrong place?"
	case QuestionStack:
		says = "The letters of this stack cannot be told apart for certain, so none of them was taken. Page 2 may be a separator or cover sheet whose code is damaged."
	}
	f.waiting = append(f.waiting, Question{Token: token, Kind: kind, Helpline: "respect-phoneline", Name: name, Since: f.h.now, Says: says})
	f.stacks[token] = stack
	return "/intake/" + token
}

func (f *fakeIntake) Questions(ctx context.Context) ([]Question, error) {
	if _, ends := ctx.Deadline(); !ends {
		f.h.t.Error("a folder that hangs would take every page with it")
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.waiting), f.fails
}

func (f *fakeIntake) waits(token string) bool {
	return slices.ContainsFunc(f.waiting, func(q Question) bool { return q.Token == token })
}

func (f *fakeIntake) Stack(_ context.Context, token string) (Stack, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.looks++
	if !f.waits(token) {
		return Stack{}, ErrAnswered
	}
	return f.stacks[token], errors.Join(f.fails, f.unseen)
}

func (f *fakeIntake) Thumbnail(_ context.Context, token string, page int) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if page < 1 || page > f.stacks[token].Pages {
		f.h.t.Errorf("asked for page %d of %q", page, token)
	}
	if !f.waits(token) {
		return nil, ErrAnswered
	}
	if err := errors.Join(f.fails, f.unseen); err != nil {
		return nil, err
	}
	return drawPage(page, 48, 48*827/100, 48*1169/100)
}

func (f *fakeIntake) Answer(ctx context.Context, token string, a Answer) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if ctx.Err() != nil {
		f.h.t.Error("an answer on record was given up")
	}
	if string(a.Entry.Answer) != string(a.Kind) || a.By == 0 {
		f.h.t.Errorf("%q is to go on record as %+v of %d", a.Kind, a.Entry, a.By)
	}
	if err := f.h.register.Record(ctx, a.Entry, a.By); err != nil {
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	if f.quicker || !f.waits(token) {
		return ErrAnswered
	}
	if f.refuses != nil {
		return f.refuses
	}
	if _, twice := f.answers[token]; twice {
		f.h.t.Errorf("%s was answered twice", token)
	}
	a.Entry, a.By = register.ScanAnswered{}, 0
	f.answers[token] = a
	f.waiting = slices.DeleteFunc(f.waiting, func(q Question) bool { return q.Token == token })
	if f.forgets {
		return errors.New("the connection broke")
	}
	return nil
}

// scanAnswers are the answers on the register, newest first.
func (h *house) scanAnswers() (out []register.ScanAnswered) {
	h.t.Helper()
	for _, e := range h.entries("scan-answered", "") {
		var d register.ScanAnswered
		must(h.t, json.Unmarshal(e.Data, &d))
		out = append(out, d)
	}
	return out
}

// split is the form of a stack: b, o and s for each page.
func split(places string) url.Values {
	form := url.Values{"pages": {strconv.Itoa(len(places))}, "confirm": {"yes"}}
	for i, c := range places {
		form.Set("page-"+strconv.Itoa(i+1), map[rune]string{'b': "begins", 'o': "on", 's': "sheet"}[c])
	}
	return form
}
