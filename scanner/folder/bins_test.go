package folder

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/realpart"
)

// binsOf are the bins of a scanner folder, but for what this machine's own file
// systems say.
func (o *office) binsOf(dir string) (found []Bin) {
	o.Helper()
	for _, b := range binsOf(dir, nil) {
		if strings.HasPrefix(b.Path, filepath.Dir(o.dir)) && b.kind.how != maybe {
			found = append(found, b)
		}
	}
	return found
}

func TestEveryBinIsFound(t *testing.T) {
	for _, kind := range bins {
		name := strings.ReplaceAll(kind.name, "*", "1000")
		for where, at := range map[string]string{
			"in the scanner folder":    "share/scanner",
			"in a helpline's folder":   "share/scanner/" + line,
			"in the root of the share": "share",
		} {
			t.Run(name+" "+where, func(t *testing.T) {
				o := open(t)
				dir := filepath.Join(o.dir, "share/scanner")
				o.drop("share/scanner/"+line+"/scan.pdf", whole)
				if found := o.binsOf(dir); len(found) > 0 {
					t.Fatalf("found in good order: %+v", found)
				}
				bin := at + "/" + name
				if kind.unit == "" {
					o.drop(bin, "")
				} else if err := os.MkdirAll(filepath.Join(o.dir, bin), 0o755); err != nil {
					t.Fatal(err)
				}
				found := o.binsOf(dir)
				if len(found) != 1 || found[0].What != kind.what || found[0].Wrong != kind.on || found[0].Holds != 0 {
					t.Fatalf("empty: %+v", found)
				}
				if kind.unit == "" {
					return
				}
				for _, name := range []string{"anna/mrs miller.pdf", "bob/mrs miller.pdf"} {
					o.drop(bin+"/"+name, whole)
				}
				found = o.binsOf(dir)
				if len(found) != 1 || !found[0].Wrong || found[0].Holds != 2 {
					t.Fatalf("with two files: %+v", found)
				}
				says := found[0].Says()
				for _, part := range []string{kind.what, kind.off, "2 " + kind.unit + "s", filepath.Join(o.dir, bin)} {
					if !strings.Contains(says, part) {
						t.Errorf("%q does not say %q", says, part)
					}
				}
				if strings.Contains(says, "miller") {
					t.Errorf("it names a file: %s", says)
				}
			})
		}
	}
}

// TestBinsAreLeftAlone: what is deleted by a person must not come back as a
// scan when the bin lies in a helpline's folder.
func TestBinsAreLeftAlone(t *testing.T) {
	for _, kind := range bins {
		if kind.unit != "" && !isJunk(strings.ReplaceAll(strings.Split(kind.name, "/")[0], "*", "1000")) && !strings.HasPrefix(kind.name, "timeshift") {
			t.Errorf("scans are looked for in %s", kind.name)
		}
	}
}

func TestABinThatCannotBeCounted(t *testing.T) {
	o := open(t)
	for n := range 3 {
		o.drop(".recycle/"+strings.Repeat("x", n+1)+".pdf", whole)
	}
	o.drop(".Trash-1000/info/scan.pdf.trashinfo", "")
	o.drop(".Trash-1000/files/scan.pdf", whole)
	o.drop("$RECYCLE.BIN/S-1-5/desktop.ini", "")
	says := ""
	for _, b := range o.binsOf(o.dir) {
		says += b.Says()
	}
	for _, part := range []string{".recycle, with 3 files", ".Trash-1000, with 1 file)", "$RECYCLE.BIN, which is empty"} {
		if !strings.Contains(says, part) {
			t.Errorf("it does not say %q: %s", part, says)
		}
	}
	if b := (Bin{Holds: -1, kind: &sambaBin}); !strings.Contains(b.Says(), "cannot be looked into") {
		t.Error(b.Says())
	}
	if b := (Bin{Holds: countedInBin, kind: &sambaBin}); !strings.Contains(b.Says(), "10000 files and more") {
		t.Error(b.Says())
	}
}

const smbConf = `[global]
	log file = DIR/log
	vfs objects = catia
	recycle:repository = .bin/%U
[scans]
	path = DIR/share
	vfs objects = catia, recycle
	recycle : keeptree = yes
[old]
	path = DIR/share/scanner/respect-phoneline
	vfs objects = shadow_copy2
[other]
	path = DIR/other
	vfs objects = recycle
[plain]
	path = DIR/share/scanner
[homes]
	vfs objects = recycle
`

// TestSambaIsAsked has Samba's own program read its configuration.
func TestSambaIsAsked(t *testing.T) {
	realpart.Tool(t, "testparm", "testparm: apt-get install samba-common-bin")
	o := open(t)
	o.drop("share/scanner/"+line+"/scan.pdf", whole)
	o.drop("smb.conf", strings.ReplaceAll(smbConf, "DIR", o.dir))
	o.drop("other/x", "")
	dir := filepath.Join(o.dir, "share/scanner")
	var got []string
	for _, b := range sambaBins(dir, sambaShares(filepath.Join(o.dir, "smb.conf"))) {
		rel, _ := filepath.Rel(o.dir, b.Path)
		got = append(got, rel+": "+b.What)
		if !b.Wrong {
			t.Errorf("%s is found to be in order", rel)
		}
	}
	slices.Sort(got)
	want := []string{"share/.bin: the recycle bin of Samba", "share/scanner/respect-phoneline: the previous versions of a Samba share"}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if shares := parseShares([]byte("[x\n=\npath\n[]\n")); len(shares) > 0 {
		t.Errorf("read from nonsense: %v", shares)
	}
}

func TestBinsOfNoFolder(t *testing.T) {
	if _, err := Bins(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no folder, and nobody says so")
	}
}
