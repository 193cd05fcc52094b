package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/realpart"
)

// scraped is what a running Letterlock gives to a monitoring system.
func scraped(t *testing.T) (text string) {
	t.Helper()
	at := realpart.Address(t)
	data := newData(t)
	settings := strings.Replace(template(), `#listen = ""`, `listen = "`+at+`"`, 1)
	must(t, os.WriteFile(filepath.Join(data, "letterlock.toml"), []byte(settings), 0o600))
	p := start(t, data, "")
	p.eventually("the metrics are given", func() bool {
		answer, err := http.Get("http://" + at + "/metrics")
		if err != nil {
			return false
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close()
		text = string(body)
		return err == nil && answer.StatusCode == http.StatusOK
	})
	p.stop()
	return text
}

// Every number that the dashboard and the alerts go by is given by a running
// Letterlock under that very name, and every kind of alarm that they name is one.
func TestDashboardAndAlertsNameWhatThereIs(t *testing.T) {
	text := scraped(t)
	metric, kind := regexp.MustCompile(`letterlock_[a-z_]+`), regexp.MustCompile(`kind!?[=~]+"([a-z|-]+)"`)
	for _, file := range []string{"grafana.json", "alerts.yml"} {
		named := read(t, file)
		names := metric.FindAllString(named, -1)
		if len(names) < 10 {
			t.Errorf("%s names %d numbers only", file, len(names))
		}
		for _, name := range names {
			if !strings.Contains(text, "\n"+name+" ") && !strings.Contains(text, "\n"+name+"{") {
				t.Errorf("%s goes by %s, which is not given", file, name)
			}
		}
		for _, m := range kind.FindAllStringSubmatch(named, -1) {
			for k := range strings.SplitSeq(m[1], "|") {
				if !slices.Contains(register.AlarmKinds, register.AlarmKind(k)) {
					t.Errorf("%s goes by the alarm %q, which is none", file, k)
				}
			}
		}
	}
	// And what is given is shown: a new number is put on the dashboard.
	for _, m := range regexp.MustCompile(`(?m)^# TYPE (letterlock_[a-z_]+) `).FindAllStringSubmatch(text, -1) {
		if !strings.Contains(read(t, "grafana.json"), m[1]) || !strings.Contains(read(t, "alerts.yml"), m[1]) && m[1] != "letterlock_register_entries" {
			t.Errorf("%s is given, and on no dashboard or in no alert", m[1])
		}
	}
}

// Each rule says how grave it is and what to do.
func TestAlertsSayWhatToDo(t *testing.T) {
	seen := map[string]bool{}
	for _, rule := range alertRules(t) {
		if rule.Alert == "" || rule.For == "" || rule.Labels["severity"] == "" || !strings.HasSuffix(rule.Annotations["summary"], ".") || seen[rule.Alert] {
			t.Errorf("a rule lacks something, or is there twice: %+v", rule)
		}
		seen[rule.Alert] = true
	}
}
