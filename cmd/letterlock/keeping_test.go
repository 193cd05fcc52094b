package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// person is somebody at a sample's portal.
type person struct {
	t      testing.TB
	origin string
	cookie string
	led    string // where the last answer led
}

// signsIn picks who to be on the sample's sign-in page.
func (p *program) signsIn(who string) *person {
	p.t.Helper()
	origin := regexp.MustCompile(`http://localhost:\d+`).FindString(p.out.String())
	v := &person{t: p.t, origin: origin}
	_, page := v.do(http.MethodGet, "/sample", nil)
	button := regexp.MustCompile(`name="person" value="(\d+)">Be ` + who).FindStringSubmatch(page)
	if button == nil {
		p.t.Fatalf("nobody called %s on the sign-in page:\n%s", who, page)
	}
	if status, page := v.do(http.MethodPost, "/sample", url.Values{"person": {button[1]}}); status != http.StatusSeeOther {
		p.t.Fatalf("signing in: %d\n%s", status, page)
	}
	return v
}

func (v *person) do(method, path string, form url.Values) (status int, body string) {
	return v.send(method, path, "application/x-www-form-urlencoded", strings.NewReader(form.Encode()))
}

func (v *person) send(method, path, kind string, form io.Reader) (status int, body string) {
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.origin+path, form)
	if err != nil {
		v.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", kind)
		req.Header.Set("Origin", v.origin)
	}
	if v.cookie != "" {
		req.Header.Set("Cookie", v.cookie)
	}
	resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
	if err != nil {
		return 0, err.Error() // the program was killed meanwhile
	}
	defer func() { _ = resp.Body.Close() }()
	for _, c := range resp.Cookies() {
		v.cookie = c.Name + "=" + c.Value
	}
	text, _ := io.ReadAll(resp.Body)
	v.led = resp.Header.Get("Location")
	return resp.StatusCode, string(text)
}

// sends posts a confirmed form, which must be taken.
func (v *person) sends(path string, form url.Values) {
	v.t.Helper()
	form.Set("confirm", "yes")
	status, body := v.do(http.MethodPost, path, form)
	if status == http.StatusSeeOther && strings.HasPrefix(v.led, "/desk/sign/") { // where the witness signs
		status, body = v.do(http.MethodPost, v.led, form)
	}
	if status != http.StatusSeeOther && status != 0 {
		v.t.Fatalf("POST %s: %d\n%s", path, status, body)
	}
}

// releases has the manager release a hold and, where it takes two people, the
// data-protection officer.
func (p *program) releases(hold string) {
	manager := p.signsIn("Morgan Manager")
	if manager.sends("/holds/"+hold+"/release", url.Values{}); strings.HasSuffix(manager.led, "release-asked") {
		p.signsIn("Dana Protection").sends("/holds/"+hold+"/release", url.Values{})
	}
}

// announcedSample is made once for all tests, and is only copied: newSample.
var announcedSample struct {
	sync.Mutex
	data string
}

// newSample is a sample whose letters are announced and which has ended.
func newSample(t testing.TB) (data string) {
	t.Helper()
	announcedSample.Lock()
	defer announcedSample.Unlock()
	if announcedSample.data == "" {
		made := newData(t)
		announce(t, made)
		kept, err := sharedFolder()
		must(t, err)
		kept = filepath.Join(kept, "sample")
		must(t, os.CopyFS(kept, os.DirFS(made)))
		announcedSample.data = kept
	}
	data = filepath.Join(t.TempDir(), "data")
	must(t, os.CopyFS(data, os.DirFS(announcedSample.data)))
	return data
}

// newSampleOn is a new sample with its letters on an S3 server.
func newSampleOn(t *testing.T, s3 deposit.S3Config) (data string) {
	t.Helper()
	data = newData(t)
	configure(t, data, s3, "")
	announce(t, data)
	return data
}

// announce lets a sample begin, until its letters are announced.
func announce(t testing.TB, data string) {
	t.Helper()
	p := start(t, data, "", "--sample")
	p.eventually("the sample's letters are announced", func() bool {
		return p.status().Letters[register.Notified] == 3 && len(claimed(filepath.Join(data, "scanner"))) == 0
	})
	p.stop()
}

// moveSteps are the boundaries of a letter's way to another place.
var moveSteps = []string{"move-key", "move-begun", "move-sealed", "move-put", "moved", "move-leaving", "move-left", "move-done"}

// A process that is killed between any two steps of sealing a letter anew has
// at least one copy of it, and its next start leaves exactly one, which opens.
func TestKillAtEveryStepOfKeeping(t *testing.T) {
	for _, step := range moveSteps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			data := newSample(t)
			p := start(t, data, step, "--sample")
			p.isSetUp()
			l := p.letters()[0]
			path := "/l/" + string(l.ID)
			leader := p.signsIn("Leader of " + helplineTitle(l.Helpline))
			if status, page := leader.do(http.MethodGet, path, nil); status != http.StatusOK {
				t.Fatalf("the letter: %d\n%s", status, page)
			}
			leader.sends(path+"/safeguarding", url.Values{"reason": {"child-at-risk"}, "told": {"consented"},
				"review": {today().AddMonths(12).String()}, "named": {leaderNumber(l.Helpline)}})
			if !p.wait() {
				t.Fatalf("the step was never reached; it said:\n%s", p.out)
			}
			if n := len(copies(data, l.ID)); n < 1 || n > 2 {
				t.Fatalf("after the kill there are %d copies", n)
			}
			p = start(t, data, "", "--sample")
			p.isSetUp()
			p.eventually("one copy is left, among the five-year letters", func() bool {
				found := copies(data, l.ID)
				return len(found) == 1 && strings.Contains(found[0], string(letter.FiveYears)) && slices.Contains(entries(t, data), "old-copy-removed")
			})
			if status, page := p.signsIn("Morgan Manager").do(http.MethodGet, path+"/page/1.jpg", nil); status != http.StatusOK {
				t.Errorf("its first page: %d\n%s", status, page)
			}
			p.stop()
			kinds := entries(t, data)
			for _, k := range []string{"letter-safeguarded", "letter-moved"} {
				if n := count(kinds, k); n != 1 {
					t.Errorf("%d entries %s", n, k)
				}
			}
			if left, _ := filepath.Glob(filepath.Join(data, "state", "moving-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

// A process that is killed between any two steps of filing an answer has no
// plaintext of it anywhere. An answer that reached the storage waits at the next
// start to be kept, and ends with proof if nobody does; of one that did not,
// nothing is left but its entries, and whoever was never shown it files it again.
func TestKillAtEveryStepOfFiling(t *testing.T) {
	for name, c := range map[string]struct {
		step    string
		later   bool // it is started again only a day later
		lost    int  // answers that did not reach the storage
		dropped int  // and those that nobody kept
	}{"on record": {"response-filed", true, 1, 0}, "deposited": {"response-put", false, 0, 0}, "never kept": {"response-put", true, 0, 1}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data := newSample(t)
			const canaryWord = "CANARYWORD"
			answer := specimen.New(9, 1)
			answer.Canary = canaryWord
			p := start(t, data, c.step, "--sample")
			p.isSetUp()
			l := p.letters()[0]
			leader := p.signsIn(leaderOf(l.Helpline))
			leader.opens(l.ID)
			leader.uploads("/l/"+string(l.ID)+"/response", answer.ColourPDF())
			if !p.wait() {
				t.Fatalf("the step was never reached; it said:\n%s", p.out)
			}

			again := []string{"--sample"}
			if c.later { // as nothing is given up that may still be on its way
				again = append(again, "--clock", today().AddDays(1).String())
			}
			p = start(t, data, "", again...)
			p.isSetUp()
			p.eventually("it waits to be kept, or is known to be lost or gone", func() bool {
				kinds := entries(t, data)
				return count(kinds, "response-lost") == c.lost && count(kinds, "response-dropped") == c.dropped && count(kinds, "letter-deleted") == c.lost+c.dropped &&
					p.status().Letters[register.Draft] == 1-c.lost-c.dropped
			})
			leader = p.signsIn(leaderOf(l.Helpline))
			leader.opens(l.ID)
			if c.lost+c.dropped > 0 {
				leader.files(l.ID, answer.ColourPDF())
			} else {
				leader.keeps(regexp.MustCompile(`href="(/l/[^"]+)">A copy that you have not kept yet`).FindStringSubmatch(leader.opens(l.ID))[1])
			}
			p.eventually("it is kept", func() bool { return p.status().Letters[register.Filed] == 1 })
			p.stop()
			if n := len(copies(data, "*")); n != 4 {
				t.Errorf("%d objects in the bucket of three letters and an answer", n)
			}
			if n := count(entries(t, data), "response-filed"); n != 1+c.lost+c.dropped {
				t.Errorf("%d answers uploaded", n)
			}
			for _, word := range []string{canaryWord, "Canary_Name"} {
				if found := searchTree(data, word); len(found) > 0 {
					t.Errorf("the answer's plaintext is in %v", found)
				}
			}
		})
	}
}

// A process that is killed between any two steps of an erasure that two people
// have decided on goes on at its next start: the letter is gone with its proof,
// once, and no other with it.
func TestKillAtEveryStepOfAnErasure(t *testing.T) {
	for _, step := range []string{"expiring", "store-emptied", "rows-deleted", "files-erased"} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			data := newSample(t)
			p := start(t, data, step, "--sample")
			p.isSetUp()
			l := p.letters()[0]
			leader := p.signsIn(leaderOf(l.Helpline))
			if status, page := leader.do(http.MethodGet, "/l/"+string(l.ID), nil); status != http.StatusOK {
				t.Fatalf("the letter: %d\n%s", status, page)
			}
			leader.sends("/l/"+string(l.ID)+"/erase", url.Values{"reason": {"person-asked"}})
			p.signsIn(dpo).sends("/requests/1/confirm", url.Values{})
			if !p.wait() {
				t.Fatalf("the step was never reached; it said:\n%s", p.out)
			}
			p = start(t, data, "", "--sample")
			p.isSetUp()
			p.eventually("it is gone, with proof", func() bool { return count(entries(t, data), "letter-deleted") == 1 })
			p.stop()
			if left := p.letters(); len(left) != 2 || len(copies(data, l.ID)) != 0 || len(copies(data, "*")) != 2 {
				t.Errorf("of three letters %d are left, and %d objects in the bucket", len(left), len(copies(data, "*")))
			}
			kinds := entries(t, data)
			for _, k := range []string{"erasure-asked", "erasure-confirmed", "expiry-begun", "letter-deleted"} {
				if n := count(kinds, k); n != 1 {
					t.Errorf("%d entries %s", n, k)
				}
			}
		})
	}
}

// copies are the sealed copies of a letter in the bucket folder.
func copies(data string, id letter.ID) []string {
	found, _ := filepath.Glob(filepath.Join(data, "bucket", "letters", "*", "*", "*", string(id)+".age"))
	return found
}

func helplineTitle(name string) string {
	return map[string]string{"respect-phoneline": "Respect Phoneline", "mens-advice-line": "Men"}[name]
}

// leaderNumber is the staff number of a sample's leader: see samplePeople.
func leaderNumber(helpline string) string {
	return map[string]string{"respect-phoneline": "3", "mens-advice-line": "4"}[helpline]
}

// opens looks at a letter's page, which must be shown.
func (v *person) opens(id letter.ID) (page string) {
	v.t.Helper()
	status, page := v.do(http.MethodGet, "/l/"+string(id), nil)
	if status != http.StatusOK {
		v.t.Fatalf("the letter: %d\n%s", status, page)
	}
	return page
}

// reads opens a letter and looks at each of its pages.
func (v *person) reads(id letter.ID) {
	v.t.Helper()
	v.opens(id)
	for n, status := 1, http.StatusOK; status == http.StatusOK; n++ {
		status, _ = v.do(http.MethodGet, fmt.Sprintf("/l/%s/page/%d.jpg", id, n), nil)
	}
}

// files uploads the copy of an answer, looks at it and keeps it.
func (v *person) files(to letter.ID, file []byte) {
	v.t.Helper()
	v.uploads("/l/"+string(to)+"/response", file)
	v.keeps(v.led)
}

// keeps looks at every page of an uploaded copy, and keeps it.
func (v *person) keeps(draft string) {
	v.t.Helper()
	status, page := v.do(http.MethodGet, draft, nil)
	if status != http.StatusOK || strings.Contains(draft, "?") {
		v.t.Fatalf("the copy at %s: %d\n%s", draft, status, page)
	}
	for n := 1; status == http.StatusOK; n++ {
		status, _ = v.do(http.MethodGet, fmt.Sprintf("%s/page/%d.jpg", draft, n), nil)
	}
	v.sends(draft+"/keep", url.Values{"check": {"asked-safely"}})
}

// uploads sends the copy of an answer, which must be taken.
func (v *person) uploads(path string, file []byte) {
	v.t.Helper()
	if status, page := v.sendsFile(path, file); status != http.StatusSeeOther && status != 0 {
		v.t.Fatalf("filing: %d\n%s", status, page)
	}
}

// sendsFile sends the copy of an answer.
func (v *person) sendsFile(path string, file []byte) (status int, page string) {
	v.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "Canary_Name.pdf")
	if err == nil {
		_, err = part.Write(file)
	}
	if err = errors.Join(err, form.Close()); err != nil {
		v.t.Fatal(err)
	}
	return v.send(http.MethodPost, path, form.FormDataContentType(), &body)
}

// What may live longer and what may die sooner, at the portal of the whole
// program: a letter is held and outlives its deadline until it is released, one
// is erased by two people, an answer is filed and has six months of its own.
func TestALifeLongerAndShorter(t *testing.T) {
	data := newSample(t)
	p := start(t, data, "", "--sample")
	p.isSetUp()
	all := p.letters()
	held, erased, answered := all[0], all[1], all[2]
	manager := p.signsIn("Morgan Manager")
	for _, l := range all {
		if status, page := manager.do(http.MethodGet, "/l/"+string(l.ID), nil); status != http.StatusOK {
			t.Fatalf("the letter: %d\n%s", status, page)
		}
	}
	manager.sends("/holds/new", url.Values{"letter": {string(held.ID)}, "reason": {"court-order"}, "owner": {"5"},
		"review": {today().AddDays(80).String()}})
	manager.sends("/l/"+string(erased.ID)+"/erase", url.Values{"reason": {"person-asked"}})
	p.signsIn("Dana Protection").sends("/requests/1/confirm", url.Values{})
	const canaryWord = "CANARYWORD"
	answer := specimen.New(9, 1)
	answer.Canary = canaryWord
	manager.files(answered.ID, answer.ColourPDF())
	p.eventually("one is held, one is gone, one is answered", func() bool {
		kinds := entries(t, data)
		return count(kinds, "old-copy-removed") == 1 && count(kinds, "letter-deleted") == 1 && p.status().Letters[register.Filed] == 1
	})
	if n := len(copies(data, erased.ID)); n != 0 {
		t.Errorf("%d copies of what was erased", n)
	}
	for _, word := range []string{canaryWord, "Canary_Name"} {
		if found := searchTree(data, word); len(found) > 0 {
			t.Errorf("the answer's plaintext is in %v", found)
		}
	}
	p.stop()

	// A day after everybody's deadline, the held one alone is left.
	p = start(t, data, "", "--sample", "--clock", held.Deadline.AddDays(5).String())
	p.isSetUp()
	p.eventually("all but the held one are gone", func() bool {
		left := p.letters()
		return len(left) == 1 && left[0].ID == held.ID && count(entries(t, data), "letter-deleted") == 3
	})
	manager = p.signsIn("Morgan Manager")
	if status, page := manager.do(http.MethodGet, "/l/"+string(held.ID)+"/page/1.jpg", nil); status != http.StatusOK {
		t.Errorf("the held letter: %d\n%s", status, page)
	}
	p.releases("1")
	p.eventually("released, it goes at once", func() bool { return count(entries(t, data), "letter-deleted") == 4 })
	p.stop()
	if left, _ := filepath.Glob(filepath.Join(data, "bucket", "letters", "*", "*", "*", "*")); len(left) > 0 {
		t.Errorf("left in the bucket: %v", left)
	}
}
