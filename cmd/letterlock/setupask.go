package main

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/term"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/durable"
	"letterlock/pipeline/mail"
	"letterlock/scanner/deposit"
)

// talks reports whether there is a person at a terminal who may be asked.
func (c *setupCmd) talks() bool {
	return !c.NoInput && !c.Settings && !c.DryRun && atTerminal()
}

func atTerminal() bool {
	return term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
}

// asking is a conversation about what a new configuration is to say. What a flag says is
// not asked for.
type asking struct {
	w       *world
	c       *setupCmd
	flags   setupValues       // as they were given
	secrets map[string]string // what was typed and not shown, by the file that it is for
	made    []string          // what lies there until the person has agreed
	before  map[string][]byte // what lay in those of made that were there already
	refused bool              // what was said did not work yet, a secret that is there included
}

// ask asks for what a new letterlock.toml is to say, shows what would be made, and
// returns the file's text once the person has agreed to it. What the storage says against
// the answers is said, and they may be given again.
//
// Until then nothing lies in the folder but files with secrets, while the storage is
// asked, and these are wiped again. A crash leaves them, each whole: the next time it is
// said that they are there, and asked for all else. Once the configuration is written the
// next run asks nothing that it says.
func (c *setupCmd) ask(w *world) (text string, err error) {
	if err := w.dir.notAsRoot(); err != nil {
		return "", err
	}
	a := &asking{w: w, c: c, flags: c.setupValues, secrets: map[string]string{}, before: map[string][]byte{}}
	named := c.named()
	fmt.Fprintln(w.out, "A new server. Enter takes what stands in brackets. Ctrl-C ends this, and nothing is made.")
	for {
		if err := inTurn(a.portal, a.storage, a.keyring, a.register, a.mail, a.helplines); err != nil {
			return "", err
		}
		if !named {
			if err := c.askAdministrator(w, c.MailServer != ""); err != nil {
				return "", err
			}
		}
		text, again, err := a.proposes()
		if err == nil || !again {
			return text, err
		}
		if w.ctx.Err() != nil {
			return "", errInterrupted
		}
		a.refused = true
		fmt.Fprintf(w.out, "\nThat does not work yet: %s.\nOnce more, where Enter takes what was said before. Ctrl-C ends this, and nothing is made.\n", a.says(err))
	}
}

// proposes shows what would be made. again says that other answers may help.
func (a *asking) proposes() (text string, again bool, err error) {
	defer func() {
		if err != nil {
			a.takeBack()
		}
	}()
	if err := a.putSecrets(); err != nil {
		return "", false, err
	}
	if text, err = a.c.settled(a.w.dir); err != nil {
		return "", true, err
	}
	fmt.Fprintln(a.w.out)
	if err := a.c.foresees(a.w, text); err != nil {
		return "", true, err
	}
	return text, false, a.w.agree("Is all this to be made?", a.c.Yes)
}

// putSecrets writes each secret into a file of its own, for its owner's eyes only. One
// that is there, and was to be written over, lies in memory meanwhile: a crash leaves the
// new one there, for which the next run asks again where it does not work either.
func (a *asking) putSecrets() error {
	dir := filepath.Dir(a.w.dir.config)
	if !exists(dir) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return fmt.Errorf("the data folder cannot be made: %s", configfile.Reason(err))
		}
		a.made = append(a.made, dir)
	}
	for path, secret := range a.secrets {
		put := durable.New
		if exists(path) {
			text, err := os.ReadFile(path)
			if err != nil {
				return fmt.Errorf("a key file cannot be read: %s", configfile.Reason(err))
			}
			a.before[path], put = text, durable.Replace
		}
		if err := put(path, []byte(secret+"\n"), 0o600); err != nil {
			return fmt.Errorf("a key file cannot be written: %s", configfile.Reason(err))
		}
		a.made = append(a.made, path)
	}
	return nil
}

// takeBack wipes what putSecrets has made, and puts back what it has written over. A folder
// in which something else lies by now stays.
func (a *asking) takeBack() {
	for _, path := range slices.Backward(a.made) {
		wipe := os.Remove // an empty folder
		if _, secret := a.secrets[path]; secret {
			wipe = durable.Destroy
		}
		if text, there := a.before[path]; there {
			wipe = func(path string) error { return durable.Replace(path, text, 0o600) }
		}
		if err := wipe(path); err != nil {
			a.w.log.Warn("something is left in the data folder", "path", path, "error", configfile.Reason(err))
		}
	}
	a.made = nil
	clear(a.before)
}

// inTurn asks until one fails.
func inTurn(questions ...func() error) error {
	for _, ask := range questions {
		if err := ask(); err != nil {
			return err
		}
	}
	return nil
}

func (a *asking) portal() error {
	return a.answer("Portal: the address that people type, as in https://letters.example.org; none is this machine alone",
		a.flags.Origin, &a.c.Origin, "none", func(s string) error { return a.readable(setupValues{Origin: s}) })
}

func (a *asking) storage() error {
	v := &a.c.setupValues
	err := a.answer("Storage: the S3 server for the sealed letters, as in https://s3.example.org; none is a folder on this machine",
		a.flags.Storage, &v.Storage, "none", func(s string) error {
			if err := configfile.CheckEndpoint(s, v.StorageWithoutTLS); err != nil {
				return err
			}
			store, err := archive.OpenS3(deposit.S3Config{Endpoint: s, Bucket: "letters", AccessKey: "none", SecretKey: "none"})
			if err != nil {
				return err
			}
			return store.Close()
		})
	if err != nil {
		return err
	}
	if v.Storage == "" {
		v.Bucket, v.Region, v.AccessKey = a.flags.Bucket, a.flags.Region, a.flags.AccessKey
		a.forget(a.flags.SecretFile, &v.SecretFile)
		return nil
	}
	v.Bucket, v.Region = cmp.Or(v.Bucket, "letterlock"), cmp.Or(v.Region, "us-east-1")
	anything := func(string) error { return nil }
	return inTurn(
		func() error { return a.answer("Storage: the bucket's name", a.flags.Bucket, &v.Bucket, "", anything) },
		func() error { return a.answer("Storage: its region", a.flags.Region, &v.Region, "", anything) },
		func() error {
			return a.answer("Storage: the access key", a.flags.AccessKey, &v.AccessKey, "", anything)
		},
		func() error {
			return a.secret("Storage: the secret key", "storage.key", a.flags.SecretFile, &v.SecretFile, false)
		})
}

func (a *asking) keyring() error {
	return a.answer("Keyring: the folder of the private keys, best a volume of its own without snapshots, as in /srv/keyring; none is one beside the settings",
		a.flags.KeyringFolder, &a.c.KeyringFolder, "none", func(s string) error {
			if !filepath.IsAbs(s) {
				return errors.New("this is no whole path, as in /srv/keyring")
			}
			return nil
		})
}

func (a *asking) register() error {
	v := &a.c.setupValues
	if a.flags.DatabaseURLFile != "" {
		return nil
	}
	err := a.answer("Register: an empty PostgreSQL database, as in postgres://letterlock@db.example.org/letterlock?sslmode=verify-full; none is a file on this machine",
		a.flags.Database, &v.Database, "none", func(s string) error {
			return a.readable(setupValues{Database: s, DatabaseWithoutTLS: v.DatabaseWithoutTLS})
		})
	if err != nil {
		return err
	}
	if v.Database == "" {
		a.forget(a.flags.DatabasePassword, &v.DatabasePassword)
		return nil
	}
	return a.secret("Register: the database's password", "database.password", a.flags.DatabasePassword, &v.DatabasePassword, true)
}

func (a *asking) mail() error {
	v := &a.c.setupValues
	user := func(server string) bool {
		u, err := url.Parse(server)
		return err == nil && u.User.Username() != ""
	}
	err := a.answer("Mail: the mail server, as in smtps://user@mail.example.org; none is nobody being told of letters",
		a.flags.MailServer, &v.MailServer, "none", func(s string) error {
			password := ""
			if user(s) {
				password = "asked for next"
			}
			_, err := mail.NewSMTP(s, password, "letterlock@localhost", time.Now)
			return err
		})
	if err != nil {
		return err
	}
	if user(v.MailServer) {
		err = a.secret("Mail: the password of the user there", "mail.password", a.flags.MailPasswordFile, &v.MailPasswordFile, false)
	} else {
		a.forget(a.flags.MailPasswordFile, &v.MailPasswordFile)
	}
	if err != nil || v.MailServer == "" {
		return err
	}
	if origin, err := url.Parse(v.Origin); err == nil {
		v.MailFrom = cmp.Or(v.MailFrom, "letterlock@"+cmp.Or(origin.Hostname(), "localhost"))
	}
	return a.answer("Mail: the sender's address", a.flags.MailFrom, &v.MailFrom, "", func(s string) error {
		if _, err := mail.Domain(s); err != nil {
			return errors.New("this is no address as in letters@example.org")
		}
		return nil
	})
}

func (a *asking) helplines() error {
	v := &a.c.setupValues
	if len(a.flags.Helpline) > 0 {
		return a.readable(setupValues{Helpline: a.flags.Helpline})
	}
	before := v.Helpline
	if len(before) == 0 {
		for _, h := range exampleHelplines {
			before = append(before, h.Name+"="+h.Title)
		}
	}
	v.Helpline = nil
	question, shown := "Helpline: the name of its folder and its title, as in advice=Advice Line", strings.Join(before, " and ")
	for {
		next := shown
		err := a.answer(question, "", &next, "", func(s string) error { return a.readable(setupValues{Helpline: append(slices.Clone(v.Helpline), s)}) })
		switch {
		case err != nil:
			return err
		case next == shown && len(v.Helpline) == 0:
			v.Helpline = before
			return nil
		case next == shown:
			return nil
		}
		v.Helpline = append(v.Helpline, next)
		question, shown = "Helpline: one more", "no more"
	}
}

// askWhereNobody asks for the first administrator where nobody is on the register: set-up
// was cut off once the configuration was written. All else is made by then.
func (c *setupCmd) askWhereNobody(w *world, in *installation) error {
	people, err := in.register.People(w.ctx)
	if err != nil || len(people) > 0 || c.named() {
		return err
	}
	err = c.askAdministrator(w, in.cfg.Mail.SMTP != "")
	if errors.Is(err, errInterrupted) {
		return errors.New("interrupted. Bucket and keys are ready and stay so, and nobody was made an administrator. Run this again: it asks only for them; or start the server, which makes one without a name and says the code")
	}
	return err
}

// askAdministrator asks who the first one is, and where there is a mail server whether it
// is to be tried with a message to them.
func (c *setupCmd) askAdministrator(w *world, mails bool) error {
	a := &asking{w: w, c: c}
	if c.TestMail == c.AdminAddress {
		c.TestMail = "" // as it was said before, and may be said anew; else a flag has it
	}
	if err := a.answer("First administrator: the name by which colleagues know them; none leaves it to the first start", "", &c.AdminName, "none", func(string) error { return nil }); err != nil || c.AdminName == "" {
		c.AdminAddress = ""
		return err
	}
	err := a.answer("First administrator: their mail address", "", &c.AdminAddress, "none", func(s string) error {
		if !isPlainAddress(s) {
			return errors.New("this is no plain address like name@example.org")
		}
		return nil
	})
	if err != nil || !mails || c.AdminAddress == "" || c.TestMail != "" {
		return err
	}
	try := "yes"
	err = a.answer("Mail: send a test message there at the end, yes or no", "", &try, "", func(s string) error {
		if s != "no" {
			return errors.New("this is neither yes nor no")
		}
		return nil
	})
	if err == nil && try == "yes" {
		c.TestMail = c.AdminAddress
	}
	return err
}

// readable has a configuration that says this read as every start reads it, with the
// database's address.
func (a *asking) readable(v setupValues) error {
	text, err := v.text(a.w.dir.config)
	if err != nil {
		return err
	}
	cfg, err := parseConfig(a.w.dir.config, text)
	if err == nil {
		_, err = cfg.address(a.w.dir.config)
	}
	return err
}

// answer asks for what at is to be, until check is content. What at is already, or where
// it is empty the word for none, stands in brackets, and Enter takes it. What a flag says
// is checked, and not asked for.
func (a *asking) answer(question, flag string, at *string, none string, check func(string) error) error {
	if flag != "" {
		return check(flag)
	}
	shown := cmp.Or(*at, none)
	if shown != "" {
		question += " [" + shown + "]"
	}
	for {
		fmt.Fprintf(a.w.out, "%s: ", question)
		line, err := a.w.in.ReadString('\n')
		if err != nil {
			fmt.Fprintln(a.w.out)
			return errInterrupted
		}
		switch said := strings.TrimSpace(line); {
		case said == "" && shown == "":
			fmt.Fprintln(a.w.out, "  Something must stand here.")
		case said == "" || said == *at:
			return nil
		case none != "" && said == none:
			*at = ""
			return nil
		default:
			if err := check(said); err != nil {
				fmt.Fprintf(a.w.out, "  Not taken: %s.\n", a.says(err))
				continue
			}
			*at = said
			return nil
		}
	}
}

// secret asks for one that is not shown, and is to lie in the file of that name beside
// the configuration, which at then names. A file that is there is taken as it is, until
// something was refused: then another secret may be said in its place.
func (a *asking) secret(question, name, flag string, at *string, mayLack bool) error {
	if flag != "" {
		return nil // it is read before anything is written
	}
	path := filepath.Join(filepath.Dir(a.w.dir.config), name)
	there := exists(path)
	if there && !a.refused {
		fmt.Fprintf(a.w.out, "%s is taken from %s, which is there.\n", question, path)
		*at = path
		return nil
	}
	before := a.secrets[path]
	switch {
	case before != "":
		question += " (not shown; Enter takes the one from before)"
	case there:
		question += " (not shown; Enter keeps what is in " + path + ", and what you type takes its place)"
	case mayLack:
		question += " (not shown; Enter where it needs none)"
	default:
		question += " (not shown)"
	}
	for {
		typed, err := a.w.unseen(question + ": ")
		fmt.Fprintln(a.w.out)
		if err != nil {
			return errInterrupted
		}
		switch typed = cmp.Or(strings.TrimSpace(typed), before); {
		case typed != "":
			a.secrets[path], *at = typed, path
			return nil
		case there:
			*at = path
			return nil
		case mayLack:
			return nil
		}
		fmt.Fprintln(a.w.out, "  Something must stand here.")
	}
}

// forget is for a secret that no answer needs any more. A flag's stays.
func (a *asking) forget(flag string, at *string) {
	if flag == "" {
		delete(a.secrets, *at)
		*at = ""
	}
}

func (a *asking) says(err error) string {
	return strings.TrimSuffix(strings.TrimPrefix(say(err), a.w.dir.config+": "), ". Nothing was written")
}

// unseen asks for a line that the terminal does not show, not even where somebody types as
// soon as the question stands there. However it ends, it leaves the terminal as it was.
func (w *world) unseen(question string) (typed string, err error) {
	terminal := int(os.Stdin.Fd())
	before, err := term.GetState(terminal)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, term.Restore(terminal, before)) }()
	if err := hide(terminal); err != nil {
		return "", err
	}
	fmt.Fprint(w.out, question)
	return w.in.ReadString('\n') // which ends with the command
}
