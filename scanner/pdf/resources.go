package pdf

import (
	"maps"
	"slices"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// A resource dictionary is often one for all pages, with every picture in it.
// What a page does not draw is left out, or it would go with the page when a
// batch is split, into another person's letter.

// needs are the resources that a piece of content draws with, and that forms,
// patterns and fonts draw with that have no resources of their own and so look
// into the dictionary of what draws them.
type needs struct {
	d       *document
	from    types.Dict // the resource dictionary
	named   map[use]bool
	unclear bool
	missing bool // something is named that is not there
}

// implicit are entries that content uses without naming them (8.6.5.6).
var implicit = set("DefaultGray", "DefaultRGB", "DefaultCMYK")

// needs finds out what pieces of content name of the resource dictionary o.
func (d *document) needs(o types.Object, drawn ...*drawing) *needs {
	n := &needs{d: d, named: map[use]bool{}}
	var err error
	if n.from, err = d.ctx.DereferenceDict(o); err != nil {
		n.unclear = true
	}
	for _, each := range drawn {
		n.add(each, 0)
	}
	return n
}

// add notes what one piece of content names. What is not there viewers leave out
// without a word, be it all that the page shows. Only properties draw nothing.
func (n *needs) add(drawn *drawing, depth int) {
	n.unclear = n.unclear || drawn.odd || depth > maxDepth
	for u := range drawn.uses {
		if n.named[u] {
			continue
		}
		entry, found := n.d.entry(n.from, u)
		switch {
		case found:
		case !spellsOneWay(u.name):
			n.unclear = true // it may be there, if viewers spell it otherwise than pdfcpu
		case u.category != "Properties":
			n.missing = true
		}
		if n.unclear {
			continue
		}
		n.named[u] = true
		if !found {
			continue
		}
		for _, o := range n.d.dependants(u.category, entry) {
			inner, err := n.d.drawingOf(o)
			if err != nil {
				n.unclear = true
				return
			}
			n.add(inner, depth+1)
		}
	}
}

// spellsOneWay reports whether a name has nothing that could be an escape.
func spellsOneWay(name string) bool {
	for _, b := range []byte(name) {
		if b <= ' ' || b >= 0x7f || b == '#' {
			return false
		}
	}
	return true
}

// entry looks for a resource.
func (d *document) entry(from types.Dict, u use) (types.Object, bool) {
	category, err := d.ctx.DereferenceDict(from[u.category])
	if err != nil {
		return nil, false
	}
	o, found := category[u.name]
	if u.category == "XObject" {
		found = found && d.drawable(o)
	}
	return o, found && o != nil
}

// drawable reports whether viewers draw an external object. They tell a picture
// from a form by its subtype, and pass over everything else.
func (d *document) drawable(o types.Object) bool {
	found, err := d.ctx.Dereference(o)
	s, ok := streamOf(found)
	return err == nil && ok && (d.is(s.Dict, "Subtype", "Image") || d.is(s.Dict, "Subtype", "Form"))
}

// dependants are the pieces of content that a resource draws without resources
// of their own.
func (d *document) dependants(category string, o types.Object) []types.Object {
	entry, err := d.ctx.Dereference(o)
	if err != nil {
		return nil
	}
	dict := dictOf(entry)
	switch {
	case category == "ExtGState":
		mask, _ := d.ctx.DereferenceDict(dict["SMask"])
		if group, _ := d.ctx.Dereference(mask["G"]); group != nil && dictOf(group)["Resources"] == nil {
			return []types.Object{mask["G"]}
		}
	case dict["Resources"] != nil:
	case category == "Font" && d.is(dict, "Subtype", "Type3"):
		return d.glyphs(dict)
	case (category == "XObject" || category == "Pattern") && d.draws(dict):
		return []types.Object{o}
	}
	return nil
}

// glyphs are the pieces of content that draw those of a font.
func (d *document) glyphs(font types.Dict) []types.Object {
	procs, err := d.ctx.DereferenceDict(font["CharProcs"])
	if err != nil {
		return nil
	}
	return slices.Collect(maps.Values(procs))
}

// dictOf is the dictionary that an object is or that a stream has.
func dictOf(o types.Object) types.Dict {
	if s, ok := streamOf(o); ok {
		return s.Dict
	}
	d, _ := o.(types.Dict)
	return d
}

// resources writes those of a resource dictionary that are needed. Where that is
// not clear all are, unless pages are taken out of a document.
func (c *copier) resources(to *strings.Builder, o types.Object, n *needs) error {
	d, err := c.ctx.DereferenceDict(o)
	if err != nil {
		return refusePage(Damaged, c.page)
	}
	if n.missing {
		return refusePage(Damaged, c.page)
	}
	if n.unclear && c.only != nil {
		return refusePage(Inseparable, c.page)
	}
	needed := types.Dict{}
	for key := range categories {
		category, err := c.ctx.DereferenceDict(d[key])
		if err != nil {
			return refusePage(Damaged, c.page)
		}
		some := types.Dict{}
		for name, value := range category {
			if n.unclear || n.named[use{key, name}] || key == "ColorSpace" && implicit[name] {
				some[name] = value
			}
		}
		if len(some) > 0 {
			needed[key] = some
		}
	}
	return c.dict(to, needed, resources, 1)
}

// glyphResources writes the resources of a font whose glyphs are drawn by
// content, or of whatever else has some.
func (c *copier) glyphResources(to *strings.Builder, owner types.Dict) error {
	var drawn []*drawing
	for _, o := range c.glyphs(owner) {
		d, err := c.drawingOf(o)
		if err != nil {
			return err
		}
		drawn = append(drawn, d)
	}
	return c.resources(to, owner["Resources"], c.needs(owner["Resources"], drawn...))
}
