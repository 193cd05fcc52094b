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
	// begun, and no program would show both; or one is attached.
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

// refuse is a refusal of the whole scan.
func refuse(c Code) error { return &Refusal{Code: c} }

// refusePage is a refusal because of one page, from 1.
func refusePage(c Code, page int) error { return &Refusal{Code: c, Page: page} }
