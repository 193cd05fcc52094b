package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"letterlock/pipeline/portal"
)

// askingIntake is a scanner folder that asks something, or cannot be read, or hangs.
type askingIntake struct {
	portal.Intake
	asks  []portal.Question
	fails error
	hangs bool
}

func (a askingIntake) Questions(ctx context.Context) ([]portal.Question, error) {
	if a.hangs {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return a.asks, errors.Join(a.fails, ctx.Err())
}

// What scanners on other machines ask is listed whatever is the matter with the folder of
// this one, and the other way about; and that something is the matter is said.
func TestAFolderThatFailsHidesNoOtherScanner(t *testing.T) {
	trouble := errors.New("input/output error")
	one, other := portal.Question{Token: "one"}, portal.Question{Token: "office-other", Since: time.Unix(1, 0)}
	whole := intakes{askingIntake{asks: []portal.Question{other}}, askingIntake{asks: []portal.Question{one}}}
	if all, err := whole.Questions(t.Context()); err != nil || len(all) != 2 || all[0] != one {
		t.Errorf("asked is %+v, %v", all, err)
	}
	for name, i := range map[string]intakes{
		"the folder fails":                {askingIntake{fails: trouble}, askingIntake{asks: []portal.Question{one}}},
		"the folder hangs":                {askingIntake{hangs: true}, askingIntake{asks: []portal.Question{one}}},
		"scanners elsewhere are not read": {askingIntake{asks: []portal.Question{one}}, askingIntake{fails: trouble}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		all, err := i.Questions(ctx)
		cancel()
		if err == nil || len(all) != 1 || all[0] != one {
			t.Errorf("%s: asked is %+v, %v", name, all, err)
		}
	}
}
