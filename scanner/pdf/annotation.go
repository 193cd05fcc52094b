package pdf

import (
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// overlay is an annotation that people see and that can be made part of the
// page: a stamp, a line of text, a signature, a form field that is filled in.
type overlay struct {
	form types.IndirectRef // how it looks: its appearance stream
	at   matrix            // where that lies on the page
}

// The bits of an annotation's flags (ISO 32000-1, table 165).
const (
	hidden   = 1 << 1
	noRotate = 1 << 4
	noView   = 1 << 5
)

// Annotations by what is to be done with them. Links and pop-ups draw nothing of
// their own, apart from a border that some viewers put around a link. The others of the second group hold something behind what is seen:
// to keep the look alone would lose it.
var (
	unseen     = set("Link", "Popup", "PrinterMark", "TrapNet")
	containers = set("FileAttachment", "Sound", "Movie", "Screen", "RichMedia", "3D", "Redact", "Watermark", "Projection")
)

// overlays are the annotations of a page that people see. It refuses a page
// with one that cannot be drawn exactly as viewers do, or that says more than
// it shows: leaving it out would lose it.
func (t *pageTree) overlays(page, settings types.Dict) ([]overlay, error) {
	list, err := t.ctx.DereferenceArray(page["Annots"])
	if err != nil {
		return nil, refusePage(Damaged, t.page)
	}
	turned := t.number(settings, "Rotate", 0)%360 != 0
	var seen []overlay
	for _, each := range list {
		a, err := t.ctx.DereferenceDict(each)
		if err != nil {
			return nil, refusePage(Damaged, t.page)
		}
		flags := t.number(a, "F", 0)
		if a == nil || !t.visible(a, flags) {
			continue
		}
		if t.saysMore(a) || a["OC"] != nil || turned && flags&noRotate != 0 {
			return nil, refusePage(FormOrComments, t.page)
		}
		o, drawn, ok := t.overlay(a)
		if !ok {
			return nil, refusePage(FormOrComments, t.page)
		}
		if drawn {
			seen = append(seen, o)
		}
	}
	return seen, nil
}

// visible reports whether people see an annotation on the screen. When in doubt
// they do.
func (t *pageTree) visible(a types.Dict, flags int64) bool {
	if unseen[t.text(a, "Subtype")] || flags&(hidden|noView) != 0 {
		return false
	}
	r, ok := t.rectangle(a["Rect"])
	return !ok || !r.empty()
}

// saysMore reports whether an annotation holds something that its look does not
// show: a comment to be opened, a file, the value of a field that the viewer is
// to draw.
func (t *pageTree) saysMore(a types.Dict) bool {
	switch kind := t.text(a, "Subtype"); kind {
	case "FreeText": // its text is what it shows
		return false
	case "Widget":
		return t.redraws && t.filled(a)
	default:
		return containers[kind] || t.text(a, "Contents") != ""
	}
}

// overlay finds the look of an annotation. It reports false for ok when there is
// none that can be used, and for drawn when there is nothing to see.
func (t *pageTree) overlay(a types.Dict) (o overlay, drawn, ok bool) {
	appearance, err := t.ctx.DereferenceDict(a["AP"])
	if err != nil {
		return o, false, false
	}
	look := appearance["N"]
	found, err := t.ctx.Dereference(look)
	if states, several := found.(types.Dict); several && err == nil {
		// One look for each state, as a box has that can be ticked. In a state
		// without a look there is nothing to see.
		state := t.text(a, "AS")
		if state == "" {
			return o, false, false
		}
		look = states[state]
		if found, err = t.ctx.Dereference(look); err == nil && found == nil {
			return o, false, true
		}
	}
	if err != nil {
		return o, false, false
	}
	if found == nil {
		return o, false, t.is(a, "Subtype", "Widget") && !t.filled(a)
	}
	s, isStream := streamOf(found)
	r, isReference := look.(types.IndirectRef)
	if !isStream || !isReference || s.Dict["Subtype"] != nil && !t.is(s.Dict, "Subtype", "Form") {
		return o, false, false
	}
	if s.Dict["Subtype"] == nil {
		s.Dict["Subtype"] = types.Name("Form") // what else could it be
	}
	content, err := t.drawing(r, s)
	if err != nil {
		return o, false, false
	}
	if content.painted {
		at, ok := t.placed(s.Dict, a)
		return overlay{r, at}, true, ok
	}
	return o, false, !t.is(a, "Subtype", "Widget") || !t.filled(a)
}

// filled reports whether a form field has a value, its own or one that it
// inherits, that people would see.
func (t *pageTree) filled(field types.Dict) bool {
	kind, value := "", types.Object(nil)
	for range maxDepth {
		if kind == "" {
			kind = t.text(field, "FT")
		}
		if value == nil {
			value, _ = t.ctx.Dereference(field["V"])
		}
		up, err := t.ctx.DereferenceDict(field["Parent"])
		if err != nil || up == nil {
			break
		}
		field = up
	}
	if kind == "Sig" { // a signature that is not to be seen
		return false
	}
	switch v := value.(type) {
	case nil:
		return false
	case types.Name:
		return v != "Off"
	case types.StringLiteral:
		return v != ""
	case types.HexLiteral:
		return v != ""
	case types.Array:
		return len(v) > 0
	}
	return true
}

// text reads a name or a string of a dictionary; "" when there is none.
func (d *document) text(dict types.Dict, key string) string {
	o, err := d.ctx.Dereference(dict[key])
	if err != nil {
		return ""
	}
	switch o := o.(type) {
	case types.Name:
		return string(o)
	case types.StringLiteral:
		return string(o)
	case types.HexLiteral:
		return string(o)
	}
	return ""
}
