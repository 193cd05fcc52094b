package pdf

import (
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// drawing is what a piece of page content names and does.
type drawing struct {
	uses   map[use]int // how often it names each resource
	length int         // of the content in bytes
	// saved is how many graphics states are still saved at the end; lowest is
	// below zero where more were restored than saved.
	saved, lowest int
	text, marked  int // text objects and marked content still open at the end
	painted       bool
	// odd is set when viewers may read the content in different ways, so that
	// what it names is not certain.
	odd bool
	// anew is the content with its inline pictures stripped of what is not
	// picture; nil when there was nothing to strip.
	anew []byte
}

// use is one resource that content names: a category of the resource
// dictionary, and a name in it.
type use struct{ category, name string }

// naming are the operators whose last operand names a resource. "Tf" has a size
// behind the name.
var naming = map[string]string{
	"Do": "XObject", "Tf": "Font", "gs": "ExtGState", "sh": "Shading", "cs": "ColorSpace", "CS": "ColorSpace",
	"scn": "Pattern", "SCN": "Pattern", "BDC": "Properties", "DP": "Properties",
}

// operators are the others (ISO 32000-1, table 51).
var operators = set("b", "B", "b*", "B*", "BMC", "BT", "BX", "c", "cm", "d", "d0", "d1", "EMC", "ET", "EX",
	"f", "F", "f*", "G", "g", "h", "i", "j", "J", "K", "k", "l", "m", "M", "MP", "n", "q", "Q", "re", "RG", "rg",
	"ri", "s", "S", "SC", "sc", "T*", "Tc", "Td", "TD", "Tj", "TJ", "TL", "Tm", "Tr", "Ts", "Tw", "Tz",
	"v", "w", "W", "W*", "y", "'", "\"")

// painting are those that leave something to see; inline pictures do too.
var painting = set("b", "B", "b*", "B*", "Do", "f", "F", "f*", "s", "S", "sh", "Tj", "TJ", "'", "\"")

// device are the colour spaces that have no entry in a resource dictionary.
var device = set("DeviceGray", "DeviceRGB", "DeviceCMYK", "Pattern", "Indexed")

// operand is what the reader of content remembers of one: its name if it is one.
type operand struct {
	kind kind
	name string
}

// reader reads one piece of content.
type reader struct {
	d        *document
	l        lexer
	drawing  drawing
	operands []operand // of the operator to come
	nested   int       // brackets open
	lenient  int       // sections in which unknown operators are no fault
	copied   int       // of the content, to drawing.anew
}

// read reads content to its end. It refuses content that stops in the middle of
// something, and inline pictures that are not whole.
func (d *document) read(content []byte) (*drawing, error) {
	r := reader{d: d, l: lexer{b: content}, drawing: drawing{uses: map[use]int{}, length: len(content)}}
	for {
		t := r.l.next()
		switch t.kind {
		case tokEnd:
			r.finish()
			return &r.drawing, nil
		case tokBroken:
			return nil, refusePage(Damaged, d.page)
		case tokOpen, tokDict:
			r.nested++
		case tokClose, tokDictEnd:
			if r.nested--; r.nested < 0 {
				r.nested, r.l.odd = 0, true
			}
			r.operand(operand{kind: t.kind})
		case tokName, tokText:
			r.operand(operand{t.kind, t.text})
		case tokWord:
			if isOperand(t.text) {
				r.operand(operand{kind: tokWord})
				continue
			}
			// An operator ends whatever was left open, as it does for viewers.
			r.drawing.odd = r.drawing.odd || r.nested > 0
			r.nested = 0
			if err := r.operator(t); err != nil {
				return nil, err
			}
			r.operands = r.operands[:0]
		}
	}
}

// operand remembers one that stands for itself, not inside another.
func (r *reader) operand(o operand) {
	const most = 64 // more than any operator takes
	if r.nested == 0 && len(r.operands) < most {
		r.operands = append(r.operands, o)
	}
}

// isOperand tells numbers and the like from operators.
func isOperand(s string) bool {
	return strings.Trim(s, "+-.0123456789") == "" || s == "true" || s == "false" || s == "null"
}

// operator notes what one does.
func (r *reader) operator(t token) error {
	d := &r.drawing
	d.painted = d.painted || painting[t.text] || t.text == "BI"
	if category := naming[t.text]; category != "" {
		r.note(t.text, category)
		if t.text == "BDC" {
			d.marked++
		}
		return nil
	}
	switch t.text {
	case "BI":
		return r.inline(t.from)
	case "q":
		d.saved++
	case "Q":
		d.saved--
		d.lowest = min(d.lowest, d.saved)
	case "BT":
		d.text++
	case "ET":
		d.text--
	case "BMC":
		d.marked++
	case "EMC":
		d.marked--
	case "BX":
		r.lenient++
	case "EX":
		r.lenient--
	}
	if !operators[t.text] && r.lenient <= 0 {
		d.odd = true
	}
	return nil
}

// note counts the resource that an operator names.
func (r *reader) note(operator, category string) {
	at := len(r.operands) - 1
	if operator == "Tf" {
		at--
	}
	if at < 0 {
		r.drawing.odd = true
		return
	}
	o := r.operands[at]
	switch {
	case o.kind == tokName && (category != "ColorSpace" || !device[o.name]):
		r.drawing.uses[use{category, o.name}]++
	case o.kind == tokName: // a device's colour space
	case operator == "scn" || operator == "SCN": // a colour and no pattern
	case category == "Properties" && o.kind == tokDictEnd: // in place
	default:
		r.drawing.odd = true
	}
}

// finish closes the books at the end of the content.
func (r *reader) finish() {
	d := &r.drawing
	d.odd = d.odd || r.l.odd || r.nested > 0
	if d.anew != nil {
		d.anew = append(d.anew, r.l.b[r.copied:]...)
	}
}

// object reads a value inside page content that begins with t.
func (l *lexer) object(t token, depth int) (types.Object, bool) {
	if depth > maxDepth {
		return nil, false
	}
	switch t.kind {
	case tokName:
		return types.Name(t.text), true
	case tokText:
		return types.StringLiteral(""), true // what it says is never asked for
	case tokWord:
		return plain(t.text), true
	case tokOpen:
		var list types.Array
		for {
			if t = l.next(); t.kind == tokClose {
				return list, true
			}
			o, ok := l.object(t, depth+1)
			if !ok {
				return nil, false
			}
			list = append(list, o)
		}
	case tokDict:
		made := types.Dict{}
		for {
			key := l.next()
			if key.kind == tokDictEnd {
				return made, true
			}
			o, ok := l.object(l.next(), depth+1)
			if key.kind != tokName || !ok {
				return nil, false
			}
			made[key.text] = o
		}
	}
	return nil, false
}
