package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/pipeline/witness"
	"letterlock/scanner/deposit"
)

type witnessCmd struct {
	publicKey `embed:""`
	Storage   string   `help:"A file with a [storage] section like letterlock.toml's, of credentials that may list and read checkpoints/ in the bucket." placeholder:"FILE" type:"path"`
	Dir       string   `arg:"" help:"The witness's own folder. It is made when it is missing."`
	From      []string `arg:"" optional:"" help:"Where checkpoints are: the portal's address, and files or folders with exports, daily mails or checkpoints."`
}

// witnessConfig is the file of --storage.
type witnessConfig struct {
	Storage *Storage `toml:"storage"`
}

// Run looks once.
func (c *witnessCmd) Run(w *world) error {
	found, err := c.look(w)
	if err != nil {
		return err
	}
	return c.say(w, found)
}

func (c *witnessCmd) look(w *world) (found witness.Report, err error) {
	pub, err := c.verifier()
	if err != nil {
		return found, err
	}
	work := w.screen.Begin("Reading what there is", "file", 0)
	defer func() { work.End() }()
	sources, err := c.sources(&http.Client{Timeout: 30 * time.Second, CheckRedirect: stayThere}, work.Far)
	if err != nil {
		return found, err
	}
	for _, path := range c.From {
		if !isAddress(path) {
			sources = append(sources, &witness.Files{Path: path, Pub: pub, Far: work.Far})
		}
	}
	if len(sources) == 0 {
		return found, configfile.Wrong("a witness needs something to look at: the portal's address, a file, a folder, or --storage")
	}
	look := witness.Witness{Dir: c.Dir, Pub: pub, Now: time.Now, Far: func(done, of int) {
		if done == 0 {
			work.End()
			work = w.screen.Begin("Comparing with what is kept", "checkpoint", 0)
		}
		work.Far(done, of)
	}}
	return look.Look(w.ctx, sources)
}

// stayThere follows an answer only to the host that gave it, and there to TLS but never
// from it: who opens a firewall for the witness knows that it asks whom it was told to and
// nobody else.
func stayThere(r *http.Request, via []*http.Request) error {
	from, to := doorOf(via[len(via)-1].URL), doorOf(r.URL)
	if to != from && (from.port != "80" || to != door{from.host, "443", "https"}) || len(via) > 3 {
		return http.ErrUseLastResponse
	}
	return nil
}

// door is where an address leads, as far as a firewall knows it.
type door struct{ host, port, scheme string }

func doorOf(u *url.URL) door {
	return door{u.Hostname(), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]), u.Scheme}
}

func isAddress(s string) bool {
	return strings.HasPrefix(s, "https://") || strings.HasPrefix(s, "http://")
}

// sources are the portals and the bucket. far hears how much of the latter is read.
func (c *witnessCmd) sources(client *http.Client, far func(done, of int)) (out []witness.Source, err error) {
	for _, address := range c.From {
		if isAddress(address) {
			out = append(out, witness.Portal{Origin: address, Client: client})
		}
	}
	if c.Storage == "" {
		return out, nil
	}
	var file witnessConfig
	if err := configfile.Read(c.Storage, &file); err != nil {
		return nil, err
	}
	s := file.Storage
	if s == nil || s.Endpoint == "" || s.Bucket == "" || s.AccessKey == "" || s.SecretKeyFile == "" {
		return nil, configfile.Wrong("%s: [storage] needs endpoint, bucket, access_key and secret_key_file", c.Storage)
	}
	if err := configfile.CheckEndpoint(s.Endpoint, s.WithoutTLS); err != nil {
		return nil, configfile.Wrong("%s: %s", c.Storage, err)
	}
	access, secret, token, err := configfile.StorageKey(c.Storage, s.SecretKeyFile, s.AccessKey)
	if err != nil {
		return nil, err
	}
	store, err := archive.OpenS3(deposit.S3Config{Endpoint: s.Endpoint, Bucket: s.Bucket, Region: s.Region, AccessKey: access, SecretKey: secret, SessionToken: token})
	if err != nil {
		return nil, configfile.Wrong("%s: %s", c.Storage, err)
	}
	return append(out, &witness.Bucket{Objects: store, Where: "the bucket " + s.Bucket, Far: far}), nil
}

// say tells what was found, the worst last, where it is read.
func (c *witnessCmd) say(w *world, found witness.Report) error {
	if found.Newest != (register.Head{}) {
		fmt.Fprintf(w.out, "%d new checkpoints. The newest that is kept was signed over %d entries.\n", found.Added, found.Newest.Entries)
	}
	for _, lost := range found.Lost {
		fmt.Fprintf(w.out, "%s: %s\n", lost.Says(), lost.To)
	}
	for _, says := range found.Unknown {
		fmt.Fprintf(w.out, "Not compared: %s.\n", says)
	}
	for _, says := range found.Wrong {
		fmt.Fprintf(w.out, "WRONG: %s.\n", says)
	}
	switch {
	case len(found.Wrong) > 0:
		w.showRestores(found.Restores)
		if len(found.Restores) == 0 {
			fmt.Fprintln(w.out, "If it was restored from a backup, the register says when: give a new export to the witness as well.")
		} else {
			fmt.Fprintf(w.out, "If this restore is known, keep %s as it is and begin another folder, with the portal or an export alone: checkpoints and mails of before it are of a register that does not go on. What was changed in what came before the restore would look the same: compare an export of then with a new one first, with 'letterlock register compare'.\n", c.Dir)
		}
		fmt.Fprintf(w.out, "The register is not what it was. Keep %s as it is, tell the data-protection officer and whoever is above them, and compare the last exports.\n", c.Dir)
		return errFoundWrong
	case len(found.Unknown) > 0:
		return errors.New("something could not be compared: give another source as well, as the portal's address, the bucket, or an export")
	}
	_, err := fmt.Fprintln(w.out, "Verified: whatever was signed before is as it was.")
	return err
}
