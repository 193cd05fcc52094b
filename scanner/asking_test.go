package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
)

// looks waits until a look at a scan that is under way has ended.
func (o *office) looks() {
	if l := o.asking.look; l != nil {
		<-l.done
	}
}

// answers leaves the server's list of answers, and lets the edge hear it.
func (o *office) answers(list ...letter.Answer) {
	o.Helper()
	o.leavesAnswers(letter.Answers{Site: "office", At: o.now.UTC().Truncate(time.Second), Answers: list})
}

func (o *office) leavesAnswers(said letter.Answers) {
	o.Helper()
	msg, err := said.Sign(o.server)
	if err != nil {
		o.Fatal(err)
	}
	o.replace(letter.AnswersKey("office"), msg)
}

// asks lets so much time pass, in steps of a quarter of a minute, and every look end.
func (o *office) asks(d time.Duration) {
	o.Helper()
	for ; d > 0; d -= 15 * time.Second {
		o.pass(3)
		o.looks()
		o.now = o.now.Add(12 * time.Second)
	}
	o.pass(3)
}

// unsealed is what was sealed to whichever week.
func (o *office) unsealed(data []byte) []byte {
	o.Helper()
	plain, err := age.Decrypt(bytes.NewReader(data), o.weeks)
	if err != nil {
		o.Fatal(err)
	}
	all, err := io.ReadAll(plain)
	if err != nil {
		o.Fatal(err)
	}
	return all
}

// seenQuestion is a question as the server reads it.
type seenQuestion struct {
	letter.Question
	pages [][]byte
}

// asked is what lies in the bucket of questions, by token.
func (o *office) asked() map[string]seenQuestion {
	o.Helper()
	all := map[string]seenQuestion{}
	for _, key := range o.keys(letter.IncomingPrefix) {
		_, token, is := letter.SplitAsked(key)
		if !is || key != letter.AskedKey("office", token) {
			continue
		}
		msg, err := o.bucket.Get(o.Context(), key)
		if err != nil {
			o.Fatal(err)
		}
		a, err := letter.OpenAsked(msg, o.site)
		if err != nil || a.Token != token {
			o.Fatalf("%v, of %s", err, a.Token)
		}
		q, err := letter.ReadQuestion(o.unsealed(a.Question))
		if err != nil {
			o.Fatal(err)
		}
		seen := seenQuestion{Question: q}
		if a.Pages != nil {
			sealed, err := o.bucket.Get(o.Context(), letter.AskedPagesKey("office", token))
			if err != nil {
				o.Fatal(err)
			}
			if sum := sha256.Sum256(sealed); int64(len(sealed)) != a.Pages.Size || hex.EncodeToString(sum[:]) != a.Pages.SHA256 {
				o.Error("other pages lie there than are said")
			}
			if seen.pages, err = letter.ReadPages(o.unsealed(sealed), q.Pages); err != nil {
				o.Fatal(err)
			}
		}
		all[token] = seen
	}
	return all
}

// reported is the newest report.
func (o *office) reported() letter.Report {
	o.Helper()
	msg, err := o.bucket.Get(o.Context(), letter.ReportKey("office"))
	if errors.Is(err, fs.ErrNotExist) {
		return letter.Report{}
	}
	if err != nil {
		o.Fatal(err)
	}
	r, err := letter.OpenReport(msg, o.site)
	if err != nil {
		o.Fatal(err)
	}
	return r
}

// withServerApart is an office whose server is on another machine, and counts the
// objects of questions that it puts.
func withServerApart(t *testing.T, how func(op, key string) fault) (o *office, puts *int) {
	puts = new(int)
	o = newOffice(t, func(o *office) {
		o.cfg.Asks, o.cfg.Reports = true, true
		o.cfg.Store = &faulty{Store: o.cfg.Store, on: func(op, key string) fault {
			if _, _, is := letter.SplitAsked(key); is && op == "put" {
				*puts++
			}
			return how(op, key)
		}}
	})
	return o, puts
}

func allWorks(string, string) fault { return works }

// A scan that may be a duplicate is asked about across the bucket once the server has
// said that it hears: nothing in a key or a report tells its name. The answer moves it,
// and whatever comes of that answer later moves nothing.
func TestADuplicateIsAskedAcrossTheBucket(t *testing.T) {
	o, puts := withServerApart(t, allWorks)
	scan := sampleLetter(1)
	o.taken("monday.jpg", scan)
	o.taken("mrs-smith.jpg", scan)
	o.asks(3 * time.Minute)
	if r := o.reported(); *puts > 0 || len(r.Questions) != 0 || r.Folders[0].Asked != 1 {
		t.Fatalf("an older server is asked %d times, and told %+v", *puts, r)
	}
	o.answers()
	o.asks(3 * time.Minute)
	list, r := o.asked(), o.reported()
	if len(list) != 1 || *puts != 3 || len(r.Questions) != 1 {
		t.Fatalf("%d objects put, %d questions, reported %v", *puts, len(list), r.Questions)
	}
	token := r.Questions[0]
	q := list[token]
	if q.Kind != letter.AsksDuplicate || q.Helpline != line || q.Name != "mrs-smith.jpg" || q.Pages != 1 || len(q.pages) != 1 || !strings.HasPrefix(string(q.pages[0]), "\xff\xd8") ||
		!strings.Contains(q.Says, "scanned before") {
		t.Errorf("it is asked: %+v", q.Question)
	}

	// After a start nothing is put again, and the report takes no question back.
	o.restart()
	o.asks(3 * time.Minute)
	if r := o.reported(); *puts != 3 || len(r.Questions) != 1 || r.Questions[0] != token {
		t.Errorf("after a start %d objects are put, and %v is asked", *puts-3, r.Questions)
	}
	o.now = o.now.Add(25 * time.Hour)
	o.answers() // as each day
	o.asks(2 * time.Minute)
	if *puts != 5 {
		t.Errorf("within a day it is put anew as %d objects", *puts-3)
	}

	o.answers(letter.Answer{Token: token, Answer: letter.AnswerSplit, Begins: []int{1}}, letter.Answer{Token: strings.Repeat("0f", 16), Answer: letter.AnswerSame})
	o.asks(time.Minute)
	if len(o.given("duplicates")) != 2 {
		t.Fatal("a duplicate is cut like a stack")
	}
	o.answers(letter.Answer{Token: token, Answer: letter.AnswerAnother})
	o.asks(3 * time.Minute)
	if n := len(o.verify()); n != 2 || len(o.given("duplicates")) != 0 || len(o.reported().Questions) != 0 {
		t.Fatalf("%d letters, and left are %v", n, slices.Collect(maps.Keys(o.given("duplicates"))))
	}
	// The answer lies there still. Another scan of that name, and of those bytes, is
	// asked about anew.
	o.taken("mrs-smith.jpg", scan)
	o.asks(3 * time.Minute)
	if r := o.reported(); len(r.Questions) != 1 || r.Questions[0] == token || len(o.verify()) != 2 {
		t.Errorf("an old answer acts on another scan: %v", r.Questions)
	}
	for _, key := range o.keys("") {
		if strings.Contains(key, "smith") {
			t.Errorf("a key tells the name: %s", key)
		}
	}
}

// What an edge is told by somebody else, of another scanner, too late or too early it
// does not do; nor does it ask a server that has not been heard of for days.
func TestOnlyTheServersNewestAnswersAreHeard(t *testing.T) {
	o, puts := withServerApart(t, allWorks)
	scan := sampleLetter(1)
	o.taken("monday.jpg", scan)
	o.taken("again.jpg", scan)
	o.answers()
	o.asks(3 * time.Minute)
	token := o.reported().Questions[0]
	answer := []letter.Answer{{Token: token, Answer: letter.AnswerAnother}}
	at := func() time.Time { return o.now.UTC().Truncate(time.Second) }
	for what, said := range map[string]letter.Answers{
		"another scanner's": {Site: "annexe", At: at(), Answers: answer},
		"an older list":     {Site: "office", At: at().Add(-time.Hour), Answers: answer},
		"a list to come":    {Site: "office", At: at().Add(24 * time.Hour), Answers: answer},
		"a newer word":      {Site: "office", At: at(), Answers: []letter.Answer{{Token: token, Answer: "burn-it"}}},
		"another's answer":  {Site: "office", At: at(), Answers: []letter.Answer{{Token: token, Answer: letter.AnswerHereToo}}},
	} {
		o.leavesAnswers(said)
		o.asks(time.Minute)
		if len(o.given("duplicates")) != 2 {
			t.Fatalf("%s moves a scan", what)
		}
	}
	// A file that has taken the name, in the very moment.
	o.asks(time.Minute)
	o.asking.answers = answer
	twin := filepath.Join(o.cfg.Folder, line, "duplicates", "again.jpg")
	other := sampleLetter(2)
	if err := errors.Join(os.Rename(twin, twin+".away"), os.WriteFile(twin, other, 0o600)); err != nil {
		t.Fatal(err)
	}
	if err := o.obey(); err != nil || o.given("duplicates")["again.jpg"] != string(other) {
		t.Fatalf("an answer moves another scan: %v", err)
	}
	o.asking.answers = nil
	if err := os.Rename(twin+".away", twin); err != nil {
		t.Fatal(err)
	}
	forged, err := letter.Answers{Site: "office", At: at(), Answers: answer}.Sign(o.Signer)
	if err != nil {
		t.Fatal(err)
	}
	o.replace(letter.AnswersKey("office"), forged)
	o.asks(time.Minute)
	if len(o.given("duplicates")) != 2 {
		t.Fatal("what the server has not signed moves a scan")
	}
	if token != o.reported().Questions[0] {
		t.Error("the question is taken back")
	}
	before := *puts
	o.now = o.now.Add(72 * time.Hour)
	o.asks(12 * time.Minute)
	if r := o.reported(); *puts != before || len(r.Questions) != 0 {
		t.Errorf("a server that is silent for days is asked, as %d objects", *puts-before)
	}
	before = *puts
	o.restart()
	o.answers()
	o.asks(3 * time.Minute)
	if r := o.reported(); *puts != before+3 || len(r.Questions) != 1 || r.Questions[0] != token {
		t.Errorf("once it speaks again it is asked, as %d objects, %v", *puts-before, r.Questions)
	}
	o.answers(answer...)
	o.asks(3 * time.Minute)
	if len(o.verify()) != 2 {
		t.Error("once it speaks again its answer is not heard")
	}
}

// Whatever the store does to any one object of a question, it is asked, with its pages.
func TestAQuestionIsAskedWhateverTheStoreDoes(t *testing.T) {
	for kind, how := range map[string]fault{"fails": fails, "loses the answer": loses, "denies": denies} {
		for broken := 1; broken <= 3; broken++ {
			nth := 0
			o, _ := withServerApart(t, func(op, key string) fault {
				if _, _, is := letter.SplitAsked(key); !is || op != "put" {
					return works
				}
				if nth++; nth == broken {
					return how
				}
				return works
			})
			scan := sampleLetter(1)
			o.answers()
			o.taken("monday.jpg", scan)
			o.taken("again.jpg", scan)
			o.asks(5 * time.Minute)
			if list := o.asked(); len(list) != 1 || len(list[o.reported().Questions[0]].pages) != 1 {
				t.Errorf("object %d: the store %s, and asked is %+v", broken, kind, list)
			}
			o.close()
		}
	}
}

// A scan that has come is taken first: the look at another that waits is given up, and
// made again when there is nothing else to do.
func TestALetterComesBeforeALook(t *testing.T) {
	o, _ := withServerApart(t, allWorks)
	scan := sampleLetter(1)
	o.answers()
	o.taken("monday.jpg", scan)
	o.taken("again.jpg", scan)
	works := o.Workshop
	o.Workshop = endless{works}
	for range 100 {
		if o.asking.look != nil {
			break
		}
		o.pass(1)
	}
	l := o.asking.look
	if l == nil {
		t.Fatal("it never looks")
	}
	if err := o.tendOnce(false); err != nil {
		t.Fatal(err)
	}
	<-l.done
	if !errors.Is(l.err, context.Canceled) {
		t.Fatalf("the look is not given up: %v", l.err)
	}
	o.Workshop = works
	o.asks(2 * time.Minute)
	if q := o.asked()[o.reported().Questions[0]]; q.Pages != 1 {
		t.Errorf("it is never looked at again: %+v", q.Question)
	}
}

// endless is a workshop in which a scan takes until nobody waits for it.
type endless struct{ Workshop }

func (endless) Normalise(ctx context.Context, _, _ disk.File) (pdf.Result, error) {
	<-ctx.Done()
	return pdf.Result{}, ctx.Err()
}

// tendOnce is a pass's turn for questions.
func (o *office) tendOnce(idle bool) error {
	o.patienceLeft = o.patience
	o.tendQuestions(o.Context(), idle)
	return o.Context().Err()
}

// A stack that cannot be looked at is asked about, and it is said that it cannot.
func TestAScanThatCannotBeSeenIsAskedAbout(t *testing.T) {
	o, _ := withServerApart(t, allWorks)
	scan := sampleLetter(1)
	o.answers()
	o.taken("monday.jpg", scan)
	o.taken("again.jpg", scan)
	o.cfg.Workshop = stepping{o.cfg.Workshop, o, true}
	o.restart()
	o.asks(3 * time.Minute)
	token := o.reported().Questions[0]
	if q := o.asked()[token]; q.Unseen != letter.UnseenFailed {
		t.Errorf("it is asked: %+v", q.Question)
	}
	o.cfg.Workshop = children(t)
	o.restart()
	o.now = o.now.Add(90 * time.Minute)
	o.asks(time.Minute)
	if q := o.asked()[token]; q.Unseen != "" || len(q.pages) != 1 {
		t.Errorf("once it can be looked at it is asked: %+v", q.Question)
	}
}

// heldApart brings a stack to its question, and the question to the server.
func heldApart(o *office) (token string) {
	o.Helper()
	o.answers()
	held(o)
	o.asks(3 * time.Minute)
	r := o.reported()
	if len(r.Questions) != 1 {
		o.Fatalf("asked are %v", r.Questions)
	}
	if note := o.given(folder.StacksDir)[secretStack+".txt"]; !strings.Contains(note, "the page Intake in Letterlock") {
		o.Errorf("its note does not name Letterlock: %q", note)
	}
	return r.Questions[0]
}

// A stack whose question is put, killed at each step of that.
func TestAQuestionKilledAtEveryStep(t *testing.T) {
	k := killing{bench: bench{Announced: 4, Asks: true}, name: secretStack, scan: stackScan()}
	k.begins = func(o *office) { held(o); o.answers() }
	k.ends = func(o *office) {
		o.ended(0)
		o.asks(2 * time.Minute)
		list, r := o.asked(), o.reported()
		if len(list) != 1 || len(r.Questions) != 1 || len(list[r.Questions[0]].pages) != 7 || !slices.Equal(list[r.Questions[0]].Sheets, []int{1, 4, 6}) {
			o.Errorf("reported %v, asked %+v", r.Questions, list)
		}
		if held := o.given(folder.StacksDir); held[secretStack] != string(k.scan) {
			o.Error("the stack is not held")
		}
	}
	k.at(t, "asked", 1)
	k.at(t, "asked-pages", 1)
	k.at(t, "asked", 2)
}

// And when a person has seen, on the other machine, that the first letter is two.
func TestAStackCutApartKilledAtEveryStep(t *testing.T) {
	k := killing{bench: bench{Announced: 4, Asks: true}, name: secretStack, scan: stackScan()}
	k.begins = func(o *office) {
		o.answers(letter.Answer{Token: heldApart(o), Answer: letter.AnswerSplit, Begins: []int{2, 3, 5, 7}, Sheets: []int{1, 4, 6}})
	}
	k.ends = func(o *office) {
		o.isCut(k.scan, 1, 1, 1, 1)
		o.asks(2 * time.Minute)
		if r := o.reported(); len(r.Questions) != 0 {
			o.Errorf("still asked are %v", r.Questions)
		}
	}
	for _, step := range slices.Concat([]string{"answer-kept", "answer-given"}, answered) {
		k.at(t, step, 1)
	}
}

// Cuts of which no letters can come, made where nobody could try them, take nothing: the
// stack is asked about anew, and the old answer is no answer to that.
func TestCutsThatCannotBeAreAskedAboutAnew(t *testing.T) {
	o := buildOffice(t, t.TempDir(), newSecrets(t))
	o.sit(bench{Announced: 4, Asks: true})
	o.drop(line+"/"+secretStack, stackScan())
	o.open()
	token := heldApart(o)
	o.answers(letter.Answer{Token: token, Answer: letter.AnswerSplit, Begins: []int{2, 400}, Sheets: []int{1}})
	o.asks(3 * time.Minute)
	if r := o.reported(); len(o.verify()) != 0 || len(r.Questions) != 1 || r.Questions[0] == token {
		t.Fatalf("asked are %v, and before that %s", r.Questions, token)
	}
	if held := o.given(folder.StacksDir); len(held) != 2 {
		t.Errorf("held are %v", slices.Collect(maps.Keys(held)))
	}
}

// A scan is out of sight for a report, which takes its question back: the server removes
// it. Once the scan lies there again it is asked about anew within minutes.
func TestAScanThatIsAwayForAReportIsAskedAboutAgain(t *testing.T) {
	o, puts := withServerApart(t, allWorks)
	scan := sampleLetter(1)
	o.taken("monday.jpg", scan)
	o.taken("again.jpg", scan)
	o.answers()
	o.asks(3 * time.Minute)
	token, before := o.reported().Questions[0], *puts
	lies := filepath.Join(o.cfg.Folder, line, "duplicates", "again.jpg")
	away := filepath.Join(o.base, "away.jpg")
	if err := os.Rename(lies, away); err != nil {
		t.Fatal(err)
	}
	o.asks(3 * time.Minute)
	if r := o.reported(); len(r.Questions) != 0 {
		t.Fatalf("it is asked about still: %v", r.Questions)
	}
	if err := os.Rename(away, lies); err != nil {
		t.Fatal(err)
	}
	o.answers()
	o.asks(4 * time.Minute)
	if r := o.reported(); !slices.Equal(r.Questions, []string{token}) || *puts != before+3 || len(o.asked()[token].pages) != 1 {
		t.Errorf("%d objects are put, and asked is %v", *puts-before, r.Questions)
	}
}
