package portal

import (
	"fmt"
	"html/template"
	"maps"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// The sentences for enumerated words. What has no entry is shown as it is, so
// that a word that is new inside is never a blank outside.

var roleWords = map[register.Role]string{
	register.Operations:    "Operations",
	register.TeamLeader:    "Team leader",
	register.Manager:       "Helplines’ manager",
	register.DPO:           "Data-protection officer",
	register.Administrator: "Administrator",
}

var roleDoes = map[register.Role]string{
	register.Operations:    "drops scans into the folder, destroys the paper, never sees a letter again",
	register.TeamLeader:    "opens the letters of a helpline and says whether they are readable",
	register.Manager:       "opens the letters of every helpline",
	register.DPO:           "sees the register, never a letter",
	register.Administrator: "sees people and checks, never a letter",
}

var stateWords = map[register.State]string{
	register.Receipted: "Not opened yet",
	register.Notified:  "Not opened yet",
	register.Opened:    "Opened",
	register.Readable:  "Readable",
	register.ScanAgain: "To be scanned again",
	register.Replaced:  "Scanned anew",
	register.Draft:     "Not kept yet",
	register.ToConfirm: "Waits for a second person",
	register.Filed:     "Filed",
}

var stateSentences = map[register.State]string{
	register.Receipted: "Nobody has opened it yet.",
	register.Notified:  "Nobody has opened it yet.",
	register.Opened:    "Opened, but nobody has said yet whether it can be read.",
	register.Readable:  "Found readable.",
	register.ScanAgain: "Could not be read. Operations have been asked to scan it again.",
	register.Replaced:  "Could not be read, and was scanned anew.",
	register.Draft:     "An uploaded copy of an answer that is not kept yet.",
	register.ToConfirm: "An answer whose address a second person must confirm.",
	register.Filed:     "A kept copy of an answer.",
}

var riskWords = map[register.Risk]string{
	register.RiskNone:   "Nobody is at risk, as far as the letter tells",
	register.RiskShare:  "Somebody is at risk, and an agency should be told",
	register.RiskUrgent: "Somebody is in danger now, and the manager must know at once",
}

var reasonWords = map[register.ScanAgainReason]string{
	register.PagesMissing: "Pages are missing",
	register.CutOff:       "Something is cut off at the edge",
	register.TooFaint:     "It is too faint or blurred to read",
	register.UpsideDown:   "Pages are upside down or in the wrong order",
	register.WrongLetter:  "Sheets of two letters are mixed, or it is the wrong letter",
}

// flagWords are hints for the reader's eye; the machine may be wrong.
var flagWords = map[letter.Flag]string{
	letter.Blank:         "looks blank",
	letter.NearlyBlank:   "looks nearly blank",
	letter.MostlyBlack:   "is mostly black: look whether something is missing",
	letter.Skewed:        "lay askew on the scanner: look whether a corner is missing",
	letter.LowResolution: "was scanned coarsely: look at the small print",
	letter.MaybeSheet:    "may be a separator sheet, or a page that lay over one and is another letter’s: compare it with the paper",
}

// flagsOf says what the scanner noticed about a page, each in a few words.
func flagsOf(l register.Letter, page int) (said []string) {
	for _, flag := range l.Flags.Of(page) {
		said = append(said, worded(flagWords, flag))
	}
	return said
}

var safeguardingReasonWords = map[register.SafeguardingReason]string{
	register.ChildAtRisk:     "A child is at risk",
	register.AdultAtRisk:     "An adult is at risk",
	register.ImminentDanger:  "Somebody is in imminent danger",
	register.TerrorismOrBomb: "A warning of terrorism or of a bomb",
}

var toldWords = map[register.Told]string{
	register.Consented:     "Has agreed to it",
	register.WasTold:       "Was told of it",
	register.NotToldUnsafe: "Was not told: it would put somebody at greater risk",
	register.NotToldReach:  "Was not told: there is no safe way to reach them",
	register.NotToldUrgent: "Was not told: there was no time to ask first",
}

var agencyWords = map[register.Agency]string{
	register.Police:            "The police",
	register.ChildrensServices: "Children’s social care",
	register.AdultServices:     "Adult social care",
	register.HealthService:     "A health service",
	register.RiskConference:    "A multi-agency risk assessment conference",
	register.OtherAgency:       "Another statutory body",
}

var basisWords = map[register.Basis]string{
	register.WithConsent:    "With the service user’s consent",
	register.WithoutRisk:    "Without consent: somebody may come to serious harm otherwise",
	register.WithoutUnsafe:  "Without consent: asking would put somebody at greater risk",
	register.WithoutNoReach: "Without consent: the person cannot be reached safely",
	register.WithoutDuty:    "Without consent: a law or a court demands it",
}

var holdReasonWords = map[register.HoldReason]string{
	register.Inquiry:             "An inquiry",
	register.CourtOrder:          "A court’s order",
	register.CourtCase:           "A court case, under way or announced",
	register.Coroner:             "A coroner",
	register.PoliceInvestigation: "A police investigation",
	register.KeptUnknown:         "Found after a restore where letters are kept for five years; the decision is not on record",
}

var signWords = map[register.RestoreSign]string{
	register.SignKeyring:        "the keyring remembers more than it holds",
	register.SignBucket:         "the storage has a checkpoint that it does not hold",
	register.SignRecipients:     "the recipients list in the storage is not the one it gave out last",
	register.SignEdge:           "a scanner has seen a newer recipients list",
	register.SignAnchorsMissing: "the checkpoint that was left in the storage last is not there",
	register.SignPerson:         "somebody said so",
}

// apartWords go on after "it is a letter of its own, because".
var apartWords = map[register.ApartReason]string{
	register.ApartUnknown:   "no such letter is here any more",
	register.ApartElsewhere: "that letter is another helpline’s, or came from another scanner",
	register.ApartOtherDay:  "that letter was received at another time",
	register.ApartReplaced:  "that letter has a new scan already",
	register.ApartNotAsked:  "that letter is not to be scanned again, or not any more",
}

var eraseReasonWords = map[register.EraseReason]string{
	register.PersonAsked:    "The person concerned asks for it",
	register.ScannedInError: "It should never have been scanned",
	register.ScannedTwice:   "There is another scan of the same letter",
	register.LegalDuty:      "A law or a court demands it",
	register.NeverStored:    "It was filed and did not reach the storage",
	register.NewerScan:      "A new scan of its paper was found readable",
	register.NotKept:        "It was uploaded and not kept",
}

var withdrawReasonWords = map[register.WithdrawReason]string{
	register.OtherLetter:     "It was meant for another letter",
	register.NoneApplies:     "None of the policy’s reasons applies",
	register.ObjectionUpheld: "The person concerned objected, and rightly",
}

var addressCheckWords = map[register.AddressCheck]string{
	register.AddressAsked:  "The person was asked, in another way that is safe",
	register.AddressGiven:  "Their letter asks for an answer there, and speaks of no danger",
	register.AddressAgency: "An agency that supports the person says so",
	register.AddressBody:   "It is a place where nobody else gets their post, like a refuge, a solicitor or a prison",
}

var dropReasonWords = map[register.DropReason]string{
	register.DroppedWrong:     "It is the wrong copy",
	register.DroppedUnsafe:    "The address is not known to be safe",
	register.DroppedTakenBack: "It was taken back before a second person had confirmed the address",
	register.DroppedDeclined:  "A second person did not confirm that the address is safe",
	register.DroppedUnkept:    "Nobody kept it in time",
}

var notKeptWords = map[register.CallReason]string{
	register.CalledUnkept:   "A copy that you had uploaded here was not kept in time, and is erased. If it is to be kept, upload it again. Do not post the answer before that.",
	register.CalledDeclined: "Somebody else did not confirm that it is safe to write to the address of your answer, and its copy is erased. Do not post it. Speak with the helplines’ manager about how the person can be reached safely.",
}

var questionWords = map[QuestionKind]string{
	QuestionDuplicate: "Scanned before?",
	QuestionOtherLine: "Taken before for another helpline",
	QuestionStack:     "A stack to look at",
}

var paperWords = map[register.PaperState]string{
	letter.PaperKept:      "Kept until a team leader has found the scan readable",
	letter.PaperMayGo:     "May be destroyed",
	letter.PaperDestroyed: "Destroyed",
	letter.PaperScanAgain: "Kept, to be scanned again",
}

var methodWords = map[register.Method]string{
	register.Shredder:   "Our own shredder",
	register.Contractor: "A contractor",
}

var lostWords = map[register.LostPaper]string{
	register.DestroyedBefore: "It was destroyed before the restore, and we know it",
	register.NoSuchPaper:     "We have looked for it, and there is no such paper",
}

// anomalyWords go on from "not as it should be:".
var anomalyWords = map[register.Anomaly]string{
	register.AnomalySheets:         "the sheets do not fit the scan’s pages, and were counted twice",
	register.AnomalyLetterGone:     "its letter was gone before, so the paper was overdue",
	register.AnomalyUnread:         "nobody had found the scan readable",
	register.AnomalyScannerUnknown: "nobody knew any more who had scanned it",
	register.AnomalyLevel:          "the shredder is coarser than level " + string(register.DefaultLevel),
}

// anomaliesOf says what was not as it should be, or "" for nothing.
func anomaliesOf(d register.PaperDestroyed) string {
	return list(apply(d.Anomalies, func(a register.Anomaly) string { return worded(anomalyWords, a) }))
}

func worded[K ~string](words map[K]string, k K) string {
	if w, ok := words[k]; ok {
		return w
	}
	return string(k)
}

// moment writes a time as people say it, in London: 24 November 2026 at 2:02pm.
func moment(t time.Time) string { return t.In(letter.London).Format("2 January 2006 at 3:04pm") }

// day writes a day as people say it: 24 November 2026.
func day(d letter.Date) string { return d.Start().Format("2 January 2006") }

func count[N int | int64](n N, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

// roleOr is what a person is, or that they may do nothing at present.
func roleOr(r register.Role) string {
	if r == "" {
		return "No role at present"
	}
	return worded(roleWords, r)
}

// list joins names as people do: A, B and C.
func list(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	return strings.Join(names[:len(names)-1], ", ") + " and " + names[len(names)-1]
}

func (p *Portal) templateFuncs() template.FuncMap {
	funcs := template.FuncMap{
		"roleOf":             p.roleOf,
		"passkeysOf":         passkeysOf,
		"whereabouts":        placesWords,
		"how":                howWords,
		"titles":             func(of []Helpline) []string { return apply(of, func(h Helpline) string { return h.Title }) },
		"static":             p.files.address,
		"helpline":           p.helplineTitle,
		"helplines":          func(names []string) string { return list(apply(names, p.helplineTitle)) },
		"againSSO":           p.againSSO,
		"moment":             moment,
		"day":                day,
		"count":              count[int],
		"count64":            count[int64],
		"list":               list,
		"role":               roleOr,
		"roleDoes":           func(r register.Role) string { return worded(roleDoes, r) },
		"state":              func(s register.State) string { return worded(stateWords, s) },
		"stateSentence":      func(s register.State) string { return worded(stateSentences, s) },
		"risk":               func(r register.Risk) string { return worded(riskWords, r) },
		"reason":             func(r register.ScanAgainReason) string { return worded(reasonWords, r) },
		"paper":              func(s register.PaperState) string { return worded(paperWords, s) },
		"recountField":       recountField,
		"lost":               func(w register.LostPaper) string { return worded(lostWords, w) },
		"method":             func(m register.Method) string { return worded(methodWords, m) },
		"anomalies":          anomaliesOf,
		"class":              func(c letter.Class) string { return worded(classWords, c) },
		"question":           func(k QuestionKind) string { return worded(questionWords, k) },
		"flags":              flagsOf,
		"openUntil":          p.openUntil,
		"addressCheck":       func(c register.AddressCheck) string { return worded(addressCheckWords, c) },
		"safeguardingReason": func(r register.SafeguardingReason) string { return worded(safeguardingReasonWords, r) },
		"told":               func(t register.Told) string { return worded(toldWords, t) },
		"agency":             func(a register.Agency) string { return worded(agencyWords, a) },
		"holdReason":         func(r register.HoldReason) string { return worded(holdReasonWords, r) },
		"eraseReason":        func(r register.EraseReason) string { return worded(eraseReasonWords, r) },
		"withdrawReason":     func(r register.WithdrawReason) string { return worded(withdrawReasonWords, r) },
		"basis":              func(b register.Basis) string { return worded(basisWords, b) },
	}
	maps.Copy(funcs, speak(p.language))
	return funcs
}

// openUntil is the last day on which the letter can surely be opened, and how
// near that is once it is near.
func (p *Portal) openUntil(l register.Letter) string {
	if l.Held() {
		return "the hold on it is released, and then by its rule"
	}
	last := letter.OpenUntil(l.Since, l.Class)
	today := letter.DateOf(p.cfg.Now())
	said := day(last)
	switch {
	case last.Before(today):
		return said + " (it may be gone any moment)"
	case last == today:
		return said + " (today)"
	case last == today.AddDays(1):
		return said + " (tomorrow)"
	}
	for n := 2; n <= 14; n++ {
		if last == today.AddDays(n) {
			return fmt.Sprintf("%s (%d days left)", said, n)
		}
	}
	return said
}

func apply[T, U any](in []T, f func(T) U) []U {
	out := make([]U, len(in))
	for i, x := range in {
		out[i] = f(x)
	}
	return out
}
