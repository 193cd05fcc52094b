package pdf

import (
	"bytes"
	"fmt"
	"io"
	"regexp"

	"github.com/pdfcpu/pdfcpu/pkg/api"
	"github.com/pdfcpu/pdfcpu/pkg/log"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// cleanPDF copies the pages of a PDF, and what they are drawn with, to w.
//
// The gate, in order: no encryption, a structure that pdfcpu reads and finds
// valid without mending pages, no more objects and pages than the limits allow.
// What is not going to be kept is unlinked before validation, so that a fault
// in it neither stops a good scan nor is ever interpreted.
func cleanPDF(scan *watched, size int64, w *writer, limits Limits) (int, error) {
	encrypted, err := namesEncryption(scan, size)
	if err != nil {
		return 0, err
	}
	if encrypted {
		return 0, refuse(Encrypted)
	}
	doc, err := open(scan, limits)
	if err != nil {
		return 0, err
	}
	if err := doc.unlink(limits); err != nil {
		return 0, err
	}
	if err := doc.validate(limits); err != nil {
		return 0, err
	}
	c := copier{ctx: doc.ctx, w: w, limits: limits, numbers: map[int]int{}}
	return c.document(doc.root["Pages"], doc.root["OCProperties"], doc.root["Lang"])
}

// encryption is how a PDF names its encryption dictionary, in a trailer or in
// the dictionary of a cross-reference stream, neither of which is ever
// compressed: by reference, or in place, which pdfcpu would overlook.
var encryption = regexp.MustCompile(`/Encrypt[\x00\t\n\f\r ]*(<<|\d+[\x00\t\n\f\r ]+\d+[\x00\t\n\f\r ]+R)`)

// namesEncryption looks for that through the whole file.
func namesEncryption(scan io.ReaderAt, size int64) (bool, error) {
	const step, overlap = 1 << 20, 256
	buffer := make([]byte, min(size, step+overlap))
	for at := int64(0); at < size; at += step {
		n, err := scan.ReadAt(buffer, at)
		if err != nil && err != io.EOF {
			return false, err
		}
		// A search for the plain word is several times as fast as the pattern.
		if b := buffer[:n]; bytes.Contains(b, []byte("/Encrypt")) && encryption.Match(b) {
			return true, nil
		}
	}
	return false, nil
}

// document is a PDF as pdfcpu has read it.
type document struct {
	ctx  *model.Context
	root types.Dict
	said *witness
}

// open reads the whole structure of a PDF into memory.
func open(scan io.ReadSeeker, limits Limits) (*document, error) {
	api.DisableConfigDir()
	conf := model.NewDefaultConfiguration()
	conf.Offline = true
	conf.Optimize, conf.OptimizeBeforeWriting, conf.OptimizeResourceDicts = false, false, false
	conf.Limits.MaxObjectCount = limits.MaxObjects
	conf.Limits.MaxXRefEntries = limits.MaxObjects
	conf.Limits.MaxObjectStreamCount = limits.MaxObjects
	doc := &document{said: &witness{}}
	log.SetCLILogger(doc.said)
	var err error
	doc.ctx, err = api.ReadContext(scan, conf)
	switch {
	case err != nil:
		return nil, refuse(Damaged) // not wrapped: it may quote the scan
	case doc.ctx.Encrypt != nil:
		return nil, refuse(Encrypted)
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
func (d *document) validate(limits Limits) error {
	if err := api.ValidateContext(d.ctx); err != nil {
		return refuse(Damaged)
	}
	switch {
	case d.said.lost:
		return refuse(Damaged)
	case d.ctx.PageCount == 0:
		return refuse(Empty)
	case d.ctx.PageCount > limits.MaxPages:
		return refuse(TooManyPages)
	}
	return nil
}

// readBack reads what was written, as a stranger would, and expects the same
// pages. It stands between a mistake in this package and a letter.
func readBack(clean *watched, pages int, limits Limits) error {
	doc, err := open(clean, limits)
	if err != nil {
		return err
	}
	if err := doc.validate(limits); err != nil {
		return err
	}
	if doc.ctx.PageCount != pages {
		return refuse(Damaged)
	}
	return nil
}

// witness hears what pdfcpu tells its user, in which alone it says that it has
// replaced or skipped something. It keeps no word of it.
type witness struct{ lost bool }

// alarming are the phrases after which a page may have lost content.
var alarming = [][]byte{
	[]byte("with blank page"), []byte("skipped: obj #"), []byte("missing font"), []byte("malformed object"),
}

func (w *witness) hear(line string) {
	for _, phrase := range alarming {
		w.lost = w.lost || bytes.Contains([]byte(line), phrase)
	}
}

// Printf, Println, Fatalf and Fatalln make witness a logger of pdfcpu.
func (w *witness) Printf(format string, args ...any) { w.hear(fmt.Sprintf(format, args...)) }

// Println hears a line.
func (w *witness) Println(args ...any) { w.hear(fmt.Sprintln(args...)) }

// Fatalf ends the work on the scan.
func (w *witness) Fatalf(string, ...any) { panic("pdfcpu gave up") }

// Fatalln ends the work on the scan.
func (w *witness) Fatalln(...any) { panic("pdfcpu gave up") }
