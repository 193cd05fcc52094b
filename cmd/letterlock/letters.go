package main

import (
	"fmt"
	"text/tabwriter"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

type lettersCmd struct {
	JSON bool `help:"One JSON object a line instead of a table."`
}

// letterLine is one line of 'letters --json'; scripts rely on its form.
type letterLine struct {
	ID        letter.ID           `json:"id"`
	Reference string              `json:"reference"`
	Helpline  string              `json:"helpline"`
	Class     letter.Class        `json:"class"`
	State     register.State      `json:"state"`
	Paper     register.PaperState `json:"paper"`
	Received  string              `json:"received"` // RFC 3339, UTC
	Deadline  letter.Date         `json:"deadline"`
	Key       letter.Week         `json:"key"`               // name of the expiry week's key
	Object    string              `json:"object"`            // key in the bucket
	Version   string              `json:"version"`           // of the object; empty until it is verified
	Answers   letter.ID           `json:"answers,omitempty"` // the letter to which this is the kept answer
	Held      bool                `json:"held,omitempty"`    // a hold keeps it beyond its deadline
	Erased    bool                `json:"erased,omitempty"`  // two people have decided that it goes now
}

// goneBy is a letter's deadline, or what keeps it from it.
func goneBy(l register.Letter) string {
	switch {
	case l.Erase != "":
		return "now: to be erased"
	case l.Held():
		return "on hold"
	}
	return l.Deadline().String()
}

func (c *lettersCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
		if !c.JSON {
			fmt.Fprintln(t, "REFERENCE\tHELPLINE\tSTATE\tPAPER\tRECEIVED\tGONE BY")
		}
		err := in.register.EachLetter(w.ctx, func(l register.Letter) error {
			if c.JSON {
				return w.json(letterLine{l.ID, l.ID.Reference(), l.Helpline, l.Class, l.State, l.Paper,
					l.Received.UTC().Format("2006-01-02T15:04:05Z"), l.Deadline(), l.Week(), l.ObjectKey(), l.Lies.Version, l.Answers, l.Held(), l.Erase != ""})
			}
			_, err := fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", l.ID.Reference(), l.Helpline, l.State, l.Paper,
				l.Received.In(letter.London).Format("2006-01-02 15:04"), goneBy(l))
			return err
		})
		if err != nil {
			return err
		}
		return t.Flush()
	})
}
