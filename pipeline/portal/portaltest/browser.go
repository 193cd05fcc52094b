// Package portaltest drives a real Chromium through the portal. Only tests
// import it.
package portaltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"letterlock/scanner/realpart"
)

// Browser is a Chromium that looks at one portal.
type Browser struct {
	T      testing.TB
	Origin string // of the portal, http://localhost:PORT: the one address without TLS to which browsers give passkeys

	ctx     context.Context
	profile string
	problem chan string // what the browser's console complains about
	device  webauthn.AuthenticatorID
}

// New opens Chromium until the test ends.
func New(t testing.TB, origin string) *Browser {
	t.Helper()
	path := realpart.Tool(t, "chromium", "Chromium: apt-get install --no-install-recommends chromium fonts-liberation")
	profile, err := os.MkdirTemp("", "ll") // a long name crashes Chromium: "Socket path too long"
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.WSURLReadTimeout(patience), // in which it comes up; by itself it would be given up after 20 seconds
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		// No page lives long enough to repay what is spent on making its scripts fast.
		chromedp.Flag("js-flags", "--no-opt --no-maglev --single-threaded-gc"))...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 20*time.Minute)
	t.Cleanup(cancel)
	b := &Browser{T: t, Origin: origin, profile: profile, problem: make(chan string, 100)}
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b.must(chromedp.Do(b.ctx)) // Chromium lives as long as the context of what is done first
	b.Do(chromedp.EmulateViewport(1280, 900))
	b.watchConsole()
	return b
}

// Tab opens a further tab of the same browser, until the test ends. What the pages in
// both complain of is collected by the first.
func (b *Browser) Tab() *Browser {
	b.T.Helper()
	tab := &Browser{T: b.T, Origin: b.Origin, profile: b.profile, problem: b.problem}
	var cancel context.CancelFunc
	tab.ctx, cancel = chromedp.NewContext(b.ctx)
	b.T.Cleanup(cancel)
	tab.must(chromedp.Do(tab.ctx))
	tab.Do(chromedp.EmulateViewport(1280, 900))
	tab.watchConsole()
	return tab
}

// watchConsole collects what the pages must never cause: blocked scripts and
// styles, exceptions. A 404 that a story asks for is logged too, and is fine.
func (b *Browser) watchConsole() {
	messages := chromedp.Console(b.ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			if m.Source != "network" && (m.Type == "error" || m.IsException()) {
				b.problem <- m.String()
			}
		}
	}()
}

// Complaints is what the browser's console has complained of so far.
func (b *Browser) Complaints() (said []string) {
	for {
		select {
		case s := <-b.problem:
			said = append(said, s)
		default:
			return said
		}
	}
}

// Do does steps, and fails the test with what the page shows when one cannot be done.
func (b *Browser) Do(steps ...chromedp.Action[chromedp.Void]) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.T.Fatalf("%v\n%s", err, b.Text())
	}
}

// Open opens an address of the portal.
func (b *Browser) Open(path string) {
	b.T.Helper()
	b.Do(chromedp.Navigate(b.Origin + path))
}

// Saves presses what saves a file, and returns that file once it is whole.
func (b *Browser) Saves(selector, name string) []byte {
	b.T.Helper()
	return b.Saved(name, func() { b.Do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)) })
}

// Saved does what saves a file, and returns that file once it is whole.
func (b *Browser) Saved(name string, act func()) []byte {
	b.T.Helper()
	dir := b.T.TempDir()
	_, err := chromedp.Call(b.ctx, browser.SetDownloadBehavior, browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: dir})
	b.must(err)
	act()
	for until := time.Now().Add(patience); time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		// Chromium gives a file its name when all of it is there.
		if file, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
			return file
		}
	}
	b.T.Fatalf("no %s is saved\n%s", name, b.Text())
	return nil
}

// Press presses what leads to another page, and waits for that page. What it is folded
// away in is opened first.
func (b *Browser) Press(selector string) {
	b.T.Helper()
	b.Reveal(selector)
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)); err != nil {
		b.T.Fatalf("pressing %s: %v\n%s", selector, err, b.Text())
	}
}

// Keys types on the keyboard, at whatever has the focus.
func (b *Browser) Keys(keys string) {
	b.T.Helper()
	b.Do(chromedp.KeyEvent(keys))
}

// TabTo goes on with the tabulator key until the element has the focus, as
// people do who use no mouse. What it is folded away in is opened on the way.
func (b *Browser) TabTo(selector string) {
	b.T.Helper()
	for range 200 {
		b.Keys(kb.Tab)
		at, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](fmt.Sprintf(`((at, to) =>
			at.matches(to) ? "there" : at.matches("details:not([open]) > summary") && at.parentElement.querySelector(to) ? "before it" : "")(document.activeElement, %q)`, selector)))
		b.must(err)
		switch at {
		case "there":
			return
		case "before it":
			b.Keys(kb.Enter)
		}
	}
	b.T.Fatalf("the keyboard does not come to %s\n%s", selector, b.Text())
}

// Headings is what a screen reader reads as the page's headings.
func (b *Browser) Headings() (said []string) {
	b.T.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	b.must(err)
	for _, node := range tree.Nodes {
		var role, name string
		if node.Ignored || node.Role == nil || node.Name == nil ||
			json.Unmarshal(node.Role.Value, &role) != nil || json.Unmarshal(node.Name.Value, &name) != nil {
			continue
		}
		if role == "heading" {
			said = append(said, name)
		}
	}
	return said
}

// Leads does what leads to another page by itself, and waits for that page.
func (b *Browser) Leads(act func()) {
	b.T.Helper()
	_, err := chromedp.RunResponse(b.ctx, chromedp.Func(func(context.Context, *chromedp.Target) error { act(); return nil }))
	b.must(err)
}

// Text is what a reader reads on the page.
func (b *Browser) Text() string {
	ctx, cancel := context.WithTimeout(b.ctx, time.Minute)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	return text
}

// patience is how long a page may take to show what is wanted of it.
const patience = 2 * time.Minute

// Wants fails the test when the page does not come to show every text.
func (b *Browser) Wants(texts ...string) {
	b.T.Helper()
	for _, text := range texts {
		page := b.Text()
		for until := time.Now().Add(patience); !strings.Contains(page, text) && time.Now().Before(until); page = b.Text() {
			time.Sleep(50 * time.Millisecond)
		}
		if !strings.Contains(page, text) {
			b.T.Fatalf("page lacks %q:\n%s", text, page)
		}
	}
}

// WantsTitle fails the test when the browser's tab does not come to show the text. It
// holds while the page waits for an answer that leads on, too: Chromium tells nothing
// of what is in a page from then on until the answer has begun.
func (b *Browser) WantsTitle(text string) {
	b.T.Helper()
	var shown string
	for until := time.Now().Add(patience); !strings.Contains(shown, text) && time.Now().Before(until); time.Sleep(50 * time.Millisecond) {
		tabs, err := chromedp.Targets(b.ctx)
		b.must(err)
		shown = ""
		for _, tab := range tabs {
			if tab.Type == "page" {
				shown += tab.Title + "\n"
			}
		}
	}
	if !strings.Contains(shown, text) {
		b.T.Fatalf("the tab shows %q, want %q", shown, text)
	}
}

// WantsThat fails the test when what a script finds on the page does not come to
// be what is wanted.
func (b *Browser) WantsThat(script, want string) {
	b.T.Helper()
	got := b.Finds(script)
	for until := time.Now().Add(patience); got != want && time.Now().Before(until); got = b.Finds(script) {
		time.Sleep(50 * time.Millisecond)
	}
	if got != want {
		b.T.Fatalf("%s is %q, want %q\n%s", script, got, want, b.Text())
	}
}

// Finds is what a script finds on the page, as text.
func (b *Browser) Finds(script string) string {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	said, err := chromedp.Run(ctx, chromedp.Evaluate[string]("(async () => String("+script+"))()", chromedp.EvalAwaitPromise))
	b.must(err)
	return said
}

// WantsPath fails the test when the browser does not come there.
func (b *Browser) WantsPath(path string) {
	b.T.Helper()
	at := b.At()
	for until := time.Now().Add(patience); at != b.Origin+path && time.Now().Before(until); at = b.At() {
		time.Sleep(50 * time.Millisecond)
	}
	if at != b.Origin+path {
		b.T.Fatalf("at %s, want %s\n%s", at, path, b.Text())
	}
}

// At is the address at which the browser is.
func (b *Browser) At() string {
	b.T.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		b.T.Fatal(err)
	}
	return at
}

// Keeps closes the browser and returns which of the fragments are in a file of
// its profile: what it leaves on the disk for whoever has the computer next.
func (b *Browser) Keeps(fragments map[string][]byte) (found []string) {
	b.T.Helper()
	b.must(chromedp.Cancel(b.ctx))
	files := 0
	b.must(filepath.WalkDir(b.profile, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		for name, fragment := range fragments {
			if bytes.Contains(content, fragment) && !slices.Contains(found, name) {
				found = append(found, name)
			}
		}
		return nil
	}))
	if files == 0 {
		b.T.Fatal("the browser has no profile")
	}
	return found
}

// NewDevice gives the browser a device of another person: a built-in
// authenticator that verifies its user and keeps discoverable passkeys.
func (b *Browser) NewDevice() {
	b.T.Helper()
	if b.device != "" {
		_, err := chromedp.Call(b.ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: b.device})
		b.must(err)
	} else {
		_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
		b.must(err)
	}
	made, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{Protocol: "ctap2", Transport: "internal", HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true},
	})
	b.must(err)
	b.device = made.AuthenticatorID
}

// Passkeys are those that the device holds: see HandDevice.
func (b *Browser) Passkeys() []*webauthn.Credential {
	b.T.Helper()
	held, err := chromedp.Call(b.ctx, webauthn.GetCredentials, webauthn.GetCredentialsParams{AuthenticatorID: b.device})
	b.must(err)
	return held.Credentials
}

// HandDevice gives the browser another person's device again, with the passkeys
// that it held.
func (b *Browser) HandDevice(passkeys []*webauthn.Credential) {
	b.T.Helper()
	b.NewDevice()
	for _, c := range passkeys {
		_, err := chromedp.Call(b.ctx, addPasskey, addPasskeyParams{b.device, passkey{c.CredentialID, true, c.RpID, c.PrivateKey, c.UserHandle, c.SignCount}})
		b.must(err)
	}
}

// addPasskey is WebAuthn.addCredential without the newest fields, which Chromium
// refuses to be given whatever they say.
var addPasskey = cdp.Command[addPasskeyParams, cdp.Empty]{Method: webauthn.CommandAddCredential}

type addPasskeyParams struct {
	AuthenticatorID webauthn.AuthenticatorID `json:"authenticatorId"`
	Credential      passkey                  `json:"credential"`
}

type passkey struct {
	CredentialID         []byte  `json:"credentialId"`
	IsResidentCredential bool    `json:"isResidentCredential"`
	RPID                 string  `json:"rpId"`
	PrivateKey           []byte  `json:"privateKey"`
	UserHandle           []byte  `json:"userHandle"`
	SignCount            float64 `json:"signCount"`
}

// Enrol goes from the code that was told by voice to a passkey on a new
// device, signed in. seen is called on the page where the code is asked.
func (b *Browser) Enrol(path, code string, seen func()) {
	b.T.Helper()
	b.NewDevice()
	b.Open(path)
	if seen != nil {
		seen()
	}
	b.Do(chromedp.SendKeys(chromedp.ID("code"), strings.ToLower(code)))
	b.Press("main form .button")
	b.WantsPath("/enrol/passkey")
	b.Press("[data-passkey]")
	b.WantsPath("/account?made=1")
	b.Wants("Your passkey is made, and you are signed in.")
}

// SignOut ends the session from whatever page the browser is on.
func (b *Browser) SignOut() {
	b.T.Helper()
	b.Unfolds("header summary")
	b.Press("header form button")
	b.WantsPath("/sign-in?out=1")
}

// Unfolds opens what a narrow screen shows folded away, if it is there and folded.
func (b *Browser) Unfolds(summary string) {
	b.T.Helper()
	b.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`{ const s = document.querySelector(%q); if (s?.checkVisibility() && !s.parentElement.open) s.click(); }`, summary)))
}

// Reveal opens what an element is folded away in, if anything.
func (b *Browser) Reveal(selector string) {
	b.T.Helper()
	b.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(`document.querySelector(%q)?.closest("details:not([open])")?.querySelector("summary").click()`, selector)))
}

// Picture is the whole page as a PNG, at that width in pixels and in that
// colour scheme, "light" or "dark".
func (b *Browser) Picture(width int64, scheme string) []byte {
	b.T.Helper()
	return b.picture(width, scheme, chromedp.FullScreenshot(100))
}

// Screen is the page's first screen as a PNG.
func (b *Browser) Screen(width int64, scheme string) []byte {
	b.T.Helper()
	return b.picture(width, scheme, chromedp.CaptureScreenshot())
}

func (b *Browser) picture(width int64, scheme string, take chromedp.Action[[]byte]) []byte {
	b.T.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	b.must(err)
	b.Do(chromedp.EmulateViewport(width, 900))
	b.LoadImages()
	picture, err := chromedp.Run(b.ctx, take)
	b.must(err)
	b.Do(chromedp.EmulateViewport(1280, 900))
	return picture
}

// LoadImages scrolls through the page, as a reader does, until every image is
// there, and returns how many there are.
func (b *Browser) LoadImages() int {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	n, err := chromedp.Run(ctx, chromedp.Evaluate[int](`(async () => {
		const images = [...document.querySelectorAll("main img")];
		for (const i of images) { i.scrollIntoView({behavior: "instant"}); await i.decode(); }
		window.scrollTo({top: 0, behavior: "instant"});
		return images.filter((i) => i.naturalWidth >= 300).length;
	})()`, chromedp.EvalAwaitPromise))
	b.must(err)
	return n
}

// WantsNoSideways fails when the page is wider than a narrow phone.
func (b *Browser) WantsNoSideways(width int64) {
	b.T.Helper()
	b.Do(chromedp.EmulateViewport(width, 800))
	wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
	b.must(err)
	if wide > width {
		b.T.Errorf("%s is %d pixels wide on a screen of %d", b.At(), wide, width)
	}
	b.Do(chromedp.EmulateViewport(1280, 900))
}

func (b *Browser) must(err error) {
	b.T.Helper()
	if err != nil {
		b.T.Fatal(err)
	}
}
