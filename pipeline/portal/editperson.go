package portal

import (
	"cmp"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

type editBody struct {
	personBody
	Form      url.Values
	Helplines []Helpline // to choose from; none but for a team leader
	Was       string     // what was on record when the form was first shown: see onRecord
}

// onRecord stands for all that the form changes, as it is on record. A form that was
// filled in over something else would give back what was taken meanwhile.
func onRecord(who register.Person) string {
	return hashOf(fmt.Sprintf("%q", append([]string{who.Name, who.Email}, slices.Sorted(slices.Values(who.Helplines))...)))
}

// editOf is the person whom the address names, for another act than what their own
// page offers.
func (p *Portal) editOf(v *visit) (personBody, error) {
	person, err := p.personOf(v)
	person.Path += "/edit"
	person.Shown = p.shows(v, person.Path)
	return person, err
}

func (p *Portal) editPersonPage(w http.ResponseWriter, v *visit) error {
	person, err := p.editOf(v)
	if err != nil {
		return err
	}
	form := url.Values{"name": {person.Name}, "email": {person.Email}, "helpline": person.Person.Helplines}
	return p.showEdit(w, v, person, form, nil)
}

func (p *Portal) showEdit(w http.ResponseWriter, v *visit, person personBody, form url.Values, flaws []formFlaw) error {
	body := editBody{personBody: person, Form: form, Was: cmp.Or(form.Get("was"), onRecord(person.Person))}
	if person.Role == register.TeamLeader {
		body.Helplines = p.cfg.Helplines
	}
	return p.ok(w, v, page{Name: "edit", Title: texts.Say("edit.change", "name", person.Name), Script: "passkey.js", Errors: flaws, Body: body})
}

// editPerson changes what the person is called, where they are written to and
// whose letters they read. What they do is not changed: that is another person's
// sign-in.
func (p *Portal) editPerson(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	person, err := p.editOf(v)
	if err != nil {
		return err
	}
	if !person.Shown {
		return p.showEdit(w, v, person, v.PostForm, []formFlaw{againFlaw})
	}
	if was := v.PostForm.Get("was"); was != "" && was != onRecord(person.Person) {
		return movedOn
	}
	v.PostForm.Set("role", string(person.Role))
	who, flaws := p.readPerson(v.PostForm)
	if person.Role == "" { // whose groups give none now: nothing is asked of it here
		flaws = slices.DeleteFunc(flaws, func(f formFlaw) bool { return f.Field == "role" })
	}
	if len(flaws) > 0 {
		return p.showEdit(w, v, person, v.PostForm, flaws)
	}
	who.Number = person.Number
	changed := fmt.Sprintf("/people/%d?done=changed", person.Number)
	if err := p.cfg.Register.ChangePerson(v.once(changed), who, v.person.Number); err != nil {
		return err
	}
	p.used(v, person.Path)
	redirect(w, changed)
	return nil
}

func sayPersonChanged(d register.PersonChanged, e register.Entry, t teller) texts.Text {
	var what []texts.Text
	if d.Name {
		what = append(what, texts.Say("edit.the-name"))
	}
	if d.Address {
		what = append(what, texts.Say("edit.the-mail-address"))
	}
	if d.Helplines {
		what = append(what, texts.Say("edit.the-helplines-now", "helplines", apply(d.Leads, func(n register.Name) string { return t.helpline(string(n)) })))
	}
	return texts.Say("edit.changed-of", "who", t.staff(e.By), "person", t.staff(d.Person), "what", what)
}
