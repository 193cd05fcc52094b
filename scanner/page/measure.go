package page

import (
	"encoding/binary"
	"math"

	"github.com/klippa-app/go-pdfium/enums"
	"github.com/klippa-app/go-pdfium/references"
	"github.com/klippa-app/go-pdfium/requests"
)

// How much of a document measure looks at. Pages of scans have a few objects,
// or some hundred strips and words; a page of a million gets no resolution.
const (
	maxObjects = 2_000   // of a page
	maxWalked  = 200_000 // of a document, since PDFium's binding forgets none
	maxNesting = 4       // of forms
)

// measure looks at the size of page n, from 0, and at its pictures.
func (o *open) measure(n int) (answer, error) {
	size, err := o.FPDF_GetPageSizeByIndexF(&requests.FPDF_GetPageSizeByIndexF{Document: o.document, Index: n})
	if err != nil {
		return answer{}, err
	}
	m := Measures{Width: float64(size.Size.Width), Height: float64(size.Size.Height)}
	page := requests.Page{ByIndex: &requests.PageByIndex{Document: o.document, Index: n}}
	count, err := o.FPDFPage_CountObjects(&requests.FPDFPage_CountObjects{Page: page})
	if err != nil {
		return answer{}, err
	}
	w := walk{open: o}
	for i := range count.Count {
		object, err := o.FPDFPage_GetObject(&requests.FPDFPage_GetObject{Page: page, Index: i})
		if err != nil || !w.visit(object.PageObject, identity, 0) {
			break
		}
	}
	m.DPI = resolution(w.pictures, m.Width*m.Height)
	return answer{body: m.marshal()}, nil
}

// placed is a picture on a page: the paper that it covers, in square points,
// and its resolution, the lower of both directions.
type placed struct{ area, dpi float64 }

// resolution is that of a page of that area: the best among its large pictures,
// because a page that is drawn in layers has a coarse one of the paper and a
// fine one of the ink. It is 0 for a page that is not mostly picture.
func resolution(pictures []placed, page float64) int {
	var largest, covered, best float64
	for _, p := range pictures {
		largest = max(largest, p.area)
		covered += p.area
	}
	if covered < page/2 {
		return 0
	}
	for _, p := range pictures {
		if p.area >= largest/4 {
			best = max(best, p.dpi)
		}
	}
	return int(math.Round(min(best, math.MaxUint16)))
}

// walk looks for the pictures of a page, also inside of forms.
type walk struct {
	*open
	seen     int
	pictures []placed
}

// visit looks at one object, placed by m. It reports false when it has seen
// enough.
func (w *walk) visit(object references.FPDF_PAGEOBJECT, m matrix, depth int) bool {
	w.seen++
	w.walked++
	if w.seen > maxObjects || w.walked > maxWalked {
		return false
	}
	kind, err := w.FPDFPageObj_GetType(&requests.FPDFPageObj_GetType{PageObject: object})
	if err != nil {
		return false
	}
	if kind.Type != enums.FPDF_PAGEOBJ_IMAGE && kind.Type != enums.FPDF_PAGEOBJ_FORM {
		return true
	}
	own, err := w.FPDFPageObj_GetMatrix(&requests.FPDFPageObj_GetMatrix{PageObject: object})
	if err != nil {
		return true
	}
	f := own.Matrix
	m = matrix{float64(f.A), float64(f.B), float64(f.C), float64(f.D)}.then(m)
	if kind.Type == enums.FPDF_PAGEOBJ_IMAGE {
		w.picture(object, m)
		return true
	}
	count, err := w.FPDFFormObj_CountObjects(&requests.FPDFFormObj_CountObjects{PageObject: object})
	if err != nil || depth == maxNesting {
		return true
	}
	for i := range count.Count {
		inner, err := w.FPDFFormObj_GetObject(&requests.FPDFFormObj_GetObject{PageObject: object, Index: uint64(i)})
		if err != nil {
			return true
		}
		if !w.visit(inner.PageObject, m, depth+1) {
			return false
		}
	}
	return true
}

func (w *walk) picture(object references.FPDF_PAGEOBJECT, m matrix) {
	size, err := w.FPDFImageObj_GetImagePixelSize(&requests.FPDFImageObj_GetImagePixelSize{ImageObject: object})
	const perInch = 72
	across, along := math.Hypot(m[0], m[1])/perInch, math.Hypot(m[2], m[3])/perInch
	if err != nil || across <= 0 || along <= 0 {
		return
	}
	w.pictures = append(w.pictures, placed{
		area: math.Abs(m[0]*m[3] - m[1]*m[2]),
		dpi:  min(float64(size.Width)/across, float64(size.Height)/along),
	})
}

// matrix is a b c d of a PDF matrix; where a thing lies is of no interest here.
type matrix [4]float64

var identity = matrix{1, 0, 0, 1}

func (m matrix) then(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
	}
}

// marshal is how Measures cross the pipe: three numbers of eight bytes.
func (m Measures) marshal() []byte {
	b := binary.BigEndian.AppendUint64(nil, math.Float64bits(m.Width))
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(m.Height))
	return binary.BigEndian.AppendUint64(b, uint64(m.DPI))
}

func unmarshalMeasures(b []byte) (m Measures, err error) {
	if len(b) != 24 {
		return m, errFrame
	}
	m.Width = math.Float64frombits(binary.BigEndian.Uint64(b))
	m.Height = math.Float64frombits(binary.BigEndian.Uint64(b[8:]))
	m.DPI = int(binary.BigEndian.Uint64(b[16:]))
	if !(m.Width > 0 && m.Height > 0) || m.DPI < 0 || m.DPI > math.MaxUint16 {
		return m, errFrame
	}
	return m, nil
}
