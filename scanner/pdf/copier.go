package pdf

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/model"
	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// role is the part that an object plays, which decides what of it is copied.
type role int

const (
	thing      role = iota // a font, a colour space, a function…: by a list of what is left
	resources              // a resource dictionary: by its eight categories
	names                  // keys are names that content uses: all, each content
	content                // a thing without which something on the page is missing
	properties             // names for marked content: layers only
)

// copier copies the pages of one document. Objects are copied when something
// copied refers to them, and so what was unlinked stays behind.
type copier struct {
	ctx     *model.Context
	w       *writer
	limits  Limits
	numbers map[int]int // object numbers: in the scan, in the clean PDF
	queue   []promised
	page    int // that is being copied, from 1, for a refusal
}

// promised is an object whose number is given out but that is not yet copied.
type promised struct {
	from types.IndirectRef
	to   int
	role role
}

// maxDepth bounds how deep pages and direct objects may be nested.
const maxDepth = 100

// document copies the page tree as one flat list, and returns its length.
func (c *copier) document(pages, layers, lang types.Object) (int, error) {
	if err := c.pages(pages, types.Dict{}, 0); err != nil {
		return 0, err
	}
	var catalog strings.Builder
	for key, value := range map[string]types.Object{"OCProperties": layers, "Lang": lang} {
		if value == nil {
			continue
		}
		fmt.Fprintf(&catalog, "/%s ", key)
		if err := c.value(&catalog, value, thing, 0); err != nil {
			return 0, err
		}
	}
	if err := c.drain(); err != nil {
		return 0, err
	}
	return len(c.w.pages), c.w.finish(catalog.String())
}

// pages copies a node of the page tree and everything below it.
func (c *copier) pages(o types.Object, above types.Dict, depth int) error {
	node, err := c.ctx.DereferenceDict(o)
	if err != nil || node == nil || depth > maxDepth {
		return refuse(Damaged)
	}
	mine := types.Dict{}
	for _, key := range inherited {
		if value, found := node.Find(key); found && value != nil {
			mine[key] = value
		} else if value := above[key]; value != nil {
			mine[key] = value
		}
	}
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
	for _, key := range pageKeys {
		if value := page[key]; value != nil {
			settings[key] = value
		}
	}
	var dict strings.Builder
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		role := map[string]role{"Resources": resources, "Contents": content}[key]
		fmt.Fprintf(&dict, "/%s ", key)
		if err := c.value(&dict, settings[key], role, 0); err != nil {
			return err
		}
	}
	if err := c.drain(); err != nil {
		return err
	}
	c.w.page(dict.String())
	return c.w.err
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
	switch o := o.(type) {
	case types.StreamDict:
		return c.stream(p.to, &o)
	case *types.StreamDict:
		return c.stream(p.to, o)
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
		if found, err := c.ctx.Dereference(o); err != nil || role == content && found == nil {
			return refusePage(Damaged, c.page)
		}
		fmt.Fprintf(to, "%d 0 R", c.reference(o, role))
	case types.Dict:
		return c.dict(to, o, role, depth)
	case types.Array:
		to.WriteByte('[')
		for _, each := range o {
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
	if (role == thing || role == content) && foreign(d) {
		to.WriteString("null")
		return nil
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
		if err := c.value(to, value, next, depth+1); err != nil {
			return err
		}
	}
	to.WriteString(">>")
	return nil
}
