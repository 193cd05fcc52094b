package pdf

import "github.com/pdfcpu/pdfcpu/pkg/pdfcpu/types"

// What is copied of a page: keys of its own, and those that it may inherit from
// the page tree (ISO 32000-1, table 30).
var (
	pageKeys  = []string{"Contents", "Group", "UserUnit"}
	inherited = []string{"MediaBox", "CropBox", "Rotate", "Resources"}
)

// treeKeys hold the page tree together.
var treeKeys = set("Type", "Parent", "Kids", "Count")

// categories are the resource dictionary's (ISO 32000-1, table 33), each with
// the role of its value. ProcSet is obsolete and left behind.
var categories = map[string]role{
	"ExtGState": names, "ColorSpace": names, "Pattern": names, "Shading": names,
	"XObject": names, "Font": names, "Properties": properties,
}

// imageKeys are what is copied of a picture's dictionary (table 89), apart from
// its size, filter and length, which are written anew.
var imageKeys = set("Type", "Subtype", "Width", "Height", "ColorSpace", "BitsPerComponent", "Intent",
	"ImageMask", "Mask", "Decode", "Interpolate", "SMask", "SMaskInData", "OC", "Matte")

// formKeys are what is copied of a form's, which is a piece of page content
// (table 95), apart from its resources.
var formKeys = set("Type", "Subtype", "FormType", "BBox", "Matrix", "Group", "OC")

// leftBehind are keys that are never content, wherever a thing has them: what
// was written about it, what happens when it is touched, where it comes
// from, which glyphs a font has.
var leftBehind = set("Metadata", "PieceInfo", "LastModified", "AA", "AF", "Creator", "CreatorInfo", "User", "Parent", "CIDSet")

// layerKeys are what is copied of a layer or a membership in layers (tables 98
// and 99), apart from its name.
var layerKeys = set("Type", "Intent", "Usage", "OCGs", "P", "VE")

// layersKeys are what is copied of how layers are shown at first (table 101).
// The rest is for the panel in which a person switches them.
var layersKeys = []string{"BaseState", "ON", "OFF", "Intent", "AS"}

// dataKeys say how long and how encoded a stream's data is, and are written anew.
var dataKeys = set("Length", "Filter", "DecodeParms")

// foreignTypes are the types of objects that nothing drawn refers to.
var foreignTypes = set("Catalog", "Pages", "Page", "Action", "Annot", "Filespec", "F", "EmbeddedFile",
	"Metadata", "ObjStm", "XRef", "Sig", "Outlines", "StructTreeRoot", "StructElem")

func set(keys ...string) map[string]bool {
	s := make(map[string]bool, len(keys))
	for _, k := range keys {
		s[k] = true
	}
	return s
}

// keep reports whether a dictionary in the given role keeps key, and the role
// of its value.
func keep(r role, key string) (role, bool) {
	switch r {
	case resources:
		next, ok := categories[key]
		return next, ok
	case names:
		return content, true
	case glyphs:
		return glyph, true
	case properties:
		return thing, true
	}
	switch key {
	case "Resources":
		return resources, true
	case "CharProcs":
		return glyphs, true
	case "Colorants": // keys are names of inks
		return names, true
	case "FontFile", "FontFile2", "FontFile3":
		return outlines, true
	case "CIDToGIDMap", "ToUnicode":
		return codes, true
	}
	return thing, !leftBehind[key]
}

func foreign(d types.Dict) bool {
	t := d.Type()
	return t != nil && foreignTypes[*t]
}

// layer reports whether d is an optional-content group or a membership in some.
func layer(d types.Dict) bool {
	t := d.Type()
	return t != nil && (*t == "OCG" || *t == "OCMD")
}
