package scanned

import (
	"bytes"
	"compress/zlib"
	"io"
	"math"
)

// page finds page n, from 0, and the JPEG that it is.
func (f file) page(n int) (p Page, ok bool) {
	root, ok := f.dict(f.root)
	if !ok {
		return p, false
	}
	tree, ok := f.dict(root["Pages"])
	kids, isList := tree["Kids"].(list)
	// What a page could inherit would be written there.
	if !ok || !only(tree, "Type", "Count", "Kids") || !isList || n < 0 || n >= len(kids) || len(kids) > maxPages {
		return p, false
	}
	page, ok := f.dict(kids[n])
	if !ok || page["Type"] != name("Page") || !only(page, "Type", "Parent", "MediaBox", "CropBox", "Rotate", "Resources", "Contents") {
		return p, false
	}
	box, ok := f.paper(page)
	if !ok {
		return p, false
	}
	object, ok := f.drawn(page["Contents"], box)
	if !ok {
		return p, false
	}
	resources, ok := f.dict(page["Resources"])
	if !ok {
		return p, false
	}
	objects, ok := f.dict(resources["XObject"])
	if !ok {
		return p, false
	}
	p.Width, p.Height = box[2]-box[0], box[3]-box[1]
	return p, f.picture(&p, objects[object])
}

// paper is where the page's paper lies, if it is upright and all of it is shown.
func (f file) paper(page dict) (box [4]float64, ok bool) {
	if turn := page["Rotate"]; turn != nil && turn != 0.0 {
		return box, false
	}
	box, ok = rectangle(page["MediaBox"])
	if crop := page["CropBox"]; ok && crop != nil {
		shown, isOne := rectangle(crop)
		ok = isOne && shown == box
	}
	return box, ok
}

func rectangle(v value) (box [4]float64, ok bool) {
	all, _ := v.(list)
	if len(all) != 4 {
		return box, false
	}
	for i, v := range all {
		n, ok := v.(float64)
		if !ok {
			return box, false
		}
		box[i] = float64(float32(n)) // as PDFium has it, which rounds up to the next dot
	}
	const least, most = 72, 14_400 // points of a side
	width, height := box[2]-box[0], box[3]-box[1]
	return box, width >= least && height >= least && width <= most && height <= most
}

// drawn is the name of what a page's content draws, if it does nothing but draw that
// one thing once, over all of the paper.
func (f file) drawn(contents value, box [4]float64) (object string, ok bool) {
	if parts, isList := contents.(list); isList && len(parts) == 1 {
		contents = parts[0]
	}
	head, data, ok := f.stream(contents)
	if !ok || !only(head, "Length", "Filter") || len(data) > maxContent {
		return "", false
	}
	if filter := head["Filter"]; filter != nil {
		if filter != name("FlateDecode") && !isOnly(filter, "FlateDecode") {
			return "", false
		}
		z, err := zlib.NewReader(bytes.NewReader(data))
		if err != nil {
			return "", false
		}
		if data, err = io.ReadAll(io.LimitReader(z, maxContent+1)); err != nil || len(data) > maxContent {
			return "", false
		}
	}
	object, m, ok := drawsOne(data)
	const slack = 0.1 // points: half of a dot at 300 dots per inch
	near := func(a, b float64) bool { return math.Abs(a-b) <= slack }
	upright := m[1] == 0 && m[2] == 0
	return object, ok && upright && near(m[4], box[0]) && near(m[5], box[1]) && near(m[4]+m[0], box[2]) && near(m[5]+m[3], box[3])
}

func isOnly(v value, want name) bool {
	l, ok := v.(list)
	return ok && len(l) == 1 && l[0] == want
}

// drawsOne reads content that places one thing and draws it (8.4.4 and 8.8): its
// name, and the matrix by which it is placed.
func drawsOne(content []byte) (object string, drawn matrix, ok bool) {
	m := matrix{1, 0, 0, 1, 0, 0}
	var operands []float64
	var saved []matrix
	named := ""
	done := false
	for _, w := range bytes.FieldsFunc(content, func(r rune) bool { return r == ' ' || r == '\n' || r == '\r' || r == '\t' }) {
		word := string(w)
		n, isNumber := decimal(word)
		switch {
		case isNumber && len(operands) < 6 && named == "":
			operands = append(operands, n)
			continue
		case word[0] == '/' && named == "" && len(operands) == 0 && plainName(word[1:]):
			named = word[1:]
			continue
		case word == "q" && len(saved) < 8 && named == "" && len(operands) == 0:
			saved = append(saved, m)
		case word == "Q" && len(saved) > 0 && named == "" && len(operands) == 0:
			m, saved = saved[len(saved)-1], saved[:len(saved)-1]
		case word == "cm" && len(operands) == 6:
			m = matrix(operands).then(m)
		case word == "Do" && named != "" && !done:
			object, drawn, done = named, m, true
		default:
			return "", drawn, false
		}
		operands, named = operands[:0], ""
	}
	return object, drawn, done && len(operands) == 0 && named == ""
}

// plainName reports whether a name is written without anything that readers could
// take in different ways.
func plainName(s string) bool {
	for _, c := range []byte(s) {
		if (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-' && c != '.' {
			return false
		}
	}
	return s != ""
}

type matrix [6]float64

// then is m, and n after it.
func (m matrix) then(n matrix) matrix {
	return matrix{
		m[0]*n[0] + m[1]*n[2], m[0]*n[1] + m[1]*n[3],
		m[2]*n[0] + m[3]*n[2], m[2]*n[1] + m[3]*n[3],
		m[4]*n[0] + m[5]*n[2] + n[4], m[4]*n[1] + m[5]*n[3] + n[5],
	}
}

// picture takes an object that is a JPEG in plain colours or shades: no mask, no
// palette, no profile, nothing inverted.
func (f file) picture(p *Page, v value) bool {
	head, data, ok := f.stream(v)
	if !ok || !only(head, "Type", "Subtype", "Width", "Height", "ColorSpace", "BitsPerComponent", "Filter", "DecodeParms", "Length") {
		return false
	}
	if parms := head["DecodeParms"]; parms != nil {
		// That the colours are what they are anyway, package pdf says of each JPEG.
		if d, isDict := parms.(dict); !isDict || !only(d, "ColorTransform") || d["ColorTransform"] != 1.0 {
			return false
		}
	}
	width, ok := head["Width"].(float64)
	if !ok || width < 1 || width > math.MaxUint16 {
		return false
	}
	height, ok := head["Height"].(float64)
	if !ok || height < 1 || height > math.MaxUint16 {
		return false
	}
	filter := head["Filter"] == name("DCTDecode") || isOnly(head["Filter"], "DCTDecode")
	colours := head["ColorSpace"]
	p.gray = colours == name("DeviceGray")
	p.jpeg, p.across, p.down = data, int(width), int(height)
	return filter && head["Subtype"] == name("Image") && head["BitsPerComponent"] == 8.0 && (p.gray || colours == name("DeviceRGB"))
}
