package portal

import (
	"fmt"
	"slices"
	"testing"

	"letterlock/scanner/specimen"
)

// Nothing of a letter is left on the disk of whoever has read it: no piece of a
// page's picture, none of the PDF, no line of what the page says. What may be
// kept, the style sheet, is found there: the search finds what is left.
func TestTheBrowserKeepsNothingOfALetter(t *testing.T) {
	b := newBrowser(t, func(c *Config) { c.Sample = true })
	b.reader.pdf = specimen.New(3, 2).ColourPDF()
	link := b.reads()
	if n := b.LoadImages(); n != 3 {
		t.Fatalf("%d of 3 pages are there", n)
	}
	b.Press(`form[action$="/scan-again"] button`) // an answer to a form is no other
	b.Wants("Choose what is wrong with the scan")
	b.WantsThat(fmt.Sprintf(`(await (await fetch(%q)).arrayBuffer()).byteLength`, link+"/letter.pdf"), fmt.Sprint(len(b.reader.pdf)))
	b.Open("/letters")
	b.Open(link) // and back to it

	fragments := map[string][]byte{
		"the style sheet": []byte("ink on paper, one accent"),
		"the page's text": []byte("Once you say that it is readable"),
	}
	pieces := func(name string, of []byte) {
		for i := 1; i < 8; i++ { // from its middle: a beginning is alike everywhere
			fragments[fmt.Sprintf("%s, piece %d", name, i)] = of[len(of)*i/8:][:24]
		}
	}
	pieces("the PDF", b.reader.pdf)
	for n := 1; n <= 3; n++ {
		for _, dpi := range []int{screenDPI, pageDPI} { // whichever this browser has chosen
			picture, err := drawPage(n, dpi, a4Width*dpi/pageDPI, a4Height*dpi/pageDPI)
			must(t, err)
			pieces(fmt.Sprintf("page %d at %d", n, dpi), picture)
		}
	}
	if found := b.Keeps(fragments); !slices.Equal(found, []string{"the style sheet"}) {
		t.Errorf("on the disk are %q, and only the style sheet may be", found)
	}
}
