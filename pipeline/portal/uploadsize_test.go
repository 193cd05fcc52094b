package portal

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"letterlock/pipeline/register"
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
