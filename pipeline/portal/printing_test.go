package portal

import (
	"net/http"
	"strings"
	"testing"

	"letterlock/scanner/letter"
)

// Where letters may not be printed there is no such page, and the pages are not
// on paper when somebody prints all the same; where they may, each printing is
// on record first.
func TestPrintingInTheBrowser(t *testing.T) {
	b := newBrowser(t, letsPrint, func(c *Config) { c.Sample = true })
	link := b.reads()
	id := letter.ID(strings.TrimPrefix(link, "/l/"))
	onPaper := func() (n string) {
		t.Helper()
		b.OnPaper(func() {
			n = b.Finds(`[...document.querySelectorAll("main img")].filter((i) => i.checkVisibility()).length`)
		})
		return n
	}
	if n := onPaper(); n != "0" {
		t.Errorf("%s pages are printed off record", n)
	}
	b.Press(`form[action="` + link + `/print"] button`)
	b.Wants("It is recorded that you print it.")
	if n := onPaper(); n != "3" {
		t.Errorf("%s of 3 pages are printed", n)
	}
	if n := b.LoadImages(); n != 3 {
		t.Errorf("%d of 3 pages are there", n)
	}
	if n := b.Sheets(); n != 3 {
		t.Errorf("3 pages are printed on %d sheets", n)
	}
	printed := 0
	for _, e := range b.entries("letter-opened", id) {
		printed += strings.Count(string(e.Data), `"print"`)
	}
	if printed != 1 {
		t.Errorf("%d printings on record", printed)
	}
	b.be(b.dpo)
	b.Open("/register?about=" + id.Reference())
	b.Wants("(Ada Lead) opened the letter to print it.")
}

// TestLooksOfPrinting looks at the pages that are there only where letters may be
// printed, on the screen and on paper.
func TestLooksOfPrinting(t *testing.T) {
	l := newLooker(t, letsPrint)
	l.is(l.lead)
	path := "/l/" + string(l.letter(2))
	l.at("letter-prints", path)
	l.Open(path)
	l.Press(`form[action="` + path + `/print"] button`)
	l.looks("print")
	for _, said := range l.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}

func TestPrintingIsNotAllowed(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	v := h.as(h.lead)
	if strings.Contains(v.get("/l/"+string(id)).Body.String(), "/print") {
		t.Error("it is offered")
	}
	wantStatus(t, v.post("/l/"+string(id)+"/print", nil), http.StatusNotFound)
	for _, e := range h.entries("letter-opened", id) {
		if strings.Contains(string(e.Data), `"print"`) {
			t.Error("it is on record")
		}
	}
}
