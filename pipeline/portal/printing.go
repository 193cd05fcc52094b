package portal

import (
	"net/http"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// printLetter shows the pages of a letter to be printed. Only here does the style
// sheet print them, and the printing is on record before the first of them is shown.
// Who photographs the screen is not stopped by it, nor by anything.
func (p *Portal) printLetter(w http.ResponseWriter, v *visit) error {
	if err := p.recordOpening(v, register.ShownPrint); err != nil {
		return err
	}
	if err := p.ready(v, v.letter, pageDPI); err != nil {
		return err
	}
	pages, _ := shownPages(v, v.letter)
	return p.ok(w, v, page{Name: "print", Title: texts.Say("print.print", "reference", v.letter.ID.Reference()), Script: "read.js", Reads: true, EndsIn: p.endsIn(v.letter), Body: struct {
		Letter register.Letter
		Pages  []shownPage
	}{v.letter, pages}})
}
