package scanner

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/pdf"
	"letterlock/scanner/specimen"
	"letterlock/scanner/texts"
)

func TestOneLettersWay(t *testing.T) {
	three := specimen.New(3, 3)
	three.DPI = 60
	for name, scan := range map[string]struct {
		data  []byte
		pages int
	}{
		"Colour scan.pdf": {three.ColourPDF(), 3},
		"Fax scan.tif":    {three.G4TIFF(), 3},
		"Photo scan.jpeg": {three.JPEG(1), 1},
		"Phone scan.png":  {three.PNG(1), 1},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.drop(line+"/"+name, scan.data)
			o.pass(settled)
			all := o.verify()
			if len(all) != 1 {
				t.Fatalf("%d letters were deposited", len(all))
			}
			m := all[0]
			want := letter.Manifest{
				ID: m.ID, Site: "office", Helpline: line, Class: letter.SixMonths, Pages: scan.pages,
				Received: morning.Add((settled - 1) * time.Second), Size: m.Size, SHA256: m.SHA256,
				Sides: scan.pages,
			}
			for n := range scan.pages {
				want.Flags = want.Flags.Add(n+1, letter.LowResolution)
			}
			if scan.pages == 1 {
				want.Sheets = 1 // of three pages nobody can tell whether they are two sheets
			}
			if d := cmp.Diff(want, m); d != "" {
				t.Error(d)
			}
			o.pass(5)
			o.ended(1)
			slip := o.files("scanner/" + line + "/taken")[m.ID.Reference()+".txt"]
			for _, part := range []string{m.ID.Reference(), "Tuesday 26 May 2026, 10:00",
				"until 23 November 2026", "gone for good on 26 November 2026", "keep it locked away"} {
				if !strings.Contains(slip, part) {
					t.Errorf("the slip does not say %q: %q", part, slip)
				}
			}
		})
	}
}

// TestNoScanIsDeletedBeforeItsReceipt waits for two days for a server that
// does not answer.
func TestNoScanIsDeletedBeforeItsReceipt(t *testing.T) {
	puts := 0
	o := newOffice(t, func(o *office) {
		o.cfg.Store = &faulty{Store: o.cfg.Store, on: func(op, key string) fault {
			if op == "put" && strings.HasPrefix(key, letter.IncomingPrefix) {
				puts++
			}
			return works
		}}
	})
	scan := sampleLetter(1)
	o.drop(line+"/scan.jpg", scan)
	o.pass(settled)
	for range 48 {
		o.now = o.now.Add(time.Hour)
		o.pass(2)
	}
	if puts != 3 {
		t.Errorf("in two days without an answer the manifest was put %d times, not 3", puts)
	}
	o.restart()
	o.pass(1)
	if puts != 4 {
		t.Errorf("after a start the manifest was not put again")
	}
	kept := false
	for name, data := range o.files("scanner/" + folder.ClaimedDir) {
		kept = kept || data == string(scan)
		if strings.HasSuffix(name, ".pdf") {
			t.Error("the clean PDF is kept beside the scan after it was sealed")
		}
	}
	if !kept {
		t.Error("the claimed scan is gone before there is a receipt")
	}
	o.verify()
	o.now = o.now.Add(time.Minute)
	o.pass(2)
	o.ended(1)
}

func TestRefusalsGiveTheScanBack(t *testing.T) {
	l := specimen.New(1, 2)
	l.DPI = 60
	cut := func(b []byte) []byte { return b[:len(b)*3/5] }
	for name, c := range map[string]struct {
		data []byte
		code pdf.Code
	}{
		"nothing.pdf":   {nil, pdf.Empty},
		"text.pdf":      {[]byte("Dear all, the meeting is on Monday."), pdf.NotAScan},
		"cut.pdf":       {cut(l.ColourPDF()), pdf.CutOff},
		"cut.tif":       {cut(l.G4TIFF()), pdf.CutOff},
		"cut.jpg":       {cut(l.JPEG(1)), pdf.CutOff},
		"encrypted.pdf": {encrypted, pdf.Protected},
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			o.drop(line+"/"+name, c.data)
			o.pass(settled + 1)
			o.wait(31 * time.Minute)
			refused := o.files("scanner/" + line + "/refused")
			if got, ok := refused[name]; !ok || got != string(c.data) {
				t.Errorf("the scan is not in refused, byte for byte")
			}
			what, next := refusedSays(texts.English(), c.code)
			note := refused[name+".txt"]
			if !strings.Contains(note, what) || !strings.Contains(note, next) || !strings.Contains(next, "Nothing is lost") {
				t.Errorf("the note says %q", note)
			}
			if len(refused) != 2 {
				t.Errorf("%d files in refused", len(refused))
			}
			o.ended(0)
		})
	}
}

// encrypted is a PDF whose trailer names an encryption dictionary.
var encrypted = []byte("%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n" +
	"2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>endobj\n" +
	"xref\n0 4\n0000000000 65535 f \n0000000009 00000 n \n0000000053 00000 n \n0000000101 00000 n \n" +
	"trailer<</Size 4/Root 1 0 R/Encrypt<</Filter/Standard/V 1/R 2/O(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)/U(aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa)/P -4>>" +
	"/ID[(0123456789abcdef)(0123456789abcdef)]>>\nstartxref\n161\n%%EOF\n")

func TestStraysAreGivenBack(t *testing.T) {
	o := newOffice(t)
	o.drop("whose.jpg", sampleLetter(1))
	o.pass(settled)
	refused := o.files("scanner/refused")
	if refused["whose.jpg"] != string(sampleLetter(1)) || !strings.Contains(refused["whose.jpg.txt"], "folder of its helpline") {
		t.Errorf("refused: %q", refused["whose.jpg.txt"])
	}
	o.ended(0)
}

func TestABadScanKeepsNobodyBack(t *testing.T) {
	o := newOffice(t, func(o *office) {
		o.cfg.Workshop = Children{Normaliser: pdf.Normaliser{Limits: pdf.Limits{MaxPixels: 300_000}}, Pages: renderer}
	})
	for _, name := range []string{"a", "c", "e"} {
		o.drop(line+"/"+name+".jpg", sampleLetter(uint64(name[0])))
		big := specimen.New(uint64(name[0]), 1)
		big.DPI = 80
		o.drop(line+"/"+name+" too big.jpg", big.JPEG(1))
	}
	o.pass(settled + 2)
	o.verify()
	o.pass(6)
	o.ended(3)
	if n := len(o.files("scanner/" + line + "/refused")); n != 6 {
		t.Errorf("%d files in refused, not three scans and their notes", n)
	}
}

// TestKilledAtEveryStep kills the process at each boundary of a letter's way
// and lets another go on. Whatever the boundary: one letter, one slip, and
// until then the scan; plaintext nowhere but in the claim.
func TestKilledAtEveryStep(t *testing.T) {
	for _, step := range Steps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			scan := sampleLetter(1)
			o := killedAt(t, step, "very private.jpg", scan)
			o.searchPlaintext(scan)
			o.open()
			for range 10 {
				o.pass(1)
				o.verify()
			}
			o.ended(1)
			if len(o.keys(letter.IncomingPrefix)) != 1 {
				t.Errorf("manifests: %v", o.keys(letter.IncomingPrefix))
			}
			if slips := o.slips(); len(slips) != 1 {
				t.Errorf("slips: %v", slips)
			}
		})
	}
	for _, step := range RefusalSteps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			text := []byte("Dear all, this is no scan.")
			o := killedAt(t, step, "very private.pdf", text)
			o.open()
			o.pass(5)
			o.ended(0)
			refused := o.files("scanner/" + line + "/refused")
			if len(refused) != 2 || refused["very private.pdf"] != string(text) || refused["very private.pdf.txt"] == "" {
				t.Errorf("refused: %q", refused)
			}
		})
	}
}

// killedAt is an office whose first process died at a step.
func killedAt(t *testing.T, step, name string, scan []byte) *office {
	t.Helper()
	c := crash{Base: t.TempDir(), Step: step, Secrets: newSecrets(t)}
	o := buildOffice(t, c.Base, c.Secrets)
	o.drop(line+"/"+name, scan)
	c.happens(t)
	o.now = morning.Add(time.Hour)
	return o
}

// searchPlaintext looks for the scan outside of the claims: its name, and a
// run of its compressed picture, which a clean PDF holds as it was.
func (o *office) searchPlaintext(scan []byte) {
	o.Helper()
	run := scan[len(scan)/2 : len(scan)/2+24]
	for name, data := range o.files("") {
		inside := strings.HasPrefix(name, "scanner/"+folder.ClaimedDir)
		// Where it was dropped, or waits for an answer.
		people := strings.HasPrefix(name, "scanner/"+line+"/") && strings.HasPrefix(path.Base(name), "very private")
		if inside || people {
			continue
		}
		if strings.Contains(data, string(run)) || strings.Contains(name+data, "very private") {
			o.Errorf("plaintext, or the scan's name, is in %s", name)
		}
	}
}

// TestKilledWhenAllIsDone starts again when the server has long cleared away
// the receipt and the letter: the record alone lets the edge tidy up.
func TestKilledWhenAllIsDone(t *testing.T) {
	o := killedAt(t, "recorded", "very private.jpg", sampleLetter(1))
	for key := range o.files("bucket") {
		if err := o.bucket.Root().Remove(key); err != nil {
			t.Fatal(err)
		}
	}
	o.open()
	o.pass(2)
	o.ended(0)
	if len(o.slips()) != 1 {
		t.Errorf("slips: %v", o.slips())
	}
}

func TestTheFolderIsRemovedUnderRun(t *testing.T) {
	o := newOffice(t)
	o.pass(1)
	if err := os.RemoveAll(o.cfg.Folder); err != nil {
		t.Fatal(err)
	}
	if err := o.Once(t.Context()); !errors.Is(err, folder.ErrGone) {
		t.Fatalf("got %v", err)
	}
	o.pass(1) // it is made again
	o.drop(line+"/scan.jpg", sampleLetter(1))
	o.pass(settled)
	o.verify()
	o.pass(5)
	o.ended(1)
}

// TestRun is the one test on the real clock: what people see.
func TestRun(t *testing.T) {
	o := newOffice(t, func(o *office) {
		o.cfg.Now = time.Now
		o.now = time.Now()
		o.publish(o.recipients())
		o.cfg.Settle, o.cfg.Rescan, o.cfg.SlipEvery = 5*time.Millisecond, 10*time.Millisecond, 10*time.Millisecond
	})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		o.Run(ctx)
	}()
	o.drop(line+"/scan.jpg", sampleLetter(1))
	for len(o.verify()) == 0 || len(o.slips()) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	stop()
	<-done
	o.ended(1)
}

func TestASecondEdgeIsTurnedAway(t *testing.T) {
	o := newOffice(t)
	_, err := Open(o.cfg)
	var held *folder.HeldError
	if !errors.As(err, &held) || held.Holder.PID != os.Getpid() {
		t.Errorf("got %v", err)
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	o := newOffice(t)
	for name, harm := range map[string]func(*Config){
		"site":          func(c *Config) { c.Site = "The Office" },
		"another's key": func(c *Config) { c.Site = "branch" },
		"no helpline":   func(c *Config) { c.Helplines = nil },
		"helpline":      func(c *Config) { c.Helplines = []string{"../else"} },
		"reserved":      func(c *Config) { c.Helplines = []string{"refused"} },
		"no server":     func(c *Config) { c.Server = nil },
		"state":         func(c *Config) { c.StateDir = filepath.Join(o.base, "bucket", "keys", "recipients") },
		"folder":        func(c *Config) { c.Folder = filepath.Join(o.base, "bucket", "keys", "recipients") },
	} {
		cfg := o.cfg
		cfg.Folder = filepath.Join(o.base, "another")
		harm(&cfg)
		if e, err := Open(cfg); err == nil {
			e.Close()
			t.Errorf("%s: it opens", name)
		}
	}
}

// TestADamagedClaimIsToldAndKept spoils one claim on disk.
func TestADamagedClaimIsToldAndKept(t *testing.T) {
	o := newOffice(t, func(o *office) { o.publish(o.recipients()) })
	if err := os.Remove(filepath.Join(o.base, "bucket", letter.RecipientsKey)); err != nil {
		t.Fatal(err)
	}
	o.drop(line+"/bad.jpg", sampleLetter(1))
	o.pass(settled)
	o.drop(line+"/good.jpg", sampleLetter(2))
	o.close()
	bad, err := filepath.Glob(filepath.Join(o.cfg.Folder, folder.ClaimedDir, "*", "claim.json"))
	if err != nil || len(bad) != 1 {
		t.Fatal(bad, err)
	}
	if err := os.WriteFile(bad[0], nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o.publish(o.recipients())
	o.open()
	o.pass(settled)
	if len(o.verify()) != 0 {
		t.Error("a scan was taken that may be the same as the damaged claim's")
	}
	o.now = o.now.Add(10 * time.Minute)
	o.pass(settled)
	if len(o.verify()) != 1 {
		t.Error("the good letter did not go on")
	}
	o.says("stays there")
	scan, err := os.ReadFile(filepath.Join(filepath.Dir(bad[0]), "scan", "bad.jpg"))
	if err != nil || !bytes.Equal(scan, sampleLetter(1)) {
		t.Errorf("the scan of the damaged claim is not kept: %v", err)
	}
}

// TestADamagedRecordKeepsNoOtherLetterBack spoils what the edge knows of a slip.
func TestADamagedRecordKeepsNoOtherLetterBack(t *testing.T) {
	o := newOffice(t, func(o *office) { o.publish(o.recipients()) })
	o.drop(line+"/first.jpg", sampleLetter(1))
	o.pass(settled)
	o.verify()
	o.pass(settled)
	o.close()
	records, err := filepath.Glob(filepath.Join(o.cfg.Folder, folder.RecordDir, "*.json"))
	if err != nil || len(records) != 1 {
		t.Fatal(records, err)
	}
	if err := os.WriteFile(records[0], nil, 0o600); err != nil {
		t.Fatal(err)
	}
	o.open()
	o.drop(line+"/second.jpg", sampleLetter(2))
	o.wait(10 * time.Minute)
	o.verify()
	o.pass(settled)
	slips, err := filepath.Glob(filepath.Join(o.cfg.Folder, line, folder.TakenDir, "*.txt"))
	if err != nil || len(slips) != 2 {
		t.Errorf("slips: got %d, want the first letter's and the second's; %v", len(slips), err)
	}
	o.says("stays there")
}

func TestStatus(t *testing.T) {
	o := newOffice(t)
	o.drop(line+"/text.pdf", []byte("Dear all"))
	o.drop(line+"/scan.jpg", sampleLetter(1))
	o.pass(settled)
	o.drop(line+"/next.jpg", sampleLetter(1))
	got, err := o.Status()
	if err != nil {
		t.Fatal(err)
	}
	got.Oldest, got.Arrivals = time.Time{}, nil
	if time.Since(got.GivenBack).Abs() > time.Hour {
		t.Errorf("the refused one lies there since %s", got.GivenBack)
	}
	got.GivenBack = time.Time{}
	if d := cmp.Diff(folder.Counts{Arriving: 1, Waiting: 1, Refused: 1}, got); d != "" {
		t.Error(d)
	}
	if _, err := folder.Count(filepath.Join(o.base, "nowhere"), nil); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is missing: got %v", err)
	}
}
