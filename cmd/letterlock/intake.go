package main

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/singleflight"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/separator"
)

// intake shows operations in the portal what the scanner folder of this process
// asks.
type intake struct {
	site      string // of its scanner
	record    func(ctx context.Context, ev register.Event, by int64) error
	questions *scanner.Questions
	list      singleflight.Group // of people who ask at once, one looks into the folder
}

// What the folder's words are in the portal.
var (
	questionKinds = map[string]portal.QuestionKind{
		folder.DuplicatesDir: portal.QuestionDuplicate,
		folder.OtherLineDir:  portal.QuestionOtherLine,
		folder.StacksDir:     portal.QuestionStack,
	}
	answerWords = map[portal.AnswerKind]folder.Answer{
		portal.AnswerSame:    folder.Same,
		portal.AnswerAnother: folder.Another,
		portal.AnswerMistake: folder.Mistake,
		portal.AnswerHereToo: folder.HereToo,
		portal.AnswerSplit:   folder.Cut,
	}
)

// Questions implements portal.Intake.
func (i *intake) Questions(ctx context.Context) ([]portal.Question, error) {
	found := i.list.DoChan("", func() (any, error) { return i.questions.List() })
	var all []portal.Question
	var list []scanner.Question
	var err error
	select {
	case <-ctx.Done(): // a share that hangs
		return nil, ctx.Err()
	case result := <-found:
		list, err = result.Val.([]scanner.Question), result.Err
	}
	for _, q := range list {
		all = append(all, portal.Question{Token: q.Token, Site: i.site, Kind: questionKinds[q.Dir], Helpline: q.Helpline,
			Name: q.Name, Since: q.Since, Says: q.Says, Language: i.questions.Language().Tag()})
	}
	return all, err
}

// Stack implements portal.Intake.
func (i *intake) Stack(ctx context.Context, token string) (portal.Stack, error) {
	batch, err := i.questions.Stack(ctx, token)
	if err != nil {
		return portal.Stack{}, inPortal(err)
	}
	return portal.Stack{Pages: len(batch.Pages), Begins: batch.Cuts.Begins, Sheets: batch.Cuts.LeaveOut,
		Doubtful: batch.Doubtful(), Coded: batch.Coded(), Says: batch.Says(i.questions.Language())}, nil
}

// Thumbnail implements portal.Intake.
func (i *intake) Thumbnail(ctx context.Context, token string, page int) ([]byte, error) {
	jpeg, err := i.questions.Thumbnail(ctx, token, page)
	return jpeg, inPortal(err)
}

// Answer implements portal.Intake. A crash after the entry leaves it, and a question that
// still waits.
func (i *intake) Answer(ctx context.Context, token string, a portal.Answer) error {
	if err := i.record(ctx, a.Entry, a.By); err != nil {
		return fmt.Errorf("%w: %w", portal.ErrNotRecorded, err)
	}
	return inPortal(i.questions.Answer(ctx, token, answerWords[a.Kind], separator.Cuts{Begins: a.Begins, LeaveOut: a.Sheets, Despite: a.Despite}))
}

// intakes is the folder of this process, and what scanners on other machines ask. No
// token is of both.
type intakes struct{ here, apart portal.Intake }

// Questions implements portal.Intake.
func (i intakes) Questions(ctx context.Context) ([]portal.Question, error) {
	var apart []portal.Question
	var failed error
	asked := make(chan struct{})
	go func() { // while the folder hangs, as shares do
		defer close(asked)
		apart, failed = i.apart.Questions(ctx)
	}()
	here, err := i.here.Questions(ctx)
	<-asked
	all := append(here, apart...)
	slices.SortStableFunc(all, func(a, b portal.Question) int { return a.Since.Compare(b.Since) })
	return all, errors.Join(err, failed)
}

// of is the one whose token this is.
func (i intakes) of(token string) portal.Intake {
	if letter.ValidToken(token) {
		return i.here
	}
	return i.apart
}

// Stack implements portal.Intake.
func (i intakes) Stack(ctx context.Context, token string) (portal.Stack, error) {
	return i.of(token).Stack(ctx, token)
}

// Thumbnail implements portal.Intake.
func (i intakes) Thumbnail(ctx context.Context, token string, page int) ([]byte, error) {
	return i.of(token).Thumbnail(ctx, token, page)
}

// Answer implements portal.Intake.
func (i intakes) Answer(ctx context.Context, token string, a portal.Answer) error {
	return i.of(token).Answer(ctx, token, a)
}

// inPortal turns the scanner's errors into the portal's.
func inPortal(err error) error {
	if errors.Is(err, scanner.ErrAnswered) {
		return portal.ErrAnswered
	}
	for cuts, says := range badCuts {
		if errors.Is(err, cuts) {
			return portal.BadAnswer{Says: says}
		}
	}
	return err
}

// badCuts says what is wrong with where a person would cut a stack.
var badCuts = map[error]string{
	separator.ErrCutsSheet:  "A page that bears the code of a separator or cover sheet would become part of a letter. Leave that page out; or, if a letter’s page is there, tick that.",
	separator.ErrCutsBegin:  "After a sheet that is left out a new letter has to begin, and the first page that stays has to begin one.",
	separator.ErrCutsNobody: "A letter cannot begin on a page that is left out.",
	separator.ErrCutsNone:   "Say at least of one page that a letter begins there.",
	separator.ErrCutsOrder:  "These are not the pages of this stack. Load the page again.",
}
