package portal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// fakeResponses files in the register alone, as pipeline.Server does with the
// storage behind it; see TestAResponseIsFiled there.
type fakeResponses struct {
	h     *house
	fails error
	took  []byte
}

func (f *fakeResponses) File(ctx context.Context, to register.Letter, upload io.Reader, person int64) (letter.ID, error) {
	if f.fails != nil {
		return "", f.fails
	}
	var err error
	if f.took, err = io.ReadAll(upload); err != nil {
		return "", ErrUpload
	}
	m := letter.Manifest{ID: letter.NewID(), Site: register.ResponseSite, Helpline: to.Helpline, Class: letter.SixMonths,
		Received: f.h.now.Truncate(time.Second), Pages: 2, Size: 10, SHA256: strings.Repeat("ab", 32)}
	if err := f.h.register.FileResponse(ctx, m, to.ID, person); err != nil {
		return "", err
	}
	l, err := f.h.register.Letter(ctx, m.ID)
	if err != nil {
		return "", err
	}
	return m.ID, f.h.register.Verified(ctx, &l, "v1", true)
}

// files uploads the copy of an answer to the letter, which the visitor has opened,
// and is led to it.
func (v *visitor) files(to letter.ID) (draft string) {
	v.h.t.Helper()
	path := letterPath(to)
	w := v.upload(action(v.h.t, v.get(path+"/response"), path+"/response"), "file", "x.pdf", []byte("%PDF"))
	wantStatus(v.h.t, w, http.StatusSeeOther)
	draft = w.Header().Get("Location")
	if draft == path || !strings.HasPrefix(draft, "/l/") || strings.Contains(draft, "?") {
		v.h.t.Fatalf("led to %s", draft)
	}
	return draft
}

// keeps looks at a draft and keeps it.
func (v *visitor) keeps(draft string) {
	v.h.t.Helper()
	v.looksAt(letter.ID(strings.TrimPrefix(draft, "/l/")), 2)
	wantRedirect(v.h.t, v.post(action(v.h.t, v.get(draft), draft+"/keep"), url.Values{"check": {"asked-safely"}}), draft+"?done=answer-kept")
}

// upload sends a file as a browser does.
func (v *visitor) upload(path, field, name string, file []byte) *httptest.ResponseRecorder {
	v.h.t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if v.on != 0 {
		must(v.h.t, form.WriteField("who", strconv.FormatInt(v.on, 10)))
	}
	part, err := form.CreateFormFile(field, name)
	must(v.h.t, err)
	_, err = part.Write(file)
	must(v.h.t, err)
	must(v.h.t, form.Close())
	r := httptest.NewRequest(http.MethodPost, path, &body)
	r.Header.Set("Content-Type", form.FormDataContentType())
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return v.send(r)
}

func TestFilingTheCopyOfAnAnswer(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	lead, path := h.as(h.lead), "/l/"+string(id)
	big := bytes.Repeat([]byte("%PDF"), 100<<10) // more than any other form may carry
	wantText(t, lead.upload(path+"/response", "file", "Mrs Canary.pdf", big), "Please open the letter first")
	lead.get(path)
	wantText(t, lead.get(path+"/response"), "must be gone on 24 May 2027", `enctype="multipart/form-data"`)
	wantText(t, lead.post(path+"/response", nil), "Choose the file with the copy")
	wantText(t, lead.upload(path+"/response", "other", "x.pdf", big), "Choose the file with the copy")
	lead.on = h.manager // whose page it is still
	w := lead.upload(path+"/response", "file", "x.pdf", big)
	lead.on = h.lead
	wantStatus(t, w, http.StatusConflict)
	wantText(t, w, "This page was somebody else’s", "Nothing was done")
	wantText(t, lead.upload(path+"/response", "", "", nil), "Choose the file with the copy")
	wantText(t, lead.upload(path+"/response", "file", "", nil), "Choose the file with the copy")
	h.files.fails = &NotTaken{Says: texts.Word("refused", "encrypted"), Anew: true}
	wantText(t, lead.upload(path+"/response", "file", "x.pdf", big), "It needs a password. Nothing was filed. Scan it anew, or save it as a plain PDF without a password, and choose that.")
	h.files.fails = errors.New("PUT letters/six-months/" + string(id) + ".age: connection refused")
	w = lead.upload(path+"/response", "file", "x.pdf", big)
	wantStatus(t, w, http.StatusServiceUnavailable)
	wantText(t, w, "nothing was filed", "Keep your file")
	h.files.fails = nil

	h.now = h.now.AddDate(0, 0, 10)
	lead = h.as(h.lead)
	lead.get(path)
	w = lead.upload(path+"/response", "file", "Mrs Canary.pdf", big)
	wantStatus(t, w, http.StatusSeeOther)
	lead.keeps(w.Header().Get("Location"))
	if !bytes.Equal(h.files.took, big) {
		t.Error("what was filed is not what was sent")
	}
	filed, err := h.register.Responses(t.Context(), id)
	must(t, err)
	if len(filed) != 1 || filed[0].State != register.Filed || filed[0].Deadline() != (letter.Date{Year: 2027, Month: 6, Day: 4}) {
		t.Fatalf("filed: %+v", filed)
	}
	answer := "/l/" + string(filed[0].ID)
	wantText(t, lead.get(answer+"?done=answer-kept"), "The answer may be posted now")
	wantText(t, lead.get(path), `href="`+answer+`"`, filed[0].ID.Reference(), "2 pages")
	w = lead.get(answer)
	wantText(t, w, "This is the kept copy of an answer", `href="`+path+`"`, id.Reference(), "Answer "+filed[0].ID.Reference())
	for _, absent := range []string{"Can you read every page", "Is somebody at risk", "another helpline’s letter", "<dt>Paper"} {
		if strings.Contains(w.Body.String(), absent) {
			t.Errorf("the page of an answer says %q", absent)
		}
	}
	wantStatus(t, lead.get(answer+"/response"), http.StatusNotFound) // no answer to an answer
	wantStatus(t, lead.get(answer+"/page/2.jpg"), http.StatusOK)
	wantStatus(t, h.as(h.stranger).get(answer), http.StatusNotFound)
	if strings.Contains(lead.get("/letters").Body.String(), filed[0].ID.Reference()) {
		t.Error("an answer is listed among the letters")
	}
	wantText(t, h.as(h.dpo).get("/register?about="+filed[0].ID.Reference()), "handed in the copy of an answer of 2 pages to the letter "+id.Reference(), "found it safe to write to the address of the answer to the letter "+id.Reference(), "The person was asked, in another way that is safe")
	if strings.Contains(h.log.String(), "Canary") || strings.Contains(h.log.String(), string(id)) {
		t.Errorf("the log names a file or a letter:\n%s", &h.log)
	}
	// Its letter goes first.
	h.expire(id)
	wantText(t, h.as(h.lead).get(answer), "the letter it answers is gone")
	if desk := h.as(h.ops).get("/desk"); strings.Contains(desk.Body.String(), filed[0].ID.Reference()) {
		t.Error("an answer has paper")
	}
	h.expire(filed[0].ID)
	wantStatus(t, h.as(h.lead).get(answer), http.StatusNotFound)
}

// A stranger's file is not read.
func TestUploadsOfStrangers(t *testing.T) {
	h := newHouse(t)
	id := h.letter(1)
	for _, who := range []int64{0, h.stranger, h.ops} {
		h.as(who).upload("/l/"+string(id)+"/response", "file", "x.pdf", []byte("%PDF"))
	}
	if h.files.took != nil {
		t.Error("it was")
	}
}

// The register's page does not call the copy of an answer a letter.
func TestTheRegisterTellsOfAnAnswer(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	lead := h.as(h.lead)
	lead.get("/l/" + string(id))
	lead.keeps(lead.files(id))
	filed, err := h.register.Responses(t.Context(), id)
	must(t, err)
	wantStatus(t, lead.get("/l/"+string(filed[0].ID)), http.StatusOK)
	dpo := h.as(h.dpo)
	w := dpo.get("/register?about=" + filed[0].ID.Reference())
	wantText(t, w, "(Ada Lead) opened the answer", "to the letter "+id.Reference())
	if strings.Contains(w.Body.String(), "opened the letter") {
		t.Error("an answer is called a letter")
	}
	wantText(t, dpo.get("/register?about="+id.Reference()), "(Ada Lead) opened the letter")
}
