package page

import (
	"bytes"
	"errors"
	"image"
	"image/jpeg"
	"io"
	"math"
	"os"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/klippa-app/go-pdfium"
	"github.com/klippa-app/go-pdfium/enums"
	pdfiumerrors "github.com/klippa-app/go-pdfium/errors"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// desk is what the child has in front of it: one document, and at most one more
// beside it, each in a sandbox of its own.
type desk struct {
	pool   pdfium.Pool
	files  *receiver // of open files
	sheets [maxBeside]*open
	shown  rooms
	tidy   *time.Timer // nil until a document was open
}

// open is a document on the desk.
type open struct {
	pdfium.Pdfium
	document references.FPDF_DOCUMENT
	form     bool
	size     int64 // bytes
	file     *file // nil when it lies in memory
	walked   int   // page objects that measure has looked at
}

var errOrder = errors.New("asked out of order")

// answer does what q asks and gives reply the outcome. Its error is that of
// reply: the reason for which a document cannot be rendered could quote it, and
// goes nowhere.
func (d *desk) answer(q request, reply func(answer) error) error {
	if q.slot >= maxBeside {
		return reply(answer{status: answerFailed})
	}
	outcome := func(a answer, err error) error {
		switch o := d.sheets[q.slot]; {
		case o != nil && o.file != nil && o.file.trouble != 0:
			// PDFium draws a page although it could not read all of it.
			a = answer{status: answerUnread, number: uint32(o.file.trouble)}
		case errors.Is(err, pdfiumerrors.ErrPassword):
			a = answer{status: answerLocked}
		case err != nil:
			a = answer{status: answerFailed}
		}
		return reply(a)
	}
	o := d.sheets[q.slot]
	switch {
	case q.kind == askShow:
		return d.show(q, outcome)
	case q.kind == askOpen:
		return outcome(d.open(q.slot, bytes.NewReader(q.body), int64(len(q.body)), nil))
	case q.kind == askFile:
		return outcome(d.openFile(q.slot))
	case q.kind == askClose:
		return outcome(answer{}, d.clear(q.slot))
	case o == nil:
		return outcome(answer{}, errOrder)
	case q.kind == askMeasure:
		return outcome(o.measure(int(q.page)))
	default:
		return o.render(q, outcome)
	}
}

// openFile takes the file that the parent has handed over for this request.
func (d *desk) openFile(slot byte) (answer, error) {
	f, err := d.files.next()
	if err != nil {
		return answer{}, err
	}
	info, err := f.Stat()
	if err != nil || info.Size() > maxFile {
		return answer{}, errors.Join(errFrame, err, f.Close())
	}
	file := &file{File: f}
	return d.open(slot, io.NewSectionReader(file, 0, info.Size()), info.Size(), file)
}

// file is a document's file. It is read at offsets only: a reader that moved
// its own offset would move the parent's, which has the same file open. It
// remembers the first failure to read it, so that a share that went away is not
// taken for a damaged scan.
type file struct {
	*os.File
	trouble syscall.Errno
}

// ReadAt reads from the file.
func (f *file) ReadAt(b []byte, off int64) (int, error) {
	n, err := f.File.ReadAt(b, off)
	var no syscall.Errno
	if errors.As(err, &no) && f.trouble == 0 {
		f.trouble = no
	}
	return n, err
}

// open reads a PDF in a sandbox of its own. file is closed with the document.
func (d *desk) open(slot byte, data io.ReadSeeker, size int64, file *file) (answer, error) {
	o := &open{size: size, file: file}
	err := d.clear(slot)
	if err == nil {
		const soon = time.Minute
		o.Pdfium, err = d.pool.GetInstance(soon)
	}
	if err != nil {
		return answer{}, errors.Join(err, o.closeFile())
	}
	d.sheets[slot] = o
	opened, err := o.OpenDocument(&requests.OpenDocument{FileReader: data, FileReaderSize: size})
	if err != nil {
		return answer{}, err
	}
	o.document = opened.Document
	return o.describe()
}

// describe tells of a document that is open how many pages it has, and whether
// it is a form.
func (o *open) describe() (answer, error) {
	count, err := o.FPDF_GetPageCount(&requests.FPDF_GetPageCount{Document: o.document})
	if err != nil {
		return answer{}, err
	}
	form, err := o.FPDF_GetFormType(&requests.FPDF_GetFormType{Document: o.document})
	if err != nil {
		return answer{}, err
	}
	a := answer{number: uint32(count.PageCount), body: []byte{0}}
	if o.form = form.FormType != enums.FPDF_FORMTYPE_NONE; o.form {
		a.body[0] = isForm
	}
	return a, nil
}

// clear drops a document and its sandbox, and with it all that it knew of the
// document; for the first document, also the one beside it. What the child no
// longer needs goes back to the system, which wipes it, or is wiped here and kept for a
// while (see warmed): a child may be idle for days and should not hold a letter meanwhile.
func (d *desk) clear(slot byte) error {
	var failures []error
	large := false
	for i := int(slot); i < maxBeside; i++ {
		o := d.sheets[i]
		if o == nil {
			continue
		}
		d.sheets[i] = nil
		large = large || o.file == nil && o.size > mostKept
		failures = append(failures, o.Close(), o.closeFile())
	}
	switch {
	case large: // the next may be as large
		debug.FreeOSMemory()
	case failures != nil:
		d.tidyLater()
	}
	return errors.Join(failures...)
}

func (o *open) closeFile() error {
	if o.file == nil {
		return nil
	}
	return o.file.Close()
}

// render draws a page upright on white paper, with everything that is laid on
// it, and gives reply the pixels as asked for. They are PDFium's own until reply
// returns.
func (o *open) render(q request, reply func(answer, error) error) error {
	n := int(q.page)
	page := requests.Page{ByIndex: &requests.PageByIndex{Document: o.document, Index: n}}
	size, err := o.FPDF_GetPageSizeByIndexF(&requests.FPDF_GetPageSizeByIndexF{Document: o.document, Index: n})
	if err != nil {
		return reply(answer{}, err)
	}
	width, height := fitting(float64(size.Size.Width), float64(size.Size.Height), int(q.dpi))
	if width*height > maxPixels {
		return reply(answer{}, errFrame)
	}
	created, err := o.FPDFBitmap_Create(&requests.FPDFBitmap_Create{Width: width, Height: height})
	if err != nil {
		return reply(answer{}, err)
	}
	bitmap := created.Bitmap
	pixels, err := o.draw(page, bitmap, width, height)
	if err != nil {
		err = reply(answer{}, err)
	} else {
		err = reply(encode(q.kind, &image.RGBA{Pix: pixels, Stride: 4 * width, Rect: image.Rect(0, 0, width, height)}))
	}
	// A sandbox in which this fails is of no more use, as the next page shows.
	_, _ = o.FPDFBitmap_Destroy(&requests.FPDFBitmap_Destroy{Bitmap: bitmap})
	return err
}

// draw fills bitmap and returns its pixels, four bytes each.
func (o *open) draw(page requests.Page, bitmap references.FPDF_BITMAP, width, height int) ([]byte, error) {
	const white = 0xffffffff
	if _, err := o.FPDFBitmap_FillRect(&requests.FPDFBitmap_FillRect{
		Bitmap: bitmap, Width: width, Height: height, Color: white,
	}); err != nil {
		return nil, err
	}
	if o.form {
		// PDFium does not count a form's fields among the annotations, but it can
		// make them part of the page, in memory, as the file says they look.
		if _, err := o.FPDFPage_Flatten(&requests.FPDFPage_Flatten{
			Page: page, Usage: requests.FPDFPage_FlattenUsageNormalDisplay,
		}); err != nil {
			return nil, err
		}
	}
	const flags = enums.FPDF_RENDER_FLAG_ANNOT | enums.FPDF_RENDER_FLAG_REVERSE_BYTE_ORDER // red first
	if _, err := o.FPDF_RenderPageBitmap(&requests.FPDF_RenderPageBitmap{
		Bitmap: bitmap, Page: page, SizeX: width, SizeY: height, Flags: flags,
	}); err != nil {
		return nil, err
	}
	buffer, err := o.FPDFBitmap_GetBuffer(&requests.FPDFBitmap_GetBuffer{Bitmap: bitmap})
	if err != nil {
		return nil, err
	}
	if len(buffer.Buffer) != 4*width*height { // empty when there was no memory for it
		return nil, errFrame
	}
	return buffer.Buffer, nil
}

// encode puts the pixels into the form that was asked for; number is the width.
func encode(kind byte, picture *image.RGBA) (answer, error) {
	a := answer{number: uint32(picture.Rect.Dx())}
	switch kind {
	case askPixels:
	case askColour:
		a.body = picture.Pix
	case askGray:
		a.body = gray(picture.Pix)
	case askJPEG:
		var file bytes.Buffer
		const quality = 85
		err := jpeg.Encode(&file, picture, &jpeg.Options{Quality: quality})
		a.body = file.Bytes()
		return a, err
	default:
		return a, errOrder
	}
	return a, nil
}

// gray is how bright each pixel is: the weights of ITU-R BT.601, as JPEG has
// them.
func gray(rgba []byte) []byte {
	to := make([]byte, len(rgba)/4)
	for i := range to {
		p := rgba[4*i : 4*i+4 : 4*i+4]
		to[i] = byte((19595*uint32(p[0]) + 38470*uint32(p[1]) + 7471*uint32(p[2]) + 1<<15) >> 16)
	}
	return to
}

// fitting is the size in pixels of a page of that many points at dpi, or the
// largest that keeps to maxPixels.
func fitting(width, height float64, dpi int) (x, y int) {
	const perInch = 72
	scale := float64(dpi) / perInch
	if area := width * height * scale * scale; area > maxPixels {
		scale *= math.Sqrt(maxPixels / area)
	}
	side := func(points float64) int { return int(min(max(math.Ceil(points*scale-1e-3), 1), maxPixels)) }
	x, y = side(width), side(height)
	if x*y > maxPixels { // by the rounding
		x, y = max(x-1, 1), max(y-1, 1)
	}
	return x, y
}
