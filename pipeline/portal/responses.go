package portal

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// MaxUpload is the largest file that can be filed, in bytes.
const MaxUpload = 100 << 20

// mostHeardOut is how many bytes are read in vain of what is not taken.
const mostHeardOut = 4 * MaxUpload

// uploadTime is how long a file may take to arrive.
const uploadTime = 10 * time.Minute

// Responses takes the copies of answers.
type Responses interface {
	// File takes what upload holds, a PDF or a scan, as the answer to a letter: a
	// draft, for its uploader to keep or not. A file that cannot be taken is a
	// *NotTaken, one that breaks off ErrUpload.
	File(ctx context.Context, to register.Letter, upload io.Reader, person int64) (letter.ID, error)
}

// ErrUpload is returned for a file that did not arrive whole.
var ErrUpload = errors.New("the file did not arrive whole")

// NotTaken is why a file cannot be filed, in sentences for the person.
type NotTaken struct {
	Says texts.Text
	Anew bool // it is with the file itself: another scan, or another kind of file, may be taken
}

// Error says it.
func (n *NotTaken) Error() string { return n.Says.String() }

// tellAnswers links a letter and the kept copies of its answers.
func (p *Portal) tellAnswers(v *visit, l register.Letter, body *letterBody) (err error) {
	if l.IsResponse() {
		body.Answered, err = p.answered(v, l)
		return err
	}
	all, err := p.cfg.Register.Responses(v.Context(), l.ID)
	if err != nil {
		return err
	}
	body.Answers = slices.DeleteFunc(all, func(a register.Letter) bool {
		return !a.DraftEnds.IsZero() && (a.UploadedBy != v.person.Number || !p.cfg.Now().Before(a.DraftEnds))
	})
	why, call, err := p.cfg.Register.ResponseBecame(v.Context(), l.ID, v.person.Number)
	body.Became, body.BecameCall = texts.Word("answer-became", why), call
	return err
}

// answerSeen takes the word of who uploaded an answer to the letter that they have read
// what became of it.
func (p *Portal) answerSeen(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	const shows = "?done=answer-seen"
	if err := p.cfg.Register.AnswerSeen(v.once(shows), v.letter.ID, v.person.Number, v.PostForm.Get("seen")); err != nil {
		return err
	}
	redirect(w, v.shown(shows))
	return nil
}

// awaySeen is answerSeen on the page of letters, of a letter that is not theirs to open
// any more: see register.Away.
func (p *Portal) awaySeen(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	to, err := letter.ParseID(v.PostForm.Get("letter"))
	if err != nil {
		return badForm
	}
	const shows = "/letters"
	if err := p.cfg.Register.AnswerSeen(v.once(shows), to, v.person.Number, v.PostForm.Get("seen")); err != nil {
		return err
	}
	redirect(w, shows)
	return nil
}

// answered is the letter of an answer, if the visitor can open it.
func (p *Portal) answered(v *visit, answer register.Letter) (*register.Letter, error) {
	to, err := p.cfg.Register.Letter(v.Context(), answer.Answers)
	if errors.Is(err, register.ErrNotFound) || err == nil && !(mayRead(v.person, to) && to.Open(p.cfg.Now())) {
		return nil, nil
	}
	return &to, err
}

func (p *Portal) responsePage(w http.ResponseWriter, v *visit) error {
	return p.showResponse(w, v, nil)
}

func (p *Portal) showResponse(w http.ResponseWriter, v *visit, flaws []formFlaw) error {
	if v.letter.IsResponse() {
		return errNowhere
	}
	if err := p.mayUpload(v); err != nil {
		return err
	}
	today := letter.DateOf(p.cfg.Now())
	return p.ok(w, v, page{Name: "response", Title: texts.Say("response.file-an-answer-to-letter", "reference", v.letter.ID.Reference()), Errors: flaws,
		Body: struct {
			Letter   register.Letter
			Deadline letter.Date
		}{v.letter, letter.Deadline(today, letter.SixMonths)}})
}

// fileResponse takes the form with the file. Of the file's name nothing is read.
func (p *Portal) fileResponse(w http.ResponseWriter, v *visit) error {
	if err := p.mayUpload(v); err != nil {
		return err // before anything of the file is read
	}
	flaw := func(says texts.Text) error {
		p.hearOut(w, v)
		return p.showResponse(w, v, []formFlaw{{"file", says}})
	}
	choose := texts.Say("response.choose-the-file-with-the-copy")
	mayTakeLong(w)
	parts, err := v.MultipartReader()
	if err != nil {
		return flaw(choose)
	}
	file, err := parts.NextPart()
	if err == nil && file.FormName() == "who" {
		who, wrong := io.ReadAll(io.LimitReader(file, 20))
		if wrong != nil {
			return uploadLost
		}
		if string(who) != strconv.FormatInt(v.person.Number, 10) {
			return othersPage
		}
		file, err = parts.NextPart()
	}
	if errors.Is(err, io.EOF) {
		return flaw(choose)
	}
	if err != nil {
		return uploadLost
	}
	if file.FormName() != "file" || file.FileName() == "" {
		return flaw(choose)
	}
	id, err := p.cfg.Responses.File(v.Context(), v.letter, file, v.person.Number)
	if not, ok := errors.AsType[*NotTaken](err); ok {
		if not.Anew {
			return flaw(texts.Say("response.nothing-was-filed-scan-it-anew", "why", not.Says))
		}
		return flaw(texts.Say("response.nothing-was-filed", "why", not.Says))
	}
	if _, known := problemOf(err); err != nil && !known {
		return because(notFiled, err)
	}
	if err != nil {
		return err
	}
	const filed = "?done=filed"
	// Only now, since a copy that is on record may still have been lost on its way
	// to the storage.
	if err := p.cfg.Register.SpendForm(v.once(filed), v.person.Number); err != nil {
		p.logFailure(v, err.Error()) // it is filed all the same
	}
	draft, err := p.cfg.Register.Letter(v.Context(), id)
	if err == nil && draft.State == register.Draft {
		redirect(w, letterPath(id))
		return nil
	}
	redirect(w, v.shown(filed)) // which lists it once it was read back
	return nil
}

// mayTakeLong lets a large file on a slow line take longer than a form may.
func mayTakeLong(w http.ResponseWriter) {
	late := http.NewResponseController(w)
	_ = late.SetReadDeadline(time.Now().Add(uploadTime))
	_ = late.SetWriteDeadline(time.Now().Add(uploadTime + time.Minute))
}

// hearOut reads what is still to come of a file that is not taken: a browser shows no
// answer before it has sent all, but that the connection was lost. It is read of
// whoever has or had a session, and no more of it than a few files.
func (p *Portal) hearOut(w http.ResponseWriter, v *visit) {
	if v.file == nil || v.Context().Err() != nil { // as after the time that a file may take
		return
	}
	if who, err := p.whoHad(v); err != nil || who == 0 {
		return
	}
	mayTakeLong(w)
	_, _ = io.CopyN(io.Discard, v.file, mostHeardOut)
	v.file = nil
}

// mayUpload says why the visitor may not upload one more copy, if so.
func (p *Portal) mayUpload(v *visit) error {
	waiting, err := p.cfg.Register.Drafts(v.Context(), v.person.Number)
	if err == nil && waiting >= register.MostDrafts {
		err = tooManyDrafts
	}
	return err
}

var tooManyDrafts = &problem{Status: http.StatusConflict, Heading: texts.Say("response.some-of-your-copies-wait"),
	Lines: []texts.Text{texts.Say("response.you-have-uploaded-several-copies"),
		texts.Say("response.look-at-them-first-keep-each")},
	Link: "/letters", LinkSay: texts.Say("response.see-what-waits")}
