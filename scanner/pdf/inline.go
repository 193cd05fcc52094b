package pdf

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// inlineKeys are the short names that entries of an inline picture may have
// (ISO 32000-1, table 93).
var inlineKeys = map[string]string{
	"BPC": "BitsPerComponent", "CS": "ColorSpace", "D": "Decode", "DP": "DecodeParms", "F": "Filter",
	"H": "Height", "IM": "ImageMask", "I": "Interpolate", "W": "Width", "L": "Length",
}

// inlineSpaces are those that colour spaces may have there (table 94).
var inlineSpaces = map[string]string{"G": "DeviceGray", "RGB": "DeviceRGB", "CMYK": "DeviceCMYK", "I": "Indexed"}

// inlinePicture is the head of one, up to its data.
type inlinePicture struct {
	dict   types.Dict // with long names
	source []entry    // as written
}

// entry is one of an inline picture's, and how the content writes it.
type entry struct {
	key string
	raw []byte
}

// inline reads a picture that stands in the content behind "BI", at from, up to
// its "EI", and looks whether it is whole.
func (r *reader) inline(from int) error {
	head, ok := r.inlineHead()
	if !ok {
		return refusePage(Damaged, r.d.page)
	}
	if space, _ := head.dict["ColorSpace"].(types.Name); space != "" && !device[string(space)] {
		r.drawing.uses[use{"ColorSpace", string(space)}]++
	}
	if a, ok := head.dict["ColorSpace"].(types.Array); ok && len(a) > 1 {
		if base, _ := a[1].(types.Name); base != "" && !device[string(base)] {
			r.drawing.uses[use{"ColorSpace", string(base)}]++
		}
	}
	checked, err := r.d.inlineData(head.dict, r.l.b[r.l.at:])
	if err != nil {
		return err
	}
	if checked.stripped {
		d := &r.drawing
		d.anew = append(d.anew, r.l.b[r.copied:from]...)
		d.anew = head.write(d.anew, checked.sampled)
		r.copied = r.l.at + checked.length
	}
	r.l.at += checked.length
	return nil
}

// inlineHead reads the entries up to "ID" and the white space behind it.
func (r *reader) inlineHead() (head inlinePicture, ok bool) {
	head.dict = types.Dict{}
	for {
		key := r.l.next()
		if key.kind == tokWord && key.text == "ID" {
			r.l.at = min(r.l.at+1, len(r.l.b))
			return head, true
		}
		value, ok := r.l.object(r.l.next(), 0)
		if key.kind != tokName || !ok {
			return head, false
		}
		long := key.text
		if l := inlineKeys[long]; l != "" {
			long = l
		}
		if long == "ColorSpace" {
			value = longSpace(value)
		}
		head.dict[long] = value
		head.source = append(head.source, entry{long, r.l.b[key.from:r.l.at]})
	}
}

// longSpace undoes the short names of colour spaces.
func longSpace(o types.Object) types.Object {
	switch o := o.(type) {
	case types.Name:
		if long := inlineSpaces[string(o)]; long != "" {
			return types.Name(long)
		}
	case types.Array:
		for i := range o {
			o[i] = longSpace(o[i])
		}
	}
	return o
}

// inlineChecked is an inline picture that is whole.
type inlineChecked struct {
	sampled
	length int // of data and "EI" in the content
}

// inlineData finds the end of an inline picture's data, which nothing announces:
// "EI" may also stand in the data by chance, so the first that leaves a whole
// picture before it is the one.
func (d *document) inlineData(head types.Dict, b []byte) (inlineChecked, error) {
	const tries = 100 // by chance it stands there once in many megabytes
	at, err := d.shortest(head)
	if err != nil {
		return inlineChecked{}, err
	}
	err = refusePage(CutOff, d.page)
	for tried := 0; tried < tries && at < len(b); {
		n := bytes.Index(b[at:], []byte("EI"))
		if n < 0 {
			break
		}
		data := b[:at+n]
		at += n + len("EI")
		if at < len(b) && !isSpace(b[at]) && !isDelimiter(b[at]) {
			continue
		}
		if n := len(data); n > 0 && isSpace(data[n-1]) {
			data = data[:n-1]
		} else if n > 0 && head["Filter"] != nil {
			continue // only data without a filter may end without white space
		}
		tried++
		var checked sampled
		if checked, err = d.checkPicture(head, data); err == nil {
			return inlineChecked{checked, at}, nil
		}
		var r *Refusal
		if errors.As(err, &r) && r.Code != CutOff && r.Code != Damaged {
			break
		}
	}
	return inlineChecked{}, err
}

// shortest is how many bytes the data of an inline picture has at least.
func (d *document) shortest(head types.Dict) (int, error) {
	width, height, err := d.size(head)
	if err != nil || head["Filter"] != nil {
		return 0, err
	}
	return int(d.rowBytes(head, width) * height), nil
}

// write writes the picture anew, its data now being a JPEG and nothing else.
func (p *inlinePicture) write(to []byte, s sampled) []byte {
	to = append(to, "BI"...)
	for _, e := range p.source {
		if e.key != "Filter" && e.key != "DecodeParms" && e.key != "Length" {
			to = append(append(to, ' '), e.raw...)
		}
	}
	to = append(to, " /F/DCT"...)
	if transform, ok := s.codecs[len(s.codecs)-1].parms["ColorTransform"].(types.Integer); ok {
		to = append(to, fmt.Sprintf("/DP<</ColorTransform %d>>", transform)...)
	}
	to = append(to, " ID "...)
	return append(append(to, s.data...), "\nEI"...)
}

// plain reads a word that is an operand.
func plain(s string) types.Object {
	switch s {
	case "true":
		return types.Boolean(true)
	case "false":
		return types.Boolean(false)
	}
	if n, err := strconv.Atoi(s); err == nil {
		return types.Integer(n)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil {
		return types.Float(f)
	}
	return nil
}
