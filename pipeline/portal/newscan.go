package portal

import (
	"errors"
	"net/http"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// newScan is what the page of a letter says of other scans of its paper.
type newScan struct {
	Of     *register.Letter // the scan before it, while that can be opened
	Gone   letter.ID        // the same once it cannot
	Newest letter.ID        // the newest scan, of one that has a newer one
	Apart  letter.ID        // of which its scanner said that it is a new scan, and it is none
	Ended  bool             // and that one is not here any more
	Same   bool             // the reader has said that it is the same letter
}

// scansOf is what the letter's page says of other scans of its paper.
func (p *Portal) scansOf(v *visit, l register.Letter) (newScan, error) {
	scan := newScan{Newest: l.ReplacedBy, Same: v.PostForm.Get("same") != ""}
	if l.Replaces == "" {
		if scan.Apart = l.Manifest.Replaces; scan.Apart == "" {
			return scan, nil
		}
		_, err := p.cfg.Register.Letter(v.Context(), scan.Apart)
		if scan.Ended = errors.Is(err, register.ErrNotFound); scan.Ended {
			err = nil
		}
		return scan, err
	}
	old, err := p.cfg.Register.Letter(v.Context(), l.Replaces)
	switch {
	case errors.Is(err, register.ErrNotFound) || err == nil && !old.Open(p.cfg.Now()):
		scan.Gone = l.Replaces
	case err != nil:
		return scan, err
	default:
		scan.Of = &old
	}
	return scan, nil
}

// sameLetter reports whether the reader has said that a new scan is one of the same
// letter, as its page asks: the old scan is erased on that word.
func (p *Portal) sameLetter(v *visit) (bool, error) {
	if err := v.ParseForm(); err != nil {
		return false, badForm
	}
	scan, err := p.scansOf(v, v.letter)
	return err == nil && (scan.Of == nil || scan.Same), err
}

// markOtherPaper takes it from a reader that a new scan is one of another paper.
func (p *Portal) markOtherPaper(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	if !confirmed(v.PostForm) && v.letter.Replaces != "" {
		return p.ok(w, v, page{Name: "confirm", Title: texts.Say("common.it-is-another-letter"), Body: confirmBody{Back: letterPath(v.letter.ID), Action: letterPath(v.letter.ID) + "/other-paper",
			Says: []texts.Text{texts.Say("letter.it-becomes-a-letter-of-its-own", "reference", v.letter.Replaces.Reference())}, Form: v.PostForm,
			Button: texts.Say("common.it-is-another-letter"), Danger: true}})
	}
	const shows = "?done=other-paper"
	if err := p.cfg.Register.MarkOtherPaper(v.once(shows), v.letter.ID, v.person.Number); err != nil {
		return err
	}
	redirect(w, v.shown(shows))
	return nil
}
