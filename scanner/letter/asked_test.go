package letter

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
)

const aToken = "0123456789abcdef0123456789abcdef"

// What a scanner asks is believed under its own signature, for one scan, and its keys
// are no manifest's.
func TestAsked(t *testing.T) {
	office, officePub := keys(t, "office")
	annexe, annexePub := keys(t, "annexe")
	good := func() Asked {
		return Asked{Site: "office", Token: aToken, Week: "x2027-W21", Question: []byte("sealed"), Pages: &AskedPages{Size: 9, SHA256: strings.Repeat("0a", 32)}}
	}
	sign := func(a Asked, by note.Signer) []byte {
		t.Helper()
		msg, err := a.Sign(by)
		if err != nil {
			t.Fatal(err)
		}
		return msg
	}
	if a, err := OpenAsked(sign(good(), office), officePub); err != nil || !cmp.Equal(a, good()) {
		t.Errorf("read as %+v, %v", a, err)
	}
	if _, err := OpenAsked(sign(good(), office), annexePub); err == nil {
		t.Error("another scanner's key opens it")
	}
	if _, err := OpenAsked(sign(good(), annexe), annexePub); err == nil {
		t.Error("one scanner speaks for another")
	}
	if _, err := OpenReport(sign(good(), office), officePub); err == nil {
		t.Error("it is taken for a report")
	}
	for what, change := range map[string]func(*Asked){
		"a name for a token":   func(a *Asked) { a.Token = "Mrs Smith.pdf" },
		"a token in capitals":  func(a *Asked) { a.Token = strings.ToUpper(aToken) },
		"no week":              func(a *Asked) { a.Week = "2027" },
		"no question":          func(a *Asked) { a.Question = nil },
		"too long a question":  func(a *Asked) { a.Question = make([]byte, 2*maxQuestion+1) },
		"pages without size":   func(a *Asked) { a.Pages.Size = 0 },
		"too many pages":       func(a *Asked) { a.Pages.Size = 2 * MaxPagesSize },
		"a hash that is none":  func(a *Asked) { a.Pages.SHA256 = "0a" },
		"longer than any note": func(a *Asked) { a.Question = make([]byte, maxStatement) },
	} {
		a := good()
		change(&a)
		if _, err := OpenAsked(sign(a, office), officePub); err == nil {
			t.Errorf("%s is believed", what)
		}
	}
	for _, key := range []string{AskedKey("office", aToken), AskedPagesKey("office", aToken)} {
		if site, token, ok := SplitAsked(key); site != "office" || token != aToken || !ok {
			t.Errorf("%s is read as %q, %q, %v", key, site, token, ok)
		}
		if _, _, ok := SplitIncoming(key); ok {
			t.Errorf("%s is taken for a manifest's", key)
		}
		if _, ok := SplitReport(key); ok {
			t.Errorf("%s is taken for a report's", key)
		}
	}
	for _, key := range []string{ReportKey("office"), "incoming/office/asked/Mrs Smith", "incoming/office/again/" + aToken, "incoming/a/b/asked/" + aToken, "receipts/office/asked/" + aToken} {
		if _, _, ok := SplitAsked(key); ok {
			t.Errorf("%s is taken for a question's", key)
		}
	}
}

// A question is read as it was written, whatever a file is called; and nothing that a
// stolen scanner seals is more than a question.
func TestQuestion(t *testing.T) {
	at := time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)
	good := func() Question {
		return Question{Kind: AsksStack, Helpline: "respect-phoneline", Since: at, Says: "Page 2 may be a sheet.", Name: "<b>\u202eMrs Smith.pdf",
			Pages: 4, Begins: []int{1, 3}, Sheets: []int{2}, Doubtful: []int{2}, Coded: []int{2}, Look: "Look at page 2.", Language: "cy"}
	}
	data, err := good().Write()
	if err != nil {
		t.Fatal(err)
	}
	if q, err := ReadQuestion(data); err != nil || !cmp.Equal(q, good()) {
		t.Errorf("read as %+v, %v", q, err)
	}
	long := good()
	long.Name, long.Says, long.Look = "\xff"+strings.Repeat("ä", maxAskedText), strings.Repeat("<", 2*maxAskedText), "\xfe"
	long.Pages = MaxAskedPages
	if data, err = long.Write(); err != nil {
		t.Fatal(err)
	}
	if q, err := ReadQuestion(data); err != nil || len(q.Name) > maxAskedText || q.Look != "" {
		t.Errorf("a name of %d bytes: %v", len(q.Name), err)
	}
	for what, change := range map[string]func(*Question){
		"another kind":            func(q *Question) { q.Kind = "invoice" },
		"a name for a helpline":   func(q *Question) { q.Helpline = "Mrs Smith" },
		"no time":                 func(q *Question) { q.Since = time.Time{} },
		"no pages":                func(q *Question) { q.Pages = 0 },
		"too many pages":          func(q *Question) { q.Pages = MaxAskedPages + 1 },
		"pages that are unseen":   func(q *Question) { q.Unseen = UnseenYet },
		"unseen for no reason":    func(q *Question) { *q = Question{Kind: q.Kind, Helpline: q.Helpline, Since: at, Unseen: "so"} },
		"a page before the first": func(q *Question) { q.Begins = []int{0, 1} },
		"a page after the last":   func(q *Question) { q.Sheets = []int{5} },
		"a page twice":            func(q *Question) { q.Doubtful = []int{2, 2} },
		"a name for a language":   func(q *Question) { q.Language = "Mrs Smith" },
		"pages backwards":         func(q *Question) { q.Coded = []int{3, 1} },
	} {
		q := good()
		change(&q)
		data, err := q.Write()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ReadQuestion(data); err == nil {
			t.Errorf("%s is believed", what)
		}
	}
}

func FuzzQuestionAndPages(f *testing.F) {
	f.Add([]byte(`{"kind":"stack","helpline":"a","since":"2026-11-24T14:02:00Z","pages":2,"begins":[1]}`))
	f.Add([]byte{0, 0, 0, 1, 7, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		if q, err := ReadQuestion(data); err == nil {
			again, err := q.Write()
			if err != nil {
				t.Fatal(err)
			}
			if back, err := ReadQuestion(again); err != nil || !cmp.Equal(q, back) {
				t.Errorf("%+v comes back as %+v, %v", q, back, err)
			}
		}
		for n := range 4 {
			pages, err := ReadPages(data, n)
			if err != nil {
				continue
			}
			if again, ok := WritePages(pages); !ok || !bytes.Equal(again, data) {
				t.Errorf("%d pages come back otherwise", n)
			}
		}
	})
}

func TestPagesOfAQuestion(t *testing.T) {
	pages := [][]byte{[]byte("one"), {}, []byte("three")}
	data, ok := WritePages(pages)
	if !ok {
		t.Fatal("three small pages are too large")
	}
	if got, err := ReadPages(data, 3); err != nil || !cmp.Equal(got, pages) {
		t.Errorf("read as %q, %v", got, err)
	}
	for n := range 5 {
		if _, err := ReadPages(data, n); (err == nil) != (n == 3) {
			t.Errorf("as %d pages: %v", n, err)
		}
	}
	for cut := range data {
		if _, err := ReadPages(data[:cut], 3); err == nil {
			t.Errorf("cut off after %d bytes they are read", cut)
		}
	}
	if _, ok := WritePages(make([][]byte, MaxAskedPages+1)); ok {
		t.Error("too many pages are written")
	}
	if _, ok := WritePages([][]byte{make([]byte, MaxPagesSize)}); ok {
		t.Error("too large a page is written")
	}
}

// What the server says people have answered is believed under its own signature alone,
// and as a whole or not at all.
func TestAnswers(t *testing.T) {
	server, serverPub := keys(t, "server")
	_, officePub := keys(t, "office")
	at := time.Date(2026, 11, 24, 14, 2, 0, 0, time.UTC)
	good := func() Answers {
		return Answers{Site: "office", At: at, Answers: []Answer{
			{Token: aToken, Answer: AnswerSplit, Begins: []int{1, 3}, Sheets: []int{2}, Despite: []int{3}},
			{Token: strings.Repeat("0f", 16), Answer: AnswerSame}}}
	}
	msg, err := good().Sign(server)
	if err != nil {
		t.Fatal(err)
	}
	if a, err := OpenAnswers(msg, serverPub); err != nil || !cmp.Equal(a, good()) {
		t.Errorf("read as %+v, %v", a, err)
	}
	if _, err := OpenAnswers(msg, officePub); err == nil {
		t.Error("another's key opens it")
	}
	if _, err := OpenAgain(msg, serverPub); err == nil {
		t.Error("it is taken for another list")
	}
	for what, change := range map[string]func(*Answers){
		"no site":            func(a *Answers) { a.Site = "" },
		"no time":            func(a *Answers) { a.At = time.Time{} },
		"a name for a token": func(a *Answers) { a.Answers[0].Token = "Mrs Smith" },
		"a token twice":      func(a *Answers) { a.Answers[1].Token = aToken },
		"a sentence":         func(a *Answers) { a.Answers[1].Answer = "Mrs Smith wrote it" },
		"pages backwards":    func(a *Answers) { a.Answers[0].Begins = []int{3, 1} },
		"a page beyond any":  func(a *Answers) { a.Answers[0].Sheets = []int{MaxAskedPages + 1} },
		"too many answers":   func(a *Answers) { a.Answers = make([]Answer, MaxQuestions+1) },
	} {
		a := good()
		change(&a)
		if msg, err = a.Sign(server); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenAnswers(msg, serverPub); err == nil {
			t.Errorf("%s is believed", what)
		}
	}
	// The largest list that the server may have to say is read.
	full, pages := Answers{Site: "office", At: at}, make([]int, MaxAskedPages)
	for i := range pages {
		pages[i] = i + 1
	}
	for i := range MaxQuestions {
		full.Answers = append(full.Answers, Answer{Token: aToken[:29] + string("0123456789"[i/100]) + string("0123456789"[i/10%10]) + string("0123456789"[i%10]), Answer: AnswerSplit, Begins: pages, Sheets: pages, Despite: pages})
	}
	if msg, err = full.Sign(server); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenAnswers(msg, serverPub); err != nil {
		t.Errorf("the largest list of %d bytes: %v", len(msg), err)
	}
}
