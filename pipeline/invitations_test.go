package pipeline

import (
	"testing"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
)

// An invitation is sent until a mail server has taken it, and says where to go
// and nothing else.
func TestAnInvitationIsMailed(t *testing.T) {
	o := newOffice(t)
	for _, email := range []string{"new@example.org", ""} {
		_, _, err := o.cfg.Register.Invite(t.Context(), register.Person{Name: "New Person", Email: email, Role: register.Operations}, 1, time.Hour)
		o.must(err)
	}
	o.post.taken = nil
	o.post.next = []fault{fails, loses}
	if err := o.sendInvitations(t.Context()); err == nil {
		t.Error("a failure is not told")
	}
	_ = o.sendInvitations(t.Context())
	o.must(o.sendInvitations(t.Context()))
	o.must(o.sendInvitations(t.Context()))
	if len(o.post.taken) != 2 || o.post.taken[0] != o.post.taken[1] {
		t.Fatalf("sent: %+v", o.post.taken)
	}
	want := mail.Message{About: mail.AnInvitation, To: "new@example.org", Link: "http://localhost:8080/enrol", MessageID: o.post.taken[0].MessageID}
	if o.post.taken[0] != want {
		t.Errorf("it says %+v", o.post.taken[0])
	}
}
