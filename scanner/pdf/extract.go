package pdf

import (
	"context"
	"errors"
	"os"
)

// Extract makes a clean PDF of some pages of a clean PDF, named from 1 and
// ascending: one letter out of a batch. It holds what those pages draw with and
// nothing of the others, even where all share one dictionary of resources or
// one list of layers. It runs in a child with the same limits as Normalise and
// leaves in and out as Normalise does.
//
// The error is a *Refusal with the code Inseparable when it is not certain what
// a page draws with; otherwise as with Normalise. To name a page that the
// document does not have is a mistake of the caller's.
func (n Normaliser) Extract(ctx context.Context, in, out *os.File, pages []int) (Result, error) {
	if len(pages) == 0 {
		return Result{}, errors.New("taking out pages: none is named")
	}
	for i, page := range pages {
		if page < 1 || i > 0 && page <= pages[i-1] {
			return Result{}, errors.New("taking out pages: they are not named ascending from 1")
		}
	}
	return n.do(ctx, job{Pages: pages}, in, out)
}

// extract is what the child does for Extract.
func extract(scan, clean *watched, job job) (Result, error) {
	size, err := scan.size()
	if err != nil {
		return Result{}, err
	}
	w := newWriter(clean)
	if err := cleanPDF(scan, size, w, job.Limits, job.Pages); err != nil {
		return Result{}, err
	}
	return Result{Pages: len(w.pages), Format: PDF}, readBack(clean, len(w.pages), job.Limits)
}
