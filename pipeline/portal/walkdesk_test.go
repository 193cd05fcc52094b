package portal

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"letterlock/scanner/letter"
)

// formKind is how a browser sends a form without a file.
const formKind = "application/x-www-form-urlencoded"

// signs has somebody of operations take papers to the end: the form, both
// signatures, the record. By chance alone nobody comes there. Sometimes a signature
// is missing or is the visitor's own, something happens before it is sent, or it
// is sent twice at once; whatever it is, all of the papers are on record, or none.
func (w *walk) signs() {
	who := pickOf(w.rng, w.walkers)
	for who.person != w.ops && who.person != w.ops2 {
		who = pickOf(w.rng, w.walkers)
	}
	if !w.isHere(who.person) {
		return
	}
	if !who.signedIn() {
		who.visitor = w.as(who.person)
	}
	path, papers, form := w.deskForm(who)
	sent := w.does(who, http.MethodPost, path, []byte(form.Encode()), formKind, 1)
	sign := sent[0].Header().Get("Location")
	if !strings.HasPrefix(sign, "/desk/sign/") {
		w.t.Errorf("a form of the desk with nothing wrong was answered %d:\n%s", sent[0].Code, sent[0].Body)
		return
	}
	witness, undisturbed := pickOf(w.rng, []int64{w.ops, w.ops2, w.manager}), w.rng.IntN(4) > 0
	signed := witness != who.person && w.isHere(witness)
	who.witnessed(sign, witness)
	if w.rng.IntN(5) == 0 {
		signed = false
	} else {
		who.showsAgain(sign)
	}
	if !undisturbed {
		pickOf(w.rng, []func(){w.happens, func() { w.dies(who) }})()
	}
	answers := w.does(who, http.MethodPost, sign, nil, formKind, 1+w.rng.IntN(2))
	n := 0
	for _, id := range papers {
		n += len(w.entries("paper-destroyed", id))
	}
	switch {
	case n != 0 && n != len(papers):
		w.t.Errorf("of %d papers of one tray %d are on record", len(papers), n)
	case n != 0 && !signed:
		w.t.Error("papers are on record that two people have not signed for")
	case n == 0 && signed && undisturbed:
		w.t.Errorf("two people have signed, and nothing is on record:\n%s", answers[0].Body)
	case n != 0:
		w.destroyed += n
		for _, a := range answers {
			if a.Code != http.StatusSeeOther {
				w.t.Errorf("it is on record, and somebody is told %d:\n%s", a.Code, a.Body)
			}
		}
	}
}

// isHere reports whether the person has not left.
func (w *walk) isHere(person int64) bool {
	p, err := w.register.Person(w.t.Context(), person)
	must(w.t, err)
	return !p.Disabled
}

// deskForm is a form of the desk for one paper or for three, filled in well.
func (w *walk) deskForm(who *walker) (path string, papers []letter.ID, form url.Values) {
	papers = []letter.ID{w.readable(1 + w.rng.IntN(2))}
	path = "/desk/" + string(papers[0])
	form = w.destruction("sheets", "1", "scanner", strconv.FormatInt(who.person, 10))
	if w.rng.IntN(2) == 0 {
		path = "/desk/tray"
		papers = append(papers, w.readable(1), w.readable(1))
		for _, id := range papers {
			form.Add("paper", string(id))
			form.Set("sheets-"+string(id), "1")
		}
	}
	w.letters = append(w.letters, papers...)
	return path, papers, form
}
