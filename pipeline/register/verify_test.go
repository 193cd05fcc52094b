package register

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"pgregory.net/rapid"
)

func (d *desk) export() string {
	d.t.Helper()
	var out bytes.Buffer
	d.must(d.Export(d.t.Context(), &out))
	return out.String()
}

func verify(export string, pub note.Verifier) error {
	_, err := Verify(strings.NewReader(export), pub)
	return err
}

// An export is verified with the public key alone, and whatever anyone does to
// it is found.
func TestTamperingIsFound(t *testing.T) {
	d := newDesk(t)
	for range 20 {
		d.receipted()
	}
	export := d.export()
	if n, err := Verify(strings.NewReader(export), d.pub); err != nil || n != 61 {
		t.Fatalf("%d entries verified, %v", n, err)
	}
	lines := strings.SplitAfter(strings.TrimSuffix(export, "\n"), "\n")
	last := len(lines) - 1
	join := func(parts ...[]string) string {
		var all []string
		for _, p := range parts {
			all = append(all, p...)
		}
		return strings.Join(all, "")
	}
	for name, bad := range map[string]string{
		"a line removed":         join(lines[:5], lines[6:]),
		"the last entry removed": join(lines[:last-1], lines[last:]),
		"a line added":           join(lines[:5], lines[4:]),
		"lines swapped":          join(lines[:5], lines[6:7], lines[5:6], lines[7:]),
		"no checkpoint":          join(lines[:last]),
		"checkpoint first":       join(lines[last:], lines[:last]),
		"something after it":     export + lines[0],
		"line ends changed":      strings.ReplaceAll(export, "\n", "\r\n"),
		"an empty line":          "\n" + export,
		"a signature more":       strings.Replace(export, `\n"}`, `\n`+signatureOf(export)+`\n"}`, 1),
		"empty":                  "",
	} {
		var wrong *Wrong
		if err := verify(bad, d.pub); !errors.As(err, &wrong) {
			t.Errorf("%s: %v", name, err)
		}
	}
	other := newDesk(t)
	if err := verify(export, other.pub); err == nil {
		t.Error("another register's key verified it")
	}
}

// signatureOf is the export's signature line, as it stands in its last line.
func signatureOf(export string) string {
	i := strings.LastIndex(export, "— ")
	return strings.TrimSuffix(export[i:], "\\n\"}\n")
}

func TestEveryChangedByteIsFound(t *testing.T) {
	d := newDesk(t)
	d.receipted()
	export := d.export()
	// The last line's every byte, and any others that are drawn.
	for at := strings.LastIndex(strings.TrimSuffix(export, "\n"), "\n"); at < len(export); at++ {
		for to := range 256 {
			if bad := export[:at] + string([]byte{byte(to)}) + export[at+1:]; bad != export && verify(bad, d.pub) == nil {
				t.Fatalf("byte %d of %d changed to %q, and verified", at, len(export), byte(to))
			}
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		at := rapid.IntRange(0, len(export)-1).Draw(t, "at")
		to := byte(rapid.IntRange(0, 255).Draw(t, "to"))
		if export[at] == to {
			return
		}
		bad := export[:at] + string([]byte{to}) + export[at+1:]
		if err := verify(bad, d.pub); err == nil {
			t.Fatalf("byte %d changed to %q, and verified", at, to)
		}
	})
}

// Who writes into the database without the key is found at the next check.
func TestAForgedRowIsFound(t *testing.T) {
	d, ctx := newDesk(t), t.Context()
	d.receipted()
	if _, err := d.VerifyTip(ctx); err != nil {
		t.Fatal(err)
	}
	d.must(d.exec(`UPDATE entries SET line = replace(line, 'letter-receipted', 'letter-forgotten') WHERE kind = 'letter-receipted'`))
	var wrong *Wrong
	if _, err := d.VerifyTip(ctx); !errors.As(err, &wrong) {
		t.Errorf("a changed entry: %v", err)
	}
	if err := verify(d.export(), d.pub); !errors.As(err, &wrong) {
		t.Errorf("an export with it: %v", err)
	}
}
