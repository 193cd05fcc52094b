package portal

import (
	"slices"
	"time"

	"letterlock/pipeline/register"
)

// alarm is something that somebody must see to, in words.
type alarm struct {
	Says  string    // what it is
	ToDo  string    // what to do
	Since time.Time // when it was found; zero where that is not known
}

// toldOfAlarms are the roles that see alarms on every page: whose business a
// broken promise is, and who can mend it.
var toldOfAlarms = []register.Role{register.Manager, register.DPO, register.Administrator}

// alarmWords say every kind of alarm. A test holds them complete.
var alarmWords = map[register.AlarmKind]struct {
	says func(n int) string
	toDo string
}{
	register.OlderCopy: {func(int) string {
		return "Letterlock was restored from a backup and is closed."
	}, "Nobody can sign in and no letter is shown until what has happened since is known. Have the administrator run “letterlock restore” on the server."},
	register.LettersMissing: {func(n int) string {
		return count(n, "letter is", "letters are") + " not in the storage any more, before the deadline."
	}, "Nobody can open them, and it was not Letterlock that removed them. Have the administrator run “letterlock check” on the server, which says which they are, and find out who did. Operations keep their papers, where they are not destroyed yet, and scan them again."},
	register.LettersOverdue: {func(n int) string {
		return count(n, "letter is", "letters are") + " past the deadline and not proven gone."
	}, "Nobody can open them here any more, but they must not exist. Have the administrator run “letterlock check” on the server: the storage, the clock or the disk needs somebody. They go by themselves once that is mended."},
	register.PapersOutlive: {func(n int) string {
		return count(n, "paper original has outlived its letter.", "paper originals have outlived their letters.")
	}, "The scan is deleted and its paper is not on record as destroyed. Operations find it at the top of the destruction desk: find the paper, destroy it and record it."},
	register.KeyNeeded: {func(n int) string {
		return count(n, "letter is", "letters are") + " to be kept for longer than the key lives that opens it."
	}, "The key is not destroyed before they are sealed to another. That is done by itself; if this stays for more than a day, have the administrator look at the log."},
	register.KeyOverdue: {func(n int) string {
		return count(n, "key is", "keys are") + " past the week in which it must be destroyed, and still there."
	}, "Copies of that week’s letters, wherever they are, could still be read. Have the administrator run “letterlock check” on the server: the clock or the keyring’s disk needs somebody."},
	register.SharesDue: {func(n int) string {
		return count(n, "share of a key is", "shares of keys are") + " due to be destroyed, and not on record as that."
	}, "Two shares bring a dead key back, and with it every old copy of its week’s letters. Have the custodians destroy theirs; the administrator finds whose they are with “letterlock key escrow list”."},
	register.StorageWrong: {func(int) string {
		return "The storage is not as it must be."
	}, "Its own rules for deletion were changed, or it is not the storage that holds our letters. Have the administrator run “letterlock check” on the server, find out who changed it, and only then mend it."},
	register.StraysStay: {func(n int) string {
		return count(n, "object lies", "objects lie") + " in the storage beyond the deadline and cannot be removed."
	}, "It belongs to no letter on record, and must not exist. Letterlock removes such things by itself, but the storage goes on showing it. Have the administrator run “letterlock check storage” on the server: it may no longer delete, or lock or copy back what is deleted."},
	register.ClockDoubted: {func(int) string {
		return "The server’s clock is in doubt."
	}, "Nothing is deleted until somebody has looked: a wrong clock could delete too early. Have the administrator run “letterlock check” on the server, which says what to do."},
	register.RegisterWrong: {func(int) string {
		return "The register does not agree with its own signature."
	}, "Somebody or something has changed it. Change nothing; have the administrator stop Letterlock, keep a copy of the data folder, and verify the last export."},
	register.CountsDiffer: {func(int) string {
		return "The counts of letters or papers do not add up."
	}, "Whatever arrived must be living or proven gone, and its paper waiting or on record as destroyed. Change nothing; have the administrator keep a copy of the data folder and run “letterlock retention” on the server, which says what is missing."},
}

// alarmNames are the kinds in two or three words.
var alarmNames = map[register.AlarmKind]string{
	register.OlderCopy:      "a restore from a backup",
	register.LettersMissing: "letters that are not in the storage",
	register.LettersOverdue: "letters past their deadline",
	register.PapersOutlive:  "papers that outlived their letters",
	register.KeyNeeded:      "letters that outlive their key",
	register.KeyOverdue:     "keys past their week",
	register.SharesDue:      "shares that are due to be destroyed",
	register.StorageWrong:   "the storage",
	register.StraysStay:     "remains that do not go",
	register.ClockDoubted:   "the clock",
	register.RegisterWrong:  "the register’s signature",
	register.CountsDiffer:   "counts that do not add up",
}

// alarmSays is one alarm in a sentence. A kind of a newer version is named.
func alarmSays(kind register.AlarmKind, n int) string {
	words, known := alarmWords[kind]
	if !known {
		return string(kind) + "."
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
		return []alarm{{Says: "Whether something is wrong cannot be found out just now.", ToDo: "Have the administrator run “letterlock check” on the server."}}
	}
	var out []alarm
	for _, a := range found {
		out = append(out, alarm{alarmSays(a.Kind, a.Count), alarmWords[a.Kind].toDo, a.Since})
	}
	return out
}
