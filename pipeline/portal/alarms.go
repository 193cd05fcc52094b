package portal

import (
	"slices"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// alarm is something that somebody must see to, in words.
type alarm struct {
	Says  texts.Text // what it is
	ToDo  texts.Text // what to do
	Since time.Time  // when it was found; zero where that is not known
}

// toldOfAlarms are the roles that see alarms on every page: whose business a
// broken promise is, and who can mend it.
var toldOfAlarms = []register.Role{register.Manager, register.DPO, register.Administrator}

// alarmWords say every kind of alarm. A test holds them complete.
var alarmWords = map[register.AlarmKind]struct {
	says func(n int) texts.Text
	toDo texts.Text
}{
	register.OlderCopy: {func(int) texts.Text {
		return texts.Say("alarm.letterlock-was-restored")
	}, texts.Say("alarm.nobody-can-sign-in-and-no-letter")},
	register.LettersMissing: {func(n int) texts.Text {
		return texts.Say("alarm.letters-are-not-in-the-storage", "n", n)
	}, texts.Say("alarm.nobody-can-open")},
	register.LettersWait: {func(n int) texts.Text {
		return texts.Say("alarm.letters-wait-at-a-scanner", "n", n)
	}, texts.Say("alarm.nobody-is-told-of-them")},
	register.LettersOverdue: {func(n int) texts.Text {
		return texts.Say("alarm.letters-are-past-the-deadline", "n", n)
	}, texts.Say("alarm.nobody-can-open-them-here-any")},
	register.PapersOutlive: {func(n int) texts.Text {
		return texts.Say("alarm.papers-outlive", "n", n)
	}, texts.Say("alarm.the-scan-is-deleted-and-its-paper")},
	register.KeyNeeded: {func(n int) texts.Text {
		return texts.Say("alarm.letters-are-to-be-kept-for-longer", "n", n)
	}, texts.Say("alarm.the-key-is-not-destroyed-before")},
	register.KeyOverdue: {func(n int) texts.Text {
		return texts.Say("alarm.keys-are-past-the-week", "n", n)
	}, texts.Say("alarm.copies-of-that-weeks-letters")},
	register.SharesDue: {func(n int) texts.Text {
		return texts.Say("alarm.shares-of-keys-are-due", "n", n)
	}, texts.Say("alarm.two-shares-bring-a-dead-key-back")},
	register.StorageWrong: {func(int) texts.Text {
		return texts.Say("alarm.the-storage-is-not-as-it-must")
	}, texts.Say("alarm.its-own-rules-for-deletion-were")},
	register.ScannerOdd: {func(n int) texts.Text {
		return texts.Say("alarm.scanners-are-odd", "n", n)
	}, texts.Say("alarm.its-key-may-be-in-other-hands")},
	register.ListLate: {func(int) texts.Text {
		return texts.Say("alarm.scanners-will-stop")
	}, texts.Say("alarm.the-list-of-keys-is-not-renewed")},
	register.ScannersSilent: {func(n int) texts.Text {
		return texts.Say("alarm.scanners-are-silent", "n", n)
	}, texts.Say("alarm.what-is-scanned-there-waits")},
	register.ServersSilent: {func(n int) texts.Text {
		return texts.Say("alarm.servers-are-silent", "n", n)
	}, texts.Say("alarm.the-others-do-its-work")},
	register.CertificateEnd: {func(n int) texts.Text {
		return texts.Say("alarm.certificates-end", "n", n)
	}, texts.Say("alarm.once-it-has-run-out")},
	register.BackupLate: {func(int) texts.Text {
		return texts.Say("alarm.backups-are-not-as-they-must-be")
	}, texts.Say("alarm.none-was-made-for-days")},
	register.StraysStay: {func(n int) texts.Text {
		return texts.Say("alarm.objects-lie-in-the-storage-beyond", "n", n)
	}, texts.Say("alarm.it-belongs-to-no-letter-on-record")},
	register.ClockDoubted: {func(int) texts.Text {
		return texts.Say("alarm.the-servers-clock-is-in-doubt")
	}, texts.Say("alarm.nothing-is-deleted-until-somebody")},
	register.RegisterWrong: {func(int) texts.Text {
		return texts.Say("alarm.the-register-does-not-agree")
	}, texts.Say("alarm.somebody-or-something-has-changed")},
	register.CountsDiffer: {func(int) texts.Text {
		return texts.Say("alarm.the-counts-of-letters-or-papers")
	}, texts.Say("alarm.whatever-arrived-must-be-living")},
}

// alarmSays is one alarm in a sentence. A kind of a newer version is named.
func alarmSays(kind register.AlarmKind, n int) texts.Text {
	words, known := alarmWords[kind]
	if !known {
		return texts.Plain(string(kind) + ".")
	}
	return words.says(n)
}

// alarms are what the visitor is to see on every page.
func (p *Portal) alarms(v *visit) []alarm {
	if !slices.Contains(toldOfAlarms, v.person.Role) {
		return nil
	}
	found, err := p.cfg.Register.Alarms(v.Context())
	if err != nil {
		p.logFailure(v, err.Error())
		return []alarm{{Says: texts.Say("alarm.whether-something-is-wrong-cannot"), ToDo: texts.Say("alarm.have-the-administrator-run")}}
	}
	var out []alarm
	for _, a := range found {
		out = append(out, alarm{alarmSays(a.Kind, a.Count), alarmWords[a.Kind].toDo, a.Since})
	}
	return out
}
