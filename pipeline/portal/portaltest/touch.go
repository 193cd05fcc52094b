package portaltest

import (
	"encoding/json"
	"fmt"

	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/chromedp"
)

// Tap touches an element with a finger, in its middle, where it can be seen.
func (b *Browser) Tap(selector string) {
	b.T.Helper()
	var at input.TouchPoint
	where := b.Finds(fmt.Sprintf(`JSON.stringify(((e) => {
		e.scrollIntoView({behavior: "instant", block: "center"});
		const box = e.getBoundingClientRect();
		return {x: box.x + box.width / 2, y: box.y + box.height / 2};
	})(document.querySelector(%q)))`, selector))
	b.must(json.Unmarshal([]byte(where), &at))
	_, err := chromedp.Call(b.ctx, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchStart, TouchPoints: []*input.TouchPoint{&at}})
	b.must(err)
	_, err = chromedp.Call(b.ctx, input.DispatchTouchEvent, input.DispatchTouchEventParams{Type: input.DispatchTouchEventTypeTouchEnd, TouchPoints: []*input.TouchPoint{}})
	b.must(err)
}

// Tight is what a thumb may miss: what can be pressed and has fewer than 44 pixels
// from top to bottom. Links in a sentence are left out, which go by its lines.
func (b *Browser) Tight() []string {
	b.T.Helper()
	return b.finds(`(async () => [...document.querySelectorAll("header a, header button, main a[href], main button, main summary, main .choice label, main select")]
		.filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 44 && (e.localName !== "a" || e.parentElement.innerText.trim() === e.innerText.trim()))
		.map((e) => e.getBoundingClientRect().height + ": " + e.outerHTML.slice(0, 120)))()`)
}
