package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"letterlock/cmd/configfile"
)

// Database is where state and register are, where that is no SQLite file.
type Database struct {
	URL          string `toml:"url" doc:"The database's address, as in postgres://letterlock@db.example.org/letterlock?sslmode=verify-full. It holds no password: that is in password_file, in url_file, or where PostgreSQL's own programs look for it (PGPASSFILE, or ~/.pgpass)."`
	PasswordFile string `toml:"password_file" doc:"A file that holds the password for url and nothing else. A new one counts at once."`
	URLFile      string `toml:"url_file" doc:"A file that holds the address, with the password in it, and nothing else. It counts where url is there too."`
	WithoutTLS   bool   `toml:"without_tls" doc:"Whether the database may be reached without TLS on another machine. Leave it false unless nobody can be on the way, as in a network of its own within one machine."`
}

func (d *Database) check() error {
	if d == nil {
		return nil
	}
	if d.URL == "" && d.URLFile == "" {
		return errors.New("[database] needs url or url_file")
	}
	if u, err := url.Parse(d.URL); d.URL != "" && err == nil && u.User != nil {
		if _, there := u.User.Password(); there {
			return errors.New("[database] url holds a password, which whoever reads this file would know: put it into a file of its own, and name that with password_file")
		}
	}
	if d.PasswordFile != "" && d.URLFile != "" {
		return errors.New("[database] password_file is for url, and not for url_file, which holds the password itself: leave one of the two out")
	}
	return nil
}

// address is the database's address, "" where it is an SQLite file. No error
// repeats it.
func (c *Config) address(configPath string) (string, error) {
	d := c.Database
	if d == nil {
		return "", nil
	}
	address := d.URL
	if d.URLFile != "" {
		var err error
		if address, err = configfile.Secret(configPath, d.URLFile, "database's address"); err != nil {
			return "", err
		}
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", configfile.Wrong("%s: the address in [database] is not one of the form postgres://user@host:5432/name; a file that holds it is named by url_file, or by --database-url-file", configPath)
	}
	if d.PasswordFile != "" {
		password, err := configfile.Secret(configPath, d.PasswordFile, "database's password")
		if err != nil {
			return "", err
		}
		u.User = url.UserPassword(u.User.Username(), password)
		address = u.String()
	}
	if !d.WithoutTLS && !here(u) && sslMode(u) != "verify-full" {
		return "", configfile.Wrong("%s: the database is on another machine, and its address does not say sslmode=verify-full: whoever is on the way could read names and change what is recorded. Add it, or set without_tls = true where nobody can be on the way", configPath)
	}
	return address, nil
}

func sslMode(u *url.URL) string {
	if mode := u.Query().Get("sslmode"); mode != "" {
		return mode
	}
	return os.Getenv("PGSSLMODE")
}

// here reports whether the database is reached on this machine alone: by a
// socket, or on loopback.
func here(u *url.URL) bool {
	hosts := u.Query().Get("host")
	if hosts == "" {
		for _, host := range strings.Split(u.Host, ",") {
			hosts += "," + (&url.URL{Host: host}).Hostname()
		}
		hosts = strings.TrimPrefix(hosts, ",")
	}
	if hosts == "" {
		hosts = os.Getenv("PGHOST")
	}
	for _, host := range strings.Split(hosts, ",") {
		if host != "" && !strings.HasPrefix(host, "/") && !configfile.OnLoopback(host) {
			return false
		}
	}
	return true
}

// found reports whether there is a Letterlock here: its database's file, or, where
// the configuration names a PostgreSQL, a key: that with which its register is signed,
// or where this is lost another. Keys alone are what a restore leaves whose backup was
// cut off.
func (d dataDir) found() bool {
	if exists(d.database()) {
		return true
	}
	keys := []string{d.in("state", ofRegister.file), d.in("state", ofServer.file), d.registerPub()}
	if !slices.ContainsFunc(keys, exists) || !exists(d.config) {
		return false
	}
	cfg, err := readConfig(d.config)
	return err != nil || cfg.Database != nil // what is wrong with it is said when it is read in earnest
}

// sayDatabase is what keeps the register's database from being used, for people.
func sayDatabase(why string) string {
	return fmt.Sprintf("the database cannot be used: %s. Nothing was changed", why)
}
