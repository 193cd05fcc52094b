package pdf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// role is the part that an object plays, which decides what of it is copied.
type role int

const (
	thing      role = iota // a font, a colour space, a function…: by a list of what is left
	resources              // a resource dictionary: by its eight categories
	names                  // keys are names that content uses: all, each content
	content                // a thing without which something on the page is missing
	contents               // the same, that is the page's own content
	glyphs                 // keys are names of glyphs: all, each a glyph
	glyph                  // the content that draws one
	properties             // names for marked content: layers only
	outlines               // the program of a font, by which its glyphs are drawn
	codes                  // a table by which those are found
)

// copier copies the pages of one document. Objects are copied when something
// copied refers to them, and so what was unlinked stays behind.
type copier struct {
	*document
	w       *writer
	only    []int            // the pages that are copied, ascending, from 1; nil for all
	numbers map[int]int      // object numbers: in the scan, in the clean PDF
	written map[[32]byte]int // object numbers of data that streams share, by its SHA-256
	queue   []promised
}

func newCopier(d *document, w *writer, only []int) *copier {
	d.page = 0 // it counts anew
	return &copier{document: d, w: w, only: only, numbers: map[int]int{}, written: map[[32]byte]int{}}
}

// promised is an object whose number is given out but that is not yet copied.
type promised struct {
	from types.IndirectRef
	to   int
	role role
}

// maxDepth bounds how deep pages and direct objects may be nested.
const maxDepth = 100

// copy copies the page tree as one flat list, and closes the clean PDF.
func (c *copier) copy() error {
	if err := c.pages(c.root["Pages"], types.Dict{}, 0); err != nil {
		return err
	}
	if c.only != nil && len(c.w.pages) != len(c.only) {
		return errNoSuchPage
	}
	var catalog strings.Builder
	if err := c.layers(&catalog, c.root["OCProperties"]); err != nil {
		return err
	}
	if lang := c.root["Lang"]; lang != nil {
		catalog.WriteString("/Lang ")
		if err := c.value(&catalog, lang, thing, 0); err != nil {
			return err
		}
	}
	if err := c.drain(); err != nil {
		return err
	}
	return c.w.finish(catalog.String())
}

// pages copies a node of the page tree and everything below it.
func (c *copier) pages(o types.Object, above types.Dict, depth int) error {
	node, err := c.ctx.DereferenceDict(o)
	if err != nil || node == nil || depth > maxDepth {
		return refuse(Damaged)
	}
	mine := inherit(node, above)
	kids, isTree := node.Find("Kids")
	if !isTree {
		return c.onePage(node, mine)
	}
	list, err := c.ctx.DereferenceArray(kids)
	if err != nil {
		return refuse(Damaged)
	}
	for _, kid := range list {
		if err := c.pages(kid, mine, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// onePage copies a page, and whatever it is drawn with.
func (c *copier) onePage(page, settings types.Dict) error {
	c.page++
	if _, wanted := slices.BinarySearch(c.only, c.page); c.only != nil && !wanted {
		return nil
	}
	drawn, err := c.pageDrawing(page["Contents"])
	if err != nil {
		return err
	}
	if c.work(drawn, settings["Resources"], 0) > maxWork {
		return refusePage(TooHeavy, c.page)
	}
	var dict strings.Builder
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		if key == "Resources" {
			continue
		}
		fmt.Fprintf(&dict, "/%s ", key)
		if err := c.value(&dict, settings[key], thing, 0); err != nil {
			return err
		}
	}
	if err := c.ownKeys(&dict, page, drawn); err != nil {
		return err
	}
	if c.blank(page["Contents"]) && c.pictured(settings["Resources"]) {
		return refusePage(Damaged, c.page) // it lost what draws them
	}
	own := settings["Resources"]
	if own == nil {
		own = types.Dict{}
	}
	dict.WriteString("/Resources ")
	if err := c.resources(&dict, own, c.needs(own, drawn)); err != nil {
		return err
	}
	if err := c.drain(); err != nil {
		return err
	}
	c.w.page(dict.String())
	return c.w.err
}

// blank reports whether a page has no content, not even an empty one.
func (d *document) blank(contents types.Object) bool {
	found, err := d.ctx.Dereference(contents)
	parts, _ := found.(types.Array)
	written := slices.ContainsFunc(parts, func(part types.Object) bool { return part != nil })
	return err == nil && (found == nil || len(parts) > 0 && !written)
}

// pictured reports whether a resource dictionary has something to draw.
func (d *document) pictured(o types.Object) bool {
	resources, err := d.ctx.DereferenceDict(o)
	if err != nil {
		return false
	}
	objects, err := d.ctx.DereferenceDict(resources["XObject"])
	return err == nil && len(objects) > 0
}

// ownKeys writes what a page cannot inherit.
func (c *copier) ownKeys(to *strings.Builder, page types.Dict, drawn *drawing) error {
	for _, key := range pageKeys {
		if page[key] == nil {
			continue
		}
		fmt.Fprintf(to, "/%s ", key)
		role := thing
		if key == "Contents" {
			role = contents
		}
		if role == contents && drawn.anew != nil {
			fmt.Fprintf(to, "%d 0 R", c.w.add("/Filter/FlateDecode", deflated(drawn.anew)))
		} else if err := c.value(to, page[key], role, 0); err != nil {
			return err
		}
	}
	return nil
}

// drain copies the promised objects, and those that they refer to.
func (c *copier) drain() error {
	for len(c.queue) > 0 {
		next := c.queue[len(c.queue)-1]
		c.queue = c.queue[:len(c.queue)-1]
		o, err := c.ctx.Dereference(next.from)
		if err != nil {
			return refusePage(Damaged, c.page)
		}
		if err := c.indirect(next, o); err != nil {
			return err
		}
		if c.w.err != nil {
			return c.w.err
		}
	}
	return nil
}

func (c *copier) indirect(p promised, o types.Object) error {
	if s, ok := streamOf(o); ok {
		return c.stream(p, s)
	}
	var body strings.Builder
	if err := c.value(&body, o, p.role, 0); err != nil {
		return err
	}
	c.w.object(p.to, body.String())
	return nil
}

// reference is the number of an object in the clean PDF.
func (c *copier) reference(r types.IndirectRef, role role) int {
	from := r.ObjectNumber.Value()
	to, known := c.numbers[from]
	if !known {
		to = c.w.promise()
		c.numbers[from] = to
		c.queue = append(c.queue, promised{r, to, role})
	}
	return to
}

// value writes an object as PDF.
func (c *copier) value(to *strings.Builder, o types.Object, role role, depth int) error {
	if depth > maxDepth {
		return refusePage(Damaged, c.page)
	}
	switch o := o.(type) {
	case nil:
		to.WriteString("null")
	case types.IndirectRef:
		// pdfcpu takes an object that it cannot find or read for null, and a
		// page whose content is null is blank.
		if found, err := c.ctx.Dereference(o); err != nil || found == nil && (role == content || role == contents) {
			return refusePage(Damaged, c.page)
		}
		fmt.Fprintf(to, "%d 0 R", c.reference(o, role))
	case types.Dict:
		return c.dict(to, o, role, depth)
	case types.Array:
		to.WriteByte('[')
		for _, each := range o {
			if each == nil && role == contents {
				continue // legal, but pdfcpu takes it for damage
			}
			if err := c.value(to, each, role, depth+1); err != nil {
				return err
			}
			to.WriteByte(' ')
		}
		to.WriteByte(']')
	case types.Float:
		to.WriteString(strconv.FormatFloat(o.Value(), 'f', -1, 64))
	case types.Name:
		to.WriteString("/" + types.EncodeName(o.Value()))
	case types.Integer, types.Boolean, types.StringLiteral, types.HexLiteral:
		to.WriteString(o.PDFString())
	default:
		return refusePage(Damaged, c.page)
	}
	return nil
}

// dict writes what is kept of a dictionary.
func (c *copier) dict(to *strings.Builder, d types.Dict, role role, depth int) error {
	switch {
	case (role == thing || role == content) && foreign(d):
		to.WriteString("null")
		return nil
	case role == thing && layer(d):
		return c.layer(to, d, depth)
	}
	to.WriteString("<<")
	for _, key := range slices.Sorted(maps.Keys(d)) {
		next, kept := keep(role, key)
		if !kept {
			continue
		}
		value := d[key]
		if role == properties {
			// A layer is looked at before anything refers to it.
			if p, err := c.ctx.DereferenceDict(value); err != nil || !layer(p) {
				continue
			}
		}
		to.WriteString("/" + types.EncodeName(key) + " ")
		var err error
		if next == resources {
			err = c.glyphResources(to, d)
		} else {
			err = c.value(to, value, next, depth+1)
		}
		if err != nil {
			return err
		}
	}
	to.WriteString(">>")
	return nil
}
