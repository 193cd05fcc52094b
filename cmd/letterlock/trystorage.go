package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/archive/probe"
	"letterlock/scanner/deposit"
)

// checksCmd is 'check' by itself, and what it can look at more closely.
type checksCmd struct {
	All     checkCmd        `cmd:"" default:"withargs" help:"Look at everything. It is what 'check' alone does." example:"letterlock check --json"`
	Storage storageCheckCmd `cmd:"" help:"Try out, with objects of its own, whether the storage can be trusted with letters: go or no-go." example:"letterlock check storage; letterlock check storage --edge-folder /mnt/stick/annexe"`
}

type storageCheckCmd struct {
	JSON       bool   `help:"A JSON list of name, ok, says and do instead of text."`
	EdgeFolder string `help:"Try a scanner's credentials too: the folder that 'setup --edge' has written." type:"path" placeholder:"DIR"`
}

// Run needs the configuration and nothing else: a storage is tried out before
// anything is set up in it.
func (c *storageCheckCmd) Run(w *world) error {
	in := &installation{dir: w.dir, beside: w.dir, log: w.log}
	defer in.close()
	var err error
	if in.cfg, err = readConfig(w.dir.config); err != nil {
		return err
	}
	if in.cfg.Storage == nil && c.EdgeFolder != "" {
		return configfile.Wrong("a scanner has credentials of its own only where [storage] is set in %s", w.dir.config)
	}
	if in.cfg.Storage == nil { // a folder, in which root's files would be nobody else's
		if err := w.dir.notAsRoot(); err != nil {
			return err
		}
	}
	if err := in.openStore(); err != nil {
		return err
	}
	var edge *probe.Edge
	if c.EdgeFolder != "" {
		if edge, err = in.scannersWay(c.EdgeFolder); err != nil {
			return err
		}
	}
	work := w.screen.Begin("Trying the storage out", "question", 0)
	lines := in.tryOut(w.ctx, edge, work.Far)
	work.End()
	return c.say(w, lines)
}

// tryOut tries the storage out and, where edge is not nil, a scanner's credentials.
// far hears how many of how many questions are answered.
func (in *installation) tryOut(ctx context.Context, edge *probe.Edge, far func(done, of int)) []probe.Line {
	if store, ok := in.real().(*archive.S3); ok {
		return probe.S3(ctx, store, edge, time.Now(), far)
	}
	return probe.Dir(ctx, in.real().(*archive.Dir), time.Now(), far)
}

// failsTrial tries a storage out that is in use, and returns the questions that it does
// not answer as it must.
func (in *installation) failsTrial(ctx context.Context) (failed []string, err error) {
	var lines []probe.Line
	if store, ok := in.real().(*archive.S3); ok {
		lines = probe.AtWork(ctx, store, time.Now())
	} else {
		lines = in.tryOut(ctx, nil, nil)
	}
	for _, l := range lines {
		switch {
		case l.Away:
			return nil, fmt.Errorf("trying the storage out: %w", deposit.ErrUnavailable)
		case l.Name == "clock": // which has a line and an alarm of its own, and most often is this machine's
		case !l.OK:
			failed = append(failed, l.Name)
		}
	}
	return failed, ctx.Err()
}

func (c *storageCheckCmd) say(w *world, lines []probe.Line) (err error) {
	if c.JSON {
		err = w.json(lines)
	}
	for _, l := range lines {
		if !c.JSON {
			word := "go"
			if !l.OK {
				word, l.Says = "NO-GO", l.Says+" "+l.Do
			}
			fmt.Fprintf(w.out, "%-5s  %-11s  %s\n", word, l.Name, l.Says)
		}
		if !l.OK && err == nil {
			err = errFoundWrong
		}
	}
	return err
}

// scannersWay opens the server's bucket as the scanner whose folder that is. The
// endpoint is the server's: the scanner's may be the same under another name.
func (in *installation) scannersWay(folder string) (*probe.Edge, error) {
	path := filepath.Join(folder, "scanner.toml")
	var scanner struct {
		Site    string `toml:"site"`
		Storage struct {
			AccessKey     string `toml:"access_key"`
			SecretKeyFile string `toml:"secret_key_file"`
		} `toml:"storage"`
	}
	if _, err := toml.DecodeFile(path, &scanner); err != nil {
		return nil, configfile.Wrong("the scanner's configuration cannot be read: %s", configfile.Reason(err))
	}
	access, secret, token, err := configfile.StorageKey(path, scanner.Storage.SecretKeyFile, scanner.Storage.AccessKey)
	if err != nil {
		return nil, err
	}
	c, err := in.cfg.s3(in.dir.config)
	if err != nil {
		return nil, err
	}
	c.AccessKey, c.SecretKey, c.SessionToken, c.Renew = access, secret, token, nil
	store, err := archive.OpenS3(c)
	if err != nil {
		return nil, configfile.Wrong("%s: %s", path, err)
	}
	in.opened = append(in.opened, store)
	return &probe.Edge{Site: scanner.Site, Store: store}, nil
}
