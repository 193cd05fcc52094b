package portal

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// pageForm is one form of a page, as a browser would send it.
type pageForm struct {
	action string
	fields []pageField
}

type pageField struct {
	name, value string
	free        bool // people type into it
}

// formsOf reads every form of a page that is sent with POST.
func formsOf(t testing.TB, body io.Reader) (out []pageForm) {
	t.Helper()
	page, err := html.Parse(body)
	must(t, err)
	for node := range page.Descendants() {
		if node.Data != "form" || attr(node, "method") != "post" {
			continue
		}
		f := pageForm{action: attr(node, "action")}
		for in := range node.Descendants() {
			name, kind := attr(in, "name"), attr(in, "type")
			if name == "" || name == "who" { // which says whose page it is, and is the test's of its own
				continue
			}
			free := in.Data == "textarea" || in.Data == "input" && !slices.Contains([]string{"hidden", "radio", "checkbox"}, kind)
			value := attr(in, "value")
			if in.Data == "select" {
				for option := range in.Descendants() {
					if v := attr(option, "value"); v != "" {
						value = v
					}
				}
			}
			f.fields = append(f.fields, pageField{name, value, free})
		}
		out = append(out, f)
	}
	return out
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// TestTheLogHoldsNoCanary fills every field of every form with what must never
// be in a log, once where people type and once everywhere, and sends it as
// everybody who sees the form, with headers and addresses that hold it too.
func TestTheLogHoldsNoCanary(t *testing.T) {
	h := newHouse(t, letsPrint)
	const canary = "Zuleika-Canary"
	id := h.readable(2)
	h.intake.asks(QuestionDuplicate, canary+".pdf", Stack{Pages: 1})
	h.intake.asks(QuestionStack, canary+"2.pdf", Stack{Pages: 3, Begins: []int{1, 3}, Sheets: []int{2}})
	hold, request := h.onHold(), h.asked(h.readable(1))
	sent, filled := 0, 0
	secrets := []string{canary, id.Reference(), string(id)}
	for _, n := range []int64{0, h.lead, h.manager, h.ops, h.dpo, h.admin} {
		for _, r := range routes {
			if r.method != http.MethodGet || r.sample {
				continue
			}
			if r.own { // a form may take the letter from the person: each page has one of its own
				id = h.readable(2)
				secrets = append(secrets, id.Reference(), string(id))
			}
			path := strings.NewReplacer("{$}", "", "{id}", string(id), "{n}", "1.jpg", "{token}", "token-1", "{site}", h.scans("office"), "{hold}", hold,
				"{request}", request, "{person}", strconv.FormatInt(h.lead2, 10)).Replace(r.path)
			v := h.as(n)
			if n != 0 {
				v.showsAgain(path)
			}
			w := v.carries(canary, http.MethodGet, path+"?about="+canary+"&to=/"+canary+"&"+canary+"="+canary, "")
			for _, f := range formsOf(t, w.Body) {
				f.action, _, _ = strings.Cut(f.action, "?form=") // with its token it acts once, and is sent twice here
				for _, everywhere := range []bool{false, true} {
					form := url.Values{}
					for _, field := range f.fields {
						value := field.value
						if field.free || everywhere {
							value = canary + "@example.org"
							filled++
						}
						form.Add(field.name, value)
					}
					v := h.as(n) // signing out is a form too
					if n != 0 {
						v.showsAgain(f.action)
						v.showsAgain(path)
					}
					secrets = append(secrets, v.cookies[sessionCookie])
					v.carries(canary, http.MethodPost, f.action, form.Encode())
					sent++
				}
			}
		}
	}
	if sent < 60 || filled < 100 {
		t.Fatalf("only %d forms with %d fields were sent", sent, filled)
	}
	h.wantsLogWithout(secrets...)
}

// carries sends a request with the canary wherever a browser puts what others
// have told it.
func (v *visitor) carries(canary, method, path, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	for _, name := range []string{"User-Agent", "Referer", "X-Forwarded-For", "Accept-Language", "X-Request-Id"} {
		r.Header.Set(name, "http://localhost:8080/"+canary)
	}
	return v.send(r)
}

// wantsLogWithout looks through the log for what must not be there: the texts,
// and everybody's name and address.
func (h *house) wantsLogWithout(texts ...string) {
	h.t.Helper()
	people, err := h.register.People(h.t.Context())
	must(h.t, err)
	for _, who := range people {
		texts = append(texts, who.Name, who.Email)
	}
	log := strings.ToLower(h.log.String())
	if !strings.Contains(log, `route="post /enrol"`) {
		h.t.Errorf("the log tells of nothing:\n%s", log)
	}
	if strings.Contains(log, "level=error") {
		h.t.Errorf("a form is a failure of ours:\n%s", log[strings.Index(log, "level=error"):])
	}
	for _, text := range texts {
		if at := strings.Index(log, strings.ToLower(text)); text != "" && at >= 0 {
			h.t.Errorf("the log holds %q: %s", text, log[max(0, at-100):min(len(log), at+100)])
		}
	}
	tokens := codeForm10.FindAllString(h.log.String(), -1)
	if len(tokens) > 0 {
		h.t.Errorf("the log holds what looks like a code: %q", tokens)
	}
}
