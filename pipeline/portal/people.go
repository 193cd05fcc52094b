package portal

import (
	"net/http"

	"letterlock/pipeline/register"
)

type peopleBody struct {
	People  []register.Person
	Checks  []CheckLine
	Checked bool // there is something that checks
}

// peoplePage shows the administrator who can sign in and what is wrong with
// the installation. Changing it is done at the server's console.
func (p *Portal) peoplePage(w http.ResponseWriter, v *visit) error {
	people, err := p.cfg.Register.People(v.Context())
	if err != nil {
		return err
	}
	body := peopleBody{People: people, Checked: p.cfg.Check != nil}
	if body.Checked {
		body.Checks = p.cfg.Check(v.Context())
	}
	return p.ok(w, v, page{Name: "people", Title: "People and checks", Body: body})
}
