package scanner

import (
	"context"
	"errors"
	"os"

	"letterlock/scanner/disk"
	"letterlock/scanner/pdf"
)

// Workshop is where scans are read in earnest. A scan is a stranger's file, so
// none of this is done by the process that has the folder open.
type Workshop interface {
	// Normalise makes one clean PDF of a scan. An error is a *pdf.Refusal if
	// the scan can never be taken.
	Normalise(ctx context.Context, scan, clean disk.File) (pdf.Result, error)
}

// Children is the workshop of child processes with limits. Its zero value is
// ready, in a program whose main calls pdf.RunChild first.
type Children struct {
	Normaliser pdf.Normaliser
}

// Normalise implements Workshop.
func (c Children) Normalise(ctx context.Context, scan, clean disk.File) (pdf.Result, error) {
	in, ok1 := scan.(*os.File)
	out, ok2 := clean.(*os.File)
	if !ok1 || !ok2 {
		return pdf.Result{}, errors.New("a child process needs real files")
	}
	return c.Normaliser.Normalise(ctx, in, out)
}
