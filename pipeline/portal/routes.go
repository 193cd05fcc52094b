package portal

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// route is one line of who may do what.
type route struct {
	method, path string
	who          []register.Role // empty: everybody, signed in or not
	own          bool            // and only with a letter of their own helplines that may be shown today
	sample       bool            // only where anyone may be anyone
	sso          bool            // only where there is an organisation's sign-in
	print        bool            // only where letters may be printed
	unkept       bool            // also with the copy of an answer that is not kept yet
	anew         bool            // its form is filled in anew after a sign-in: it shows what is, which others may have changed meanwhile
	answered     whenAnswered    // of a letter of which this is so its form is filled in anew, too
	script       bool            // called by script, which wants JSON back and not a page
	serve        func(*Portal, http.ResponseWriter, *visit) error
}

var (
	everybody = []register.Role(nil)
	staff     = register.Roles
	readers   = []register.Role{register.TeamLeader, register.Manager}
	managers  = []register.Role{register.Manager}
	overseers = []register.Role{register.Manager, register.DPO}

	administrators = []register.Role{register.Administrator}
	settingUp      = []register.Role{register.Manager, register.Administrator}
	paperKeepers   = []register.Role{register.Operations, register.Manager}
)

// routes is who may do what: the whole of it. The checks read it, and so does
// the test that calls every route as everybody. Whoever may not is told what a
// stranger to the address is told: that there is nothing here.
var routes = []route{
	{method: "GET", path: "/sign-in", who: everybody, serve: (*Portal).signInPage},
	{method: "POST", path: "/sign-in/begin", who: everybody, script: true, serve: (*Portal).beginSignIn},
	{method: "POST", path: "/sign-in/finish", who: everybody, script: true, serve: (*Portal).finishSignIn},
	{method: "GET", path: "/sign-in/sso", who: everybody, sso: true, serve: (*Portal).beginSSO},
	{method: "GET", path: ssoBack, who: everybody, sso: true, serve: (*Portal).backFromSSO},
	{method: "GET", path: "/enrol/sso", who: everybody, sso: true, serve: (*Portal).enrolSSO},
	{method: "GET", path: "/enrol", who: everybody, serve: (*Portal).enrolPage},
	{method: "POST", path: "/enrol", who: everybody, serve: (*Portal).checkCode},
	{method: "GET", path: "/enrol/passkey", who: everybody, serve: (*Portal).enrolPasskeyPage},
	{method: "POST", path: "/enrol/passkey/begin", who: everybody, script: true, serve: (*Portal).beginEnrol},
	{method: "POST", path: "/enrol/passkey/finish", who: everybody, script: true, serve: (*Portal).finishEnrol},
	{method: "GET", path: "/policy", who: everybody, serve: (*Portal).policyPage},
	{method: "GET", path: "/policy/confirm", who: staff, serve: (*Portal).confirmPolicyPage},
	{method: "POST", path: "/policy/confirm", who: staff, serve: (*Portal).confirmPolicy},
	{method: "GET", path: "/policy/people", who: overseers, serve: (*Portal).policyPeoplePage},
	{method: "GET", path: "/checkpoint", who: everybody, serve: (*Portal).checkpoint},
	{method: "GET", path: "/checkpoint/growth", who: everybody, serve: (*Portal).checkpointGrowth},
	{method: "GET", path: "/checkpoint/keys", who: everybody, serve: (*Portal).checkpointKeys},
	{method: "GET", path: "/sample", who: everybody, sample: true, serve: (*Portal).samplePage},
	{method: "POST", path: "/sample", who: everybody, sample: true, serve: (*Portal).sampleSignIn},

	{method: "GET", path: "/{$}", who: staff, serve: (*Portal).home},
	{method: "POST", path: "/stay", who: staff, script: true, serve: (*Portal).stay},
	{method: "POST", path: "/entered", who: everybody, script: true, serve: (*Portal).takeEntered},
	{method: "POST", path: "/sign-out", who: staff, serve: (*Portal).signOut},
	{method: "POST", path: "/sign-out/everywhere", who: staff, serve: (*Portal).signOutEverywhere},
	{method: "GET", path: "/account", who: staff, serve: (*Portal).accountPage},
	{method: "POST", path: "/account/passkey/begin", who: staff, script: true, serve: (*Portal).beginSecond},
	{method: "POST", path: "/account/passkey/finish", who: staff, script: true, serve: (*Portal).finishSecond},
	{method: "GET", path: "/security", who: staff, serve: (*Portal).securityPage},

	{method: "GET", path: "/overview", who: managers, serve: (*Portal).overviewPage},
	{method: "GET", path: "/letters", who: readers, serve: (*Portal).lettersPage},
	{method: "POST", path: "/letters/answer-seen", who: readers, serve: (*Portal).awaySeen},
	{method: "GET", path: "/l/{id}", who: readers, own: true, unkept: true, serve: (*Portal).letterPage},
	{method: "GET", path: "/l/{id}/page/{n}", who: readers, own: true, unkept: true, serve: (*Portal).pageImage},
	{method: "GET", path: "/l/{id}/letter.pdf", who: readers, own: true, serve: (*Portal).letterPDF},
	{method: "POST", path: "/l/{id}/print", who: readers, own: true, print: true, serve: (*Portal).printLetter},
	{method: "POST", path: "/l/{id}/readable", who: readers, own: true, serve: (*Portal).markReadable},
	{method: "POST", path: "/l/{id}/scan-again", who: readers, own: true, serve: (*Portal).markScanAgain},
	{method: "POST", path: "/l/{id}/other-paper", who: readers, own: true, serve: (*Portal).markOtherPaper},
	{method: "POST", path: "/l/{id}/risk", who: readers, own: true, answered: riskAnswered, serve: (*Portal).answerRisk},
	{method: "POST", path: "/l/{id}/hand-over", who: readers, own: true, serve: (*Portal).handOver},
	{method: "POST", path: "/l/{id}/seen-to", who: readers, own: true, serve: (*Portal).seenTo},
	{method: "GET", path: "/l/{id}/recuse", who: readers, own: true, unkept: true, serve: (*Portal).recusePage},
	{method: "POST", path: "/l/{id}/recuse", who: readers, own: true, unkept: true, serve: (*Portal).recuse},
	{method: "GET", path: "/l/{id}/safeguarding", who: readers, own: true, serve: (*Portal).safeguardingPage},
	{method: "POST", path: "/l/{id}/safeguarding", who: readers, own: true, answered: keptLong, serve: (*Portal).safeguard},
	{method: "GET", path: "/l/{id}/sharing", who: readers, own: true, serve: (*Portal).sharingPage},
	{method: "POST", path: "/l/{id}/sharing", who: readers, own: true, answered: keptWithIt, serve: (*Portal).share},

	{method: "GET", path: "/l/{id}/erase", who: readers, own: true, serve: (*Portal).erasePage},
	{method: "POST", path: "/l/{id}/erase", who: readers, own: true, serve: (*Portal).askErasure},
	{method: "GET", path: "/l/{id}/withdraw", who: readers, own: true, serve: (*Portal).withdrawPage},
	{method: "POST", path: "/l/{id}/withdraw", who: readers, own: true, serve: (*Portal).askWithdrawal},
	{method: "GET", path: "/l/{id}/redirect", who: readers, own: true, serve: (*Portal).redirectPage},
	{method: "POST", path: "/l/{id}/redirect", who: readers, own: true, serve: (*Portal).askRedirection},
	{method: "POST", path: "/l/{id}/take-back", who: readers, own: true, serve: (*Portal).takeBack},

	{method: "GET", path: "/l/{id}/response", who: readers, own: true, serve: (*Portal).responsePage},
	{method: "POST", path: "/l/{id}/response", who: readers, own: true, serve: (*Portal).fileResponse},
	{method: "POST", path: "/l/{id}/answer-seen", who: readers, own: true, serve: (*Portal).answerSeen},
	{method: "POST", path: "/l/{id}/keep", who: readers, own: true, unkept: true, serve: (*Portal).keepResponse},
	{method: "POST", path: "/l/{id}/throw-away", who: readers, own: true, unkept: true, serve: (*Portal).dropResponse},
	{method: "POST", path: "/l/{id}/confirm-address", who: readers, own: true, unkept: true, serve: (*Portal).confirmResponse},

	{method: "GET", path: "/requests", who: overseers, serve: (*Portal).requestsPage},
	{method: "GET", path: "/requests/{request}", who: overseers, serve: (*Portal).requestPage},
	{method: "POST", path: "/requests/{request}/confirm", who: overseers, serve: (*Portal).confirmRequest},
	{method: "POST", path: "/requests/{request}/decline", who: overseers, serve: (*Portal).declineRequest},
	{method: "POST", path: "/again/begin", who: staff, script: true, serve: (*Portal).beginAgain},
	{method: "POST", path: "/again/finish", who: staff, script: true, serve: (*Portal).finishAgain},
	{method: "GET", path: "/again/sso", who: staff, sso: true, serve: (*Portal).beginAgainSSO},

	{method: "GET", path: "/holds", who: overseers, serve: (*Portal).holdsPage},
	{method: "GET", path: "/holds/new", who: managers, serve: (*Portal).newHoldPage},
	{method: "POST", path: "/holds/new", who: managers, serve: (*Portal).placeHold},
	{method: "GET", path: "/holds/{hold}", who: overseers, serve: (*Portal).holdPage},
	{method: "POST", path: "/holds/{hold}/review", who: managers, anew: true, serve: (*Portal).reviewHold},
	{method: "POST", path: "/holds/{hold}/release", who: overseers, serve: (*Portal).releaseHold},

	{method: "GET", path: "/desk", who: []register.Role{register.Operations}, serve: (*Portal).deskPage},
	{method: "GET", path: "/desk/{id}", who: []register.Role{register.Operations}, serve: (*Portal).paperPage},
	{method: "POST", path: "/desk/{id}", who: []register.Role{register.Operations}, serve: (*Portal).destroyPaper},

	{method: "GET", path: "/desk/tray", who: []register.Role{register.Operations}, serve: (*Portal).trayPage},
	{method: "POST", path: "/desk/tray", who: []register.Role{register.Operations}, serve: (*Portal).destroyTray},
	{method: "GET", path: "/desk/trays", who: []register.Role{register.Operations}, serve: (*Portal).traysPage},
	{method: "GET", path: "/desk/lost/{id}", who: []register.Role{register.Operations}, serve: (*Portal).lostPage},
	{method: "POST", path: "/desk/lost/{id}", who: []register.Role{register.Operations}, serve: (*Portal).writeOffPaper},
	{method: "GET", path: "/desk/sign/{token}", who: []register.Role{register.Operations}, serve: (*Portal).signPage},
	{method: "POST", path: "/desk/sign/{token}", who: []register.Role{register.Operations}, serve: (*Portal).recordTray},
	{method: "POST", path: "/desk/sign/{token}/witness/begin", who: []register.Role{register.Operations}, script: true, serve: (*Portal).beginWitness},
	{method: "POST", path: "/desk/sign/{token}/witness/finish", who: []register.Role{register.Operations}, script: true, serve: (*Portal).finishWitness},

	{method: "GET", path: "/papers", who: paperKeepers, serve: (*Portal).papersPage},
	{method: "GET", path: "/papers/count", who: paperKeepers, serve: (*Portal).countPage},
	{method: "POST", path: "/papers/count", who: paperKeepers, serve: (*Portal).countPapers},

	{method: "GET", path: "/intake", who: []register.Role{register.Operations}, serve: (*Portal).intakePage},
	{method: "GET", path: "/intake/{token}", who: []register.Role{register.Operations}, serve: (*Portal).questionPage},
	{method: "GET", path: "/intake/{token}/page/{n}", who: []register.Role{register.Operations}, serve: (*Portal).thumbnail},
	{method: "POST", path: "/intake/{token}", who: []register.Role{register.Operations}, serve: (*Portal).answerQuestion},

	{method: "GET", path: "/register", who: []register.Role{register.DPO}, serve: (*Portal).registerPage},
	{method: "POST", path: "/register/export.ndjson", who: []register.Role{register.DPO}, serve: (*Portal).exportRegister},

	{method: "GET", path: "/openings", who: []register.Role{register.DPO}, serve: (*Portal).openingsPage},
	{method: "GET", path: "/calendar", who: overseers, serve: (*Portal).calendarPage},
	{method: "GET", path: "/retention", who: overseers, serve: (*Portal).retentionPage},
	{method: "GET", path: "/retention/record.csv", who: overseers, serve: (*Portal).retentionCSV},
	{method: "GET", path: "/retention/record.pdf", who: overseers, serve: (*Portal).retentionPDF},

	{method: "GET", path: "/evidence", who: overseers, serve: (*Portal).evidencePage},
	{method: "POST", path: "/evidence", who: overseers, serve: (*Portal).askEvidence},
	{method: "GET", path: makingPath, who: overseers, serve: (*Portal).makingPage},
	{method: "GET", path: "/evidence/pack.zip", who: overseers, serve: (*Portal).takeEvidence},

	{method: "GET", path: "/people", who: administrators, serve: (*Portal).peoplePage},
	{method: "GET", path: "/people/new", who: administrators, serve: (*Portal).invitePage},
	{method: "POST", path: "/people/new", who: administrators, serve: (*Portal).invite},
	{method: "GET", path: "/people/{person}", who: administrators, serve: (*Portal).personPage},
	{method: "GET", path: "/people/{person}/edit", who: administrators, serve: (*Portal).editPersonPage},
	{method: "POST", path: "/people/{person}/edit", who: administrators, anew: true, serve: (*Portal).editPerson},
	{method: "POST", path: "/people/{person}/code", who: administrators, serve: (*Portal).newCode},
	{method: "POST", path: "/people/{person}/revoke", who: administrators, serve: (*Portal).revokePasskey},
	{method: "POST", path: "/people/{person}/end-sso", who: administrators, sso: true, serve: (*Portal).endSSO},
	{method: "GET", path: "/people/{person}/leave", who: administrators, serve: (*Portal).leavePage},
	{method: "POST", path: "/people/{person}/leave", who: administrators, serve: (*Portal).letGo},
	{method: "GET", path: "/scanners", who: administrators, serve: (*Portal).scannersPage},
	{method: "GET", path: inviteScannerPath, who: administrators, serve: (*Portal).inviteScannerPage},
	{method: "POST", path: inviteScannerPath, who: administrators, serve: (*Portal).inviteScanner},
	{method: "GET", path: "/scanner/{site}", who: administrators, serve: (*Portal).scannerPage},
	{method: "GET", path: "/scanner/{site}/replace", who: administrators, serve: (*Portal).inviteScannerPage},
	{method: "POST", path: "/scanner/{site}/replace", who: administrators, serve: (*Portal).inviteScanner},
	{method: "GET", path: "/scanner/{site}/revoke", who: administrators, serve: (*Portal).revokeScannerPage},
	{method: "POST", path: "/scanner/{site}/revoke", who: administrators, serve: (*Portal).revokeScanner},
	{method: "GET", path: "/settings", who: settingUp, serve: (*Portal).settingsPage},
	{method: "POST", path: "/settings", who: settingUp, anew: true, serve: (*Portal).changeSettings},
	{method: "GET", path: "/check", who: administrators, serve: (*Portal).checkPage},
}

// whenAnswered reports whether somebody has answered, of the letter, what was entered in a form.
type whenAnswered func(l register.Letter, entered url.Values) bool

func riskAnswered(l register.Letter, _ url.Values) bool { return l.RiskAnswered() }
func keptLong(l register.Letter, _ url.Values) bool     { return l.Reason != "" }

// keptWithIt is keptLong for a sharing, with which it is decided who may open the letter
// unless that is decided already: then a further sharing is a matter of its own.
func keptWithIt(l register.Letter, entered url.Values) bool {
	return l.Reason != "" && entered.Has("named")
}

// homes is where each role's day begins.
var homes = map[register.Role]string{
	register.TeamLeader:    "/letters",
	register.Manager:       "/overview",
	register.Operations:    "/desk",
	register.DPO:           "/register",
	register.Administrator: "/people",
}

// mayRead reports whether the letter is the person's to read: the manager's
// always, a team leader's if it is of their helpline and, where it is kept for
// five years, names them; and nobody's who knows somebody in it. The copy of an
// answer that is not kept yet is its uploader's alone.
func mayRead(who register.Person, l register.Letter) bool {
	return !l.WalledOff(who.Number) && (l.State != register.Draft || l.UploadedBy == who.Number) && (who.Role == register.Manager ||
		who.LeadsHelpline(l.Helpline) && (l.Named == 0 || l.Named == who.Number))
}

// mayBeShown reports whether the person may be shown the letter today.
func (p *Portal) mayBeShown(who register.Person, l register.Letter) bool {
	return mayRead(who, l) && l.Open(p.cfg.Now())
}

// newMux joins the routes of each path, so that a method no route has is
// answered by us and not by the mux.
func (p *Portal) newMux() *http.ServeMux {
	p.routes = map[string][]route{}
	for _, r := range routes {
		if (!r.sample || p.cfg.Sample) && (!r.sso || p.sso != nil) {
			p.routes[r.path] = append(p.routes[r.path], r)
		}
	}
	mux := http.NewServeMux()
	for path, methods := range p.routes {
		mux.HandleFunc(path, p.endpoint(methods))
	}
	mux.HandleFunc("/static/{name}", p.staticFile)
	mux.HandleFunc("/", p.nowhere)
	return mux
}

// routesAt are the routes of a path, whoever may use them.
func (p *Portal) routesAt(path string) []route {
	_, pattern := p.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: cmp.Or(path, "/")}})
	return p.routes[pattern]
}

// endpoint answers one path: it finds the route for the method, then the
// person, then whether the person may, and only then calls the handler.
func (p *Portal) endpoint(methods []route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := visitOf(r)
		rt, ok := pick(methods, r.Method)
		if !ok {
			w.Header().Set("Allow", allowed(methods))
			p.answer(w, v, wrongMethod)
			return
		}
		v.script = rt.script
		err := p.limitTries(v, rt)
		if err == nil {
			err = p.attend(w, v, rt)
		}
		if err != nil {
			p.answer(w, v, err)
		}
	}
}

// attend serves the visit if it may be served; of a form that acts once, one
// sending at a time.
func (p *Portal) attend(w http.ResponseWriter, v *visit, rt route) error {
	if err := v.readToken(); err != nil {
		return err
	}
	if v.form != "" {
		end, err := p.sending.begin(v.Context(), v.form)
		if err != nil {
			return err
		}
		defer end()
	}
	if err := p.admit(v, rt); err != nil {
		return err
	}
	if err := v.isTheirPage(rt); err != nil {
		return err
	}
	return rt.serve(p, w, v)
}

// isTheirPage refuses a form on a page of somebody who sat here before: what they
// decided is not on record as another's. A form with a file says it in its first part,
// which only its handler reads.
func (v *visit) isTheirPage(rt route) error {
	if v.Method != http.MethodPost || len(rt.who) == 0 || rt.script || isUpload(v.Request) {
		return nil
	}
	if v.ParseForm() != nil {
		return badForm // whoever reads it after this is told of nothing
	}
	if who := v.PostForm.Get("who"); who != "" && who != strconv.FormatInt(v.person.Number, 10) {
		return othersPage
	}
	return nil
}

// nowhere answers every address that no route has, and is what a forbidden
// one looks like.
func (p *Portal) nowhere(w http.ResponseWriter, r *http.Request) {
	v := visitOf(r)
	if err := p.whoIsIt(v); err != nil {
		p.answer(w, v, err)
		return
	}
	p.answer(w, v, errNowhere)
}

// admit lets the visit through, or says why not.
func (p *Portal) admit(v *visit, rt route) error {
	if err := p.whoIsIt(v); err != nil {
		return err
	}
	if err := p.limitPerson(v); err != nil {
		return err
	}
	if rt.print && !p.prints(v.Context()) {
		return errNowhere
	}
	if len(rt.who) == 0 {
		return nil
	}
	if !v.signedIn {
		return errSignIn
	}
	if !slices.Contains(rt.who, v.person.Role) {
		return errNowhere
	}
	if err := p.sentBefore(v); err != nil {
		return err
	}
	if !rt.own {
		return p.mustConfirm(v, rt)
	}
	v.even = true
	id, err := letter.ParseID(v.PathValue("id"))
	if err != nil {
		return errNowhere
	}
	l, err := p.cfg.Register.Letter(v.Context(), id)
	if err != nil {
		return err
	}
	if !p.mayBeShown(v.person, l) || l.Unkept() && !rt.unkept {
		return errNowhere
	}
	v.letter = l
	return p.mustConfirm(v, rt)
}

func pick(methods []route, method string) (route, bool) {
	if method == http.MethodHead {
		method = http.MethodGet // the server leaves the body out
	}
	i := slices.IndexFunc(methods, func(r route) bool { return r.method == method })
	if i < 0 {
		return route{}, false
	}
	return methods[i], true
}

func allowed(methods []route) string {
	var names []string
	for _, r := range methods {
		names = append(names, r.method)
		if r.method == http.MethodGet {
			names = append(names, http.MethodHead)
		}
	}
	return strings.Join(names, ", ")
}
