package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/pipeline/archive/probe"
	"letterlock/pipeline/evidence"
	"letterlock/pipeline/register"
	"letterlock/pipeline/retention"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

type evidenceCmd struct {
	Out string `help:"A folder to make or, where the name ends in .zip, a zip file. It must not be there yet." required:"" type:"path" placeholder:"DIR-or-ZIP"`
}

// Run makes the evidence pack. What is found wrong meanwhile stands in it, and
// is found wrong as by check.
func (c *evidenceCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		found, err := c.write(w, in)
		if err != nil {
			return err
		}
		for _, says := range found.Wrong {
			fmt.Fprintf(w.out, "WRONG: %s\n", texts.English().Text(says))
		}
		fmt.Fprintf(w.out, "Written: %s\n", c.Out)
		if len(found.Wrong) > 0 {
			return errFoundWrong
		}
		return nil
	})
}

// write leaves a whole pack or none.
func (c *evidenceCmd) write(w *world, in *installation) (found evidence.Found, err error) {
	pack, passing, err := c.begin()
	if err != nil {
		return found, configfile.Wrong("the evidence pack cannot be written: %s", configfile.Reason(err))
	}
	defer func() { err = endPassing(passing, c.Out, err) }()
	// On record before it is given out.
	if err := in.register.Record(w.ctx, register.RegisterExported{}, 0); err != nil {
		return found, errors.Join(err, pack.Close())
	}
	work := w.screen.Begin("Trying the storage out", "question", 0)
	storage := in.tryOut(w.ctx, nil, work.Far)
	work.End()
	work = w.screen.Begin("Making the evidence pack", progress.Bytes, 0)
	defer work.End()
	found, err = in.evidence(w.ctx, pack, storage, work.Set)
	return found, errors.Join(err, pack.Close())
}

// sink is a pack's sink that ends.
type sink interface {
	evidence.Sink
	Close() error
}

// begin makes the folder or the zip file under its passing name.
func (c *evidenceCmd) begin() (pack sink, passing string, err error) {
	if strings.EqualFold(filepath.Ext(c.Out), ".zip") {
		f, err := beginFile(c.Out)
		if err != nil {
			return nil, "", err
		}
		return zipFile{evidence.NewZip(f), f}, f.Name(), nil
	}
	dir, pattern, err := passingName(c.Out)
	if err != nil {
		return nil, "", err
	}
	passing, err = os.MkdirTemp(dir, pattern)
	return endless{evidence.Folder(passing)}, passing, err
}

// endless is a folder, in which each file ends by itself.
type endless struct{ evidence.Folder }

func (endless) Close() error { return nil }

// zipFile is a zip in a file.
type zipFile struct {
	*evidence.Zip
	file *os.File
}

func (z zipFile) Close() error { return errors.Join(z.Zip.Close(), z.file.Sync(), z.file.Close()) }

// evidenceZip writes the pack as it is downloaded at the portal.
func (in *installation) evidenceZip(ctx context.Context, w io.Writer) error {
	pack := evidence.NewZip(w)
	if _, err := in.evidence(ctx, pack, in.tryOut(ctx, nil, nil), nil); err != nil {
		return err
	}
	return pack.Close()
}

// evidence makes the pack from what this installation is at the moment, and what
// trying its storage out has found. far hears how many bytes of how many are read; nil
// for nobody.
func (in *installation) evidence(ctx context.Context, to evidence.Sink, tried []probe.Line, far func(done, of int64)) (found evidence.Found, err error) {
	policy, err := in.readPolicy()
	if err != nil {
		return found, err
	}
	setup, err := in.evidenceSetup(ctx)
	if err != nil {
		return found, err
	}
	public, err := os.ReadFile(in.dir.registerPub())
	if err != nil {
		return found, fmt.Errorf("the register's public key cannot be read: %s", configfile.Reason(err))
	}
	var storage []evidence.Finding
	for _, l := range tried {
		storage = append(storage, evidence.Finding{Name: l.Name, OK: l.OK, Says: l.Says, Do: l.Do})
	}
	language, err := texts.New(texts.Files, in.cfg.Portal.Language)
	if err != nil {
		return found, err
	}
	return evidence.Write(ctx, to, evidence.Facts{
		Language: language, Made: in.clock.Now(), Version: commandline.VersionInFull(), Sample: in.sample, PolicyName: in.cfg.Policy, Policy: policy, Setup: setup, Storage: storage,
		PublicKey: strings.TrimSpace(string(public)), Export: in.register.Export, Spool: in.dir.in("state"), Far: far,
		Retention: func(year string, entries iter.Seq2[register.Entry, error]) (evidence.Record, error) {
			p, err := retention.ParsePeriod(year)
			if err != nil {
				return evidence.Record{}, err
			}
			record, err := retention.Make(p, in.clock.Now(), in.helplineTitle, entries)
			sheet := record.Sheet(in.helplineTitle)
			return evidence.Record{
				PDF:   func(w io.Writer) error { return sheet.PDF(w, language) },
				CSV:   func(w io.Writer) error { return sheet.CSV(w, language) },
				Wrong: sheet.Wrong, Overdue: record.Total.Letters.Overdue,
			}, err
		},
	})
}

// evidenceSetup is what the procedure says of this installation: no name of a
// person, and nothing secret.
func (in *installation) evidenceSetup(ctx context.Context) (evidence.Setup, error) {
	c := in.cfg
	s := evidence.Setup{People: map[register.Role]int{}, S3: c.Storage != nil, DestroyAfter: c.DestroyAfter, Places: c.Destruction.Places,
		Contractors: c.Destruction.Contractors, Duplex: c.Scanner.Duplex, Arriving: time.Duration(c.Scanner.ArrivingLimit),
		AllowSymbols: c.Scanner.AllowSymbols, MaxSilence: time.Duration(c.MaxSilence), Mail: c.Mail.SMTP != "", KeyringApart: c.KeyringFolder != ""}
	people, err := in.register.People(ctx)
	if err != nil {
		return s, err
	}
	people = slices.DeleteFunc(people, func(p register.Person) bool { return p.Disabled })
	for _, p := range people {
		s.People[p.Role]++
	}
	for _, h := range c.Helplines {
		line := evidence.Helpline{Name: h.Name, Title: h.typeset()}
		for _, p := range people {
			if p.LeadsHelpline(h.Name) {
				line.Leaders++
			}
		}
		s.Helplines = append(s.Helplines, line)
	}
	weeks, err := in.keyring.Weeks()
	if err != nil {
		return s, fmt.Errorf("the keyring cannot be read: %s", configfile.Reason(err))
	}
	shares, err := in.register.Shares(ctx)
	if err != nil {
		return s, err
	}
	holders := map[letter.Week]int{}
	for _, one := range shares {
		if !one.Old {
			holders[one.Week]++
		}
	}
	s.Keys = len(weeks)
	for _, week := range weeks {
		if holders[week] >= 2 {
			s.Shared++
		}
	}
	return s, nil
}
