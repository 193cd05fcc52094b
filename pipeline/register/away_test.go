package register

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"letterlock/scanner/letter"
)

// Whoever may confirm the address of an answer is told of it once, whenever they come
// to be among those who may; who may not any more, and was not told yet, is not told.
func TestWhoMayConfirmAnAnswerIsTold(t *testing.T) {
	d := newDesk(t)
	ctx := t.Context()
	uploader, second, third := d.leader(), d.leader(), d.leader()
	to := d.receipted().ID
	d.opens(to, uploader)
	id := d.draft(to, uploader)
	d.must(d.KeepResponse(ctx, id, AddressAsked, true, uploader))
	owed := func(step string, want ...int64) {
		t.Helper()
		calls, err := d.OwedCalls(ctx, "example.org")
		d.must(err)
		var got []int64
		for _, c := range calls {
			if c.Letter != id || c.Why != CalledConfirm {
				t.Errorf("%s: %+v", step, c)
			}
			got = append(got, c.Person)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: told are not who should be:\n%s", step, diff)
		}
	}
	owed("kept", second, third)
	calls, err := d.OwedCalls(ctx, "example.org")
	d.must(err)
	d.must(d.CallSent(ctx, calls[0]))
	review := letter.DateOf(d.now).AddDays(30)
	d.must(d.Safeguard(ctx, to, Safeguarding{Reason: ChildAtRisk, Told: Consented, Review: review, Named: second}, uploader))
	owed("for one who was told") // and not for the one who was not
	d.must(d.ReviewSafeguarding(ctx, to, review, third, second))
	owed("for another", third)

	away := func(person int64) int {
		t.Helper()
		all, err := d.Away(ctx, person)
		d.must(err)
		return len(all)
	}
	if away(uploader) != 1 || away(second) != 0 || away(third) != 0 {
		t.Error("it is said to whoever did not upload it, or not to who did")
	}
	d.opens(id, third)
	d.must(d.ConfirmResponse(ctx, id, third))
	became, err := d.Away(ctx, uploader)
	d.must(err)
	if diff := cmp.Diff([]Away{{Letter: to, Helpline: "respect-phoneline", Why: CalledAwayKept}}, became, cmpopts.IgnoreFields(Away{}, "Call")); diff != "" {
		t.Error(diff)
	}
	d.must(d.ReviewSafeguarding(ctx, to, review, uploader, third))
	if away(uploader) != 0 {
		t.Error("the letter is theirs again, on whose page it stands")
	}
}
