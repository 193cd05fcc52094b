package pipeline

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// What a scanner of an earlier version has signed is taken in as it meant it: its letter
// is admitted, and its report is read. The same files are kept for scanner/letter, which
// reads their forms; here the whole of admission goes over them.
func TestStatementsOfEarlierVersionsAreAdmitted(t *testing.T) {
	releases, err := filepath.Glob(filepath.Join("..", "scanner", "letter", "testdata", "kept", "*"))
	if err != nil || len(releases) == 0 {
		t.Fatalf("no release is kept: %v", err)
	}
	for _, release := range releases {
		t.Run(filepath.Base(release), func(t *testing.T) {
			kept := func(name string) []byte {
				text, err := os.ReadFile(filepath.Join(release, name))
				if err != nil {
					t.Fatal(err)
				}
				return text
			}
			o := newOffice(t)
			o.now = time.Date(2026, 11, 28, 21, 5, 0, 0, time.UTC)
			site := kept("annexe.pub")
			o.must(o.cfg.Register.AddEdge(t.Context(), "annexe", string(site[:len(site)-1])))
			const id = letter.ID("zggpxxdmk9dww77x2n78j32gk4")
			o.putRaw(letter.IncomingKey("annexe", id), kept("manifest"))
			o.putRaw(letter.ReportKey("annexe"), kept("report"))
			o.must(o.Admit(t.Context()))

			if held := o.held(); len(held) > 0 {
				t.Errorf("held: %v", held)
			}
			l := o.state(id)
			if l.Site != "annexe" || l.Helpline != "respect-phoneline" || l.Pages != 3 || l.Sheets != 2 || l.Sides != 3 || l.Size != 40960 ||
				!l.Received.Equal(time.Date(2026, 11, 28, 21, 0, 0, 0, time.UTC)) || l.Deadline() != (letter.DateOf(l.Received).AddMonths(6)) || l.Week() != "x2027-W21" {
				t.Errorf("admitted as %+v", l)
			}
			said, err := o.cfg.Register.Reports(t.Context())
			o.must(err)
			if len(said) != 1 || said[0].Site != "annexe" || said[0].Program != "v1.0.0" || len(said[0].Folders) != 1 || len(said[0].Refused) != 1 {
				t.Errorf("the report is read as %+v", said)
			}
			for _, key := range []string{letter.IncomingKey("annexe", id), letter.ReportKey("annexe")} {
				if n := o.traces(key); n > 0 {
					t.Errorf("%d traces of %s are left", n, key)
				}
			}
		})
	}
}
