package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"text/tabwriter"

	"letterlock/cmd/configfile"
	"letterlock/cmd/progress"
	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/pipeline/retention"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

type retentionCmd struct {
	Period string `arg:"" optional:"" help:"A month (2026-11), a quarter (2026-Q4), a year (2026), or days (2026-11-01..2026-12-15). Absent: this month."`
	CSV    string `name:"csv" help:"Write it for a spreadsheet into this file, which must not be there yet." type:"path" placeholder:"FILE"`
	PDF    string `name:"pdf" help:"Write it for printing and signing into this file, which must not be there yet." type:"path" placeholder:"FILE"`
}

// Run makes the organisational retention record. Counts that do not add up are
// found wrong, as by check.
func (c *retentionCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		period := c.Period
		if period == "" {
			period = retention.MonthOf(letter.DateOf(in.clock.Now())).String()
		}
		entries, _, err := in.register.Checkpoint(w.ctx)
		if err != nil {
			return err
		}
		work := w.screen.Begin("Reading the register", progress.Entries, entries)
		sheet, err := in.retentionSheet(w.ctx, period, func(read int64) { work.Set(read, entries) })
		work.End()
		if err != nil {
			return configfile.Wrong("%s", err)
		}
		language, err := texts.New(texts.Files, in.cfg.Portal.Language)
		if err != nil {
			return err
		}
		written := false
		for path, write := range map[string]func(io.Writer, *texts.Language) error{c.CSV: sheet.CSV, c.PDF: sheet.PDF} {
			if path == "" {
				continue
			}
			written = true
			if err := writeSheet(path, func(to io.Writer) error { return write(to, language) }); err != nil {
				return err
			}
			fmt.Fprintf(w.out, "Written: %s\n", path)
		}
		if !written {
			if err := printSheet(w.out, sheet); err != nil {
				return err
			}
		}
		if len(sheet.Wrong) > 0 {
			return errFoundWrong
		}
		return nil
	})
}

func writeSheet(path string, write func(io.Writer) error) error {
	f, err := beginFile(path)
	if err != nil {
		return configfile.Wrong("the record cannot be written: %s", configfile.Reason(err))
	}
	return endFile(f, path, write(f))
}

// printSheet writes the record on the console, which is English.
func printSheet(out io.Writer, s retention.Sheet) error {
	said := texts.English().Text
	fmt.Fprintln(out, said(s.Title))
	for _, says := range s.Says {
		fmt.Fprintln(out, said(says))
	}
	for _, says := range s.Wrong {
		fmt.Fprintf(out, "WRONG: %s\n", said(says))
	}
	for _, table := range s.Tables {
		t := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintf(t, "\n%s", said(table.Caption))
		for _, name := range table.Head {
			fmt.Fprintf(t, "\t%s", said(name))
		}
		fmt.Fprintln(t)
		for _, r := range table.Rows {
			fmt.Fprint(t, said(r.Says))
			for _, n := range r.Cells {
				fmt.Fprintf(t, "\t%d", n)
			}
			fmt.Fprintln(t)
		}
		if err := t.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(out, "\n%s\n", said(s.Heading))
	for _, says := range s.Rows {
		_, err = fmt.Fprintln(out, said(says))
	}
	return err
}

// retentionSheet makes the record of a period from the register. far hears how many
// entries are read.
func (in *installation) retentionSheet(ctx context.Context, period string, far func(read int64)) (retention.Sheet, error) {
	p, err := retention.ParsePeriod(period)
	if err != nil {
		return retention.Sheet{}, fmt.Errorf("%w: %w", portal.ErrPeriod, err)
	}
	record, err := retention.Make(p, in.clock.Now(), in.helplineTitle, counted(in.register.Story(ctx, retention.Kinds), far))
	if err != nil {
		return retention.Sheet{}, err
	}
	return record.Sheet(in.helplineTitle), nil
}

// counted tells far, with each entry, how many of the register there are up to it.
func counted(entries iter.Seq2[register.Entry, error], far func(read int64)) iter.Seq2[register.Entry, error] {
	return func(yield func(register.Entry, error) bool) {
		for e, err := range entries {
			far(e.N + 1)
			if !yield(e, err) {
				return
			}
		}
	}
}

// unseen is for nobody who waits at a terminal.
func unseen(int64) {}

// helplineTitle is how people call a helpline; one that was taken out of the
// configuration has its name.
func (in *installation) helplineTitle(name string) string {
	for _, h := range in.cfg.Helplines {
		if h.Name == name {
			return h.typeset()
		}
	}
	return name
}

// retentionDesk makes the record for the portal.
type retentionDesk struct{ in *installation }

func (d retentionDesk) Sheet(ctx context.Context, period string) (portal.Sheet, error) {
	s, err := d.in.retentionSheet(ctx, period, unseen)
	if err != nil {
		return portal.Sheet{}, err
	}
	out := portal.Sheet{Title: s.Title, Period: s.Period, Says: s.Says, Wrong: s.Wrong, Heading: s.Heading, Rows: s.Rows}
	for _, t := range s.Tables {
		table := portal.SheetTable{Caption: t.Caption, Head: t.Head}
		for _, r := range t.Rows {
			table.Rows = append(table.Rows, portal.SheetRow(r))
		}
		out.Tables = append(out.Tables, table)
	}
	return out, nil
}

func (d retentionDesk) CSV(ctx context.Context, period string, w io.Writer) error {
	return d.write(ctx, period, w, retention.Sheet.CSV)
}

func (d retentionDesk) PDF(ctx context.Context, period string, w io.Writer) error {
	return d.write(ctx, period, w, retention.Sheet.PDF)
}

// write writes the record in the portal's language.
func (d retentionDesk) write(ctx context.Context, period string, w io.Writer, as func(retention.Sheet, io.Writer, *texts.Language) error) error {
	s, err := d.in.retentionSheet(ctx, period, unseen)
	if err != nil {
		return err
	}
	language, err := texts.New(texts.Files, d.in.cfg.Portal.Language)
	if err != nil {
		return err
	}
	return as(s, w, language)
}
