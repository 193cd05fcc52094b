package pipeline

import (
	"errors"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// guest is a machine that was invited.
type guest struct {
	*office
	invitation, own note.Signer
	public, key     string // of the invitation, and its own
}

func (o *office) invite(site string, replaces bool) *guest {
	o.t.Helper()
	g := &guest{office: o}
	g.invitation, g.public = signer(o.t, "letterlock-invitation")
	g.own, g.key = signer(o.t, site)
	o.must(o.cfg.Register.InviteEdge(o.t.Context(), register.EdgeInvitation{Key: g.public, Site: site, Expires: o.now.Add(time.Hour), Replaces: replaces}, 0))
	return g
}

// asks puts the guest's question, and returns the server's answer to it.
func (g *guest) asks() string {
	g.t.Helper()
	g.puts()
	g.must(g.Admit(g.t.Context()))
	return g.answer()
}

func (g *guest) puts() {
	g.t.Helper()
	msg, err := letter.Join{Site: g.own.Name(), Key: g.key, At: g.now.UTC().Truncate(time.Second)}.Sign(g.invitation, g.own)
	g.must(err)
	g.putRaw(letter.JoinKey(g.own.Name()), msg)
}

func (g *guest) answer() string {
	g.t.Helper()
	msg, err := g.readSmall(g.t.Context(), letter.JoinedKey(g.own.Name()))
	if errors.Is(err, deposit.ErrNotFound) {
		return ""
	}
	g.must(err)
	said, err := letter.OpenJoined(msg, g.pub)
	g.must(err)
	if said.Invitation != g.public || said.Key != g.key {
		return ""
	}
	return said.Answer
}

func (g *guest) want(answer string) {
	g.t.Helper()
	if got := g.asks(); got != answer {
		g.t.Errorf("the server answers %q, want %q", got, answer)
	}
}

func TestEnrolment(t *testing.T) {
	o := newOffice(t)
	late := o.invite("annexe", false)
	o.now = o.now.Add(time.Hour)
	late.want(letter.JoinedExpired)

	first := o.invite("annexe", false)
	stranger := *first
	stranger.invitation, _ = signer(t, "letterlock-invitation")
	if stranger.want(""); o.traces(letter.JoinKey("annexe")) == 0 || len(o.held()) > 0 {
		t.Error("what nobody was invited to put is removed, or held as a manifest")
	}
	other := *first
	other.own, other.key = signer(t, "annexe")
	o.now = o.now.Add(2 * heldRest)
	wrong := *first
	_, wrong.key = signer(t, "annexe") // a key that it does not have
	wrong.want("")
	o.now = o.now.Add(2 * heldRest)

	first.puts()
	o.now = o.now.Add(6 * time.Minute) // its clock is behind
	o.must(o.Admit(t.Context()))
	if got := first.answer(); got != letter.JoinedClock {
		t.Errorf("with a wrong clock: %q", got)
	}
	first.want(letter.JoinedEnrolled)
	o.now = o.now.Add(2 * time.Hour) // its answer was lost, and it comes again
	first.want(letter.JoinedEnrolled)
	other.want(letter.JoinedUsed)
	if o.traces(letter.JoinKey("annexe")) != 0 {
		t.Error("what was asked is left")
	}
	if err := o.cfg.Register.InviteEdge(t.Context(), register.EdgeInvitation{Key: "k", Site: "annexe", Expires: o.now.Add(time.Hour)}, 0); !errors.Is(err, register.ErrEdgeKnown) {
		t.Errorf("a second scanner of one site: %v", err)
	}

	// What the former scanner has deposited when another takes its place is admitted.
	second := o.invite("office", true)
	m := o.deposit()
	second.want(letter.JoinedEnrolled)
	o.work(m.ID)
	o.state(m.ID)
	o.announce(func() letter.Manifest { m.ID = letter.NewID(); return m }())
	o.must(o.Admit(t.Context()))
	if held := o.held(); len(held) != 1 || held[0] != register.FalseSignature {
		t.Errorf("what the replaced scanner signs: %v", held)
	}
	former := o.site
	o.site = second.own // it announces anew what has no receipt, under its own key
	o.announce(m)
	o.now = o.now.Add(2 * heldRest)
	o.must(o.Admit(t.Context()))
	if o.state(m.ID); len(o.held()) != 0 {
		t.Errorf("announced anew under the new key, it is held: %v", o.held())
	}
	back := o.invite("office", true)
	back.own = former
	back.key = func() string { k, _ := o.replaced("office"); return k }()
	back.want(letter.JoinedRevoked)
}

// replaced is the key that was the site's before.
func (o *office) replaced(site string) (string, error) {
	var key string
	err := o.cfg.Register.DB().QueryRowContext(o.t.Context(), `SELECT verifier FROM edge_keys WHERE site = $1`, site).Scan(&key)
	o.must(err)
	return key, err
}

// Whatever fails in between, in either way, the scanner is enrolled once and hears it.
func TestEnrolmentOnAStoreThatFails(t *testing.T) {
	for _, how := range []fault{fails, loses} {
		for _, what := range []string{"Put", "Remove", "Read", "Traces"} {
			o := newOffice(t)
			g := o.invite("annexe", false)
			g.puts()
			o.store.at, o.store.how, o.store.only = -1, how, what
			if err := o.Admit(t.Context()); err == nil {
				t.Errorf("%s: the fault was never met", what)
			}
			o.store.at = 0
			o.now = o.now.Add(2 * heldRest)
			o.must(o.Admit(t.Context()))
			if g.answer() != letter.JoinedEnrolled || o.traces(letter.JoinKey("annexe")) != 0 {
				t.Errorf("%s: it hears %q", what, g.answer())
			}
			entries, err := o.cfg.Register.Entries(t.Context(), -1, "edge-added", "", 10)
			o.must(err)
			if len(entries) != 2 { // office's, and its own
				t.Errorf("%s: %d enrolments on record", what, len(entries))
			}
		}
	}
}

// change is the scanner of the office that names another key of its own.
func (o *office) change() *guest {
	o.t.Helper()
	g := &guest{office: o, invitation: o.site}
	g.own, g.key = signer(o.t, "office")
	return g
}

// A scanner changes its own key: what it has announced before is admitted, and nothing
// under the former key that comes later. Only who has both keys can do so.
func TestAScannerChangesItsOwnKey(t *testing.T) {
	o := newOffice(t)
	stranger, without := o.change(), o.change()
	stranger.invitation, _ = signer(t, "office")
	_, without.key = signer(t, "office") // of which it has no private half
	for _, g := range []*guest{stranger, without} {
		g.want("")
		o.now = o.now.Add(2 * heldRest)
	}
	o.now = o.now.Add(2 * clockSlack)
	early := o.change()
	early.puts()
	o.now = o.now.Add(-2 * clockSlack)
	o.must(o.Admit(t.Context()))
	if got := early.answer(); got != letter.JoinedClock {
		t.Errorf("named tomorrow: %q", got)
	}

	next := o.change()
	m := o.deposit()
	for n, step := range []string{"joined", "join-answered"} {
		o.cutAt(step, 1)
		next.puts()
		if !untilCut(func() { o.must(o.Admit(t.Context())) }) || o.kinds("edge-key-changed") != 1 {
			t.Errorf("%s: never reached, or %d changes are on record", step, o.kinds("edge-key-changed"))
		}
		if (next.answer() == letter.JoinedEnrolled) != (n == 1) {
			t.Errorf("%s: the scanner hears %q", step, next.answer())
		}
	}
	o.cfg.Step = func(string, letter.ID) {}
	next.want(letter.JoinedEnrolled)
	if o.work(m.ID); o.kinds("edge-key-changed") != 1 || o.state(m.ID).State == register.Admitted || len(o.held()) > 0 {
		t.Errorf("%d changes on record; the letter announced before is %s; held: %v", o.kinds("edge-key-changed"), o.state(m.ID).State, o.held())
	}
	m.ID = letter.NewID()
	o.announce(m)
	o.must(o.Admit(t.Context()))
	if held := o.held(); len(held) != 1 || held[0] != register.FalseSignature {
		t.Errorf("what the former key signs: %v", held)
	}
	former := o.site
	o.site = next.own
	o.announce(m)
	o.now = o.now.Add(2 * heldRest)
	o.must(o.Admit(t.Context()))
	if o.state(m.ID); len(o.held()) > 0 {
		t.Errorf("announced anew it is held: %v", o.held())
	}

	thief, back := o.change(), o.change()
	thief.invitation = former
	thief.want("")
	o.now = o.now.Add(2 * heldRest)
	back.own = former
	back.key, _ = o.replaced("office")
	back.want(letter.JoinedRevoked)
	o.must(o.cfg.Register.RevokeEdge(t.Context(), "office", 0))
	ended := o.change()
	if ended.want(""); o.kinds("edge-key-changed") != 1 {
		t.Errorf("%d changes on record", o.kinds("edge-key-changed"))
	}
}
