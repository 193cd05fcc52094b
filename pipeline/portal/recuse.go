package portal

import (
	"net/http"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// lastReader is told to whoever is the only one left who may read the letter: one
// that nobody may read would be as good as lost.
var lastReader = &problem{Status: http.StatusConflict, Heading: texts.Say("recuse.nobody-else-may-read-this-letter"),
	Lines: []texts.Text{texts.Say("recuse.if-you-were-walled-off"),
		texts.Say("recuse.close-it-and-ask")}}

// knowsHeld is told to a manager who would release what holds everything of a
// helpline and, with it, a letter from which they are walled off.
var knowsHeld = &problem{Status: http.StatusForbidden, Heading: texts.Say("recuse.somebody-else-must-release-it"),
	Lines: []texts.Text{texts.Say("recuse.it-keeps-a-letter-in-which")}, Link: "/holds", LinkSay: texts.Say("hold.holds")}

func (p *Portal) recusePage(w http.ResponseWriter, v *visit) error {
	others, err := p.cfg.Register.OthersMayRead(v.Context(), v.letter, v.person.Number)
	if err != nil {
		return err
	}
	if !others {
		return lastReader
	}
	return p.ok(w, v, page{Name: "recuse", Title: texts.Say("recuse.do-you-know-somebody"), Body: v.letter})
}

// recuse walls the visitor off from the letter.
func (p *Portal) recuse(w http.ResponseWriter, v *visit) error {
	told, err := p.managerIsTold(v)
	if err != nil {
		return err
	}
	shows := "/letters?done=recused"
	switch {
	case !told && v.person.Role == register.Manager:
		shows += "-managing"
	case !told:
		shows += "-untold"
	}
	if err := p.cfg.Register.Recuse(v.once(shows), v.letter.ID, v.person.Number); err != nil {
		return err
	}
	redirect(w, v.shown(shows))
	return nil
}
