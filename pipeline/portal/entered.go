package portal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/html"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// What somebody typed or chose in a form, and sent after their session had ended by
// itself or had not sent by then, is kept for them for an hour: whoever signs in as the
// same person and comes to the same page finds it in the form again, once, and sends it
// or not. Nothing is done by it. It is never another's, whoever signs in at that
// browser: the form says whose page it is on, and that must be whose session it is or
// was. Of a session that somebody has ended nothing is kept, of a form that others may
// have answered meanwhile neither, and nothing in it names a letter.

const (
	enteredLives = time.Hour
	mostEntered  = 16 << 10 // bytes of one form
)

// formsEntered is of how many forms something is kept at once; of more, the oldest give
// way.
var formsEntered = register.Room{All: 500, One: 50}

// neverKept are the fields of which nothing is kept: what has to be said anew each
// time, what stands in the table of people and nowhere else, codes, free text that
// nobody has looked through yet, and what stands hidden in a page of ours.
var neverKept = []string{"confirm", "change", "looked", "read", "same", "check", "name", "email", "code", "others", "references",
	"who", "was", "to", "letter", "state", "instead", "paper", "pages", "passkey", "shown", "seen"}

// neverKeptOf are the beginnings of such fields' names, of which there is one for each
// page of a scan, or each paper: that somebody has counted again, or has looked.
var neverKeptOf = []string{"despite-", "recounted", "counted-"}

func isKept(field string) bool {
	return !slices.Contains(neverKept, field) && !slices.ContainsFunc(neverKeptOf, func(begins string) bool { return strings.HasPrefix(field, begins) })
}

// entered is what was entered into one form.
type entered struct {
	Action string     // hash of the form's address, which may name a letter
	Route  string     // and the pattern of that address, which names none
	Form   url.Values // of the form's fields, unnamed
}

func actionHash(action string) string {
	path, _, _ := strings.Cut(action, "?") // with its token it acts once
	return hashOf(path)
}

func hashOf(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

// ofLetter stands before the hash of a letter's id.
const ofLetter = "letter:"

var lettersOwnID = regexp.MustCompile(anID)

// unnamed is a field's name or its value with no letter's id in it: of the same letter,
// it is the same.
func unnamed(s string) string {
	return lettersOwnID.ReplaceAllStringFunc(s, func(id string) string { return ofLetter + hashOf(id) })
}

// underEntered is what the person has entered on a page.
func underEntered(person int64, page string) register.Underway {
	return register.Underway{Kind: "entered", Token: strconv.FormatInt(person, 10) + " " + page, Person: person}
}

// whoHad is who has the session of the visitor, or had it when it ended by itself; 0
// for nobody.
func (p *Portal) whoHad(v *visit) (int64, error) {
	c, err := v.Cookie(sessionCookie)
	switch {
	case v.signedIn:
		return v.person.Number, nil
	case err != nil || v.closed:
		return 0, nil
	}
	who, err := p.cfg.Register.WhoseSession(v.Context(), c.Value, enteredLives)
	return who, unlessNotFound(err)
}

// keepEntered keeps what was entered into the form with that address, on a page of
// whoever has or had the session, and reports whether there was anything to keep. On the
// start page, to which whoever comes from nowhere is led, there is no form.
func (p *Portal) keepEntered(ctx context.Context, who int64, page, action string, form url.Values) (bool, error) {
	page, is := formsPage(page, form)
	if who == 0 || form.Get("who") != strconv.FormatInt(who, 10) || page == "/" || !is {
		return false, nil
	}
	route, keeps := p.keepsOf(action)
	if !keeps {
		return false, nil
	}
	e := entered{Action: actionHash(action), Route: route, Form: url.Values{}}
	for name, values := range form {
		if isKept(name) {
			e.Form[unnamed(name)] = apply(values, unnamed)
		}
	}
	body, err := json.Marshal(e)
	if err != nil || len(e.Form) == 0 || len(body) > mostEntered {
		return false, err
	}
	u := underEntered(who, page)
	u.Body, u.Ends = string(body), p.cfg.Now().Add(enteredLives)
	return true, p.cfg.Register.KeepUnderway(ctx, u, formsEntered)
}

// formsPage is the page on which a form stands, of what was made from that form and
// stands at an address with its token; and whether that form is there again, for the
// same letter or papers if it is of any: what the address does not say, only the form
// that was sent does.
func formsPage(page string, sent url.Values) (at string, is bool) {
	u, err := url.Parse(page)
	if err != nil {
		return page, false
	}
	q := u.Query()
	if u.Path == trayPath && u.RawQuery == "" && sent.Has("paper") { // its form's own address, where it came back with something to put right
		return trayPath + "?" + url.Values{"paper": sent["paper"]}.Encode(), true
	}
	if !q.Has("form") {
		return page, true
	}
	q.Del("form")
	u.RawQuery = q.Encode()
	return u.RequestURI(), q.Has("letter") || !sent.Has("letter") && !sent.Has("paper")
}

// keepsOf is the pattern of a form's address, and whether something is kept of that form.
func (p *Portal) keepsOf(action string) (pattern string, keeps bool) {
	path, _, _ := strings.Cut(action, "?")
	for _, r := range p.routesAt(path) {
		if r.method == http.MethodPost {
			return r.path, !r.anew
		}
	}
	return "", false
}

// overtaken reports whether the question of the form was answered meanwhile, by
// whomever: what was entered before must not come back over that.
func (p *Portal) overtaken(e entered, l register.Letter) bool {
	return slices.ContainsFunc(p.routes[e.Route], func(r route) bool {
		return r.method == http.MethodPost && r.answered != nil && r.answered(l, e.Form)
	})
}

// sentTooLate keeps a form that came after its session had ended, and reports whether
// it did. One that carries a file is not read.
func (p *Portal) sentTooLate(v *visit) bool {
	if v.Method != http.MethodPost || isUpload(v.Request) || v.ParseForm() != nil {
		return false
	}
	who, err := p.whoHad(v)
	if err == nil {
		var kept bool
		if kept, err = p.keepEntered(v.Context(), who, p.cameFrom(v), v.URL.Path, v.PostForm); err == nil {
			return kept
		}
	}
	p.cfg.Log.Error("what was entered cannot be kept", "error", err)
	return false
}

// takeEntered takes from our script what was entered on a page that it takes away. A
// page of somebody who sat here before is not whoever's who is signed in now.
func (p *Portal) takeEntered(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	who, err := p.whoHad(v)
	if err != nil {
		return err
	}
	q := v.URL.Query()
	if _, err := p.keepEntered(v.Context(), who, samePath(q.Get("page")), q.Get("action"), v.PostForm); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// enteredBefore is what the visitor has entered before on the page that they are shown.
func (p *Portal) enteredBefore(v *visit) (e entered, found bool) {
	u := underEntered(v.person.Number, v.URL.RequestURI())
	err := p.cfg.Register.FindUnderway(v.Context(), &u)
	if err == nil {
		err = json.Unmarshal([]byte(u.Body), &e)
	}
	if unlessNotFound(err) != nil {
		p.cfg.Log.Error("it cannot be found out what was entered before", "error", err)
	}
	return e, err == nil
}

// makeWith is make for a page on which the visitor has entered that before.
func (p *Portal) makeWith(v *visit, pg page, e entered) []byte {
	plain := pg
	var filled []byte
	if p.overtaken(e, v.letter) {
		pg.Note, pg.Urgent = texts.Say("layout.answered-meanwhile"), true
		filled = p.make(pg)
	} else {
		pg.Note, pg.Urgent = texts.Say("layout.what-you-had-entered"), true
		var is bool
		if filled, is = e.fillIn(p.make(pg)); !is {
			return p.make(plain) // the form comes once the person has shown anew who they are, or never
		}
	}
	if err := p.cfg.Register.EndUnderway(v.Context(), underEntered(v.person.Number, v.URL.RequestURI())); err != nil {
		p.cfg.Log.Error("what was entered before is shown until its hour is over", "error", err)
	}
	return filled
}

// fillIn puts what was entered into the page's form, and reports whether any of it is
// there now.
func (e entered) fillIn(made []byte) (filled []byte, is bool) {
	z := html.NewTokenizer(bytes.NewReader(made))
	var out bytes.Buffer
	var form, skip bool // inside of the form; of a text that is replaced
	var chooses string  // the name of the list of choices inside of which it is
	fold := 0           // where the tag ends that folds away what follows; 0 for none that is closed
	for {
		kind := z.Next()
		if kind == html.ErrorToken {
			return out.Bytes(), is
		}
		raw := slices.Clone(z.Raw())
		t := z.Token()
		was := is
		switch {
		case t.Data == "details":
			fold = 0
			if kind == html.StartTagToken && !slices.ContainsFunc(t.Attr, func(a html.Attribute) bool { return a.Key == "open" }) {
				fold = out.Len() + len(raw) - len(">")
			}
		case t.Data == "form" && kind == html.StartTagToken:
			form = actionHash(attribute(t, "action")) == e.Action
		case t.Data == "form" && kind == html.EndTagToken:
			form = false
		case !form:
		case t.Data == "textarea" && kind == html.StartTagToken && e.Form.Has(unnamed(attribute(t, "name"))):
			text := e.Form.Get(unnamed(attribute(t, "name")))
			raw = fmt.Append(raw, html.EscapeString(text))
			skip, is = true, is || text != ""
		case t.Data == "textarea" && kind == html.EndTagToken:
			skip = false
		case skip && kind == html.TextToken:
			raw = nil
		case t.Data == "select":
			chooses = unnamed(attribute(t, "name"))
		case t.Data == "option" && kind == html.StartTagToken && e.Form.Has(chooses):
			chosen := slices.Contains(e.Form[chooses], unnamed(attribute(t, "value")))
			raw = marked(t, "selected", chosen)
			is = is || chosen && attribute(t, "value") != ""
		case t.Data == "input":
			var fills bool
			raw, fills = e.fillInput(t, raw)
			is = is || fills
		}
		out.Write(raw)
		if is && !was && fold > 0 { // or nobody would see what came back
			rest := slices.Clone(out.Bytes()[fold:])
			out.Truncate(fold)
			fmt.Fprintf(&out, " open%s", rest)
			fold = 0
		}
	}
}

// fillInput is the tag of a field with what was entered into it, and whether that is
// anything.
func (e entered) fillInput(t html.Token, raw []byte) (filled []byte, fills bool) {
	name := unnamed(attribute(t, "name"))
	switch kind := attribute(t, "type"); {
	case !isKept(name) || kind == "hidden" || kind == "file":
		return raw, false
	case kind == "checkbox" || kind == "radio":
		chosen := slices.Contains(e.Form[name], unnamed(attribute(t, "value")))
		return marked(t, "checked", chosen), chosen
	case e.Form.Has(name) && !strings.Contains(e.Form.Get(name), ofLetter):
		t.Attr = append(without(t.Attr, "value"), html.Attribute{Key: "value", Val: e.Form.Get(name)})
		return []byte(t.String()), e.Form.Get(name) != ""
	}
	return raw, false
}

// marked is a tag with an attribute that has no value, or without it.
func marked(t html.Token, key string, is bool) []byte {
	if t.Attr = without(t.Attr, key); is {
		t.Attr = append(t.Attr, html.Attribute{Key: key})
	}
	return []byte(t.String())
}

func without(all []html.Attribute, key string) []html.Attribute {
	return slices.DeleteFunc(all, func(a html.Attribute) bool { return a.Key == key })
}

func attribute(t html.Token, key string) string {
	for _, a := range t.Attr {
		if a.Key == key {
			return a.Val
		}
	}
	return ""
}
