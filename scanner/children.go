package scanner

import (
	"context"
	"errors"
	"image"
	"os"
	"slices"

	"letterlock/scanner/disk"
	"letterlock/scanner/inspect"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/separator"
)

// Children is the workshop of child processes with limits, in a program whose
// main calls pdf.RunChild and page.RunChild first.
type Children struct {
	Normaliser pdf.Normaliser
	Pages      *page.Renderer
}

// Normalise implements Workshop.
func (c Children) Normalise(ctx context.Context, scan, clean disk.File) (pdf.Result, error) {
	files, err := real(scan, clean)
	if err != nil {
		return pdf.Result{}, err
	}
	return c.Normaliser.Normalise(ctx, files[0], files[1])
}

// Repair implements Workshop.
func (c Children) Repair(ctx context.Context, scan, clean disk.File) (pdf.Result, error) {
	files, err := real(scan, clean)
	if err != nil {
		return pdf.Result{}, err
	}
	info, err := files[0].Stat()
	if err != nil {
		return pdf.Result{}, disk.Plain("looking at a scan", err)
	}
	// PDFium draws no picture file.
	if format, _ := pdf.Complete(files[0], info.Size()); format == pdf.JPEG || format == pdf.TIFF {
		return c.Normaliser.Redrawn(ctx, files[0], files[1])
	}
	return inspect.Repair(ctx, c.Pages, files[0], files[1])
}

// Inspect implements Workshop.
func (c Children) Inspect(ctx context.Context, scan, clean disk.File, made pdf.Result, see func(int, *image.Gray)) (letter.Flags, []separator.Page, error) {
	files, err := real(scan, clean)
	if err != nil {
		return "", nil, err
	}
	pages := make([]separator.Page, made.Pages)
	inspector := inspect.Inspector{Renderer: c.Pages, See: func(n int, img *image.Gray) {
		marks, err := separator.Read(img)
		if err != nil {
			marks.Damaged = true // nobody can say that it is no sheet
		}
		pages[n-1].Marks = marks
		if see != nil {
			see(n, img)
		}
	}}
	of := inspect.Scan{Looks: made.Looks}
	if len(made.Looks) == 0 {
		of = inspect.Scan{PDF: files[0]}
	}
	found, err := inspector.Inspect(ctx, files[1], of)
	if err != nil {
		return "", nil, err
	}
	for _, p := range found.Pages {
		pages[p.Number-1].Blank = slices.Contains(p.Flags, letter.Blank)
	}
	return found.Flags(), pages, nil
}

// Extract implements Workshop.
func (c Children) Extract(ctx context.Context, clean, part disk.File, pages []int) error {
	files, err := real(clean, part)
	if err != nil {
		return err
	}
	_, err = c.Normaliser.Extract(ctx, files[0], files[1], pages)
	return err
}

// real are the files as the system knows them, which a child inherits.
func real(files ...disk.File) (own []*os.File, err error) {
	for _, file := range files {
		f, ok := file.(*os.File)
		if !ok {
			return nil, errors.New("a child process needs real files")
		}
		own = append(own, f)
	}
	return own, nil
}
