package portal

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/portal/portaltest"
	"letterlock/scanner/letter"
)

// browser is a real Chromium in front of a house.
type browser struct {
	*house
	*portaltest.Browser
	slow atomic.Bool   // pages arrive by and by
	left chan struct{} // has one for each page that went and has sent along what was entered
}

// dripping sends a page as a bad line does, a bit at a time.
type dripping struct{ http.ResponseWriter }

func (d dripping) Write(all []byte) (n int, err error) {
	if !strings.HasPrefix(d.Header().Get("Content-Type"), "text/html") {
		return d.ResponseWriter.Write(all)
	}
	for n < len(all) {
		wrote, err := d.ResponseWriter.Write(all[n:min(n+150, len(all))])
		if n += wrote; err != nil || wrote == 0 {
			return n, err
		}
		_ = http.NewResponseController(d.ResponseWriter).Flush()
		time.Sleep(20 * time.Millisecond) // longer than a frame: what has come is painted
	}
	return n, nil
}

func newBrowser(t *testing.T, change ...func(*Config)) *browser {
	t.Helper()
	return newBrowserUnder(t, false, change...)
}

func newBrowserUnder(t *testing.T, another bool, change ...func(*Config)) *browser {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	origin := "http://localhost:" + strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	b := &browser{Browser: portaltest.New(t, origin), left: make(chan struct{}, 10)}
	b.house = newHouseUnder(t, another, append(change, func(c *Config) { c.Origin = origin })...)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b.slow.Load() {
			w = dripping{w}
		}
		b.portal.ServeHTTP(w, r)
		if r.URL.Path == "/entered" {
			select {
			case b.left <- struct{}{}:
			default:
			}
		}
	})}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	return b
}

func (b *browser) enrol(person int64) {
	b.t.Helper()
	code, err := b.register.MakeCode(b.t.Context(), person, time.Hour)
	must(b.t, err)
	b.Enrol(fmt.Sprintf("/enrol?person=%d", person), code, func() { b.shoot("enrol") })
}

// shoot takes the page's picture in three layouts, where pictures are wanted.
func (b *browser) shoot(name string) {
	b.t.Helper()
	folder := os.Getenv("LETTERLOCK_SCREENSHOTS")
	if folder == "" {
		return
	}
	must(b.t, os.MkdirAll(folder, 0o755))
	for layout, picture := range map[string][]byte{
		"1280": b.Picture(1280, "light"), "360": b.Picture(360, "light"), "dark": b.Picture(1280, "dark"),
	} {
		must(b.t, os.WriteFile(filepath.Join(folder, name+"-"+layout+".png"), picture, 0o644))
	}
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
	b.SignOut()
	b.shoot("sign-in")

	b.Open(link)
	b.WantsPath("/sign-in?to=%2Fl%2F" + string(id))
	if n := len(b.entries("letter-opened", id)); n != 0 {
		t.Fatalf("%d openings before anybody signed in", n)
	}
	b.Press("[data-passkey]")
	b.WantsPath(link)
	b.Wants("Letter "+id.Reference(), "Respect Phoneline", "23 May 2027", "Page 3 of 3")
	if n := b.LoadImages(); n != 3 {
		t.Fatalf("%d of 3 pages are there", n)
	}
	b.shoot("letter")
	b.WantsNoSideways(320)
	if n := len(b.entries("letter-opened", id)); n != 1 {
		t.Errorf("%d openings on record, want 1", n)
	}
	b.Press(`form[action$="/scan-again"] button`)
	b.Wants("Choose what is wrong with the scan")
	b.shoot("letter-flaw")
	b.Press(`form[action$="/readable"] button`)
	b.WantsPath(link + "?done=readable")
	b.Wants("It is recorded that you found this letter readable.")
	b.letter(1)
	b.letter(2)
	b.Open("/")
	b.WantsPath("/letters")
	b.shoot("letters")
	b.WantsNoSideways(320)
	b.SignOut()

	b.destroyInTheBrowser(id)

	b.enrol(b.dpo)
	b.Open("/register?about=" + id.Reference())
	b.Wants("(Ada Lead) opened the letter.", "(Ada Lead) found the letter readable.", "Ledger number D-2026-000001")
	b.Open("/register")
	b.shoot("register")
	b.WantsNoSideways(320)
	b.Open(link)
	b.Wants("There is nothing here for you")
	b.shoot("nothing")
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}

func (b *browser) destroyInTheBrowser(id letter.ID) {
	b.t.Helper()
	overdue := b.readable(1)
	b.expire(overdue)
	again := b.letter(2)
	must(b.t, b.register.RecordOpening(b.t.Context(), again, b.lead, []byte("a session"), "pages"))
	must(b.t, b.register.MarkScanAgain(b.t.Context(), again, b.lead, "too-faint"))
	b.enrol(b.ops2)
	witness := b.Passkeys()
	b.SignOut()
	b.enrol(b.ops)
	b.Open("/")
	b.WantsPath("/desk")
	b.Wants(id.Reference(), "It is too faint or blurred to read", "Overdue")
	b.shoot("desk")
	b.WantsNoSideways(320)
	b.Press(`a[href="/desk/` + string(id) + `"]`)
	b.Do(
		chromedp.SendKeys(chromedp.ID("sheets"), "9"),
		chromedp.SetValue(chromedp.ID("scanner"), strconv.FormatInt(b.ops, 10)),
		chromedp.Click(chromedp.ID("confirm")),
	)
	b.Press("main form .danger")
	b.Wants("Stop: 9 sheets cannot belong to a scan of 3 pages.")
	b.shoot("paper")
	b.WantsNoSideways(320)
	b.Do(chromedp.SetValue(chromedp.ID("sheets"), "2"), chromedp.Click(chromedp.ID("confirm"))) // asked anew
	b.Press("main form .danger")
	b.Wants("Sign the destruction", "You sign first")
	b.shoot("sign")
	b.WantsNoSideways(320)
	b.Press("[data-passkey]")
	b.Wants("You have signed.", "Now your witness.")
	b.Do(chromedp.Click(chromedp.CSS("[data-passkey]"), chromedp.NodeVisible), chromedp.WaitVisible(chromedp.ID("passkey-trouble")))
	b.Wants("Somebody else must be the witness")
	b.HandDevice(witness)
	b.Press("[data-passkey]")
	b.Wants("Your witness has signed.", "(Pat Office)")
	if n := len(b.entries("paper-destroyed", "")); n != 0 {
		b.t.Errorf("%d destructions on record before they were recorded", n)
	}
	b.Press("main form .danger")
	b.Wants("Destruction recorded", "D-2026-000001", "(Pat Office), who signed with a passkey")
	b.shoot("destroyed")
	b.SignOut()
}

// TestIdleInTheBrowser moves the page's clock on: a warning first, which can
// be answered, and in the end the letter goes from the screen.
func TestIdleInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	b.enrol(b.lead)
	later := func(minutes int) {
		b.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
			`{ const now = Date.now; Date.now = () => now() + %d * 60000; document.dispatchEvent(new Event("visibilitychange")); }`, minutes)))
	}
	b.Open("/letters")
	later(12)
	b.Do(chromedp.WaitNotVisible(chromedp.ID("idle")))
	later(2)
	b.Do(chromedp.WaitVisible(chromedp.ID("idle")))
	b.shoot("idle")
	b.Do(chromedp.Click(chromedp.ID("idle-stay")), chromedp.WaitNotVisible(chromedp.ID("idle")))

	// Who types is there, and so is who works on another of their pages.
	b.now = b.now.Add(10 * time.Minute)
	later(10)
	b.Keys("a")
	b.WantsThat(`performance.getEntriesByType("resource").filter((e) => e.name.endsWith("/stay")).length`, "2")
	b.now = b.now.Add(10 * time.Minute)
	later(10)
	b.Do(chromedp.WaitNotVisible(chromedp.ID("idle")))
	b.Do(chromedp.Evaluate[chromedp.Void](`new Promise((heard) => {
		const channel = "used-" + document.body.dataset.who;
		new BroadcastChannel(channel).onmessage = heard; // after the page's own, which is older
		new BroadcastChannel(channel).postMessage("used");
	})`, chromedp.EvalAwaitPromise))
	later(10)
	b.Do(chromedp.WaitNotVisible(chromedp.ID("idle")))

	// A letter that nobody looks at goes from the screen although the session lives.
	id := b.letter(1)
	b.Open("/l/" + string(id))
	b.LoadImages()
	b.Leads(func() { later(16) })
	b.Wants("You are still signed in.")
	if n := len(b.entries("letter-opened", id)); n != 1 {
		t.Errorf("%d openings of a letter that nobody looked at again", n)
	}
	b.Press(`main a[href="/l/` + string(id) + `"]`)
	b.WantsPath("/l/" + string(id))
	b.Open("/letters")
	b.now = b.now.Add(16 * time.Minute)
	b.Leads(func() { later(16) })
	b.WantsPath("/sign-in?idle=1&to=%2Fletters")
	b.Wants("You were signed out because nothing had happened for 15 minutes.")

	// What was entered and not sent comes back with the next session.
	b.Press("[data-passkey]")
	b.WantsPath("/letters")
	b.Open("/l/" + string(id))
	const reason = `form[action$="/scan-again"] input:checked`
	b.WantsThat(`document.querySelectorAll('`+reason+`').length`, "0")
	b.TabTo(`form[action$="/scan-again"] input`)
	b.Keys(kb.ArrowDown)
	chosen := b.Finds(`document.querySelector('` + reason + `').value`)
	b.now = b.now.Add(16 * time.Minute)
	b.Leads(func() { later(16) })
	b.Press("[data-passkey]")
	b.WantsPath("/l/" + string(id))
	b.Wants(comesBack)
	b.WantsThat(`document.querySelector('`+reason+`').value`, chosen)
	b.WantsThat(`document.querySelector('`+reason+`').checkVisibility()`, "true")
	b.shoot("letter-entered")
	if n := len(b.entries("scan-again", id)); n != 0 {
		t.Errorf("%d acts of what was not sent", n)
	}
}

// TestIdleAtTheDeskInTheBrowser: sheets that were counted cannot be counted again once
// they are destroyed; what was typed of them comes back after a sign-in.
func TestIdleAtTheDeskInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	path := "/desk/" + string(b.readable(3))
	b.enrol(b.ops)
	b.Open(path)
	b.TabTo("#sheets")
	b.Keys("3")
	b.now = b.now.Add(16 * time.Minute)
	b.Leads(func() {
		b.Do(chromedp.Evaluate[chromedp.Void](`{ const now = Date.now; Date.now = () => now() + 16 * 60000; document.dispatchEvent(new Event("visibilitychange")); }`))
	})
	b.Press("[data-passkey]")
	b.WantsPath(path)
	b.Wants(comesBack)
	b.WantsThat(`document.getElementById("sheets").value`, "3")
}

// TestPasskeyBehindAPageInTheBrowser: what answers in the portal's place answers as it
// likes, and a person is told in words.
func TestPasskeyBehindAPageInTheBrowser(t *testing.T) {
	var closed atomic.Bool
	b := newBrowser(t, func(c *Config) { c.Closed = func(context.Context) (bool, error) { return closed.Load(), nil } })
	b.enrol(b.lead)
	b.SignOut()
	b.Open("/sign-in")
	closed.Store(true)
	b.Do(chromedp.Click(chromedp.CSS("[data-passkey]"), chromedp.NodeVisible), chromedp.WaitVisible(chromedp.ID("passkey-trouble")))
	said := b.Finds(`document.getElementById("passkey-trouble").textContent`)
	if want := b.Finds(`document.getElementById("passkey-trouble").dataset.typeError`); said != want || want == "" {
		t.Errorf("it says %q, want %q", said, want)
	}
}

// TestSecondPasskeyInTheBrowser: urged until there are two; another person's
// device is refused once its owner has left.
func TestSecondPasskeyInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	b.enrol(b.lead)
	b.Open("/letters")
	b.Wants("You have only one passkey.")
	b.now = b.now.Add(urged) // and once is enough
	b.Open("/letters")
	if strings.Contains(b.Text(), "You have only one passkey.") {
		t.Error("it is said over every page")
	}
	b.Open("/account")
	b.Do(chromedp.Click(chromedp.CSS("[data-passkey]"), chromedp.NodeVisible), chromedp.WaitVisible(chromedp.ID("passkey-trouble")))
	b.Wants("This device already has a passkey of yours.")
	b.now = b.now.Add(againCounts)
	b.Open("/account")
	b.Wants("show first that it is you")
	b.shoot("account-again")
	b.Press("[data-passkey]")
	b.WantsPath("/account")
	b.NewDevice()
	b.Press("[data-passkey]")
	b.Wants("Your further passkey is made.", "2 passkeys", "show first that it is you")
	b.Open("/letters")
	if strings.Contains(b.Text(), "You have only one passkey.") {
		t.Error("two passkeys are not enough")
	}
	b.SignOut()
	must(t, b.register.DisablePerson(t.Context(), b.lead))
	b.Open("/sign-in")
	b.Do(chromedp.Click(chromedp.CSS("[data-passkey]"), chromedp.NodeVisible), chromedp.WaitVisible(chromedp.ID("passkey-trouble")))
	b.Wants("This passkey was not accepted.")
}

// TestIntakeInTheBrowser: somebody of operations answers with nothing but the
// keyboard. The page shows which pages are one letter before anything is sent,
// without any script.
func TestIntakeInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	b.intake.asks(QuestionDuplicate, "scan0012.pdf", Stack{Pages: 3})
	b.intake.asks(QuestionStack, "a stack with quite a long name of the kind that scanners and people give "+strings.Repeat("x", 150)+".pdf",
		Stack{Pages: 9, Begins: []int{2, 5}, Sheets: []int{1, 4}})
	b.enrol(b.ops)
	b.Open("/desk")
	b.Wants("2 scans wait for your answer.", "2 waiting")
	b.shoot("desk-intake")
	b.TabTo(`main a[href="/intake"]`)
	b.Leads(func() { b.Keys(kb.Enter) })
	b.WantsPath("/intake")
	b.shoot("intake")
	b.WantsNoSideways(320)
	b.TabTo(`a[href="/intake/token-1"]`)
	b.Leads(func() { b.Keys(kb.Enter) })
	b.Wants("Exactly this file was scanned before")
	b.shoot("duplicate")
	b.WantsNoSideways(320)
	b.TabTo(`button[value="another"]`)
	b.Leads(func() { b.Keys(kb.Enter) })
	b.WantsPath("/intake?done=1")
	b.Wants("It is recorded that this is another letter.", "1 waiting")
	b.splitInTheBrowser()
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}

// TestAPageWithACodeInTheBrowser: a separator went through the scanner with a letter's
// last page over it. With the keyboard alone somebody says that the page is the letter's.
func TestAPageWithACodeInTheBrowser(t *testing.T) {
	b := newBrowser(t)
	b.intake.asks(QuestionStack, "batch.pdf", Stack{Pages: 5, Begins: []int{2, 5}, Sheets: []int{1, 4}, Doubtful: []int{4}, Coded: []int{1, 4}})
	b.enrol(b.ops)
	b.Open("/intake/token-1")
	send := func() {
		t.Helper()
		b.TabTo("main form .button")
		b.Leads(func() { b.Keys(kb.Enter) })
	}
	b.TabTo("#page-4")
	b.Keys(kb.ArrowUp) // to the last choice: it is left out, and there is nothing more to say
	b.Do(chromedp.WaitNotVisible(chromedp.ID("despite-4")))
	b.Keys(kb.ArrowDown)
	b.Do(chromedp.WaitVisible(chromedp.ID("despite-4")))
	b.TabTo("#confirm")
	b.Keys(" ")
	send()
	b.Wants("Please put this right", "Page 4 bears the code of a separator or cover sheet.")
	b.shoot("stack-code")
	b.WantsNoSideways(320)
	b.TabTo("#despite-4")
	b.Keys(" ")
	b.TabTo("#confirm")
	b.Keys(" ")
	send()
	b.WantsPath("/intake?done=1")
	b.Wants("It is recorded that the stack holds 2 letters.")
	want := Answer{Kind: AnswerSplit, Begins: []int{2, 5}, Sheets: []int{1}, Despite: []int{4}}
	if diff := cmp.Diff(want, b.intake.answers["token-1"]); diff != "" {
		t.Errorf("the answer (-want +got):\n%s", diff)
	}
	b.SignOut()
	b.enrol(b.dpo)
	b.Open("/register")
	b.Wants("Pages with a sheet’s code that are a letter’s all the same: 1.")
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
}

func (b *browser) splitInTheBrowser() {
	b.t.Helper()
	b.TabTo(`a[href="/intake/token-2"]`)
	b.Leads(func() { b.Keys(kb.Enter) })
	b.Wants("A stack to look at", "Page 9")
	if n := b.LoadImages(); n != 9 {
		b.t.Fatalf("%d of 9 pages are there", n)
	}
	b.shoot("stack")
	b.WantsNoSideways(320)
	heard := func(want string) {
		b.t.Helper()
		if said := b.Headings(); !slices.Contains(said, want) {
			b.t.Errorf("a screen reader hears %q, not %q", said, want)
		}
	}
	heard("Letters in this stack: 2")
	b.TabTo("#page-8")
	b.Keys(kb.ArrowDown)
	heard("Letters in this stack: 3")
	b.TabTo("main form .button")
	b.Leads(func() { b.Keys(kb.Enter) })
	b.Wants("Please put this right", "tick the box")
	b.shoot("stack-flaw")
	heard("Letters in this stack: 3")
	b.TabTo("#confirm")
	b.Keys(" ")
	b.TabTo("main form .button")
	b.Leads(func() { b.Keys(kb.Enter) })
	b.WantsPath("/intake?done=1")
	b.Wants("It is recorded that the stack holds 3 letters.", "No scan is waiting for an answer.")
	b.shoot("intake-done")
	want := Answer{Kind: AnswerSplit, Begins: []int{2, 5, 8}, Sheets: []int{1, 4}}
	if diff := cmp.Diff(want, b.intake.answers["token-2"]); diff != "" {
		b.t.Errorf("the answer (-want +got):\n%s", diff)
	}
}
