package pdf

import (
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// unlink takes everything off the document that is not going to be copied: all
// of the catalogue but pages, layers and language, all of the pages but what
// they are drawn with. It refuses what people would see and nothing could copy:
// annotations, and the kind of form (XFA) that draws its own pages.
func (d *document) unlink(limits Limits) error {
	form, err := d.ctx.DereferenceDict(d.root["AcroForm"])
	if err != nil {
		return refuse(Damaged)
	}
	if _, found := form.Find("XFA"); found {
		return refuse(FormOrComments)
	}
	for key := range d.root {
		switch key {
		case "Type", "Pages", "OCProperties", "Lang":
		default:
			delete(d.root, key)
		}
	}
	d.ctx.Info, d.ctx.AdditionalStreams = nil, nil
	var seen count
	return d.unlinkPages(d.root["Pages"], &seen, limits, 0)
}

// count is what a walk through the page tree has met.
type count struct{ nodes, pages int }

// unlinkPages goes through a node of the page tree and everything below it.
func (d *document) unlinkPages(o types.Object, seen *count, limits Limits, depth int) error {
	node, err := d.ctx.DereferenceDict(o)
	if err != nil || node == nil || depth > maxDepth {
		return refuse(Damaged)
	}
	// A tree whose branches grow together again has no end that depth alone finds.
	if seen.nodes++; seen.nodes > limits.MaxObjects {
		return refuse(TooHeavy)
	}
	kids, isTree := node.Find("Kids")
	if !isTree {
		if seen.pages++; seen.pages > limits.MaxPages {
			return refuse(TooManyPages)
		}
		if code := d.annotations(node["Annots"]); code != "" {
			return refusePage(code, seen.pages)
		}
	}
	for key := range node {
		if !treeKeys[key] && !slices.Contains(inherited, key) && (isTree || !slices.Contains(pageKeys, key)) {
			delete(node, key)
		}
	}
	list, err := d.ctx.DereferenceArray(kids)
	if err != nil {
		return refuse(Damaged)
	}
	for _, kid := range list {
		if err := d.unlinkPages(kid, seen, limits, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// annotations looks for something laid on a page that people see, since leaving
// it out would lose it: a comment, a stamp, a signature, a form field. It
// returns the reason to refuse, or nothing.
func (d *document) annotations(o types.Object) Code {
	list, err := d.ctx.DereferenceArray(o)
	if err != nil {
		return Damaged
	}
	for _, each := range list {
		a, err := d.ctx.DereferenceDict(each)
		if err != nil {
			return Damaged
		}
		if a != nil && d.visible(a) {
			return FormOrComments
		}
	}
	return ""
}

// visible reports whether people see an annotation: not a link, nor what is
// hidden or has no area. When in doubt they do.
func (d *document) visible(annotation types.Dict) bool {
	if kind, _ := d.ctx.Dereference(annotation["Subtype"]); kind == types.Name("Link") || kind == types.Name("Popup") {
		return false
	}
	const hidden = 2 // ISO 32000-1, table 165: bit position 2
	if flags, _ := d.ctx.Dereference(annotation["F"]); flags != nil {
		if f, ok := flags.(types.Integer); ok && f&hidden != 0 {
			return false
		}
	}
	box, err := d.ctx.DereferenceArray(annotation["Rect"])
	if err != nil || len(box) != 4 {
		return true
	}
	var side [4]float64
	for i, o := range box {
		if side[i], err = d.ctx.DereferenceNumber(o); err != nil {
			return true
		}
	}
	return side[0] != side[2] && side[1] != side[3]
}
