package folder

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is how long a test waits for what it wants: on a busy machine everything takes
// its time, and only what never comes costs that much.
const patience = 5 * time.Minute

// A scan of these tests is whole when it ends in END; a file that does not
// begin with SCAN is none.
func complete(r io.ReaderAt, size int64) (Completeness, error) {
	data, err := io.ReadAll(io.NewSectionReader(r, 0, size))
	switch {
	case err != nil:
		return 0, err
	case len(data) > 0 && !bytes.HasPrefix(data, []byte("SCAN")):
		return Foreign, nil
	case !bytes.HasSuffix(data, []byte("END")):
		return Partial, nil
	}
	return Whole, nil
}

const whole = "SCAN of a letter END"

const line = "respect-phoneline"

// office is a scanner folder with a clock that only the test moves.
type office struct {
	testing.TB
	*Folder
	dir string
	now time.Time
}

func open(t testing.TB, edit ...func(*Config)) *office {
	t.Helper()
	o := &office{TB: t, dir: t.TempDir(), now: time.Date(2026, 5, 26, 9, 0, 0, 0, time.UTC)}
	o.reopen(edit...)
	t.Cleanup(func() { o.Folder.Close() })
	return o
}

func (o *office) reopen(edit ...func(*Config)) {
	o.Helper()
	cfg := Config{
		Path:      o.dir,
		Helplines: []string{line, "mens-advice-line"},
		Settle:    time.Second,
		Arriving:  30 * time.Second,
		Complete:  complete,
		Now:       func() time.Time { return o.now },
	}
	for _, e := range edit {
		e(&cfg)
	}
	f, err := Open(cfg)
	if err != nil {
		o.Fatal(err)
	}
	o.Folder = f
}

// drop leaves a file in the folder, as a person or a printer does.
func (o *office) drop(name, content string) {
	o.Helper()
	full := filepath.Join(o.dir, name)
	if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
		o.Fatal(err)
	}
	if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
		o.Fatal(err)
	}
}

// look looks once and moves the clock on by a second.
func (o *office) look() View {
	o.Helper()
	v, err := o.Look(o.Context())
	if err != nil {
		o.Fatal(err)
	}
	o.now = o.now.Add(time.Second)
	return v
}

// settle looks until the scans that are whole have settled.
func (o *office) settle() []Scan {
	o.Helper()
	for range looksUntilStill - 1 {
		if v := o.look(); len(v.Settled) > 0 {
			o.Fatal("a scan settled before it was looked at often enough")
		}
	}
	return o.look().Settled
}

// take drops, settles and claims one scan.
func (o *office) take(name, content string) Claim {
	o.Helper()
	o.drop(name, content)
	scans := o.settle()
	if len(scans) != 1 {
		o.Fatalf("%d scans settled, not one", len(scans))
	}
	c, err := o.Claim(scans[0])
	if err != nil {
		o.Fatal(err)
	}
	return c
}

func (o *office) refuse(c Claim, n Note) error { return o.GiveBack(&c, RefusedDir, n) }

// tree is every file below a part of the scanner folder, with its content.
func (o *office) tree(part string) map[string]string {
	o.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(filepath.Join(o.dir, part), func(name string, e fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrPermission) {
			return nil
		}
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		if errors.Is(err, fs.ErrPermission) {
			data, err = []byte("(no right to read this)"), nil
		}
		rel, _ := filepath.Rel(filepath.Join(o.dir, part), name)
		files[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		o.Fatal(err)
	}
	return files
}

// list is the names of tree, without the private folder.
func (o *office) list() []string {
	var names []string
	for name := range o.tree("") {
		if !strings.HasPrefix(name, PrivateDir+"/") {
			names = append(names, name)
		}
	}
	return names
}

// arriving is how many files are not settled yet.
func (v View) arriving() (files int) {
	for _, a := range v.Arriving {
		files += a.Files
	}
	return files
}
