package inspect

import (
	"bytes"
	"fmt"
	"regexp"
	"testing"

	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
)

func TestZZ(t *testing.T) {
	l := specimen.New(1, 2)
	good := l.ColourPDF()
	for name, bad := range map[string][]byte{
		"no xref":     good[:bytes.LastIndex(good, []byte("xref\n0"))],
		"no count":    bytes.Replace(good, []byte("/Count 2"), []byte("/Count x"), 1),
		"count 7":     bytes.Replace(good, []byte("/Count 2"), []byte("/Count 7"), 1),
		"length":      regexp.MustCompile(`/Length \d`).ReplaceAll(good, []byte("/Length 9")),
		"nolength":    regexp.MustCompile(`/Length \d+`).ReplaceAll(good, []byte("")),
		"startxref":   bytes.Replace(good, []byte("startxref\n"), []byte("startxref\n9"), 1),
		"mediabox":    bytes.Replace(good, []byte("/MediaBox[0 0 595.28 841.89]"), []byte("/MediaBox[0 0 595.28 x     ]"), 1),
		"type":        bytes.ReplaceAll(good, []byte("/Type/Page/"), []byte("/Type/Pagx/")),
		"catalog":     bytes.ReplaceAll(good, []byte("/Type/Catalog"), []byte("/Type/Cataloh")),
		"bits":        bytes.ReplaceAll(good, []byte("/BitsPerComponent 8"), []byte("/BitsPerComponent 7")),
		"content":     bytes.ReplaceAll(good, []byte(" cm /Im0 Do Q"), []byte(" cm /Im0 Do Qx")),
		"cut":         good[:len(good)-60000],
		"fontsub":     bytes.ReplaceAll(good, []byte("/Subtype/Type1"), []byte("/Subtype/Typ  ")),
		"cs":     bytes.ReplaceAll(good, []byte("/ColorSpace/DeviceRGB"), []byte("/ColorSpace 12 0 R    ")),
	} {
		_, err := pdf.Normaliser{}.Normalise(t.Context(), file(t, bad), file(t, nil))
		r, err2 := Repair(t.Context(), renderer(t, page.Config{}), file(t, bad), file(t, nil))
		fmt.Println(name, err, "|", r.Pages, err2)
	}
}
