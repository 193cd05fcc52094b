package pipeline

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

func (o *office) metricsPage() (status int, text string) {
	w := httptest.NewRecorder()
	o.Metrics().ServeHTTP(w, httptest.NewRequestWithContext(o.t.Context(), "GET", "/metrics", nil))
	return w.Code, w.Body.String()
}

func TestMetricsCountAndNameNobody(t *testing.T) {
	o := newOffice(t)
	m := o.deposit()
	o.work(m.ID)
	o.toDeadline(m)
	o.putRaw("incoming/office/notes", []byte("x"))
	o.must(o.Admit(t.Context()))
	o.must(o.cfg.Register.KeepAlarms(t.Context(), map[register.AlarmKind]int{register.PapersOutlive: 4}))
	status, text := o.metricsPage()
	for _, line := range []string{
		"letterlock_overdue_letters 1", "letterlock_overdue_papers 0", "letterlock_held_manifests 1", "letterlock_mails_waiting 0",
		"letterlock_sweep_timestamp_seconds 0", `letterlock_alarm{kind="papers-outlive"} 4`, `letterlock_alarm{kind="letters-overdue"} 0`,
		"# TYPE letterlock_alarm gauge",
	} {
		if !strings.Contains(text, line+"\n") {
			t.Errorf("it does not say %q", line)
		}
	}
	if strings.Contains(text, "entries 0") || status != 200 {
		t.Errorf("status %d, and\n%s", status, text)
	}
	for _, secret := range []string{string(m.ID), m.ID.Reference(), "ada", "respect", "office"} {
		if strings.Contains(text, secret) {
			t.Errorf("it holds %q", secret)
		}
	}
}

// A number that cannot be found out is a gap and not a 0.
func TestMetricsThatFailAreAGap(t *testing.T) {
	o := newOffice(t)
	o.must(o.cfg.Register.Close())
	if status, text := o.metricsPage(); status != 503 || strings.Contains(text, "letterlock_") {
		t.Errorf("status %d: %s", status, text)
	}
}

// A server that hangs is seen by the moment of its last sweep.
func TestMetricsSayWhenTheServerLooked(t *testing.T) {
	o := newOffice(t)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error)
	began := time.Now().Unix()
	go func() { done <- o.Run(ctx) }()
	for range 3000 {
		if o.swept.Load() >= began {
			break
		}
		time.Sleep(100 * time.Millisecond)
	}
	stop()
	o.must(<-done)
	if o.swept.Load() < began {
		t.Error("no sweep was noted")
	}
}

// What alerts go by is when something last happened; and what has never happened
// since it was awaited is as silent as what has stopped.
func TestMetricsSayWhatIsAwaited(t *testing.T) {
	o := newOffice(t, func(c *Config) { c.Backups = &Backups{} })
	founded := o.now
	says := func(name string, at time.Time) {
		t.Helper()
		line := fmt.Sprintf("letterlock_%s_timestamp_seconds %d\n", name, at.Unix())
		if at.IsZero() {
			line = fmt.Sprintf("letterlock_%s_timestamp_seconds 0\n", name)
		}
		if _, text := o.metricsPage(); !strings.Contains(text, line) {
			t.Errorf("it does not say %q:\n%s", line, text)
		}
	}
	o.now = o.now.Add(time.Hour)
	says("scanner", founded) // enrolled, and it never spoke
	says("backup", founded)  // set up, and never made
	says("due", time.Time{})
	says("unread", time.Time{})
	m := o.deposit()
	arrived := o.now
	o.must(o.Admit(t.Context()))
	o.must(o.cfg.Register.KeepReport(t.Context(), letter.Report{Site: "office", At: o.now}))
	o.must(o.cfg.Register.KeepTime(t.Context(), register.MetaBackup, o.now))
	o.now = o.now.Add(time.Hour)
	says("due", arrived)
	says("scanner", arrived)
	says("backup", arrived)
	o.work(m.ID)
	says("due", time.Time{})
	says("unread", m.Received)
	o.must(o.cfg.Register.RevokeEdge(t.Context(), "office", 0))
	says("scanner", time.Time{})
	o.cfg.Backups = nil
	o.must(o.cfg.Register.SetMeta(t.Context(), register.MetaBackup, ""))
	says("backup", time.Time{})
}
