package pdf

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// matrix is [a b c d e f] as PDF writes it.
type matrix [6]float64

// String writes the numbers as PDF wants them: no exponent, nothing rounded.
func (m matrix) String() string {
	var all []string
	for _, f := range m {
		all = append(all, strconv.FormatFloat(f, 'f', -1, 64))
	}
	return strings.Join(all, " ")
}

// rectangle has its lower left corner first.
type rectangle struct{ left, low, right, high float64 }

func (r rectangle) empty() bool { return r.left == r.right || r.low == r.high }

// flatten makes the annotations of a page that people see part of its content,
// as the page then is printed: each look is a form, drawn behind the content.
// The page is changed in memory, before it is validated and copied, so that
// what was laid on it passes the same gate as what was always there.
func (t *pageTree) flatten(page, settings types.Dict) error {
	seen, err := t.overlays(page, settings)
	if err != nil || len(seen) == 0 {
		return err
	}
	before, err := t.pageDrawing(page["Contents"])
	if err != nil {
		return err
	}
	if !before.closed() {
		return refusePage(FormOrComments, t.page)
	}
	own, objects, err := t.ownResources(settings["Resources"])
	if err != nil {
		return err
	}
	var after strings.Builder
	after.WriteString(strings.Repeat(" Q", 1+before.saved) + "\n")
	for i, o := range seen {
		name := fmt.Sprintf("Overlay%d", i+1)
		for objects[name] != nil {
			name += "x"
		}
		objects[name] = o.form
		fmt.Fprintf(&after, "q %s cm /%s Do Q\n", o.at, name)
	}
	page["Resources"] = own
	page["Contents"], err = t.between(page["Contents"], "q\n", after.String())
	return err
}

// closed reports whether more content can follow without being changed by this
// one. Graphics states that were left saved can be restored.
func (d *drawing) closed() bool {
	return !d.odd && d.lowest == 0 && d.text == 0 && d.marked == 0
}

// ownResources is a copy of a resource dictionary, to which objects can be added.
func (d *document) ownResources(o types.Object) (own, objects types.Dict, err error) {
	shared, err := d.ctx.DereferenceDict(o)
	if err != nil {
		return nil, nil, refusePage(Damaged, d.page)
	}
	known, err := d.ctx.DereferenceDict(shared["XObject"])
	if err != nil {
		return nil, nil, refusePage(Damaged, d.page)
	}
	own, objects = types.Dict{}, types.Dict{}
	for key, value := range shared {
		own[key] = value
	}
	for key, value := range known {
		objects[key] = value
	}
	own["XObject"] = objects
	return own, objects, nil
}

// between puts streams before and behind a page's content.
func (d *document) between(contents types.Object, before, after string) (types.Array, error) {
	first, err := d.newStream(before)
	if err != nil {
		return nil, err
	}
	last, err := d.newStream(after)
	if err != nil {
		return nil, err
	}
	list := types.Array{first}
	found, err := d.ctx.Dereference(contents)
	if err != nil {
		return nil, refusePage(Damaged, d.page)
	}
	switch found := found.(type) {
	case nil: // a page with nothing on it but what is laid on it
	case types.Array:
		list = append(list, found...)
	default:
		list = append(list, contents)
	}
	return append(list, last), nil
}

// newStream adds a stream to the document in memory.
func (d *document) newStream(content string) (types.Object, error) {
	length := int64(len(content))
	r, err := d.ctx.IndRefForNewObject(types.StreamDict{
		Dict: types.Dict{"Length": types.Integer(length)}, Raw: []byte(content), StreamLength: &length,
	})
	if err != nil {
		return nil, refusePage(Damaged, d.page)
	}
	return *r, nil
}

// placed is how a look is drawn so that it fills the annotation's rectangle (ISO
// 32000-1, 12.5.5, algorithm 8.1). A look without area cannot.
func (d *document) placed(form, annotation types.Dict) (matrix, bool) {
	box, ok := d.rectangle(form["BBox"])
	to, also := d.rectangle(annotation["Rect"])
	own, third := d.matrix(form["Matrix"])
	if !ok || !also || !third {
		return matrix{}, false
	}
	from := own.around(box)
	if from.empty() {
		return matrix{}, false
	}
	x, y := (to.right-to.left)/(from.right-from.left), (to.high-to.low)/(from.high-from.low)
	return matrix{x, 0, 0, y, to.left - x*from.left, to.low - y*from.low}, true
}

// around is the upright rectangle around one that was transformed.
func (m matrix) around(r rectangle) rectangle {
	out := rectangle{math.Inf(1), math.Inf(1), math.Inf(-1), math.Inf(-1)}
	for _, corner := range [4][2]float64{{r.left, r.low}, {r.left, r.high}, {r.right, r.low}, {r.right, r.high}} {
		x := m[0]*corner[0] + m[2]*corner[1] + m[4]
		y := m[1]*corner[0] + m[3]*corner[1] + m[5]
		out = rectangle{min(out.left, x), min(out.low, y), max(out.right, x), max(out.high, y)}
	}
	return out
}

// rectangle reads one, whichever corners it names.
func (d *document) rectangle(o types.Object) (rectangle, bool) {
	var side [4]float64
	if !d.numbers(o, side[:]) {
		return rectangle{}, false
	}
	return rectangle{min(side[0], side[2]), min(side[1], side[3]), max(side[0], side[2]), max(side[1], side[3])}, true
}

// matrix reads one; that which changes nothing when there is none.
func (d *document) matrix(o types.Object) (matrix, bool) {
	m := matrix{1, 0, 0, 1, 0, 0}
	ok := o == nil || d.numbers(o, m[:])
	return m, ok
}

// numbers reads as many numbers as to has room for, and expects no more.
func (d *document) numbers(o types.Object, to []float64) bool {
	list, err := d.ctx.DereferenceArray(o)
	if err != nil || len(list) != len(to) {
		return false
	}
	for i := range list {
		if to[i], err = d.ctx.DereferenceNumber(list[i]); err != nil || math.Abs(to[i]) > 1e6 {
			return false
		}
	}
	return true
}
