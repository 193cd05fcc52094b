package portal

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"
)

func fakeEvidence(_ context.Context, w io.Writer) error {
	_, err := io.WriteString(w, "PK a pack")
	return err
}

// Whoever takes a pack is on record before its first byte, and a pack that
// cannot be made whole is not taken for one.
func TestEvidencePackIsOnRecordFirst(t *testing.T) {
	var h *house
	write := fakeEvidence
	h = newHouse(t, func(c *Config) {
		c.Evidence = func(ctx context.Context, w io.Writer) error {
			entries, err := h.register.Entries(ctx, -1, "register-exported", "", 10)
			if err != nil || len(entries) == 0 || entries[0].By != h.dpo {
				t.Errorf("when the pack is made, the register says %v, %v", entries, err)
			}
			return write(ctx, w)
		}
	})
	v := h.as(h.dpo)
	wantText(t, v.get("/evidence"), "show first that it is you")
	wantRedirect(t, v.post("/evidence/pack.zip", nil), "/evidence")
	if n := len(h.entries("register-exported", "")); n != 0 {
		t.Errorf("%d packs are on record before anybody showed who asks", n)
	}
	v.showsAgain(evidencePath)
	wantText(t, v.get("/evidence"), `action="/evidence/pack.zip"`, "That you took it is recorded first")
	w := v.post("/evidence/pack.zip", nil)
	wantStatus(t, w, http.StatusOK)
	if w.Body.String() != "PK a pack" || w.Header().Get("Content-Type") != "application/zip" {
		t.Errorf("the pack is %q, its headers %v", w.Body, w.Header())
	}
	write = func(context.Context, io.Writer) error { return errors.New("no storage") }
	wantText(t, v.post("/evidence/pack.zip", nil), "Something went wrong on our side")
	write = func(ctx context.Context, w io.Writer) error {
		return errors.Join(fakeEvidence(ctx, w), errors.New("no storage"))
	}
	defer func() {
		if recover() != http.ErrAbortHandler {
			t.Error("half a pack was not cut off")
		}
	}()
	v.post("/evidence/pack.zip", nil)
}
