package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
)

// This file holds the commands that only look; all of them work beside a
// running server.

type statusCmd struct {
	JSON bool `help:"One JSON object instead of a table."`
}

// status is what 'status --json' writes; scripts rely on its form.
type status struct {
	Clock       string                      `json:"clock"`   // the product's time, RFC 3339, London
	Letters     map[register.State]int      `json:"letters"` // living letters by state
	Paper       map[register.PaperState]int `json:"paper"`   // paper originals by state
	Overdue     int                         `json:"overdue"` // letters past the deadline, not yet proven gone
	Refused     int                         `json:"refused"` // scans in refused/
	Held        int                         `json:"held"`    // manifests that wait for a person
	MailWaiting int                         `json:"mail_waiting"`
	Register    registerStatus              `json:"register"`
	Alarms      []alarmStatus               `json:"alarms"`            // what somebody must see to, the gravest first
	Outlived    int                         `json:"papers_outlived"`   // papers whose letter is gone
	KeyWaits    []string                    `json:"key_waits"`         // sites whose scanners have not said that they know the server's new signing key, or must be invited again to know it
	NearlyFull  int                         `json:"disks_nearly_full"` // of this machine's disks, without that of the backups
	Settings    register.Values             `json:"settings"`          // those that were changed at the portal; the file says the others

	now      time.Time
	scans    *folder.Counts // nil where scans are taken elsewhere
	mailDown int            // letters of which a mail was tried and not taken
}

type alarmStatus struct {
	Kind  register.AlarmKind `json:"kind"`
	Count int                `json:"count"` // of letters, papers or keys; 1 where there is nothing to count
	Since string             `json:"since"` // RFC 3339, UTC
	since time.Time
}

type registerStatus struct {
	Entries    int64  `json:"entries"`
	Checkpoint string `json:"checkpoint"` // the signed head
}

func (c *statusCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		s, err := in.status(w)
		if err != nil {
			return err
		}
		if c.JSON {
			err = w.json(s)
		} else {
			err = s.print(w)
		}
		if err == nil && s.needsSomebody() {
			return errFoundWrong
		}
		return err
	})
}

func (in *installation) status(w *world) (s status, err error) {
	s.now = in.clock.Now()
	s.Clock = s.now.Format("2006-01-02T15:04:05Z07:00")
	counts, err := in.register.Counts(w.ctx)
	if err != nil {
		return s, err
	}
	s.Letters, s.Paper = counts.Letters, counts.Papers
	if s.Overdue, err = in.register.Overdue(w.ctx, letter.DateOf(in.clock.Now())); err != nil {
		return s, err
	}
	if s.Outlived, err = in.register.Forgotten(w.ctx); err != nil {
		return s, err
	}
	held, err := in.register.Held(w.ctx)
	if err != nil {
		return s, err
	}
	s.Held = len(held)
	if s.MailWaiting, err = in.register.MailsWaiting(w.ctx); err != nil {
		return s, err
	}
	troubles, err := in.register.Troubles(w.ctx)
	if err != nil {
		return s, err
	}
	s.mailDown = troubles[register.MailDown]
	if s.KeyWaits, err = in.register.Unheard(w.ctx); err != nil {
		return s, err
	}
	lost, _, err := in.register.LostServerKey(w.ctx)
	if err != nil {
		return s, err
	}
	s.KeyWaits = append(lost.Sites, s.KeyWaits...)
	slices.Sort(s.KeyWaits)
	s.KeyWaits = append([]string{}, slices.Compact(s.KeyWaits)...)
	if s.Settings, err = in.register.ChangedSettings(w.ctx); err != nil {
		return s, err
	}
	looking := w.screen.Begin("Looking into the scanner folder", "", 0) // a share may be slow
	files, err := folder.Count(in.scannerFolder(), in.cfg.names())
	looking.End()
	if err != nil && !errors.Is(err, fs.ErrNotExist) { // a server alone has none
		return s, fmt.Errorf("the scanner folder cannot be read: %s", configfile.Reason(err))
	}
	if s.Refused = files.Refused; err == nil {
		s.scans = &files
	}
	s.NearlyFull = in.nearlyFull()
	alarms, err := in.register.Alarms(w.ctx)
	if err != nil {
		return s, err
	}
	s.Alarms = []alarmStatus{}
	for _, a := range alarms {
		s.Alarms = append(s.Alarms, alarmStatus{a.Kind, a.Count, a.Since.Format("2006-01-02T15:04:05Z"), a.Since})
	}
	s.Register.Entries, s.Register.Checkpoint, err = in.register.Checkpoint(w.ctx)
	return s, err
}

func (s status) print(w *world) error {
	t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "clock\t%s\n", atMinute(s.now))
	if s.scans != nil {
		fmt.Fprintf(t, "scans arriving\t%d\nscans on their way\t%d\n", s.scans.Arriving, s.scans.Claimed+s.scans.Waiting)
	}
	printCounts(t, "letters", s.Letters)
	printCounts(t, "paper", s.Paper)
	fmt.Fprintf(t, "letters overdue\t%d\n", s.Overdue)
	fmt.Fprintf(t, "papers that have outlived their letters\t%d\n", s.Outlived)
	fmt.Fprintf(t, "refused scans\t%d\n", s.Refused)
	fmt.Fprintf(t, "held for a person\t%d\n", s.Held)
	fmt.Fprintf(t, "mail waiting\t%d\n", s.MailWaiting)
	fmt.Fprintf(t, "register entries\t%d\n", s.Register.Entries)
	if s.NearlyFull > 0 {
		fmt.Fprintf(t, "disks nearly full\t%d\n", s.NearlyFull)
	}
	if len(s.KeyWaits) > 0 {
		fmt.Fprintf(t, "scanners that do not know the server's new key\t%s\n", list(s.KeyWaits))
	}
	for _, is := range slices.Sorted(maps.Keys(s.Settings)) {
		fmt.Fprintf(t, "changed at the portal: %s\t%d\n", is, s.Settings[is])
	}
	for _, a := range s.Alarms {
		fmt.Fprintf(t, "ALARM %s\t%d\tsince %s: %s\n", a.Kind, a.Count, atMinute(a.since), texts.English().Text(texts.Word("alarm-name", a.Kind)))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w.out, "\n"+s.verdict())
	return err
}

// needsSomebody reports whether a promise is broken. No server may have run to raise
// an alarm.
func (s status) needsSomebody() bool {
	return len(s.Alarms)+s.Overdue+s.Outlived > 0 || s.scans != nil && folder.LyingSince(s.scans.GivenBack, s.now) == folder.Outstayed
}

// verdict is the whole of it in a sentence, for whoever reads nothing else.
func (s status) verdict() string {
	switch {
	case s.needsSomebody():
		return "Somebody has to see to this: 'letterlock check' says to what, and what to do."
	case s.NearlyFull > 0:
		return "A disk is nearly full, and on a full one nothing can be recorded: 'letterlock check' says which, and what to do."
	case s.Held > 0:
		return "What a scanner has announced is not believed: 'letterlock held' says why, and what to do."
	case s.mailDown > 0 && s.MailWaiting > 0:
		return "Mail waits that the mail server has not taken, and is tried again: 'letterlock check' says why, and what to do."
	case len(s.KeyWaits) > 0:
		return "Scanners do not know the server's new key: 'letterlock check' says what to do where it is more than a matter of minutes."
	case s.Refused > 0:
		return "Scans wait in refused/ for whoever scans: the note beside each says why, and what to do."
	}
	if s.MailWaiting > 0 {
		return "Nothing here needs anybody, unless the mail that waits goes on waiting: 'letterlock check' asks the mail server."
	}
	return "Nothing here needs anybody. 'letterlock check' looks at everything else too."
}

func printCounts[K ~string](t *tabwriter.Writer, what string, n map[K]int) {
	if len(n) == 0 {
		fmt.Fprintf(t, "%s\tnone\n", what)
	}
	for _, k := range slices.Sorted(maps.Keys(n)) {
		fmt.Fprintf(t, "%s %s\t%d\n", what, k, n[k])
	}
}

// list writes helplines as people read them.
func list(names []string) string { return strings.Join(names, ", ") }
