package pipeline

import (
	"bytes"
	"context"
	"io"
	"testing"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// A thief with a scanner's credentials puts something in the place of a letter that
// was not read back yet, and something else where it was never chosen to lie. The
// replay comes to its end all the same: where the true copy is there still, in another
// version, it is the letter, and where it is not, the letter waits for its scanner.
func TestAPlantedObjectStopsNoReplay(t *testing.T) {
	t.Run("in a folder", func(t *testing.T) { planted(t, newOffice(t), false) })
	t.Run("on S3", func(t *testing.T) { planted(t, newS3Office(t), true) })
}

func planted(t *testing.T, o *office, versions bool) {
	ctx := t.Context()
	other := o.depositPDF(specimen.New(2, 1).ColourPDF())
	o.work(other.ID)
	m := o.deposit()
	o.must(o.Admit(ctx))
	foreign := register.Lodging{Class: letter.SixMonths, Helpline: "mens-advice-line", Since: m.ReceivedOn()}
	o.putRaw(foreign.Key(m.ID), o.object(other.ObjectKey()))
	o.putRaw(m.ObjectKey(), []byte("nothing that opens"))
	o.must(o.cfg.Register.KeepClosed(ctx, []register.RestoreSign{register.SignPerson}))
	done, err := o.Replay(ctx, func(ReplayStep) {})
	if err != nil {
		t.Fatalf("the replay ended with %v", err)
	}
	o.work(m.ID)
	l := o.state(m.ID)
	if !versions {
		return
	}
	if done.Elsewhere != 0 || l.State != register.Notified || l.Helpline != m.Helpline {
		t.Errorf("did %+v, and it is %+v", done, l)
	}
	o.opens(m)
}

// damaged is a store whose object of that key is not what it was.
type damaged struct {
	Store
	key string
}

func (d damaged) Read(ctx context.Context, key, version string) (io.ReadCloser, int64, error) {
	body, size, err := d.Store.Read(ctx, key, version)
	if err != nil || key != d.key {
		return body, size, err
	}
	return io.NopCloser(bytes.NewReader(make([]byte, size))), size, body.Close()
}

// A copy that cannot be read any more stops no replay either, and what anybody can have
// put is not believed in its stead.
func TestADamagedLetterStopsNoReplay(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	m := o.deposit()
	o.work(m.ID)
	foreign := register.Lodging{Class: letter.SixMonths, Helpline: "mens-advice-line", Since: m.ReceivedOn()}
	o.putRaw(foreign.Key(m.ID), o.object(m.ObjectKey()))
	o.store.Store = damaged{o.store.Store, m.ObjectKey()}
	o.must(o.cfg.Register.KeepClosed(ctx, []register.RestoreSign{register.SignPerson}))
	done, err := o.Replay(ctx, func(ReplayStep) {})
	if err != nil || done.Elsewhere != 0 || done.Unread != 1 {
		t.Errorf("did %+v, %v", done, err)
	}
}
