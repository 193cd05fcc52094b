package portal

import (
	"testing"

	"letterlock/pipeline/portal/portaltest"
)

// Nothing on a page moves while the rest of it is still arriving over a bad line:
// what has not come whole is not seen at all.
func TestNothingMovesWhileAPageArrives(t *testing.T) {
	b := newBrowser(t)
	b.slow.Store(true)
	letter, paper := b.letter(2), b.readable(1)
	for _, who := range []struct {
		person int64
		paths  []string
	}{
		{b.lead, []string{"/letters", "/l/" + string(letter)}},
		{b.ops, []string{"/desk/" + string(paper)}},
		{b.dpo, []string{"/register"}},
		{b.manager, []string{"/overview"}},
	} {
		v := b.as(who.person)
		b.Be(sessionCookie, v.cookies[sessionCookie])
		v.showsAgain(who.paths[0])
		for _, layout := range []portaltest.Layout{portaltest.Layouts[0], portaltest.Layouts[2]} { // a phone and a desk
			for _, path := range who.paths {
				b.Lay(layout)
				b.Open(path)
				if _, faults := b.Weight(); len(faults) > 0 {
					t.Errorf("%s at %s: %s", path, layout, faults)
				}
			}
		}
	}
}
