package portal

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// countsUpload is a Responses that only counts what it is given.
type countsUpload struct {
	Responses
	read *int64
}

func (c countsUpload) File(_ context.Context, _ register.Letter, upload io.Reader, _ int64) (id letter.ID, err error) {
	if *c.read, err = io.Copy(io.Discard, upload); err != nil {
		return "", ErrUpload
	}
	return letter.NewID(), nil
}

// zeros never end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// Whoever sends a file that is not taken is told why, however large it is: a browser
// sends all of it before it shows an answer.
func TestARefusedUploadIsAnswered(t *testing.T) {
	h := newHouse(t)
	server := httptest.NewServer(h.portal)
	t.Cleanup(server.Close)
	path := "/l/" + string(h.letter(1)) + "/response"
	head := "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.pdf\"\r\n\r\n"
	sends := func(v *visitor, size int64) *http.Response {
		t.Helper()
		conn, err := net.Dial("tcp", server.Listener.Addr().String())
		must(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: localhost:8080\r\nSec-Fetch-Site: same-origin\r\nCookie: %s=%s\r\n"+
			"Content-Type: multipart/form-data; boundary=edge\r\nContent-Length: %d\r\n\r\n%s", path, sessionCookie, v.cookies[sessionCookie], int64(len(head))+size, head)
		if err == nil {
			_, err = io.CopyN(conn, zeros{}, size)
		}
		if err != nil {
			t.Fatalf("the connection is lost: %v", err)
		}
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		must(t, err)
		return answer
	}
	lead := h.as(h.lead)
	lead.get(strings.TrimSuffix(path, "/response"))
	for range register.MostDrafts {
		lead.files(letter.ID(strings.Split(path, "/")[2]))
	}
	if answer := sends(lead, 5<<20); answer.StatusCode != http.StatusConflict {
		t.Errorf("of one too many it answers %d", answer.StatusCode)
	}
	// Nobody is told to mend another fault than the one for which it is not taken.
	for says, why := range map[string]texts.Text{
		"The file is larger than 100 MB, and no larger one is taken here.": texts.Say("response.too-large", "megabytes", MaxUpload>>20),
		"Please wait a minute, and upload it again.":                       texts.Say("response.others-are-taken"),
	} {
		h.files.fails = &NotTaken{Says: why}
		answer := sends(h.as(h.lead2), MaxUpload+5<<20)
		body, err := io.ReadAll(answer.Body)
		must(t, err)
		if answer.StatusCode != http.StatusUnprocessableEntity || !containsText(string(body), says) || containsText(string(body), "without a password") {
			t.Errorf("of what is not taken it answers %d:\n%s", answer.StatusCode, body)
		}
	}
	h.now = h.now.Add(16 * time.Minute)
	if answer := sends(lead, 5<<20); answer.StatusCode != http.StatusSeeOther || !strings.HasPrefix(answer.Header.Get("Location"), "/sign-in?lost=1") {
		t.Errorf("once the session is over it answers %d, %s", answer.StatusCode, answer.Header.Get("Location"))
	}
}

// TestAnUploadIsBounded: of a file that never ends no more is read than may be filed.
func TestAnUploadIsBounded(t *testing.T) {
	var read int64
	h := newHouse(t, func(c *Config) { c.Responses = countsUpload{read: &read} })
	path := "/l/" + string(h.letter(1)) + "/response"
	v := h.as(h.lead)
	v.get(strings.TrimSuffix(path, "/response"))
	head := "--edge\r\nContent-Disposition: form-data; name=\"file\"; filename=\"x.pdf\"\r\n\r\n"
	r := httptest.NewRequest(http.MethodPost, path, io.MultiReader(strings.NewReader(head), zeros{}))
	r.Header.Set("Content-Type", "multipart/form-data; boundary=edge")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := v.send(r)
	if w.Code < 400 || w.Code >= 500 || read > MaxUpload+maxBody {
		t.Errorf("answered %d after %d bytes:\n%s", w.Code, read, w.Body)
	}
	wantText(t, w, "Nothing was filed")
}
