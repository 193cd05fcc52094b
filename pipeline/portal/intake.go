package portal

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"letterlock/pipeline/register"
)

// Intake is what scanner folders ask of operations, that of this machine or others. It
// is used by many people at once. Its calls return when their context ends, and
// their errors name no file: they go into the log.
type Intake interface {
	// Questions lists what waits for an answer, oldest first; beside an error, what
	// could be read all the same. It is called for every page that operations see, and
	// looks at no scan.
	Questions(ctx context.Context) ([]Question, error)
	// Stack looks at the scan of a question page by page; slow the first time.
	// The error is ErrAnswered for a token that stands for nothing (any more), and for a
	// scan on another machine ErrNotLookedAt or ErrNotToBeSeen.
	Stack(ctx context.Context, token string) (Stack, error)
	// Thumbnail is one page of it as a small JPEG, from 1.
	Thumbnail(ctx context.Context, token string, page int) ([]byte, error)
	// Answer puts a person's answer on record and gives it; where people may answer at
	// several servers at once, both in one. The error is ErrAnswered, ErrNotRecorded where
	// for that reason nothing was given, or a BadAnswer for letters that cannot be; after
	// any other the answer may have arrived.
	Answer(ctx context.Context, token string, a Answer) error
}

// The kinds of question and answer are the register's words.
type (
	QuestionKind = register.QuestionKind
	AnswerKind   = register.AnswerKind
)

const (
	QuestionDuplicate = register.QuestionDuplicate
	QuestionOtherLine = register.QuestionOtherLine
	QuestionStack     = register.QuestionStack

	AnswerSame    = register.AnswerSame
	AnswerAnother = register.AnswerAnother
	AnswerMistake = register.AnswerMistake
	AnswerHereToo = register.AnswerHereToo
	AnswerSplit   = register.AnswerSplit
)

// Question is a scan that waits for a person.
type Question struct {
	Token    string // stands for this very file in addresses; says nothing of its name
	Site     string // of the scanner that asks
	Kind     QuestionKind
	Helpline string
	Name     string // of the file, for the eyes of operations: in the page and nowhere else
	Since    time.Time
	Says     string // what is wrong, in plain words
	Language string // of that and of Stack.Says, as browsers know it; empty for en-GB
	// Answered is when a person has answered, where the scanner is on another machine and
	// has not said yet that it knows; zero while nobody has.
	Answered time.Time
}

// Lang is its language, for the page.
func (q Question) Lang() string { return cmp.Or(q.Language, "en-GB") }

// Stack is what was seen of a question's scan.
type Stack struct {
	Pages  int
	Begins []int // the pages, from 1, on which a letter would begin
	Sheets []int // the pages that are separator sheets or their backs
	// Doubtful are those of Sheets that may be a letter's: nothing is proposed for
	// them, so that none is left out because nobody looked.
	Doubtful []int
	Coded    []int  // the pages that bear a sheet's code
	Says     string // what to look at, in plain words; may be empty
}

// Answer is what a person answers. Begins and Sheets are for AnswerSplit: on
// which pages, from 1 and ascending, a letter begins, and which are separator
// sheets that leave. Despite are those of Stack.Coded that are a letter's all the same.
type Answer struct {
	Kind                    AnswerKind
	Begins, Sheets, Despite []int

	Entry register.ScanAnswered // how it is on record, as whose
	By    int64
}

// ErrAnswered is what an Intake returns for a token that it does not know.
var ErrAnswered = errors.New("the question is answered, or its file is gone")

// ErrNotRecorded is what an Intake returns of an answer that it could not put on record.
var ErrNotRecorded = errors.New("the answer could not be recorded")

// ErrNotLookedAt is what an Intake returns for a scan at which its scanner has not yet
// had the time to look, and ErrNotToBeSeen for one that it cannot show.
var (
	ErrNotLookedAt = errors.New("the scanner has not looked at the scan yet")
	ErrNotToBeSeen = errors.New("the scanner cannot show the scan's pages")
)

// BadAnswer is the error of an Intake to which letters cannot be cut like that.
type BadAnswer struct{ Says string } // for the person, in plain words

func (b BadAnswer) Error() string { return "the stack cannot be split like that" }

// folderPatience is how long a page waits for the scanner folder to be looked
// into: one that hangs, as shares do, must not take the desk with it.
const folderPatience = 5 * time.Second

// waiting is what waits for an answer, asked once for each visit.
func (p *Portal) waiting(v *visit) ([]Question, error) {
	if p.cfg.Intake == nil {
		return nil, nil
	}
	if v.waits == nil {
		// Stands if the call panics: the page that says so has a menu too.
		v.waits = &waits{err: errors.New("looking into the scanner folder did not end")}
		found, err := p.questions(v.Context())
		v.waits = &waits{found, err}
	}
	return v.waits.questions, v.waits.err
}

// unanswered counts what waits for a person.
func unanswered(found []Question) (n int) {
	for _, q := range found {
		if q.Answered.IsZero() {
			n++
		}
	}
	return n
}

// waits is what Intake.Questions returned: both, where one folder of several failed.
type waits struct {
	questions []Question
	err       error
}

func (p *Portal) questions(ctx context.Context) ([]Question, error) {
	ctx, cancel := context.WithTimeout(ctx, folderPatience)
	defer cancel()
	found, err := p.cfg.Intake.Questions(ctx)
	if err != nil {
		err = fmt.Errorf("listing what the scanner folder asks: %w", err)
	}
	return found, err
}

// question is the one that the visit's address names.
func (p *Portal) question(v *visit) (Question, error) {
	found, err := p.waiting(v)
	return pickedOf(found, err, v.PathValue("token"))
}

// pickedOf is the question of that token. Where one folder cannot be read, those of the
// others can be answered all the same.
func pickedOf(found []Question, failed error, token string) (Question, error) {
	q, err := pickQuestion(found, token)
	if err != nil && failed != nil {
		err = because(folderDown, failed)
	}
	return q, err
}

func pickQuestion(found []Question, token string) (Question, error) {
	i := slices.IndexFunc(found, func(q Question) bool { return q.Token == token && q.Answered.IsZero() })
	if i < 0 {
		return Question{}, ErrAnswered
	}
	return found[i], nil
}

// lookLimit is how long a first look at a scan may take: at some 150 ms a page
// it is enough for thousands of them on a slow machine.
const lookLimit = 10 * time.Minute

// unhurried is a context for what goes on when the person does not wait for it:
// a look is remembered, so that whoever loads the page again finds it done, and
// an answer that is on record must not stop half way.
func unhurried(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), lookLimit)
}

// give has the answer put on record and given.
func (p *Portal) give(v *visit, token string, a Answer, letters int) error {
	ctx, cancel := unhurried(v.Context())
	defer cancel()
	// One at a time: of two people who answer at once the second finds no
	// question, and no answer of hers goes on record.
	p.answering.Lock()
	defer p.answering.Unlock()
	found, err := p.questions(ctx)
	q, err := pickedOf(found, err, token)
	if err != nil {
		return err
	}
	a.Entry, a.By = register.ScanAnswered{Kind: q.Kind, Answer: a.Kind, Letters: letters, Despite: len(a.Despite)}, v.person.Number
	err = p.cfg.Intake.Answer(ctx, token, a)
	if _, bad := errors.AsType[BadAnswer](err); err == nil || bad || errors.Is(err, ErrAnswered) {
		return err
	}
	if errors.Is(err, ErrNotRecorded) {
		return because(answerNotRecorded, err)
	}
	return because(answerLost, fmt.Errorf("giving an answer: %w", err))
}
