package main

import (
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

type heldCmd struct {
	List   heldListCmd   `cmd:"" default:"withargs" help:"List announced letters that are not believed." example:"letterlock held"`
	Accept heldAcceptCmd `cmd:"" help:"Vouch for a letter that was announced more than 14 days late, on the register." example:"letterlock held accept zggpxxdmk9dww77x2n78j32gk4"`
}

type heldListCmd struct {
	JSON bool `help:"One JSON object a line instead of a table."`
}

// heldLine is one line of 'held --json'.
type heldLine struct {
	Site   string              `json:"site"` // empty where the announcement's place is not one that an edge uses
	ID     letter.ID           `json:"id"`
	Reason register.HeldReason `json:"reason"`
	Says   string              `json:"says"`
}

// whatToDo is for each reason what a person can do about it.
var whatToDo = map[register.HeldReason]string{
	register.UnknownSite:     "No scanner of that site is enrolled. If it is yours: letterlock edge invite SITE",
	register.FalseSignature:  "Not signed by that site's key. If the site's key was lost, invite it anew with letterlock edge invite SITE --replace; else somebody else can write to the bucket.",
	register.WrongPlace:      "Nothing that a scanner writes. Find out who else can write to the bucket; it goes by itself after 14 days.",
	register.UnknownHelpline: "The configuration has no such helpline. Add it, and restart Letterlock.",
	register.TooOld:          "Scanned more than 14 days ago. If the scanner was cut off for that long: letterlock held accept ID",
	register.FromTheFuture:   "Scanned later than now. Set the scanner's clock, or this machine's; it is then taken by itself.",
	register.SameIDOther:     "Another letter has this id. The scan is kept at the scanner; ask who looks after it.",
	register.AlreadyDeleted:  "This letter was deleted, on its deadline or before. What is left of its scan at the scanner must go too.",
	register.NoSuchDecision:  "No scanner may say that a letter is kept for five years. If its machine was stolen or broken into: letterlock edge revoke SITE",
	register.TooLarge:        "It says that it is larger than 1 GiB, or has more than 2,000 pages. Ask at the scanner for the scan, and scan the paper anew in parts; if nobody there knows of it, its machine may be in other hands: letterlock edge revoke SITE",
	register.KeyNotHeld:      "The key that it is sealed to is not in the keyring. Restore the keyring.",
}

// Run lists what is held.
func (c *heldListCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		held, err := in.register.Held(w.ctx)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
		for _, marker := range slices.Sorted(maps.Keys(held)) {
			site, id, _ := letter.SplitIncoming(marker)
			line := heldLine{site, id, held[marker], whatToDo[held[marker]]}
			if c.JSON {
				err = w.json(line)
			} else {
				_, err = fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", line.Site, line.ID, line.Reason, line.Says)
			}
			if err != nil {
				return err
			}
		}
		if len(held) == 0 && !c.JSON {
			fmt.Fprintln(t, "Nothing is held.")
		}
		return t.Flush()
	})
}

type heldAcceptCmd struct {
	ID string `arg:"" help:"The letter's id, as 'letterlock held' lists it."`
}

// Run accepts a late letter.
func (c *heldAcceptCmd) Run(w *world) error {
	id, err := letter.ParseID(c.ID)
	if err != nil {
		return configfile.Wrong("this is no letter's id; 'letterlock held' lists them")
	}
	return w.with(func(in *installation) error {
		held, err := in.register.Held(w.ctx)
		if err != nil {
			return err
		}
		for marker, why := range held {
			if _, of, _ := letter.SplitIncoming(marker); of == id && why == register.TooOld {
				if err := in.register.Accept(w.ctx, id); err != nil {
					return err
				}
				_, err := fmt.Fprintln(w.out, "Accepted. It is taken within a minute.")
				return err
			}
		}
		return configfile.Wrong("no letter of that id is held because it is too old")
	})
}
