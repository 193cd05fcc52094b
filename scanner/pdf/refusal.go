package pdf

import "fmt"

// Code is the enumerated word for why a scan cannot be taken. It may stand in
// the register and in logs.
type Code string

// The reasons for which a scan is refused.
const (
	Empty          Code = "empty"            // no bytes, or no page
	CutOff         Code = "cut-off"          // the end is missing
	NotAScan       Code = "not-a-scan"       // none of the formats
	Encrypted      Code = "encrypted"        // needs a password
	Protected      Code = "protected"        // encrypted in a way that is not undone here
	Damaged        Code = "damaged"          // cannot be read without guessing
	FormOrComments Code = "form-or-comments" // visible things that are not page content
	TooLarge       Code = "too-large"        // more bytes or pixels than the limits allow
	TooManyPages   Code = "too-many-pages"
	TooHeavy       Code = "too-heavy"   // took too long or needed too much memory
	Unsupported    Code = "unsupported" // a rare kind of a known format
	// Symbols: JBIG2 that draws one shape in the place of others, so that a
	// figure can silently become another one.
	Symbols     Code = "jbig2-symbols"
	Inseparable Code = "inseparable" // what belongs to which page is not certain
	// LeftOver: a page or a picture is in the file and on none of its pages.
	LeftOver Code = "left-over"
	// SeveralScans: another scan stands in the file behind the first, whole or
	// begun, and no program would show both.
	SeveralScans Code = "several-scans"
	// NotAsScanned: the clean PDF, drawn by another program, does not show what
	// the scan showed.
	NotAsScanned Code = "not-as-scanned"
)

// Codes lists every reason.
var Codes = []Code{Empty, CutOff, NotAScan, Encrypted, Protected, Damaged, FormOrComments,
	TooLarge, TooManyPages, TooHeavy, Unsupported, Symbols, Inseparable, LeftOver, SeveralScans, NotAsScanned}

// Refusal is the error for a scan that cannot be taken, however often it is
// tried. Any other error of Normalise is not the scan's fault: try again.
type Refusal struct {
	Code   Code
	Page   int    // on which it was seen, from 1; 0 when it is the whole scan
	Format Format // of the scan; "" where that was not reached
}

// Error says the code and the page and nothing of the scan's content.
func (r *Refusal) Error() string {
	if r.Page > 0 {
		return fmt.Sprintf("%s (page %d)", r.Code, r.Page)
	}
	return string(r.Code)
}

// nothingLost ends every instruction.
const nothingLost = " Nothing is lost: this file is kept as it is, and the paper letter is still yours to scan."

// sentences are for staff who know paper better than file formats.
var sentences = map[Code]struct{ what, next string }{
	Empty: {
		"The file is empty: it holds no page.",
		"Scan the letter again and look at the file before you put it here.",
	},
	CutOff: {
		"The file stops in the middle, as if the scanner or the network had been interrupted.",
		"Scan the letter again and wait until the scanner says that it has finished.",
	},
	NotAScan: {
		"The file is not a scan. Letterlock takes PDF, TIFF, JPEG and PNG files, whatever their name.",
		"Set the scanner to PDF and scan the letter again. If the file does not belong here, take it away.",
	},
	Encrypted: {
		"The file is locked with a password.",
		"Switch the password off on the scanner and scan the letter again.",
	},
	Protected: {
		"The file is protected against copying or changes in a way that Letterlock cannot read.",
		"Switch encryption off on the scanner and scan the letter again.",
	},
	Damaged: {
		"The file is damaged: a part of it cannot be read, and guessing might lose a line of the letter.",
		"Scan the letter again. If that happens with every letter, tell the person who looks after the scanner.",
	},
	FormOrComments: {
		"The file holds a form, a comment, a stamp or a drawing that somebody added on top of the page.",
		"Print the file and scan the print, so that everything you can see becomes part of the page.",
	},
	TooLarge: {
		"The file, or one page of it, is far larger than a letter needs.",
		"Scan the letter again at 300 dots per inch.",
	},
	TooManyPages: {
		"The file has more pages than one letter may have.",
		"Scan each letter into a file of its own.",
	},
	TooHeavy: {
		"Reading the file took too long or needed too much memory, so it was stopped.",
		"Scan the letter again at 300 dots per inch, fewer pages at a time.",
	},
	Unsupported: {
		"The file is of a rare kind that Letterlock cannot read yet.",
		"Set the scanner to PDF and scan the letter again.",
	},
	Symbols: {
		"The scanner made the file small by using one picture of a letter or figure in many places. That can " +
			"turn a 6 into an 8, sharp and clear, and nobody would notice.",
		"Ask the person who looks after the scanner to switch JBIG2 off, or \"compact PDF\" or \"high compression\" as it " +
			"may be called, and to choose CCITT G4 or JPEG. Then scan the letter again.",
	},
	Inseparable: {
		"The file holds several letters, and its pages share parts of which Letterlock cannot tell whose they are.",
		"Scan each letter into a file of its own.",
	},
	LeftOver: {
		"The file holds a page or a picture that it shows nowhere. It may be a page of the letter that was lost.",
		"Scan the letter again. If somebody has taken a page out of the file: print what it shows and scan the print.",
	},
	SeveralScans: {
		"The file holds more than one scan, or a scan and another file, one behind the other, as when two files were " +
			"joined into one. A program shows only one of them, so a letter might be overlooked.",
		"Scan each letter again into a file of its own. If that happens again, ask the person who looks after the " +
			"scanner to make it write a new file for every scan and never add to an old one.",
	},
	NotAsScanned: {
		"The copy that Letterlock would keep does not look the same as the file, so that something of the letter might be lost.",
		"Scan the letter again, if possible as a plain PDF or TIFF in another setting. If that happens again, tell the person who looks after the scanner.",
	},
}

// Sentence puts the reason into plain English: what is wrong, and what to do
// next, which ends by saying that nothing is lost. An unknown code gets the
// sentences for a damaged scan.
func (c Code) Sentence() (what, next string) {
	s, ok := sentences[c]
	if !ok {
		s = sentences[Damaged]
	}
	return s.what, s.next + nothingLost
}

// refuse is a refusal of the whole scan.
func refuse(c Code) error { return &Refusal{Code: c} }

// refusePage is a refusal because of one page, from 1.
func refusePage(c Code, page int) error { return &Refusal{Code: c, Page: page} }
