package portal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// problem is an error as a person is told it. It says what happened, what
// became of what they did, and what to do next.
type problem struct {
	Status  int
	Heading texts.Text
	Lines   []texts.Text
	Link    string // where to go on; empty for the start page
	LinkSay texts.Text

	RetryAfter int // seconds; 0 where waiting does not help
}

func (p *problem) Error() string { return p.Heading.String() }

// errSignIn asks for a sign-in that leads back.
var errSignIn = errors.New("nobody is signed in")

// errNowhere is what everybody gets who asks for what is not there or not
// theirs: the same page, byte for byte.
var errNowhere = &problem{Status: http.StatusNotFound, Heading: texts.Say("problem.there-is-nothing-here"),
	Lines: []texts.Text{
		texts.Say("problem.the-address-may-be-mistyped"),
		texts.Say("problem.if-a-mail-from-letterlock-brought"),
	}}

// evenStep is far longer than it takes to find out that there is nothing.
const evenStep = 10 * time.Millisecond

// evenOut waits for the end of the step of time in which the visit is. That a
// letter is not the visitor's takes a little longer to find out than that there is
// none (its row is read), and that must not tell the one from the other.
func (v *visit) evenOut() {
	wait := time.NewTimer(evenStep - time.Since(v.began)%evenStep)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-v.Context().Done():
	}
}

var (
	closedNow = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.letterlock-is-closed-for-now"),
		Lines: []texts.Text{
			texts.Say("problem.it-was-restored-from-a-backup"),
			texts.Say("problem.no-letter-is-lost-and-scans-wait"),
		}, Link: "/policy", LinkSay: texts.Say("problem.read-the-confidentiality-policy"), RetryAfter: 60}
	wrongClock = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.this-server-has-the-wrong-time"),
		Lines: []texts.Text{texts.Say("problem.nothing-goes-on-record-with-it")}, RetryAfter: 60}
	databaseAway = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.the-register-cannot-be-reached"),
		Lines: []texts.Text{texts.Say("problem.nothing-goes-on-record-without-it")}, RetryAfter: 60}
	beingMoved = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.letterlock-is-moving"),
		Lines: []texts.Text{texts.Say("problem.come-again-in-a-minute")}, RetryAfter: 20}
	noRoom = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.letterlock-has-no-room-left"),
		Lines: []texts.Text{texts.Say("problem.nothing-goes-on-record-without-room")}, RetryAfter: 60}
	wrongMethod = &problem{Status: http.StatusMethodNotAllowed, Heading: texts.Say("problem.this-page-cannot-be-used-that-way"),
		Lines: []texts.Text{texts.Say("problem.nothing-was-changed-please-go")}}
	othersPage = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.this-page-was-somebody-elses"),
		Lines: []texts.Text{texts.Say("problem.it-was-opened-by-another-person"), texts.Say("problem.open-it-anew-as-yourself")}}
	forged = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.this-did-not-come-from-one-of-our"),
		Lines: []texts.Text{
			texts.Say("problem.another-website-tried-to-send"),
			texts.Say("problem.if-you-were-filling-in-a-form"),
		}}
	preview = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.letterlock-does-not-open-pages"),
		Lines: []texts.Text{texts.Say("problem.your-browser-asked-for-this-page")}}
	tooLarge = &problem{Status: http.StatusRequestEntityTooLarge, Heading: texts.Say("problem.that-was-too-much-at-once"),
		Lines: []texts.Text{texts.Say("problem.what-was-sent-is-larger-than-any")}}
	badForm = &problem{Status: http.StatusBadRequest, Heading: texts.Say("problem.we-could-not-read-that-form"),
		Lines: []texts.Text{texts.Say("problem.it-arrived-incomplete-or-damaged")}}
	failure = &problem{Status: http.StatusInternalServerError, Heading: texts.Say("problem.something-went-wrong-on-our-side"),
		Lines: []texts.Text{texts.Say("problem.what-you-did-last-may"),
			texts.Say("problem.if-it-happens-again-tell")}}
	notRecorded = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.the-letter-cannot-be-shown-right"),
		Lines: []texts.Text{texts.Say("problem.every-opening-is-written"),
			texts.Say("problem.nothing-is-lost-please-try-again")}}
	notReadable = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.the-letter-cannot-be-fetched"),
		Lines: []texts.Text{texts.Say("problem.its-place-of-storage-did")}}
	notClean = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.this-letter-is-shown-page-by-page"),
		Lines: []texts.Text{texts.Say("problem.its-file-is-not-as-scanners"),
			texts.Say("problem.go-back-and-read-its-pages")}}
	letterEnded = &problem{Status: http.StatusGone, Heading: texts.Say("problem.this-letters-time-is-over"),
		Lines: []texts.Text{texts.Say("problem.the-storage-has-already-deleted")}}
	letterLost = &problem{Status: http.StatusGone, Heading: texts.Say("problem.this-letter-is-not-where"),
		Lines: []texts.Text{texts.Say("problem.the-storage-does-not-hold-it-any"),
			texts.Say("problem.if-its-paper-has-not-been")}}
	letterMissing = &problem{Status: http.StatusGone, Heading: texts.Say("problem.this-letter-is-not-where"),
		Lines: []texts.Text{texts.Say("problem.it-was-missing-at-a-restore"),
			texts.Say("problem.keep-its-paper-and-tell")}}
	movedOn = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.something-changed-while-you-were"),
		Lines: []texts.Text{texts.Say("problem.somebody-else-acted"),
			texts.Say("problem.look-at-it-again-if-your-choice")}}
	paperGone = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.the-paper-has-been-destroyed"),
		Lines: []texts.Text{texts.Say("problem.its-destruction-is-on-record")}}
	newScanHere = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.a-new-scan-is-here"),
		Lines: []texts.Text{texts.Say("problem.what-is-decided-is-decided"),
			texts.Say("problem.go-back-and-load-the-page")}}
	notNewScan = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.this-is-not-a-new-scan-that-can"),
		Lines: []texts.Text{texts.Say("problem.it-is-a-letter-of-its-own-already"),
			texts.Say("problem.if-the-wrong-paper-was-scanned")}}
	notRead = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.please-open-the-letter-first"),
		Lines: []texts.Text{texts.Say("problem.only-somebody-who-has-opened")}}
	uploadLost = &problem{Status: http.StatusBadRequest, Heading: texts.Say("problem.the-file-did-not-arrive-whole"),
		Lines: []texts.Text{texts.Say("problem.the-connection-broke-or-the-file")}}
	notFiled = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.the-copy-could-not-be-filed-right"),
		Lines: []texts.Text{texts.Say("problem.its-place-of-storage-did-2")}}
	askedAlready = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.something-was-asked"),
		Lines: []texts.Text{texts.Say("problem.it-waits-for-a-second-person")}}
	twoPeople = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.this-needs-somebody-else"),
		Lines: []texts.Text{texts.Say("problem.you-asked-for-it-yourself")},
		Link:  "/requests", LinkSay: texts.Say("problem.back-to-the-requests")}
	onHold = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.this-letter-is-on-hold"),
		Lines: []texts.Text{texts.Say("problem.what-is-on-hold-is-not-erased")}}
	oldAsked = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.a-new-scan-came-after-that"),
		Lines: []texts.Text{texts.Say("problem.whoever-asked-has-not-opened-it"), texts.Say("problem.let-them-open-the-new-scan")},
		Link:  "/requests", LinkSay: texts.Say("problem.back-to-the-requests")}
	keptHere = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.this-letter-is-kept-for-five"),
		Lines: []texts.Text{texts.Say("problem.a-letter-that-is-kept-for-five"), texts.Say("problem.where-keeping-it-was-a-mistake")}}
	sharedAlready = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.this-letter-was-shared"),
		Lines: []texts.Text{texts.Say("problem.the-policy-wants-what-was-shared"),
			texts.Say("problem.a-request-to-withdraw")}}
	requestOver = &problem{Status: http.StatusGone, Heading: texts.Say("problem.this-request-does-not-wait-any"),
		Lines: []texts.Text{texts.Say("problem.it-has-been-confirmed-declined")},
		Link:  "/requests", LinkSay: texts.Say("problem.see-what-waits")}
	holdOver = &problem{Status: http.StatusGone, Heading: texts.Say("problem.this-hold-is-not-in-force-any"),
		Lines: []texts.Text{texts.Say("problem.it-has-been-released-already")},
		Link:  "/holds", LinkSay: texts.Say("problem.see-what-is-on-hold")}
	notAgain = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.please-show-first"),
		Lines: []texts.Text{texts.Say("problem.this-needs-your-passkey-anew")},
		Link:  "/requests", LinkSay: texts.Say("problem.back-to-the-requests")}
	ssoUnreachable = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.your-organisations-sign-in-cannot"),
		Lines: []texts.Text{texts.Say("problem.nothing-has-happened")},
		Link:  "/sign-in", LinkSay: texts.Say("problem.back-to-the-sign")}
	ssoRefused = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.your-organisations-sign-in-did"),
		Lines: []texts.Text{texts.Say("problem.nothing-has-happened-please-try")},
		Link:  "/sign-in", LinkSay: texts.Say("problem.back-to-the-sign")}
	ssoOver = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.that-sign-in-was-not-begun-here"),
		Lines: []texts.Text{texts.Say("problem.nothing-has-happened-please-begin")}, Link: "/sign-in", LinkSay: texts.Say("problem.back-to-the-sign")}
	ssoUnknown = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.letterlock-does-not-know-you-yet"),
		Lines: []texts.Text{texts.Say("problem.your-organisations-sign-in-says")},
		Link:  "/enrol", LinkSay: texts.Say("problem.set-up-your-sign-in-with-a-code")}
	ssoNoGroup = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.none-of-your-groups-may-use"),
		Lines: []texts.Text{texts.Say("problem.your-organisations-sign-in-says-2"),
			texts.Say("problem.if-that-is-wrong-ask-whoever")},
		Link: "/sign-in", LinkSay: texts.Say("problem.back-to-the-sign")}
	ssoSomebodyElse = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.that-was-somebody-elses-account"),
		Lines: []texts.Text{texts.Say("problem.you-are-signed-in-here-as-one")}}
	ssoTooWeak = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.your-organisations-sign-in-did-2"),
		Lines: []texts.Text{texts.Say("problem.what-cannot-be-undone-needs-more")}}
	ssoNotStrong = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.your-organisations-sign-in-did-2"),
		Lines: []texts.Text{texts.Say("problem.letterlock-needs-more-than")},
		Link:  "/sign-in", LinkSay: texts.Say("problem.back-to-the-sign")}
	ssoLinked = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.this-sign-in-belongs-to-another"),
		Lines: []texts.Text{texts.Say("problem.your-organisations-sign-in-says-3"), texts.Say("problem.sign-in-as-yourself-there-or-tell")},
		Link:  "/sign-in", LinkSay: texts.Say("problem.back-to-the-sign")}
	noPasskey = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.you-have-no-passkey-yet"),
		Lines: []texts.Text{texts.Say("problem.this-needs-a-passkey-of-your-own")},
		Link:  "/account", LinkSay: texts.Say("problem.your-account")}
	noStorageUser = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.the-storage-lets-no-user"),
		Lines: []texts.Text{texts.Say("problem.make-one-there-yourself")},
		Link:  "/scanners", LinkSay: texts.Say("problem.back-to-the-scanners")}
	codeFirst = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.please-use-a-code-first"),
		Lines: []texts.Text{texts.Say("problem.a-session-alone-makes-no-passkey"),
			texts.Say("problem.ask-your-administrator-for-a-code")},
		Link: "/enrol", LinkSay: texts.Say("problem.set-up-your-sign-in-with-a-code")}
	policyFirst = &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.please-read-the-policy-first"),
		Lines: []texts.Text{texts.Say("problem.nothing-was-changed")}, Link: "/policy/confirm", LinkSay: texts.Say("problem.read-the-policy")}
	lastAdministrator = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.nobody-else-could-invite-people"),
		Lines: []texts.Text{texts.Say("problem.no-other-administrator-can-sign"),
			texts.Say("problem.invite-another-administrator")},
		Link: "/people", LinkSay: texts.Say("problem.back-to-the-people")}
	noSuchPasskey = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.this-passkey-is-not-there-any"),
		Lines: []texts.Text{texts.Say("problem.somebody-has-revoked-it-before")},
		Link:  "/people", LinkSay: texts.Say("problem.back-to-the-people")}
	keptAlready = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.this-letter-is-kept-for-five-2"),
		Lines: []texts.Text{texts.Say("problem.somebody-has-decided-it-before")}}
	notKept = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.this-letter-is-not-kept-for-five"),
		Lines: []texts.Text{texts.Say("problem.what-you-chose-was-not-recorded")}}
	badDecision = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.that-does-not-fit-the-letter-any"),
		Lines: []texts.Text{texts.Say("problem.something-changed-while-you-were-2")}}
	folderDown = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.the-scanner-folder-cannot"),
		Lines: []texts.Text{texts.Say("problem.nothing-is-lost-and-nothing")}}
	notLookedAt = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.the-pages-of-this-scan-cannot"),
		Lines: []texts.Text{texts.Say("problem.nothing-is-lost-and-nothing-2"),
			texts.Say("problem.you-can-also-answer")},
		Link: "/intake", LinkSay: texts.Say("problem.back-to-the-intake")}
	notLookedYet = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.the-scanner-has-not-looked-yet"),
		Lines: []texts.Text{texts.Say("problem.it-does-once-nothing-else"),
			texts.Say("problem.you-can-also-answer")},
		Link: "/intake", LinkSay: texts.Say("problem.back-to-the-intake")}
	notToBeSeen = &problem{Status: http.StatusNotFound, Heading: texts.Say("problem.the-scanner-cannot-show-the-pages"),
		Lines: []texts.Text{texts.Say("problem.nothing-is-lost-answer-in-the-folder")},
		Link:  "/intake", LinkSay: texts.Say("problem.back-to-the-intake")}
	questionGone = &problem{Status: http.StatusGone, Heading: texts.Say("problem.this-question-does-not-wait-any"),
		Lines: []texts.Text{texts.Say("problem.it-has-been-answered"),
			texts.Say("problem.if-you-were-sending-an-answer")},
		Link: "/intake", LinkSay: texts.Say("problem.see-what-waits")}
	packFetched = &problem{Status: http.StatusGone, Heading: texts.Say("problem.this-pack-was-fetched"),
		Lines: []texts.Text{texts.Say("problem.each-pack-is-on-record"),
			texts.Say("problem.if-your-browser-has-not-saved-it")},
		Link: evidencePath, LinkSay: texts.Say("problem.ask-for-a-new-pack")}
	stackChanged = &problem{Status: http.StatusConflict, Heading: texts.Say("problem.the-stack-changed-while-you-were"),
		Lines: []texts.Text{texts.Say("problem.the-file-in-the-scanner-folder")},
		Link:  "/intake", LinkSay: texts.Say("problem.back-to-the-intake")}
	answerNotRecorded = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.your-answer-could-not-be-recorded"),
		Lines: []texts.Text{texts.Say("problem.every-answer-is-written"),
			texts.Say("problem.nothing-is-lost-please-try-again")}}
	answerLost = &problem{Status: http.StatusServiceUnavailable, Heading: texts.Say("problem.your-answer-may-not-have-arrived"),
		Lines: []texts.Text{texts.Say("problem.it-is-on-record-but-the-scanner"),
			texts.Say("problem.look-whether-the-question")},
		Link: "/intake", LinkSay: texts.Say("problem.see-what-waits")}
	noProof = &problem{Status: http.StatusBadRequest, Heading: texts.Say("problem.there-is-no-such-proof"),
		Lines: []texts.Text{texts.Say("problem.the-register-did-not-hold-as-many")}}
	signedOut = &problem{Status: http.StatusUnauthorized, Heading: texts.Say("problem.you-are-not-signed-in-any-more")}
)

// notAgainAt is notAgain for what is shown again at another address than a request's.
func notAgainAt(path string) *problem {
	said := *notAgain
	said.Link, said.LinkSay = path, texts.Say("problem.go-back-and-use-your-passkey")
	return &said
}

// ofALetter are the problems after which one looks at the letter again.
var ofALetter = []*problem{movedOn, paperGone, newScanHere, notRead, onHold}

// backTo is the problem with the way back to its letter or answer.
func (p *problem) backTo(l register.Letter) *problem {
	said := *p
	said.Link, said.LinkSay = letterPath(l.ID), texts.Say("letter.letter", "reference", l.ID.Reference())
	if l.IsResponse() {
		said.LinkSay = texts.Say("letter.answer", "reference", l.ID.Reference())
	}
	return &said
}

// ssoFirst tells somebody of whom the organisation's sign-in says what they may
// do that a passkey alone does not sign them in.
func (p *Portal) ssoFirst() error {
	return &problem{Status: http.StatusForbidden, Heading: texts.Say("problem.please-sign", "sso-name", p.ssoName()),
		Lines: []texts.Text{texts.Say("problem.it-says-what-you-may-do-here")}}
}

// problemOf is the one place in which inner errors become sentences. An error
// it does not know is a failure of ours; known is then false.
func problemOf(err error) (said *problem, known bool) {
	if p, ok := errors.AsType[*problem](err); ok {
		return p, true
	}
	switch {
	case errors.Is(err, register.ErrNotFound), errors.Is(err, register.ErrNotOpen):
		return errNowhere, true
	case errors.Is(err, register.ErrMoved):
		return movedOn, true
	case errors.Is(err, register.ErrAside):
		return wrongClock, true
	case register.IsOutOfReach(err):
		return databaseAway, true
	case register.IsFull(err):
		return noRoom, true
	case errors.Is(err, register.ErrPaperGone):
		return paperGone, true
	case errors.Is(err, register.ErrNotRead):
		return notRead, true
	case errors.Is(err, register.ErrReplaced):
		return newScanHere, true
	case errors.Is(err, register.ErrNoNewScan), errors.Is(err, register.ErrOldScanEnd):
		return notNewScan, true
	case errors.Is(err, register.ErrMayNotRead):
		return badDecision, true
	case errors.Is(err, register.ErrKnowsHeld):
		return knowsHeld, true
	case errors.Is(err, register.ErrLastReader):
		return lastReader, true
	case errors.Is(err, ErrUpload):
		return uploadLost, true
	case errors.Is(err, register.ErrAsked):
		return askedAlready, true
	case errors.Is(err, register.ErrLinked):
		return ssoLinked, true
	case errors.Is(err, register.ErrLastAdministrator):
		return lastAdministrator, true
	case errors.Is(err, register.ErrDrafts):
		return tooManyDrafts, true
	case errors.Is(err, register.ErrSameTwo):
		return twoPeople, true
	case errors.Is(err, register.ErrOnHold):
		return onHold, true
	case errors.Is(err, register.ErrKeptHere):
		return keptHere, true
	case errors.Is(err, register.ErrOldAsked):
		return oldAsked, true
	case errors.Is(err, register.ErrShared):
		return sharedAlready, true
	case errors.Is(err, register.ErrKeptAlready):
		return keptAlready, true
	case errors.Is(err, register.ErrNotKept):
		return notKept, true
	case errors.Is(err, register.ErrBadDecision):
		return badDecision, true
	case errors.Is(err, ErrAnswered):
		return questionGone, true
	case errors.Is(err, ErrGone):
		return letterEnded, true
	case errors.Is(err, ErrMissing):
		return letterMissing, true
	case errors.Is(err, ErrLost):
		return letterLost, true
	}
	return failure, false
}

// because keeps what went wrong inside beside what the person is told.
func because(said *problem, inner error) error { return &caused{said, inner} }

type caused struct {
	said  *problem
	inner error
}

func (c *caused) Error() string   { return c.inner.Error() }
func (c *caused) Unwrap() []error { return []error{c.said, c.inner} }

// answer tells the person that err happened.
func (p *Portal) answer(w http.ResponseWriter, v *visit, err error) {
	p.hearOut(w, v)
	if errors.Is(err, errSignIn) {
		p.askToSignIn(w, v)
		return
	}
	if errors.Is(err, errPolicy) {
		p.askToConfirm(w, v)
		return
	}
	if errors.Is(err, register.ErrSent) {
		p.showAgain(w, v)
		return
	}
	if refused, is := errors.AsType[*refusedSignIn](err); is {
		p.logRefused(v, refused.way, refused.why)
	}
	said, known := problemOf(err)
	if _, inner := errors.AsType[*caused](err); (inner || !known) && !errors.Is(err, context.Canceled) {
		p.logFailure(v, err.Error())
	}
	if slices.Contains(ofALetter, said) && v.letter.ID != "" {
		said = said.backTo(v.letter)
	}
	if said == errNowhere && v.even {
		v.evenOut()
	}
	if said.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(said.RetryAfter))
	}
	if v.script {
		writeJSON(w, said.Status, map[string]string{"says": p.inOneLine(said)})
		return
	}
	body := problemBody{problem: said}
	if said.Status == http.StatusInternalServerError {
		body.RequestID = v.requestID
	}
	p.show(w, v, said.Status, page{Name: "problem", Title: said.Heading, Body: body})
}

// inOneLine says a problem where there is no page to say it on.
func (p *Portal) inOneLine(said *problem) string {
	lines := apply(said.Lines, p.language.Text)
	return p.language.Text(texts.Say("problem.heading-and-lines", "heading", said.Heading, "lines", strings.Join(lines, " ")))
}

type problemBody struct {
	*problem
	RequestID string
}

// askToSignIn sends a stranger to the sign-in page, from which the way leads
// back to where they wanted to go.
func (p *Portal) askToSignIn(w http.ResponseWriter, v *visit) {
	if v.script {
		p.answer(w, v, signedOut)
		return
	}
	if p.sentTooLate(v) {
		to, _ := formsPage(p.cameFrom(v), v.PostForm)
		redirect(w, "/sign-in?"+url.Values{"kept": {"1"}, "to": {to}}.Encode())
		return
	}
	redirect(w, "/sign-in?"+p.wayBack(v))
}

// wayBack is the query by which a page leads back to where the visitor wanted to
// go. What was entered in a form is lost on the way, where it is not kept; it says
// so, and leads back to the page on which it can be entered again.
func (p *Portal) wayBack(v *visit) string {
	q := url.Values{}
	if v.Method == http.MethodPost {
		to, _ := formsPage(p.cameFrom(v), v.PostForm)
		q.Set("lost", "1")
		q.Set("to", to)
	} else {
		q.Set("to", samePath(v.URL.RequestURI()))
	}
	return q.Encode()
}

// cameFrom is the page of ours on which a form was sent, or the start page.
func (p *Portal) cameFrom(v *visit) string {
	from, err := url.Parse(v.Referer())
	if err != nil || from.Host != v.Host {
		return "/"
	}
	return samePath(p.pageAt(*from))
}

// pageAt is the page at an address of ours. What answers a form that was sent, with
// what is to be put right or to be seen once, stands under the form's own address,
// where there may be no page: then it is that above it.
func (p *Portal) pageAt(u url.URL) string {
	for !p.isPage(u.Path) {
		u.Path, u.RawQuery = path.Dir(u.Path), ""
	}
	return u.RequestURI()
}

// isPage reports whether there is a page at a path, whoever may see it. What is no
// address of ours at all leads to the page that says so.
func (p *Portal) isPage(at string) bool {
	there := p.routesAt(at)
	return len(there) == 0 || slices.ContainsFunc(there, func(r route) bool { return r.method == http.MethodGet })
}

// redirect sends the browser on with a GET.
func redirect(w http.ResponseWriter, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// samePath returns s if it is a path on this very site, and else "/": a link
// to the sign-in page must not lead anybody to another site afterwards.
func samePath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(s, "/") ||
		strings.HasPrefix(s, "//") || strings.ContainsAny(s, "\\\t\r\n") {
		return "/"
	}
	return s
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	out, err := json.Marshal(body)
	if err != nil {
		panic(err) // our own structs can always be written
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(out) // the caller has gone if this fails
}
