package scanner

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// The server is told what is in the folder: when that changes, at most once a
// minute, and otherwise every ten; never by a file's name, and whatever the store
// does to a message, the next one says it again.
func TestTheServerIsToldWhatIsInTheFolder(t *testing.T) {
	for kind, how := range map[string]fault{"works": works, "fails once": fails, "the answer is lost once": loses} {
		t.Run(kind, func(t *testing.T) {
			puts := 0
			o := newOffice(t, func(o *office) {
				o.cfg.Reports = true
				o.cfg.Store = &faulty{Store: o.cfg.Store, on: func(op, key string) fault {
					if _, is := letter.SplitReport(key); op != "put" || !is {
						return works
					}
					if puts++; puts == 1 {
						return how
					}
					return works
				}}
			})
			said := func() letter.Report {
				t.Helper()
				msg, err := o.bucket.Get(t.Context(), letter.ReportKey("office"))
				if errors.Is(err, fs.ErrNotExist) {
					return letter.Report{}
				}
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(msg), "smith") {
					t.Errorf("it holds a file's name:\n%s", msg)
				}
				r, err := letter.OpenReport(msg, o.site)
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			o.drop(line+"/mrs-smith.pdf", []byte("no scan"))
			o.drop(line+"/mr-smith.jpg", sampleLetter(1))
			o.wait(4 * time.Minute) // what lies refused is counted once a minute
			r := said()
			if r.Folders[0].Helpline != line || r.Folders[0].Refused != 1 || r.Folders[0].OnTheWay != 1 ||
				len(r.Refused) != 1 || r.Refused[0].Why != "not-a-scan" || r.Refused[0].Helpline != line {
				t.Fatalf("it says %+v", r)
			}
			o.verify()
			before := puts
			o.wait(2 * time.Minute)
			if r = said(); r.Folders[0].OnTheWay != 0 || puts != before+1 {
				t.Errorf("of one change it is told %d times: %+v", puts-before, r)
			}
			before = puts
			for range 20 { // a refusal every other second
				o.drop(line+"/mrs-smith.pdf", []byte("no scan"))
				o.pass(2)
			}
			if puts > before+1 {
				t.Errorf("it is told %d times in less than a minute", puts-before)
			}
			o.wait(5 * time.Minute)
			before = puts
			o.wait(21 * time.Minute)
			if n := puts - before; n < 1 || n > 3 {
				t.Errorf("in 20 quiet minutes it is told %d times", n)
			}
			o.wait(25 * time.Hour)
			lie := r.Folders[0].Refused
			if r = said(); r.Folders[0].Refused < 2 || len(r.Refused) != r.Folders[0].Refused || r.Refused[0].Why != "not-a-scan" {
				t.Errorf("a day later, with %d in the folder, it says %+v", lie, r)
			}
			// After a start the reasons are read from the notes; of what a person has taken
			// away nothing is said.
			o.restart()
			refused := filepath.Join(o.cfg.Folder, line, "refused")
			lost := time.Unix(0, 0) // as a share stamps files that has lost its clock
			if err := os.Chtimes(filepath.Join(refused, "mrs-smith.pdf.txt"), lost, lost); err != nil {
				t.Fatal(err)
			}
			o.wait(4 * time.Minute)
			if again := said(); len(again.Refused) != len(r.Refused) || again.Refused[0].Why != "not-a-scan" || again.Refused[0].Helpline != line {
				t.Errorf("after a start it says %+v", again)
			}
			for _, name := range []string{"mrs-smith.pdf", "mrs-smith.pdf.txt"} {
				if err := os.Remove(filepath.Join(refused, name)); err != nil {
					t.Fatal(err)
				}
			}
			o.wait(15 * time.Minute)
			if left := said(); len(left.Refused) != len(r.Refused)-1 || left.Folders[0].Refused != len(left.Refused) {
				t.Errorf("without one of them it says %+v", left)
			}
		})
	}
}
