package pdf

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"
)

// layers writes which layers are shown, for those that a copied page has: the
// others would name what is on other pages.
func (c *copier) layers(catalog *strings.Builder, o types.Object) error {
	all, err := c.ctx.DereferenceDict(o)
	if err != nil {
		return refuse(Damaged)
	}
	shown, err := c.ctx.DereferenceDict(all["D"])
	if err != nil {
		return refuse(Damaged)
	}
	list, err := c.known(all["OCGs"])
	if err != nil || list == nil {
		return err
	}
	catalog.WriteString("/OCProperties<</OCGs ")
	if err := c.value(catalog, list, thing, 1); err != nil {
		return err
	}
	catalog.WriteString("/D<<")
	for _, key := range layersKeys {
		value, err := c.known(shown[key])
		if err != nil {
			return err
		}
		if value == nil {
			continue
		}
		fmt.Fprintf(catalog, "/%s ", key)
		if err := c.value(catalog, value, thing, 1); err != nil {
			return err
		}
	}
	catalog.WriteString(">>>>")
	return nil
}

// known is o without references to layers that are not copied.
func (c *copier) known(o types.Object) (types.Object, error) {
	const cost = 1000 // in bytes of content
	found, err := c.ctx.Dereference(o)
	if err != nil {
		return nil, refuse(Damaged)
	}
	if c.budget -= cost; c.budget < 0 { // it may refer to itself
		return nil, refuse(TooHeavy)
	}
	switch found := found.(type) {
	case types.Array:
		kept := types.Array{}
		for _, each := range found {
			if each, err = c.known(each); err != nil {
				return nil, err
			}
			if each != nil {
				kept = append(kept, each)
			}
		}
		return kept, nil
	case types.Dict:
		if layer(found) {
			r, ok := o.(types.IndirectRef)
			if ok && c.numbers[r.ObjectNumber.Value()] != 0 {
				return o, nil
			}
			return nil, nil
		}
		kept := types.Dict{}
		for key, value := range found {
			if kept[key], err = c.known(value); err != nil {
				return nil, err
			}
		}
		return kept, nil
	}
	return found, nil
}

// layer writes a layer, or a membership in layers, without its name.
func (c *copier) layer(to *strings.Builder, d types.Dict, depth int) error {
	to.WriteString("<<")
	if c.is(d, "Type", "OCG") {
		to.WriteString("/Name(Layer)")
	}
	for _, key := range slices.Sorted(maps.Keys(d)) {
		if !layerKeys[key] {
			continue
		}
		fmt.Fprintf(to, "/%s ", key)
		if err := c.value(to, d[key], thing, depth+1); err != nil {
			return err
		}
	}
	to.WriteString(">>")
	return nil
}
