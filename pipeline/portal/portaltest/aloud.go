package portaltest

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/chromedp/cdproto/accessibility"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/dom"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// spoken is one thing that a screen reader comes to.
type spoken struct {
	role, name, describedAs string
	level, live             string
	node                    cdp.BackendNodeID
}

// reading is the page as the browser tells it to a screen reader, in its order.
func (b *Browser) reading() (out []spoken) {
	b.T.Helper()
	tree, err := chromedp.Call(b.ctx, accessibility.GetFullAXTree, accessibility.GetFullAXTreeParams{})
	b.must(err)
	byID := map[accessibility.NodeID]*accessibility.Node{}
	for _, n := range tree.Nodes {
		byID[n.NodeID] = n
	}
	says := func(v *accessibility.Value) string {
		var said any // a string, or of a level a number
		if v == nil || json.Unmarshal(v.Value, &said) != nil {
			return ""
		}
		return fmt.Sprint(said)
	}
	var tell func(n *accessibility.Node)
	tell = func(n *accessibility.Node) {
		if n == nil {
			return
		}
		if !n.Ignored {
			s := spoken{role: says(n.Role), name: says(n.Name), describedAs: says(n.Description), node: n.BackendDOMNodeID}
			for _, p := range n.Properties {
				switch p.Name {
				case "level":
					s.level = says(p.Value)
				case "live":
					s.live = says(p.Value)
				}
			}
			out = append(out, s)
		}
		for _, id := range n.ChildIDs {
			tell(byID[id])
		}
	}
	if len(tree.Nodes) > 0 {
		tell(tree.Nodes[0])
	}
	return out
}

// mustHaveName are the roles that say nothing without a name.
var mustHaveName = []string{"button", "link", "textbox", "searchbox", "combobox", "checkbox", "radio", "spinbutton", "Date", "DisclosureTriangle",
	"image", "img", "navigation", "region", "dialog", "alertdialog"}

// Aloud is what is wrong with the page as a screen reader tells it: with its
// landmarks, how its headings nest, its names, and its order, which is that of the
// document and of what people see.
func (b *Browser) Aloud() (faults []string) {
	b.T.Helper()
	all, level := b.reading(), 1
	fault := func(format string, a ...any) { faults = append(faults, fmt.Sprintf(format, a...)) }
	count := map[string]int{}
	for _, s := range all {
		count[s.role+s.level]++
		if s.name == "" && slices.Contains(mustHaveName, s.role) {
			fault("a %s has no name", s.role)
		}
		if s.role == "heading" {
			if at := int(s.level[0] - '0'); at > level+1 {
				fault("after a heading of level %d comes one of level %d: %s", level, at, s.name)
			}
			level = int(s.level[0] - '0')
		}
	}
	for role, want := range map[string]int{"main": 1, "banner": 1, "contentinfo": 1, "heading1": 1} {
		if count[role] != want {
			fault("of %s there are %d, not %d", role, count[role], want)
		}
	}
	if count["navigation"] > 1 {
		fault("of navigation there are %d", count["navigation"])
	}
	return append(append(append(faults, b.unannounced(all)...), b.outOfOrder(all)...), b.jumps()...)
}

// unannounced is what is said of an error, or of what was done, that a screen
// reader does not say at the field or by itself.
func (b *Browser) unannounced(all []spoken) (faults []string) {
	b.T.Helper()
	for _, flaw := range b.finds(`[...document.querySelectorAll(".flaw")].filter((e) => e.checkVisibility()).map((e) => e.textContent.trim())`) {
		if !slices.ContainsFunc(all, func(s spoken) bool { return strings.Contains(s.describedAs, flaw) }) {
			faults = append(faults, "describes nothing: "+flaw)
		}
	}
	for selector, live := range map[string]string{".error-summary, [role=alert]": "assertive", ".note, [role=status], [aria-live=polite]": "polite"} {
		seen := len(b.finds(`[...document.querySelectorAll("` + selector + `")].filter((e) => e.checkVisibility({visibilityProperty: true})).map((e, i) => i + e.outerHTML)`))
		said := 0
		for _, s := range all {
			// What is in a live region is live too, and says so; its root has the role.
			if s.live == live && slices.Contains([]string{"alert", "status", "generic", "note"}, s.role) {
				said++
			}
		}
		if said < seen {
			faults = append(faults, fmt.Sprintf("%d of %s are on the page, and %d are announced", seen, selector, said))
		}
	}
	return faults
}

// outOfOrder is what a screen reader comes to in another order than that of the
// document, in which the keyboard goes.
func (b *Browser) outOfOrder(all []spoken) (faults []string) {
	b.T.Helper()
	everything := int64(-1)
	document, err := chromedp.Call(b.ctx, dom.GetDocument, dom.GetDocumentParams{Depth: &everything})
	b.must(err)
	place := map[cdp.BackendNodeID]int{}
	var walk func(n *cdp.Node)
	walk = func(n *cdp.Node) {
		place[n.BackendNodeID] = len(place) + 1
		for _, c := range n.Children {
			walk(c)
		}
	}
	walk(document.Root)
	last := 0
	for _, s := range all {
		at := place[s.node]
		if at == 0 { // what a style sheet says, or the inside of a field
			continue
		}
		if at < last {
			faults = append(faults, fmt.Sprintf("told after what follows it on the page: %s %s", s.role, s.name))
		}
		last = max(last, at)
	}
	return faults
}

// jumps is what stands above what comes before it, on a page of one column: eyes
// and a screen reader would go different ways.
func (b *Browser) jumps() []string {
	b.T.Helper()
	b.Lay(Layouts[0])
	tall, err := chromedp.Run(b.ctx, chromedp.Evaluate[int64](`document.documentElement.scrollHeight`))
	b.must(err)
	b.Do(chromedp.EmulateViewport(Layouts[0].Width, tall+100)) // so that nothing sticks to an edge
	found := b.finds(`(async () => {
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT), range = document.createRange(), jumps = [];
		let last;
		for (let text = walk.nextNode(); text; text = walk.nextNode()) {
			const e = text.parentElement;
			if (!text.data.trim() || !e.checkVisibility({visibilityProperty: true}) || e.closest("select, .skip, script, style")) continue;
			range.selectNodeContents(text);
			const box = [...range.getClientRects()].find((r) => r.width && r.height);
			if (!box) continue;
			if (last && box.bottom <= last.top && box.left < last.right) jumps.push("above what comes before it: " + text.data.trim().slice(0, 60));
			last = box;
		}
		return jumps;
	})()`)
	b.Lay(Layouts[0])
	return found
}

// Moves is what moves on the page for somebody who wants nothing to.
func (b *Browser) Moves() []string {
	b.T.Helper()
	b.Lay(Layouts[0], "prefers-reduced-motion", "reduce")
	defer b.Lay(Layouts[0])
	return b.finds(`(async () => {
		const moving = document.getAnimations().map((a) => "an animation of " + a.effect?.target?.outerHTML.slice(0, 120));
		for (const e of document.querySelectorAll("*")) for (const part of [null, "::before", "::after", "::backdrop"]) {
			const style = getComputedStyle(e, part);
			if (style.transitionDuration.split(", ").some((s) => parseFloat(s)) || style.animationName !== "none" || style.scrollBehavior === "smooth")
				moving.push("moves" + (part || "") + ": " + e.outerHTML.slice(0, 120));
		}
		return moving;
	})()`)
}

// Printed is what is wrong with the page when it is printed by somebody whose
// screen is dark: paper is white, and printers leave out backgrounds.
func (b *Browser) Printed() []string {
	b.T.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Media: "print",
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
	b.must(err)
	defer b.Lay(Layouts[0])
	return b.finds(`(async () => {
		const found = [], seen = (e) => e.checkVisibility({visibilityProperty: true});
		for (const e of document.querySelectorAll("nav, .skip, footer, dialog, main .no-print, main .pages:not(.printed) img")) if (seen(e)) found.push("is printed: " + e.outerHTML.slice(0, 120));
		const light = (c) => { c /= 255; return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4; };
		const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
		for (let text = walk.nextNode(); text; text = walk.nextNode()) {
			const e = text.parentElement;
			if (!text.data.trim() || !seen(e) || e.closest("select, script, style")) continue;
			const [red, green, blue, alpha] = getComputedStyle(e).color.match(/[\d.]+/g).map(Number);
			const contrast = 1.05 / (0.2126 * light(red) + 0.7152 * light(green) + 0.0722 * light(blue) + 0.05);
			if (contrast < 4.5 || alpha < 1) found.push("too pale on paper, " + contrast.toFixed(1) + ": " + text.data.trim().slice(0, 60));
		}
		return found;
	})()`)
}
