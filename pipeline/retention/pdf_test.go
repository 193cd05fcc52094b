package retention

import (
	"bytes"
	"strings"
	"testing"

	"letterlock/pipeline/register"
)

// The printed record is the same bytes for the same record, holds every line of
// it, and goes on over as many pages as it needs.
func TestPrinting(t *testing.T) {
	s := &story{now: began}
	for range 120 {
		id := s.arrive("respect-phoneline")
		s.destroy(id, register.AnomalyLevel)
	}
	s.arrive("mens-advice-line")
	sheet := s.record(t, "2026-Q1").Sheet(func(name string) string { return "The " + name + " with a name that is much too long" })
	var one, other bytes.Buffer
	if err := sheet.PDF(&one); err != nil {
		t.Fatal(err)
	}
	if err := sheet.PDF(&other); err != nil || !bytes.Equal(one.Bytes(), other.Bytes()) {
		t.Errorf("printed twice, it differs: %v", err)
	}
	if pages := strings.Count(one.String(), "/Type /Page\n"); pages < 4 {
		t.Errorf("%d pages for 120 exceptions", pages)
	}
	var table bytes.Buffer
	if err := sheet.CSV(&table); err != nil || strings.Count(table.String(), "the shredder is coarser") != 120 {
		t.Errorf("the spreadsheet lacks something: %v", err)
	}
}
