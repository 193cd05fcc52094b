package portal

import (
	"strconv"
	"strings"
	"sync"

	"letterlock/pipeline/register"
)

// How sharp the picture of a page is, in dots per inch of paper. One with more dots
// than are seen costs whoever waits for it: it is made, sent and drawn for nothing. So
// the browser, which alone knows its screen, chooses of the first two (HTML, "srcset").
const (
	// screenDPI has a dot for each of a page that is as wide as any is shown, where a
	// screen has one for a pixel of CSS.
	screenDPI = 104
	// pageDPI is sharp enough for faint handwriting on finer screens and on a phone's
	// zoom, at about a third of a megabyte a page.
	pageDPI = 150
	// largerDPI is for a page that is shown in twice its size.
	largerDPI = 200
)

// dpiOf is how sharp the address asks for a page; anything else is pageDPI.
func dpiOf(v *visit) int {
	switch asked := v.URL.Query().Get("dpi"); asked {
	case strconv.Itoa(screenDPI):
		return screenDPI
	case strconv.Itoa(largerDPI):
		return largerDPI
	}
	return pageDPI
}

// screens remembers which of the two each person's browser chose last: their next
// letter's first page is begun so, before they ask for it. A wrong guess costs time
// alone, so it is in memory, a number a person.
type screens struct {
	mu   sync.Mutex
	last map[int64]int
}

func (s *screens) chose(person int64, dpi int) {
	if dpi == largerDPI { // which is no choice of the browser
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last == nil {
		s.last = map[int64]int{}
	}
	s.last[person] = dpi
}

// firstDPI is how sharp the visitor's browser is going to ask for the first page.
func (p *Portal) firstDPI(v *visit, l register.Letter) int {
	switch pages, larger := shownPages(v, l); {
	case larger:
		return largerDPI
	case pages[0].OnScreen == "":
		return pageDPI
	}
	return p.screens.will(v)
}

// will is which the visitor's browser is going to choose. Phones have fine screens, and
// say that they are phones.
func (s *screens) will(v *visit) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if dpi, known := s.last[v.person.Number]; known {
		return dpi
	}
	if strings.Contains(v.UserAgent(), "Mobi") {
		return pageDPI
	}
	return screenDPI
}
