package portal

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
)

// problem is an error as a person is told it. It says what happened, what
// became of what they did, and what to do next.
type problem struct {
	Status  int
	Heading string
	Lines   []string
	Link    string // where to go on; empty for the start page
	LinkSay string

	RetryAfter int // seconds; 0 where waiting does not help
}

func (p *problem) Error() string { return strings.ToLower(p.Heading) }

// errSignIn asks for a sign-in that leads back.
var errSignIn = errors.New("nobody is signed in")

// errNowhere is what everybody gets who asks for what is not there or not
// theirs: the same page, byte for byte.
var errNowhere = &problem{Status: http.StatusNotFound, Heading: "There is nothing here for you",
	Lines: []string{
		"The address may be mistyped, the letter may have been deleted because its time is over, or it may be meant for somebody else.",
		"If a mail from Letterlock brought you here and you expected a letter, check that you are signed in as yourself, or ask the helplines’ manager.",
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
	closedNow = &problem{Status: http.StatusServiceUnavailable, Heading: "Letterlock is closed for now",
		Lines: []string{
			"It was restored from a backup. Until it is known what has happened since then, nobody can sign in and no letter is shown: letters that must be gone could appear again.",
			"No letter is lost, and scans wait at the scanner. If you are the administrator, run “letterlock restore” on the server. Everybody else: please tell your administrator, and come back later.",
		}, Link: "/policy", LinkSay: "Read the confidentiality policy"}
	wrongMethod = &problem{Status: http.StatusMethodNotAllowed, Heading: "This page cannot be used that way",
		Lines: []string{"Nothing was changed. Please go back and use the buttons on the page."}}
	forged = &problem{Status: http.StatusForbidden, Heading: "This did not come from one of our own pages",
		Lines: []string{
			"Another website tried to send something to Letterlock in your name, or your browser hid where the form came from. Nothing was changed.",
			"If you were filling in a form of ours, open Letterlock again in a new tab and send it from there.",
		}}
	preview = &problem{Status: http.StatusForbidden, Heading: "Letterlock does not open pages ahead of time",
		Lines: []string{"Your browser asked for this page before you did. Open the link and you will see it."}}
	tooLarge = &problem{Status: http.StatusRequestEntityTooLarge, Heading: "That was too much at once",
		Lines: []string{"What was sent is larger than any of our forms. Nothing was changed."}}
	badForm = &problem{Status: http.StatusBadRequest, Heading: "We could not read that form",
		Lines: []string{"It arrived incomplete or damaged. Nothing was changed. Please go back and send it again."}}
	failure = &problem{Status: http.StatusInternalServerError, Heading: "Something went wrong on our side",
		Lines: []string{"What you did last may not have been saved. Please go back, look whether it was, and try again.",
			"If it happens again, tell your administrator the number below."}}
	notRecorded = &problem{Status: http.StatusServiceUnavailable, Heading: "The letter cannot be shown right now",
		Lines: []string{"Every opening is written in the register first, and the register could not be written. So nothing was shown.",
			"Nothing is lost. Please try again in a few minutes, and tell your administrator if it stays like this."}}
	notReadable = &problem{Status: http.StatusServiceUnavailable, Heading: "The letter cannot be fetched right now",
		Lines: []string{"Its place of storage did not answer as it should. Nothing is lost. Please try again in a few minutes."}}
	letterEnded = &problem{Status: http.StatusGone, Heading: "This letter’s time is over",
		Lines: []string{"The storage has already deleted it, as it should in these last days. It cannot be brought back."}}
	letterLost = &problem{Status: http.StatusGone, Heading: "This letter is not where it should be",
		Lines: []string{"The storage does not hold it any more, although its time is not over. The manager, the data-protection officer and the administrator are told.",
			"If its paper has not been destroyed, keep it, and ask operations to scan it again."}}
	movedOn = &problem{Status: http.StatusConflict, Heading: "Something changed while you were looking",
		Lines: []string{"Somebody else acted on this letter at the same moment, so what you chose was not recorded.",
			"Look at it again. If your choice still fits, please make it again."}}
	paperGone = &problem{Status: http.StatusConflict, Heading: "The paper has been destroyed already",
		Lines: []string{"Its destruction is on record, so what was found about the scan can no longer be changed. What you chose was not recorded."}}
	newScanHere = &problem{Status: http.StatusConflict, Heading: "A new scan of this letter is here",
		Lines: []string{"What is decided is decided of the new scan, so what you chose was not recorded.",
			"Go back and load the page of the letter again: it leads to the new scan."}}
	notNewScan = &problem{Status: http.StatusConflict, Heading: "This is not a new scan that can be taken apart",
		Lines: []string{"It is a letter of its own already, or a new scan was found readable and the old one is erased. Nothing was changed.",
			"If the wrong paper was scanned, tell operations: while the paper exists it can be scanned into the ordinary folder."}}
	notRead = &problem{Status: http.StatusConflict, Heading: "Please open the letter first",
		Lines: []string{"Only somebody who has opened a letter can say whether it is readable. What you chose was not recorded."}}
	uploadLost = &problem{Status: http.StatusBadRequest, Heading: "The file did not arrive whole",
		Lines: []string{"The connection broke, or the file is too large. Nothing was filed. Please try again."}}
	notFiled = &problem{Status: http.StatusServiceUnavailable, Heading: "The copy could not be filed right now",
		Lines: []string{"Its place of storage did not answer as it should, so nothing was filed. Keep your file, and please try again in a few minutes."}}
	askedAlready = &problem{Status: http.StatusConflict, Heading: "Something was asked for this letter already",
		Lines: []string{"It waits for a second person. What you chose was not recorded."}}
	twoPeople = &problem{Status: http.StatusConflict, Heading: "This needs somebody else",
		Lines: []string{"You asked for it yourself, so another person must confirm it: the helplines’ manager or the data-protection officer."},
		Link:  "/requests", LinkSay: "Back to the requests"}
	onHold = &problem{Status: http.StatusConflict, Heading: "This letter is on hold",
		Lines: []string{"What is on hold is not erased. The helplines’ manager can release the hold."}}
	keptHere = &problem{Status: http.StatusConflict, Heading: "This letter is kept for five years",
		Lines: []string{"A letter that is kept for five years stays with the helpline whose team leader was named. What you chose was not recorded."}}
	sharedAlready = &problem{Status: http.StatusConflict, Heading: "This letter was shared with an agency",
		Lines: []string{"The policy wants what was shared to be kept for five years, so the decision stands. Nothing was changed.",
			"A request to withdraw it that still waits can only be declined or taken back."}}
	requestOver = &problem{Status: http.StatusGone, Heading: "This request does not wait any more",
		Lines: []string{"It has been confirmed, declined or taken back already, by you or by somebody else, or its letter is gone. The register says which. Nothing was done now."},
		Link:  "/requests", LinkSay: "See what waits"}
	holdOver = &problem{Status: http.StatusGone, Heading: "This hold is not in force any more",
		Lines: []string{"It has been released already, by you or by somebody else. The register says when. Nothing was done now."},
		Link:  "/holds", LinkSay: "See what is on hold"}
	notAgain = &problem{Status: http.StatusForbidden, Heading: "Please show first that it is you",
		Lines: []string{"This needs your passkey anew, and what you showed last is more than five minutes ago. Nothing was done. Please go back and use your passkey."},
		Link:  "/requests", LinkSay: "Back to the requests"}
	ssoUnreachable = &problem{Status: http.StatusServiceUnavailable, Heading: "Your organisation’s sign-in cannot be reached",
		Lines: []string{"Nothing has happened. If you have a passkey, sign in with that. Otherwise please try again in a few minutes, and tell your administrator if it stays like this."},
		Link:  "/sign-in", LinkSay: "Back to the sign-in"}
	ssoRefused = &problem{Status: http.StatusForbidden, Heading: "Your organisation’s sign-in did not let you in",
		Lines: []string{"Nothing has happened. Please try again; if it stays like this, tell your administrator, who finds the reason in the log."},
		Link:  "/sign-in", LinkSay: "Back to the sign-in"}
	ssoOver = &problem{Status: http.StatusConflict, Heading: "That sign-in was not begun here, or took too long",
		Lines: []string{"Nothing has happened. Please begin again."}, Link: "/sign-in", LinkSay: "Back to the sign-in"}
	ssoUnknown = &problem{Status: http.StatusForbidden, Heading: "Letterlock does not know you yet",
		Lines: []string{"Your organisation’s sign-in says who you are, but nobody here is signed in by it. If you are to use Letterlock, your administrator tells you a staff number and a code."},
		Link:  "/enrol", LinkSay: "Set up your sign-in with a code"}
	ssoNoGroup = &problem{Status: http.StatusForbidden, Heading: "None of your groups may use Letterlock",
		Lines: []string{"Your organisation’s sign-in says who you are, and names no group of yours that Letterlock knows. So you can do nothing here, and that is on record.",
			"If that is wrong, ask whoever looks after your organisation’s accounts to put you into the right group, and sign in again."},
		Link: "/sign-in", LinkSay: "Back to the sign-in"}
	ssoSomebodyElse = &problem{Status: http.StatusForbidden, Heading: "That was somebody else’s account",
		Lines: []string{"You are signed in here as one person, and your organisation’s sign-in names another. Nothing was done. Show that it is you with your own account, or with your passkey."}}
	ssoTooWeak = &problem{Status: http.StatusForbidden, Heading: "Your organisation’s sign-in did not ask enough",
		Lines: []string{"What cannot be undone needs more than a password: a passkey, or an account that asks for a second proof. Nothing was done. Please go back and use your passkey."}}
	ssoNotStrong = &problem{Status: http.StatusForbidden, Heading: "Your organisation’s sign-in did not ask enough",
		Lines: []string{"Letterlock needs more than a password from it: an account that asks for a second proof. Nobody is signed in. If you have a passkey, sign in with that; otherwise tell your administrator."},
		Link:  "/sign-in", LinkSay: "Back to the sign-in"}
	ssoLinked = &problem{Status: http.StatusConflict, Heading: "This sign-in belongs to another staff number",
		Lines: []string{"Your organisation’s sign-in says that you are somebody who has a staff number here already. Nothing was changed.", "Sign in as yourself there, or tell your administrator."},
		Link:  "/sign-in", LinkSay: "Back to the sign-in"}
	noPasskey = &problem{Status: http.StatusForbidden, Heading: "You have no passkey yet",
		Lines: []string{"This needs a passkey of your own, since your organisation’s sign-in may have been open for a while. Make one on the page “Your account”."},
		Link:  "/account", LinkSay: "Your account"}
	codeFirst = &problem{Status: http.StatusForbidden, Heading: "Please use a code first",
		Lines: []string{"A session alone makes no passkey, and you have none yet to show that it is you. Nothing was made.",
			"Ask your administrator for a code, and make your passkey with it."},
		Link: "/enrol", LinkSay: "Set up your sign-in with a code"}
	policyFirst = &problem{Status: http.StatusForbidden, Heading: "Please read the policy first",
		Lines: []string{"Nothing was changed."}, Link: "/policy/confirm", LinkSay: "Read the policy"}
	lastAdministrator = &problem{Status: http.StatusConflict, Heading: "Nobody else could invite people then",
		Lines: []string{"No other administrator can sign in, so this one stays. Nothing was changed.",
			"Invite another administrator first, and go on once they have made their passkey."},
		Link: "/people", LinkSay: "Back to the people"}
	noSuchPasskey = &problem{Status: http.StatusConflict, Heading: "This passkey is not there any more",
		Lines: []string{"Somebody has revoked it before you. Nothing was changed."},
		Link:  "/people", LinkSay: "Back to the people"}
	keptAlready = &problem{Status: http.StatusConflict, Heading: "This letter is kept for five years already",
		Lines: []string{"Somebody has decided it before you. What you chose was not recorded; look at the letter to see what was decided."}}
	notKept = &problem{Status: http.StatusConflict, Heading: "This letter is not kept for five years",
		Lines: []string{"What you chose was not recorded. Look at the letter again."}}
	badDecision = &problem{Status: http.StatusConflict, Heading: "That does not fit the letter any more",
		Lines: []string{"Something changed while you were deciding: the day, or who leads this helpline. Nothing was recorded. Please look at the letter and decide again."}}
	folderDown = &problem{Status: http.StatusServiceUnavailable, Heading: "The scanner folder cannot be looked into right now",
		Lines: []string{"Nothing is lost, and nothing was changed. Please try again in a few minutes, and tell your administrator if it stays like this."}}
	notLookedAt = &problem{Status: http.StatusServiceUnavailable, Heading: "The pages of this scan cannot be shown right now",
		Lines: []string{"Nothing is lost, and nothing was changed. Please try again in a few minutes.",
			"You can also answer in the scanner folder: the note beside the file says how."},
		Link: "/intake", LinkSay: "Back to the intake"}
	questionGone = &problem{Status: http.StatusGone, Heading: "This question does not wait any more",
		Lines: []string{"It has been answered, by you or by somebody else, its file is not in the folder any more, or Letterlock was started anew.",
			"If you were sending an answer, it was not given to the scanner. If the question is still listed, please answer it there."},
		Link: "/intake", LinkSay: "See what waits"}
	stackChanged = &problem{Status: http.StatusConflict, Heading: "The stack changed while you were looking",
		Lines: []string{"The file in the scanner folder does not have as many pages as the one you were shown, so nothing was done. Open the question anew."},
		Link:  "/intake", LinkSay: "Back to the intake"}
	answerNotRecorded = &problem{Status: http.StatusServiceUnavailable, Heading: "Your answer could not be recorded",
		Lines: []string{"Every answer is written in the register first, and the register could not be written. So nothing was done with the scan.",
			"Nothing is lost. Please try again in a few minutes, and tell your administrator if it stays like this."}}
	answerLost = &problem{Status: http.StatusServiceUnavailable, Heading: "Your answer may not have arrived",
		Lines: []string{"It is on record, but the scanner folder did not answer as it should. Nothing is lost.",
			"Look whether the question is still listed. If it is, please answer it again."},
		Link: "/intake", LinkSay: "See what waits"}
	noProof = &problem{Status: http.StatusBadRequest, Heading: "There is no such proof",
		Lines: []string{"The register did not hold as many entries when today’s checkpoint was signed, or the numbers are not numbers."}}
	signedOut = &problem{Status: http.StatusUnauthorized, Heading: "You are not signed in any more"}
)

// notAgainAt is notAgain for what is shown again at another address than a request's.
func notAgainAt(path string) *problem {
	said := *notAgain
	said.Link, said.LinkSay = path, "Go back and use your passkey"
	return &said
}

// ssoFirst tells somebody of whom the organisation's sign-in says what they may
// do that a passkey alone does not sign them in.
func (p *Portal) ssoFirst() error {
	return &problem{Status: http.StatusForbidden, Heading: "Please sign in with " + p.ssoName(),
		Lines: []string{"It says what you may do here. Your passkey shows that it is you, where something cannot be undone."}}
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
	if said == errNowhere && v.even {
		v.evenOut()
	}
	if said.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(said.RetryAfter))
	}
	if v.script {
		writeJSON(w, said.Status, map[string]string{"says": said.Heading + ". " + strings.Join(said.Lines, " ")})
		return
	}
	body := problemBody{problem: said}
	if said.Status == http.StatusInternalServerError {
		body.RequestID = v.requestID
	}
	p.show(w, v, said.Status, page{Name: "problem", Title: said.Heading, Body: body})
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
	redirect(w, "/sign-in?"+wayBack(v))
}

// wayBack is the query by which a page leads back to where the visitor wanted to
// go. What was entered in a form is lost on the way; it says so, and leads back to
// the page on which it can be entered again.
func wayBack(v *visit) string {
	q := url.Values{}
	if v.Method == http.MethodPost {
		q.Set("lost", "1")
		q.Set("to", cameFrom(v))
	} else {
		q.Set("to", samePath(v.URL.RequestURI()))
	}
	return q.Encode()
}

// cameFrom is the page of ours on which a form was sent, or the start page.
func cameFrom(v *visit) string {
	from, err := url.Parse(v.Referer())
	if err != nil || from.Host != v.Host {
		return "/"
	}
	return samePath(from.RequestURI())
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
