package main

import (
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"letterlock/cmd/configfile"
	"letterlock/cmd/sitekey"
	"letterlock/pipeline/backup"
)

// databaseName is the database's name in a backup, below data/. It is the last file.
const databaseName = "state/letterlock.db"

// backupFiles are what a backup holds: the database, the signing keys and the
// settings. The keyring is never among them, and neither is a letter.
func (in *installation) backupFiles() []backup.File {
	files := []backup.File{{Name: "config/letterlock.toml", Path: in.dir.config}}
	if in.cfg.PolicyFile == "" {
		files = append(files, backup.File{Name: "data/policy.md", Path: in.dir.policy()})
	}
	named, _ := in.namedFiles()
	files = append(files, named...)
	for _, name := range []string{"register.pub", "state/register.key", "state/" + registerKeyNext, "state/server.key", "state/" + ofServer.next(), "state/codes.key", "state/edge/site.key", "state/edge/site.key" + sitekey.NextExt} {
		files = append(files, backup.File{Name: "data/" + name, Path: in.dir.in(filepath.FromSlash(name))})
	}
	there := files[:0]
	for _, f := range files {
		if exists(f.Path) { // a server without a scanner has no key of one
			there = append(there, f)
		}
	}
	return append(there, backup.File{Name: "data/" + databaseName, Path: in.dir.copied()})
}

// namedFiles are the files that the configuration names: those that a backup takes
// along, which lie below its own folder or in the data folder, and the names of those
// elsewhere, whose place another machine may not have. What lies in the keyring is of the
// latter whatever names it, and by whatever link: with its keys a backup would open letters.
func (in *installation) namedFiles() (along []backup.File, outside []string) {
	keys := resolved(in.dir.named(in.cfg.KeyringFolder, in.dir.in("keyring")))
	for _, field := range in.cfg.files() {
		name := *field
		path := configfile.Beside(in.dir.config, name)
		below, held := in.dir.holds(name)
		switch {
		case name == "":
		case within(resolved(path), keys):
			outside = append(outside, name)
		case filepath.IsLocal(name):
			along = append(along, backup.File{Name: "config/" + filepath.ToSlash(name), Path: path})
		case held:
			along = append(along, backup.File{Name: "data/" + filepath.ToSlash(below), Path: path})
		default:
			outside = append(outside, name)
		}
	}
	return along, outside
}

// files are the settings that name a file each: one that holds one secret, the portal's
// certificate, without which it would not start anew, a key to which backups are sealed,
// or the policy.
func (c *Config) files() []*string {
	all := []*string{&c.PolicyFile, &c.Portal.CertificateFile, &c.Portal.CertificateKeyFile, &c.Mail.PasswordFile}
	if c.Storage != nil {
		all = append(all, &c.Storage.SecretKeyFile)
	}
	if c.SSO != nil {
		all = append(all, &c.SSO.ClientSecretFile)
	}
	if c.Database != nil {
		all = append(all, &c.Database.URLFile, &c.Database.PasswordFile)
	}
	for i, r := range c.Backup.Recipients {
		if strings.HasSuffix(r, recipientFile) {
			all = append(all, &c.Backup.Recipients[i])
		}
	}
	return all
}

// holds says where in the data folder a file lies whose whole path the configuration
// names; false for a file elsewhere, and for a name that counts from the configuration.
func (d dataDir) holds(path string) (below string, is bool) {
	below, err := filepath.Rel(d.path, path)
	return below, filepath.IsAbs(path) && err == nil && filepath.IsLocal(below)
}

// within reports whether the path is the folder, or lies below it.
func within(path, folder string) bool {
	_, is := dataDir{path: folder}.holds(path)
	return is
}

// resolved is the path without links, or as it is where it leads nowhere.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}

// moved is the text in which the files that lay in one data folder, and were named by
// their whole paths, are named where they lie in another, and their names below it. All
// else is as it was; so is all of it where it is not understood well enough.
func (c configText) moved(from, to string) (_ configText, names []string) {
	want, err := parseConfig(c.path, c.text)
	if err != nil || from == "" || from == to {
		return c, nil // who reads it next says what is wrong
	}
	text := c.text
	for _, field := range want.files() {
		below, is := dataDir{path: from}.holds(*field)
		if !is {
			continue
		}
		at := strconv.Quote(filepath.Join(to, below))
		text = strings.NewReplacer(strconv.Quote(*field), at, "'"+*field+"'", at).Replace(text)
		*field, names = filepath.Join(to, below), append(names, below)
	}
	if got, err := parseConfig(c.path, text); err != nil || !reflect.DeepEqual(got, want) {
		return c, nil
	}
	c.text = text
	slices.Sort(names)
	return c, slices.Compact(names)
}
