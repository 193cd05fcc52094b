package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"letterlock/cmd/configfile/configtest"

	"github.com/chromedp/chromedp"

	"letterlock/pipeline/portal/portaltest"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/realpart"
	"letterlock/scanner/specimen"
)

// The sample's people, as they are numbered.
const (
	sampleOperations = 1
	sampleWitness    = 2
	sampleLeader     = 3
	sampleStranger   = 4 // leader of the other helpline
	sampleDPO        = 6
)

// canaries are what a search for the letter looks for after its end: its
// words, its scan's name, and a run of its compressed picture.
type canaries []string

// TestOneLettersWholeWay is the promise: a scan is dropped, sealed, announced;
// the mailed link leads a team leader to it after a passkey sign-in; it is
// readable, its paper destroyed, all on the register; and after the deadline
// and the week nothing that anyone can read is left.
func TestOneLettersWholeWay(t *testing.T) {
	age := realpart.Tool(t, "age", "age 1.3 or later: go install filippo.io/age/cmd/age@v1.3.2")
	data := newData(t)
	hidden := dropCanary(t, data)
	p := start(t, data, "", "--sample")
	p.eventually("four letters are announced", func() bool {
		return p.status().Letters[register.Notified] == 4 && len(claimed(filepath.Join(data, "scanner"))) == 0
	})
	l := p.withPages(4)
	link := mailedLink(t, data, l.ID)

	b := portaltest.New(t, p.origin())
	openAndRead(t, p, b, l, link)
	destroy(p, b, l)
	audit(p, b, l, link)
	for _, said := range b.Complaints() {
		t.Errorf("the browser complains: %s", said)
	}
	p.eventually("the slip has gone with the paper", func() bool {
		return !exists(filepath.Join(data, "scanner", l.Helpline, "taken", l.Reference+".txt"))
	})
	p.stop()
	hidden.mustBeNowhere(t, data)

	sealed, err := os.ReadFile(filepath.Join(data, "bucket", filepath.FromSlash(l.Object)))
	if err != nil {
		t.Fatal(err)
	}
	aside := filepath.Join(t.TempDir(), "aside.age")
	if err := os.WriteFile(aside, sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(data, "keyring", string(l.Key)+".txt")
	if out, err := exec.Command(age, "-d", "-i", key, aside).Output(); err != nil || !strings.HasPrefix(string(out), "%PDF") {
		t.Errorf("stock age does not open the living letter: %v", err)
	}
	late := l.Key.Over().AddDays(1).String()
	p = start(t, data, "", "--sample", "--clock", late)
	p.eventually("letters and key are gone", func() bool { return len(p.status().Letters) == 0 && !exists(key) })
	p.eventually("the proof is on the register", func() bool {
		kinds := entries(t, data)
		return count(kinds, "letter-deleted") == 4 && count(kinds, "key-destroyed") > 0
	})
	p.stop()
	if out, err := exec.Command(age, "-d", "-i", key, aside).CombinedOutput(); err == nil {
		t.Errorf("the copy kept aside still opens: %d bytes", len(out))
	}
	if exists(filepath.Join(data, "bucket", filepath.FromSlash(l.Object))) {
		t.Error("the object is still there")
	}
	hidden.mustBeNowhere(t, data)
	for _, row := range []string{l.Object, l.Version} {
		if found := searchTree(filepath.Join(data, "state"), row); len(found) > 0 {
			t.Errorf("the letter's rows are still in %v", found)
		}
	}
}

// dropCanary drops a letter that can be searched for, before the program is started.
func dropCanary(t *testing.T, data string) canaries {
	t.Helper()
	l := specimen.New(11, 4)
	l.Canary = "NIGHTINGALE"
	scan := l.ColourPDF()
	dir := filepath.Join(data, "scanner", "respect-phoneline")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "Mrs_Nightingale.pdf"), scan, 0o600); err != nil {
		t.Fatal(err)
	}
	c := canaries{"NIGHTINGALE", "Mrs_Nightingale", string(scan[len(scan)/2 : len(scan)/2+48])}
	for _, word := range c {
		if len(searchTree(data, word)) == 0 {
			t.Fatal("the search does not even find the scan")
		}
	}
	return c
}

func (c canaries) mustBeNowhere(t *testing.T, data string) {
	t.Helper()
	for _, word := range c {
		if found := searchTree(data, word); len(found) > 0 {
			t.Errorf("%.20q is in %v", word, found)
		}
	}
}

// origin is the portal's address, as the program said it.
func (p *program) origin() string {
	p.t.Helper()
	return regexp.MustCompile(`http://localhost:\d+`).FindString(p.out.String())
}

// withPages finds the one letter with that many pages in the export.
func (p *program) withPages(n int) letterLine {
	p.t.Helper()
	export := command(p.t, p.data, "register", "export")
	for line := range strings.Lines(export) {
		var e register.Entry
		var ev register.LetterAdmitted
		if json.Unmarshal([]byte(line), &e) != nil || e.Kind != "letter-admitted" || json.Unmarshal(e.Data, &ev) != nil || ev.Pages != n {
			continue
		}
		for _, l := range p.letters() {
			if l.ID == e.Letter {
				return l
			}
		}
	}
	p.t.Fatalf("no letter has %d pages", n)
	return letterLine{}
}

// mailedLink is the path of the link in the one mail about the letter.
func mailedLink(t testing.TB, data string, id letter.ID) string {
	t.Helper()
	mails, err := filepath.Glob(filepath.Join(data, "outbox", "*.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range mails {
		b, err := os.ReadFile(m)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(b), string(id)) {
			return regexp.MustCompile(`/l/[0-9a-z]{26}`).FindString(string(b))
		}
	}
	t.Fatal("nobody was told of the letter")
	return ""
}

func (p *program) enrol(b *portaltest.Browser, number int) {
	p.t.Helper()
	var a added
	if err := json.Unmarshal([]byte(command(p.t, p.data, "user", "code", strconv.Itoa(number), "--json")), &a); err != nil {
		p.t.Fatal(err)
	}
	b.Enrol(a.Enrol, a.Code, nil)
}

// openAndRead is the team leader's part; the other helpline's leader gets nothing.
func openAndRead(t *testing.T, p *program, b *portaltest.Browser, l letterLine, link string) {
	p.enrol(b, sampleStranger)
	b.Open(link)
	b.Wants("There is nothing here for you")
	b.SignOut()
	p.enrol(b, sampleLeader)
	b.SignOut()
	b.Open(link)
	b.Wants("Sign in")
	b.Press("[data-passkey]")
	b.WantsPath(link)
	b.Wants("Letter "+l.Reference, "Page 4 of 4")
	if n := b.LoadImages(); n != 4 {
		t.Fatalf("%d of 4 pages are there", n)
	}
	b.WantsNoSideways(360)
	readmePicture(b, "letter-page", 1280, "light")
	b.Open("/letters")
	b.Wants(l.Reference)
	readmePicture(b, "letters-phone", 360, "light")
	b.Open(link)
	b.LoadImages()
	b.Press(`form[action$="/readable"] button`)
	b.Wants("It is recorded that you found this letter readable.")
	b.SignOut()
}

// readmePicture renews one of the README's pictures of what the browser shows.
// Every page in every layout is kept by TestLooks of pipeline/portal.
func readmePicture(b *portaltest.Browser, name string, width int64, scheme string) {
	b.T.Helper()
	if !configtest.Update {
		return
	}
	if err := os.WriteFile("../../.github/"+name+".png", b.Screen(width, scheme), 0o644); err != nil {
		b.T.Fatal(err)
	}
}

// destroy is operations' part.
func destroy(p *program, b *portaltest.Browser, l letterLine) {
	p.enrol(b, sampleOperations)
	b.Open("/l/" + string(l.ID))
	b.Wants("There is nothing here for you")
	b.Open("/desk")
	b.Wants(l.Reference)
	readmePicture(b, "desk", 1280, "light")
	b.Press(`a[href="/desk/` + string(l.ID) + `"]`)
	b.Do(
		chromedp.SendKeys(chromedp.ID("sheets"), "4"),
		chromedp.SetValue(chromedp.ID("scanner"), strconv.Itoa(sampleWitness)),
		chromedp.Click(chromedp.ID("confirm")),
	)
	b.Press("main form .danger")
	b.Do(chromedp.SetValue(chromedp.ID("witness"), strconv.Itoa(sampleWitness))) // elsewhere with a passkey
	b.Press("main form .danger")
	b.Wants("Destruction recorded", "D-"+strconv.Itoa(today().Year)+"-000001")
	readmePicture(b, "destroyed-phone", 360, "light")
	b.SignOut()
}

// audit is the data-protection officer's part.
func audit(p *program, b *portaltest.Browser, l letterLine, link string) {
	p.enrol(b, sampleDPO)
	b.Open("/register?about=" + l.Reference)
	b.Wants("opened the letter.", "found the letter readable.", "Ledger number D-")
	readmePicture(b, "register-night", 1280, "dark")
	b.Open(link)
	b.Wants("There is nothing here for you")
}
