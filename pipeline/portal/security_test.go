package portal

import (
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// testNames are the names of all tests of Letterlock.
func testNames(t *testing.T) (names []string) {
	t.Helper()
	found := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	must(t, filepath.WalkDir("../..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, m := range found.FindAllSubmatch(text, -1) {
			names = append(names, string(m[1]))
		}
		return err
	}))
	return names
}

// Each point of the standard stands there once, in its order, with tests that
// there are, a part that the README has, or a reason.
func TestSecurityPointByPoint(t *testing.T) {
	names := testNames(t)
	readme, err := os.ReadFile("../../README.md")
	must(t, err)
	levels, last := map[string]int{}, []int{0, 0, 0}
	for _, p := range asvs {
		levels[p.Level]++
		var number []int
		for part := range strings.SplitSeq(p.Number, ".") {
			n, err := strconv.Atoi(part)
			must(t, err)
			number = append(number, n)
		}
		if len(number) != 3 || slices.Compare(number, last) <= 0 {
			t.Errorf("%s stands after %v", p.Number, last)
		}
		last = number
		if p.About == "" || p.By == "" {
			t.Errorf("%s says nothing", p.Number)
		}
		switch p.Stands {
		case asvsMet:
			for _, name := range p.Tests {
				if !slices.Contains(names, name) {
					t.Errorf("%s is held by %s, which there is not", p.Number, name)
				}
			}
		case asvsReadme:
			if !regexp.MustCompile(`(?m)^#+ ` + regexp.QuoteMeta(p.By) + `$`).Match(readme) {
				t.Errorf("%s: the README has no part %q", p.Number, p.By)
			}
		case asvsBuilt, asvsNone, asvsNot:
			if !strings.HasSuffix(p.By, ".") {
				t.Errorf("%s: %q is no sentence", p.Number, p.By)
			}
		default:
			t.Errorf("%s stands as %q", p.Number, p.Stands)
		}
	}
	// So many has the standard: 70 of level 1, 183 more of level 2.
	if levels["1"] != 70 || levels["2"] != 183 || len(asvs) != 253 {
		t.Errorf("points by level: %v", levels)
	}
}

func TestSecurityPage(t *testing.T) {
	h := newHouse(t)
	for _, n := range []int64{h.ops, h.lead, h.manager, h.dpo, h.admin} {
		wantText(t, h.as(n).get("/security"), "253 points", "<strong>5.4.3, level 2:</strong>", "Met: TestEveryRouteAsEverybody and TestRandomWalks")
	}
	wantStatus(t, h.nobody().get("/security"), http.StatusSeeOther)
}
