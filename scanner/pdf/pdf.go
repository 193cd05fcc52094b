// Package pdf makes one clean PDF of a scan: step 3 of a letter's way.
//
// Complete is the cheap question whether a file is a whole scan yet, asked in
// the scanner's own process. Everything that reads a scan in earnest runs in a
// child process with limits (Normaliser); the child takes the scan as an open
// file and writes the clean PDF to another, so that no name and no temporary
// file is involved.
//
// What comes out holds pages and nothing else: the page tree, page contents,
// fonts, pictures and layers are copied by an allow-list, what lies on a page and
// is seen becomes part of it, and every picture is looked at to its end; actions, scripts,
// attachments, forms, metadata, names and time stamps are left behind. The
// pixels of a page are never encoded again with loss. What cannot be taken is
// a Refusal, which has a sentence for the people who scanned it.
package pdf

// Format is a kind of file in which scanners deliver.
type Format string

// The formats that are taken, told apart by content and never by name.
const (
	PDF  Format = "pdf"
	JPEG Format = "jpeg"
	PNG  Format = "png"
	TIFF Format = "tiff"
)

// Result is what became of a scan.
type Result struct {
	Pages  int    `json:"pages"`  // of the clean PDF
	Format Format `json:"format"` // of the scan
	// Looks has, for a scan that is pictures, what each page showed as this
	// package decoded it, for comparison with what another program draws. It is
	// empty for a PDF.
	Looks []Look `json:"looks,omitempty"`
}
