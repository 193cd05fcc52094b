package scanner

import (
	"bytes"
	"context"
	"errors"
	"image"
	"io"
	"slices"

	"letterlock/scanner/disk"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/separator"
)

// simWorkshop is the workshop of a simulation. Its children die, refuse, and go
// down with the process in the middle of a write.
type simWorkshop struct{ *simulation }

// hitch is what may happen in every child: an error that is not the scan's fault.
func (w simWorkshop) hitch() error {
	switch n := w.chance.IntN(1000); {
	case !w.rough():
		return nil
	case n < 20:
		w.count("children that died")
		return errors.New("starting a child: it ended before it was ready")
	case n < 24:
		w.crash(false)
	case n < 26:
		w.crash(true)
	}
	return nil
}

func (w simWorkshop) make(scan, clean disk.File, repaired bool) (pdf.Result, error) {
	if err := w.hitch(); err != nil {
		return pdf.Result{}, err
	}
	data, err := readSim(scan)
	if err != nil {
		return pdf.Result{}, err
	}
	d := w.scans[string(data)]
	switch {
	case d != nil && d.kind == cutOffScan && bytes.Contains(data, []byte(pdfEnd)):
		return pdf.Result{}, &pdf.Refusal{Code: pdf.Damaged} // only who reads it in earnest sees that
	case d == nil || d.kind == cutOffScan || d.kind == foreignScan:
		w.violated("bytes that are no whole scan came into the workshop")
	case d.kind == encryptedScan:
		return pdf.Result{}, &pdf.Refusal{Code: pdf.Encrypted}
	case d.kind == damagedScan && !repaired:
		return pdf.Result{}, &pdf.Refusal{Code: pdf.Damaged, Page: 1}
	case w.oneIn(200) && w.rough():
		return pdf.Result{}, &pdf.Refusal{Code: pdf.TooHeavy}
	}
	return pdf.Result{Pages: len(d.pages), Format: pdf.PDF}, w.write(clean, d.cleanPDF(allPages(d), repaired))
}

// write writes in two parts, between which the process may end.
func (w simWorkshop) write(to disk.File, data []byte) error {
	half := w.chance.IntN(len(data))
	if _, err := to.Write(data[:half]); err != nil {
		return disk.Plain("writing a clean PDF", err)
	}
	if err := w.hitch(); err != nil {
		return err
	}
	_, err := to.Write(data[half:])
	return disk.Plain("writing a clean PDF", err)
}

func (w simWorkshop) Normalise(_ context.Context, scan, clean disk.File) (pdf.Result, error) {
	return w.make(scan, clean, false)
}

func (w simWorkshop) Repair(_ context.Context, scan, clean disk.File) (pdf.Result, error) {
	return w.make(scan, clean, true)
}

func (w simWorkshop) Inspect(_ context.Context, scan, clean disk.File, made pdf.Result, _ func(int, *image.Gray)) (letter.Flags, []separator.Page, error) {
	if err := w.hitch(); err != nil {
		return "", nil, err
	}
	data, err := readSim(clean)
	if err != nil {
		return "", nil, err
	}
	d, pages, _, err := w.readClean(data)
	if err != nil || !slices.Equal(pages, allPages(d)) || made.Pages != len(pages) {
		w.violated("a clean PDF is not whole: %v", err)
	}
	if scan != nil { // it is nil of a scan that is drawn anew
		original, err := readSim(scan)
		if err != nil {
			return "", nil, err
		}
		if !bytes.Equal(d.data, original) {
			w.violated("a clean PDF is not that of its scan")
		}
	}
	return d.flags(pages, nil), slices.Clone(d.pages), nil
}

func (w simWorkshop) Extract(_ context.Context, clean, part disk.File, pages []int) error {
	if err := w.hitch(); err != nil {
		return err
	}
	data, err := readSim(clean)
	if err != nil {
		return err
	}
	d, all, repaired, err := w.readClean(data)
	if err != nil || !slices.Equal(all, allPages(d)) {
		w.violated("pages are taken out of what is no clean PDF of a scan: %v", err)
	}
	return w.write(part, d.cleanPDF(pages, repaired))
}

// readSim reads a whole file from its beginning.
func readSim(file disk.File) ([]byte, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, disk.Plain("looking at a file", err)
	}
	data, err := io.ReadAll(io.NewSectionReader(file, 0, info.Size()))
	return data, disk.Plain("reading a file", err)
}
