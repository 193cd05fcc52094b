package portal

import (
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// entryKinds says every kind of entry, in the order of the filter. A test
// holds it complete against the register's own events.
var entryKinds = []entryKind{
	{"letter-admitted", texts.Say("entry.letter-arrived"), about(func(d register.LetterAdmitted, _ register.Entry, t teller) texts.Text {
		return texts.Say("entry.a-letter-of-pages-for-arrived", "n", d.Pages, "helpline", t.helpline(string(d.Helpline)), "site", d.Site, "deadline", d.Deadline)
	})},
	{"manifest-accepted", texts.Say("entry.late-letter-accepted"), about(func(register.ManifestAccepted, register.Entry, teller) texts.Text {
		return texts.Say("entry.somebody-at-the-server-vouched")
	})},
	{"letter-verified", texts.Say("entry.letter-verified"), about(func(d register.LetterVerified, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-letter-was-read-back", "n", d.Pages)
	})},
	{"letter-unverifiable", texts.Say("entry.letter-could-not-be-verified"), about(func(d register.LetterUnverifiable, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.what-the-storage-holds", "reason", texts.Word("trouble", d.Reason))
	})},
	{"letter-looked-at-again", texts.Say("entry.looked-at-again"), about(func(register.LetterLookedAtAgain, register.Entry, teller) texts.Text {
		return texts.Say("entry.a-letter-that-could")
	})},
	{"letter-receipted", texts.Say("entry.scanner-may-let-go"), about(func(register.LetterReceipted, register.Entry, teller) texts.Text {
		return texts.Say("entry.the-scanner-was-told")
	})},
	{"letter-notified", texts.Say("entry.team-leaders-told"), about(func(d register.LetterNotified, _ register.Entry, t teller) texts.Text {
		if len(d.Staff) == 0 {
			return texts.Say("entry.there-was-nobody-to-write")
		}
		return texts.Say("entry.mail-went-to", "staff", apply(d.Staff, lower(t.staff)))
	})},
	{"letter-opened", texts.Say("entry.letter-opened"), about(func(d register.LetterOpened, e register.Entry, t teller) texts.Text {
		switch d.As {
		case register.ShownPDF:
			return texts.Say("entry.opened-the-letter-as-a-pdf", "who", t.staff(e.By))
		case register.ShownPrint:
			return texts.Say("entry.opened-the-letter-to-print", "who", t.staff(e.By))
		}
		return texts.Say("entry.opened-the-letter", "who", t.staff(e.By))
	})},
	{"letter-readable", texts.Say("entry.letter-found-readable"), about(func(_ register.LetterReadable, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.found-the-letter-readable", "who", t.staff(e.By))
	})},
	{"letter-scan-again", texts.Say("entry.scan-asked-for-again"), about(func(d register.LetterScanAgain, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.asked-for-the-letter", "who", t.staff(e.By), "reason", texts.Word("reason", d.Reason))
	})},
	{"new-scan-taken", texts.Say("entry.new-scan-taken"), about(func(d register.NewScanTaken, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-letter-is-the-new-scan", "reference", d.Of.Reference(), "reason", texts.Word("reason", d.Reason))
	})},
	{"new-scan-apart", texts.Say("entry.new-scan-that-is-none"), about(func(d register.NewScanApart, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-scanner-said-that-the-letter", "reference", d.Of.Reference(), "why", texts.Word("apart", d.Why))
	})},
	{"letter-replaced", texts.Say("entry.scanned-anew"), about(func(d register.LetterReplaced, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-new-scan-of-the-letter", "reference", d.By.Reference())
	})},
	{"new-scan-is-other", texts.Say("entry.new-scan-of-another-paper"), about(func(d register.NewScanIsOther, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.found-the-letter-to-be-no-new", "who", t.staff(e.By), "reference", d.Of.Reference())
	})},
	{"old-scan-ending", texts.Say("entry.old-scan-erased"), about(func(d register.OldScanEnding, e register.Entry, t teller) texts.Text {
		if e.By == 0 {
			return texts.Say("entry.the-new-scan-was-found-readable", "reference", d.By.Reference())
		}
		return texts.Say("entry.found-the-new-scan-readable", "who", t.staff(e.By), "reference", d.By.Reference())
	})},
	{"letter-recused", texts.Say("entry.reader-walled-off"), about(func(_ register.LetterRecused, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.knows-somebody-in-the-letter", "who", t.staff(e.By))
	})},
	{"risk-said", texts.Say("entry.risk-answered"), about(func(d register.RiskSaid, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.said-of-the-letter", "who", t.staff(e.By), "answer", texts.Word("risk", d.Answer))
	})},
	{"letter-handed-over", texts.Say("entry.letter-handed-over"), about(func(d register.LetterHandedOver, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.handed-the-letter-over", "who", t.staff(e.By), "to", t.staff(d.To))
	})},
	{"letter-seen-to", texts.Say("entry.letter-seen-to"), about(func(_ register.LetterSeenTo, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.has-seen-to-the-letter", "who", t.staff(e.By))
	})},
	{"letter-safeguarded", texts.Say("entry.kept-for-five-years"), about(func(d register.LetterSafeguarded, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.decided-that-the-letter-is-kept", "who", t.staff(e.By), "deadline", d.Deadline, "reason", texts.Word("safeguarding-reason", d.Reason), "told", texts.Word("told", d.Told), "review", d.Review, "named", t.staff(d.Named))
	})},
	{"safeguarding-reviewed", texts.Say("entry.safeguarding-looked-at-again"), about(func(d register.SafeguardingReviewed, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.looked-at-a-letter-that-is-kept", "who", t.staff(e.By), "review", d.Review, "named", t.staff(d.Named))
	})},
	{"letter-shared", texts.Say("entry.shared-with-an-agency"), about(func(d register.LetterShared, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.shared-the-letter", "who", t.staff(e.By), "on", d.On, "agency", texts.Word("agency", d.Agency), "basis", texts.Word("basis", d.Basis))
	})},
	{"response-filed", texts.Say("entry.answer-uploaded"), about(func(d register.ResponseFiled, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.handed-in-the-copy-of-an-answer", "who", t.staff(e.By), "n", d.Pages, "reference", d.Answers.Reference(), "helpline", t.helpline(string(d.Helpline)), "deadline", d.Deadline)
	})},
	{"response-lost", texts.Say("entry.answer-not-filed"), about(func(d register.ResponseLost, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-copy-of-an-answer", "reference", d.Answers.Reference())
	})},
	{"response-to-confirm", texts.Say("entry.answer-waits-for-a-second-person"), about(func(d register.ResponseToConfirm, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.found-it-safe-to-write", "who", t.staff(e.By), "reference", d.Answers.Reference(), "check", texts.Word("address-check", d.Check))
	})},
	{"response-kept", texts.Say("entry.answer-kept"), about(func(d register.ResponseKept, e register.Entry, t teller) texts.Text {
		if d.FoundBy != e.By {
			return texts.Say("entry.confirmed-that-it-is-safe", "who", t.staff(e.By), "reference", d.Answers.Reference(), "found-by", t.staff(d.FoundBy), "check", texts.Word("address-check", d.Check))
		}
		return texts.Say("entry.found-it-safe-to-write-2", "who", t.staff(e.By), "reference", d.Answers.Reference(), "check", texts.Word("address-check", d.Check))
	})},
	{"response-dropped", texts.Say("entry.answer-not-kept"), about(func(d register.ResponseDropped, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.did-not-keep-the-copy", "who", t.staff(e.By), "reference", d.Answers.Reference(), "reason", texts.Word("drop-reason", d.Reason))
	})},
	{"erasure-asked", texts.Say("entry.erasure-asked"), about(func(d register.ErasureAsked, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.asked-for-the-letter-to-be-erased", "who", t.staff(e.By), "request", d.Request, "reason", texts.Word("erase-reason", d.Reason))
	})},
	{"erasure-confirmed", texts.Say("entry.erasure-confirmed"), about(func(d register.ErasureConfirmed, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.confirmed-request-number", "who", t.staff(e.By), "request", d.Request, "asked-by", t.staff(d.AskedBy), "reason", texts.Word("erase-reason", d.Reason))
	})},
	{"withdrawal-asked", texts.Say("entry.withdrawal-asked"), about(func(d register.WithdrawalAsked, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.found-that-the-letter-must", "who", t.staff(e.By), "request", d.Request, "reason", texts.Word("withdraw-reason", d.Reason), "deadline", d.Deadline)
	})},
	{"safeguarding-withdrawn", texts.Say("entry.not-kept-for-five-years-after-all"), about(func(d register.SafeguardingWithdrawn, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.confirmed-request-number-2", "who", t.staff(e.By), "request", d.Request, "asked-by", t.staff(d.AskedBy), "reason", texts.Word("withdraw-reason", d.Reason), "deadline", d.Deadline)
	})},
	{"redirection-asked", texts.Say("entry.another-helplines-letter"), about(func(d register.RedirectionAsked, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.found-the-letter-for-to-be-one", "who", t.staff(e.By), "from", t.helpline(string(d.From)), "to", t.helpline(string(d.To)), "request", d.Request)
	})},
	{"letter-redirected", texts.Say("entry.given-to-the-right-helpline"), about(func(d register.LetterRedirected, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.confirmed-request-number-3", "who", t.staff(e.By), "request", d.Request, "asked-by", t.staff(d.AskedBy), "from", t.helpline(string(d.From)), "to", t.helpline(string(d.To)))
	})},
	{"request-declined", texts.Say("entry.request-declined"), about(func(d register.RequestDeclined, e register.Entry, t teller) texts.Text {
		if e.By == d.AskedBy {
			return texts.Say("entry.took-request-number-back", "who", t.staff(e.By), "request", d.Request)
		}
		return texts.Say("entry.said-no-to-request-number", "who", t.staff(e.By), "request", d.Request, "asked-by", t.staff(d.AskedBy))
	})},
	{"hold-placed", texts.Say("entry.put-on-hold"), about(func(d register.HoldPlaced, e register.Entry, t teller) texts.Text {
		what := texts.Say("entry.the-letter")
		if e.Letter == "" {
			what = texts.Say("entry.everything-of-letters", "helpline", t.helpline(string(d.Helpline)), "n", d.Letters)
		}
		return texts.Say("entry.put-on-hold-number-nothing", "who", t.staff(e.By), "what", what, "hold", d.Hold, "reason", texts.Word("hold-reason", d.Reason), "owner", t.staff(d.Owner), "review", d.Review)
	})},
	{"hold-renewed", texts.Say("entry.hold-goes"), about(func(d register.HoldRenewed, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.hold-number-has-lasted-for-years", "hold", d.Hold)
	})},
	{"hold-reviewed", texts.Say("entry.hold-looked-at-again"), about(func(d register.HoldReviewed, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.looked-at-hold-number-again", "who", t.staff(e.By), "hold", d.Hold, "owner", t.staff(d.Owner), "review", d.Review)
	})},
	{"hold-release-asked", texts.Say("entry.end-of-a-hold-asked-for"), about(func(d register.HoldReleaseAsked, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.asked-for-the-end-of-hold", "who", t.staff(e.By), "hold", d.Hold, "n", d.Letters)
	})},
	{"hold-released", texts.Say("entry.hold-released"), about(func(d register.HoldReleased, e register.Entry, t teller) texts.Text {
		if d.AskedBy != 0 {
			return texts.Say("entry.released-hold-number-as-asked", "who", t.staff(e.By), "hold", d.Hold, "n", d.Letters, "asked-by", t.staff(d.AskedBy))
		}
		return texts.Say("entry.released-hold-number-it-had-held", "who", t.staff(e.By), "hold", d.Hold, "n", d.Letters)
	})},
	{"letter-move-begun", texts.Say("entry.letter-to-be-moved"), about(func(d register.LetterMoveBegun, _ register.Entry, t teller) texts.Text {
		return texts.Say("entry.the-letter-is-to-be-sealed-anew", "place", placeWords(d.Class, d.Helpline, t), "week", weekWords(d.Week))
	})},
	{"letter-moved", texts.Say("entry.letter-moved"), about(func(d register.LetterMoved, _ register.Entry, t teller) texts.Text {
		return texts.Say("entry.the-letter-was-sealed-anew-read", "place", placeWords(d.Class, d.Helpline, t), "key-dies", d.KeyDies)
	})},
	{"letter-move-given-up", texts.Say("entry.move-begun-anew"), about(func(d register.LetterMoveGivenUp, _ register.Entry, t teller) texts.Text {
		return texts.Say("entry.what-was-put-is-not-used", "place", placeWords(d.Class, d.Helpline, t))
	})},
	{"old-copy-removed", texts.Say("entry.old-copy-removed"), about(func(d register.OldCopyRemoved, _ register.Entry, t teller) texts.Text {
		return texts.Say("entry.nothing-of-the-letter-is-left", "place", placeWords(d.Class, d.Helpline, t), "found", foundWords(d.Versions, d.Markers, d.Uploads), "listing-empty", d.ListingEmpty)
	})},
	{"papers-counted", texts.Say("entry.papers-counted"), about(sayCounted)},
	{"scan-answered", texts.Say("entry.scan-asked-about"), about(sayAnswered)},
	{"paper-destroyed", texts.Say("entry.paper-destroyed"), about(sayDestroyed)},
	{"paper-kept-back", texts.Say("entry.paper-kept-back"), about(func(d register.PaperKeptBack, e register.Entry, t teller) texts.Text {
		said := texts.Say("entry.was-about-to-record", "who", t.staff(e.By))
		if d.ScannedBy != 0 {
			return texts.Say("entry.and-was-scanned-they-said", "said", said, "scanned-by", t.staff(d.ScannedBy))
		}
		return said
	})},
	{"expiry-begun", texts.Say("entry.letter-due"), about(func(d register.ExpiryBegun, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-letter-was-due-on-the-storage", "deadline", d.Deadline, "found", foundWords(d.Versions, d.Markers, d.Uploads))
	})},
	{"letter-deleted", texts.Say("entry.letter-deleted"), about(sayDeleted)},
	{"letter-covered", texts.Say("entry.letter-covered"), about(func(d register.LetterCovered, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.others-lay-above", "n", d.Versions)
	})},
	{"letter-repinned", texts.Say("entry.letter-repinned"), about(func(register.LetterRepinned, register.Entry, teller) texts.Text {
		return texts.Say("entry.the-same-lay-in-its-place")
	})},
	{"stray-found", texts.Say("entry.remains-found"), about(func(d register.StrayFound, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.among-the-letters-of-lay-beyond", "since", d.Since, "found", foundWords(d.Versions, d.Markers, d.Uploads))
	})},
	{"stray-removed", texts.Say("entry.remains-removed"), about(func(d register.StrayRemoved, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.what-had-been-found-beyond", "listing-empty", d.ListingEmpty)
	})},
	{"edge-invited", texts.Say("entry.scanner-invited"), about(func(d register.EdgeInvited, _ register.Entry, _ teller) texts.Text {
		if d.Replaces {
			return texts.Say("entry.a-new-machine-was-invited", "site", d.Site)
		}
		return texts.Say("entry.a-machine-was-invited", "site", d.Site)
	})},
	{"edge-replaced", texts.Say("entry.scanner-replaced"), about(func(d register.EdgeReplaced, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.another-machine-is-the-scanner-of", "site", d.Site)
	})},
	{"edge-key-changed", texts.Say("entry.scanner-key-changed"), about(func(d register.EdgeKeyChanged, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-scanner-signs-with-another-key", "site", d.Site)
	})},
	{"edge-revoked", texts.Say("entry.scanner-revoked"), about(func(d register.EdgeRevoked, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.nothing-that-the-scanner-of-signs", "site", d.Site)
	})},
	{"key-made", texts.Say("entry.key-made"), about(func(d register.KeyMade, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-key-of-expiry-week-was-made", "week", weekWords(d.Week))
	})},
	{"key-death-begun", texts.Say("entry.keys-end-begun"), about(func(d register.KeyDeathBegun, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-key-of-expiry-week-is-about", "week", weekWords(d.Week))
	})},
	{"key-destroyed", texts.Say("entry.key-destroyed"), about(func(d register.KeyDestroyed, _ register.Entry, _ teller) texts.Text {
		week, lost := weekWords(d.Week), texts.Say("entry.key-destroyed-lost", "n", d.Lost)
		switch {
		case d.Lost > 0 && d.Shares > 0:
			return texts.Say("entry.key-destroyed-but-lost-and-shared", "week", week, "lost", lost, "shares", texts.Say("entry.key-shares", "n", d.Shares))
		case d.Lost > 0:
			return texts.Say("entry.key-destroyed-but-lost", "week", week, "lost", lost)
		case d.Shares > 0:
			return texts.Say("entry.key-destroyed-but-shared", "week", week, "shares", texts.Say("entry.key-shares", "n", d.Shares))
		}
		return texts.Say("entry.key-destroyed-for-good", "week", week)
	})},
	{"key-found-again", texts.Say("entry.dead-key-found"), about(func(d register.KeyFoundAgain, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.a-copy-of-the-dead-key-of-expiry", "week", weekWords(d.Week))
	})},
	{"shares-made", texts.Say("entry.key-shared"), about(func(d register.SharesMade, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-key-of-expiry-week-was-shared", "week", weekWords(d.Week), "shares", d.Shares, "set", d.Set)
	})},
	{"share-ending", texts.Say("entry.shares-end-begun"), about(func(d register.ShareEnding, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-share-of-custodian-in-the-key", "custodian", d.Custodian, "week", weekWords(d.Week), "set", d.Set)
	})},
	{"share-ended", texts.Say("entry.share-ended"), about(func(d register.ShareEnded, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-share-of-custodian-in-the-key-2", "custodian", d.Custodian, "week", weekWords(d.Week), "how", texts.Word("share-end", d.How), "set", d.Set)
	})},
	{"keys-recombined", texts.Say("entry.keys-brought-back"), about(func(d register.KeysRecombined, _ register.Entry, _ teller) texts.Text {
		why := texts.Say("entry.to-see-whether-it-can-be-done")
		if d.For == register.ForRestore {
			why = texts.Say("entry.to-put-missing-keys-back-into")
		}
		return texts.Say("entry.custodians-and-brought-their", "first", d.First, "second", d.Second, "n", len(d.Weeks), "why", why)
	})},
	{"drill-done", texts.Say("entry.drill-done"), about(func(d register.DrillDone, _ register.Entry, _ teller) texts.Text {
		said := texts.Say("entry.drill", "n", len(d.Proven))
		if len(d.Failed) > 0 {
			return texts.Say("entry.drill-failed", "said", said, "n", len(d.Failed), "weeks", d.Failed)
		}
		return texts.Say("entry.drill-well", "said", said)
	})},
	{"key-replaced", texts.Say("entry.key-replaced"), about(func(d register.KeyReplaced, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.another-key-of-expiry-week-was-made", "week", weekWords(d.Week))
	})},
	{"key-restored", texts.Say("entry.key-restored"), about(func(d register.KeyRestored, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-key-of-expiry-week-is-about-2", "week", weekWords(d.Week))
	})},
	{"manifest-held", texts.Say("entry.deposit-held"), about(func(d register.ManifestHeld, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.deposit-waits", "reason", texts.Word("held", d.Reason))
	})},
	{"signed-in", texts.Say("entry.signed-in"), about(func(d register.SignedIn, e register.Entry, t teller) texts.Text {
		if d.With == register.WithSample {
			return texts.Say("entry.was-picked-on-the-samples-sign", "who", t.staff(e.By))
		}
		if d.With == register.WithSSO {
			return texts.Say("entry.signed-in-with-the-organisations", "who", t.staff(e.By))
		}
		return texts.Say("entry.signed-in-with-a-passkey", "who", t.staff(e.By))
	})},
	{"session-in-two-places", texts.Say("entry.sign-in-used-from-two-places"), about(func(_ register.SessionInTwoPlaces, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.one-sign-in-of-was-used-from-two", "who", t.staff(e.By))
	})},
	{"sso-linked", texts.Say("entry.organisations-sign-in-set-up"), about(func(_ register.SSOLinked, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.signs-in-with-the-organisations", "who", t.staff(e.By))
	})},
	{"sso-unlinked", texts.Say("entry.organisations-sign-in-ended"), about(func(d register.SSOUnlinked, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.can-no-longer-sign", "person", t.staff(d.Person), "by", byWhom(e, t))
	})},
	{"role-given", texts.Say("entry.role-given"), about(func(d register.RoleGiven, e register.Entry, t teller) texts.Text {
		role := texts.Word("role", d.Role)
		if len(d.Helplines) > 0 {
			role = texts.Say("role.of", "role", role, "helplines", apply(d.Helplines, func(h register.Name) string { return t.helpline(string(h)) }))
		}
		return texts.Say("entry.role-from-now-on", "who", t.staff(e.By), "role", role)
	})},
	{"role-taken", texts.Say("entry.role-taken"), about(func(_ register.RoleTaken, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.may-do-nothing-any-more", "who", t.staff(e.By))
	})},
	{"setting-changed", texts.Say("entry.setting-changed"), about(func(d register.SettingChanged, e register.Entry, t teller) texts.Text {
		if d.File {
			return texts.Say("entry.setting-as-the-file-says", "who", t.staff(e.By), "setting", SettingName(d.Setting), "value", SettingSays(d.Setting, d.Value))
		}
		return texts.Say("entry.setting-changed-to", "who", t.staff(e.By), "setting", SettingName(d.Setting), "value", SettingSays(d.Setting, d.Value))
	})},
	{"person-added", texts.Say("entry.person-added"), about(func(d register.PersonAdded, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.was-added", "person", t.staff(d.Person), "role", texts.Word("role", d.Role), "by", byWhom(e, t))
	})},
	{"person-changed", texts.Say("entry.person-changed"), about(sayPersonChanged)},
	{"person-disabled", texts.Say("entry.person-disabled"), about(func(d register.PersonDisabled, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.can-no-longer-sign-in-and-name", "person", t.staff(d.Person), "by", byWhom(e, t))
	})},
	{"passkeys-forgotten", texts.Say("entry.passkeys-forgotten"), about(func(d register.PasskeysForgotten, _ register.Entry, t teller) texts.Text {
		return texts.Say("entry.the-passkeys-of-open-nothing-any", "person", t.staff(d.Person))
	})},
	{"passkey-revoked", texts.Say("entry.passkey-revoked"), about(func(d register.PasskeyRevoked, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.a-passkey-of-opens-nothing-any", "person", t.staff(d.Person), "n", d.Left, "by", byWhom(e, t))
	})},
	{"code-made", texts.Say("entry.enrolment-code-made"), about(func(d register.CodeMade, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.an-enrolment-code-was-made", "person", t.staff(d.Person), "by", byWhom(e, t))
	})},
	{"codes-ended", texts.Say("entry.enrolment-codes-ended"), about(func(d register.CodesEnded, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-key-of-codes-was-lost", "n", d.Codes)
	})},
	{"passkey-added", texts.Say("entry.passkey-made"), about(func(_ register.PasskeyAdded, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.made-a-passkey", "who", t.staff(e.By))
	})},
	{"policy-published", texts.Say("entry.policy-in-force"), about(func(d register.PolicyPublished, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-policy-is-in-force-as-text", "policy", d.Policy, "number", d.Number)
	})},
	{"policy-confirmed", texts.Say("entry.policy-confirmed"), about(func(d register.PolicyConfirmed, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.confirmed-having-read", "who", t.staff(e.By), "number", d.Number)
	})},
	{"register-exported", texts.Say("entry.register-exported"), about(func(_ register.RegisterExported, e register.Entry, t teller) texts.Text {
		if e.By == 0 {
			return texts.Say("entry.the-register-was-exported")
		}
		return texts.Say("entry.exported-the-register", "who", t.staff(e.By))
	})},
	{"signing-key-changed", texts.Say("entry.signing-key-changed"), about(func(d register.SigningKeyChanged, _ register.Entry, _ teller) texts.Text {
		if d.Lost {
			return texts.Say("entry.the-key-of-the-register-was-lost", "from", d.From, "to", d.To)
		}
		return texts.Say("entry.another-key-signs-the-register", "from", d.From, "to", d.To)
	})},
	{"server-key-named", texts.Say("entry.server-key-named"), about(func(d register.ServerKeyNamed, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.another-key-is-to-sign-for-scanners", "from", d.From, "to", d.To)
	})},
	{"server-key-changed", texts.Say("entry.server-key-changed"), about(func(d register.ServerKeyChanged, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.another-key-signs-for-scanners", "from", d.From, "to", d.To, "n", d.Unheard)
	})},
	{"server-key-lost", texts.Say("entry.server-key-lost"), about(func(d register.ServerKeyLost, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-key-for-scanners-was-lost", "to", d.To, "n", d.Scanners)
	})},
	{"backup-made", texts.Say("entry.backup-made"), about(func(d register.BackupMade, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.a-backup-was-made-which-keys-open", "n", d.Recipients)
	})},
	{"database-moved", texts.Say("entry.database-moved"), about(func(d register.DatabaseMoved, _ register.Entry, _ teller) texts.Text {
		if d.PostgreSQL {
			return texts.Say("entry.the-register-was-moved-to-a-server")
		}
		return texts.Say("entry.the-register-was-moved-to-a-file")
	})},
	{"old-database-removed", texts.Say("entry.old-database-removed"), about(func(register.OldDatabaseRemoved, register.Entry, teller) texts.Text {
		return texts.Say("entry.the-old-database-was-removed")
	})},
	{"folder-made", texts.Say("entry.register-begun"), about(func(d register.FolderMade, _ register.Entry, _ teller) texts.Text {
		if d.Sample {
			return texts.Say("entry.this-register-begins")
		}
		return texts.Say("entry.this-register-begins-2")
	})},
	{"edge-added", texts.Say("entry.scanner-enrolled"), about(func(d register.EdgeAdded, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.the-scanner-at-was-enrolled", "site", d.Site)
	})},
	{"lifecycle-installed", texts.Say("entry.storage-rules-installed"), about(func(register.LifecycleInstalled, register.Entry, teller) texts.Text {
		return texts.Say("entry.the-storages-own-rules")
	})},
	{"day-begun", texts.Say("entry.day-begun"), about(func(d register.DayBegun, _ register.Entry, _ teller) texts.Text {
		if d.Overdue > 0 {
			return texts.Say("entry.new-day-overdue", "n", d.Living, "overdue", texts.Say("entry.letters-overdue", "n", d.Overdue))
		}
		return texts.Say("entry.new-day", "n", d.Living)
	})},
	{"bucket-adopted", texts.Say("entry.storage-vouched"), about(func(register.BucketAdopted, register.Entry, teller) texts.Text {
		return texts.Say("entry.somebody-at-the-server-vouched-2")
	})},
	{"restore-begun", texts.Say("entry.restore-begun"), about(func(d register.RestoreBegun, _ register.Entry, _ teller) texts.Text {
		said := texts.Say("entry.it-was-recognised", "n", d.Entries, "signs", apply(d.Signs, func(s register.RestoreSign) texts.Text { return texts.Word("restore-sign", s) }))
		if d.Seen > 0 {
			said = texts.Say("entry.newest-checkpoint-elsewhere", "said", said, "n", d.Seen, "root", d.Root)
		}
		return texts.Say("entry.what-is-missing-is-replayed", "said", said)
	})},
	{"letter-adopted", texts.Say("entry.letter-taken-over"), about(func(d register.LetterAdopted, _ register.Entry, t teller) texts.Text {
		return texts.Say("entry.after-a-restore-a-letter-of-pages", "n", d.Pages, "place", placeWords(d.Class, d.Helpline, t), "site", d.Site, "deadline", d.Deadline)
	})},
	{"response-adopted", texts.Say("entry.answer-taken-over"), about(func(d register.ResponseAdopted, _ register.Entry, t teller) texts.Text {
		said := texts.Say("entry.after-a-restore-an-answer-of-pages", "n", d.Pages, "place", placeWords(d.Class, d.Helpline, t), "reference", d.Answers.Reference(), "deadline", d.Deadline)
		if d.Waits {
			return texts.Say("entry.and-waits-to-be-kept", "said", said, "who", t.staff(d.UploadedBy))
		}
		return texts.Say("entry.and-is-kept", "said", said)
	})},
	{"response-kept-unasked", texts.Say("entry.answer-kept-unasked"), about(func(d register.ResponseKeptUnasked, _ register.Entry, t teller) texts.Text {
		return texts.Say("entry.after-a-restore-a-draft", "reference", d.Answers.Reference(), "who", t.staff(d.UploadedBy))
	})},
	{"letter-found-elsewhere", texts.Say("entry.letter-found-elsewhere"), about(func(d register.LetterFoundElsewhere, _ register.Entry, t teller) texts.Text {
		said := texts.Say("entry.after-a-restore-the-letter", "place", placeWords(d.Class, d.Helpline, t), "since", d.Since, "week", weekWords(d.Week))
		if d.From != d.Helpline {
			said = texts.Say("entry.and-another-helplines", "said", said, "from", t.helpline(string(d.From)), "helpline", t.helpline(string(d.Helpline)))
		}
		if d.Earlier {
			said = texts.Say("entry.and-ends-earlier", "said", said)
		}
		return said
	})},
	{"letter-not-found", texts.Say("entry.letter-not-found"), about(func(register.LetterNotFound, register.Entry, teller) texts.Text {
		return texts.Say("entry.after-a-restore-the-letter-2")
	})},
	{"paper-found-destroyed", texts.Say("entry.paper-was-destroyed"), about(func(register.PaperFoundDestroyed, register.Entry, teller) texts.Text {
		return texts.Say("entry.the-receipt-that-the-scanner")
	})},
	{"paper-written-off", texts.Say("entry.paper-written-off"), about(func(d register.PaperWrittenOff, e register.Entry, t teller) texts.Text {
		return texts.Say("entry.said-of-the-paper", "who", t.staff(e.By), "reference", d.Reference, "why", texts.Word("lost-paper", d.Why), "witness", t.staff(d.Witness), "authority", d.Authority)
	})},
	{"restored", texts.Say("entry.restore-replayed"), about(func(d register.Restored, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.what-the-restore-had-missed", "adopted", texts.Say("count.letter", "n", d.Adopted), "answers", texts.Say("count.answer", "n", d.Answers), "elsewhere", d.Elsewhere, "missing", d.Missing, "deleted", d.Deleted, "strays", texts.Say("count.object", "n", d.Strays), "keys", texts.Say("count.key", "n", d.Keys), "unread", d.Unread)
	})},
	{"alarm-raised", texts.Say("entry.alarm-began"), about(func(d register.AlarmRaised, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.an-alarm-began", "count", alarmSays(d.Alarm, d.Count))
	})},
	{"alarm-told", texts.Say("entry.told-of-an-alarm"), about(func(d register.AlarmTold, _ register.Entry, t teller) texts.Text {
		return texts.Say("entry.the-days-mail-about-what-is-wrong", "person", t.staff(d.Person))
	})},
	{"unread-told", texts.Say("entry.reminded-of-unopened-letters"), about(func(d register.UnreadTold, _ register.Entry, t teller) texts.Text {
		return texts.Say("entry.unopened-mail-went-to", "person", t.staff(d.Person))
	})},
	{"alarm-ended", texts.Say("entry.alarm-ended"), about(func(d register.AlarmEnded, _ register.Entry, _ teller) texts.Text {
		return texts.Say("entry.an-alarm-ended", "alarm", texts.Word("alarm-name", d.Alarm))
	})},
	{"clock-confirmed", texts.Say("entry.clock-confirmed"), about(func(register.ClockConfirmed, register.Entry, teller) texts.Text {
		return texts.Say("entry.somebody-at-the-servers-console")
	})},
}

// byWhom says who did what an administrator does, at the portal or at the console.
func byWhom(e register.Entry, t teller) texts.Text {
	if e.By == 0 {
		return texts.Say("entry.at-the-servers-console")
	}
	return texts.Say("entry.by", "who", t.staff(e.By))
}

func sayAnswered(d register.ScanAnswered, e register.Entry, t teller) texts.Text {
	switch d.Answer {
	case AnswerSame:
		return texts.Say("entry.said-of-a-scan-whose-bytes", "who", t.staff(e.By))
	case AnswerAnother:
		return texts.Say("entry.said-of-a-scan-whose-bytes-2", "who", t.staff(e.By))
	case AnswerMistake:
		return texts.Say("entry.said-of-a-scan-whose-bytes-3", "who", t.staff(e.By))
	case AnswerHereToo:
		return texts.Say("entry.said-of-a-scan-whose-bytes-4", "who", t.staff(e.By))
	}
	said := texts.Say("entry.looked-through-a-stack-whose", "who", t.staff(e.By), "n", d.Letters)
	if d.Despite > 0 {
		return texts.Say("entry.stack-despite", "said", said, "despite", d.Despite)
	}
	return texts.Say("entry.stack-holds", "said", said)
}

func sayDestroyed(d register.PaperDestroyed, e register.Entry, t teller) texts.Text {
	how := texts.Say("entry.with-our-own-shredder-level", "level", d.Level, "place", d.Place)
	if d.Machine != "" {
		how = texts.Say("entry.with-our-own-shredder-called", "machine", d.Machine, "level", d.Level, "place", d.Place)
	}
	if d.Method == register.Contractor {
		how = texts.Say("entry.through-the-contractor-collection", "contractor", d.Contractor, "collection", d.Collection, "certificate", d.Certificate, "place", d.Place)
	}
	said := texts.Say("entry.destroyed-the-paper-sheets", "who", t.staff(e.By), "reference", d.Reference, "n", d.Sheets, "how", how, "witness", t.staff(d.Witness), "ledger", d.Ledger, "authority", d.Authority)
	if d.ScannedBy != 0 {
		said = texts.Say("entry.and-was-scanned", "said", said, "scanned-by", t.staff(d.ScannedBy))
	}
	if wrong := anomaliesOf(d); len(wrong) > 0 {
		return texts.Say("entry.and-not-as-it-should-be", "said", said, "wrong", wrong)
	}
	return said
}

func sayDeleted(d register.LetterDeleted, _ register.Entry, t teller) texts.Text {
	by := texts.Say("entry.letterlock-removed", "found", foundWords(d.Versions, d.Markers, d.Uploads))
	switch d.By {
	case register.ByStorage:
		by = texts.Say("entry.the-storage-had-removed")
	case register.ByNobody:
		by = texts.Say("entry.nothing-of-it-was-left-and-nobody")
	}
	key := texts.Say("entry.dies-on", "key-dies", d.KeyDies)
	if d.KeyDead {
		key = texts.Say("entry.was-destroyed-before")
	}
	if d.Early != "" {
		by = texts.Say("entry.it-was-erased-before-its-time", "early", texts.Word("erase-reason", d.Early), "by", by)
	}
	if d.NewScan != "" {
		by = texts.Say("entry.and-its-new-scan", "by", by, "new", d.NewScan.Reference())
	}
	return texts.Say("entry.the-letter-for-due-on-is-gone", "helpline", t.helpline(string(d.Helpline)), "deadline", d.Deadline, "by", by, "listing-empty", d.ListingEmpty, "rows-erased", d.RowsErased, "key", key)
}
