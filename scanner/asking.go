package scanner

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"time"

	"letterlock/scanner/deposit"
	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
	"letterlock/scanner/separator"
	"letterlock/scanner/texts"
)

// Where the server is on another machine, what the folder asks is put to it through the
// bucket, sealed like a letter, and people answer in the portal there. The folder goes on
// taking answers, too, and whichever comes first is the answer.
//
//	asked      the server has the question, and once there was time to look at the scan its pages
//	answered   the server's list names it; the scan is moved as a person would move it
//	gone       the next report names it no more, and the server removes question and pages
//
// Nothing is asked before the server has left a list of answers, empty or not: an older
// one would hold the question for a person, as a manifest that nobody can believe. What
// is asked is found in the folder each time, and a crash leaves a question that is asked,
// or answered, once more; no answer acts on another scan, or on this one once it is asked
// about anew, since the token is another one.

// asking is what the edge knows of its questions across the bucket.
type asking struct {
	questions *Questions // nil while the folder is gone, and before anything is asked
	heard     time.Time  // when the server's list was last asked for
	said      time.Time  // of when the newest is that was believed
	answers   []letter.Answer
	listed    time.Time // when open was made
	lie       int       // how many scans lay there then
	open      []Question
	put       map[string]putQuestion // by token; nil before it was read
	look      *lookAside             // nil for none
	drafts    []draft                // what is to be put, in that order
	rest      time.Time              // nothing is put before: the store refused something
}

// putQuestion is what of a question the server has.
type putQuestion struct {
	Seen bool      `json:"seen"` // it was tried to look at the scan
	Due  time.Time `json:"due"`  // when that is to be done once more
	By   uint32    `json:"by"`   // the key that signed it
}

// putFile, in the state folder, is asking.put: after a start nothing need be looked at
// again, and no question with its pages is replaced by one without.
const putFile = "asked.json"

const (
	// hearEvery is how often the list of answers is asked for while nothing waits for one.
	hearEvery = time.Minute
	// invitedFor is for how long a list says that the server hears questions. A server says
	// it anew each day.
	invitedFor = 48 * time.Hour
	// listEvery is how often the folders are looked into for questions, if the number of
	// scans in them does not change.
	listEvery = time.Minute
	// askEvery is how often a question is put anew, since the storage forgets it after some
	// days, and failedEvery how often if the scan could not be looked at.
	askEvery    = 24 * time.Hour
	failedEvery = time.Hour
)

// lookAside is a look at a scan beside the edge's own work. It ends early once there is a
// scan to take.
type lookAside struct {
	token string
	stop  context.CancelFunc
	done  chan struct{} // closed when the fields below are set
	look  *look
	err   error
}

// draft is an object on its way to the store: the same bytes until it has answered.
type draft struct {
	token, key string
	data       []byte
	put        putQuestion // what the server has with it; zero for pages, which come first
}

// idle reports whether every letter is sealed and waits for the store at most.
func (e *Edge) idle() bool {
	return len(e.view.Settled) == 0 && !slices.ContainsFunc(e.jobs, func(j *job) bool { return !j.end && !j.taken && j.manifest == nil })
}

// inPortal reports whether what the folder asks is answered in the portal too.
func (e *Edge) inPortal() bool { return e.Portal || e.invited() }

// invited reports whether the server hears questions.
func (e *Edge) invited() bool {
	return e.Asks && e.Now().Sub(e.asking.said).Abs() < invitedFor
}

// knowsQuestions reports whether it is known what to say of questions in a report: one
// that says nothing of them takes them back.
func (e *Edge) knowsQuestions() bool {
	a := &e.asking
	return !e.Asks || !a.heard.IsZero() && (!e.invited() || !a.listed.IsZero())
}

// asksNow is the tokens of what waits for an answer, for a report. A report without them
// has the server remove what it was asked: then all of it is to be put anew.
func (e *Edge) asksNow() (tokens []string) {
	switch {
	case !e.Asks:
		return nil
	case !e.invited():
		e.asking.put = map[string]putQuestion{}
		_ = e.state.Remove(putFile) // what it says then is put anew within a day
		return nil
	}
	for _, q := range e.asking.open {
		tokens = append(tokens, q.Token)
	}
	return tokens
}

// tendQuestions carries on what is asked. Nothing waits for it.
func (e *Edge) tendQuestions(ctx context.Context, idle bool) {
	if !e.Asks {
		return
	}
	err := e.hearAnswers(ctx)
	if !errors.Is(err, errWaits) && e.invited() { // also where the newest list is not believed: a report waits for what is found
		err = errors.Join(err, e.findQuestions(), e.obey())
	}
	if err == nil && e.invited() {
		err = e.askNext(ctx, idle)
	}
	switch {
	case errors.Is(err, errWaits) || ctx.Err() != nil || e.foundNoRoom(err):
	case err != nil:
		e.tell("questions", "What the scanner folder asks cannot be put to the server: "+err.Error()+". Trying again; each question can be answered in the folder too.")
	default:
		e.tell("questions", "")
	}
}

// hearAnswers takes the server's list in. One that nobody renews, that is older than one
// before it, or that somebody else has signed says nothing.
func (e *Edge) hearAnswers(ctx context.Context) error {
	a, every := &e.asking, hearEvery
	if e.invited() && len(a.open) > 0 {
		every = e.SlipEvery
	}
	if !a.heard.IsZero() && e.Now().Sub(a.heard).Abs() < every {
		return nil
	}
	msg, err := e.get(ctx, "", letter.AnswersKey(e.Site))
	if errors.Is(err, errWaits) {
		return err
	}
	a.heard, a.answers = e.Now(), nil
	if err != nil || msg == nil {
		return err
	}
	said, is, err := fromServer(e, msg, letter.OpenAnswers)
	if !is {
		return err
	}
	switch age := e.Now().Sub(said.At); {
	case said.Site != e.Site:
		return errors.New("the list of answers is another scanner's")
	case said.At.Before(a.said):
		return errors.New("the list of answers is an old one")
	case age < -2*maxSkew:
		return errors.New("the list of answers is dated ahead of this machine's clock")
	}
	a.said, a.answers = said.At, said.Answers
	return nil
}

// findQuestions looks what waits for an answer.
func (e *Edge) findQuestions() error {
	a, lie := &e.asking, 0
	for _, helpline := range e.Helplines {
		for _, dir := range folder.QuestionDirs {
			lie += e.folder.GivenBack(helpline, dir)
		}
	}
	if !a.listed.IsZero() && lie == a.lie && e.Now().Sub(a.listed).Abs() < listEvery {
		return nil
	}
	if a.questions == nil {
		q, err := OpenQuestions(e)
		if err != nil {
			return err
		}
		a.questions = q
	}
	open, err := a.questions.List()
	if err != nil {
		return err
	}
	a.open, a.lie, a.listed = open[:min(len(open), letter.MaxQuestions)], lie, e.Now()
	a.drafts = slices.DeleteFunc(a.drafts, func(d draft) bool { return !e.waits(d.token) })
	return nil
}

// waits reports whether the question of that token waits for an answer.
func (e *Edge) waits(token string) bool {
	return slices.ContainsFunc(e.asking.open, func(q Question) bool { return q.Token == token })
}

// answerWords is what the server's words are in the folder.
var answerWords = map[string]folder.Answer{
	letter.AnswerSame:    folder.Same,
	letter.AnswerAnother: folder.Another,
	letter.AnswerMistake: folder.Mistake,
	letter.AnswerHereToo: folder.HereToo,
	letter.AnswerSplit:   folder.Cut,
}

// obey does what people have answered. What was answered of a scan that is gone, or in a
// word that a newer server has, changes nothing.
func (e *Edge) obey() (failed error) {
	a := &e.asking
	for _, said := range a.answers {
		at := slices.IndexFunc(a.open, func(q Question) bool { return q.Token == said.Token })
		if at < 0 {
			continue
		}
		q, answer := a.open[at], answerWords[said.Answer]
		if answer == folder.NoAnswer || answer.Question() != q.Dir {
			continue
		}
		// Another file may have taken its name since the folder was looked into.
		if now, still := a.questions.question(q.Helpline, q.Dir, q.Name); !still || now.Token != q.Token {
			a.listed = time.Time{}
			continue
		}
		err := a.questions.give(q, answer, separator.Cuts{Begins: said.Begins, LeaveOut: said.Sheets, Despite: said.Despite})
		if err != nil && !errors.Is(err, ErrAnswered) {
			failed = errors.Join(failed, err)
			continue
		}
		e.step("answer-given", "")
		a.open = slices.Delete(a.open, at, at+1)
		a.listed = time.Time{} // another may have waited for its place
	}
	return failed
}

// askNext puts one more object of a question, or begins with the next question.
func (e *Edge) askNext(ctx context.Context, idle bool) error {
	a := &e.asking
	if err := e.recallPut(); err != nil {
		return err
	}
	if a.look != nil && !idle {
		a.look.stop() // a letter comes first; the scan is looked at again later
	}
	switch {
	case e.Now().Before(a.rest):
		return nil
	case len(a.drafts) > 0:
		return e.putDraft(ctx)
	case a.look != nil:
		select {
		case <-a.look.done:
			return e.looked(ctx)
		default:
			return nil
		}
	}
	for _, q := range a.open {
		if _, known := a.put[q.Token]; !known {
			return e.write(ctx, q, nil, letter.UnseenYet)
		}
	}
	if !idle {
		return nil
	}
	for _, q := range a.open {
		if p := a.put[q.Token]; !p.Seen || !e.Now().Before(p.Due) || p.By != e.Signer.KeyHash() {
			e.lookAside(ctx, q.Token)
			break
		}
	}
	return nil
}

// recallPut reads what the server was asked before this start.
func (e *Edge) recallPut() error {
	if e.asking.put != nil {
		return nil
	}
	put := map[string]putQuestion{}
	data, err := disk.ReadFile(e.state, putFile)
	if err == nil {
		_ = json.Unmarshal(data, &put) // a damaged one has everything asked anew
	} else if !errors.Is(err, fs.ErrNotExist) {
		return disk.Plain("reading what was asked", err)
	}
	if put == nil {
		put = map[string]putQuestion{}
	}
	e.asking.put = put
	return nil
}

// lookAside begins to look at a scan that waits.
func (e *Edge) lookAside(ctx context.Context, token string) {
	ctx, stop := context.WithCancel(ctx)
	l, questions := &lookAside{token: token, stop: stop, done: make(chan struct{})}, e.asking.questions
	e.asking.look = l
	go func() {
		defer close(l.done)
		l.look, l.err = questions.look(ctx, token)
		if l.err != nil && ctx.Err() != nil {
			l.err = ctx.Err() // whatever a child that was ended makes of it
		}
	}()
}

// looked takes in a look that has ended.
func (e *Edge) looked(ctx context.Context) error {
	a := &e.asking
	l := a.look
	at := slices.IndexFunc(a.open, func(q Question) bool { return q.Token == l.token })
	switch {
	case at < 0 || errors.Is(l.err, context.Canceled) || errors.Is(l.err, ErrAnswered):
	case e.foundNoRoom(l.err):
		a.rest = e.Now().Add(hearEvery)
	case l.err != nil:
		if err := e.write(ctx, a.open[at], nil, letter.UnseenFailed); err != nil {
			return err // it is written with the next pass
		}
	default:
		if err := e.write(ctx, a.open[at], l.look, ""); err != nil {
			return err
		}
	}
	l.stop()
	a.look = nil
	return nil
}

// questionKinds is what is asked of what lies in a folder.
var questionKinds = map[string]string{
	folder.DuplicatesDir: letter.AsksDuplicate,
	folder.OtherLineDir:  letter.AsksOtherLine,
	folder.StacksDir:     letter.AsksStack,
}

// write seals a question, and the pages before it if there are any to see.
func (e *Edge) write(ctx context.Context, q Question, l *look, unseen string) error {
	as := letter.Manifest{Class: letter.SixMonths, Received: e.Now()} // like a letter that comes now
	to, err := e.recipient(ctx, as)
	if err != nil {
		return err
	}
	sealed := func(data []byte) ([]byte, error) {
		var out bytes.Buffer
		_, _, err := seal.Seal(&out, bytes.NewReader(data), to)
		return out.Bytes(), err
	}
	asked := letter.Asked{Site: e.Site, Token: q.Token, Week: as.Week()}
	text := letter.Question{Kind: questionKinds[q.Dir], Helpline: q.Helpline, Since: q.Since.UTC().Truncate(time.Second), Says: q.Says, Name: q.Name, Unseen: unseen}
	if tag := e.Language.Tag(); tag != texts.English().Tag() {
		text.Language = tag
	}
	if y := text.Since.Year(); y < 2000 || y > 9000 { // the share's own clock, which may be lost
		text.Since = e.Now().UTC().Truncate(time.Second)
	}
	var drafts []draft
	if l != nil {
		pages, ok := letter.WritePages(l.pages)
		if !ok {
			text.Unseen = letter.UnseenTooMany
		} else {
			if pages, err = sealed(pages); err != nil {
				return err
			}
			sum := sha256.Sum256(pages)
			asked.Pages = &letter.AskedPages{Size: int64(len(pages)), SHA256: hex.EncodeToString(sum[:])}
			text.Pages, text.Begins, text.Sheets = len(l.pages), l.batch.Cuts.Begins, l.batch.Cuts.LeaveOut
			text.Doubtful, text.Coded, text.Look = l.batch.Doubtful(), l.batch.Coded(), l.batch.Says(e.Language)
			drafts = append(drafts, draft{token: q.Token, key: letter.AskedPagesKey(e.Site, q.Token), data: pages})
		}
	}
	data, err := text.Write()
	if err != nil {
		return err
	}
	if asked.Question, err = sealed(data); err != nil {
		return err
	}
	msg, err := asked.Sign(e.Signer)
	if err != nil {
		return err
	}
	put := putQuestion{Seen: unseen != letter.UnseenYet, Due: e.Now().Add(askEvery), By: e.Signer.KeyHash()}
	if unseen == letter.UnseenFailed {
		put.Due = e.Now().Add(failedEvery)
	}
	e.asking.drafts = append(drafts, draft{token: q.Token, key: letter.AskedKey(e.Site, q.Token), data: msg, put: put})
	return nil
}

// putDraft puts the next object. Pages come before the question that names them; a crash
// between the two leaves pages that nobody names, or that are not those which are named,
// until they are put again.
func (e *Edge) putDraft(ctx context.Context) error {
	a := &e.asking
	d := a.drafts[0]
	err := e.put(ctx, "", d.key, inMemory(d.data), int64(len(d.data)), sha256.Sum256(d.data), deposit.Replace)
	switch {
	case errors.Is(err, errWaits):
		return err
	case err != nil:
		a.drafts, a.rest = nil, e.Now().Add(hearEvery)
		return err
	}
	a.drafts = a.drafts[1:]
	if d.put.By == 0 {
		e.step("asked-pages", "")
		return nil
	}
	a.put[d.token] = d.put
	e.step("asked", "")
	// A crash here has the question put once more.
	return disk.WriteJSON(e.state, putFile, 0o600, a.put)
}

// forgetUnsaid drops what was put of every question that the report which was just made
// does not name: the server removes it, with its pages. Where its scan was only out of
// sight the question is put anew, and not in a day.
func (e *Edge) forgetUnsaid() {
	a, before := &e.asking, len(e.asking.put)
	maps.DeleteFunc(a.put, func(token string, _ putQuestion) bool { return !e.waits(token) })
	if len(a.put) != before {
		_ = disk.WriteJSON(e.state, putFile, 0o600, a.put) // else after a start it is put within a day
	}
}

// stopAsking ends a look that is under way, and lets go of the folder.
func (e *Edge) stopAsking() {
	a := &e.asking
	if a.look != nil {
		a.look.stop()
		<-a.look.done
		a.look = nil
	}
	if a.questions != nil {
		a.questions.Close()
		a.questions = nil
	}
	a.listed, a.open, a.drafts = time.Time{}, nil, nil
}
