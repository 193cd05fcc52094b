package pdf

import "github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

// straySize is from how many dots on a picture may be a piece of a letter; a
// smaller one is a thumbnail or a logo.
const straySize = 100 * 100

// strays looks for what the document holds and none of its pages shows, before
// anything is taken off it: a page that the page tree does not lead to, and a
// picture of at least straySize that nothing leads to. A reference that was lost,
// in a list of pages or a page's own object, leaves them so, and every viewer
// shows the rest as if that were all. No program of the corpus of these tests
// writes such a file; who takes a page out of a PDF and saves only the change
// does, and is told so.
//
// A picture to which a resource dictionary leads is none, whether or not a page
// draws it: pages taken out of a document keep the dictionary of all.
func (d *document) strays() error {
	if pages, err := d.ctx.DereferenceDict(d.root["Pages"]); err != nil || pages == nil {
		return refuse(Damaged)
	}
	reached, tree := d.reached(d.ctx.Root, d.ctx.Info), d.pageNodes()
	for number, entry := range d.ctx.Table {
		if entry == nil || entry.Free || entry.Object == nil {
			continue
		}
		switch o := entry.Object.(type) {
		case types.Dict:
			if d.is(o, "Type", "Page") && o["Parent"] != nil && !tree[number] {
				return refuse(LeftOver)
			}
		case types.StreamDict:
			if !reached[number] && d.is(o.Dict, "Subtype", "Image") &&
				d.number(o.Dict, "Width", 0)*d.number(o.Dict, "Height", 0) >= straySize {
				return refuse(LeftOver)
			}
		}
	}
	return nil
}

// reached is the numbers of all objects to which the given ones lead.
func (d *document) reached(from ...*types.IndirectRef) map[int]bool {
	reached := map[int]bool{}
	var todo []types.Object
	for _, r := range from {
		if r != nil {
			todo = append(todo, *r)
		}
	}
	for len(todo) > 0 {
		o := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		switch o := o.(type) {
		case types.IndirectRef:
			number := o.ObjectNumber.Value()
			if reached[number] {
				continue
			}
			reached[number] = true
			if found, err := d.ctx.Dereference(o); err == nil {
				todo = append(todo, found)
			}
		case types.Array:
			todo = append(todo, o...)
		case types.Dict:
			for _, value := range o {
				todo = append(todo, value)
			}
		case types.StreamDict:
			todo = append(todo, o.Dict)
		}
	}
	return reached
}

// pageNodes is the numbers of all objects of the page tree.
func (d *document) pageNodes() map[int]bool {
	nodes := map[int]bool{}
	todo := []types.Object{d.root["Pages"]}
	for len(todo) > 0 {
		o := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if r, ok := o.(types.IndirectRef); ok {
			if nodes[r.ObjectNumber.Value()] {
				continue
			}
			nodes[r.ObjectNumber.Value()] = true
		}
		node, err := d.ctx.DereferenceDict(o)
		if err != nil {
			continue // refused when it is copied
		}
		kids, err := d.ctx.DereferenceArray(node["Kids"])
		if err == nil {
			todo = append(todo, kids...)
		}
	}
	return nodes
}
