package portal

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
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
	wantRedirect(t, v.post("/evidence", nil), "/evidence")
	if n := len(h.entries("register-exported", "")); n != 0 {
		t.Errorf("%d packs are on record before anybody showed who asks", n)
	}
	v.showsAgain(evidencePath)
	wantText(t, v.get("/evidence"), `action="/evidence"`, "That you took it is recorded first")
	asks := func() (pack string) {
		t.Helper()
		w := v.get(v.post("/evidence", nil).Header().Get("Location"))
		wantText(t, w, "Your evidence pack is being made", "Please stay on this page.")
		at, pack, _ := strings.Cut(w.Header().Get("Refresh"), "; url=")
		if at != "0" || !strings.HasPrefix(pack, "/evidence/pack.zip?asked=") {
			t.Fatalf("the page leads to %q after %q", pack, at)
		}
		return pack
	}
	pack := asks()
	w := v.send(httptest.NewRequest(http.MethodHead, pack, nil)) // as what looks at an address before it fetches it
	wantStatus(t, w, http.StatusOK)
	if w.Body.Len() != 0 || w.Header().Get("Content-Type") != "application/zip" {
		t.Errorf("to HEAD the pack is %q, its headers %v", w.Body, w.Header())
	}
	w = v.get(pack)
	wantStatus(t, w, http.StatusOK)
	if w.Body.String() != "PK a pack" || w.Header().Get("Content-Type") != "application/zip" {
		t.Errorf("the pack is %q, its headers %v", w.Body, w.Header())
	}
	// One record, one pack: the page loaded again fetches nothing, nor does the address.
	made := false
	write = func(context.Context, io.Writer) error { made = true; return nil }
	for _, path := range []string{pack, strings.Replace(pack, "pack.zip", "making", 1)} {
		w := v.get(path)
		wantStatus(t, w, http.StatusGone)
		wantText(t, w, "This pack was fetched already, or begun", "could not be made", "Ask for a new one", `href="/evidence"`)
	}
	if made {
		t.Error("a second pack is made under one record")
	}
	// Looking at an address asks for nothing, and what one has asked for is no other's.
	other := h.as(h.manager)
	other.showsAgain(evidencePath)
	for _, path := range []string{pack, "/evidence/pack.zip", strings.Replace(pack, "pack.zip", "making", 1), makingPath} {
		wantRedirect(t, other.get(path), "/evidence")
	}
	write = func(context.Context, io.Writer) error { return errors.New("no storage") }
	wantText(t, v.get(asks()), "Something went wrong on our side")
	write = func(ctx context.Context, w io.Writer) error {
		return errors.Join(fakeEvidence(ctx, w), errors.New("no storage"))
	}
	pack = asks()
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("half a pack was not cut off")
			}
		}()
		v.get(pack)
	}()
	h.now = h.now.Add(againCounts)
	wantRedirect(t, v.get(pack), "/evidence")
	if n := len(h.entries("register-exported", "")); n != 3 {
		t.Errorf("%d packs are on record, and 3 were asked for", n)
	}
}

// Without script and by the keyboard: the page says that the pack is being made while
// it is, and the browser saves the pack.
func TestEvidencePackInTheBrowser(t *testing.T) {
	seen := make(chan struct{})
	b := newBrowser(t, func(c *Config) {
		c.Sample = true
		c.Evidence = func(ctx context.Context, w io.Writer) error {
			select {
			case <-seen:
				return fakeEvidence(ctx, w)
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	})
	b.WithoutScript(true)
	b.be(b.dpo)
	b.goes(`nav a[href="/evidence"]`)
	b.TabTo("main form .button")
	saved := b.Saved("evidence.zip", func() {
		b.Keys(kb.Enter)
		b.WantsTitle("Your evidence pack is being made")
		close(seen)
	})
	if string(saved) != "PK a pack" {
		t.Errorf("the browser saved %q", saved)
	}
	b.Wants("Your evidence pack is being made")
}
