package scanner

import (
	"context"
	"image"

	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/separator"
)

// Workshop is where scans are read in earnest. A scan is a stranger's file, so
// none of this is done by the process that has the folder open. An error is a
// *pdf.Refusal if the scan can never be taken; any other is not its fault.
type Workshop interface {
	// Normalise makes one clean PDF of a scan.
	Normalise(ctx context.Context, scan, clean disk.File) (pdf.Result, error)
	// Repair makes one of a scan that Normalise refuses, by drawing its pages.
	Repair(ctx context.Context, scan, clean disk.File) (pdf.Result, error)
	// Inspect looks at every page of a clean PDF, and compares them with the
	// scan that it was made of. It returns what a reader should know, and for
	// each page what tells letters apart. If see is not nil it is shown every
	// page in order, from 1.
	Inspect(ctx context.Context, scan, clean disk.File, made pdf.Result, see func(page int, pixels *image.Gray)) (letter.Flags, []separator.Page, error)
	// Extract makes a clean PDF of some pages of one, numbered from 1.
	Extract(ctx context.Context, clean, part disk.File, pages []int) error
}
