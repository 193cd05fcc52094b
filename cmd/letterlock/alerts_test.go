package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"letterlock/scanner/realpart"
)

// promtool is Prometheus's own reader of rules.
func promtool(t *testing.T, args ...string) {
	t.Helper()
	tool := realpart.Tool(t, "promtool", "promtool (Debian: prometheus)")
	if out, err := exec.Command(tool, args...).CombinedOutput(); err != nil {
		t.Errorf("promtool %s: %v\n%s", args[0], err, out)
	}
}

// alertRule is one of alerts.yml.
type alertRule struct {
	Alert, Expr, For    string
	Labels, Annotations map[string]string
}

func alertRules(t *testing.T) []alertRule {
	t.Helper()
	var file struct {
		Groups []struct {
			Name  string
			Rules []alertRule
		}
	}
	decoder := yaml.NewDecoder(strings.NewReader(read(t, "alerts.yml")))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil || len(file.Groups) != 1 {
		t.Fatalf("the alerts: %v, %+v", err, file)
	}
	return file.Groups[0].Rules
}

// dashboardExpressions are what the panels of the dashboard show.
func dashboardExpressions(t *testing.T) (all []string) {
	t.Helper()
	var dashboard struct {
		Title  string
		Panels []struct{ Targets []struct{ Expr string } }
	}
	if err := json.Unmarshal([]byte(read(t, "grafana.json")), &dashboard); err != nil || dashboard.Title != "Letterlock" || len(dashboard.Panels) < 8 {
		t.Fatalf("the dashboard: %v, %+v", err, dashboard)
	}
	for _, panel := range dashboard.Panels {
		for _, target := range panel.Targets {
			all = append(all, target.Expr)
		}
	}
	return all
}

// Prometheus reads every expression that the alerts and the dashboard go by.
func TestPrometheusReadsDashboardAndAlerts(t *testing.T) {
	promtool(t, "check", "rules", "alerts.yml")
	rules := []map[string]string{}
	for i, expression := range dashboardExpressions(t) {
		rules = append(rules, map[string]string{"record": fmt.Sprintf("panel:%d", i), "expr": expression})
	}
	promtool(t, "check", "rules", written(t, map[string]any{"groups": []any{map[string]any{"name": "dashboard", "rules": rules}}}))
}

func written(t *testing.T, v any) (path string) {
	t.Helper()
	text, err := yaml.Marshal(v)
	must(t, err)
	path = filepath.Join(t.TempDir(), "rules.yml")
	must(t, os.WriteFile(path, text, 0o600))
	return path
}

// What Prometheus is given, a value a minute or every ten for what takes days, and
// what it makes of that. In its tests time begins at 0.
const (
	allWell  = "0+STEPx1000" // a moment that is always now
	stopped  = "60x1000"     // at the first minute
	never    = "0x1000"
	overNow  = "1x1000"
	longAgo  = "1x1000" // of a moment: when time began
	inAnHour = "0x60 1x1000"
)

// oneHasEnded is what Prometheus has of two servers, of which the second ends after an hour.
var oneHasEnded = map[string]string{
	`letterlock_sweep_timestamp_seconds{instance="one:9127"}`: allWell,
	`letterlock_sweep_timestamp_seconds{instance="two:9127"}`: "0+STEPx60 stale",
	`up{job="letterlock",instance="one:9127"}`:                overNow,
	`up{job="letterlock",instance="two:9127"}`:                "1x60 0x1000",
}

var alertCases = []struct {
	alert, at string
	series    map[string]string
	labels    map[string]string // of the alert, beside its severity; nil where it is quiet
}{
	{"LetterlockAway", "3h", map[string]string{"letterlock_sweep_timestamp_seconds": allWell}, nil},
	{"LetterlockAway", "30m", map[string]string{"letterlock_sweep_timestamp_seconds": stopped}, nil},
	{"LetterlockAway", "42m", map[string]string{"letterlock_sweep_timestamp_seconds": stopped}, map[string]string{}},
	{"LetterlockAway", "9m", nil, nil},
	{"LetterlockAway", "11m", nil, map[string]string{}}, // nobody answers at all

	{"LetterlockAlarm", "3h", map[string]string{`letterlock_alarm{kind="keys-overdue"}`: never}, nil},
	{"LetterlockAlarm", "62m", map[string]string{`letterlock_alarm{kind="keys-overdue"}`: inAnHour}, nil},
	{"LetterlockAlarm", "67m", map[string]string{`letterlock_alarm{kind="keys-overdue"}`: inAnHour}, map[string]string{"kind": "keys-overdue"}},
	{"LetterlockAlarm", "3h", map[string]string{`letterlock_alarm{kind="letters-overdue"}`: overNow}, nil}, // it has an alert of its own
	{"LetterlockAlarm", "3h", map[string]string{`letterlock_alarm{kind="scanner-silent"}`: overNow, `letterlock_alarm{kind="server-silent"}`: overNow,
		`letterlock_alarm{kind="certificate-ends"}`: overNow}, nil}, // so have these

	// Of two servers one has ended: what it gave is gone, and the other's numbers are all well.
	{"LetterlockServerAway", "3h", map[string]string{`up{job="letterlock",instance="one:9127"}`: overNow, `up{job="letterlock",instance="two:9127"}`: overNow}, nil},
	{"LetterlockServerAway", "69m", oneHasEnded, nil},
	{"LetterlockServerAway", "72m", oneHasEnded, map[string]string{"job": "letterlock", "instance": "two:9127"}},
	{"LetterlockAway", "3h", oneHasEnded, nil}, // that is of all, or of one that stands still

	{"LetterlockServerSilent", "3h", map[string]string{`letterlock_alarm{kind="server-silent"}`: never}, nil},
	{"LetterlockServerSilent", "6m", map[string]string{`letterlock_alarm{kind="server-silent"}`: overNow}, map[string]string{"kind": "server-silent"}},

	{"LetterlockCertificate", "3h", map[string]string{`letterlock_alarm{kind="certificate-ends"}`: never}, nil},
	{"LetterlockCertificate", "6m", map[string]string{`letterlock_alarm{kind="certificate-ends"}`: overNow}, map[string]string{"kind": "certificate-ends"}},

	{"LetterlockLettersOverdue", "4h", map[string]string{"letterlock_overdue_letters": never, `letterlock_alarm{kind="letters-overdue"}`: never}, nil},
	{"LetterlockLettersOverdue", "119m", map[string]string{"letterlock_overdue_letters": overNow}, nil},
	{"LetterlockLettersOverdue", "121m", map[string]string{"letterlock_overdue_letters": overNow}, map[string]string{}},
	{"LetterlockLettersOverdue", "4h", map[string]string{"letterlock_overdue_letters": never, `letterlock_alarm{kind="letters-overdue"}`: overNow}, map[string]string{"kind": "letters-overdue"}},

	{"LetterlockPapersOverdue", "23h", map[string]string{"letterlock_overdue_papers": overNow}, nil},
	{"LetterlockPapersOverdue", "25h", map[string]string{"letterlock_overdue_papers": overNow}, map[string]string{}},
	{"LetterlockPapersOverdue", "25h", map[string]string{`letterlock_alarm{kind="papers-outlive"}`: overNow}, map[string]string{"kind": "papers-outlive"}},

	{"LetterlockStorageDrift", "14m", map[string]string{`letterlock_alarm{kind="storage-wrong"}`: overNow}, nil},
	{"LetterlockStorageDrift", "16m", map[string]string{`letterlock_alarm{kind="storage-wrong"}`: overNow}, map[string]string{"kind": "storage-wrong"}},

	{"LetterlockClock", "14m", map[string]string{`letterlock_alarm{kind="clock-in-doubt"}`: overNow}, nil},
	{"LetterlockClock", "16m", map[string]string{`letterlock_alarm{kind="clock-in-doubt"}`: overNow}, map[string]string{"kind": "clock-in-doubt"}},

	{"LetterlockUnread", "150h", map[string]string{"letterlock_unread_timestamp_seconds": never}, nil},
	{"LetterlockUnread", "120h", map[string]string{"letterlock_unread_timestamp_seconds": longAgo}, nil},
	{"LetterlockUnread", "122h", map[string]string{"letterlock_unread_timestamp_seconds": longAgo}, map[string]string{}},

	{"LetterlockScannerSilent", "30h", map[string]string{"letterlock_scanner_timestamp_seconds": never}, nil}, // there is none
	{"LetterlockScannerSilent", "30h", map[string]string{"letterlock_scanner_timestamp_seconds": allWell}, nil},
	{"LetterlockScannerSilent", "24h", map[string]string{"letterlock_scanner_timestamp_seconds": longAgo}, nil},
	{"LetterlockScannerSilent", "26h", map[string]string{"letterlock_scanner_timestamp_seconds": longAgo}, map[string]string{}},

	{"LetterlockQueue", "5h", map[string]string{"letterlock_due_timestamp_seconds": never}, nil},
	{"LetterlockQueue", "60m", map[string]string{"letterlock_due_timestamp_seconds": longAgo}, nil},
	{"LetterlockQueue", "92m", map[string]string{"letterlock_due_timestamp_seconds": longAgo}, map[string]string{}},

	{"LetterlockMailWaits", "3h", map[string]string{"letterlock_mails_waiting": never}, nil},
	{"LetterlockMailWaits", "3h", map[string]string{"letterlock_mails_waiting": strings.Repeat("1x30 0x30 ", 4)}, nil}, // each is taken in the end
	{"LetterlockMailWaits", "121m", map[string]string{"letterlock_mails_waiting": overNow}, map[string]string{}},

	{"LetterlockHeld", "59m", map[string]string{"letterlock_held_manifests": overNow}, nil},
	{"LetterlockHeld", "61m", map[string]string{"letterlock_held_manifests": overNow}, map[string]string{}},

	{"LetterlockDisk", "3h", map[string]string{"letterlock_disks_nearly_full": never}, nil},
	{"LetterlockDisk", "14m", map[string]string{"letterlock_disks_nearly_full": overNow}, nil},
	{"LetterlockDisk", "16m", map[string]string{"letterlock_disks_nearly_full": overNow}, map[string]string{}},

	{"LetterlockBackupOld", "60h", map[string]string{"letterlock_backup_timestamp_seconds": never}, nil}, // none are set up
	{"LetterlockBackupOld", "60h", map[string]string{"letterlock_backup_timestamp_seconds": allWell}, nil},
	{"LetterlockBackupOld", "48h", map[string]string{"letterlock_backup_timestamp_seconds": longAgo}, nil},
	{"LetterlockBackupOld", "50h", map[string]string{"letterlock_backup_timestamp_seconds": longAgo}, map[string]string{}},
}

// Each alert is silent until it must not be, and says then what to do. Prometheus
// itself plays the hours and days.
func TestAlertsFireWhenTheyMust(t *testing.T) {
	rules := map[string]alertRule{}
	for _, rule := range alertRules(t) {
		rules[rule.Alert] = rule
	}
	path, err := filepath.Abs("alerts.yml")
	must(t, err)
	type object = map[string]any
	tests := map[string][]object{} // by how often Prometheus looks
	fires, quiet := map[string]bool{}, map[string]bool{}
	for _, c := range alertCases {
		every, step := "1m", "60"
		if lasts, err := time.ParseDuration(c.at); err != nil || lasts > 10*time.Hour {
			every, step = "10m", "600"
		}
		series, expected := []object{}, []object{}
		for _, name := range slices.Sorted(maps.Keys(c.series)) {
			series = append(series, object{"series": name, "values": strings.TrimSpace(strings.ReplaceAll(c.series[name], "STEP", step))})
		}
		if c.labels == nil {
			quiet[c.alert] = true
		} else {
			fires[c.alert] = true
			rule := rules[c.alert]
			labels := maps.Clone(c.labels)
			maps.Copy(labels, rule.Labels)
			says := rule.Annotations["summary"]
			for name, value := range c.labels {
				says = strings.ReplaceAll(says, "{{ $labels."+name+" }}", value)
			}
			expected = append(expected, object{"exp_labels": labels, "exp_annotations": object{"summary": says}})
		}
		tests[every] = append(tests[every], object{"interval": every, "name": fmt.Sprintf("%s after %s of %v", c.alert, c.at, c.series), "input_series": series,
			"alert_rule_test": []object{{"eval_time": c.at, "alertname": c.alert, "exp_alerts": expected}}})
	}
	for name := range rules {
		if !fires[name] || !quiet[name] {
			t.Errorf("nothing shows when %s fires, and when it does not", name)
		}
	}
	for every, some := range tests {
		promtool(t, "test", "rules", written(t, object{"rule_files": []string{path}, "evaluation_interval": every, "tests": some}))
	}
}
