package portal

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"

	"letterlock/pipeline/register"
)

// Whose groups have taken the role has a name and an address all the same.
func TestPersonWithoutARoleIsChanged(t *testing.T) {
	h := newHouse(t)
	must(t, h.register.TakeRole(t.Context(), h.ops2))
	admin, path := h.as(h.admin), fmt.Sprintf("/people/%d", h.ops2)
	admin.showsAgain(path + "/edit")
	wantRedirect(t, admin.post(path+"/edit", url.Values{"name": {"Pat Newname"}, "email": {"pat@example.org"}}), path+"?done=changed")
	wantText(t, admin.get(path), "Pat Newname", "pat@example.org")
}

// A person's name, address and helplines are changed at once, also where they are
// signed in; the register knows the number, and the old name is gone from the files.
func TestPersonIsChanged(t *testing.T) {
	h := newHouse(t)
	theirs := h.letter(1)
	l, err := h.register.Letter(t.Context(), theirs)
	must(t, err)
	_, err = h.register.QueueMails(t.Context(), l, "example.org")
	must(t, err)
	admin, lead := h.as(h.admin), h.as(h.lead)
	path := fmt.Sprintf("/people/%d", h.lead)
	form := func() url.Values {
		return url.Values{"name": {"Ada  Newname"}, "email": {"newname@example.org"}, "helpline": {"mens-advice-line"}, "role": {"administrator"}}
	}
	wantText(t, admin.get(path), `href="`+path+`/edit"`)
	wantStatus(t, lead.get("/l/"+string(theirs)), http.StatusOK)
	if w := admin.post(path+"/edit", form()); w.Code == http.StatusSeeOther && w.Header().Get("Location") == path+"?done=changed" {
		t.Fatal("it is changed by a session alone")
	}
	admin.showsAgain(path + "/edit")
	wantText(t, admin.get(path+"/edit"), `value="Ada Lead"`, `value="somebody@example.org"`, `value="respect-phoneline" checked`)
	for field, value := range map[string]string{"name": " ", "email": "x", "helpline": "nowhere"} {
		bad := form()
		bad.Set(field, value)
		w := admin.post(path+"/edit", bad)
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, `<a href="#`+field+`">`)
	}
	wantRedirect(t, admin.post(path+"/edit", form()), path+"?done=changed")
	wantText(t, admin.get(path+"?done=changed"), "Ada Newname", "newname@example.org", "Team leader of Men’s Advice Line", "That is changed")
	wantStatus(t, lead.get("/l/"+string(theirs)), http.StatusNotFound)
	wantText(t, lead.get("/letters"), "Ada Newname", "of Men’s Advice Line")

	owed, err := h.register.UnsentMails(t.Context(), theirs)
	must(t, err)
	if len(owed) != 1 || owed[0].Person != h.lead2 {
		t.Errorf("who no longer leads the helpline is still to be told of its letter: %+v", owed)
	}

	entries := h.entries("person-changed", "")
	if len(entries) != 1 || entries[0].By != h.admin || strings.Contains(string(entries[0].Data), "name@") || strings.Contains(string(entries[0].Data), "Ada") {
		t.Errorf("on record is %+v", entries)
	}
	wantText(t, h.as(h.dpo).get("/register"), "changed of staff number 1 (Ada Newname) the name, the mail address and the helplines, now Men’s Advice Line.")
	files, err := h.register.DB().QueryContext(t.Context(), `PRAGMA database_list`)
	must(t, err)
	defer files.Close()
	for files.Next() {
		var n int
		var name, at string
		must(t, files.Scan(&n, &name, &at))
		for _, part := range []string{at, at + "-wal"} {
			if data, _ := os.ReadFile(part); strings.Contains(string(data), "Ada Lead") {
				t.Errorf("the old name is still in %s", part)
			}
		}
	}

	admin.showsAgain(path + "/edit") // the same again is nothing new
	wantRedirect(t, admin.post(path+"/edit", form()), path+"?done=changed")
	ops := fmt.Sprintf("/people/%d/edit", h.ops)
	admin.showsAgain(ops)
	if strings.Contains(admin.get(ops).Body.String(), "checkbox") {
		t.Error("somebody who leads no helpline is asked for one")
	}
	wantStatus(t, admin.post(ops, form()), http.StatusUnprocessableEntity)
	if n := len(h.entries("person-changed", "")); n != 1 {
		t.Errorf("%d entries, want 1", n)
	}
	must(t, h.register.Leave(t.Context(), h.lead2, h.admin))
	gone := fmt.Sprintf("/people/%d/edit", h.lead2)
	wantSame(t, "who has left", admin.get(gone), admin.get("/no-such-page"))
	if err := h.register.ChangePerson(t.Context(), register.Person{Number: h.lead2, Name: "x"}, h.admin); err != register.ErrNotFound {
		t.Errorf("who has left is changed: %v", err)
	}
}

// Two administrators have the form open. What the first has taken from somebody the
// second does not give back by a form that was shown before.
func TestAnOlderFormGivesNothingBack(t *testing.T) {
	h := newHouse(t)
	person := fmt.Sprintf("/people/%d", h.lead)
	edit := person + "/edit"
	first, second := h.as(h.admin), h.as(h.person("Una Admin", register.Administrator))
	was := func(w *httptest.ResponseRecorder) string {
		t.Helper()
		m := regexp.MustCompile(`name="was" value="(\w+)"`).FindStringSubmatch(w.Body.String())
		if m == nil {
			t.Fatalf("the form does not say over what it was filled in:\n%s", w.Body)
		}
		return m[1]
	}
	form := func(was, email, helpline string) url.Values {
		return url.Values{"name": {"Ada Lead"}, "email": {email}, "helpline": {helpline}, "was": {was}}
	}
	first.showsAgain(edit)
	second.showsAgain(edit)
	older := was(second.get(edit))
	wantRedirect(t, first.post(edit, form(was(first.get(edit)), "somebody@example.org", "mens-advice-line")), person+"?done=changed")
	w := second.post(edit, form(older, "x", "respect-phoneline"))
	wantStatus(t, w, http.StatusConflict)
	w = second.post(edit, form(older, "new@example.org", "respect-phoneline"))
	wantStatus(t, w, http.StatusConflict)
	wantText(t, w, "Something changed while you were")
	wantText(t, second.get(person), "Team leader of Men’s Advice Line", "somebody@example.org")

	newer := was(second.get(edit))
	w = second.post(edit, form(newer, "x", "mens-advice-line"))
	wantStatus(t, w, http.StatusUnprocessableEntity)
	if was(w) != newer {
		t.Error("the form comes back as if it had been filled in over something else")
	}
	wantRedirect(t, second.post(edit, form(newer, "new@example.org", "mens-advice-line")), person+"?done=changed")
	wantText(t, second.get(person), "Team leader of Men’s Advice Line", "new@example.org")
	if n := len(h.entries("person-changed", "")); n != 2 {
		t.Errorf("%d entries, want 2", n)
	}
}
