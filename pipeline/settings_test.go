package pipeline

import (
	"strings"
	"testing"

	"letterlock/pipeline/register"
)

// The check says what was changed at the portal, and what the file says of it; it
// is something to mend only where the two do not go together any more.
func TestTheCheckSaysWhatWasChanged(t *testing.T) {
	o := newOffice(t)
	admin := o.person(register.Administrator, "")
	says := func() Line {
		t.Helper()
		for _, l := range o.Check(t.Context()) {
			if l.Name == "settings" {
				return l
			}
		}
		t.Fatal("nothing is said of it")
		return Line{}
	}
	if l := says(); !l.OK || l.Says != "All settings are as the configuration file says." {
		t.Errorf("%+v", l)
	}
	o.must(o.cfg.Register.ChangeSettings(t.Context(), register.Values{register.SettingLeaders: 2}, DefaultSettings, register.Administrator, admin))
	if l := says(); !l.OK || !strings.Contains(l.Says, "2 working days (the file says 1 working day)") {
		t.Errorf("%+v", l)
	}
	o.cfg.Settings = register.Values{register.SettingManagers: 1}
	if l := says(); l.OK {
		t.Errorf("managers are told first, and that is well: %+v", l)
	}
}
