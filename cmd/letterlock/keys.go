package main

import (
	"fmt"
	"text/tabwriter"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

type keyCmd struct {
	List    keyListCmd       `cmd:"" help:"List the expiry weeks' keys: when each dies, and whether it is there." example:"letterlock key list"`
	Backup  keyBackupCmd     `cmd:"" help:"Make the key that opens backups, to be kept away from this machine." example:"letterlock key backup --out /mnt/stick/backup-key.txt"`
	Replace keyReplaceCmd    `cmd:"" help:"After a theft of the server or its keyring: another key for every week to which letters may still be sealed. What lies there is not sealed anew." example:"letterlock key replace"`
	Rotate  rotateSigningCmd `cmd:"" name:"rotate-signing" help:"Have a new key sign what scanners are told, without stopping anything: it takes over once every scanner knows it." example:"letterlock key rotate-signing; letterlock key rotate-signing --prepare; letterlock key rotate-signing --now; letterlock key rotate-signing --lost"`
	Escrow  escrowCmd        `cmd:"" help:"Shares of the keys with three custodians, any two of whom bring a lost keyring back."`
}

type keyListCmd struct {
	JSON bool `help:"One JSON object a line instead of a table."`
}

// keyLine is one line of 'key list --json'.
type keyLine struct {
	Key    letter.Week       `json:"key"`
	State  register.KeyState `json:"state"`
	Dies   letter.Date       `json:"dies"`   // the day from which it is due to be destroyed
	Held   bool              `json:"held"`   // whether its private half is in the keyring
	Shares int               `json:"shares"` // custodians' shares that may exist
}

// Run lists the keys that live, that are dying, and that are dead and shared.
func (c *keyListCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		keys, err := in.register.Keys(w.ctx, register.KeyDead, register.KeyDying, register.KeyLiving)
		if err != nil {
			return err
		}
		shares, err := in.register.Shares(w.ctx)
		if err != nil {
			return err
		}
		count := map[letter.Week]int{}
		for _, s := range shares {
			count[s.Week]++
		}
		t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
		if !c.JSON {
			fmt.Fprintln(t, "KEY\tSTATE\tDIES\tIN THE KEYRING\tSHARES")
		}
		for _, k := range keys {
			line := keyLine{k.Week, k.State, k.Week.Over(), in.keyring.Has(k.Week), count[k.Week]}
			switch {
			case c.JSON:
				err = w.json(line)
			case k.State == register.KeyDead && line.Shares == 0:
			default:
				_, err = fmt.Fprintf(t, "%s\t%s\t%s\t%v\t%d\n", line.Key, line.State, line.Dies, line.Held, line.Shares)
			}
			if err != nil {
				return err
			}
		}
		return t.Flush()
	})
}

type keyReplaceCmd struct{}

// Run has letters sealed to other keys from now on. It works beside running servers.
func (c *keyReplaceCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		work := w.begin(in, "Replacing keys", "key")
		weeks, err := in.looks(nil).ReplaceKeys(w.ctx)
		work.End()
		if len(weeks) > 0 {
			fmt.Fprintf(w.out, "Replaced: %s (%s to %s).\n", words.Number(len(weeks), "key"), weeks[0], weeks[len(weeks)-1])
		}
		if err != nil {
			return fmt.Errorf("not every key is replaced, and scanners do not have the new ones yet; run this again: %w", err)
		}
		if len(weeks) == 0 {
			_, err := fmt.Fprintln(w.out, "There is no key yet that could be replaced.")
			return err
		}
		_, err = fmt.Fprintf(w.out, `Scanners seal to the new keys as soon as they have looked into the storage. What was sealed before is not sealed anew: whoever has the old keys, and gets at a copy of it, can read it until its key dies, the last on %s.
`, weeks[len(weeks)-1].Over())
		if shares, failed := in.register.Shares(w.ctx); failed == nil && len(shares) > 0 {
			_, err = fmt.Fprintln(w.out, "The custodians' shares do not bring the new keys back. Run now, with all three folders: letterlock key escrow make")
		}
		return err
	})
}
