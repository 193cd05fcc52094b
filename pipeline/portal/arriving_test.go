package portal

import (
	"fmt"
	"testing"

	"letterlock/pipeline/portal/portaltest"
)

// Nothing on a page moves while the rest of it is still arriving over a bad line. A
// table, whose columns are as wide as what has come of it, is seen once it is whole.
func TestNothingMovesWhileAPageArrives(t *testing.T) {
	b := newBrowser(t)
	b.slow.Store(true)
	letter, paper := b.letter(2), b.readable(1)
	for _, who := range []struct {
		person int64
		paths  []string
	}{
		{b.admin, []string{fmt.Sprintf("/people/%d/edit", b.lead2), "/people"}},
		{b.lead, []string{"/letters", "/l/" + string(letter)}},
		{b.ops, []string{"/desk", "/desk/" + string(paper)}},
		{b.dpo, []string{"/register", "/calendar", "/retention", "/openings"}},
		{b.manager, []string{"/overview", "/papers", "/requests"}},
	} {
		v := b.as(who.person)
		b.Be(sessionCookie, v.cookies[sessionCookie])
		v.showsAgain(who.paths[0])
		for _, layout := range portaltest.Layouts[:3] {
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
