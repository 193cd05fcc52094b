package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/specimen"
)

// A sample is a data folder for trying things out. It is known by its
// register, not by its configuration, so that no edit makes it real; and it
// touches nothing beyond this machine.

// metaSampleLetters says that the sample's own letters were dropped.
const metaSampleLetters = "sample_letters"

func (in *installation) prepareSample(ctx context.Context, listen, day string) error {
	if err := in.sampleStaysHere(listen); err != nil {
		return err
	}
	in.setClock()
	if day != "" {
		if err := in.moveClock(ctx, day); err != nil {
			return err
		}
	}
	if err := in.samplePeople(ctx); err != nil {
		return err
	}
	if err := in.samplePolicy(ctx); err != nil && !errors.Is(err, register.ErrClosed) {
		return err
	}
	return in.sampleLetters(ctx)
}

// sampleStaysHere refuses a sample that would reach beyond this machine.
func (in *installation) sampleStaysHere(listen string) error {
	if host, _, err := net.SplitHostPort(listen); err != nil || !configfile.OnLoopback(host) {
		return configfile.Wrong("a sample listens on this machine only: --listen localhost:8080")
	}
	if s := in.cfg.Storage; s != nil {
		if u, err := url.Parse(s.Endpoint); err != nil || !configfile.OnLoopback(u.Hostname()) {
			return configfile.Wrong("a sample stores its letters on this machine only: [storage] endpoint must be on localhost")
		}
	}
	if address, err := in.cfg.address(in.dir.config); err != nil {
		return err
	} else if u, err := url.Parse(address); err != nil || !here(u) {
		return configfile.Wrong("a sample keeps its register on this machine only: [database] must be on localhost")
	}
	if m := in.cfg.Mail.SMTP; m != "" {
		if u, err := url.Parse(m); err != nil || !configfile.OnLoopback(u.Hostname()) {
			return configfile.Wrong("a sample mails to this machine only: [mail] smtp must be on localhost")
		}
	}
	return nil
}

// moveClock moves the sample's day forward. Whoever moves it vouches for it.
func (in *installation) moveClock(ctx context.Context, day string) error {
	to, err := letter.ParseDate(day)
	if err != nil {
		return configfile.Wrong("--clock is a day as in 2027-05-26")
	}
	today := letter.DateOf(in.clock.Now())
	if to.Before(today) {
		return configfile.Wrong("the sample's clock moves forward only: it is %s already", today)
	}
	if to == today {
		// A crash may have come between the move and the word for it.
		if why, err := in.register.ClockDoubt(ctx); err != nil || why == "" {
			return err
		}
		return in.register.ConfirmClock(ctx)
	}
	days := in.clock.ahead()
	for d := today; d != to; d = d.AddDays(1) {
		days++
	}
	if err := in.register.SetMeta(ctx, register.MetaClockAhead, strconv.Itoa(days)); err != nil {
		return err
	}
	return in.register.ConfirmClock(ctx)
}

// samplePeople makes somebody for every role, and a second one of operations
// as a witness.
func (in *installation) samplePeople(ctx context.Context) error {
	people, err := in.register.People(ctx)
	if err != nil || len(people) > 0 {
		return err
	}
	cast := []register.Person{
		{Name: "Alex Operations", Role: register.Operations},
		{Name: "Wren Operations", Role: register.Operations},
	}
	for i, h := range in.cfg.Helplines {
		cast = append(cast, register.Person{Name: "Leader of " + h.typeset(), Email: fmt.Sprintf("leader%d@example.org", i+1),
			Role: register.TeamLeader, Helplines: []string{h.Name}})
	}
	cast = append(cast,
		register.Person{Name: "Morgan Manager", Email: "manager@example.org", Role: register.Manager},
		register.Person{Name: "Dana Protection", Email: "protection@example.org", Role: register.DPO},
		register.Person{Name: "Admin Istrator", Role: register.Administrator},
	)
	for _, p := range cast {
		if _, err := in.register.AddPerson(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// samplePolicy has the sample's people confirm the policy as it is at the start,
// so that whoever tries Letterlock out comes to the letters at once.
func (in *installation) samplePolicy(ctx context.Context) error {
	text, err := in.readPolicy()
	if err != nil {
		return err
	}
	policy, err := in.register.PublishPolicy(ctx, register.Name(in.cfg.Policy), text)
	if err != nil {
		return err
	}
	people, err := in.register.People(ctx)
	for _, who := range people {
		if !who.Disabled {
			err = errors.Join(err, in.register.ConfirmPolicy(ctx, policy.Number, who.Number))
		}
	}
	return err
}

// sampleLetters drops the sample's own letters, once, as an office would.
func (in *installation) sampleLetters(ctx context.Context) error {
	done, err := in.register.Meta(ctx, metaSampleLetters)
	if err != nil || done != "" {
		return err
	}
	names := in.cfg.names()
	for _, d := range []struct {
		helpline, name string
		scan           []byte
	}{
		{names[0], "scan0001.pdf", specimen.New(1, 2).ColourPDF()},
		{names[len(names)-1], "scan0002.tif", specimen.New(2, 3).G4TIFF()},
		{names[0], "scan0003.jpg", specimen.New(3, 1).JPEG(1)},
	} {
		if err := drop(filepath.Join(in.scannerFolder(), d.helpline), d.name, d.scan); err != nil {
			return fmt.Errorf("dropping a sample letter: %s", configfile.Reason(err))
		}
	}
	return in.register.SetMeta(ctx, metaSampleLetters, "dropped")
}

func drop(dir, name string, scan []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, name), scan, 0o600)
}
