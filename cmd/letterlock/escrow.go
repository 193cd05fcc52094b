package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"letterlock/cmd/configfile"
	"letterlock/pipeline"
	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

type escrowCmd struct {
	Make    escrowMakeCmd    `cmd:"" help:"Share every living key, and those of the coming weeks, among three custodians' folders. Shares of dead keys in them are destroyed." example:"letterlock key escrow make /mnt/ann /mnt/bob /mnt/cat"`
	Test    escrowTestCmd    `cmd:"" help:"A drill: two custodians bring their folders, and every key is proven to come back. Nothing is kept." example:"letterlock key escrow test /mnt/ann /mnt/cat"`
	Restore escrowRestoreCmd `cmd:"" help:"Two custodians bring their folders, and keys that the keyring lacks are put back. Dead keys never are." example:"letterlock key escrow restore /mnt/bob /mnt/cat"`
	Retire  escrowRetireCmd  `cmd:"" help:"Destroy the shares of dead keys in a custodian's folder." example:"letterlock key escrow retire /mnt/ann"`
	Vouch   escrowVouchCmd   `cmd:"" help:"Say that a custodian has destroyed the shares that are due, or has lost them." example:"letterlock key escrow vouch 2; letterlock key escrow vouch 3 --lost"`
	List    escrowListCmd    `cmd:"" help:"List the shares that may exist, those that are due to be destroyed first." example:"letterlock key escrow list"`
}

type escrowMakeCmd struct {
	First  string `arg:"" help:"The first custodian's folder, on a memory stick of its own." type:"path"`
	Second string `arg:"" help:"The second's." type:"path"`
	Third  string `arg:"" help:"The third's." type:"path"`
	Ahead  int    `help:"For how many weeks of letters to come keys are made and shared now: until the sticks are brought again." default:"13" placeholder:"WEEKS"`
}

// Run shares keys.
func (c *escrowMakeCmd) Run(w *world) error {
	if c.Ahead < 0 || c.Ahead > 52 {
		return configfile.Wrong("--ahead is a number of weeks up to 52")
	}
	return w.with(func(in *installation) error {
		dirs := [keyring.Custodians]string{c.First, c.Second, c.Third}
		if err := in.eachElsewhere(dirs[:]); err != nil {
			return err
		}
		work := w.begin(in, "Sharing keys", "key")
		made, ended, err := in.looks(nil).MakeShares(w.ctx, dirs, c.Ahead)
		work.End()
		w.sayDestroyed(ended)
		if len(made) > 0 {
			fmt.Fprintf(w.out, "Shared: %s (%s to %s). Any two of the three folders bring each back, and that was tried.\n",
				words.Number(len(made), "key"), made[0], made[len(made)-1])
		}
		if err != nil {
			return ofCustody(err)
		}
		if len(made) == 0 {
			fmt.Fprintln(w.out, "Every living key is shared already.")
		}
		_, err = fmt.Fprintln(w.out, "Give each folder to its custodian now, to be kept apart from the others and from this machine, and never copied.")
		return err
	})
}

// eachElsewhere refuses folders that are the same, or in the data folder: there
// the shares would be together.
func (in *installation) eachElsewhere(dirs []string) error {
	home, err := os.Stat(in.dir.path)
	if err != nil {
		return err
	}
	var seen []os.FileInfo
	for _, dir := range dirs {
		info, err := custodiansFolder(dir)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(seen, func(other os.FileInfo) bool { return os.SameFile(info, other) }) {
			return configfile.Wrong("each custodian needs a folder of their own: one is named twice")
		}
		if os.SameFile(info, home) || strings.HasPrefix(dir, in.dir.path+string(os.PathSeparator)) {
			return configfile.Wrong("a custodian's folder cannot be in the data folder: its shares are to survive it, and to be apart from it")
		}
		seen = append(seen, info)
	}
	return nil
}

func custodiansFolder(dir string) (os.FileInfo, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, configfile.Wrong("a custodian's folder cannot be read: %s", configfile.Reason(err))
	}
	if !info.IsDir() {
		return nil, configfile.Wrong("%s is no folder", dir)
	}
	return info, nil
}

// withFolders opens the data folder for a command that reads custodians' folders.
func (w *world) withFolders(dirs []string, f func(in *installation) error) error {
	for _, dir := range dirs {
		if _, err := custodiansFolder(dir); err != nil {
			return err
		}
	}
	return w.with(f)
}

// ofCustody is a mistake of whoever named the folders, where it is one.
func ofCustody(err error) error {
	if wrong, ok := errors.AsType[pipeline.Custody](err); ok {
		return configfile.Wrong("%s", wrong.Says)
	}
	return err
}

type escrowTestCmd struct {
	First  string `arg:"" help:"One custodian's folder." type:"path"`
	Second string `arg:"" help:"Another's." type:"path"`
}

// Run makes a drill.
func (c *escrowTestCmd) Run(w *world) error {
	dirs := [2]string{c.First, c.Second}
	return w.withFolders(dirs[:], func(in *installation) error {
		work := w.begin(in, "Bringing keys back", "key")
		found, err := in.looks(nil).Drill(w.ctx, dirs)
		work.End()
		if err != nil {
			return ofCustody(err)
		}
		return w.recovered(found, "is brought back and opens what is sealed to it", "No living key is on record.")
	})
}

type escrowRestoreCmd struct {
	First  string `arg:"" help:"One custodian's folder." type:"path"`
	Second string `arg:"" help:"Another's." type:"path"`
}

// Run restores keys.
func (c *escrowRestoreCmd) Run(w *world) error {
	dirs := [2]string{c.First, c.Second}
	return w.withFolders(dirs[:], func(in *installation) error {
		work := w.begin(in, "Bringing keys back", "key")
		found, err := in.looks(nil).RestoreKeys(w.ctx, dirs)
		work.End()
		if err != nil {
			return ofCustody(err)
		}
		return w.recovered(found, "is in the keyring again", "The keyring lacks no living key: nothing was restored.")
	})
}

// recovered says how each key fared, and is an error if one did not.
func (w *world) recovered(found []pipeline.Recovered, well, none string) error {
	var failed bool
	for _, r := range found {
		says := well
		if r.Err != nil {
			says, failed = "does not come back: "+r.Err.Error(), true
		}
		fmt.Fprintf(w.out, "%-8s  %s  %s\n", cmp.Or(map[bool]string{true: "ok"}[r.Err == nil], "LOOK"), r.Week, says)
	}
	if len(found) == 0 {
		fmt.Fprintln(w.out, none)
	}
	if failed {
		return errFoundWrong
	}
	return nil
}

type escrowRetireCmd struct {
	Folder string `arg:"" help:"The custodian's folder." type:"path"`
	All    bool   `help:"Also the shares of living keys: the custodian leaves, or the stick does."`
}

// Run destroys shares.
func (c *escrowRetireCmd) Run(w *world) error {
	return w.withFolders([]string{c.Folder}, func(in *installation) error {
		work := w.begin(in, "Destroying shares", "share")
		ended, err := in.looks(nil).RetireShares(w.ctx, c.Folder, c.All)
		work.End()
		w.sayDestroyed(ended)
		if err != nil {
			return ofCustody(err)
		}
		if len(ended) == 0 {
			_, err = fmt.Fprintln(w.out, "Nothing in it is due to be destroyed.")
		}
		return err
	})
}

func (w *world) sayDestroyed(ended []keyring.Share) {
	for _, s := range ended {
		fmt.Fprintf(w.out, "Destroyed: custodian %d's share of %s.\n", s.Custodian, s.Week)
	}
}

type escrowVouchCmd struct {
	Custodian int  `arg:"" help:"1, 2 or 3."`
	Lost      bool `help:"Every share of this custodian is lost, those of living keys included. Make them anew then."`
}

// Run takes a person's word.
func (c *escrowVouchCmd) Run(w *world) error {
	if c.Custodian < 1 || c.Custodian > keyring.Custodians {
		return configfile.Wrong("a custodian is 1, 2 or 3, as the shares' file names say")
	}
	how := register.ShareVouched
	if c.Lost {
		how = register.ShareLost
	}
	return w.with(func(in *installation) error {
		ended, err := in.looks(nil).EndShares(w.ctx, c.Custodian, c.Lost, how)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(w.out, "On the register: %s of custodian %d, %s.\n", words.Number(len(ended), "share"), c.Custodian,
			map[register.ShareEnd]string{register.ShareVouched: "destroyed, as you say", register.ShareLost: "lost"}[how])
		return err
	})
}

type escrowListCmd struct {
	JSON bool `help:"One JSON object a line instead of a table."`
}

// shareLine is one line of 'key escrow list --json'.
type shareLine struct {
	Key       letter.Week       `json:"key"`
	Custodian int               `json:"custodian"`
	Set       register.ShareSet `json:"set"` // which making
	Due       bool              `json:"due"` // to be destroyed: the key's week is over
	Dies      letter.Date       `json:"dies"`
}

// Run lists shares; their order is that of the weeks, so that what is due is first.
func (c *escrowListCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		shares, err := in.register.Shares(w.ctx)
		if err != nil {
			return err
		}
		due, err := in.looks(nil).DueShares(w.ctx)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
		for _, s := range shares {
			line := shareLine{s.Week, s.Custodian, s.Set, slices.Contains(due, s), s.Week.Over()}
			if c.JSON {
				err = w.json(line)
			} else {
				_, err = fmt.Fprintf(t, "%s\tcustodian %d\tfrom %s on to be destroyed\t%s\n", line.Key, line.Custodian, line.Dies, map[bool]string{true: "DUE"}[line.Due])
			}
			if err != nil {
				return err
			}
		}
		if len(shares) == 0 && !c.JSON {
			fmt.Fprintln(t, "No shares exist.")
		}
		return t.Flush()
	})
}
