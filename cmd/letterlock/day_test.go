package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"

	"letterlock/pipeline/portal/portaltest"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// day is a day's work of everybody at one portal: one browser, which is handed
// from one to the other, and a device for each of them.
type day struct {
	*program
	*portaltest.Browser
	layout  string
	numbers map[string]string // staff numbers
	devices map[string][]*webauthn.Credential
	pages   map[int]register.Letter // the letters, by how many pages they have
	shots   int
}

// The day's people.
const (
	theAdmin   = "the first administrator"
	theLead    = "Ada Lead"
	theLead2   = "Bea Lead"
	theOffice  = "Ola Office"
	theOffice2 = "Pat Office"
	theManager = "Mo Manager"
	theDPO     = "Dee Protect"
)

// TestADaysWork: each of the five kinds of users comes from the invitation to the
// end of a day's work, by what the pages offer them: on a desktop, and on a phone.
func TestADaysWork(t *testing.T) {
	for _, layout := range []string{"desk", "phone"} {
		t.Run(layout, func(t *testing.T) {
			d := newDay(t, layout)
			d.administratorInvites()
			d.scansCome()
			d.leaderReads()
			d.operationsDestroy()
			d.managerOversees()
			d.dpoAnswersForIt()
			d.administratorEnds()
			for _, said := range d.Complaints() {
				t.Errorf("the browser complains: %s", said)
			}
		})
	}
}

func newDay(t *testing.T, layout string) *day {
	data := newData(t)
	p := start(t, data, "")
	p.isSetUp()
	d := &day{program: p, Browser: portaltest.New(t, p.origin()), layout: layout, numbers: map[string]string{}, devices: map[string][]*webauthn.Credential{}}
	if layout == "phone" {
		d.Phone()
	}
	return d
}

// sees wants the page to say so, and nothing of it to be beyond the screen's edge.
// Its picture is taken where pictures are wanted.
func (d *day) sees(texts ...string) {
	d.T.Helper()
	d.Wants(texts...)
	for _, wide := range d.Sideways() {
		d.T.Errorf("%s on the %s: %s", d.At(), d.layout, wide)
	}
	if folder := os.Getenv("LETTERLOCK_SCREENSHOTS"); folder != "" {
		d.shots++
		must(d.T, os.MkdirAll(folder, 0o755))
		must(d.T, os.WriteFile(filepath.Join(folder, fmt.Sprintf("day-%s-%02d.png", d.layout, d.shots)), d.Whole(), 0o644))
	}
}

// goes presses a link of the page, whichever way it is meant.
func (d *day) goes(path string) {
	d.T.Helper()
	if d.Finds(`document.querySelectorAll("main a[href='`+path+`']").length`) == "0" {
		d.Unfolds("header summary")
	}
	d.Press(`a[href="` + path + `"]`)
}

// turnsTo goes to a page by the menu, which is folded away on a phone where it is long.
func (d *day) turnsTo(path string) {
	d.T.Helper()
	d.Unfolds("header summary")
	d.Press(`nav a[href="` + path + `"]`)
}

// unfolds opens what there is to find by, which is folded away on a phone.
func (d *day) unfolds() {
	d.T.Helper()
	d.Unfolds("main .fold > summary")
}

// does fills in fields by their ids and presses the form's button.
func (d *day) does(button string, fields ...string) {
	d.T.Helper()
	for i := 0; i+1 < len(fields); i += 2 {
		d.Reveal("#" + fields[i])
		switch id, value := chromedp.ID(fields[i]), fields[i+1]; value {
		case "yes":
			d.Do(chromedp.Click(id))
		default:
			d.Do(chromedp.SetValue(id, value))
		}
	}
	d.Press(button)
}

// enrols has somebody make their first passkey, with what they were told by voice.
func (d *day) enrols(who, code string) {
	d.T.Helper()
	d.NewDevice()
	d.Open("/enrol")
	d.does("main form .button", "person", d.numbers[who], "code", strings.ToLower(code))
	d.Press("[data-passkey]")
	d.sees("Your passkey is made, and you are signed in.", who, "Make a second passkey")
	d.leaves(who)
}

// comes is somebody who signs in with their device, on the page that they open.
func (d *day) comes(who, path string) {
	d.T.Helper()
	d.HandDevice(d.devices[who])
	d.Open(path)
	d.Press("[data-passkey]")
}

// leaves is the end of somebody's work.
func (d *day) leaves(who string) {
	d.T.Helper()
	d.devices[who] = d.Passkeys()
	d.SignOut()
}

// shows has them show that it is them, where the page asks for it.
func (d *day) shows() {
	d.T.Helper()
	if d.Finds(`document.querySelector('main [data-begin="/again/begin"]') !== null`) == "true" {
		d.Press(`main [data-begin="/again/begin"]`)
	}
}

// confirms is the policy, of which everybody is asked before the first letter.
func (d *day) confirms() {
	d.T.Helper()
	d.sees("Please read the policy first")
	d.does("main form .button", "read", "yes")
}

func (d *day) administratorInvites() {
	said := regexp.MustCompile(`/enrol\?person=(\d+) with the code (\S+),`).FindStringSubmatch(d.out.String())
	d.numbers[theAdmin] = said[1]
	d.NewDevice()
	d.Open("/enrol?person=" + said[1])
	d.does("main form .button", "code", said[2])
	d.Press("[data-passkey]")
	d.sees("Your passkey is made, and you are signed in.")
	codes := map[string]string{}
	for _, it := range []struct{ name, role string }{{theLead, "team-leader"}, {theLead2, "team-leader"}, {theOffice, "operations"}, {theOffice2, "operations"}, {theManager, "manager"}, {theDPO, "dpo"}} {
		d.goes("/people")
		d.goes("/people/new")
		d.shows()
		d.Wants("What does the person do?")
		if it.role == "team-leader" {
			d.Do(chromedp.Click(chromedp.CSS(`[value="respect-phoneline"]`)))
		}
		d.Do(chromedp.Click(chromedp.CSS(`[value="` + it.role + `"]`)))
		d.does("main form .button", "name", it.name, "email", strings.ToLower(strings.Fields(it.name)[0])+"@example.org")
		d.sees("Tell "+it.name+" this code", "by voice")
		codes[it.name] = regexp.MustCompile(`[A-Z2-7]{5}-[A-Z2-7]{5}`).FindString(d.Text())
		d.numbers[it.name] = regexp.MustCompile(`Staff number (\d+)`).FindStringSubmatch(d.Text())[1]
	}
	d.goes("/people")
	d.sees(theManager, "None yet")
	d.leaves(theAdmin)
	for _, who := range []string{theLead, theLead2, theOffice, theOffice2, theManager, theDPO} {
		d.enrols(who, codes[who])
	}
}

// scansCome drops three letters, and waits until their leaders are told of them.
func (d *day) scansCome() {
	for pages := 1; pages <= 3; pages++ {
		d.drops(fmt.Sprintf("scan%d.pdf", pages), pages)
	}
	d.eventually("three letters are announced", func() bool { return d.status().Letters[register.Notified] == 3 })
	d.pages = map[int]register.Letter{}
	for _, l := range d.lettersOf(1, 2, 3) {
		d.pages[l.Pages] = l
	}
}

func (d *day) drops(name string, pages int) {
	l := specimen.New(uint64(pages), pages)
	l.DPI = 100
	must(d.T, drop(filepath.Join(d.data, "scanner", "respect-phoneline"), name, l.ColourPDF()))
}

func (d *day) path(pages int) string { return "/l/" + string(d.pages[pages].ID) }

func (d *day) leaderReads() {
	read := d.pages[2]
	d.comes(theLead, mailedLink(d.T, d.data, read.ID))
	d.confirms()
	d.sees("Letter "+read.ID.Reference(), "Page 2 of 2", "Can you read every page?")
	if n := d.LoadImages(); n != 2 {
		d.T.Fatalf("%d of 2 pages are there", n)
	}
	d.Press(`form[action$="/readable"] button`)
	d.sees("It is recorded that you found this letter readable.", "One question is left")
	d.Do(chromedp.Click(chromedp.CSS(`[name="risk"][value="none"]`)))
	d.Press(`form[action*="/risk"] button`)
	d.sees("nobody is at risk, as far as this letter tells")

	d.goes("/letters")
	d.sees("Not opened yet", d.pages[1].ID.Reference(), d.pages[3].ID.Reference())
	d.goes(d.path(3))
	d.goes(d.path(3) + "/recuse")
	d.sees("You need not say whom")
	d.Press("main form .danger")
	d.WantsPath("/letters?done=recused")
	d.sees("You will not see that letter any more")
	d.goes(d.path(1))
	d.goes(d.path(1) + "/erase")
	d.does("main form .button", "reason", "yes")
	d.sees("Somebody asked for this letter to be erased")
	d.goes("/letters")
	d.leaves(theLead)
}

func (d *day) operationsDestroy() {
	paper := d.pages[2].ID
	d.drops("the same once more.pdf", 2)
	d.comes(theOffice, "/sign-in")
	d.confirms()
	d.sees("Destruction desk", paper.Reference())
	d.goes("/desk/" + string(paper))
	d.does("main form .danger", "sheets", "1", "scanner", d.numbers[theOffice], "confirm", "yes")
	d.sees("Sign the destruction", "You sign first")
	d.Press("[data-passkey]")
	d.sees("You have signed.", "Now your witness.")
	d.devices[theOffice] = d.Passkeys()
	d.HandDevice(d.devices[theOffice2])
	d.Press("[data-passkey]")
	d.sees("Your witness has signed.", "("+theOffice2+")")
	d.Press("main form .danger")
	d.sees("Destruction recorded", "-000001", paper.Reference())
	d.HandDevice(d.devices[theOffice])

	d.eventually("the scan is asked about", func() bool {
		return exists(filepath.Join(d.data, "scanner", "respect-phoneline", "duplicates", "the same once more.pdf"))
	})
	d.turnsTo("/intake")
	d.sees("Taken today", "the same once more.pdf")
	d.Press(`main ol.cards a`)
	d.sees("Exactly this file was scanned before")
	d.Press(`button[value="same"]`)
	d.Press("#sure .danger")
	d.sees("It is recorded that this is the same letter", "No scan is waiting for an answer.")

	d.turnsTo("/papers")
	d.sees("Every paper original")
	d.Press(`a[href^="/papers/count"]`)
	for _, pages := range []int{1, 3} {
		d.Do(chromedp.Click(chromedp.ID("here-" + string(d.pages[pages].ID))))
	}
	d.does("main form .button", "looked", "yes")
	d.sees("All were there, and no other.")
	d.leaves(theOffice)
}

func (d *day) managerOversees() {
	walled := d.pages[3]
	d.comes(theManager, "/sign-in")
	d.sees("Overview", "Somebody has stepped back")
	d.Press(`a[href*="state=recused"]`)
	if strings.Contains(d.Text(), "Please read the policy first") {
		d.confirms()
	}
	d.sees(walled.ID.Reference())
	d.goes(d.path(3))
	d.LoadImages()
	d.does(`form[action*="/hand-over"] button`, "colleague", d.numbers[theLead2])
	d.sees("It was handed over to " + theLead2)
	d.goes(d.path(3) + "/safeguarding")
	d.does("main form .button", "reason", "yes", "told", "yes", "review", letter.DateOf(time.Now()).AddDays(300).String(), "named", d.numbers[theLead2])
	d.sees("five years", theLead2)
	d.Press("main form .button")
	d.sees("This letter is kept for five years", "Look at the decision again")
	d.turnsTo("/holds")
	d.goes("/holds/new")
	d.does("main form .button", "helpline", "mens-advice-line", "reason", "yes", "owner", d.numbers[theManager], "review", letter.DateOf(time.Now()).AddDays(60).String())
	d.Press("main form .button")
	d.sees("Everything of Men’s Advice Line", theManager)
	d.goes("/holds/1")
	d.does(`form[action*="/review"] button`, "review", letter.DateOf(time.Now()).AddDays(30).String(), "owner", d.numbers[theManager])
	d.sees("Everything of Men’s Advice Line")
	d.goes("/holds/1")
	d.shows()
	d.Press(`form[action*="/release"] button`)
	d.sees("Release hold number 1?")
	d.Press("main form .danger")
	d.sees("The hold is released.", "Nothing is on hold")
	d.turnsTo("/overview")
	d.sees("Kept for five years")
	d.Press(`footer a[href="/policy"]`)
	d.goes("/policy/people")
	d.sees("Who has confirmed the policy", "Not yet", theLead2)
	d.turnsTo("/calendar")
	d.sees("Retention calendar")
	d.turnsTo("/account")
	d.shows()
	d.NewDevice()
	d.Press(`[data-passkey="make"]`)
	d.sees("Your further passkey is made.", "2 passkeys")
	d.leaves(theManager)
}

func (d *day) dpoAnswersForIt() {
	d.comes(theDPO, "/sign-in")
	d.sees("Register")
	d.unfolds()
	d.does("form.filter .button", "about", d.pages[2].ID.Reference())
	d.sees("("+theLead+") found the letter readable.", "Ledger number D-")
	d.turnsTo("/openings")
	d.sees(theLead, "By letter")
	d.turnsTo("/calendar")
	d.sees("What must be gone, and when")
	d.turnsTo("/requests")
	d.sees("Erase the letter", d.pages[1].ID.Reference())
	d.Press("main ol.cards a")
	d.shows()
	d.Press("main form .danger")
	d.sees("No request about a letter waits for a second person")
	d.turnsTo("/retention")
	d.sees("Take a copy")
	d.turnsTo("/register")
	d.shows()
	d.Do(chromedp.Click(chromedp.CSS(`form[action="/register/export.ndjson"] button`)))
	d.eventually("the copy is on record", func() bool { return d.records("register-exported", theDPO) == 1 })
	d.turnsTo("/evidence")
	d.shows()
	if pack := d.Saves(`main form .button`, "evidence.zip"); !bytes.HasPrefix(pack, []byte("PK")) {
		d.T.Errorf("the pack begins with %q", pack[:min(len(pack), 9)])
	}
	d.sees("Your evidence pack is being made")
	d.eventually("the pack is on record", func() bool { return d.records("register-exported", theDPO) == 2 })
	d.eventually("the letter is erased with proof", func() bool { return d.records("letter-deleted", "") == 1 })
	d.leaves(theDPO)
}

func (d *day) administratorEnds() {
	d.comes(theAdmin, "/sign-in")
	d.sees("People", theOffice2)
	person := "/people/" + d.numbers[theOffice2]
	d.goes(person)
	d.shows()
	d.Press(`form[action*="/revoke"] button`)
	d.Press("#sure .danger")
	d.sees("None: " + theOffice2 + " cannot sign in")
	d.shows()
	d.Press(`form[action*="` + person + `/code"] button`)
	d.sees("Tell " + theOffice2 + " this code")
	d.goes("/people")
	person = "/people/" + d.numbers[theLead]
	d.goes(person)
	d.goes(person + "/leave")
	d.sees(theLead2)
	d.shows()
	d.Press("main form .danger")
	d.sees("Who has left", "Staff number "+d.numbers[theLead])
	d.turnsTo("/settings")
	d.shows()
	d.does("main form .button", "idle-minutes", "10")
	d.sees("10 minutes, changed here")
	d.turnsTo("/check")
	d.sees("clock")
	d.Press(`footer a[href="/security"]`)
	d.sees("Security")
	d.leaves(theAdmin)
}

// records counts what somebody did, by the register; nobody is Letterlock itself.
func (d *day) records(kind, who string) (n int) {
	d.T.Helper()
	in := beside(d.T, d.data)
	defer in.close()
	found, err := in.register.Entries(d.T.Context(), -1, kind, "", 1000)
	must(d.T, err)
	for _, e := range found {
		if by := strconv.FormatInt(e.By, 10); by == d.numbers[who] || who == "" && e.By == 0 {
			n++
		}
	}
	return n
}

// lettersOf are Respect Phoneline's letters of that many pages.
func (p *program) lettersOf(pages ...int) (found []register.Letter) {
	p.t.Helper()
	in := beside(p.t, p.data)
	defer in.close()
	for _, line := range p.letters() {
		l, err := in.register.Letter(p.t.Context(), line.ID)
		must(p.t, err)
		if l.Helpline == "respect-phoneline" && slices.Contains(pages, l.Pages) {
			found = append(found, l)
		}
	}
	if len(found) == 0 {
		p.t.Fatal("there is no such letter")
	}
	return found
}
