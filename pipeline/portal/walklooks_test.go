package portal

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"golang.org/x/net/html"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// What a random walk looks at after each of its steps, and at its end.

// sent is send for a request that has its cookies already.
func (v *visitor) sent(r *http.Request) *httptest.ResponseRecorder {
	r.Host = "localhost:8080"
	a := httptest.NewRecorder()
	v.h.portal.ServeHTTP(a, r)
	allSaid(v.h.t, r.URL.Path, a)
	return a
}

func (w *walk) newest() int64 {
	found, err := w.register.Entries(w.t.Context(), -1, "", "", 1)
	must(w.t, err)
	return found[0].N
}

// may says by the table of routes alone whether the walker may do so; plain, that
// the address names nothing that could be missing.
func (w *walk) may(who *walker, method, path string) (may, plain bool) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.URL.Path = path
	_, pattern := w.portal.mux.Handler(r)
	at := slices.IndexFunc(routes, func(r route) bool { return r.path == pattern && r.method == strings.Replace(method, "HEAD", "GET", 1) })
	if at < 0 {
		return strings.HasPrefix(path, "/static/"), false
	}
	rt := routes[at]
	plain = !strings.Contains(rt.path, "{") && rt.method == http.MethodGet
	if len(rt.who) == 0 {
		return true, plain
	}
	s, err := w.register.Session(w.t.Context(), who.cookies[sessionCookie])
	if err != nil || !slices.Contains(rt.who, s.Person.Role) {
		return false, plain
	}
	if rt.own {
		id, err := letter.ParseID(strings.Split(path, "/")[2])
		if err != nil {
			return false, plain
		}
		l, err := w.register.Letter(w.t.Context(), id)
		if (l.State == register.Draft || l.State == register.ToConfirm) && !rt.unkept {
			return false, plain
		}
		return err == nil && l.Open(w.now) && s.Person.Role != register.DPO && mayReadByTheWall(s.Person, l), plain
	}
	return true, plain
}

// mayReadByTheWall is mayRead once more, as people would write it on a wall.
func mayReadByTheWall(who register.Person, l register.Letter) bool {
	if slices.Contains(l.Walled, who.Number) || l.State == register.Draft && l.UploadedBy != who.Number {
		return false
	}
	if who.Role == register.Manager {
		return true
	}
	return who.Role == register.TeamLeader && slices.Contains(who.Helplines, l.Helpline) && (l.Named == 0 || l.Named == who.Number)
}

func (w *walk) looksAtAnswer(a *httptest.ResponseRecorder, name string, may, plain bool) {
	said, to := a.Body.String(), a.Header().Get("Location")
	switch {
	case a.Code >= 500:
		w.t.Errorf("%s: answered %d:\n%s", name, a.Code, said)
	case strings.Contains(said, "goroutine ") || strings.Contains(said, ".go:"):
		w.t.Errorf("%s: shows what is inside:\n%s", name, said)
	case strings.Contains(said, "<"+mark):
		w.t.Errorf("%s: what was typed is part of the page:\n%s", name, said)
	case !may && (a.Code < 300 || a.Code < 400 && !strings.HasPrefix(to, "/sign-in?")):
		w.t.Errorf("%s: answered %d to %q to somebody who may not:\n%s", name, a.Code, to, said)
	case may && plain && a.Code == http.StatusNotFound:
		w.t.Errorf("%s: not found by somebody who may", name)
	case to != "" && samePath(to) != to:
		w.t.Errorf("%s: leads away, to %q", name, to)
	}
}

// arrives has the walker on the page that came, after where it led.
func (w *walk) arrives(who *walker, address, method string, a *httptest.ResponseRecorder) {
	if to := a.Header().Get("Location"); to != "" && method != http.MethodHead {
		if who.links = []string{to}; w.rng.IntN(5) > 0 {
			w.visits(who, to)
		}
		return
	}
	if !strings.HasPrefix(a.Header().Get("Content-Type"), "text/html") {
		return
	}
	page, err := html.Parse(bytes.NewReader(a.Body.Bytes()))
	must(w.t, err)
	if method == http.MethodGet && a.Code == http.StatusOK {
		who.here = address
	}
	who.links, who.forms = nil, nil
	for node := range page.Descendants() {
		switch to := attr(node, "href"); {
		case node.Data == "a" && strings.HasPrefix(to, "/"):
			who.links = append(who.links, to)
		case node.Data == "img" && strings.HasPrefix(attr(node, "src"), "/"):
			who.links = append(who.links, attr(node, "src"))
		case node.Data == "button" && attr(node, "data-begin") != "":
			who.forms = append(who.forms, &walkForm{action: attr(node, "data-begin")}, &walkForm{action: attr(node, "data-finish")})
		case node.Data == "form" && strings.HasPrefix(attr(node, "action"), "/sign-out") && w.rng.IntN(20) > 0: // it is on every page
		case node.Data == "form" && attr(node, "method") == "post":
			who.forms = append(who.forms, w.reads(node))
		}
	}
	w.links = append(w.links, who.links...)
	w.forms = append(w.forms, who.forms...)
	w.forms = w.forms[max(0, len(w.forms)-400):]
}

// reads a form, and keeps what it offers for others.
func (w *walk) reads(node *html.Node) *walkForm {
	f := &walkForm{action: attr(node, "action"), upload: attr(node, "enctype") != ""}
	byName := map[string]*walkField{}
	for in := range node.Descendants() {
		name, kind := attr(in, "name"), attr(in, "type")
		if name == "" || name == "who" { // or nobody would get far with a page of somebody else
			continue
		}
		field := byName[name]
		if field == nil {
			field = &walkField{name: name, many: kind == "checkbox"}
			byName[name] = field
			f.fields = append(f.fields, field)
		}
		switch {
		case in.Data == "select":
			for option := range in.Descendants() {
				if option.Data == "option" {
					field.values = append(field.values, attr(option, "value"))
				}
			}
		case in.Data == "button" || slices.Contains([]string{"hidden", "radio", "checkbox"}, kind):
			field.values = append(field.values, attr(in, "value"))
		}
		w.values = append(w.values, field.values...)
	}
	w.values = w.values[max(0, len(w.values)-200):]
	return f
}

// ends holds the register against its signed checkpoint, and the log against
// failures of ours.
func (w *walk) ends() {
	var export bytes.Buffer
	must(w.t, w.register.Export(w.t.Context(), &export))
	if _, err := register.Verify(&export, w.verifier); err != nil {
		w.t.Errorf("the register does not prove itself: %v", err)
	}
	b, err := w.register.Balance(w.t.Context())
	if err != nil || b.Differs() != 0 {
		w.t.Errorf("the register and the database do not add up: %+v, %v", b, err)
	}
	if log := w.log.String(); strings.Contains(log, "level=ERROR") || strings.Contains(log, mark) {
		w.t.Errorf("the log tells of failures, or of what was typed:\n%s", log)
	}
	w.t.Logf("answered %v; on record %v", w.answered, w.onRecord())
}

// onRecord counts the entries by their kind.
func (w *walk) onRecord() map[string]int {
	kinds := map[string]int{}
	all, err := w.register.Entries(w.t.Context(), -1, "", "", 1<<20)
	must(w.t, err)
	for _, e := range all {
		kinds[e.Kind]++
	}
	return kinds
}

// everywhere reports whether the walk has been in enough places to tell of anything:
// letters were read, papers came to their end, forms were refused, and much is on record.
func (w *walk) everywhere() bool {
	if w.destroyed == 0 || w.answered[http.StatusUnprocessableEntity] == 0 {
		return false
	}
	kinds := w.onRecord()
	return kinds["letter-opened"] > 0 && len(kinds) >= 15
}

// followed has somebody new come for each who has left: of a house without anybody of
// operations no walk would have an end.
func (w *walk) followed() {
	for _, n := range []*int64{&w.lead, &w.lead2, &w.manager, &w.ops, &w.ops2, &w.dpo, &w.admin} {
		who, err := w.register.Person(w.t.Context(), *n)
		must(w.t, err)
		if !who.Disabled {
			continue
		}
		var leads []string
		if who.Role == register.TeamLeader {
			leads = []string{"respect-phoneline"}
		}
		*n = w.person("Nell New", who.Role, leads...)
		w.walkers = append(w.walkers, &walker{visitor: w.as(*n), person: *n, here: "/"})
	}
}
