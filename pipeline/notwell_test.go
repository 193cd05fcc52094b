package pipeline

import (
	"context"
	"crypto/x509"
	"net/url"
	"slices"
	"testing"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// misses has the office's server lead beside another, of which it hears nothing.
func (o *office) misses(name string) *company {
	o.t.Helper()
	c, _, err := o.join(o.t.Context())
	o.must(err)
	o.must(o.cfg.Register.Join(o.t.Context(), register.Running{Name: name, Boot: "x"}))
	o.listens(c)
	return c
}

// listens has the leading server note of whom it hears.
func (o *office) listens(c *company) (all []register.Running) {
	o.t.Helper()
	all, err := o.cfg.Register.Running(o.t.Context())
	o.must(err)
	o.must(o.noteHeard(o.t.Context(), c, all))
	return all
}

// endsIn is a certificate of the portal that is good for so long from now.
func (o *office) endsIn(left time.Duration) func() (*x509.Certificate, error) {
	shown := &x509.Certificate{DNSNames: []string{"letters.example.org"}, NotBefore: o.now.AddDate(0, -2, 0), NotAfter: o.now.Add(left)}
	return func() (*x509.Certificate, error) { return shown, nil }
}

// The day's mail calls no day well on which 'letterlock check' finds something that
// somebody must see to before letters stand still.
func TestADayIsNotWellWhileSomethingIsWrong(t *testing.T) {
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		spoil, mend func(o *office)
		loud        register.AlarmKind
		line        string // of the check, which says more
		silent      bool   // the office's scanner
	}{
		"a scanner has said nothing for longer than a weekend with holidays": {func(o *office) { o.now = o.now.Add(5*24*time.Hour + time.Minute) }, func(o *office) { o.speaks() },
			register.ScannersSilent, "scanners", true},
		"what was announced is not believed": {func(o *office) {
			o.deposit(func(m *letter.Manifest, _ *[]byte) { m.Helpline = "nobodys-line" })
			o.must(o.Admit(o.t.Context()))
		}, func(o *office) {
			o.cfg.Helplines = append(o.cfg.Helplines, "nobodys-line")
			o.must(o.Admit(o.t.Context()))
		}, register.LettersWait, "held", false},
		"another server has ended without a word": {func(o *office) { o.misses("second") }, func(o *office) {
			all, err := o.cfg.Register.Running(o.t.Context())
			o.must(err)
			o.must(o.cfg.Register.Forget(o.t.Context(), all[0]))
		}, register.ServersSilent, "servers", false},
		"the portal's certificate was not renewed, and the storage is away": {func(o *office) {
			o.cfg.Origin = &url.URL{Scheme: "https", Host: "letters.example.org"}
			o.cfg.Certificate = o.endsIn(10 * day)
			o.cfg.StorageCertificate = func(context.Context) (*x509.Certificate, error) { return nil, deposit.ErrUnavailable }
		}, func(o *office) { o.cfg.Certificate, o.cfg.StorageCertificate = o.endsIn(80*day), nil }, register.CertificateEnd, "certificate", false},
		"the storage's certificate was not renewed": {func(o *office) {
			shown := o.endsIn(10 * day)
			o.cfg.StorageCertificate = func(context.Context) (*x509.Certificate, error) { return shown() }
		}, func(o *office) {
			shown := o.endsIn(80 * day)
			o.cfg.StorageCertificate = func(context.Context) (*x509.Certificate, error) { return shown() }
		}, register.CertificateEnd, "storage-tls", false},
	} {
		t.Run(name, func(t *testing.T) {
			o, ctx := newOffice(t), t.Context()
			o.person(register.DPO, "dee@example.org")
			silent := c.silent
			look := func(after time.Duration) (loud []register.AlarmKind) {
				t.Helper()
				o.now = o.now.Add(after)
				if !silent {
					o.speaks()
				}
				o.must(o.PublishRecipients(ctx))
				o.must(o.watchAlarms(ctx, &watch{}))
				found, err := o.cfg.Register.Alarms(ctx)
				o.must(err)
				for _, a := range found {
					loud = append(loud, a.Kind)
				}
				return loud
			}
			told := func() (about []mail.About) {
				for _, m := range o.post.taken {
					about = append(about, m.About)
				}
				o.post.taken = nil
				return about
			}
			c.spoil(o)
			if got := look(0); len(got) != 0 {
				t.Fatalf("loud at once: %v", got)
			}
			if got := look(90 * time.Minute); !slices.Equal(got, []register.AlarmKind{c.loud}) || ok(o.Check(ctx), c.line) {
				t.Fatalf("loud is %v, and of %s the check says well: %v", got, c.line, ok(o.Check(ctx), c.line))
			}
			told()
			o.now = o.now.Add(day)
			_, err := o.cfg.Register.BeginDay(ctx)
			o.must(err)
			look(0)
			if got := told(); !slices.Equal(got, []mail.About{mail.AnAlarm}) {
				t.Errorf("the next day's mail is about %v", got)
			}
			o.now = o.now.Add(day)
			c.mend(o)
			silent = false
			_, err = o.cfg.Register.BeginDay(ctx)
			o.must(err)
			if got := look(0); len(got) != 0 || !ok(o.Check(ctx), c.line) {
				t.Errorf("mended, and loud is %v; the check: %+v", got, o.Check(ctx))
			}
			if got := told(); !slices.Equal(got, []mail.About{mail.AllIsWell}) {
				t.Errorf("once it is mended the day's mail is about %v", got)
			}
		})
	}
}

// A server that has died is missed for as long as nobody says that it does not come
// back: it was there so that another may die.
func TestADeadServerIsMissedUntilSomebodySaysSo(t *testing.T) {
	o := newOffice(t)
	c := o.misses("second")
	o.now = o.now.AddDate(0, 3, 0)
	o.listens(c)
	all := o.listens(c)
	if len(all) != 2 || len(missed(all)) != 1 || ok(o.Check(t.Context()), "servers") {
		t.Fatalf("after three months the servers are %+v", all)
	}
	o.must(o.cfg.Register.Forget(t.Context(), missed(all)[0]))
	if all := o.listens(c); len(all) != 1 || !ok(o.Check(t.Context()), "servers") {
		t.Errorf("forgotten, and the servers are %+v", all)
	}
}
