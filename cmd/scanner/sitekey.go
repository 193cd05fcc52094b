package main

import (
	"fmt"
	"os"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/cmd/sitekey"
	"letterlock/scanner"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

// nextKey finds the key that is to take the place of the site's. Once it has, taken is
// called.
func (c *Config) nextKey(config string, taken func()) func() (*scanner.NextKey, error) {
	path := configfile.Beside(config, c.SiteKeyFile)
	return sitekey.Next(path, c.Site, func() error {
		err := sitekey.Take(path)
		if err == nil {
			taken()
		}
		return err
	})
}

type keyCmd struct {
	Rotate keyRotateCmd `cmd:"" help:"Change the signing key, beside the running scanner: the server believes the new one from then on, and the old one no more." example:"scanner key rotate --config /var/lib/letterlock-scanner/scanner.toml"`
}

type keyRotateCmd struct {
	Wait time.Duration `help:"For how long to wait until it is done." default:"2m" placeholder:"SPAN"`
}

// Run makes the next key; the running scanner does the rest. A crash leaves the next key
// lying there, and the scanner goes on with it whether or not this runs again.
func (c *keyRotateCmd) Run(w *world) error {
	if err := w.notAsRoot(); err != nil {
		return err
	}
	cfg, err := readConfig(w.config)
	if err != nil {
		return err
	}
	path := configfile.Beside(w.config, cfg.SiteKeyFile)
	if _, err := configfile.Secret(w.config, cfg.SiteKeyFile, "site's private key"); err != nil {
		return err
	}
	text, underWay, err := sitekey.Begin(path, cfg.Site)
	if err != nil {
		return err
	}
	if underWay {
		fmt.Fprintln(w.out, "A change of this scanner's key is under way, and goes on.")
	}
	crashPoint("key-made", "")
	work := w.screen.Begin("Waiting for the scanner and the server", "", 0)
	changed, err := sitekey.Await(w.ctx, path, text, c.Wait)
	work.End()
	if err != nil {
		return err
	}
	if !changed {
		return fmt.Errorf("the new key is made, and the old one goes on signing: nothing is lost. The scanner changes over by itself once 'scanner run' and the server's 'letterlock serve' both run, and both are of a version that can; 'scanner check' says whether it has. Waited %s", words.Lasted(c.Wait))
	}
	_, err = fmt.Fprintln(w.out, "Another key signs what this scanner announces. The server believes nothing more that the old one signs.")
	return err
}

// keyPatience is after how long a change of the key wants somebody's look: it takes
// seconds where scanner and server run.
const keyPatience = 20 * time.Minute

// checkKey is a line about a change of the site's key that is under way; none without.
func (c *Config) checkKey(config string, now time.Time) []folder.Line {
	next, err := os.Stat(configfile.Beside(config, c.SiteKeyFile) + sitekey.NextExt)
	if err != nil {
		return nil
	}
	since := next.ModTime().In(letter.London).Format("2 January 2006, 15:04")
	if now.Sub(next.ModTime()) < keyPatience {
		return []folder.Line{{Name: "key", OK: true, Says: fmt.Sprintf("Another key is to sign for this scanner, since %s. The old one signs until the server believes the new one.", since)}}
	}
	return []folder.Line{{Name: "key", Says: fmt.Sprintf("Another key is to sign for this scanner, since %s, and the server has not said yet that it believes it. The old one goes on signing. See whether this scanner and the server run, and are of the same version.", since)}}
}
