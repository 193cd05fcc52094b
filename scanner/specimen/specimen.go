// Package specimen draws letters that nobody wrote: pages of typed and signed
// paper, in the file formats that scanners make. They fill the sample folder
// in which people try Letterlock out, and stand in for real scans in tests.
//
// Everything is drawn by the program from a seed; the same seed draws the same
// bytes. It is a leaf, and independent of the code that reads scans, so that a
// mistake cannot be made on both sides and cancel out.
package specimen

import (
	"fmt"
	"math/rand/v2"
)

// Letter is a letter on A4 paper, ready to be drawn in any format.
type Letter struct {
	To   string   // who it is written to, one line
	From string   // the signature, one line
	Date string   // as the writer put it
	Body []string // the text of each page; its length is the number of pages
	// Canary, when set, is a word that a search can look for later: it is drawn
	// at the foot of every page, and ColourPDF carries it as page text too.
	Canary string
	DPI    int    // dots per inch, 150 when zero
	Seed   uint64 // of the paper's grain and the hand's unevenness
}

// sentences are invented, harmless, and say so.
var sentences = []string{
	"This is a sample letter.",
	"Nobody wrote it and nobody is waiting for an answer.",
	"The kettle in this story was invented by a program.",
	"It rained on the invented garden all afternoon.",
	"My imaginary cat has learned to open the imaginary door.",
	"Thank you for reading so far; there is nothing to find.",
	"The bus to Nowhere Lane comes every twenty minutes.",
	"I have put the paper boat on the window sill.",
	"Please give my regards to the other sample letters.",
	"The third sentence from here repeats itself on purpose.",
	"On Sunday we counted clouds and ran out of numbers.",
	"If you can read this line, the scanner is working.",
}

var (
	hands  = []string{"A. Sample", "Nobody Inparticular", "B. Specimen", "Una Example", "I. N. Vented"}
	months = []string{"January", "February", "March", "April", "May", "June",
		"July", "August", "September", "October", "November", "December"}
)

// New invents a letter of the given number of pages, at least one.
func New(seed uint64, pages int) Letter {
	random := rand.New(rand.NewPCG(seed, 0))
	l := Letter{
		To:   "To whoever tries this program",
		From: hands[random.IntN(len(hands))],
		Date: fmt.Sprintf("%d %s", 1+random.IntN(28), months[random.IntN(len(months))]),
		Seed: seed,
	}
	for range max(pages, 1) {
		text := sentences[0]
		for range 9 + random.IntN(8) {
			text += " " + sentences[1+random.IntN(len(sentences)-1)]
		}
		l.Body = append(l.Body, text)
	}
	return l
}

// Pages is the number of pages.
func (l Letter) Pages() int { return len(l.Body) }

func (l Letter) dpi() int {
	if l.DPI == 0 {
		return 150
	}
	return l.DPI
}
