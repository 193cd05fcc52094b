package portal

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"
)

// An answer's way in the browser, on a desk by keys alone and, without script, on a telephone:
// uploaded, looked at, gone away from and found again, said to be safe, confirmed
// by a colleague, and kept.
func TestAnAnswerIsKeptInTheBrowser(t *testing.T) {
	for _, c := range []struct {
		name          string
		width, height int64
		script        bool
	}{{"desk", 1280, 900, true}, {"telephone", 360, 740, false}} {
		t.Run(c.name, func(t *testing.T) {
			b := newBrowser(t, func(c *Config) { c.Sample = true }, letsConfirm)
			b.Do(chromedp.EmulateViewport(c.width, c.height))
			id := b.readable(1)
			scan := filepath.Join(t.TempDir(), "copy.pdf")
			must(t, os.WriteFile(scan, []byte("%PDF-1.7"), 0o600))
			b.WithoutScript(!c.script)
			press := b.Press
			if c.script {
				press = b.goes
			}
			b.be(b.lead)
			press(`a[href="` + letterPath(id) + `"]`)
			press(`a[href="` + letterPath(id) + `/response"]`)
			if c.script {
				b.TabTo("#file") // the window in which a file is chosen is the system's
			}
			b.Do(chromedp.SetUploadFiles(chromedp.ID("file"), []string{scan}))
			press("main form .button")
			b.Wants("Look at the copy before it is kept", "Is it safe to write to this address?")
			b.WantsNoSideways(c.width)

			b.Open("/letters") // away, and back
			b.Wants("Answers that you have not kept yet")
			press(`#drafts ~ .cards h3 a`)
			if n := b.LoadImages(); n != 2 {
				t.Fatalf("%d of 2 pages are there", n)
			}
			press(`form[action*="/keep"] .button`)
			b.Wants("Please put this right", "Say how you know")
			b.LoadImages()
			if c.script {
				b.TabTo("[name=check]")
				b.Keys(" ")
			} else {
				b.Do(chromedp.Click(chromedp.CSS(`[name=check][value="given-in-letter"]`)))
			}
			press(`form[action*="/keep"] .button`)
			b.Wants("It waits for a second person", "Do not post the answer", "Bea Lead and Mo Manager")

			b.be(b.lead2)
			b.Wants("Answers that wait for a second person")
			press(`#to-confirm ~ .cards h3 a`)
			b.Wants("(Ada Lead) says so")
			if n := b.LoadImages(); n != 2 {
				t.Fatalf("%d of 2 pages are there", n)
			}
			b.WantsNoSideways(c.width)
			press(`form[action*="/confirm-address"] .button`)
			b.Wants("the answer may be posted now", "This is the kept copy of an answer")
			for _, said := range b.Complaints() {
				t.Errorf("the browser complains: %s", said)
			}
		})
	}
}

// A second person confirms with a real passkey.
func TestAnAddressIsConfirmedWithAPasskeyInTheBrowser(t *testing.T) {
	b := newBrowser(t, letsConfirm)
	id := b.readable(1)
	lead := b.as(b.lead)
	lead.get(letterPath(id))
	draft := lead.files(id)
	lead.looksAt(idAt(draft), 2)
	wantRedirect(t, lead.post(draft+"/keep", safe), draft+"?done=to-confirm")
	b.enrol(b.lead2)
	b.Open(draft)
	b.LoadImages()
	b.Press("[data-passkey]")
	b.Wants("Yes, it is safe: keep it")
	b.WantsThat(`document.activeElement.id`, "decide") // and not at the top again, above the pages
	b.Press(`form[action*="/confirm-address"] .button`)
	b.Wants("the answer may be posted now")
	if n := len(b.entries("response-kept", idAt(draft))); n != 1 {
		t.Errorf("kept %d times", n)
	}
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}

func looksOfAnswers(l *looker) {
	v := l.is(l.lead)
	id := l.readable(1)
	v.get(letterPath(id))
	draft := v.files(id)
	l.at("answer-draft", draft)
	l.empty("answer-flaw", draft, `form[action*="/keep"] .button`)
	l.at("letter-with-draft", letterPath(id))
	l.at("letters-with-draft", "/letters")
	must(l.t, l.register.KeepResponse(l.t.Context(), idAt(draft), "asked-safely", true, l.lead))
	l.at("answer-waits", draft+"?done=to-confirm")
	other := v.files(id)
	v.get(other)
	v.post(other+"/throw-away", url.Values{"reason": {"unsafe-address"}, "confirm": {"yes"}})
	l.at("letters-unsafe", "/letters?done=unsafe-address")
	l.is(l.lead2)
	l.at("letters-to-confirm", "/letters")
	l.at("answer-to-confirm", draft)
	l.showsAgain(draft)
	l.at("answer-shown-again", draft)
	l.is(l.manager)
	l.showsAgain("/settings")
	l.at("settings-manager", "/settings")
	l.at("answer-manager", fmt.Sprintf("%s?larger=1", draft))
	if l.portal.cfg.Sample {
		l.at("sample", "/sample")
	}
}
