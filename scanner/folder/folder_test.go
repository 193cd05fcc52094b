package folder

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/realpart"
	"letterlock/scanner/texts"
)

func TestJunkTable(t *testing.T) {
	for _, name := range []string{".DS_Store", "._scan.pdf", ".hidden", "~$letter.docx", "Icon\r",
		"Thumbs.db", "desktop.ini", "@eaDir", "#recycle", "~snapshot", "@Recycle", "$RECYCLE.BIN", ".letterlock"} {
		if !isJunk(name) {
			t.Errorf("%q is taken for a scan", name)
		}
	}
	for _, name := range []string{"scan.pdf", "SCAN0001.TIF", "tmp.pdf", "no extension", "thumbs.db.pdf", "~scan.pdf", "a\nb.pdf", "\xff\xfe.pdf"} {
		if isJunk(name) {
			t.Errorf("%q is ignored", name)
		}
	}
	for _, name := range []string{"upload.TMP", "scan.pdf.part", "scan.pdf.filepart"} {
		if outcome(name, 0) != Waits {
			t.Errorf("%q is not waited for", name)
		}
	}
}

func TestNobodyElsesThingsAreTouched(t *testing.T) {
	o := open(t)
	o.drop(line+"/.DS_Store", "what a desktop notes")
	o.drop(line+"/@eaDir/thumb.jpg", whole)
	o.drop(line+"/refused/old.pdf", whole)
	o.drop(line+"/refused/old.pdf.txt", texts.English().Text(texts.Say("note.begins")))
	o.drop(line+"/taken/K7QM-4T2X.txt", whole)
	o.drop("accounts/book.pdf", whole)
	outside := filepath.Join(t.TempDir(), "outside.pdf")
	if err := os.WriteFile(outside, []byte(whole), 0o644); err != nil {
		t.Fatal(err)
	}
	err := os.Symlink(outside, filepath.Join(o.dir, line, "link.pdf"))
	realpart.Need(t, err == nil, "symbolic links: run as a user who may make them")
	if err := os.Symlink(filepath.Dir(outside), filepath.Join(o.dir, line, "folder")); err != nil {
		t.Fatal(err)
	}
	before := o.tree(line)
	for range 100 {
		if v := o.look(); len(v.Settled) > 0 || v.arriving() > 0 || v.Trouble != nil {
			t.Fatalf("something was taken for a scan: %+v", v)
		}
	}
	if d := cmp.Diff(before, o.tree(line)); d != "" {
		t.Error(d)
	}
}

func TestScansAreFoundWhereverTheyAreDropped(t *testing.T) {
	long := strings.Repeat("x", 251) + ".pdf"
	names := []string{
		line + "/scan.pdf",
		line + "/anna/tuesday/scan.pdf",
		line + "/folder.pdf/scan.pdf",
		line + "/" + long,
		line + "/two\nlines.pdf",
		line + "/not utf-8 \xff.pdf",
		line + "/e\u0301 and \u00e9",
		"mens-advice-line/scan.pdf",
		"stray.pdf",
	}
	o := open(t)
	for _, name := range names {
		o.drop(name, whole+name+"END")
	}
	scans := o.settle()
	if len(scans) != len(names) {
		t.Fatalf("%d of %d scans settled", len(scans), len(names))
	}
	got := map[string]string{}
	for _, s := range scans {
		c, err := o.Claim(s)
		if err != nil {
			t.Fatal(err)
		}
		file, err := o.Scan(c)
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(file)
		file.Close()
		if err != nil {
			t.Fatal(err)
		}
		got[string(data)] = c.Helpline
	}
	for _, name := range names {
		want, _, nested := strings.Cut(name, "/")
		if !nested {
			want = ""
		}
		if helpline, ok := got[whole+name+"END"]; !ok || helpline != want {
			t.Errorf("%q was taken for %q", name, helpline)
		}
	}
	if left := o.list(); len(left) > 0 {
		t.Errorf("left behind: %q", left)
	}
}

// TestChangedInTheLastMoment opens the scan for writing after the last look
// and writes on after the claim, through the rename.
func TestChangedInTheLastMoment(t *testing.T) {
	o := open(t)
	o.drop(line+"/anna/scan.pdf", whole)
	scan := o.settle()[0]
	writer, err := os.OpenFile(filepath.Join(o.dir, line, "anna/scan.pdf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	c, err := o.Claim(scan)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(writer, " and more")
	o.drop(line+"/scan.pdf", "SCAN of another letter")
	if err := o.Settled(c); !errors.Is(err, ErrUnsettled) {
		t.Fatalf("got %v", err)
	}
	fmt.Fprint(writer, " END")
	writer.Close()
	want := map[string]string{
		"scan.pdf":     "SCAN of another letter",
		"scan (2).pdf": whole + " and more END",
	}
	if d := cmp.Diff(want, o.tree(line)); d != "" {
		t.Error(d)
	}
	if claims, err := o.Claims(); err != nil || len(claims) > 0 {
		t.Errorf("a claim was left: %v %v", claims, err)
	}
	if v := o.settle(); len(v) != 1 {
		t.Error("it does not settle anew")
	}
}

// TestOpenedInTheLastMoment has somebody open the scan for writing who has
// written nothing yet.
func TestOpenedInTheLastMoment(t *testing.T) {
	realpart.Need(t, leasesWork(t), "file leases: Linux with a local file system for temporary files")
	o := open(t)
	o.drop(line+"/scan.pdf", whole)
	scan := o.settle()[0]
	writer, err := os.OpenFile(filepath.Join(o.dir, line, "scan.pdf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	c, err := o.Claim(scan)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.Settled(c); !errors.Is(err, ErrUnsettled) {
		t.Errorf("got %v", err)
	}
	if o.tree(line)["scan.pdf"] != whole {
		t.Error("it was not put back")
	}
}

func TestTakenAwayInTheLastMoment(t *testing.T) {
	o := open(t)
	o.drop(line+"/scan.pdf", whole)
	scan := o.settle()[0]
	if err := os.Remove(filepath.Join(o.dir, line, "scan.pdf")); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Claim(scan); !errors.Is(err, ErrUnsettled) {
		t.Fatalf("got %v", err)
	}
	if claims, err := o.Claims(); err != nil || len(claims) > 0 {
		t.Errorf("a claim was left: %v %v", claims, err)
	}
}

func TestASettledScanStaysClaimed(t *testing.T) {
	o := open(t)
	c := o.take(line+"/scan.pdf", whole)
	if c.Helpline != line || !c.Received.Equal(o.now) {
		t.Errorf("claim: %+v", c)
	}
	if err := o.Settled(c); err != nil {
		t.Fatal(err)
	}
	o.Folder.Close()
	o.reopen()
	claims, err := o.Claims()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Claim{c}, claims); d != "" {
		t.Error(d)
	}
	if err := o.Settled(claims[0]); err != nil {
		t.Error(err)
	}
	if err := o.Release(c); err != nil {
		t.Fatal(err)
	}
	if left := o.tree(ClaimedDir); len(left) > 0 {
		t.Errorf("released, but left: %v", left)
	}
}

func TestOneDamagedClaimKeepsNobodyBack(t *testing.T) {
	o := open(t)
	bad := o.take(line+"/bad.pdf", whole)
	good := o.take(line+"/good.pdf", whole)
	if err := os.WriteFile(filepath.Join(o.dir, bad.Path(claimFile)), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	claims, err := o.Claims()
	if err == nil || len(claims) != 1 || claims[0].ID != good.ID {
		t.Errorf("got %v, %v", claims, err)
	}
	if _, err := o.Scan(bad); err != nil {
		t.Errorf("the scan of the damaged claim is not kept: %v", err)
	}
}

func TestEventsAreHints(t *testing.T) {
	o := open(t)
	realpart.Need(t, o.watched != nil, "file events: raise fs.inotify.max_user_instances")
	o.look()
	o.drop(line+"/anna/scan.pdf", whole)
	<-o.Hints()
	o.look() // the new sub-folder is listened to from here on
	for drained := false; !drained; {
		select {
		case <-o.Hints():
		case <-time.After(50 * time.Millisecond):
			drained = true
		}
	}
	o.drop(line+"/anna/another.pdf", whole)
	<-o.Hints()
}

func TestErrorsNameNoFile(t *testing.T) {
	o := open(t)
	o.drop(line+"/mrs miller.pdf", whole)
	scan := o.settle()[0]
	scan.path = line + "/mrs miller.pdf/x" // a file where a folder was
	_, err := o.Claim(scan)
	if err == nil || strings.Contains(err.Error(), "miller") {
		t.Errorf("got %v", err)
	}
}

func TestCount(t *testing.T) {
	o := open(t)
	o.take("mens-advice-line/c.pdf", whole)
	o.drop(line+"/a.pdf", whole)
	o.drop(line+"/anna/b.pdf", whole)
	o.drop(line+"/.DS_Store", "")
	o.drop("accounts/c.pdf", whole)
	o.drop("stray.pdf", whole)
	counts, err := Count(o.dir, []string{line, "mens-advice-line"})
	if err != nil {
		t.Fatal(err)
	}
	if counts.Oldest.IsZero() || counts.Oldest.After(o.now) {
		t.Errorf("the oldest claim is of %v", counts.Oldest)
	}
	counts.Oldest = time.Time{}
	for i, a := range counts.Arrivals {
		if time.Since(a.Since) > time.Hour {
			t.Errorf("arriving since %v", a.Since)
		}
		counts.Arrivals[i].Since = time.Time{}
	}
	want := Counts{Arriving: 3, Claimed: 1, Elsewhere: 1, Arrivals: []Arrival{{Files: 1}, {Helpline: line, Files: 2}}}
	if d := cmp.Diff(want, counts); d != "" {
		t.Error(d)
	}
}
