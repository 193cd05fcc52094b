package pdf

import (
	"errors"
	"io"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/log"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// scanToPDF makes the clean PDF of a file that is a PDF.
func scanToPDF(scan seekerAt, size int64, w *writer, limits Limits) error {
	// First, as no program can be told to read this one and not the other.
	several, err := severalPDF(scan, size)
	switch {
	case err != nil:
		return err
	case several:
		return refuse(SeveralScans)
	}
	return cleanPDF(scan, size, w, limits, nil)
}

// cleanPDF copies the pages of a PDF, and what they are drawn with, to w: those
// in only, ascending from 1, or all when it is nil.
//
// The gate, in order: no encryption but what the empty password opens, a structure
// that pdfcpu reads without skipping objects, no more objects and pages than the
// limits allow, no page or picture that is shown nowhere, no scan attached, nothing on a page that
// cannot be copied. What comes out is validated and not what went in (readBack): a fault in what is left behind then neither stops a good scan
// nor is ever interpreted, and dictionaries of resources that lead back to
// themselves, as every page's and its patterns' may, are taken apart before.
func cleanPDF(scan seekerAt, size int64, w *writer, limits Limits, only []int) error {
	doc, err := openScan(scan, size, limits)
	if err != nil {
		return err
	}
	if err := doc.strays(); err != nil {
		return err
	}
	if err := doc.attachedScans(); err != nil {
		return err
	}
	if err := doc.unlink(); err != nil {
		return err
	}
	if doc.said.lost {
		return refuse(Damaged)
	}
	return newCopier(doc, w, only).copy()
}

// errNoSuchPage says that a page was asked for that the document does not have.
var errNoSuchPage = errors.New("the document has fewer pages")

// seekerAt is a file to read from.
type seekerAt interface {
	io.ReadSeeker
	io.ReaderAt
}

// document is a PDF as pdfcpu has read it.
type document struct {
	ctx      *model.Context
	root     types.Dict
	said     *witness
	limits   Limits
	page     int                 // that is being looked at, from 1, for a refusal
	budget   int64               // bytes of content that may still be decoded
	drawings map[string]*drawing // content already read, by its references
	works    map[int]int         // what XObjects take to draw, by object number
}

// open reads the whole structure of a PDF that is not encrypted into memory.
func open(scan io.ReadSeeker, limits Limits) (*document, error) {
	doc, err := read(scan, limits)
	if err == nil && doc.ctx.Encrypt != nil {
		err = refuse(Protected)
	}
	return doc, err
}

// read is open, and decrypts what the empty password opens.
func read(scan io.ReadSeeker, limits Limits) (*document, error) {
	api.DisableConfigDir()
	conf := model.NewDefaultConfiguration()
	conf.Offline = true
	conf.Optimize, conf.OptimizeBeforeWriting, conf.OptimizeResourceDicts = false, false, false
	conf.Limits.MaxStreamBytes = limits.MaxInput
	conf.Limits.MaxDecodeBytes = limits.MaxOutput
	conf.Limits.MaxObjectCount = limits.MaxObjects
	conf.Limits.MaxXRefEntries = limits.MaxObjects
	conf.Limits.MaxObjectStreamCount = limits.MaxObjects
	doc := &document{said: &witness{}, limits: limits, budget: limits.MaxOutput,
		drawings: map[string]*drawing{}, works: map[int]int{}}
	log.SetCLILogger(doc.said)
	var err error
	doc.ctx, err = api.ReadContext(scan, conf)
	switch {
	case errors.Is(err, pdfcpu.ErrWrongPassword):
		return nil, refuse(Encrypted)
	case err != nil:
		return nil, refuse(Damaged) // not wrapped: it may quote the scan
	case doc.ctx.MaxObjNr > limits.MaxObjects:
		return nil, refuse(TooHeavy)
	}
	if doc.root, err = doc.ctx.Catalog(); err != nil || doc.root == nil {
		return nil, refuse(Damaged)
	}
	return doc, nil
}

// validate lets pdfcpu look at every object that is left, and refuses a
// document of which it had to mend or skip what could be content.
func (d *document) validate() error {
	if err := api.ValidateContext(d.ctx); err != nil {
		return refuse(Damaged)
	}
	switch {
	case d.said.lost:
		return refuse(Damaged)
	case d.ctx.PageCount == 0:
		return refuse(Empty)
	case d.ctx.PageCount > d.limits.MaxPages:
		return refuse(TooManyPages)
	}
	return nil
}

// readBack reads what was written, as a stranger would, and expects the same
// pages. It stands between a mistake in this package and a letter.
func readBack(clean io.ReadSeeker, pages int, limits Limits) error {
	doc, err := open(clean, limits)
	if err != nil {
		return err
	}
	if err := doc.validate(); err != nil {
		return err
	}
	if doc.ctx.PageCount != pages {
		return refuse(Damaged)
	}
	return nil
}
