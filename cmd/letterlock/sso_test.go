package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"letterlock/pipeline/portal"
)

func TestGroupsOfTheConfiguration(t *testing.T) {
	helplines := []string{"respect-phoneline", "mens-advice-line"}
	s := &SSO{Groups: []string{"LL office = operations", "a=b, leaders  =team-leader respect-phoneline  mens-advice-line"}}
	got, err := s.groups(helplines)
	want := []portal.Group{{Name: "LL office", Role: "operations", Helplines: []string{}}, {Name: "a=b, leaders", Role: "team-leader", Helplines: helplines}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	for line, says := range map[string]string{
		"operations": "is not like", "= operations": "is not like", "x =": "is not like", "x = boss": "no role",
		"x = team-leader": "needs a helpline", "x = dpo respect-phoneline": "nobody else has one", "x = team-leader other": "no helpline",
	} {
		if _, err := (&SSO{Groups: []string{line}}).groups(helplines); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v", line, err)
		}
	}
}

func TestWhatIsStrong(t *testing.T) {
	for _, c := range []struct {
		sso  SSO
		says string
	}{
		{SSO{}, ""}, {SSO{StepUpACR: []string{"phr"}, Strong: true}, ""}, {SSO{StepUpAMR: []string{"hwk"}, Strong: true}, ""},
		{SSO{Strong: true}, "strong needs"}, {SSO{StepUpACR: []string{""}}, "an empty one"}, {SSO{StepUpAMR: []string{"mfa", ""}}, "an empty one"},
	} {
		if err := c.sso.checkStrength(); (err != nil) != (c.says != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%+v: %v", c.sso, err)
		}
	}
}
