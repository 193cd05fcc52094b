package witness

import (
	"crypto/rand"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
)

// changeKey has a new key sign the house's register, and returns it.
func (h *house) changeKey(r *register.Register) {
	h.t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "letterlock-register")
	h.must(err)
	signer, err := note.NewSigner(secret)
	h.must(err)
	_, err = r.ChangeKey(h.t.Context(), signer, register.SigningKey(public))
	h.must(err)
	h.keys[register.SigningKey(public)] = signer
}

// Each kind of source tells a witness who was given the first key that others have
// taken over; from then on a mail alone is enough.
func TestAWitnessFollowsTheKeys(t *testing.T) {
	for name, sources := range map[string]func(h *house) []Source{
		"the portal": func(h *house) []Source { return []Source{h.portal} },
		"the bucket": func(h *house) []Source { return []Source{h.files(h.file(h.t.TempDir(), "x", h.statement()))} },
		"an export":  func(h *house) []Source { return []Source{h.files(h.file(h.t.TempDir(), "x", h.export()))} },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.look(h.portal)
			for range 2 {
				h.changeKey(h.Register)
				h.nextDay()
				if r := h.look(sources(h)...); !r.well() || r.Added != 1 {
					t.Fatalf("after a change: %+v", r)
				}
			}
			_, today, err := h.Today(t.Context())
			h.must(err)
			mail := h.files(h.file(t.TempDir(), "mail.eml", "Hello.\n\n"+today.Checkpoint+"\nBye.\n"))
			if r := h.look(mail, h.portal); !r.well() {
				t.Errorf("a mail: %+v", r)
			}
			kept, err := filepath.Glob(filepath.Join(h.witness.Dir, "*.key"))
			if err != nil || len(kept) != 2 {
				t.Errorf("kept: %v, %v", kept, err)
			}
		})
	}
}

// A mail of after the change says nothing to who has never heard of the new key.
func TestAnUnknownKeyIsNotBelieved(t *testing.T) {
	h := newHouse(t)
	h.look(h.portal)
	h.changeKey(h.Register)
	h.nextDay()
	_, today, err := h.Today(t.Context())
	h.must(err)
	if r := h.look(h.files(h.file(t.TempDir(), "mail.eml", "Hello.\n\n"+today.Checkpoint))); len(r.Wrong) != 1 {
		t.Errorf("%+v", r)
	}
}

// Somebody who has stolen the old key names a key of their own, or signs on with the
// old one: a witness that knows the true change says so, now and ever after.
func TestAThiefOfAnOldKeyIsFound(t *testing.T) {
	for name, c := range map[string]struct {
		forge func(h, thief *house)
		says  string
		kept  bool
	}{
		"another key is named": {func(_, thief *house) { thief.changeKey(thief.Register) }, "has named two others", true},
		"the old key signs on": {func(_, thief *house) { thief.nextDay() }, "had ended", false},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.look(h.portal)
			thief := *h // with the house's key of now
			thief.Register = h.open(filepath.Join(t.TempDir(), "forged.db"))
			thief.nextDay()
			h.changeKey(h.Register)
			h.nextDay()
			if r := h.look(h.portal); !r.well() {
				t.Fatalf("the true register: %+v", r)
			}
			c.forge(h, &thief)
			thief.nextDay()
			forged := thief.files(thief.file(t.TempDir(), "x", thief.statement()))
			if r := h.look(forged); len(r.Wrong) == 0 || !strings.Contains(strings.Join(r.Wrong, "\n"), c.says) {
				t.Errorf("%+v", r)
			}
			h.nextDay()
			if r := h.look(h.portal); c.kept == r.well() {
				t.Errorf("later, at the true register: %+v", r)
			}
		})
	}
}

// What lies in the witness's folder is believed for its signatures alone.
func TestAKeptChangeThatWasChangedIsSaid(t *testing.T) {
	h := newHouse(t)
	h.changeKey(h.Register)
	h.nextDay()
	h.look(h.portal)
	kept, err := filepath.Glob(filepath.Join(h.witness.Dir, "*.key"))
	if err != nil || len(kept) != 1 {
		t.Fatal(kept, err)
	}
	text, err := os.ReadFile(kept[0])
	h.must(err)
	h.must(os.WriteFile(kept[0], []byte(strings.Replace(string(text), `"entry":4`, `"entry":5`, 1)), 0o600))
	if _, err := h.witness.Look(t.Context(), []Source{h.portal}); err == nil {
		t.Error("a change that was changed is believed")
	}
}
