package portal

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// besides is another server's portal on the same register.
func (h *house) besides() *house {
	h.t.Helper()
	other := *h
	var err error
	other.portal, err = New(h.t.Context(), h.portal.cfg)
	must(h.t, err)
	return &other
}

// over is the same visitor at another server.
func (v *visitor) over(h *house) *visitor { return &visitor{h: h, cookies: v.cookies} }

// What is begun at one server goes on at another: a tray is filled in at one,
// signed at the next and recorded at a third.
func TestATrayMovesFromServerToServer(t *testing.T) {
	h := newHouse(t)
	second, third := h.besides(), h.besides()
	id := h.readable(1)
	path := "/desk/" + string(id)
	v := h.as(h.ops)
	sign := v.fills(path, h.destruction("sheets", "1"))
	v.over(second).showsAgain(sign)
	v.over(third).witnessed(sign, h.ops2)
	wantText(t, v.over(second).get(sign), "Your witness has signed.")
	wantText(t, v.over(third).get(path+"?change="+strings.TrimPrefix(sign, "/desk/sign/")), `value="1"`)
	wantRedirect(t, v.over(third).post(sign, nil), path)
	h.destroyed(id)
	wantRedirect(t, v.over(second).post(sign, nil), path) // sent again elsewhere, it is the same record
	h.destroyed(id)
}

// Whoever fetches a witness for so long that their session ends finds the tray in the
// next one, with the form that it came from, and shows anew that it is them; nobody
// else does.
func TestATrayOutlivesItsSession(t *testing.T) {
	h := newHouse(t)
	id := h.readable(1)
	path := "/desk/" + string(id)
	v := h.as(h.ops)
	sign := v.fills(path, h.destruction("sheets", "1"))
	v.showsAgain(sign)
	h.now = h.now.Add(16 * time.Minute)
	wantRedirect(t, v.get(sign), "/sign-in?"+url.Values{"to": {sign}}.Encode())
	wantText(t, h.as(h.ops2).get(sign), "This form is no longer open")
	v = h.as(h.ops)
	wantText(t, v.get(sign), "You sign first")
	wantText(t, v.get(path+"?change="+strings.TrimPrefix(sign, "/desk/sign/")), `value="1"`)
	v.signs(sign, h.ops2)
	wantRedirect(t, v.post(sign, nil), path)
	h.destroyed(id)
}

// A session whose token is renewed at one server takes along what is under way.
func TestARenewedSessionTakesItsTrayAlong(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.ops)
	sign := v.fills("/desk/"+string(h.readable(1)), h.destruction("sheets", "1"))
	v.showsAgain("/evidence")
	s, err := h.register.Session(t.Context(), v.cookies[sessionCookie])
	must(t, err)
	old := *v
	old.cookies = map[string]string{sessionCookie: v.cookies[sessionCookie]}
	token, renewed, err := h.register.RenewSession(t.Context(), s.Hash)
	must(t, err)
	v.cookies[sessionCookie] = token
	wantStatus(t, v.over(h.besides()).get(sign), http.StatusOK)
	if !h.portal.shows(&visit{Request: httptest.NewRequest(http.MethodGet, sign, nil), session: renewed}, "/evidence") || h.portal.shows(&visit{Request: httptest.NewRequest(http.MethodGet, sign, nil), session: s.Hash}, "/evidence") {
		t.Error("what was shown does not go with the session")
	}
	if w := old.get(sign); w.Code == http.StatusOK {
		t.Error("the old token opens the tray")
	}
}
