package pipeline

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// metric is one number of the metrics page, or one number for each alarm.
type metric struct {
	name, help string
	value      func(ctx context.Context) (float64, error)
}

func (s *Server) metrics() []metric {
	return []metric{
		{"letterlock_overdue_letters", "Letters past their deadline that are not yet proven gone.", func(ctx context.Context) (float64, error) {
			return float(s.cfg.Register.Overdue(ctx, letter.DateOf(s.cfg.Now())))
		}},
		{"letterlock_overdue_papers", "Paper originals that have outlived their letters.", func(ctx context.Context) (float64, error) {
			return float(s.cfg.Register.Forgotten(ctx))
		}},
		{"letterlock_held_manifests", "Announced letters that are not believed and wait for a person.", func(ctx context.Context) (float64, error) {
			held, err := s.cfg.Register.Held(ctx)
			return float(len(held), err)
		}},
		{"letterlock_mails_waiting", "Mails that no mail server has taken yet.", func(ctx context.Context) (float64, error) {
			return float(s.cfg.Register.MailsWaiting(ctx))
		}},
		{"letterlock_register_entries", "Entries of the register.", func(ctx context.Context) (float64, error) {
			n, _, err := s.cfg.Register.Checkpoint(ctx)
			return float64(n), err
		}},
		{"letterlock_due_timestamp_seconds", "Since when the letter that waits longest could have moved on, in Unix time; 0 where none waits.", func(ctx context.Context) (float64, error) {
			return moment(s.cfg.Register.DueSince(ctx))
		}},
		{"letterlock_unread_timestamp_seconds", "When the oldest letter arrived that nobody has opened, in Unix time; 0 where there is none.", func(ctx context.Context) (float64, error) {
			return moment(s.cfg.Register.OldestUnread(ctx, s.cfg.Helplines))
		}},
		{"letterlock_scanner_timestamp_seconds", "When the scanner that is silent longest last said what lies in its folder, or was enrolled, in Unix time; 0 where there is none.", func(ctx context.Context) (float64, error) {
			return moment(s.longestSilent(ctx))
		}},
		{"letterlock_backup_timestamp_seconds", "When the last backup was made, or this data folder if none was, in Unix time; 0 where none are set up.", func(ctx context.Context) (float64, error) {
			return moment(s.lastBackup(ctx))
		}},
		{"letterlock_disks_nearly_full", "Disks of this server, as 'letterlock check' lists them, that are nearly full; one that does not answer is not counted.", func(ctx context.Context) (float64, error) {
			full, _ := s.nearlyFull(ctx) // a share that is away is no reason to say nothing at all
			return float64(full), nil
		}},
		{"letterlock_sweep_timestamp_seconds", "When the server last looked for what is due, in Unix time; 0 before it has. It does so every few seconds.",
			func(context.Context) (float64, error) { return float64(s.swept.Load()), nil }},
	}
}

func float(n int, err error) (float64, error) { return float64(n), err }

func moment(t time.Time, err error) (float64, error) {
	if err != nil || t.IsZero() {
		return 0, err
	}
	return float64(t.Unix()), nil
}

// longestSilent is when the enrolled scanner that is silent longest last reported, or
// was enrolled if it never has; the zero time where there is none.
func (s *Server) longestSilent(ctx context.Context) (oldest time.Time, err error) {
	all, err := s.cfg.Register.Scanners(ctx)
	for _, one := range all {
		if !one.Revoked.IsZero() {
			continue
		}
		if oldest.IsZero() || one.Heard().Before(oldest) {
			oldest = one.Heard()
		}
	}
	return oldest, err
}

// lastBackup is since when a backup is awaited: the last that was made, or the
// founding of the data folder; the zero time where none are set up.
func (s *Server) lastBackup(ctx context.Context) (time.Time, error) {
	made, err := s.cfg.Register.KeptTime(ctx, register.MetaBackup)
	if err != nil || !made.IsZero() || s.cfg.Backups == nil {
		return made, err
	}
	first, err := s.cfg.Register.Entries(ctx, 1, "", "", 1)
	if err != nil || len(first) == 0 {
		return time.Time{}, err
	}
	return first[0].At, nil
}

// Metrics is the page that Prometheus reads (its text format, version 0.0.4):
// counts and moments, of nobody and of no one letter. A number that cannot be
// found out fails the whole page: a gap is seen, a wrong 0 is not.
func (s *Server) Metrics() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, err := s.metricsText(r.Context())
		if err != nil {
			s.cfg.Log.Error("the metrics could not be found out", "error", err)
			http.Error(w, "The metrics cannot be found out just now; the log says why.", http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		_, _ = w.Write([]byte(text)) // the reader has gone if this fails
	})
}

func (s *Server) metricsText(ctx context.Context) (string, error) {
	var b strings.Builder
	for _, m := range s.metrics() {
		n, err := m.value(ctx)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n%s %.0f\n", m.name, m.help, m.name, m.name, n)
	}
	loud, err := s.cfg.Register.Alarms(ctx)
	if err != nil {
		return "", err
	}
	counts := map[register.AlarmKind]int{}
	for _, a := range loud {
		counts[a.Kind] = a.Count
	}
	const name = "letterlock_alarm"
	fmt.Fprintf(&b, "# HELP %s What somebody must see to: how many letters, papers or keys; 0 where all is well.\n# TYPE %s gauge\n", name, name)
	for _, kind := range register.AlarmKinds {
		fmt.Fprintf(&b, "%s{kind=%q} %d\n", name, string(kind), counts[kind])
	}
	return b.String(), nil
}
