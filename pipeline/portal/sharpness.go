package portal

import "strconv"

// How sharp the picture of a page is, in dots per inch of paper.
const (
	// pageDPI is sharp enough for faint handwriting on a phone's zoom, at about a third
	// of a megabyte a page. A scan of 150, 200, 240, 300 or 600 is decoded to it as it is
	// (package scanned), which takes half as long as PDFium does with another.
	pageDPI = 150
	// largerDPI is for a page that is shown in twice its size.
	largerDPI = 200
)

// dpiOf is how sharp the address asks for a page; anything else is pageDPI.
func dpiOf(v *visit) int {
	if v.URL.Query().Get("dpi") == strconv.Itoa(largerDPI) {
		return largerDPI
	}
	return pageDPI
}
