package main

import (
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// person is somebody at a sample's portal.
type person struct {
	t      *testing.T
	origin string
	cookie string
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
	req, err := http.NewRequestWithContext(v.t.Context(), method, v.origin+path, strings.NewReader(form.Encode()))
	if err != nil {
		v.t.Fatal(err)
	}
	if method == http.MethodPost {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
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
	return resp.StatusCode, string(text)
}

// sends posts a confirmed form, which must be taken.
func (v *person) sends(path string, form url.Values) {
	v.t.Helper()
	form.Set("confirm", "yes")
	if status, body := v.do(http.MethodPost, path, form); status != http.StatusSeeOther && status != 0 {
		v.t.Fatalf("POST %s: %d\n%s", path, status, body)
	}
}

// sampleTemplate is a sample whose letters are announced and which has ended.
func sampleTemplate(t *testing.T) string {
	t.Helper()
	data := newData(t)
	p := start(t, data, "", "--sample")
	p.eventually("the sample's letters are announced", func() bool {
		return p.status().Letters[register.Notified] == 3 && len(claimed(data)) == 0
	})
	p.stop()
	return data
}

// moveSteps are the boundaries of a letter's way to another place.
var moveSteps = []string{"move-key", "move-begun", "move-sealed", "move-put", "moved", "move-leaving", "move-left", "move-done"}

// A process that is killed between any two steps of sealing a letter anew has
// at least one copy of it, and its next start leaves exactly one, which opens.
func TestKillAtEveryStepOfKeeping(t *testing.T) {
	template := sampleTemplate(t)
	for _, step := range moveSteps {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			data := filepath.Join(t.TempDir(), "data")
			if err := os.CopyFS(data, os.DirFS(template)); err != nil {
				t.Fatal(err)
			}
			p := start(t, data, step, "--sample")
			p.isSetUp()
			l := p.letters()[0]
			path := "/l/" + string(l.ID)
			leader := p.signsIn("Leader of " + helplineTitle(l.Helpline))
			if status, page := leader.do(http.MethodGet, path, nil); status != http.StatusOK {
				t.Fatalf("the letter: %d\n%s", status, page)
			}
			leader.sends(path+"/safeguarding", url.Values{"reason": {"child-at-risk"}, "told": {"consented"},
				"review": {time.Now().AddDate(1, 0, 0).Format(time.DateOnly)}, "named": {leaderNumber(l.Helpline)}})
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
