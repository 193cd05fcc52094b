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
	"time"

	"letterlock/pipeline/register"
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

// readmePart is a part of the README, from its heading to the next of the same kind.
func readmePart(t *testing.T, heading string) string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	must(t, err)
	_, part, ok := strings.Cut(string(readme), "\n## "+heading+"\n")
	if !ok {
		t.Fatalf("the README has no part %q", heading)
	}
	part, _, _ = strings.Cut(part, "\n## ")
	return part
}

// What the standard wants to be written down is in the part of the README that is named,
// with the numbers that the code has.
func TestTheReadmeSaysHowItIs(t *testing.T) {
	times := func(r rate, every string) string {
		if got := map[string]time.Duration{"each three minutes": 3 * time.Minute, "each five seconds": 5 * time.Second, "a hundred a second": 10 * time.Millisecond, "twenty a second": 50 * time.Millisecond}[every]; got != r.every {
			t.Errorf("the rate is once in %s, not %s", r.every, every)
		}
		return strconv.Itoa(r.atOnce)
	}
	is := func(what string, got, want any) {
		if got != want {
			t.Errorf("the README says %s of what is %v", what, got)
		}
	}
	is("fifteen minutes", register.SessionIdle, 15*time.Minute)
	is("eight hours", register.SessionMax, 8*time.Hour)
	is("five sessions", register.SessionsAtOnce, 5)
	is("five minutes", againCounts, 5*time.Minute)
	is("24 hours", codeLife, 24*time.Hour)
	is("an hour", enteredLives, time.Hour)
	says := map[string][]string{
		"2.1.1":  {"Each form says at the field what it takes", "A form is " + strconv.Itoa(maxBody>>10) + " KB at most, an uploaded copy " + strconv.Itoa(MaxUpload>>20) + " MB"},
		"2.1.2":  {"*What must fit together:* ", "a second person for an erasure"},
		"2.1.3":  {"A person may make " + times(personRate, "twenty a second") + " requests and then twenty a second"},
		"5.1.1":  {"PDF, TIFF (fax kinds too), JPEG, PNG", "A damaged file is refused"},
		"6.1.1":  {times(codesRate, "each three minutes") + " codes and then one each three minutes", times(signInRate, "each five seconds") + " steps of a sign-in and then one each five seconds", times(addressRate, "a hundred a second") + " requests and then a hundred a second", "ends after five wrong tries"},
		"6.1.3":  {"makes a passkey", "section `[sso]`", "`user code`"},
		"7.1.1":  {"ends after fifteen minutes in which nobody uses it", "after eight hours in any case", "within five minutes, for that one act"},
		"7.1.2":  {"five may live at once"},
		"7.1.3":  {"whatever the organisation's sign-in says", "must have asked its person within the last fifteen minutes"},
		"8.1.1":  {"<!-- who may do what: begin -->"},
		"8.1.2":  {"the register, never a letter", "they never see a letter that is sealed"},
		"11.1.1": {"| an expiry week's key | ", "overwritten, unlinked"},
		"11.1.2": {"ML-KEM-768 with X25519, ChaCha20-Poly1305", "Ed25519", "HMAC-SHA-256", "P-256", "TLS | 1.2 or later"},
		"13.1.1": {"**What it connects to**, by TLS", "| the S3 server; ", "| PostgreSQL | ", "| the mail server | ", "| the organisation's sign-in | "},
		"13.2.4": {"and nothing else; an answer that leads to another host is not followed"},
		"14.1.1": {"scanner/.letterlock/", "keyring/", "state/letterlock.db", "outbox/", "bucket/"},
		"14.1.2": {"open living letters; keep the register's signing key", "the server believes only hashes and signatures"},
		"15.1.1": {"within seven days", "within thirty", "once a quarter"},
		"15.1.3": {"**What costs much** is cleaning a scan", "2000 pages"},
		"16.1.1": {"<!-- lines of the log: begin -->", "it names letters by their random id"},
		"16.4.3": {"send it to another machine"},
	}
	for _, p := range asvs {
		if p.Stands != asvsReadme {
			continue
		}
		part := readmePart(t, p.By)
		if len(says[p.Number]) == 0 {
			t.Errorf("%s: nothing says what the README must say of it", p.Number)
		}
		for _, want := range says[p.Number] {
			if !strings.Contains(part, want) {
				t.Errorf("%s: the README's part %q does not say %q", p.Number, p.By, want)
			}
		}
	}
}
