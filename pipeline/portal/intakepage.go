package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

const (
	intakeShows = 20  // questions the page lists, oldest first; of more there are further pages
	takenShows  = 100 // letters taken today, the latest
)

type intakeBody struct {
	Down      *problem // the folder cannot be read: what scanners elsewhere ask is there all the same
	Questions []Question
	From      int              // of all questions, that stand before these
	Next      int              // From of the next page; 0 where there is none
	Several   bool             // scanners are there, and each question has the name of its own
	Elsewhere bool             // something is asked in a folder alone
	Shows     int              // letters taken today
	ShowsDesk int              // papers to be scanned again
	Taken     []register.Entry // today's letters, newest first: their references, and nothing of what they say
	MoreTaken bool             // than are listed
	Scanners  []scannerBoard
	Again     []againPaper
}

// againPaper is a paper that is to be scanned again, since when somebody has said so.
type againPaper struct {
	register.Paper
	Since time.Time
	Late  bool // its scanner is told of it by a list: its letter outlives the months for which scanners seal
}

// intakePage lists what the scanner folder asks, which papers are to be scanned
// again, and what was taken today. It looks at no scan.
func (p *Portal) intakePage(w http.ResponseWriter, v *visit) error {
	found, failed := p.waiting(v)
	pg := page{Name: "intake", Title: texts.Say("intake.intake")}
	body := intakeBody{Shows: takenShows, ShowsDesk: deskShows}
	if failed != nil {
		p.logFailure(v, failed.Error())
		body.Down = folderDown
	}
	var err error
	body.Questions, body.From, body.Next = questionsFrom(found, wholeNumber(v.URL.Query().Get("from")))
	if body.Taken, body.MoreTaken, err = p.takenToday(v); err != nil {
		return err
	}
	if body.Scanners, err = p.scannerBoards(v, found); err != nil {
		return err
	}
	body.Several = len(body.Scanners) > 1 || slices.ContainsFunc(found, func(q Question) bool { return q.Site != found[0].Site })
	body.Elsewhere = slices.ContainsFunc(body.Scanners, func(b scannerBoard) bool { return b.Elsewhere > 0 })
	if body.Again, err = p.papersAgain(v, deskShows); err != nil {
		return err
	}
	pg.Body = body
	if v.URL.Query().Has("done") {
		if pg.Note, err = p.answerNote(v); err != nil {
			return err
		}
	}
	return p.ok(w, v, pg)
}

// questionsFrom is what one page lists of all questions, from which on, and from which
// on the next page goes; 0 for none. Questions that are answered meanwhile move those
// behind them to the front, where they are found on the first page.
func questionsFrom(found []Question, after int64) (some []Question, from, next int) {
	if after > 0 && after < int64(len(found)) {
		from = int(after)
	}
	if some = found[from:]; len(some) > intakeShows {
		some, next = some[:intakeShows], from+intakeShows
	}
	return some, from, next
}

// papersAgain is the papers that are to be scanned again, oldest first. A new scan
// that has been read back takes its paper off this list.
func (p *Portal) papersAgain(v *visit, limit int) (again []againPaper, err error) {
	papers, err := p.cfg.Register.Papers(v.Context(), register.PapersAgain, register.Place{}, limit)
	if err == nil {
		papers, err = p.unwalledPapers(v, papers)
	}
	if err != nil {
		return nil, err
	}
	return p.asked(v, papers)
}

// asked is why and since when each of the papers is to be scanned again.
func (p *Portal) asked(v *visit, papers []register.Paper) (again []againPaper, err error) {
	for _, paper := range papers {
		asked, err := p.cfg.Register.Entries(v.Context(), -1, "letter-scan-again", paper.Letter, 1)
		if err != nil {
			return nil, err
		}
		if len(asked) == 0 {
			return nil, errors.New("a paper is to be scanned again, and nobody has said so on the register")
		}
		l, err := p.cfg.Register.Letter(v.Context(), paper.Letter)
		if errors.Is(err, register.ErrNotFound) {
			continue // it has ended since
		}
		if err != nil {
			return nil, err
		}
		again = append(again, againPaper{paper, asked[0].At, l.ForgottenBy(letter.DateOf(p.cfg.Now()))})
	}
	return again, nil
}

// takenToday is the letters that were taken since the day began, but for those from which
// the visitor is walled off, and for scans of which there is a newer one.
func (p *Portal) takenToday(v *visit) (taken []register.Entry, more bool, err error) {
	taken, err = p.cfg.Register.Entries(v.Context(), -1, "letter-admitted", "", takenShows)
	if err != nil {
		return nil, false, err
	}
	walled, err := p.cfg.Register.WalledFrom(v.Context(), v.person.Number)
	if err != nil {
		return nil, false, err
	}
	begins, err := p.cfg.Register.EntriesBefore(v.Context(), letter.DateOf(p.cfg.Now()).Start())
	if err != nil {
		return nil, false, err
	}
	more = len(taken) == takenShows
	if before := slices.IndexFunc(taken, func(e register.Entry) bool { return e.N < begins }); before >= 0 {
		taken, more = taken[:before], false
	}
	taken = slices.DeleteFunc(taken, func(e register.Entry) bool { return slices.Contains(walled, e.Letter) })
	taken, err = p.notScannedSince(v, taken)
	return taken, more, err
}

// notScannedSince leaves out the scans whose paper has been scanned anew: their
// references are crossed out on it.
func (p *Portal) notScannedSince(v *visit, taken []register.Entry) (still []register.Entry, err error) {
	for _, e := range taken {
		if _, err := p.newerScan(v, e.Letter); errors.Is(err, register.ErrNotFound) {
			still = append(still, e)
		} else if err != nil {
			return nil, err
		}
	}
	return still, nil
}

// answerNote thanks for the answer that the person has just given, as the
// register has it: nothing is thanked for because an address says so.
func (p *Portal) answerNote(v *visit) (texts.Text, error) {
	entries, err := p.cfg.Register.Entries(v.Context(), -1, "scan-answered", "", perPage)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(entries, func(e register.Entry) bool { return e.By == v.person.Number })
	if i < 0 || p.cfg.Now().Sub(entries[i].At) > 5*time.Minute {
		return nil, nil
	}
	var d register.ScanAnswered
	if err := readEvent(entries[i], &d); err != nil {
		return nil, err
	}
	switch d.Answer {
	case AnswerSame:
		return texts.Say("intake.thank-you-it-is-recorded"), nil
	case AnswerAnother:
		return texts.Say("intake.thank-you-it-is-recorded-2"), nil
	case AnswerMistake:
		return texts.Say("intake.thank-you-it-is-recorded-3"), nil
	case AnswerHereToo:
		return texts.Say("intake.thank-you-it-is-recorded-4"), nil
	}
	return texts.Say("intake.thank-you-it-is-recorded-5", "n", d.Letters), nil
}

type questionBody struct {
	Question
	Leaves  []leaf
	Unseen  bool   // its pages cannot be shown, and the question can be answered without
	Look    string // what to look at, beyond what the question says
	Letters int    // how many there are as the page is made

	Before, After string // what stands around a letter's number, which the style sheet counts
}

// leaf is one page of a scan that is asked about.
type leaf struct {
	N        int
	Is       place
	Doubtful bool // it may be a letter's or a sheet
	Coded    bool // it bears a sheet's code
	Despite  bool // the person says that it is a letter's all the same
}

// questionPage shows one question with every page of its scan. The pages have
// not left the scanner folder, where operations can open them too.
func (p *Portal) questionPage(w http.ResponseWriter, v *visit) error {
	q, err := p.question(v)
	if err != nil {
		return err
	}
	stack, err := p.look(w, v, q.Token)
	if err != nil {
		if q.Kind == QuestionStack || errors.Is(err, ErrAnswered) {
			return err
		}
		if !unseen(err) {
			p.logFailure(v, err.Error())
		}
		stack = Stack{}
	}
	return p.showQuestion(w, v, q, stack, cuts{places: proposed(stack)}, nil)
}

func (p *Portal) showQuestion(w http.ResponseWriter, v *visit, q Question, stack Stack, said cuts, flaws []formFlaw) error {
	body := questionBody{Question: q, Unseen: stack.Pages == 0, Letters: len(at(said.places, begins))}
	body.Before, body.After, _ = strings.Cut(p.language.Text(texts.Say("question.letter-number", "number", "\x00")), "\x00")
	// The note beside the file says mostly the same, with other words around it.
	if !strings.Contains(q.Says, stack.Says) {
		body.Look = stack.Says
	}
	for i, is := range said.places {
		n := i + 1
		body.Leaves = append(body.Leaves, leaf{n, is,
			slices.Contains(stack.Doubtful, n), slices.Contains(stack.Coded, n), slices.Contains(said.despite, n)})
	}
	// Never the file's name: a title goes into the browser's history.
	return p.ok(w, v, page{Name: "question", Title: texts.Say("intake.intake-2", "kind", texts.Word("question-kind", q.Kind)), Errors: flaws, Body: body})
}

// look is Intake.Stack for a person who waits.
func (p *Portal) look(w http.ResponseWriter, v *visit, token string) (Stack, error) {
	if p.cfg.Intake == nil {
		return Stack{}, ErrAnswered
	}
	patient(w)
	ctx, cancel := unhurried(v.Context())
	defer cancel()
	stack, err := p.cfg.Intake.Stack(ctx, token)
	if err == nil && stack.Pages < 1 {
		err = errors.New("there are no pages")
	}
	if err != nil {
		return Stack{}, lookTrouble(err)
	}
	return stack, nil
}

// patient lets the answer to this request take as long as a look at a scan may.
// The connection's deadline is the network's time, not that of the register.
func patient(w http.ResponseWriter) {
	_ = http.NewResponseController(w).SetWriteDeadline(time.Now().Add(lookLimit + time.Minute)) // without it, the server's own holds
}

// unseen reports whether err says that there is nothing to see, which is nobody's failure.
func unseen(err error) bool { return errors.Is(err, notLookedYet) || errors.Is(err, notToBeSeen) }

func lookTrouble(err error) error {
	switch {
	case errors.Is(err, ErrAnswered):
		return err
	case errors.Is(err, ErrNotLookedAt):
		return notLookedYet
	case errors.Is(err, ErrNotToBeSeen):
		return notToBeSeen
	}
	return because(notLookedAt, fmt.Errorf("looking at a scan that waits: %w", err))
}

func (p *Portal) thumbnail(w http.ResponseWriter, v *visit) error {
	number, ok := strings.CutSuffix(v.PathValue("n"), ".jpg")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 || strconv.Itoa(n) != number {
		return errNowhere
	}
	token := v.PathValue("token")
	stack, err := p.look(w, v, token)
	if err != nil {
		return err
	}
	if n > stack.Pages {
		return errNowhere
	}
	ctx, cancel := unhurried(v.Context())
	defer cancel()
	jpeg, err := p.cfg.Intake.Thumbnail(ctx, token, n)
	if err != nil {
		return lookTrouble(err)
	}
	sendLetter(w, "image/jpeg", jpeg)
	return nil
}

func (p *Portal) answerQuestion(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	q, err := p.question(v)
	if err != nil {
		return err
	}
	if q.Kind == QuestionStack {
		return p.splitStack(w, v, q)
	}
	a := Answer{Kind: AnswerKind(v.PostForm.Get("answer"))}
	letters, fits := twinAnswers[q.Kind][a.Kind]
	if !fits {
		return badForm
	}
	if letters == 0 && !confirmed(v.PostForm) {
		button, says := texts.Say("question.it-is-the-same-letter"), texts.Say("question.the-same-paper-was-scanned-twice")
		if a.Kind == AnswerMistake {
			button, says = texts.Say("question.it-was-dropped-here-by-mistake"), texts.Say("question.it-is-a-letter-to-the-other")
		}
		at := "/intake/" + q.Token
		return p.ok(w, v, page{Name: "confirm", Title: button, Body: confirmBody{Back: at, Action: at,
			Says: []texts.Text{says, texts.Say("question.no-file-comes-back")}, Form: v.PostForm, Button: button, Danger: true}})
	}
	if err := p.give(v, q.Token, a, letters); err != nil {
		return err
	}
	redirect(w, "/intake?done=1")
	return nil
}

// twinAnswers are the answers to each question about a scan whose bytes were
// taken before, and how many letters then come of it.
var twinAnswers = map[QuestionKind]map[AnswerKind]int{
	QuestionDuplicate: {AnswerSame: 0, AnswerAnother: 1},
	QuestionOtherLine: {AnswerMistake: 0, AnswerHereToo: 1},
}

func (p *Portal) splitStack(w http.ResponseWriter, v *visit, q Question) error {
	stack, err := p.look(w, v, q.Token)
	if err != nil {
		return err
	}
	if v.PostForm.Get("pages") != strconv.Itoa(stack.Pages) {
		return stackChanged
	}
	said, flaws := readCuts(v.PostForm, stack)
	if len(flaws) == 0 {
		a := Answer{Kind: AnswerSplit, Begins: at(said.places, begins), Sheets: at(said.places, sheet), Despite: said.despite}
		err := p.give(v, q.Token, a, len(a.Begins))
		bad, isBad := errors.AsType[BadAnswer](err)
		switch {
		case err == nil:
			redirect(w, "/intake?done=1")
			return nil
		case !isBad:
			return err
		}
		flaws = []formFlaw{{"stack", texts.Plain(bad.Says)}}
	}
	return p.showQuestion(w, v, q, stack, said, flaws)
}

// place is what a page of a stack is, as the form has it.
type place string

const (
	goesOn place = "on"
	begins place = "begins"
	sheet  place = "sheet"
	nobody place = "" // has said yet what it is
)

// proposed is what each page seems to be; for a doubtful one nothing is proposed.
// A page with which no letter can go on begins one.
func proposed(stack Stack) []place {
	out := make([]place, stack.Pages)
	open := false // whether a letter can go on here
	for i := range out {
		n := i + 1
		switch {
		case slices.Contains(stack.Doubtful, n):
			out[i] = nobody
		case slices.Contains(stack.Sheets, n):
			out[i] = sheet
		case !open, slices.Contains(stack.Begins, n):
			out[i] = begins
		default:
			out[i] = goesOn
		}
		open = out[i] == begins || out[i] == goesOn
	}
	return out
}

// cuts is what a person says of a stack.
type cuts struct {
	places  []place
	despite []int // pages that are a letter's although they bear a sheet's code
}

// at is the pages, from 1, that are this.
func at(places []place, is place) (pages []int) {
	for i, pl := range places {
		if pl == is {
			pages = append(pages, i+1)
		}
	}
	return pages
}

// readCuts reads the form of a stack, and says what is to be put right in it.
// No page may be lost, and none may join the letter before a separator sheet. Of a page
// that bears a sheet's code it has to be said twice that it is a letter's.
func readCuts(form url.Values, stack Stack) (said cuts, flaws []formFlaw) {
	flaw := func(field string, says texts.Text) { flaws = append(flaws, formFlaw{field, says}) }
	open := false
	for n := 1; n <= stack.Pages; n++ {
		field := "page-" + strconv.Itoa(n)
		is := place(form.Get(field))
		switch {
		case is != goesOn && is != begins && is != sheet:
			flaw(field, texts.Say("intake.choose-what-page", "page", n))
		case is == goesOn && !open:
			flaw(field, texts.Say("intake.page-has-no-letter-to-go", "page", n))
		case is == sheet || !slices.Contains(stack.Coded, n):
		case form.Get("despite-"+strconv.Itoa(n)) == "yes":
			said.despite = append(said.despite, n)
		default:
			flaw(field, texts.Say("intake.page-bears-the-code", "page", n))
		}
		said.places = append(said.places, is)
		open = is != sheet
	}
	if len(flaws) == 0 && len(at(said.places, begins)) == 0 {
		flaw("stack", texts.Say("intake.no-letter-is-left-choose-at-least"))
	}
	if form.Get("confirm") != "yes" {
		flaw("confirm", texts.Say("intake.take-the-stack-in-your-hand"))
	}
	return said, flaws
}
