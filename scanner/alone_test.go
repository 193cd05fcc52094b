package scanner

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
)

// unwilling is a workshop that refuses everything.
type unwilling struct{ Workshop }

func (unwilling) Normalise(context.Context, disk.File, disk.File) (pdf.Result, error) {
	return pdf.Result{}, &pdf.Refusal{Code: pdf.Damaged}
}

// stopAt drops a scan and ends the process at a step. It is not started again.
func (o *office) stopAt(step, name string, scan []byte) {
	o.Helper()
	type cut struct{}
	o.close()
	o.cfg.Step = func(at string, _ letter.ID) {
		if at == step {
			panic(cut{})
		}
	}
	o.open()
	o.drop(line+"/"+name, scan)
	func() {
		defer func() {
			if r := recover(); r != (cut{}) {
				o.Fatalf("it did not come to %q: %v", step, r)
			}
		}()
		o.pass(settled + 1)
	}()
	o.close()
	o.cfg.Step = nil
}

// leaveAlone drops a scan and stops the power once the manifest of its first
// letter is written: the manifest survives, and the sealed letter does not.
func (o *office) leaveAlone(name string, scan []byte) {
	o.Helper()
	o.stopAt("sealed", name, scan)
	sealed, err := filepath.Glob(filepath.Join(o.cfg.Folder, folder.SpoolDir, "*"+sealedExt))
	if err != nil || len(sealed) != 1 {
		o.Fatalf("%d sealed letters (%v)", len(sealed), err)
	}
	if err := os.Remove(sealed[0]); err != nil {
		o.Fatal(err)
	}
	o.open()
}

// A power cut may leave a manifest without its letter: that is sealed once more,
// whether it came alone or in a stack.
func TestAManifestAlone(t *testing.T) {
	o := newOffice(t)
	o.leaveAlone("scan.jpg", sampleLetter(1))
	o.goOn()
	o.ended(1)
	stacks, stack := withStack(t, 3)
	stacks.leaveAlone("stack.tif", stack)
	stacks.goOn()
	stacks.goOn()
	stacks.ended(3)
}

// Nor is its scan taken before it is: when it is refused after all, nobody is
// asked about the next that is the same.
func TestAManifestAloneMakesNoTwin(t *testing.T) {
	o := newOffice(t)
	willing := o.cfg.Workshop
	o.leaveAlone("scan.jpg", sampleLetter(1))
	o.Workshop = unwilling{willing} // as of a later version that takes less
	o.pass(settled)
	if len(o.given(folder.RefusedDir)) != 2 {
		t.Fatalf("refused: %v", o.given(folder.RefusedDir))
	}
	o.Workshop = willing
	o.taken("again.jpg", sampleLetter(1))
	o.ended(1)
}
