package portal

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"letterlock/scanner/letter"
)

// browser is a real Chromium in front of a house.
type browser struct {
	*house
	ctx     context.Context
	origin  string
	problem chan string // what the browser's console complains about
	device  webauthn.AuthenticatorID
}

// newBrowser serves a house on localhost, the one address without TLS to which
// browsers give passkeys, and opens Chromium.
func newBrowser(t *testing.T) *browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	need(t, err == nil, "Chromium: apt-get install --no-install-recommends chromium fonts-liberation")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	b := &browser{origin: "http://localhost:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port), problem: make(chan string, 100)}
	b.house = newHouse(t, func(c *Config) { c.Origin = b.origin })
	server := &http.Server{Handler: b.portal}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })

	profile, err := os.MkdirTemp("", "ll") // a long name crashes Chromium: "Socket path too long"
	must(t, err)
	t.Cleanup(func() { _ = os.RemoveAll(profile) })
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.UserDataDir(profile), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))...)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b.ctx, cancel = chromedp.NewContext(ctx)
	t.Cleanup(cancel)
	b.do(chromedp.EmulateViewport(1280, 900))
	b.watchConsole()
	return b
}

// watchConsole collects what the pages must never cause: blocked scripts and
// styles, exceptions. A 404 that a story asks for is logged too, and is fine.
func (b *browser) watchConsole() {
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

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("%v\n%s", err, b.text())
	}
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.origin + path))
}

// press presses what leads to another page, and waits for that page.
func (b *browser) press(selector string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	if _, err := chromedp.RunResponse(ctx, chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)); err != nil {
		b.t.Fatalf("pressing %s: %v\n%s", selector, err, b.text())
	}
}

func (b *browser) text() string {
	ctx, cancel := context.WithTimeout(b.ctx, 5*time.Second)
	defer cancel()
	text, _ := chromedp.Run(ctx, chromedp.Text(chromedp.CSS("body")))
	return text
}

func (b *browser) wants(texts ...string) {
	b.t.Helper()
	page := b.text()
	for _, text := range texts {
		if !strings.Contains(page, text) {
			b.t.Fatalf("page lacks %q:\n%s", text, page)
		}
	}
}

func (b *browser) wantsPath(path string) {
	b.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	must(b.t, err)
	if at != b.origin+path {
		b.t.Fatalf("at %s, want %s\n%s", at, path, b.text())
	}
}

// newDevice gives the browser a device of another person: a built-in
// authenticator that verifies its user and keeps discoverable passkeys.
func (b *browser) newDevice() {
	b.t.Helper()
	if b.device != "" {
		_, err := chromedp.Call(b.ctx, webauthn.RemoveVirtualAuthenticator, webauthn.RemoveVirtualAuthenticatorParams{AuthenticatorID: b.device})
		must(b.t, err)
	} else {
		_, err := chromedp.Call(b.ctx, webauthn.Enable, webauthn.EnableParams{})
		must(b.t, err)
	}
	made, err := chromedp.Call(b.ctx, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{
		Options: &webauthn.VirtualAuthenticatorOptions{Protocol: "ctap2", Transport: "internal", HasResidentKey: true,
			HasUserVerification: true, IsUserVerified: true, AutomaticPresenceSimulation: true},
	})
	must(b.t, err)
	b.device = made.AuthenticatorID
}

// enrol goes from the code that was told by voice to a passkey, signed in.
func (b *browser) enrol(person int64) {
	b.t.Helper()
	code, err := b.register.MakeCode(b.t.Context(), person, time.Hour)
	must(b.t, err)
	b.newDevice()
	b.open(fmt.Sprintf("/enrol?person=%d", person))
	b.shoot("enrol")
	b.do(chromedp.SendKeys(chromedp.ID("code"), strings.ToLower(code)))
	b.press("main form .button")
	b.wantsPath("/enrol/passkey")
	b.press("[data-passkey]")
	b.wantsPath("/account?made=1")
	b.wants("Your passkey is made, and you are signed in.")
}

// shoot takes the page's picture in three layouts, where pictures are wanted.
func (b *browser) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("LETTERLOCK_SCREENSHOTS")
	if folder == "" {
		return
	}
	must(b.t, os.MkdirAll(folder, 0o755))
	scheme := func(s string) {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: s}}})
		must(b.t, err)
	}
	for _, layout := range []struct {
		name   string
		width  int64
		scheme string
	}{{"1280", 1280, "light"}, {"360", 360, "light"}, {"dark", 1280, "dark"}} {
		scheme(layout.scheme)
		b.do(chromedp.EmulateViewport(layout.width, 900))
		b.loadImages()
		picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
		must(b.t, err)
		must(b.t, os.WriteFile(filepath.Join(folder, name+"-"+layout.name+".png"), picture, 0o644))
	}
	scheme("light")
	b.do(chromedp.EmulateViewport(1280, 900))
}

// loadImages scrolls through the page, as a reader does, until every image is
// there, and returns how many there are.
func (b *browser) loadImages() int {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, 20*time.Second)
	defer cancel()
	n, err := chromedp.Run(ctx, chromedp.Evaluate[int](`(async () => {
		const images = [...document.querySelectorAll(".pages img")];
		for (const i of images) { i.scrollIntoView({behavior: "instant"}); await i.decode(); }
		window.scrollTo({top: 0, behavior: "instant"});
		return images.filter((i) => i.naturalWidth > 1000).length;
	})()`, chromedp.EvalAwaitPromise))
	must(b.t, err)
	return n
}

// wantsNoSideways fails when the page is wider than a narrow phone.
func (b *browser) wantsNoSideways(width int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 800))
	wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64]("document.documentElement.scrollWidth"))
	must(b.t, err)
	if wide > width {
		at, _ := chromedp.Run(b.ctx, chromedp.Location())
		b.t.Errorf("%s is %d pixels wide on a screen of %d", at, wide, width)
	}
	b.do(chromedp.EmulateViewport(1280, 900))
}

func (b *browser) signOut() {
	b.t.Helper()
	b.press("header form button")
	b.wantsPath("/sign-in?out=1")
}

// TestOneLetterInTheBrowser is a day at the portal: a team leader enrols,
// follows the mailed link, reads; operations destroy the paper; the
// data-protection officer sees it all.
func TestOneLetterInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	id := b.letter(3)
	link := "/l/" + string(id)

	b.enrol(b.lead)
	b.shoot("account")
	b.signOut()
	b.shoot("sign-in")

	b.open(link)
	b.wantsPath("/sign-in?to=%2Fl%2F" + string(id))
	if n := len(b.entries("letter-opened", id)); n != 0 {
		t.Fatalf("%d openings before anybody signed in", n)
	}
	b.press("[data-passkey]")
	b.wantsPath(link)
	b.wants("Letter "+id.Reference(), "Respect Phoneline", "23 May 2027", "Page 3 of 3")
	if n := b.loadImages(); n != 3 {
		t.Fatalf("%d of 3 pages are there", n)
	}
	b.shoot("letter")
	b.wantsNoSideways(320)
	if n := len(b.entries("letter-opened", id)); n != 1 {
		t.Errorf("%d openings on record, want 1", n)
	}
	b.press(`form[action$="/scan-again"] button`)
	b.wants("Choose what is wrong with the scan")
	b.shoot("letter-flaw")
	b.press(`form[action$="/readable"] button`)
	b.wantsPath(link + "?done=readable")
	b.wants("It is recorded that you found this letter readable.")
	b.letter(1)
	b.letter(2)
	b.open("/")
	b.wantsPath("/letters")
	b.shoot("letters")
	b.wantsNoSideways(320)
	b.signOut()

	b.destroyInTheBrowser(id)

	b.enrol(b.dpo)
	b.open("/register?about=" + id.Reference())
	b.wants("(Ada Lead) opened the letter.", "(Ada Lead) found the letter readable.", "Ledger number D-2026-000001")
	b.open("/register")
	b.shoot("register")
	b.wantsNoSideways(320)
	b.open(link)
	b.wants("There is nothing here for you")
	b.shoot("nothing")
	select {
	case said := <-b.problem:
		t.Errorf("the browser complains: %s", said)
	default:
	}
}

func (b *browser) destroyInTheBrowser(id letter.ID) {
	b.t.Helper()
	overdue := b.readable(1)
	b.expire(overdue)
	again := b.letter(2)
	must(b.t, b.register.RecordOpening(b.t.Context(), again, b.lead, []byte("a session"), "pages"))
	must(b.t, b.register.MarkScanAgain(b.t.Context(), again, b.lead, "too-faint"))
	b.enrol(b.ops)
	b.open("/")
	b.wantsPath("/desk")
	b.wants(id.Reference(), "It is too faint or blurred to read", "Overdue")
	b.shoot("desk")
	b.wantsNoSideways(320)
	b.press(`a[href="/desk/` + string(id) + `"]`)
	b.do(
		chromedp.SendKeys(chromedp.ID("sheets"), "9"),
		chromedp.SetValue(chromedp.ID("witness"), strconv.FormatInt(b.ops2, 10)),
		chromedp.Click(chromedp.ID("confirm")),
	)
	b.press("main form .danger")
	b.wants("Stop: 9 sheets cannot belong to a scan of 3 pages.")
	b.shoot("paper")
	b.wantsNoSideways(320)
	b.do(chromedp.SetValue(chromedp.ID("sheets"), "2"), chromedp.Click(chromedp.ID("confirm"))) // asked anew
	b.press("main form .danger")
	b.wants("Destruction recorded", "D-2026-000001")
	b.shoot("destroyed")
	b.signOut()
}

// TestIdleInTheBrowser moves the page's clock on: a warning first, which can
// be answered, and in the end the letter goes from the screen.
func TestIdleInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	b.enrol(b.lead)
	later := func(minutes int) {
		b.do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
			`{ const now = Date.now; Date.now = () => now() + %d * 60000; document.dispatchEvent(new Event("visibilitychange")); }`, minutes)))
	}
	b.open("/letters")
	later(12)
	b.do(chromedp.WaitNotVisible(chromedp.ID("idle")))
	later(2)
	b.do(chromedp.WaitVisible(chromedp.ID("idle")))
	b.shoot("idle")
	b.do(chromedp.Click(chromedp.ID("idle-stay")), chromedp.WaitNotVisible(chromedp.ID("idle")))
	b.now = b.now.Add(16 * time.Minute)
	if _, err := chromedp.RunResponse(b.ctx, chromedp.Func(func(context.Context, *chromedp.Target) error { later(16); return nil })); err != nil {
		t.Fatal(err)
	}
	b.wantsPath("/sign-in?idle=1&to=%2Fletters")
	b.wants("You were signed out because nothing had happened for 15 minutes.")
}

// TestSecondPasskeyInTheBrowser: urged until there are two; another person's
// device is refused once its owner has left.
func TestSecondPasskeyInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	b.enrol(b.lead)
	b.open("/letters")
	b.wants("You have only one passkey.")
	b.open("/account")
	b.do(chromedp.Click(chromedp.CSS("[data-passkey]"), chromedp.NodeVisible), chromedp.WaitVisible(chromedp.ID("passkey-trouble")))
	b.wants("This device already has a passkey of yours.")
	b.newDevice()
	b.press("[data-passkey]")
	b.wants("Your further passkey is made.", "2 passkeys")
	b.open("/letters")
	if strings.Contains(b.text(), "You have only one passkey.") {
		t.Error("two passkeys are not enough")
	}
	b.signOut()
	must(t, b.register.DisablePerson(t.Context(), b.lead))
	b.open("/sign-in")
	b.do(chromedp.Click(chromedp.CSS("[data-passkey]"), chromedp.NodeVisible), chromedp.WaitVisible(chromedp.ID("passkey-trouble")))
	b.wants("This passkey was not accepted.")
}
