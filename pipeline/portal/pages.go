package portal

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

//go:embed templates/*.html
var templates embed.FS

// pages are the parsed templates by the page's name: each is layout.html with
// the page's own "main".
type pages map[string]parsedPage

type parsedPage struct {
	*template.Template
	asks bool // it has a form of its own, that is sent
}

func parsePages(funcs template.FuncMap) (pages, error) {
	layout, err := template.New("layout.html").Funcs(funcs).ParseFS(templates, "templates/layout.html")
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(templates, "templates/*.html")
	if err != nil {
		return nil, err
	}
	out := pages{}
	for _, file := range names {
		name := strings.TrimSuffix(strings.TrimPrefix(file, "templates/"), ".html")
		if name == "layout" {
			continue
		}
		t, err := layout.Clone()
		if err != nil {
			return nil, err
		}
		text, err := templates.ReadFile(file)
		if err != nil {
			return nil, err
		}
		if _, err := t.New(name).Parse(string(text)); err != nil {
			return nil, err
		}
		out[name] = parsedPage{t, bytes.Contains(text, []byte(`method="post"`))}
	}
	return out, nil
}

// page is what a template gets.
type page struct {
	Name   string // of its template
	Title  texts.Text
	Note   texts.Text // what has just been done, at the top
	Urgent bool       // of the note: somebody must do something about it
	Errors []formFlaw // what is to be put right in the form, at the top
	Script string     // the page's own script, if any
	Also   string     // and a second one
	Body   any

	Reads  bool  // it shows a letter, and goes from the screen: see Goes
	EndsIn int64 // milliseconds until that is not shown any more; 0 for never, or not soon

	// Set by show.
	Person   register.Person
	SignedIn bool
	Here     string // the address's first part, to mark it in the menu
	Menu     []menuItem
	Alarms   []alarm      // where they are the person's to know
	Places   []whereabout // where the session is used, if from two places at once
	Sample   bool
	Urges    bool   // to make a second passkey
	Idle     int    // seconds after which the session ends
	Address  string // of this page, to come back to
	Who      int64  // staff number of whose page it is
	Token    string // of the page's form, if it acts once only: see sending.go
}

// Folded reports whether the menu is so long that a phone shows it folded away, and
// what was asked for in its place: beside the account and signing out.
func (p page) Folded() bool { return len(p.Menu) > 4 }

// going is where a page goes by itself, and after how many seconds.
type going struct {
	In int64
	To string
}

// Goes is where a page that shows a letter goes in a browser without script, which
// neither warns nor asks: the session's end that nobody uses, or the letter's.
func (p page) Goes() *going {
	if !p.Reads || !p.SignedIn {
		return nil
	}
	if end := (p.EndsIn + 999) / 1000; p.EndsIn > 0 && end < int64(p.Idle) {
		return &going{end, p.Address}
	}
	return &going{int64(p.Idle), "/sign-in?idle=1&to=" + url.QueryEscape(p.Address)}
}

// Waits is how much waits behind the menu, to be said where it is folded away.
func (p page) Waits() (n int) {
	for _, item := range p.Menu {
		n += item.Waits
	}
	return n
}

// formFlaw is one thing to put right in a form, said at the top and at its field.
type formFlaw struct {
	Field string
	Says  texts.Text
}

// Flaw is what is to be put right at the field, or empty.
func (p page) Flaw(field string) texts.Text {
	for _, f := range p.Errors {
		if f.Field == field {
			return f.Says
		}
	}
	return nil
}

type menuItem struct {
	Path  string
	Says  texts.Text
	Waits int // how much waits there
}

var menus = map[register.Role][]menuItem{
	register.TeamLeader:    {{Path: "/letters", Says: texts.Say("menu.letters")}},
	register.Manager:       {{Path: "/overview", Says: texts.Say("menu.overview")}, {Path: "/letters", Says: texts.Say("menu.letters")}, {Path: "/papers", Says: texts.Say("menu.papers")}, {Path: "/requests", Says: texts.Say("menu.requests")}, {Path: "/holds", Says: texts.Say("menu.holds")}, {Path: "/calendar", Says: texts.Say("menu.calendar")}, {Path: "/retention", Says: texts.Say("menu.retention-record")}, {Path: "/evidence", Says: texts.Say("menu.evidence")}, {Path: "/settings", Says: texts.Say("menu.settings")}},
	register.Operations:    {{Path: "/desk", Says: texts.Say("menu.destruction-desk")}, {Path: "/papers", Says: texts.Say("menu.papers")}, {Path: "/intake", Says: texts.Say("menu.intake")}},
	register.DPO:           {{Path: "/register", Says: texts.Say("menu.register")}, {Path: "/openings", Says: texts.Say("menu.openings")}, {Path: "/calendar", Says: texts.Say("menu.calendar")}, {Path: "/requests", Says: texts.Say("menu.requests")}, {Path: "/holds", Says: texts.Say("menu.holds")}, {Path: "/retention", Says: texts.Say("menu.retention-record")}, {Path: "/evidence", Says: texts.Say("menu.evidence")}},
	register.Administrator: {{Path: "/people", Says: texts.Say("menu.people")}, {Path: "/scanners", Says: texts.Say("menu.scanners")}, {Path: "/settings", Says: texts.Say("menu.settings")}, {Path: "/check", Says: texts.Say("menu.checks")}},
}

// menu is the person's menu, with what waits for them. A scanner folder that
// cannot be looked into is for the pages about it to tell.
func (p *Portal) menu(v *visit) []menuItem {
	items := slices.Clone(menus[v.person.Role])
	for i := range items {
		if items[i].Path == "/requests" {
			asked, _ := p.cfg.Register.Requests(v.Context(), v.person.Number)
			items[i].Waits = len(asked)
		}
		if items[i].Path == "/holds" {
			holds, _ := p.cfg.Register.HoldsShown(v.Context(), v.person.Number)
			for _, h := range holds {
				if h.ReleaseBy != 0 && h.ReleaseBy != v.person.Number {
					items[i].Waits++
				}
			}
		}
		if items[i].Path == "/intake" {
			found, _ := p.waiting(v)
			items[i].Waits = unanswered(found)
		}
	}
	return items
}

// idle is after how long a session ends that nobody uses.
func (p *Portal) idle(ctx context.Context) time.Duration {
	idle, err := p.cfg.Register.Idle(ctx)
	if err != nil {
		return register.SessionIdle // the page is about the same trouble, and only warns too late
	}
	return idle
}

// urged is for how long after a sign-in somebody with one passkey is told to make a
// second one: about as long as they look at one page. Later it would stand above every
// letter; their account's page and 'check' say it always.
const urged = 30 * time.Second

// hasAnotherWay reports whether the visitor signs in without their passkey too.
func (p *Portal) hasAnotherWay(v *visit) bool {
	linked, err := p.linked(v, v.person)
	return linked && err == nil
}

// show writes a page. It is made whole before its first byte is sent, so that
// a fault in it can still become a plain page.
func (p *Portal) show(w http.ResponseWriter, v *visit, status int, pg page) {
	pg.SignedIn, pg.Person, pg.Sample = v.signedIn, v.person, p.cfg.Sample
	pg.Token = rand.Text()
	if v.signedIn {
		pg.Idle = int(p.idle(v.Context()).Seconds())
		pg.Who = v.person.Number
		pg.Urges = v.person.Passkeys == 1 && p.cfg.Now().Sub(v.since) < urged && v.URL.Path != accountPath && !p.hasAnotherWay(v)
		pg.Menu = p.menu(v)
		pg.Alarms = p.alarms(v)
		pg.Places = v.places
	}
	if status < 400 {
		pg.Here, _, _ = strings.Cut(strings.TrimPrefix(v.URL.Path, "/"), "/")
		pg.Address = p.pageAt(*v.URL)
	} else if status == http.StatusUnprocessableEntity || pg.Flaw(againFlaw.Field) != nil {
		pg.Address = p.cameFrom(v) // the form is on that page; at its own address there may be none
	}
	if at, is := formsPage(pg.Address, v.PostForm); is {
		pg.Address = at
	}
	made := p.makeFor(v, status, pg)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(made) // the reader has gone if this fails
}

// makeFor is make, with what the visitor had entered on the page before, if anything.
func (p *Portal) makeFor(v *visit, status int, pg page) []byte {
	if v.signedIn && status == http.StatusOK && v.Method == http.MethodGet && p.pages[pg.Name].asks {
		if e, found := p.enteredBefore(v); found {
			return p.makeWith(v, pg, e)
		}
	}
	return p.make(pg)
}

func (p *Portal) make(pg page) []byte {
	var out bytes.Buffer
	if err := p.pages[pg.Name].ExecuteTemplate(&out, "layout.html", pg); err != nil {
		panic(fmt.Errorf("showing page: %w", err))
	}
	return out.Bytes()
}

// ok shows a page that is what was asked for.
func (p *Portal) ok(w http.ResponseWriter, v *visit, pg page) error {
	status := http.StatusOK
	if len(pg.Errors) > 0 {
		status = http.StatusUnprocessableEntity
	}
	if pg.Flaw(againFlaw.Field) != nil {
		status = http.StatusForbidden
	}
	p.show(w, v, status, pg)
	return nil
}
