package mail

import (
	"errors"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/texts"
)

// checkMessage reads the message as a mail program does and checks that it is
// exactly what it may be: whom it is for, that something is waiting, and where.
func checkMessage(t *testing.T, text string, want Message) {
	t.Helper()
	m, err := netmail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	mediaType, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil || mediaType != "multipart/alternative" {
		t.Fatalf("content type %q: %v", m.Header.Get("Content-Type"), err)
	}
	delete(m.Header, "Content-Type") // its boundary is random
	header := map[string]string{}
	for name, values := range m.Header {
		header[name] = strings.Join(values, " | ")
	}
	subject, first, last := "A letter is waiting", "A letter is waiting for you:", "Do not forward this message."
	if want.About == AnAlarm {
		subject, first = "Letterlock needs you", "Something at Letterlock needs you. What it is and what to do is said here:"
		last = "This message comes once a day until it is solved. Do not forward it."
	}
	plain, html := "", ""
	if want.About == AllIsWell {
		subject, first = "Letterlock today", "Letterlock is at work, and nothing is wrong today. It is here:"
		last = "This message comes once a day. If one day it does not, ask the administrator why."
	}
	if want.About == ARequest {
		subject, first = "Something waits for a second person", "Somebody at Letterlock has asked for what a second person must confirm. You may:"
	}
	if want.About == ACall {
		subject, first = "A colleague has decided something", "What a colleague has decided at Letterlock needs you. It is said here:"
	}
	then := "You will be asked to sign in."
	if want.About == AnInvitation {
		subject, first = "Set up your sign-in", "You are invited to Letterlock. Set up your sign-in here:"
		then = "You will be asked for your staff number and a code. Your administrator tells you both, by telephone or in person."
		last = "Nobody will ever send you a code by mail, or ask you for one. Do not forward this message."
	}
	if want.About == Unopened {
		subject, first = "Letters are waiting", "Nobody has opened letters that have waited for you for more than a working day. They are here:"
		last = "This message comes once each working day until they are opened. Do not forward it."
	}
	waits, waitsHTML := "", ""
	if want.Requests > 0 {
		waits = "\n1 letter waits urgently for you.\n2 requests wait for a second person.\n1 review is due.\n"
		waitsHTML = "<p>1 letter waits urgently for you.</p>\n<p>2 requests wait for a second person.</p>\n<p>1 review is due.</p>\n"
	}
	if want.Checkpoint != "" {
		plain = "\nKeep this message: it is a witness to the register. The register’s checkpoint of the day:\n\n" + want.Checkpoint
		html = "<p>Keep this message: it is a witness to the register. The register’s checkpoint of the day:</p>\n<pre>" +
			strings.ReplaceAll(want.Checkpoint, "+", "&#43;") + "</pre>\n"
	}
	if diff := cmp.Diff(map[string]string{
		"From":           `"Letterlock" <letters@letters.example.org>`,
		"To":             "<" + want.To + ">",
		"Subject":        subject,
		"Message-Id":     "<" + want.MessageID + ">",
		"Date":           "Tue, 24 Nov 2026 14:02:00 +0000",
		"Auto-Submitted": "auto-generated",
		"Mime-Version":   "1.0",
	}, header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []struct{ kind, body string }{
		{"text/plain", first + "\n\n" + want.Link + "\n" + waits + "\n" + then + "\n" + last + "\n" + plain},
		{"text/html", `<!doctype html>
<html lang="en-GB">
<head><meta charset="utf-8"><title>` + subject + `</title></head>
<body>
<p>` + first + `</p>
<p><a href="` + want.Link + `">` + want.Link + `</a></p>
` + waitsHTML + `<p>` + then + `<br>
` + last + `</p>
` + html + `</body>
</html>
`},
	} {
		part, err := parts.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if got, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); got != want.kind {
			t.Errorf("a part is %q, want %q", got, want.kind)
		}
		body, err := io.ReadAll(part)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.body, strings.ReplaceAll(string(body), "\r\n", "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", want.kind, diff)
		}
	}
	if _, err := parts.NextPart(); err != io.EOF {
		t.Errorf("there is a third part (%v)", err)
	}
}

func TestNothingIsSlippedIntoTheHeader(t *testing.T) {
	outbox, err := NewOutbox(t.TempDir(), "letters@example.org", io.Discard, now)
	if err != nil {
		t.Fatal(err)
	}
	office := &postOffice{}
	server := newSMTP(t, "smtp://"+office.open(t, nil, false), "")
	with := func(change func(*Message)) Message {
		m := letterWaits
		change(&m)
		return m
	}
	to := func(s string) Message { return with(func(m *Message) { m.To = s }) }
	id := func(s string) Message { return with(func(m *Message) { m.MessageID = s }) }
	link := func(s string) Message { return with(func(m *Message) { m.Link = s }) }
	for name, m := range map[string]Message{
		"second header":      to("jo@example.org\r\nBcc: " + canary + "@example.org"),
		"bare line feed":     to("jo@example.org\nBcc: " + canary + "@example.org"),
		"two people":         to("jo@example.org, " + canary + "@example.org"),
		"SMTP command":       to("jo@example.org>\r\nRCPT TO:<" + canary + "@example.org"),
		"in quotes":          to("\"jo\r\nBcc: " + canary + "\"@example.org"),
		"group":              to("leaders: jo@example.org;"),
		"with a name":        to("Jo " + canary + " <jo@example.org>"),
		"no address":         to(canary),
		"empty address":      to(""),
		"endless address":    to(strings.Repeat("a", 300) + "@example.org"),
		"not ASCII":          to("jö@example.org"),
		"zero byte":          to("jo\x00@example.org"),
		"ID as a header":     id("a@b\r\nX: y"),
		"ID as a path":       id("../../" + canary + "@example.org"),
		"ID with slash":      id("a/b@example.org"),
		"ID as a dot file":   id(".a@example.org"),
		"ID in brackets":     id("<a@example.org>"),
		"empty ID":           id(""),
		"endless ID":         id(strings.Repeat("a", 300) + "@example.org"),
		"link of script":     link("javascript:alert(1)"),
		"link with a header": link("https://example.org/\r\nX: y"),
		"link with HTML":     link(`https://example.org/"><script>`),
		"link with password": link("https://jo:secret@example.org/"),
		"link with a query":  link("https://example.org/l/1?utm_source=mail"),
		"link to nowhere":    link("/l/1"),
		"endless link":       link("https://example.org/" + strings.Repeat("a", 1000)),
		"empty link":         link(""),
		"another text":       with(func(m *Message) { m.Checkpoint = canary }),
		"text before it":     with(func(m *Message) { m.Checkpoint = canary + checkpoint }),
		"text behind it":     with(func(m *Message) { m.Checkpoint = checkpoint + canary + "\n" }),
	} {
		t.Run(name, func(t *testing.T) {
			for _, send := range []error{outbox.Send(t.Context(), m), server.Send(t.Context(), m)} {
				if !errors.Is(send, ErrPermanent) {
					t.Errorf("got %v", send)
				}
				noCanary(t, send)
			}
		})
	}
	if n := len(office.deliveries()); n != 0 {
		t.Errorf("%d messages delivered", n)
	}
}

func TestSenders(t *testing.T) {
	for from, want := range map[string]string{
		"letters@example.org":                 "example.org",
		"Letterlock <letters@m.example.org>":  "m.example.org",
		"\"Letters, locked\" <l@example.org>": "example.org",
	} {
		if got, err := Domain(from); err != nil || got != want {
			t.Errorf("the domain of %s is %q (%v)", from, got, err)
		}
	}
	for _, from := range []string{
		"", "letters", "@example.org", "a@example.org, b@example.org",
		"letters@example.org\r\nBcc: x@example.org", "Letters\r\nBcc: x@example.org <letters@example.org>",
		"\"Letters\r\nBcc: x\" <letters@example.org>", "lettérs@example.org",
	} {
		_, domain := Domain(from)
		_, server := NewSMTP("smtp://127.0.0.1:25", "", from, now)
		_, outbox := NewOutbox(t.TempDir(), from, io.Discard, now)
		if slices.Contains([]error{domain, server, outbox}, nil) {
			t.Errorf("%q was taken: %v, %v, %v", from, domain, server, outbox)
		}
	}
}

// A mail speaks the language that the office has chosen, and says which.
func TestMailSpeaksTheOfficesLanguage(t *testing.T) {
	english, err := texts.Files.ReadFile("en.toml")
	if err != nil {
		t.Fatal(err)
	}
	german := strings.NewReplacer(`language = "en-GB"`, `language = "de"`, `letter = "A letter is waiting"`, `letter = "Ein Brief wartet"`,
		`"You will be asked to sign in."`, `"Sie melden sich zuerst an."`).Replace(string(english))
	l, err := texts.New(fstest.MapFS{"en.toml": {Data: english}, "de.toml": {Data: []byte(german)}}, "de")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	outbox, err := NewOutbox(dir, "letters@example.org", io.Discard, now)
	if err != nil {
		t.Fatal(err)
	}
	outbox.Speak(l)
	if err := outbox.Send(t.Context(), Message{To: "jo@example.org", MessageID: "x@example.org", Link: "https://letters.example.org/l/x"}); err != nil {
		t.Fatal(err)
	}
	sent, err := os.ReadFile(filepath.Join(dir, "x@example.org.eml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"Subject: Ein Brief wartet", "Sie melden sich zuerst an.", `<html lang=3D"de">`} {
		if !strings.Contains(string(sent), want) {
			t.Errorf("the mail lacks %q:\n%s", want, sent)
		}
	}
}
