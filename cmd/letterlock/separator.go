package main

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/durable"
	"letterlock/scanner/separator"
	"letterlock/scanner/texts"
)

type separatorCmd struct {
	Helpline string          `help:"Print for this helpline only. By default for every one, one after the other in the same file: a sheet is its helpline's own, and holds the stack of any other." placeholder:"NAME"`
	Cover    int             `help:"Print a cover sheet for a stack of that many letters." placeholder:"LETTERS"`
	Copies   *int            `help:"How many separator sheets to print for each helpline. Default: 10, or none with --cover." placeholder:"SHEETS"`
	Paper    separator.Paper `help:"Size of the paper: a4 or letter." enum:"a4,letter" default:"a4"`
	Out      string          `help:"The PDF to write." default:"separator.pdf" type:"path" placeholder:"FILE"`
	Force    bool            `help:"Write over a file that is there already."`
}

// Bounds on what is printed at once.
const (
	usualCopies = 10
	mostCopies  = 500
)

// Run writes the sheets of the configured helplines to a PDF. It needs the
// configuration only, so that it works where nothing is set up yet but that.
func (c *separatorCmd) Run(w *world) error {
	cfg, err := readConfig(w.dir.config)
	if err != nil {
		return err
	}
	helplines, err := c.helplines(cfg)
	if err != nil {
		return err
	}
	copies, err := c.copies()
	if err != nil {
		return err
	}
	if info, err := os.Stat(c.Out); err == nil && info.IsDir() {
		return configfile.Wrong("%s is a folder: name a file with --out", c.Out)
	} else if err == nil && !c.Force {
		return configfile.Wrong("%s is there already: name another file with --out, or write over it with --force", c.Out)
	}
	var sheets []separator.Sheet
	for _, h := range helplines {
		if c.Cover > 0 {
			sheets = append(sheets, separator.Sheet{Code: separator.NewCover(h.Name, c.Cover), Title: h.Title})
		}
		part := separator.Sheet{Code: separator.NewSeparator(h.Name), Title: h.Title}
		sheets = append(sheets, slices.Repeat([]separator.Sheet{part}, copies)...)
	}
	language, err := texts.New(texts.Files, cfg.Scanner.Language)
	if err != nil {
		return err
	}
	var pdf bytes.Buffer
	work := w.screen.Begin("Drawing the sheets", "", 0)
	err = separator.Print(&pdf, c.Paper, language, sheets)
	work.End()
	if err != nil {
		return err
	}
	if err := durable.Replace(c.Out, pdf.Bytes(), 0o644); err != nil {
		return fmt.Errorf("the sheets cannot be written: %s", configfile.Reason(err))
	}
	return c.tell(w, helplines, copies)
}

// helplines are those to print for.
func (c *separatorCmd) helplines(cfg *Config) ([]Helpline, error) {
	if c.Helpline == "" {
		if c.Cover > 0 && len(cfg.Helplines) > 1 {
			return nil, configfile.Wrong("a cover sheet is for one helpline's stack: say whose with --helpline (%s)", strings.Join(cfg.names(), ", "))
		}
		return cfg.Helplines, nil
	}
	i := slices.Index(cfg.names(), c.Helpline)
	if i < 0 {
		return nil, configfile.Wrong("the configuration has no helpline %q, but %s", c.Helpline, strings.Join(cfg.names(), ", "))
	}
	return cfg.Helplines[i : i+1], nil
}

// copies is how many separator sheets each helpline gets.
func (c *separatorCmd) copies() (int, error) {
	switch {
	case c.Cover < 0 || c.Cover > separator.MaxLetters:
		return 0, configfile.Wrong("a cover sheet announces 1 to %d letters", separator.MaxLetters)
	case c.Copies == nil && c.Cover > 0:
		return 0, nil
	case c.Copies == nil:
		return usualCopies, nil
	case *c.Copies < 0 || *c.Copies > mostCopies || *c.Copies == 0 && c.Cover == 0:
		return 0, configfile.Wrong("--copies is 1 to %d", mostCopies)
	}
	return *c.Copies, nil
}

// tell says what was written and what to do with it.
func (c *separatorCmd) tell(w *world, helplines []Helpline, copies int) error {
	fmt.Fprintf(w.out, "Written: %s\n", c.Out)
	page := 1 // of the PDF: two a sheet
	for _, h := range helplines {
		var what []string
		if c.Cover > 0 {
			what = append(what, "a cover sheet for a stack of "+plural(c.Cover, "letter"))
		}
		if copies > 0 {
			what = append(what, plural(copies, "separator sheet"))
		}
		where := ""
		if len(helplines) > 1 { // and there is no cover sheet
			where = fmt.Sprintf(" (pages %d to %d)", page, page+2*copies-1)
			page += 2 * copies
		}
		fmt.Fprintf(w.out, "  %s: %s%s\n", h.Title, strings.Join(what, ", "), where)
	}
	if len(helplines) > 1 {
		fmt.Fprintln(w.out, "Keep the sheets of each helpline apart: one in another's stack holds that stack.")
	}
	fmt.Fprintf(w.out, "Print at 100 %%, not scaled to fit, on both sides of %s paper.\n", map[separator.Paper]string{separator.A4: "A4", separator.USLetter: "US letter"}[c.Paper])
	if copies > 0 {
		fmt.Fprintln(w.out, "Lay one sheet between two letters, scan the stack in one go with 'skip blank pages' switched off, and drop the scan into the folder of the same helpline. The sheets can be used again; write nothing on them.")
	}
	if c.Cover > 0 {
		fmt.Fprintf(w.out, "Lay the cover sheet on top. A stack in which there are not %s is held for a person to look at.\n", plural(c.Cover, "letter"))
	}
	return nil
}

func plural(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
