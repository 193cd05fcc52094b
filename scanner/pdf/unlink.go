package pdf

import (
	"slices"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// unlink takes everything off the document that is not going to be copied: all
// of the catalogue but pages, layers and language, all of the pages but what
// they are drawn with. What lies on a page and people see becomes part of it;
// where that cannot be done it is a refusal, as is the kind of form (XFA) that
// draws its own pages.
func (d *document) unlink() error {
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
	tree := pageTree{document: d, redraws: d.flag(form, "NeedAppearances")}
	if err := tree.unlink(d.root["Pages"], types.Dict{}, 0); err != nil {
		return err
	}
	pages, err := d.ctx.DereferenceDict(d.root["Pages"])
	switch {
	case tree.pages == 0:
		return refuse(Empty)
	case err != nil || d.number(pages, "Count", 0) != int64(tree.pages): // some viewers believe it
		return refuse(Damaged)
	}
	return nil
}

// pageTree is a walk through the nodes of the page tree.
type pageTree struct {
	*document
	nodes, pages int
	redraws      bool // fields are drawn by the viewer and not as the form has them
}

// unlink goes through a node of the tree and everything below it; above are what
// it inherits.
func (t *pageTree) unlink(o types.Object, above types.Dict, depth int) error {
	node, err := t.ctx.DereferenceDict(o)
	if err != nil || node == nil || depth > maxDepth {
		return refuse(Damaged)
	}
	// A tree whose branches grow together again has no end that depth alone finds.
	if t.nodes++; t.nodes > t.limits.MaxObjects {
		return refuse(TooHeavy)
	}
	mine := inherit(node, above)
	kids, isTree := node.Find("Kids")
	if !isTree {
		if t.pages++; t.pages > t.limits.MaxPages {
			return refuse(TooManyPages)
		}
		t.page = t.pages
		if err := t.flatten(node, mine); err != nil {
			return err
		}
	}
	for key := range node {
		if !treeKeys[key] && !slices.Contains(inherited, key) && (isTree || !slices.Contains(pageKeys, key)) {
			delete(node, key)
		}
	}
	list, err := t.ctx.DereferenceArray(kids)
	if err != nil {
		return refuse(Damaged)
	}
	for _, kid := range list {
		if err := t.unlink(kid, mine, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// inherit is what a node of the page tree hands down: its own values, and those
// from above where it has none.
func inherit(node, above types.Dict) types.Dict {
	mine := types.Dict{}
	for _, key := range inherited {
		if value, found := node.Find(key); found && value != nil {
			mine[key] = value
		} else if value := above[key]; value != nil {
			mine[key] = value
		}
	}
	return mine
}
