package portal

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

type letterBody struct {
	Letter    register.Letter
	Pages     []shownPage
	Larger    bool // the pages are twice as wide
	Undecided bool // nobody has said yet whether it is readable
	Final     bool // the paper is destroyed: no decision can follow
	Reasons   []register.ScanAgainReason
	Chosen    register.ScanAgainReason
	Named     texts.Text // who may open a five-year letter, beside the manager
	Shared    []shared   // with whom it was shared

	SharedMore bool // more often than is listed
	Holds      []register.Hold
	Answers    []register.Letter // the kept copies, and those that the visitor may keep or confirm
	Became     texts.Text        // what became of the visitor's last copy
	BecameCall string            // names that word of it, for them to put it away
	Answered   *register.Letter  // of an answer: its letter, while that can be opened
	Asked      *register.Request // what waits for a second person
	Unheard    bool              // and there is none
	Manages    bool              // the visitor may put it on hold
	Prints     bool              // it may be printed
	Scan       newScan           // other scans of its paper

	Risks      []register.Risk
	Colleagues []colleague // to whom it may be handed over
	HandedTo   texts.Text  // to whom it was; nil for nobody
	HandedBack bool        // the visitor was called since it was to somebody who may not read it any more
}

// HandTo are those to whom it may be handed over who do not have it already.
func (b letterBody) HandTo() []colleague {
	return slices.DeleteFunc(slices.Clone(b.Colleagues), func(who colleague) bool { return who.Number == b.Letter.HandedTo })
}

// recordOpening writes the opening into the register. It comes before the
// first byte of a letter, always: no record, nothing shown.
func (p *Portal) recordOpening(v *visit, as register.Shown) error {
	err := p.cfg.Register.RecordOpening(v.Context(), v.letter.ID, v.person.Number, v.session, as)
	if err == nil || errors.Is(err, register.ErrNotFound) || errors.Is(err, register.ErrNotOpen) {
		return err
	}
	return because(notRecorded, err)
}

func (p *Portal) letterPage(w http.ResponseWriter, v *visit) error {
	if v.letter.Unkept() {
		return p.unkeptPage(w, v, nil, "")
	}
	return p.showLetter(w, v, nil, "")
}

func (p *Portal) showLetter(w http.ResponseWriter, v *visit, flaws []formFlaw, chosen register.ScanAgainReason) error {
	if err := p.recordOpening(v, register.ShownPages); err != nil {
		return err
	}
	// Opening may have changed its state.
	l, err := p.cfg.Register.Letter(v.Context(), v.letter.ID)
	if err != nil {
		return err
	}
	// Nobody is asked whether they can read what cannot be shown.
	if err := p.ready(v, l, p.firstDPI(v, l)); err != nil {
		return err
	}
	body := letterBody{Letter: l, Undecided: l.State == register.Opened, Final: l.Paper == letter.PaperDestroyed,
		Reasons: register.ScanAgainReasons, Chosen: chosen}
	if err := p.tellKeeping(v, l, &body); err != nil {
		return err
	}
	if err := p.tellAsked(v, l, &body); err != nil {
		return err
	}
	if err := p.tellAnswers(v, l, &body); err != nil {
		return err
	}
	if err := p.tellDeciding(v, l, &body); err != nil {
		return err
	}
	if body.Scan, err = p.scansOf(v, l); err != nil {
		return err
	}
	body.Manages, body.Prints = v.person.Role == register.Manager, p.prints(v.Context())
	if body.Holds, err = p.cfg.Register.HoldsOf(v.Context(), l); err != nil {
		return err
	}
	body.Pages, body.Larger = shownPages(v, l)
	note, err := p.decisionNote(v, l)
	if err != nil {
		return err
	}
	title := texts.Say("letter.letter", "reference", l.ID.Reference())
	if l.IsResponse() {
		title = texts.Say("letter.answer", "reference", l.ID.Reference())
	}
	return p.ok(w, v, page{Name: "letter", Title: title, Script: "read.js", Reads: true, EndsIn: p.endsIn(l), Errors: flaws, Note: note, Urgent: strings.HasPrefix(v.URL.Query().Get("done"), "risk-urgent"), Body: body})
}

// endsIn is in how many milliseconds a page with the letter must close; 0 for never, of
// one on hold.
func (p *Portal) endsIn(l register.Letter) int64 {
	if l.Held() {
		return 0
	}
	return max(l.Deadline().Start().Sub(p.cfg.Now()).Milliseconds(), 1)
}

// ready has the letter opened, and its first page made as sharp as the browser will ask
// for it.
func (p *Portal) ready(v *visit, l register.Letter, dpi int) error {
	mark, err := p.mark(v)
	if err != nil {
		return err
	}
	pages, _ := shownPages(v, l)
	if err := p.cfg.Reader.Ready(v.Context(), l, View{Page: 1, DPI: dpi, Turn: pages[0].Turn, Mark: mark}); err != nil {
		return readerTrouble(err)
	}
	return nil
}

// decisionNote thanks for a decision that has just been recorded; it does so
// only where the letter's state bears it out, whatever the address says.
func (p *Portal) decisionNote(v *visit, l register.Letter) (texts.Text, error) {
	done := v.URL.Query().Get("done")
	switch {
	case done == "readable" && l.State == register.Readable:
		said := texts.Say("letter.thank-you-it-is-recorded")
		if l.AnotherDue() {
			said = texts.Say("letter.thank-you-it-is-recorded-2")
		}
		if !l.RiskAnswered() {
			return texts.Say("letter.one-question-is-left", "said", said, "link", texts.Link("#keeping")), nil
		}
		return said, nil
	case done == "other-paper" && l.Replaces == "" && l.Manifest.Replaces != "":
		return texts.Say("letter.thank-you-it-is-recorded-3", "reference", l.Manifest.Replaces.Reference()), nil
	case done == "scan-again" && l.State == register.ScanAgain:
		return texts.Say("letter.thank-you-operations-see"), nil
	}
	if said := riskNote(done, l); said != nil {
		return said, nil
	}
	if done == "answer-kept" && l.State == register.Filed && l.UploadedBy != v.person.Number {
		told, err := p.uploaderIsTold(v, l)
		if !told {
			return texts.Say("letter.you-have-confirmed-and-nobody-is-told"), err
		}
		return texts.Say("letter.you-have-confirmed-the-address"), err
	}
	return keepingNote(done, l), nil
}

func (p *Portal) pageImage(w http.ResponseWriter, v *visit) error {
	number, ok := strings.CutSuffix(v.PathValue("n"), ".jpg")
	n, err := strconv.Atoi(number)
	if !ok || err != nil || n < 1 || n > v.letter.Pages || strconv.Itoa(n) != number {
		return errNowhere
	}
	if err := p.recordOpening(v, register.ShownPages); err != nil {
		return err
	}
	mark, err := p.mark(v)
	if err != nil {
		return err
	}
	view := View{Page: n, DPI: dpiOf(v), Turn: turnOf(v), Mark: mark}
	if v.URL.Query().Has("dpi") { // or there was nothing to choose
		p.screens.chose(v.person.Number, view.DPI)
	}
	jpeg, err := p.cfg.Reader.Page(v.Context(), v.letter, view)
	if err != nil {
		return readerTrouble(err)
	}
	if err := p.noteShown(v, n, n); err != nil {
		return err
	}
	sendLetter(w, "image/jpeg", jpeg)
	return nil
}

// noteShown notes that the visitor is shown these pages: what was not, they decide
// nothing about.
func (p *Portal) noteShown(v *visit, first, last int) error {
	if v.Method == http.MethodHead { // which shows nobody anything
		return nil
	}
	for n := first; n <= last; n++ {
		if err := p.cfg.Register.PageShown(v.Context(), v.letter.ID, v.person.Number, n); err != nil {
			return err
		}
	}
	return nil
}

// mark says on a page who looks at it, by number, and since when: as the opening
// stands in the register, so that a photograph leads back to it.
func (p *Portal) mark(v *visit) (string, error) {
	at, err := p.cfg.Register.OpenedAt(v.Context(), v.letter.ID, v.session)
	if err != nil {
		return "", err
	}
	return p.language.Text(texts.Say("letter.staff-number-opened", "number", v.person.Number, "at", at)), nil
}

func (p *Portal) letterPDF(w http.ResponseWriter, v *visit) error {
	if err := p.recordOpening(v, register.ShownPDF); err != nil {
		return err
	}
	pdf, err := p.cfg.Reader.PDF(v.Context(), v.letter)
	if errors.Is(err, ErrNotClean) {
		return notClean
	}
	if err != nil {
		return readerTrouble(err)
	}
	if err := p.noteShown(v, 1, v.letter.Pages); err != nil {
		return err
	}
	// Inline and not stored: as an attachment it would stay on the disk.
	w.Header().Set("Content-Disposition", "inline")
	sendLetter(w, "application/pdf", pdf)
	return nil
}

func readerTrouble(err error) error {
	if errors.Is(err, ErrGone) || errors.Is(err, ErrLost) || errors.Is(err, context.Canceled) {
		return err
	}
	return because(notReadable, err)
}

func sendLetter(w http.ResponseWriter, kind string, body []byte) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // the reader has gone if this fails; the opening stands
}

// markReadable takes it from nobody who has not been shown every page: the paper
// may be destroyed for it.
func (p *Portal) markReadable(w http.ResponseWriter, v *visit) error {
	unseen, err := p.cfg.Register.PagesNotShown(v.Context(), v.letter, v.person.Number)
	if err != nil {
		return err
	}
	if len(unseen) == v.letter.Pages {
		opened, err := p.cfg.Register.OpenedBy(v.Context(), []register.Letter{v.letter})
		if err != nil {
			return err
		}
		if !slices.Contains(opened[v.letter.ID], v.person.Number) {
			return notRead
		}
	}
	if len(unseen) > 0 {
		return p.showLetter(w, v, []formFlaw{{"page-" + strconv.Itoa(unseen[0]), notShown(unseen)}}, "")
	}
	same, err := p.sameLetter(v)
	if err != nil {
		return err
	}
	if !same {
		return p.showLetter(w, v, []formFlaw{{"same", texts.Say("letter.compare-it-with-the-old-scan")}}, "")
	}
	mark := p.cfg.Register.MarkReadable
	if register.State(v.PostForm.Get("state")) == register.ScanAgain { // as the page has said
		mark = p.cfg.Register.MarkReadableAfterAll
	}
	err = mark(v.Context(), v.letter.ID, v.person.Number)
	if errors.Is(err, register.ErrScanAgain) {
		return p.showLetter(w, v, []formFlaw{{"decide", texts.Say("letter.scan-again-was-said-meanwhile")}}, "")
	}
	if err != nil {
		return err
	}
	redirect(w, letterPath(v.letter.ID)+"?done=readable")
	return nil
}

// notShown says which pages somebody has yet to look at.
func notShown(pages []int) texts.Text {
	return texts.Say("letter.you-have-not-been-shown-yet-look", "said", pagesWords(pages))
}

// pagesWords names some pages.
func pagesWords(pages []int) texts.Text {
	switch {
	case len(pages) > 6:
		return texts.Say("letter.not-shown-many", "n", len(pages), "first", pages[0])
	case len(pages) > 1:
		return texts.Say("letter.not-shown-pages", "pages", pages)
	}
	return texts.Say("letter.not-shown-page", "page", pages[0])
}

func (p *Portal) markScanAgain(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	why := register.ScanAgainReason(v.PostForm.Get("reason"))
	if !slices.Contains(register.ScanAgainReasons, why) {
		return p.showLetter(w, v, []formFlaw{{"reason", texts.Say("letter.choose-what-is-wrong")}}, why)
	}
	if err := p.cfg.Register.MarkScanAgain(v.Context(), v.letter.ID, v.person.Number, why); err != nil {
		return err
	}
	redirect(w, letterPath(v.letter.ID)+"?done=scan-again")
	return nil
}

func letterPath(id letter.ID) string { return "/l/" + string(id) }
