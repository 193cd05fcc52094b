package register

import (
	"errors"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// What people answer of a scanner's questions is kept once, for that scanner, until it
// asks no more; an older report, and another scanner's, changes nothing.
func TestAnswersAreKeptWhileTheScannerAsks(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.must(d.AddEdge(ctx, "office", "office+00000000+AAAA"))
	one, two := strings.Repeat("0a", 16), strings.Repeat("0b", 16)
	at := d.Now().UTC().Truncate(time.Second)
	reports := func(site string, at time.Time, tokens ...string) {
		t.Helper()
		d.must(d.KeepReport(ctx, letter.Report{Site: site, At: at, Questions: tokens}))
	}
	kept := func(site string) (answers []GivenAnswer) {
		t.Helper()
		all, err := d.ScanAnswers(ctx)
		d.must(err)
		return all[site]
	}
	reports("office", at, one, two)
	d.must(d.AnswerScan(ctx, "office", letter.Answer{Token: one, Answer: letter.AnswerSplit, Begins: []int{1, 3}, Sheets: []int{2}}, ScanAnswered{Kind: QuestionStack, Answer: AnswerSplit}, 7))
	if err := d.AnswerScan(ctx, "office", letter.Answer{Token: one, Answer: letter.AnswerSame}, ScanAnswered{Kind: QuestionStack, Answer: AnswerSplit}, 7); !errors.Is(err, ErrAnswered) {
		t.Errorf("it is answered twice: %v", err)
	}
	d.must(d.AnswerScan(ctx, "annexe", letter.Answer{Token: one, Answer: letter.AnswerSame}, ScanAnswered{Kind: QuestionStack, Answer: AnswerSplit}, 7))
	reports("office", at.Add(-time.Minute))
	reports("annexe", at, one)
	reports("office", at.Add(time.Minute), two, one)
	if a := kept("office"); len(a) != 1 || a[0].Answer.Answer != letter.AnswerSplit || len(a[0].Begins) != 2 || !a[0].At.Equal(d.Now().UTC().Truncate(time.Millisecond)) {
		t.Fatalf("kept is %+v", a)
	}
	reports("office", at.Add(2*time.Minute), two)
	if a := kept("office"); len(a) != 0 || len(kept("annexe")) != 1 {
		t.Errorf("kept is %+v, and of another scanner %+v", a, kept("annexe"))
	}
	d.must(d.AnswerScan(ctx, "office", letter.Answer{Token: two, Answer: letter.AnswerAnother}, ScanAnswered{Kind: QuestionStack, Answer: AnswerSplit}, 7))
	d.must(d.RevokeEdge(ctx, "office", 0))
	if a := kept("office"); len(a) != 0 {
		t.Errorf("of a scanner that is revoked is kept %+v", a)
	}
}
