package letter_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"

	"letterlock/scanner/letter"
	"letterlock/scanner/seal"
)

// What earlier versions have signed is read on, as they meant it: a scanner goes on
// beside a newer server, and the reverse. One of each kind is kept for each release that
// has changed a form, with the public keys of who signed.
func TestStatementsOfEarlierVersionsAreRead(t *testing.T) {
	const release = "2026-11-28"
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join("testdata", "kept", release, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	verifier := func(name string) note.Verifier {
		text := read(name + ".pub")
		v, err := note.NewVerifier(string(text[:len(text)-1]))
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	site, server := verifier("annexe"), verifier("letterlock-server")
	at := time.Date(2026, 11, 28, 21, 0, 0, 0, time.UTC)
	const (
		id  = letter.ID("zggpxxdmk9dww77x2n78j32gk4")
		sum = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	)
	same := func(name string, got any, err error, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("the %s: %v\n%s", name, err, diff)
		}
	}
	manifest, err := letter.OpenManifest(read("manifest"), site)
	same("manifest", manifest, err, letter.Manifest{ID: id, Site: "annexe", Helpline: "respect-phoneline", Class: letter.SixMonths, Received: at,
		Pages: 3, Size: 40960, SHA256: sum, Sheets: 2, Sides: 3})
	report, err := letter.OpenReport(read("report"), site)
	same("report", report, err, letter.Report{Site: "annexe", At: at, Program: "v1.0.0",
		Folders: []letter.ReportLine{{Helpline: "respect-phoneline", Arriving: 1, Oldest: at, OnTheWay: 2, Refused: 1, Asked: 1}},
		Refused: []letter.Refused{{Helpline: "respect-phoneline", At: at, Why: "cut-off"}}})
	receipt, err := letter.OpenReceipt(read("receipt"), server)
	same("receipt", receipt, err, letter.Receipt{ID: id, Version: "3bf6f9ce", SHA256: sum, Paper: letter.PaperKept})
	list, err := seal.OpenRecipients(read("recipients"), server)
	if err != nil || list.Serial != 7 || !list.ValidUntil.Equal(at.AddDate(0, 0, 14)) {
		t.Errorf("the recipients list: %v, %+v", err, list)
	}
	if _, err := list.For("x2027-W21"); err != nil {
		t.Error(err)
	}
}
