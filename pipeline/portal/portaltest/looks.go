package portaltest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/pdfcpu/pdfcpu/pkg/api"

	"letterlock/scanner/realpart"
)

// axe-core, as .ci/run fetches it from npm: its licence is not ours, so it is
// not kept here, and its hash says that it is the one that is meant.
const (
	axeFile = "axe-core-4.14.1.min.js"
	axeHash = "29348999450cdf2849a8e70b7912fc2da85a849da39c0d0d5394f51d4a9ed95c"
)

// Axe is the script of axe-core, which finds what keeps people from using a
// page. A test without it is skipped.
func Axe(t testing.TB) string {
	t.Helper()
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(home, ".cache", "letterlock-ci", axeFile)
	script, err := os.ReadFile(path)
	realpart.Need(t, err == nil, "axe-core 4.14.1 as "+path+": run bash .ci/run, or take package/axe.min.js out of what npm pack axe-core@4.14.1 brings")
	if sum := sha256.Sum256(script); hex.EncodeToString(sum[:]) != axeHash {
		t.Fatalf("%s is another axe-core than the one that is meant", path)
	}
	return string(script)
}

// Layout is how somebody looks at a page.
type Layout struct {
	Width  int64  // of the window, in CSS pixels
	Scheme string // "light" or "dark"
	Height int64  // likewise; 0 for one of a desk
}

// Layouts are a phone, a tablet and a desk, by day and by night.
var Layouts = []Layout{{360, "light", 0}, {768, "light", 0}, {1280, "light", 0}, {360, "dark", 0}, {768, "dark", 0}, {1280, "dark", 0}}

// Zoomed are what is left of a window by whoever needs everything larger: a tablet at
// 200 %, and a desk at 200 % and at 400 %.
var Zoomed = []Layout{{384, "light", 512}, {640, "light", 450}, {320, "light", 256}}

func (l Layout) String() string { return fmt.Sprintf("%d-%s", l.Width, l.Scheme) }

// Lay looks at the page in another layout; features are further media features
// with their values, as in "forced-colors", "active".
func (b *Browser) Lay(l Layout, features ...string) {
	b.T.Helper()
	media := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: l.Scheme}}
	for i := 0; i+1 < len(features); i += 2 {
		media = append(media, &emulation.MediaFeature{Name: features[i], Value: features[i+1]})
	}
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: media})
	b.must(err)
	b.Do(chromedp.EmulateViewport(l.Width, cmp.Or(l.Height, 900)))
}

// Phone looks at the pages on a phone's screen from now on, which knows touch and
// no hovering.
func (b *Browser) Phone() {
	b.T.Helper()
	b.Do(chromedp.EmulateViewport(360, 740, chromedp.EmulateMobile, chromedp.EmulateTouch))
}

// OnPaper does f while the page is laid out as it is printed.
func (b *Browser) OnPaper(f func()) {
	b.T.Helper()
	for _, media := range []string{"print", ""} {
		_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: media})
		b.must(err)
		if media == "print" {
			f()
		}
	}
}

// Sheets is on how many sheets of A4 the page is printed.
func (b *Browser) Sheets() int {
	b.T.Helper()
	printed, err := chromedp.Call(b.ctx, page.PrintToPDF, page.PrintToPDFParams{PaperWidth: 8.27, PaperHeight: 11.69})
	b.must(err)
	n, err := api.PageCount(bytes.NewReader(printed.Data), nil)
	b.must(err)
	return n
}

// Be gives the browser the cookie of somebody's session.
func (b *Browser) Be(cookie, value string) {
	b.T.Helper()
	secure := true // as its name demands
	_, err := chromedp.Call(b.ctx, network.SetCookie, network.SetCookieParams{Name: cookie, Value: value, URL: b.Origin + "/", Secure: &secure})
	b.must(err)
}

// WithoutScript switches JavaScript off, as some people do, or on again. What
// is open already is not changed by it.
func (b *Browser) WithoutScript(off bool) {
	b.T.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: off})
	b.must(err)
}

// Whole is the page as it is laid out, whole, as a PNG.
func (b *Browser) Whole() []byte {
	b.T.Helper()
	b.LoadImages()
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	b.must(err)
	return picture
}

// Barriers is what axe-core finds on the page as it is laid out: each a rule,
// and where it is broken. axe is axe-core's script, which are some of its
// rules or of its tags, which stand for many.
func (b *Browser) Barriers(axe string, which []string) []string {
	b.T.Helper()
	rules, err := json.Marshal(which)
	b.must(err)
	// It is half a megabyte of script, and each page is asked many times.
	there, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`Boolean(window.axe)`))
	b.must(err)
	if !there {
		b.Do(chromedp.Evaluate[chromedp.Void](axe))
	}
	return b.finds(`(async () => {
		const found = await window.axe.run(document, {preload: false, resultTypes: ["violations"],
			runOnly: ` + string(rules) + `});
		return found.violations.flatMap((v) => v.nodes.map((n) => v.id + ": " + n.html.slice(0, 160) + " " + n.any.concat(n.all, n.none).map((c) => c.message).join("; ")));
	})()`)
}

// Shown is what the page shows as it is laid out, so that two layouts can be compared:
// of each element whether it is rendered, and whether it has a place on the page where it
// can be seen; of a table also its size, by which axe-core tells one of data.
func (b *Browser) Shown() string {
	b.T.Helper()
	return b.Finds(`[...document.querySelectorAll("*")].map((e) => {
		const box = e.getBoundingClientRect(), style = getComputedStyle(e);
		const off = box.right <= 0 || box.bottom + scrollY <= 0 || box.left >= document.documentElement.clientWidth || !box.width || !box.height;
		return [+e.checkVisibility({opacityProperty: true, visibilityProperty: true}), +off, style.clip, style.clipPath]
			.concat(e.matches("table:not(:has(th))") ? [box.width, box.height] : []).join(" ");
	}).join("\n")`)
}

// Sideways is what is wider than the window, where the page is.
func (b *Browser) Sideways() []string {
	b.T.Helper()
	return b.finds(`(async () => {
		const wide = document.documentElement.clientWidth;
		if (document.documentElement.scrollWidth <= wide) return [];
		return ["wider than its window"].concat([...document.body.querySelectorAll("*")]
			.filter((e) => e.getBoundingClientRect().right > wide + 1).slice(0, 5).map((e) => e.outerHTML.slice(0, 120)));
	})()`)
}

// Covered is what people press, fill in or read first and cannot, since something else
// lies over it when it is brought into the window, as the keyboard brings it.
func (b *Browser) Covered() []string {
	b.T.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	b.must(err)
	return b.finds(`(async () => {
		const was = document.activeElement, covered = [];
		for (const e of document.querySelectorAll("a[href], button, input, select, textarea, summary, label, h1, h2, h3, caption, th")) {
			if (!e.checkVisibility({opacityProperty: true, visibilityProperty: true}) || e.type === "hidden") continue;
			e.focus({focusVisible: true, preventScroll: true});
			e.scrollIntoView({behavior: "instant", block: "nearest", inline: "nearest"});
			const box = [...e.getClientRects()].find((r) => r.width > 1 && r.height > 1);
			if (!box) continue;
			const within = (at, from, to, end) => Math.min(Math.max(at, from + 1), Math.min(to, end) - 1);
			const top = document.elementFromPoint(within((box.left + box.right) / 2, Math.max(box.left, 0), box.right, innerWidth), within((box.top + box.bottom) / 2, Math.max(box.top, 0), box.bottom, innerHeight));
			if (!top || !(e.contains(top) || top.contains(e) || top.closest("label")?.control === e))
				covered.push("lies under " + (top?.outerHTML.slice(0, 60) ?? "the window's edge") + ": " + e.outerHTML.slice(0, 120));
		}
		was?.focus({preventScroll: true});
		window.scrollTo({top: 0, behavior: "instant"});
		return covered;
	})()`)
}

// Unseen is what takes the keyboard's focus without showing it.
func (b *Browser) Unseen() []string {
	b.T.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	b.must(err)
	return b.finds(`(async () => {
		const was = document.activeElement, unseen = [];
		for (const e of document.querySelectorAll("a[href], button, input, select, textarea, summary, [tabindex='0']")) {
			if (!e.checkVisibility() || e.disabled || e.type === "hidden") continue;
			e.focus({focusVisible: true, preventScroll: true});
			const style = getComputedStyle(e);
			if (document.activeElement !== e || style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) unseen.push(e.outerHTML.slice(0, 120));
		}
		was?.focus({preventScroll: true});
		return unseen;
	})()`)
}

// Untied is what the error summary says that leads to no field, or that the
// field which it leads to does not say of itself.
func (b *Browser) Untied() []string {
	b.T.Helper()
	return b.finds(`(async () => {
		const said = (e) => (e?.getAttribute("aria-describedby") || "").split(/\s+/).map((id) => document.getElementById(id)?.textContent.trim());
		const out = [];
		for (const a of document.querySelectorAll(".error-summary a")) {
			const field = document.getElementById(a.getAttribute("href").slice(1)), text = a.textContent.trim();
			if (!field) out.push("leads nowhere: " + text);
			else if (![field, field.closest("fieldset")].some((e) => said(e).includes(text))) out.push("not said at its field: " + text);
		}
		const summary = document.querySelector(".error-summary");
		if (summary && !document.title.startsWith("Error: ")) out.push("the title does not tell of the error");
		if (summary && document.querySelector("main h1").compareDocumentPosition(summary) !== Node.DOCUMENT_POSITION_PRECEDING) out.push("the error summary is not above the heading");
		return out;
	})()`)
}

// Weight is how many bytes the page and all that it draws in have, letters'
// pages left out, and what is wrong with how it is loaded. What another server
// is asked for is among the Complaints, since the policy of the page forbids it.
func (b *Browser) Weight() (bytes int, faults []string) {
	b.T.Helper()
	faults = b.finds(`(async () => {
		const moved = await new Promise((done) => {
			let sum = 0, what = "";
			const look = new PerformanceObserver((list) => { for (const e of list.getEntries()) {
				sum += e.value;
				for (const s of e.sources) what = what || s.node?.outerHTML?.slice(0, 120) || s.node?.data || "";
			} });
			look.observe({type: "layout-shift", buffered: true});
			requestAnimationFrame(() => setTimeout(() => done([sum, what]), 0));
		});
		return moved[0] > 0 ? ["what is on it moves while it is loaded: " + moved.join(" ")] : [];
	})()`)
	bytes, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource"))
		.filter((e) => !/\/page\/\d+\.jpg(\?|$)/.test(e.name)).reduce((sum, e) => sum + e.decodedBodySize, 0)`))
	b.must(err)
	return bytes, faults
}

// finds is what a script finds, without what it finds twice.
func (b *Browser) finds(script string) (found []string) {
	b.T.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	all, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](script, chromedp.EvalAwaitPromise))
	if err != nil {
		b.T.Fatalf("%s: %v", b.At(), err)
	}
	for _, s := range all {
		if !strings.Contains(strings.Join(found, "\n"), s) {
			found = append(found, s)
		}
	}
	return found
}
