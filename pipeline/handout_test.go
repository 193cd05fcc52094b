package pipeline

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
)

// crafted is a PDF of these objects, the first of them its catalogue, the second its
// page tree, the third its one page.
func crafted(objects ...string) []byte {
	var out bytes.Buffer
	out.WriteString("%PDF-1.7\n")
	table := "0000000000 65535 f \n"
	for i, object := range objects {
		table += fmt.Sprintf("%010d 00000 n \n", out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	at := out.Len()
	fmt.Fprintf(&out, "xref\n0 %d\n%strailer\n<</Size %[1]d/Root 1 0 R>>\nstartxref\n%[3]d\n%%%%EOF\n", len(objects)+1, table, at)
	return out.Bytes()
}

// Somebody with a scanner's key may seal what no scanner would. Its pages are shown, as
// pictures; its file is given out without what it does beside showing pages, or to
// nobody.
func TestAFileThatDoesMoreThanShowPagesIsNotGivenOut(t *testing.T) {
	const pages = "<</Type/Pages/Count 1/Kids[3 0 R]>>"
	acts := crafted("<</Type/Catalog/Pages 2 0 R/OpenAction<</S/JavaScript/JS(app.alert\\('x'\\))>>>>", pages,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]>>")
	says := crafted("<</Type/Catalog/Pages 2 0 R>>", pages,
		"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Annots[4 0 R]>>",
		"<</Type/Annot/Subtype/FreeText/Rect[10 10 90 90]/Contents(x)/DA(/Helv 9 Tf)>>")

	o, ctx := newOffice(t), t.Context()
	opened := func(pdf []byte) register.Letter {
		t.Helper()
		m := o.depositPDF(pdf)
		o.work(m.ID)
		l := o.state(m.ID)
		if l.State != register.Notified {
			t.Fatalf("it is %s, %s", l.State, l.Trouble)
		}
		if _, err := o.Page(ctx, l, portal.View{Page: 1, DPI: 100, Mark: "m"}); err != nil {
			t.Errorf("its page: %v", err)
		}
		return l
	}
	given, err := o.PDF(ctx, opened(acts))
	if err != nil || !bytes.HasPrefix(given, []byte("%PDF-")) || bytes.Contains(given, []byte("JavaScript")) {
		t.Errorf("what acts is given out as %q, %v", given, err)
	}
	if given, err := o.PDF(ctx, opened(says)); !errors.Is(err, portal.ErrNotClean) {
		t.Errorf("what has comments is given out as %q, %v", given, err)
	}
	if !strings.Contains(o.log.String(), "form-or-comments") {
		t.Errorf("the log does not say why:\n%s", o.log)
	}
}
