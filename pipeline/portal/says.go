package portal

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// entryKind is how entries of one kind are said.
type entryKind struct {
	Kind string
	Name string                                    // in the filter
	say  func(e register.Entry, t teller) sentence // what it says, in one sentence
}

// sentence is an entry in words; the zero sentence is an entry that cannot be read.
type sentence string

// teller knows what a sentence needs beyond the entry.
type teller struct {
	staff    func(number int64) string
	helpline func(name string) string
	answer   func(letter.ID) bool // whether it is the kept copy of an answer; nil where nobody knows
}

// theLetter is how an entry's sentence names what it is about.
var theLetter = regexp.MustCompile(`\b([Tt])he letter\b`)

// entryKinds says every kind of entry, in the order of the filter. A test
// holds it complete against the register's own events.
var entryKinds = []entryKind{
	{"letter-admitted", "Letter arrived", about(func(d register.LetterAdmitted, _ register.Entry, t teller) string {
		return fmt.Sprintf("A letter of %s for %s arrived from %s; it must be gone on %s.", count(d.Pages, "page", "pages"), t.helpline(string(d.Helpline)), d.Site, day(d.Deadline))
	})},
	{"manifest-accepted", "Late letter accepted", about(func(register.ManifestAccepted, register.Entry, teller) string {
		return "Somebody at the server vouched for a letter that was announced late."
	})},
	{"letter-verified", "Letter verified", about(func(d register.LetterVerified, _ register.Entry, _ teller) string {
		return fmt.Sprintf("The letter was read back from the storage, opened, and all of it (%s) could be shown.", count(d.Pages, "page", "pages"))
	})},
	{"letter-unverifiable", "Letter could not be verified", about(func(d register.LetterUnverifiable, _ register.Entry, _ teller) string {
		return "What the storage holds is not what the scanner said: " + worded(troubleWords, d.Reason) + ". The scan is kept and somebody must look."
	})},
	{"letter-looked-at-again", "Looked at again", about(func(register.LetterLookedAtAgain, register.Entry, teller) string {
		return "A letter that could not be verified was announced again and is looked at anew."
	})},
	{"letter-receipted", "Scanner may let go", about(func(register.LetterReceipted, register.Entry, teller) string {
		return "The scanner was told that the letter is safe and that it may delete its scan."
	})},
	{"letter-notified", "Team leaders told", about(func(d register.LetterNotified, _ register.Entry, t teller) string {
		if len(d.Staff) == 0 {
			return "There was nobody to write to about the letter."
		}
		return "A mail about the letter went to " + list(apply(d.Staff, func(n int64) string { return lowerFirst(t.staff(n)) })) + "."
	})},
	{"letter-opened", "Letter opened", about(func(d register.LetterOpened, e register.Entry, t teller) string {
		switch d.As {
		case register.ShownPDF:
			return t.staff(e.By) + " opened the letter as a PDF."
		case register.ShownPrint:
			return t.staff(e.By) + " opened the letter to print it."
		}
		return t.staff(e.By) + " opened the letter."
	})},
	{"letter-readable", "Letter found readable", about(func(_ register.LetterReadable, e register.Entry, t teller) string {
		return t.staff(e.By) + " found the letter readable."
	})},
	{"letter-scan-again", "Scan asked for again", about(func(d register.LetterScanAgain, e register.Entry, t teller) string {
		return t.staff(e.By) + " asked for the letter to be scanned again: " + lowerFirst(worded(reasonWords, d.Reason)) + "."
	})},
	{"new-scan-taken", "New scan taken", about(func(d register.NewScanTaken, _ register.Entry, _ teller) string {
		return fmt.Sprintf("The letter is the new scan of %s, which was asked for: %s. The paper, and all that was decided, is this one’s now.", d.Of.Reference(), lowerFirst(worded(reasonWords, d.Reason)))
	})},
	{"new-scan-apart", "New scan that is none", about(func(d register.NewScanApart, _ register.Entry, _ teller) string {
		return fmt.Sprintf("The scanner said that the letter is a new scan of %s. It is a letter of its own, because %s.", d.Of.Reference(), worded(apartWords, d.Why))
	})},
	{"letter-replaced", "Scanned anew", about(func(d register.LetterReplaced, _ register.Entry, _ teller) string {
		return "The new scan of the letter is here, as " + d.By.Reference() + ". This one is kept until a new one is found readable."
	})},
	{"new-scan-is-other", "New scan of another paper", about(func(d register.NewScanIsOther, e register.Entry, t teller) string {
		return fmt.Sprintf("%s found the letter to be no new scan of %s but another. Each is a letter of its own again.", t.staff(e.By), d.Of.Reference())
	})},
	{"old-scan-ending", "Old scan erased", about(func(d register.OldScanEnding, e register.Entry, t teller) string {
		if e.By == 0 {
			return "The new scan " + d.By.Reference() + " was found readable before, and no hold keeps this one any more: it is erased now."
		}
		return fmt.Sprintf("%s found the new scan %s readable: this one is erased now.", t.staff(e.By), d.By.Reference())
	})},
	{"letter-recused", "Reader walled off", about(func(_ register.LetterRecused, e register.Entry, t teller) string {
		return t.staff(e.By) + " knows somebody in the letter, and is walled off from it."
	})},
	{"risk-said", "Risk answered", about(func(d register.RiskSaid, e register.Entry, t teller) string {
		return t.staff(e.By) + " said of the letter: " + lowerFirst(worded(riskWords, d.Answer)) + "."
	})},
	{"letter-handed-over", "Letter handed over", about(func(d register.LetterHandedOver, e register.Entry, t teller) string {
		return t.staff(e.By) + " handed the letter over to " + lowerFirst(t.staff(d.To)) + "."
	})},
	{"letter-safeguarded", "Kept for five years", about(func(d register.LetterSafeguarded, e register.Entry, t teller) string {
		return fmt.Sprintf("%s decided that the letter is kept for five years, until %s: %s. The service user: %s. It is looked at again on %s; %s may open it, beside the manager.",
			t.staff(e.By), day(d.Deadline), lowerFirst(worded(safeguardingReasonWords, d.Reason)), lowerFirst(worded(toldWords, d.Told)), day(d.Review), lowerFirst(t.staff(d.Named)))
	})},
	{"safeguarding-reviewed", "Safeguarding looked at again", about(func(d register.SafeguardingReviewed, e register.Entry, t teller) string {
		return fmt.Sprintf("%s looked at a letter that is kept for five years. It is looked at again on %s; %s may open it, beside the manager.",
			t.staff(e.By), day(d.Review), lowerFirst(t.staff(d.Named)))
	})},
	{"letter-shared", "Shared with an agency", about(func(d register.LetterShared, e register.Entry, t teller) string {
		return fmt.Sprintf("%s shared the letter on %s with %s. %s.", t.staff(e.By), day(d.On), lowerFirst(worded(agencyWords, d.Agency)), worded(basisWords, d.Basis))
	})},
	{"response-filed", "Answer uploaded", about(func(d register.ResponseFiled, e register.Entry, t teller) string {
		return fmt.Sprintf("%s handed in the copy of an answer of %s to the letter %s of %s; it must be gone on %s.",
			t.staff(e.By), count(d.Pages, "page", "pages"), d.Answers.Reference(), t.helpline(string(d.Helpline)), day(d.Deadline))
	})},
	{"response-lost", "Answer not filed", about(func(d register.ResponseLost, _ register.Entry, _ teller) string {
		return "The copy of an answer to the letter " + d.Answers.Reference() + " did not surely reach the storage; what there may be of it is removed, and it must be filed again."
	})},
	{"response-to-confirm", "Answer waits for a second person", about(func(d register.ResponseToConfirm, e register.Entry, t teller) string {
		return fmt.Sprintf("%s found it safe to write to the address of the answer to the letter %s, and somebody else must confirm it. %s.", t.staff(e.By), d.Answers.Reference(), worded(addressCheckWords, d.Check))
	})},
	{"response-kept", "Answer kept", about(func(d register.ResponseKept, e register.Entry, t teller) string {
		if d.FoundBy != e.By {
			return fmt.Sprintf("%s confirmed that it is safe to write to the address of the answer to the letter %s, as %s had found, and its copy is kept. %s.",
				t.staff(e.By), d.Answers.Reference(), lowerFirst(t.staff(d.FoundBy)), worded(addressCheckWords, d.Check))
		}
		return fmt.Sprintf("%s found it safe to write to the address of the answer to the letter %s, and its copy is kept. %s.", t.staff(e.By), d.Answers.Reference(), worded(addressCheckWords, d.Check))
	})},
	{"response-dropped", "Answer not kept", about(func(d register.ResponseDropped, e register.Entry, t teller) string {
		return fmt.Sprintf("%s did not keep the copy of an answer to the letter %s, which is erased now. %s.", t.staff(e.By), d.Answers.Reference(), worded(dropReasonWords, d.Reason))
	})},
	{"erasure-asked", "Erasure asked for", about(func(d register.ErasureAsked, e register.Entry, t teller) string {
		return fmt.Sprintf("%s asked for the letter to be erased before its time, request number %d: %s.", t.staff(e.By), d.Request, lowerFirst(worded(eraseReasonWords, d.Reason)))
	})},
	{"erasure-confirmed", "Erasure confirmed", about(func(d register.ErasureConfirmed, e register.Entry, t teller) string {
		return fmt.Sprintf("%s confirmed request number %d of %s: the letter is erased now. %s.", t.staff(e.By), d.Request, lowerFirst(t.staff(d.AskedBy)), worded(eraseReasonWords, d.Reason))
	})},
	{"withdrawal-asked", "Withdrawal asked for", about(func(d register.WithdrawalAsked, e register.Entry, t teller) string {
		return fmt.Sprintf("%s found that the letter must not be kept for five years, request number %d: %s. Its six months end on %s.", t.staff(e.By), d.Request, lowerFirst(worded(withdrawReasonWords, d.Reason)), day(d.Deadline))
	})},
	{"safeguarding-withdrawn", "Not kept for five years after all", about(func(d register.SafeguardingWithdrawn, e register.Entry, t teller) string {
		return fmt.Sprintf("%s confirmed request number %d of %s: the letter is not kept for five years after all. %s. Its six months count again; they end on %s.", t.staff(e.By), d.Request, lowerFirst(t.staff(d.AskedBy)), worded(withdrawReasonWords, d.Reason), day(d.Deadline))
	})},
	{"redirection-asked", "Another helpline’s letter", about(func(d register.RedirectionAsked, e register.Entry, t teller) string {
		return fmt.Sprintf("%s found the letter for %s to be one for %s, request number %d.", t.staff(e.By), t.helpline(string(d.From)), t.helpline(string(d.To)), d.Request)
	})},
	{"letter-redirected", "Given to the right helpline", about(func(d register.LetterRedirected, e register.Entry, t teller) string {
		return fmt.Sprintf("%s confirmed request number %d of %s: the letter is no longer %s’s but %s’s.", t.staff(e.By), d.Request, lowerFirst(t.staff(d.AskedBy)), t.helpline(string(d.From)), t.helpline(string(d.To)))
	})},
	{"request-declined", "Request declined", about(func(d register.RequestDeclined, e register.Entry, t teller) string {
		if e.By == d.AskedBy {
			return fmt.Sprintf("%s took request number %d back.", t.staff(e.By), d.Request)
		}
		return fmt.Sprintf("%s said no to request number %d of %s.", t.staff(e.By), d.Request, lowerFirst(t.staff(d.AskedBy)))
	})},
	{"hold-placed", "Put on hold", about(func(d register.HoldPlaced, e register.Entry, t teller) string {
		what := "the letter"
		if e.Letter == "" {
			what = "everything of " + t.helpline(string(d.Helpline)) + " (" + count(d.Letters, "letter", "letters") + " then)"
		}
		return fmt.Sprintf("%s put %s on hold, number %d: %s. Nothing that it holds is deleted until it is released. %s answers for it; it is looked at again on %s.",
			t.staff(e.By), what, d.Hold, lowerFirst(worded(holdReasonWords, d.Reason)), t.staff(d.Owner), day(d.Review))
	})},
	{"hold-renewed", "Hold goes on", about(func(d register.HoldRenewed, _ register.Entry, _ teller) string {
		return fmt.Sprintf("Hold number %d has lasted for years: what it holds is sealed anew, so that it does not end by neglect. It is still to be looked at.", d.Hold)
	})},
	{"hold-reviewed", "Hold looked at again", about(func(d register.HoldReviewed, e register.Entry, t teller) string {
		return fmt.Sprintf("%s looked at hold number %d again: it goes on. %s answers for it; it is looked at again on %s.", t.staff(e.By), d.Hold, t.staff(d.Owner), day(d.Review))
	})},
	{"hold-released", "Hold released", about(func(d register.HoldReleased, e register.Entry, t teller) string {
		return fmt.Sprintf("%s released hold number %d. It had held %s, for which their own rule counts again.", t.staff(e.By), d.Hold, count(d.Letters, "letter", "letters"))
	})},
	{"letter-move-begun", "Letter to be moved", about(func(d register.LetterMoveBegun, _ register.Entry, t teller) string {
		return "The letter is to be sealed anew " + placeWords(d.Class, d.Helpline, t) + ", to the key of expiry week " + weekWords(d.Week) + "."
	})},
	{"letter-moved", "Letter moved", about(func(d register.LetterMoved, _ register.Entry, t teller) string {
		return fmt.Sprintf("The letter was sealed anew %s, read back and found to be the same; its key dies on %s.", placeWords(d.Class, d.Helpline, t), day(d.KeyDies))
	})},
	{"letter-move-given-up", "Move begun anew", about(func(d register.LetterMoveGivenUp, _ register.Entry, t teller) string {
		return "What was put " + placeWords(d.Class, d.Helpline, t) + " is not used and is removed: the decision changed, or it is not on record as this letter."
	})},
	{"old-copy-removed", "Old copy removed", about(func(d register.OldCopyRemoved, _ register.Entry, t teller) string {
		return fmt.Sprintf("Nothing of the letter is left %s: Letterlock removed %s, and a listing at %s showed nothing.",
			placeWords(d.Class, d.Helpline, t), foundWords(d.Versions, d.Markers, d.Uploads), moment(d.ListingEmpty))
	})},
	{"papers-counted", "Papers counted", about(sayCounted)},
	{"scan-answered", "Scan asked about", about(sayAnswered)},
	{"paper-destroyed", "Paper destroyed", about(sayDestroyed)},
	{"paper-kept-back", "Paper kept back", about(func(d register.PaperKeptBack, e register.Entry, t teller) string {
		said := t.staff(e.By) + " was about to record that the paper is destroyed, and it is kept: nobody but who may have scanned it had found its scan readable."
		if d.ScannedBy != 0 {
			said += " It had been scanned, they said, by " + lowerFirst(t.staff(d.ScannedBy)) + "."
		}
		return said
	})},
	{"expiry-begun", "Letter due", about(func(d register.ExpiryBegun, _ register.Entry, _ teller) string {
		return fmt.Sprintf("The letter was due on %s; the storage still held %s.", day(d.Deadline), foundWords(d.Versions, d.Markers, d.Uploads))
	})},
	{"letter-deleted", "Letter deleted", about(sayDeleted)},
	{"stray-found", "Remains found", about(func(d register.StrayFound, _ register.Entry, _ teller) string {
		return fmt.Sprintf("Among the letters of %s lay %s beyond the deadline, which belonged to no letter on record; Letterlock is about to remove it.",
			day(d.Since), foundWords(d.Versions, d.Markers, d.Uploads))
	})},
	{"stray-removed", "Remains removed", about(func(d register.StrayRemoved, _ register.Entry, _ teller) string {
		return "What had been found beyond its deadline is gone; a listing at " + moment(d.ListingEmpty) + " showed nothing."
	})},
	{"edge-revoked", "Scanner revoked", about(func(d register.EdgeRevoked, _ register.Entry, _ teller) string {
		return "Nothing that the scanner of " + string(d.Site) + " signs is believed any more."
	})},
	{"key-made", "Key made", about(func(d register.KeyMade, _ register.Entry, _ teller) string {
		return "The key of expiry week " + weekWords(d.Week) + " was made."
	})},
	{"key-death-begun", "Key’s end begun", about(func(d register.KeyDeathBegun, _ register.Entry, _ teller) string {
		return "The key of expiry week " + weekWords(d.Week) + " is about to be destroyed."
	})},
	{"key-destroyed", "Key destroyed", about(func(d register.KeyDestroyed, _ register.Entry, _ teller) string {
		said := "The key of expiry week " + weekWords(d.Week) + " was destroyed"
		if d.Lost > 0 {
			said += ". " + count(d.Lost, "share of it is lost", "shares of it are lost") + ": whoever has two of them, and an old copy of the storage, could read that week’s letters"
		}
		if d.Shares > 0 {
			return said + ". " + count(d.Shares, "share of it is", "shares of it are") + " still with custodians, any two of which would bring it back; they are due to be destroyed."
		}
		if d.Lost > 0 {
			return said + "."
		}
		return said + ": no copy of that week’s letters can be read any more, wherever it is."
	})},
	{"key-found-again", "Dead key found", about(func(d register.KeyFoundAgain, _ register.Entry, _ teller) string {
		return "A copy of the dead key of expiry week " + weekWords(d.Week) + " was found in the keyring. It opens nothing, and is about to be destroyed again."
	})},
	{"shares-made", "Key shared", about(func(d register.SharesMade, _ register.Entry, _ teller) string {
		return fmt.Sprintf("The key of expiry week %s was shared among %d custodians, any two of whom can bring it back (making %s).", weekWords(d.Week), d.Shares, d.Set)
	})},
	{"share-ending", "Share’s end begun", about(func(d register.ShareEnding, _ register.Entry, _ teller) string {
		return "The share of custodian " + strconv.Itoa(d.Custodian) + " in the key of expiry week " + weekWords(d.Week) + " is about to be destroyed (making " + string(d.Set) + ")."
	})},
	{"share-ended", "Share ended", about(func(d register.ShareEnded, _ register.Entry, _ teller) string {
		return "The share of custodian " + strconv.Itoa(d.Custodian) + " in the key of expiry week " + weekWords(d.Week) + " " + worded(shareEndWords, d.How) + " (making " + string(d.Set) + ")."
	})},
	{"keys-recombined", "Keys brought back", about(func(d register.KeysRecombined, _ register.Entry, _ teller) string {
		why := "to see whether it can be done"
		if d.For == register.ForRestore {
			why = "to put missing keys back into the keyring"
		}
		return fmt.Sprintf("Custodians %d and %d brought their shares of %s, %s.", d.First, d.Second, count(len(d.Weeks), "key", "keys"), why)
	})},
	{"drill-done", "Drill done", about(func(d register.DrillDone, _ register.Entry, _ teller) string {
		said := "In the drill " + count(len(d.Proven), "key was", "keys were") + " brought back from two shares, and opened what was sealed to them"
		if len(d.Failed) > 0 {
			return said + "; " + count(len(d.Failed), "key", "keys") + " could not be: " + list(apply(d.Failed, func(w letter.Week) string { return string(w) })) + "."
		}
		return said + "."
	})},
	{"key-restored", "Key restored", about(func(d register.KeyRestored, _ register.Entry, _ teller) string {
		return "The key of expiry week " + weekWords(d.Week) + " is about to be put back into the keyring."
	})},
	{"manifest-held", "Deposit held", about(func(d register.ManifestHeld, _ register.Entry, _ teller) string {
		return "A deposit was not believed and waits for a person: " + worded(heldWords, d.Reason) + "."
	})},
	{"signed-in", "Signed in", about(func(d register.SignedIn, e register.Entry, t teller) string {
		if d.With == register.WithSample {
			return t.staff(e.By) + " was picked on the sample’s sign-in page."
		}
		if d.With == register.WithSSO {
			return t.staff(e.By) + " signed in with the organisation’s sign-in."
		}
		return t.staff(e.By) + " signed in with a passkey."
	})},
	{"session-in-two-places", "Sign-in used from two places", about(func(_ register.SessionInTwoPlaces, e register.Entry, t teller) string {
		return "One sign-in of " + lowerFirst(t.staff(e.By)) + " was used from two places at once. They were shown it, and can end it."
	})},
	{"sso-linked", "Organisation’s sign-in set up", about(func(_ register.SSOLinked, e register.Entry, t teller) string {
		return t.staff(e.By) + " signs in with the organisation’s sign-in from now on."
	})},
	{"sso-unlinked", "Organisation’s sign-in ended", about(func(d register.SSOUnlinked, e register.Entry, t teller) string {
		return t.staff(d.Person) + " can no longer sign in with the organisation’s sign-in. It was ended" + byWhom(e, t) + "."
	})},
	{"role-given", "Role given", about(func(d register.RoleGiven, e register.Entry, t teller) string {
		of := make([]string, len(d.Helplines))
		for i, h := range d.Helplines {
			of[i] = t.helpline(string(h))
		}
		said := t.staff(e.By) + " is " + lowerFirst(worded(roleWords, d.Role))
		if len(of) > 0 {
			said += " of " + list(of)
		}
		return said + " from now on, as the organisation’s sign-in said of their groups."
	})},
	{"role-taken", "Role taken", about(func(_ register.RoleTaken, e register.Entry, t teller) string {
		return t.staff(e.By) + " may do nothing any more: the organisation’s sign-in named no group of theirs that may."
	})},
	{"setting-changed", "Setting changed", about(func(d register.SettingChanged, e register.Entry, t teller) string {
		said := t.staff(e.By) + " changed a setting. " + SettingName(d.Setting) + ": " + SettingSays(d.Setting, d.Value)
		if d.File {
			said += ", as the configuration file says"
		}
		return said + "."
	})},
	{"person-added", "Person added", about(func(d register.PersonAdded, e register.Entry, t teller) string {
		return t.staff(d.Person) + " was added as " + lowerFirst(worded(roleWords, d.Role)) + byWhom(e, t) + "."
	})},
	{"person-changed", "Person changed", about(sayPersonChanged)},
	{"person-disabled", "Person disabled", about(func(d register.PersonDisabled, e register.Entry, t teller) string {
		return t.staff(d.Person) + " can no longer sign in, and name and address were erased" + byWhom(e, t) + "."
	})},
	{"passkeys-forgotten", "Passkeys forgotten", about(func(d register.PasskeysForgotten, _ register.Entry, t teller) string {
		return "The passkeys of " + lowerFirst(t.staff(d.Person)) + " open nothing any more."
	})},
	{"passkey-revoked", "Passkey revoked", about(func(d register.PasskeyRevoked, e register.Entry, t teller) string {
		return "A passkey of " + lowerFirst(t.staff(d.Person)) + " opens nothing any more; " + count(d.Left, "is", "are") + " left. It was revoked" + byWhom(e, t) + "."
	})},
	{"code-made", "Enrolment code made", about(func(d register.CodeMade, e register.Entry, t teller) string {
		return "An enrolment code was made for " + lowerFirst(t.staff(d.Person)) + byWhom(e, t) + "."
	})},
	{"passkey-added", "Passkey made", about(func(_ register.PasskeyAdded, e register.Entry, t teller) string {
		return t.staff(e.By) + " made a passkey."
	})},
	{"policy-published", "Policy in force", about(func(d register.PolicyPublished, _ register.Entry, _ teller) string {
		return "The policy " + string(d.Policy) + " is in force, as text number " + strconv.FormatInt(d.Number, 10) + ". Everybody is asked to confirm it."
	})},
	{"policy-confirmed", "Policy confirmed", about(func(d register.PolicyConfirmed, e register.Entry, t teller) string {
		return t.staff(e.By) + " confirmed having read and understood the policy, text number " + strconv.FormatInt(d.Number, 10) + "."
	})},
	{"register-exported", "Register exported", about(func(_ register.RegisterExported, e register.Entry, t teller) string {
		if e.By == 0 {
			return "The register was exported at the server’s console."
		}
		return t.staff(e.By) + " exported the register."
	})},
	{"backup-made", "Backup made", about(func(d register.BackupMade, _ register.Entry, _ teller) string {
		return "A backup was made, which " + count(d.Recipients, "key opens", "keys open") + ". It holds no letter and no letter’s key."
	})},
	{"folder-made", "Register begun", about(func(d register.FolderMade, _ register.Entry, _ teller) string {
		if d.Sample {
			return "This register begins. It is a sample: nothing in it is real."
		}
		return "This register begins."
	})},
	{"edge-added", "Scanner enrolled", about(func(d register.EdgeAdded, _ register.Entry, _ teller) string {
		return "The scanner at " + string(d.Site) + " was enrolled."
	})},
	{"lifecycle-installed", "Storage rules installed", about(func(register.LifecycleInstalled, register.Entry, teller) string {
		return "The storage’s own rules for deletion were installed."
	})},
	{"day-begun", "Day begun", about(func(d register.DayBegun, _ register.Entry, _ teller) string {
		said := "A new day: " + count(d.Living, "letter is", "letters are") + " kept"
		if d.Overdue > 0 {
			said += ", and " + count(d.Overdue, "letter is", "letters are") + " overdue"
		}
		return said + "."
	})},
	{"bucket-adopted", "Storage vouched for", about(func(register.BucketAdopted, register.Entry, teller) string {
		return "Somebody at the server vouched that the storage is the right one."
	})},
	{"restore-begun", "Restore begun", about(func(d register.RestoreBegun, _ register.Entry, _ teller) string {
		said := fmt.Sprintf("It was recognised that this register, of %s then, or the storage had been restored from a backup (%s).",
			count(int(d.Entries), "entry", "entries"), list(apply(d.Signs, func(s register.RestoreSign) string { return worded(signWords, s) })))
		if d.Seen > 0 {
			said += fmt.Sprintf(" The newest checkpoint that is known elsewhere is over %s, with the root %s; whatever it has beyond this register is lost.", count(int(d.Seen), "entry", "entries"), d.Root)
		}
		return said + " What is missing is replayed from here on, and every session ended."
	})},
	{"letter-adopted", "Letter taken over", about(func(d register.LetterAdopted, _ register.Entry, t teller) string {
		return fmt.Sprintf("After a restore a letter of %s was found %s of which this register had never heard; it was read back, and all of it could be shown. It came from %s, and must be gone on %s if nothing holds it.",
			count(d.Pages, "page", "pages"), placeWords(d.Class, d.Helpline, t), d.Site, day(d.Deadline))
	})},
	{"letter-found-elsewhere", "Letter found elsewhere", about(func(d register.LetterFoundElsewhere, _ register.Entry, t teller) string {
		said := fmt.Sprintf("After a restore the letter was found %s, since %s, and is taken to lie there; its key is that of expiry week %s.", placeWords(d.Class, d.Helpline, t), day(d.Since), weekWords(d.Week))
		if d.From != d.Helpline {
			said += fmt.Sprintf(" It is no longer %s’s but %s’s.", t.helpline(string(d.From)), t.helpline(string(d.Helpline)))
		}
		return said
	})},
	{"letter-not-found", "Letter not found", about(func(register.LetterNotFound, register.Entry, teller) string {
		return "After a restore the letter was found nowhere in the storage. It stays on record until its deadline; if the paper is still there, it can be scanned again."
	})},
	{"paper-found-destroyed", "Paper was destroyed", about(func(register.PaperFoundDestroyed, register.Entry, teller) string {
		return "The receipt that the scanner was given says that the paper is destroyed. The record of its destruction was lost with the entries that a restored backup lacks."
	})},
	{"paper-written-off", "Paper written off", about(func(d register.PaperWrittenOff, e register.Entry, t teller) string {
		return fmt.Sprintf("%s said of the paper %s, which was on record at a restore: %s. %s looked with them, by authority of %s.",
			t.staff(e.By), d.Reference, lowerFirst(worded(lostWords, d.Why)), t.staff(d.Witness), d.Authority)
	})},
	{"restored", "Restore replayed", about(func(d register.Restored, _ register.Entry, _ teller) string {
		return fmt.Sprintf("What the restore had missed is replayed, and Letterlock is open again: %s taken over, %d found elsewhere, %d found nowhere, %d ended with proof; %s removed from the storage, %s destroyed; %d of no known letter could not be opened.",
			count(d.Adopted, "letter", "letters"), d.Elsewhere, d.Missing, d.Deleted, count(d.Strays, "object", "objects"), count(d.Keys, "key", "keys"), d.Unread)
	})},
	{"alarm-raised", "Alarm began", about(func(d register.AlarmRaised, _ register.Entry, _ teller) string {
		return "An alarm began: " + alarmSays(d.Alarm, d.Count)
	})},
	{"alarm-told", "Told of an alarm", about(func(d register.AlarmTold, _ register.Entry, t teller) string {
		return "The day’s mail about what is wrong went to " + lowerFirst(t.staff(d.Person)) + "."
	})},
	{"unread-told", "Reminded of unopened letters", about(func(d register.UnreadTold, _ register.Entry, t teller) string {
		return "A mail that letters wait unopened went to " + lowerFirst(t.staff(d.Person)) + "."
	})},
	{"alarm-ended", "Alarm ended", about(func(d register.AlarmEnded, _ register.Entry, _ teller) string {
		return "An alarm ended (" + worded(alarmNames, d.Alarm) + ")."
	})},
	{"clock-confirmed", "Clock confirmed", about(func(register.ClockConfirmed, register.Entry, teller) string {
		return "Somebody at the server’s console vouched for its clock."
	})},
}

// byWhom says who did what an administrator does, at the portal or at the console.
func byWhom(e register.Entry, t teller) string {
	if e.By == 0 {
		return " at the server’s console"
	}
	return " by " + lowerFirst(t.staff(e.By))
}

func sayAnswered(d register.ScanAnswered, e register.Entry, t teller) string {
	switch d.Answer {
	case AnswerSame:
		return t.staff(e.By) + " said of a scan whose bytes had been taken before that it is the same letter."
	case AnswerAnother:
		return t.staff(e.By) + " said of a scan whose bytes had been taken before that it is another letter."
	case AnswerMistake:
		return t.staff(e.By) + " said of a scan whose bytes had been taken before for another helpline that it was dropped by mistake."
	case AnswerHereToo:
		return t.staff(e.By) + " said of a scan whose bytes had been taken before for another helpline that it belongs where it was dropped. The earlier letter may be in the wrong place."
	}
	said := t.staff(e.By) + " looked through a stack whose letters could not be told apart, and said that it holds " + count(d.Letters, "letter", "letters")
	if d.Despite > 0 {
		said += fmt.Sprintf(". Pages with a sheet’s code that are a letter’s all the same: %d", d.Despite)
	}
	return said + "."
}

func sayDestroyed(d register.PaperDestroyed, e register.Entry, t teller) string {
	how := fmt.Sprintf("with our own shredder, level %s, at %s", d.Level, d.Place)
	if d.Method == register.Contractor {
		how = fmt.Sprintf("through the contractor %s (collection %s, certificate %s), handed over at %s", d.Contractor, d.Collection, d.Certificate, d.Place)
	}
	said := fmt.Sprintf("%s destroyed the paper %s (%s) %s; %s watched. Ledger number %s, by authority of %s.",
		t.staff(e.By), d.Reference, count(d.Sheets, "sheet", "sheets"), how, lowerFirst(t.staff(d.Witness)), d.Ledger, d.Authority)
	if d.ScannedBy != 0 {
		said += " It had been scanned by " + lowerFirst(t.staff(d.ScannedBy)) + "."
	}
	if wrong := anomaliesOf(d); wrong != "" {
		said += " Not as it should be: " + wrong + "."
	}
	return said
}

func sayDeleted(d register.LetterDeleted, _ register.Entry, t teller) string {
	by := "Letterlock removed " + foundWords(d.Versions, d.Markers, d.Uploads)
	switch d.By {
	case register.ByStorage:
		by = "the storage had removed it by itself"
	case register.ByNobody:
		by = "nothing of it was left, and nobody knows why"
	}
	key := "dies on " + day(d.KeyDies)
	if d.KeyDead {
		key = "was destroyed before"
	}
	if d.Early != "" {
		by = "it was erased before its time (" + lowerFirst(worded(eraseReasonWords, d.Early)) + "); " + by
	}
	if d.NewScan != "" {
		by += "; its new scan is " + d.NewScan.Reference()
	}
	return fmt.Sprintf("The letter for %s, due on %s, is gone: %s; a listing at %s showed nothing; its rows were erased at %s; its key %s.",
		t.helpline(string(d.Helpline)), day(d.Deadline), by, moment(d.ListingEmpty), moment(d.RowsErased), key)
}

// about makes a kind's sentence out of one over its own event.
func about[E register.Event](say func(d E, e register.Entry, t teller) string) func(register.Entry, teller) sentence {
	return func(e register.Entry, t teller) sentence {
		var d E
		if readEvent(e, &d) != nil {
			return ""
		}
		return sentence(say(d, e, t))
	}
}

// readEvent reads an entry's own fields.
func readEvent(e register.Entry, into any) error {
	if len(e.Data) == 0 {
		return nil
	}
	if err := json.Unmarshal(e.Data, into); err != nil {
		return errors.New("reading an entry's event: it is not of its kind")
	}
	return nil
}

// say is the entry in words. A kind of a newer version is named, not guessed at.
func say(e register.Entry, t teller) string {
	for _, k := range entryKinds {
		if k.Kind == e.Kind {
			if said := k.say(e, t); said != "" {
				if e.Letter != "" && !strings.HasPrefix(e.Kind, "response-") && t.answer != nil && t.answer(e.Letter) {
					return theLetter.ReplaceAllString(string(said), "${1}he answer")
				}
				return string(said)
			}
		}
	}
	return "An entry of the kind “" + e.Kind + "”, for which this version has no words. It is in the export."
}

// placeWords says where in the storage something lies.
func placeWords(c letter.Class, helpline register.Name, t teller) string {
	return "among the " + worded(classWords, c) + " letters of " + t.helpline(string(helpline))
}

var classWords = map[letter.Class]string{letter.SixMonths: "six-month", letter.FiveYears: "five-year"}

func foundWords(versions, markers, uploads int) string {
	var found []string
	if versions > 0 {
		found = append(found, count(versions, "version", "versions"))
	}
	if markers > 0 {
		found = append(found, count(markers, "deletion marker", "deletion markers"))
	}
	if uploads > 0 {
		found = append(found, count(uploads, "unfinished upload", "unfinished uploads"))
	}
	if found == nil {
		return "nothing of it"
	}
	return list(found)
}

// weekWords is an expiry week as a reader knows weeks: that of 24 May 2027.
func weekWords(w letter.Week) string {
	parsed, err := letter.ParseWeek(string(w))
	if err != nil {
		return string(w)
	}
	return fmt.Sprintf("%s (the week from Monday %s)", parsed, day(parsed.Over().AddDays(-7)))
}

var troubleWords = map[register.Trouble]string{
	register.ObjectMissing: "nothing with the right fingerprint is there",
	register.CannotUnseal:  "the week’s key does not open it",
	register.CannotRender:  "a page cannot be shown",
	register.PagesDiffer:   "the number of pages differs",
}

var shareEndWords = map[register.ShareEnd]string{
	register.ShareOverwritten: "was overwritten and deleted",
	register.ShareVouched:     "is destroyed, as somebody at the server’s console says",
	register.ShareUnwritten:   "was never written: the folder could not be written to",
	register.ShareLost:        "is lost: nobody knows where it is",
}

var heldWords = map[register.HeldReason]string{
	register.UnknownSite:     "no scanner of that name is enrolled",
	register.FalseSignature:  "it was not signed by the scanner in whose place it lies",
	register.WrongPlace:      "it names another letter than its place does",
	register.UnknownHelpline: "no helpline of that name is known",
	register.TooOld:          "it says that it was received more than 14 days ago",
	register.FromTheFuture:   "it says that it was received in the future",
	register.SameIDOther:     "its letter is known with another content",
	register.AlreadyDeleted:  "its letter was deleted before",
	register.KeyNotHeld:      "it is sealed to a key that is not held here",
	register.NoSuchDecision:  "it asks to be kept for five years, which no scanner decides",
}

func lowerFirst(s string) string {
	if s == "" || s[0] < 'A' || s[0] > 'Z' {
		return s
	}
	return string(s[0]+'a'-'A') + s[1:]
}

// told is one entry as the register's page shows it.
type told struct {
	N         int64
	At        time.Time
	Says      string
	Letter    letter.ID
	Reference string
}
