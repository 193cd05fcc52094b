package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/archive/probe"
	"letterlock/pipeline/durable"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// adminFlag names credentials of the storage that may do what a running server's own
// need not: make users and policies, make the bucket and write its deletion rules. The
// server's role never has them.
type adminFlag struct {
	StorageAdmin string `help:"A file with credentials of the storage that may make users there, and make and change the bucket: access key and secret key, each on a line, or the secret key of the configuration's access_key. Used by this command only; by default the server's own are." env:"LETTERLOCK_STORAGE_ADMIN" type:"path" placeholder:"FILE"`
}

// credentials are how the administrator of the storage speaks to it; nil where none is
// named, or the storage is a folder.
func (a adminFlag) credentials(cfg *Config, config string) (*deposit.S3Config, error) {
	if a.StorageAdmin == "" || cfg.Storage == nil {
		return nil, nil
	}
	own, err1 := os.Stat(configfile.Beside(config, cfg.Storage.SecretKeyFile))
	named, err2 := os.Stat(a.StorageAdmin)
	if err1 == nil && err2 == nil && os.SameFile(own, named) {
		return nil, configfile.Wrong("--storage-admin is the very file that secret_key_file names, and the server keeps that: put a copy where the server does not reach it, and name the copy")
	}
	access, secret, token, err := configfile.StorageKey(config, a.StorageAdmin, cfg.Storage.AccessKey)
	if err != nil {
		return nil, err
	}
	c := cfg.s3As(deposit.Credentials{AccessKey: access, SecretKey: secret, SessionToken: token})
	return &c, nil
}

// lend has what an installation asks of the storage's users asked with the
// administrator's credentials.
func (a adminFlag) lend(in *installation) (err error) {
	in.admin, err = a.credentials(in.cfg, in.dir.config)
	return err
}

// with is world.with for a command that makes or removes users of the storage.
func (a adminFlag) with(w *world, f func(in *installation) error) error {
	return w.with(func(in *installation) error {
		if err := a.lend(in); err != nil {
			return err
		}
		defer w.screen.Begin("Asking the storage", "", 0).End()
		return f(in)
	})
}

// openStore opens the bucket with the administrator's credentials, or where none are
// named with the server's own.
func (a adminFlag) openStore(in *installation) error {
	if err := a.lend(in); err != nil {
		return err
	}
	switch {
	case in.admin == nil && in.store != nil:
		return nil
	case in.admin == nil:
		return in.openStore()
	}
	store, err := archive.OpenS3(*in.admin)
	if err != nil {
		return configfile.Wrong("%s: %s", in.dir.config, err)
	}
	in.opened = append(in.opened, store)
	if s, is := in.store.(shifted); is {
		in.store = shifted{store, s.clock}
	} else {
		in.store = store
	}
	return nil
}

// adminS3 is who speaks to the storage about its users.
func (in *installation) adminS3() (deposit.S3Config, error) {
	if in.admin != nil {
		return *in.admin, nil
	}
	return in.cfg.s3(in.dir.config)
}

// serverUserFlags are what set-up makes of the server's own rights at the storage.
type serverUserFlags struct {
	adminFlag

	ServerUser    string `help:"Make the server a user of its own at a storage that is MinIO or Silo, with the least rights, and write its credentials into the file that secret_key_file names, where the server takes them up at once. Needs --storage-admin. Another name than before makes new ones beside the former." placeholder:"NAME"`
	PrintPolicies bool   `help:"Print the rights that the server's and a scanner's user of the storage need, for the configured bucket, and do nothing: for a storage at which you make users yourself."`
}

// check refuses what cannot be meant.
func (f serverUserFlags) check() error {
	switch {
	case f.ServerUser == "":
		return nil
	case !letter.ValidName(f.ServerUser) || len(f.ServerUser) < 3:
		return configfile.Wrong("--server-user is 3 to 40 lower-case letters, digits and hyphens")
	case f.StorageAdmin == "":
		return configfile.Wrong("--server-user needs --storage-admin: a file with credentials of the storage that may make users there, its access key and secret key each on a line")
	}
	return nil
}

// ownUser is what is to become of the server's user.
type ownUser struct {
	name, secret string
	file, next   string // of its credentials; where they lie until they are known to work
	former       string // whose credentials the file holds now, "" for nobody's
	begun        string // whom a set-up that broke off was to make, "" for nobody or name
	isNew        bool
	admin        deposit.S3Config
}

// find reads what is there and makes nothing. secret is "" where it is to be made.
func (f serverUserFlags) find(cfg *Config, config string) (u ownUser, err error) {
	if cfg.Storage == nil {
		return u, configfile.Wrong("--server-user is for a bucket on a server: set [storage] in %s", config)
	}
	admin, err := f.credentials(cfg, config)
	if err != nil {
		return u, err
	}
	file, err := behind(configfile.Beside(config, cfg.Storage.SecretKeyFile))
	if err != nil {
		return u, err
	}
	u = ownUser{name: f.ServerUser, file: file, next: file + ".next", isNew: true, admin: *admin}
	if u.name == admin.AccessKey {
		return u, configfile.Wrong("--server-user is the name of who --storage-admin is: give the server another")
	}
	if exists(file) {
		secret := ""
		if u.former, secret, _, err = configfile.StorageKey(config, file, cfg.Storage.AccessKey); err != nil {
			return u, err
		}
		if u.former == u.name {
			u.secret, u.isNew = secret, false
			return u, nil
		}
	}
	if exists(u.next) { // of a set-up that broke off
		name, secret, _, err := configfile.StorageKey(config, u.next, "")
		if err != nil {
			return u, err
		}
		if name == u.name {
			u.secret = secret
		} else {
			u.begun = name
		}
	}
	return u, nil
}

// behind is the file that a path leads to where it is a link, which stays one: credentials
// may lie on a volume of their own.
func behind(path string) (string, error) {
	if _, err := os.Lstat(path); err != nil {
		return path, nil // it is made
	}
	file, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", configfile.Wrong("%s is a link to what is not there, or cannot be followed: is its volume mounted? Nothing was changed", path)
	}
	return file, nil
}

// sayBegun says, before it is forgotten, whom a set-up that broke off has made: no server
// has that user's secret.
func (u ownUser) sayBegun(w *world) error {
	if u.begun == "" {
		return nil
	}
	asking := w.screen.Begin("Asking the storage", "", 0)
	is, err := archive.FindUser(w.ctx, u.admin, u.begun)
	asking.End()
	if err != nil || !is.There {
		return err
	}
	_, err = fmt.Fprintf(w.out, "Storage user: %s was made by a set-up that broke off, and no server has its secret: end it at the storage.\n", u.begun)
	return err
}

// makeServerUser gives the server its own user. Its secret is on the disk before the
// storage knows it, and takes the place of the former one once the storage takes it, so
// that a server that runs meanwhile is refused at no moment. A crash in between leaves a
// user whom nobody is yet; the next run goes on with the same secret. Run again, it sets
// the rights and the same secret, and changes nothing: a storage that has lost its users
// has this one back.
func (f serverUserFlags) makeServerUser(w *world, yes bool) error {
	if f.ServerUser == "" {
		return nil
	}
	cfg, err := readConfig(w.dir.config)
	if err != nil {
		return err
	}
	u, err := f.find(cfg, w.dir.config)
	if err != nil {
		return err
	}
	is, err := u.isThere(w)
	if err != nil {
		return err
	}
	// Credentials that somebody has ended may have been stolen.
	if u.secret != "" && !u.isNew && !is.Enabled {
		if err := w.agree(fmt.Sprintf("The storage does not take %s any more, whose credentials are in %s: somebody has ended it, or the storage has lost its users. Where it was ended on purpose, as after a theft, say no, and choose another name with --server-user%s. Are these credentials to count again?", u.name, u.file, userInCompose), yes); err != nil {
			return err
		}
	}
	if u.isNew && u.former != "" && u.former != u.admin.AccessKey {
		if err := w.agree(fmt.Sprintf("%s holds the credentials of %s. Write those of %s in their place?", u.file, u.former, u.name), yes); err != nil {
			return err
		}
	}
	if u.secret == "" {
		// A new secret would shut out whoever works with the former one.
		if is.There {
			return configfile.Wrong("the storage has a user %s already, and its secret is not in %s. Where that is another server's, copy that server's file to here, as the file that secret_key_file names; else choose another name with --server-user%s", u.name, u.file, userInCompose)
		}
		if err := u.sayBegun(w); err != nil {
			return err
		}
		u.secret = rand.Text() + rand.Text()[:14] // 40 characters, the most that MinIO takes
		if err := durable.Replace(u.next, []byte(u.name+"\n"+u.secret+"\n"), 0o600); err != nil {
			return fmt.Errorf("the server's credentials cannot be written beside the file that secret_key_file names: %s", configfile.Reason(err))
		}
		crashPoint("setup-user", "")
	}
	making := w.screen.Begin("Making the server's user of the storage", "", 0)
	err = u.make(w.ctx, cfg)
	making.End()
	if err != nil {
		return err
	}
	if !u.isNew && !is.There { // the storage has lost its users
		_, err = fmt.Fprintf(w.out, "Storage user: %s was made anew, with the rights of a server and the secret that it had.\n", u.name)
		return err
	}
	if !u.isNew {
		_, err = fmt.Fprintf(w.out, "Storage user: %s is there, with the rights of a server. Its credentials were not changed.\n", u.name)
		return err
	}
	if err := errors.Join(os.Chmod(u.next, 0o600), os.Rename(u.next, u.file)); err != nil {
		return fmt.Errorf("the server's credentials cannot be put into the file that secret_key_file names: %s. They lie beside it; mend that, and run this again", configfile.Reason(err))
	}
	if err := durable.SyncDir(filepath.Dir(u.file)); err != nil {
		return err
	}
	fmt.Fprintf(w.out, "Storage user: %s was made, with the rights of a server and no others. Its credentials are in %s, and count from now on.\n", u.name, u.file)
	if u.former != "" && u.former != u.admin.AccessKey {
		fmt.Fprintf(w.out, "Storage user: once 'letterlock check' is well on every server, end %s at the storage.\n", u.former)
	}
	return nil
}

// isThere is what the storage says of the user, whom it may not know yet.
func (u ownUser) isThere(w *world) (archive.UserInfo, error) {
	defer w.screen.Begin("Asking the storage", "", 0).End()
	is, err := archive.FindUser(w.ctx, u.admin, u.name)
	if err != nil {
		err = u.refused(err)
	}
	return is, err
}

// refused says what to do where the storage makes no users.
func (u ownUser) refused(err error) error {
	if !letsNobodyMake(err) {
		return fmt.Errorf("making the server's own user of the storage: %w", err)
	}
	return fmt.Errorf("this storage lets no user be made with the credentials of --storage-admin (%w). Where it is neither MinIO nor Silo, make one there yourself: 'letterlock setup --print-policies' prints the rights that it needs", err)
}

// make makes the user, and waits until the storage knows it: one of several machines
// hears of a user from another.
func (u ownUser) make(ctx context.Context, cfg *Config) error {
	err := archive.MakeServerUser(ctx, u.admin, u.name, u.secret)
	switch {
	case errors.Is(err, archive.ErrOthersUser):
		return configfile.Wrong("the storage has a user %s already, who has other rights than this server's: choose another name with --server-user%s", u.name, userInCompose)
	case err != nil:
		return u.refused(err)
	}
	store, err := archive.OpenS3(cfg.s3As(deposit.Credentials{AccessKey: u.name, SecretKey: u.secret}))
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	for range 10 {
		if _, err = store.Found(ctx); !errors.Is(err, deposit.ErrRefused) {
			break
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Second):
		}
	}
	if err != nil {
		return fmt.Errorf("trying the server's own user of the storage: %w", err)
	}
	// In a bucket that is ready it does everything once, before a server that runs does
	// it with these credentials.
	if drift, err := store.Drift(ctx); err == nil && len(drift) == 0 {
		if err := probe.Fit(ctx, store, time.Now()); err != nil {
			return fmt.Errorf("trying the server's own user of the storage: %w", err)
		}
	}
	return nil
}

// tryOwn finds out whether the server's own credentials do in the bucket what a server
// does, after it was made ready with the administrator's.
func (f serverUserFlags) tryOwn(w *world, in *installation) error {
	if in.admin == nil {
		return nil
	}
	c, err := in.cfg.s3(in.dir.config)
	if err != nil {
		return err
	}
	own, err := archive.OpenS3(c)
	if err != nil {
		return err
	}
	defer func() { _ = own.Close() }()
	trying := w.screen.Begin("Trying the server's own credentials", "", 0)
	_, err = own.Drift(w.ctx)
	if err == nil {
		err = probe.Fit(w.ctx, own, time.Now())
	}
	trying.End()
	if err != nil {
		return fmt.Errorf("the bucket is ready, and the server's own credentials (not those of --storage-admin) cannot work in it: %w", err)
	}
	_, _, err = in.removeStorageUsers(w)
	return err
}

// plan says what makeServerUser would do.
func (f serverUserFlags) plan(w *world, in *installation) error {
	if f.ServerUser == "" {
		return nil
	}
	u, err := f.find(in.cfg, in.dir.config)
	if err != nil {
		return err
	}
	is, err := u.isThere(w)
	if err != nil {
		return err
	}
	switch {
	case u.isNew && u.secret == "" && is.There:
		_, err = fmt.Fprintf(w.out, "Storage user: %s is at the storage already, and its secret is not here: another name would be needed, or the file of the server that has it.\n", u.name)
	case !u.isNew && !is.Enabled:
		_, err = fmt.Fprintf(w.out, "Storage user: the storage does not take %s any more, whose credentials are in %s: it would be asked whether they are to count again.\n", u.name, u.file)
	case u.isNew:
		_, err = fmt.Fprintf(w.out, "Storage user: %s would be made with the rights of a server, and its credentials written into %s.\n", u.name, u.file)
	default:
		_, err = fmt.Fprintf(w.out, "Storage user: %s has its credentials in %s, which stay as they are. Its rights would be set again.\n", u.name, u.file)
	}
	return err
}

// printPolicies prints what set-up sets where it may: for a person to set elsewhere.
func (f serverUserFlags) printPolicies(w *world, site string) error {
	cfg, err := readConfig(w.dir.config)
	if err != nil {
		return err
	}
	if cfg.Storage == nil {
		return configfile.Wrong("without [storage] in %s there are no users of a storage", w.dir.config)
	}
	site = cmp.Or(site, cfg.Scanner.Site)
	server, err := archive.ServerPolicy(cfg.Storage.Bucket)
	if err != nil {
		return configfile.Wrong("%s: [storage] bucket is no name that a bucket can have", w.dir.config)
	}
	edge, err := archive.EdgePolicy(cfg.Storage.Bucket, site)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w.out, "The server's user may do this in the bucket %s, and nothing else:\n%s\nThe user of the scanner of %s (another: add --edge SITE) may do this, and nothing else:\n%s\n", cfg.Storage.Bucket, server, site, edge)
	return err
}
