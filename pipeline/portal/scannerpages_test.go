package portal

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// fakeScanners invites as the real one does; the file is none. The conformance of the
// two is in cmd/letterlock, where the real one is.
type fakeScanners struct {
	register *register.Register
	asked    []ScannerInvitation
	fails    error
}

func (f *fakeScanners) Endpoint() string { return "https://storage.example.org" }

func (f *fakeScanners) Invite(ctx context.Context, who ScannerInvitation) (ScannerInvited, error) {
	if f.fails != nil {
		return ScannerInvited{}, f.fails
	}
	if !strings.HasPrefix(who.Endpoint, "https://") {
		return ScannerInvited{}, ErrEndpoint
	}
	f.asked = append(f.asked, who)
	until := f.register.Now().Add(time.Hour)
	err := f.register.InviteEdge(ctx, register.EdgeInvitation{Key: "key-" + time.Now().String(), Site: who.Site, Replaces: who.Replaces, Expires: until}, who.By)
	return ScannerInvited{who.Site + ".invitation", []byte("sealed for " + who.Site), "K7QM-4T2X-9ABC", until}, err
}

// scans has a site enrolled, where it is not, and returns its name.
func (h *house) scans(site string) string {
	h.t.Helper()
	must(h.t, h.register.AddEdge(h.t.Context(), site, "the key of "+site))
	return site
}

func TestScannersAreListed(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.OwnSite = "office" })
	v := h.as(h.admin)
	wantText(t, v.get("/scanners"), "No scanner is enrolled yet.", `href="/scanners/new"`)
	h.reports(letter.Report{Program: "v1.4.0"})
	h.scans("annexe")
	h.scans("gone")
	must(t, h.register.RevokeEdge(t.Context(), "gone", 0))
	must(t, h.register.InviteEdge(t.Context(), register.EdgeInvitation{Key: "one", Site: "refuge", Expires: h.now.Add(time.Hour)}, 0))
	must(t, h.register.InviteEdge(t.Context(), register.EdgeInvitation{Key: "two", Site: "annexe", Replaces: true, Expires: h.now.Add(time.Hour)}, 0))
	page := v.get("/scanners")
	wantText(t, page, "<dd>Enrolled</dd>", "v1.4.0", "It has not said", "Never", "24 November 2026 at 2:02pm",
		"refuge: the invitation can be used until 24 November 2026 at 3:02pm.", "Another machine is invited to take its place, until 24 November 2026 at 3:02pm.",
		"gone, revoked on 24 November 2026 at 2:02pm")
	if strings.Contains(page.Body.String(), "See whether its machine is on") {
		t.Error("one that was heard of is said to be silent")
	}
	h.now = h.now.Add(25 * time.Hour)
	page = h.as(h.admin).get("/scanners")
	wantText(t, page, "Silent for more than a day", "See whether its machine is on")
	if strings.Contains(page.Body.String(), "refuge") || strings.Contains(page.Body.String(), "Another machine is invited") {
		t.Error("an invitation that is over is still shown")
	}
	// What is a part of this server is not ended from here, and what is revoked has no page.
	wantText(t, h.as(h.admin).get("/scanner/office"), "This scanner is a part of this server")
	for _, path := range []string{"/scanner/office/revoke", "/scanner/office/replace", "/scanner/gone", "/scanner/gone/revoke", "/scanner/refuge", "/scanner/nowhere/replace"} {
		wantStatus(t, h.as(h.admin).get(path), http.StatusNotFound)
		wantStatus(t, h.as(h.admin).post(path, nil), map[bool]int{true: http.StatusMethodNotAllowed, false: http.StatusNotFound}[strings.Count(path, "/") == 2])
	}
}

func TestVersionsThatAreApart(t *testing.T) {
	h := newHouse(t)
	h.reports(letter.Report{Program: "v1.2.0"})
	wantText(t, h.as(h.admin).get("/scanners"), "version v1.2.0 and this server v1.4.0: more than one release apart")
}

var savedFile = regexp.MustCompile(`href="data:application/octet-stream;base64,([^"]+)" download="([^"]+)"`)

func TestAScannerIsInvited(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.admin)
	form := url.Values{"site": {"annexe"}, "endpoint": {"https://storage.example.org"}, "folder": {"/srv/scans"}}
	wantText(t, v.get("/scanners/new"), "show first that it is you")
	wantStatus(t, v.post("/scanners/new", form), http.StatusForbidden)
	v.showsAgain("/scanners/new")
	wantText(t, v.get("/scanners/new"), `value="https://storage.example.org"`)
	h.scans("office")
	for field, bad := range map[string]url.Values{"site": with(form, "site", "Annexe!"), "site ": with(form, "site", "office"), "endpoint": with(form, "endpoint", " "), "folder": with(form, "folder", "a\nb")} {
		w := v.post("/scanners/new", bad)
		wantStatus(t, w, http.StatusUnprocessableEntity)
		wantText(t, w, `id="`+strings.TrimSpace(field)+`-flaw"`)
	}
	if n := len(h.entries("edge-invited", "")); n > 0 {
		t.Fatalf("%d were invited", n)
	}
	w := v.post("/scanners/new", form)
	wantText(t, w, "K7QM-4T2X-9ABC", "scanner enrol annexe.invitation", "24 November 2026 at 3:02pm")
	saved := savedFile.FindStringSubmatch(w.Body.String())
	if saved == nil || saved[2] != "annexe.invitation" {
		t.Fatalf("no file to save in\n%s", w.Body)
	}
	if file, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(saved[1], "&#43;", "+")); err != nil || string(file) != "sealed for annexe" {
		t.Errorf("the file is %q, %v", file, err)
	}
	if e := h.entries("edge-invited", ""); len(e) != 1 || e[0].By != h.admin {
		t.Errorf("on record: %+v", e)
	}
	if asked := h.scanners.asked[len(h.scanners.asked)-1]; asked != (ScannerInvitation{Site: "annexe", Folder: "/srv/scans", Endpoint: "https://storage.example.org", By: h.admin}) {
		t.Errorf("asked for %+v", asked)
	}
	wantText(t, v.get("/scanners"), "annexe: the invitation can be used until")
	wantStatus(t, v.post("/scanners/new", form), http.StatusForbidden) // one showing, one act
	if strings.Contains(h.log.String(), "K7QM") {
		t.Error("the log has the code")
	}
}

func TestAStorageThatLetsNoUserBeMade(t *testing.T) {
	h := newHouse(t)
	v := h.as(h.admin)
	form := url.Values{"site": {"annexe"}, "endpoint": {"http://storage.example.org"}}
	v.showsAgain("/scanners/new")
	h.scanners.fails = ErrEndpoint
	wantText(t, v.post("/scanners/new", form), `id="endpoint-flaw"`)
	h.scanners.fails = ErrNoStorageUser
	wantText(t, v.post("/scanners/new", form), "letterlock edge invite SITE")
}

func TestWhereNoScannerCanBeInvited(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Scanners = nil })
	v := h.as(h.admin)
	wantText(t, v.get("/scanners"), "and it has none")
	wantText(t, v.get("/scanners/new"), "and it has none")
	v.showsAgain("/scanners/new")
	wantStatus(t, v.post("/scanners/new", nil), http.StatusNotFound)
}

func TestAScannerIsReplaced(t *testing.T) {
	h := newHouse(t)
	h.scans("annexe")
	v := h.as(h.admin)
	wantText(t, v.get("/scanner/annexe"), `href="/scanner/annexe/replace"`, `href="/scanner/annexe/revoke"`)
	v.showsAgain("/scanner/annexe/replace")
	w := v.post("/scanner/annexe/replace", url.Values{"site": {"office"}, "endpoint": {"https://storage.example.org"}})
	wantText(t, w, "A file and a code for annexe")
	if asked := h.scanners.asked[0]; !asked.Replaces || asked.Site != "annexe" {
		t.Errorf("asked for %+v", asked)
	}
	wantText(t, v.get("/scanner/annexe?done=invited"), "Another machine is invited to take its place", "The invitation is made.")
}

func TestAScannerIsRevoked(t *testing.T) {
	h := newHouse(t)
	h.scans("annexe")
	v := h.as(h.admin)
	const path = "/scanner/annexe/revoke"
	wantText(t, v.get(path), "From then on nothing that it signs is believed", "show first that it is you")
	wantStatus(t, v.post(path, nil), http.StatusForbidden)
	v.showsAgain(path)
	wantRedirect(t, v.post(path, nil), "/scanners?done=revoked")
	wantText(t, v.get("/scanners?done=revoked"), "annexe, revoked on")
	if e := h.entries("edge-revoked", ""); len(e) != 1 || e[0].By != h.admin {
		t.Errorf("on record: %+v", e)
	}
	if sites, err := h.register.Sites(t.Context()); err != nil || len(sites) > 0 {
		t.Errorf("believed: %v, %v", sites, err)
	}
}
