package pdf

import (
	"bytes"
	"compress/zlib"
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// stream copies a stream: a picture once it has been looked at to its end, a
// piece of page content with what it is drawn with, anything else when it is whole.
func (c *copier) stream(p promised, s *types.StreamDict) error {
	if s.Dict["F"] != nil { // its data is in another file
		return refusePage(Damaged, c.page)
	}
	var dict strings.Builder
	var err error
	data := sampled{data: s.Raw}
	switch {
	case p.role == contents && !c.is(s.Dict, "Subtype", "Form"):
		data, err = c.asItIs(s)
	case c.is(s.Dict, "Subtype", "Image"):
		if data, err = c.checkPicture(s.Dict, s.Raw); err == nil {
			err = c.entries(&dict, s.Dict, imageKeys)
		}
	case c.draws(s.Dict) || p.role == glyph:
		data, err = c.drawn(&dict, p.from, s)
	case foreign(s.Dict):
		c.w.object(p.to, "null")
		return nil
	default:
		if data, err = c.material(s, p.role); err == nil {
			err = c.entries(&dict, s.Dict, nil)
		}
	}
	if err != nil {
		return err
	}
	if err := c.filters(&dict, data.codecs); err != nil {
		return err
	}
	c.w.stream(p.to, dict.String(), data.data)
	return nil
}

// asItIs is a stream's data, which has been looked at.
func (c *copier) asItIs(s *types.StreamDict) (sampled, error) {
	list, err := c.codecs(s.Dict["Filter"], s.Dict["DecodeParms"])
	if err != nil {
		return sampled{}, refusePage(Damaged, c.page)
	}
	return sampled{data: s.Raw, codecs: list}, nil
}

// draws reports whether a stream with the dictionary d is page content: a form
// or a tiling pattern.
func (d *document) draws(dict types.Dict) bool {
	return d.is(dict, "Subtype", "Form") || d.number(dict, "PatternType", 0) == 1
}

// drawn copies a piece of page content other than a page's own.
func (c *copier) drawn(dict *strings.Builder, from types.IndirectRef, s *types.StreamDict) (sampled, error) {
	d, err := c.drawing(from, s)
	if err != nil {
		return sampled{}, err
	}
	keys := formKeys
	if !c.is(s.Dict, "Subtype", "Form") {
		keys = nil
	}
	if err := c.entries(dict, s.Dict, keys); err != nil {
		return sampled{}, err
	}
	if own := s.Dict["Resources"]; own != nil {
		dict.WriteString("/Resources ")
		if err := c.resources(dict, own, c.needs(own, d)); err != nil {
			return sampled{}, err
		}
	}
	if d.anew != nil {
		return sampled{data: deflated(d.anew), codecs: []codec{{name: "FlateDecode"}}}, nil
	}
	return c.asItIs(s)
}

// entries writes what is kept of a stream's dictionary, without what belongs to
// the data. Its resources are written by who knows what it needs of them.
func (c *copier) entries(to *strings.Builder, d types.Dict, only map[string]bool) error {
	for _, key := range slices.Sorted(maps.Keys(d)) {
		next, kept := keep(thing, key)
		if !kept || dataKeys[key] || key == "Resources" || only != nil && !only[key] {
			continue
		}
		fmt.Fprintf(to, "/%s ", types.EncodeName(key))
		if err := c.value(to, d[key], next, 1); err != nil {
			return err
		}
	}
	return nil
}

// filters writes how a stream's data is encoded.
func (c *copier) filters(to *strings.Builder, list []codec) error {
	if len(list) == 0 {
		return nil
	}
	var names, settings strings.Builder
	plain := true
	for _, each := range list {
		names.WriteString("/" + types.EncodeName(each.name))
		parms, err := c.parms(each)
		if err != nil {
			return err
		}
		if parms == "" {
			parms = "null "
		} else {
			plain = false
			parms = "<<" + parms + ">>"
		}
		settings.WriteString(parms)
	}
	if len(list) == 1 {
		to.WriteString("/Filter" + names.String())
	} else {
		to.WriteString("/Filter[" + names.String() + "]")
	}
	switch {
	case plain:
	case len(list) == 1:
		to.WriteString("/DecodeParms" + settings.String())
	default:
		to.WriteString("/DecodeParms[" + settings.String() + "]")
	}
	return nil
}

// parms writes the parameters of one filter.
func (c *copier) parms(each codec) (string, error) {
	var to strings.Builder
	for _, key := range slices.Sorted(maps.Keys(each.parms)) {
		if !parmKeys[key] {
			continue
		}
		value, err := c.ctx.Dereference(each.parms[key])
		if err != nil {
			return "", refusePage(Damaged, c.page)
		}
		fmt.Fprintf(&to, "/%s ", key)
		if err := c.value(&to, value, thing, 1); err != nil {
			return "", err
		}
	}
	if len(each.globals) > 0 {
		fmt.Fprintf(&to, "/JBIG2Globals %d 0 R", c.shared(each.globals))
	}
	return to.String(), nil
}

// shared writes data that several streams refer to, once.
func (c *copier) shared(data []byte) int {
	sum := sha256.Sum256(data)
	if c.written[sum] == 0 {
		c.written[sum] = c.w.add("", data)
	}
	return c.written[sum]
}

// is reports whether the value of key is the name given.
func (d *document) is(dict types.Dict, key, name string) bool {
	o, err := d.ctx.Dereference(dict[key])
	return err == nil && o == types.Name(name)
}

// deflated is content compressed.
func deflated(content []byte) []byte {
	var out bytes.Buffer
	z := zlib.NewWriter(&out)
	_, _ = z.Write(content) // memory does not fail
	_ = z.Close()
	return out.Bytes()
}
