package portal

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"letterlock/pipeline/portal/portaltest"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// heaviest is how many bytes a page may have with its style and scripts, not
// packed, letters' pages left out.
const heaviest = 60 << 10

// weighs is what the page has, letters' pages left out.
func (v *visitor) weighs(path string) (bytes int) {
	v.h.t.Helper()
	w := v.get(path)
	wantStatus(v.h.t, w, http.StatusOK)
	bytes = w.Body.Len()
	for _, own := range regexp.MustCompile(`(?:href|src)="(/static/[^"]+)"`).FindAllStringSubmatch(w.Body.String(), -1) {
		bytes += v.get(own[1]).Body.Len()
	}
	if bytes > heaviest {
		v.h.t.Errorf("%s has %d bytes, of %d", path, bytes, heaviest)
	}
	return bytes
}

// Which of axe-core's rules a page keeps. Nothing but colours is different by
// night: the style sheet's one rule for it sets nothing else.
var (
	everyRule     = []string{"wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"}
	rulesOfColour = []string{"color-contrast", "link-in-text-block"}
	rulesOfLayout = append([]string{"target-size", "scrollable-region-focusable"}, rulesOfColour...)
)

// looker looks at every page that somebody comes to.
type looker struct {
	*browser
	*visitor
	axe  string
	seen map[string]bool

	pages   map[string]bool // by the name of the template
	foreign bool            // the portal speaks the made-up language, and how that looks is looked at
}

func newLooker(t *testing.T, change ...func(*Config)) *looker {
	t.Helper()
	axe := portaltest.Axe(t)
	tabled := func(c *Config) {
		c.Policy.Text = append(c.Policy.Text, "\n\n| What is kept | For how long | Why |\n|:---|---:|---|\n| A letter that tells of somebody at risk | five years from the decision | safeguarding |\n"+
			"| AnyReferenceThatIsOneLongWordWithoutAnEnd | six calendar months | the confidentiality policy |\n"...)
	}
	l := &looker{browser: newBrowser(t, append(change, tabled)...), axe: axe, seen: map[string]bool{}, pages: map[string]bool{}}
	for name, pg := range l.portal.pages { // each says which it is
		main := pg.Lookup("main")
		_, err := pg.AddParseTree("of-"+name, main.Tree)
		must(t, err)
		_, err = pg.New("says").Parse(`{{define "main"}}{{template "of-` + name + `" .}}<template data-looks="` + name + `"></template>{{end}}`)
		must(t, err)
	}
	return l
}

// is makes the browser somebody's, who is signed in.
func (l *looker) is(person int64) *visitor {
	l.t.Helper()
	l.visitor = l.as(person)
	l.Be(sessionCookie, l.cookies[sessionCookie])
	return l.visitor
}

// at opens an address and looks at it in every layout.
func (l *looker) at(name, path string) {
	l.t.Helper()
	l.Lay(portaltest.Layouts[0])
	l.Open(path)
	l.looks(name)
}

// empty sends the page's form as it is, which is wrong, and looks at the answer.
func (l *looker) empty(name, path, button string) {
	l.t.Helper()
	l.Open(path)
	l.Press(button)
	l.WantsThat(`document.querySelectorAll(".error-summary").length`, "1")
	l.looks(name)
}

// looks looks at the page on which the browser is.
func (l *looker) looks(name string) {
	l.t.Helper()
	if l.seen[name] {
		l.t.Fatalf("two pages are called %s", name)
	}
	l.seen[name] = true
	l.pages[l.Finds(`document.querySelector("[data-looks]")?.dataset.looks ?? ""`)] = true
	if l.foreign {
		l.looksForeign(name)
		return
	}
	var found []string // each fault once, with where it was seen first
	fault := func(where string, all []string) {
		for _, s := range all {
			if !slices.Contains(found, s) {
				found = append(found, s)
				l.t.Errorf("%s, %s: %s", name, where, s)
			}
		}
	}
	l.LoadImages()
	bytes, faults := l.Weight()
	fault("loading", faults)
	if bytes > heaviest || bytes == 0 {
		l.t.Errorf("%s has %d bytes, of %d", name, bytes, heaviest)
	}
	fault("its errors", l.Untied())
	shown := map[string]bool{}
	for _, layout := range portaltest.Layouts {
		l.Lay(layout)
		fault(layout.String(), l.barriers(layout, shown))
		fault(layout.String(), l.Sideways())
		if folder := os.Getenv("LETTERLOCK_SCREENSHOTS"); folder != "" {
			must(l.t, os.MkdirAll(folder, 0o755))
			must(l.t, os.WriteFile(filepath.Join(folder, name+"-"+layout.String()+".png"), l.Whole(), 0o644))
		}
	}
	fault("keyboard", l.Unseen())
	fault("read aloud", l.Aloud())
	fault("reduced motion", l.Moves())
	fault("printed", l.Printed())
	l.Lay(portaltest.Layout{Width: 1280, Scheme: "dark"}, "forced-colors", "active")
	fault("keyboard in forced colours", l.Unseen())
	for _, zoomed := range portaltest.Zoomed {
		l.Lay(zoomed)
		fault(fmt.Sprintf("%d pixels", zoomed.Width), slices.Concat(l.Sideways(), l.Covered()))
	}
	l.Lay(portaltest.Layouts[0])
}

// barriers is what axe-core finds on the page in the layout in which it lies. Most of the
// rules look at what is shown, whatever its size, place and colour: a layout that shows
// the same as one before it is not asked about them again.
func (l *looker) barriers(layout portaltest.Layout, shown map[string]bool) []string {
	l.t.Helper()
	if layout.Scheme == "dark" {
		return l.Barriers(l.axe, rulesOfColour)
	}
	what, which := l.Shown(), everyRule
	if shown[what] {
		which = rulesOfLayout
	}
	shown[what] = true
	return l.Barriers(l.axe, which)
}

// elsewhere are routes that show a page in a state alone in which it is looked at by
// itself, or none.
var elsewhere = []string{"/{$}", "/policy/confirm", "/l/{id}/withdraw", "/evidence/making", "/evidence/pack.zip", "/desk/lost/{id}", "/desk/sign/{token}", "/papers/count"}

// everyRoute looks at each page of routes that the person may see, of those
// whose first role is theirs.
func (l *looker) everyRoute(role register.Role, fill *strings.Replacer) {
	l.t.Helper()
	for _, r := range routes {
		if r.method != http.MethodGet || r.sample || r.sso || len(r.who) == 0 || r.who[0] != role && len(r.who) < len(register.Roles) {
			continue
		}
		path := fill.Replace(r.path)
		if strings.Contains(path, "{") {
			l.t.Errorf("say what %s is filled with, so that it can be looked at", r.path)
			continue
		}
		w := l.visitor.get(path)
		if w.Code != http.StatusOK && !slices.Contains(elsewhere, r.path) {
			l.t.Errorf("%s is answered with %d: nobody looks at it", path, w.Code)
		}
		if w.Code == http.StatusOK && strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			l.at(string(role)+strings.NewReplacer("/", "-", "{", "", "}", "").Replace(r.path), path)
		}
	}
}

// everybodysLooks are all pages and states, by who comes to them.
var everybodysLooks = []struct {
	name string
	look func(*looker)
}{
	{"nobody", looksOfNobody}, {"leader", looksOfLeader}, {"deciding", looksOfDeciding}, {"answers", looksOfAnswers}, {"manager", looksOfManager},
	{"operations", looksOfOperations}, {"dpo", looksOfDPO}, {"administrator", looksOfAdministrator},
}

// TestLooks looks at every page and state of the portal, as each role sees it:
// with axe-core, on a phone, a tablet and a desk, by day and by night, zoomed,
// and with the keyboard.
func TestLooks(t *testing.T) {
	pages, all := map[string]bool{}, 0
	for _, who := range everybodysLooks {
		t.Run(who.name, func(t *testing.T) {
			l := newLooker(t, func(c *Config) { c.Sample = who.name == "answers" })
			all++
			who.look(l)
			maps.Copy(pages, l.pages)
			for _, said := range l.Complaints() {
				t.Errorf("the browser complains: %s", said)
			}
		})
	}
	if all < len(everybodysLooks) || t.Failed() {
		return
	}
	for name := range newHouse(t).portal.pages {
		if !pages[name] && name != "print" { // TestLooksOfPrinting looks at that
			t.Errorf("nobody has looked at a page %q", name)
		}
	}
}

// TestLooksAreSeen plants what TestLooks looks for: each has to be found.
func TestLooksAreSeen(t *testing.T) {
	l := newLooker(t)
	l.is(l.lead)
	l.letter(1)
	barriers := func() []string { return l.Barriers(l.axe, everyRule) }
	layouts := func() (found []string) {
		shown := map[string]bool{}
		for _, layout := range portaltest.Layouts {
			l.Lay(layout)
			found = append(found, l.barriers(layout, shown)...)
		}
		return found
	}
	loading := func() []string { _, found := l.Weight(); return found }
	for _, c := range []struct {
		plant string
		finds func() []string
		says  string
	}{
		{`document.documentElement.removeAttribute("lang")`, barriers, "html-has-lang"},
		{`document.querySelector("main .facts dt").style.color = "#ddd"`, barriers, "color-contrast"},
		{`put("main", "input", {})`, barriers, "label"},
		{`for (const name of "ab") put("main", "button", {style: "all: unset; font-size: 8px", textContent: name})`, barriers, "target-size"},
		{`put("main", "input", {className: "planted"}); sheet("@media (max-width: 1000px) { main .planted { display: none !important } }")`, layouts, "label"},
		{`put("main", "p", {className: "planted", textContent: "pale"}); sheet("@media (min-width: 700px) and (max-width: 1000px) { .planted { color: #ccc } }")`, layouts, "color-contrast"},
		{`put("main", "p", {style: "width: 400px", textContent: "wide"})`, l.Sideways, "wider"},
		{`document.querySelector("main a").style.outline = "none"`, l.Unseen, "/l/"},
		{`put("main", "div", {style: "position: fixed; inset: 0; background: #fff"})`, l.Covered, "lies under <div"},
		{`put("main", "div", {className: "error-summary"}); put(".error-summary", "a", {href: "#why", textContent: "Say why."})`, l.Untied, "leads nowhere: Say why."},
		{`put("main", "div", {className: "error-summary"}); put(".error-summary", "a", {href: "#why", textContent: "Say why."}); put("main", "input", {id: "why"})`, l.Untied, "not said at its field: Say why."},
		{`await painted(); document.querySelector("h1").style.marginTop = "300px"; await painted()`, loading, "moves"},
		{`put("main", "nav", {textContent: "more"})`, l.Aloud, "of navigation there are 2"},
		{`put("main", "h5", {textContent: "Deep"})`, l.Aloud, "one of level 5: Deep"},
		{`put("main", "input", {})`, l.Aloud, "a textbox has no name"},
		{`put("main", "p", {className: "flaw", textContent: "Choose."})`, l.Aloud, "describes nothing: Choose."},
		{`put("main", "p", {className: "note", textContent: "Done."})`, l.Aloud, "1 of .note"},
		{`document.querySelector("header").setAttribute("aria-owns", "last"); put("main", "p", {id: "last", textContent: "last"})`, l.Aloud, "told after what follows it"},
		{`document.querySelector("main").style = "display: flex; flex-direction: column-reverse"`, l.Aloud, "above what comes before it"},
		{`document.querySelector("main a").style.transition = "color 1s"`, l.Moves, "moves: <a"},
		{`document.querySelector("main").style.scrollBehavior = "smooth"`, l.Moves, "moves: <main"},
		{`put("main", "p", {style: "color: #ccc", textContent: "pale"})`, l.Printed, "too pale on paper, 1.6: pale"},
		{`put("main", "p", {className: "no-print", style: "display: block !important", textContent: "gone"})`, l.Printed, "is printed: <p"},
		{`await fetch("http://127.0.0.1:1/").catch(() => {})`, l.Complaints, "127.0.0.1:1"},
	} {
		l.Lay(portaltest.Layouts[0])
		l.Open("/letters")
		l.Do(chromedp.Evaluate[chromedp.Void](`(async () => {
			const painted = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 100))));
			const put = (into, name, has) => document.querySelector(into).append(Object.assign(document.createElement(name), has));
			const sheet = (rules) => { const all = new CSSStyleSheet(); all.replaceSync(rules); document.adoptedStyleSheets = [all]; };
			`+c.plant+` })()`, chromedp.EvalAwaitPromise))
		found := strings.Join(c.finds(), "\n")
		for until := time.Now().Add(time.Minute); found == "" && time.Now().Before(until); found = strings.Join(c.finds(), "\n") {
			time.Sleep(20 * time.Millisecond) // the console speaks when it likes
		}
		if !strings.Contains(found, c.says) {
			t.Errorf("planted %s, found %q, not %s", c.plant, found, c.says)
		}
	}
}

func looksOfNobody(l *looker) {
	l.at("sign-in", "/sign-in")
	l.at("signed-out", "/sign-in?out=1")
	l.at("idle-ended", "/sign-in?idle=1&to=%2Fletters")
	l.at("policy", "/policy")
	l.at("enrol", "/enrol")
	l.empty("enrol-flaw", "/enrol", "main form .button")
	code := l.code(l.lead)
	l.Open(fmt.Sprintf("/enrol?person=%d", l.lead))
	l.Do(chromedp.SendKeys(chromedp.ID("code"), code))
	l.Press("main form .button")
	l.looks("enrol-passkey")
}

func looksOfLeader(l *looker) {
	l.is(l.lead)
	l.at("letters-empty", "/letters")
	id := l.admitted(letter.Manifest{ID: letter.NewID(), Site: "office", Helpline: "respect-phoneline", Class: letter.SixMonths,
		Received: l.now.Truncate(time.Second), Pages: 2, Flags: "2:blank", Size: 1000, SHA256: strings.Repeat("ab", 32)})
	path := "/l/" + string(id)
	l.everyRoute(register.TeamLeader, strings.NewReplacer("{$}", "", "{id}", string(id), "{n}", "1.jpg"))
	l.at("letter-larger", path+"?larger=1&page=2&turn=1")
	l.empty("letter-flaw", path, `form[action$="/scan-again"] button`)
	l.empty("risk-flaw", path, `form[action*="/risk"] button`)
	l.empty("hand-over-flaw", path, `form[action*="/hand-over"] button`)
	for _, form := range []string{"safeguarding", "sharing", "erase", "redirect", "response"} {
		l.empty(form+"-flaw", path+"/"+form, "main form .button")
	}
}

func looksOfDeciding(l *looker) {
	v := l.is(l.lead)
	id := l.letter(1)
	path := "/l/" + string(id)
	v.looksAt(id, 1)
	wantRedirect(l.t, v.post(path+"/readable", nil), path+"?done=readable")
	l.at("letter-readable", path+"?done=readable")
	v.post(path+"/risk", url.Values{"risk": {"urgent"}})
	v.post(path+"/hand-over", url.Values{"colleague": {fmt.Sprint(l.lead2)}})
	l.at("letter-urgent", path+"?done=risk-urgent")
	v.post(path+"/safeguarding", with(l.keepForm(), "confirm", "yes"))
	l.at("letter-kept", path+"?done=kept")
	l.at("safeguarding-again", path+"/safeguarding")
	l.at("recuse", path+"/recuse")
	l.at("withdraw", path+"/withdraw")
	l.empty("withdraw-flaw", path+"/withdraw", "main form .button")
	old := l.letter(1)
	fresh := l.rescanned(old)
	v.looksAt(fresh, 1)
	l.at("letter-new-scan", "/l/"+string(fresh))
	l.empty("new-scan-flaw", "/l/"+string(fresh), `form[action$="/readable"] button`)
	l.at("letter-old-scan", "/l/"+string(old))
	other := l.letter(1)
	v.get("/l/" + string(other))
	l.asked(other)
	l.at("letter-asked", "/l/"+string(other)+"?done=asked")
	l.readable(3)
	l.at("letters", "/letters")
	l.at("letters-filtered", "/letters?state=readable")
	l.at("letters-none", "/letters?state=held")
	l.at("letters-flaw", "/letters?state=x&reference=x&helpline=x")
	l.at("nothing", "/no-such-page")
	must(l.t, l.register.KeepAlarms(l.t.Context(), map[register.AlarmKind]int{register.PapersOutlive: 2, register.ClockDoubted: 1}))
	l.is(l.manager)
	l.at("alarms", "/letters")
	l.is(l.newcomer("Nell New", register.TeamLeader, "respect-phoneline"))
	l.at("policy-first", "/letters")
}

func looksOfManager(l *looker) {
	l.is(l.manager)
	l.at("requests-empty", "/requests")
	l.at("holds-empty", "/holds")
	id, hold := l.letter(1), l.onHold()
	l.as(l.lead).get("/l/" + string(id))
	request := l.asked(id)
	l.everyRoute(register.Manager, strings.NewReplacer("{$}", "", "{request}", request, "{hold}", hold))
	l.empty("hold-new-flaw", "/holds/new", "main form .button")
	l.showsAgain("/holds/" + hold)
	l.Open("/holds/" + hold)
	l.Press(`form[action*="/release"] button`)
	l.looks("confirm-release")
	l.at("hold-letter", "/holds/new?letter="+string(id))
	l.showsAgain("/requests/" + request)
	l.at("request-shown", "/requests/"+request)
	l.at("retention-flaw", "/retention?from=2026-11-30&to=soon")
	_, err := l.register.PlaceHold(l.t.Context(), register.Hold{Letter: id, Reason: register.Inquiry, Owner: l.manager, Review: letter.DateOf(l.now).AddDays(90)}, l.manager)
	must(l.t, err)
	l.at("manager-letter", "/l/"+string(id)) // on hold
}

func looksOfOperations(l *looker) {
	v := l.is(l.ops)
	l.at("desk-empty", "/desk")
	l.at("intake-empty", "/intake")
	l.reports(letter.Report{Folders: []letter.ReportLine{{Helpline: "respect-phoneline", Arriving: 3, Oldest: l.now, Stuck: 1}, {Helpline: "mens-advice-line"}},
		Refused: []letter.Refused{{Helpline: "respect-phoneline", At: l.now, Why: "cut-off"}}})
	overdue := l.readable(1)
	l.expire(overdue)
	again := l.letter(2)
	must(l.t, l.register.RecordOpening(l.t.Context(), again, l.lead, []byte("a session"), "pages"))
	must(l.t, l.register.MarkScanAgain(l.t.Context(), again, l.lead, "too-faint"))
	l.letter(1)
	id, second := l.readable(3), l.readable(2)
	l.intake.asks(QuestionDuplicate, "scan0012.pdf", Stack{Pages: 3})
	l.intake.asks(QuestionStack, "batch "+strings.Repeat("x", 150)+".pdf", Stack{Pages: 9, Begins: []int{2, 5}, Sheets: []int{1, 4}})
	l.intake.asks(QuestionOtherLine, "scan0013.pdf", Stack{Pages: 1})
	path, tray := "/desk/"+string(id), "/desk/tray?paper="+string(id)+"&paper="+string(second)
	sign := v.fills(path, l.destruction())
	l.everyRoute(register.Operations, strings.NewReplacer("{$}", "", "{id}", string(id), "{token}", "token-1", "{n}", "1.jpg"))
	l.at("count", "/papers/count?site=office")
	l.empty("count-flaw", "/papers/count?site=office", "main form .button")
	v.post("/papers/count", url.Values{"counted-at": {"office"}, "paper": {string(id), string(second)}, "looked": {"yes"}})
	l.at("papers-differ", "/papers")
	l.at("stack", "/intake/token-2")
	l.empty("stack-flaw", "/intake/token-2", "main form .button")
	l.at("other-helpline", "/intake/token-3")
	l.empty("paper-flaw", path, "main form .danger")
	l.at("tray-papers", tray)
	l.empty("tray-papers-flaw", tray, "main form .danger")
	l.at("tray-flaw", "/desk/tray?references=K7QM")
	l.at("sign", sign)
	v.showsAgain(sign)
	l.at("sign-shown", sign)
	v.signs(sign, l.ops2)
	l.at("sign-both", sign)
	v.post(sign, nil)
	l.at("destroyed", path)
	lost := l.readable(1)
	l.replayed()
	v = l.is(l.ops) // a restore signs everybody out
	l.at("lost", lostPath(lost))
	sign = v.fills(lostPath(lost), url.Values{"why": {"no-such-paper"}, "confirm": {"yes"}})
	v.signs(sign, l.ops2)
	wantRedirect(l.t, v.post(sign, nil), "/desk/"+string(lost))
	l.at("written-off", "/desk/"+string(lost))
	l.at("trays", "/desk/trays")
	l.at("trays-flaw", "/desk/trays?day=soon")
}

func looksOfDPO(l *looker) {
	l.is(l.dpo)
	l.at("register-empty", "/register?kind=paper-destroyed")
	id := l.readable(2)
	l.as(l.ops).destroys("/desk/"+string(id), l.destruction())
	l.everyRoute(register.DPO, strings.NewReplacer("{$}", ""))
	l.at("register-letter", "/register?about="+id.Reference())
	l.is(l.lead)
	l.at("letter-paper-destroyed", "/l/"+string(id))
	l.is(l.dpo)
	l.at("register-flaw", "/register?about=nothing&by=x&from=x")
	l.at("dpo-holds", "/holds")
	l.showsAgain(evidencePath)
	l.Open("/evidence")
	l.Press("main form .button")
	l.looks("evidence-making")
}

func looksOfAdministrator(l *looker) {
	v := l.is(l.admin)
	person := fmt.Sprint(l.lead2)
	l.everyRoute(register.Administrator, strings.NewReplacer("{$}", "", "{person}", person, "{site}", l.scans("annexe")))
	for _, path := range []string{"/people/new", "/people/" + person, "/people/" + person + "/edit", "/people/" + person + "/leave"} {
		v.showsAgain(path)
		l.at("shown"+strings.ReplaceAll(path, "/", "-"), path)
	}
	l.portal.cfg.Check = func(context.Context) []CheckLine {
		return []CheckLine{{Name: "clock", Says: texts.Say("people.checks")}, {Name: "disk", OK: true, Says: texts.Say("people.people")}}
	}
	l.at("check-lines", "/check")
	l.Open("/people/" + person)
	l.Press(`form[action*="/code"] button`)
	l.looks("code")
	l.empty("invite-flaw", "/people/new", "main form .button")
	l.scans("office")
	must(l.t, l.register.InviteEdge(l.t.Context(), register.EdgeInvitation{Key: "a key", Site: "refuge", Expires: l.now.Add(time.Hour)}, l.admin))
	l.at("scanners", "/scanners")
	for _, path := range []string{"/scanners/new", "/scanner/annexe/replace", "/scanner/annexe/revoke"} {
		v.showsAgain(path)
		l.at("shown"+strings.ReplaceAll(path, "/", "-"), path)
	}
	l.empty("invite-scanner-flaw", "/scanners/new", "main form .button")
	l.Open("/scanners/new")
	l.Do(chromedp.SendKeys(chromedp.ID("site"), "library"))
	l.Press("main form .button")
	l.WantsThat(`document.querySelector("a[download]").download`, "library.invitation")
	l.looks("scanner-code")
	l.Open("/people/" + person + "/edit")
	l.Do(chromedp.Clear(chromedp.ID("name")))
	l.Press("main form .button")
	l.WantsThat(`document.querySelectorAll(".error-summary").length`, "1")
	l.looks("edit-flaw")
}
