package main

import (
	"cmp"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/mail"
	"letterlock/scanner/deposit"
)

// setupValues are what a new letterlock.toml is to say, where it is not to be what a
// template says. No flag takes a secret, which every process of the machine could read:
// it lies in a file that the flag names.
type setupValues struct {
	Origin             string   `help:"For a new letterlock.toml: the address that people type, as in https://letters.example.org." placeholder:"URL"`
	Storage            string   `help:"For a new letterlock.toml: the S3 server, as in https://s3.example.org. Without it letters lie in the folder bucket/." placeholder:"URL"`
	Bucket             string   `help:"Name of the bucket at --storage." placeholder:"NAME"`
	Region             string   `help:"Region of the bucket; us-east-1 by default." placeholder:"NAME"`
	AccessKey          string   `help:"Who Letterlock is to --storage." placeholder:"KEY"`
	SecretFile         string   `help:"The file that holds the secret key of --access-key." type:"path" placeholder:"FILE"`
	StorageWithoutTLS  bool     `help:"--storage may be http:// on another machine, as in a network of its own within one machine."`
	KeyringFolder      string   `help:"For a new letterlock.toml: where the private keys lie, best a volume of its own." type:"path" placeholder:"DIR"`
	Database           string   `help:"For a new letterlock.toml: the address of an empty PostgreSQL, without a password. Without it the register is a file in the data folder." placeholder:"URL"`
	DatabasePassword   string   `name:"database-password-file" help:"The file that holds the password for --database." type:"path" placeholder:"FILE"`
	DatabaseURLFile    string   `help:"In place of --database: the file that holds the address with its password." type:"path" placeholder:"FILE"`
	DatabaseWithoutTLS bool     `help:"The database may be reached without TLS on another machine."`
	MailServer         string   `help:"For a new letterlock.toml: the mail server, as in smtps://user@mail.example.org." placeholder:"URL"`
	MailPasswordFile   string   `help:"The file that holds the password of the user in --mail-server." type:"path" placeholder:"FILE"`
	MailFrom           string   `help:"Sender of the mails, as in letters@example.org." placeholder:"ADDRESS"`
	Helpline           []string `help:"For a new letterlock.toml: a helpline's name, which its folder bears, and its title; may be given several times." sep:"none" placeholder:"NAME=TITLE"`

	secretComes bool // the file of --secret-file is written by this very run
}

// setting is a key of the configuration that a flag may set.
type setting struct {
	flag, section, key string
	value              string // "" where the flag was not given; a switch's is "true"
	kind               settingKind
	stands             func(*Config) string // what a configuration says of it
}

// name is how people find it in the file.
func (s setting) name() string { return strings.TrimPrefix("["+s.section+"] "+s.key, "[] ") }

type settingKind int

const (
	aText settingKind = iota
	aFile             // its value is a path, and an absolute one
	aSwitch
)

func (v *setupValues) settings() []setting {
	on := func(is bool) string {
		if is {
			return "true"
		}
		return ""
	}
	storage := func(of func(*Storage) string) func(*Config) string {
		return func(c *Config) string { return of(cmp.Or(c.Storage, &Storage{})) }
	}
	database := func(of func(*Database) string) func(*Config) string {
		return func(c *Config) string { return of(cmp.Or(c.Database, &Database{})) }
	}
	return []setting{
		{"--origin", "portal", "origin", v.Origin, aText, func(c *Config) string { return c.Portal.Origin }},
		{"--storage", "storage", "endpoint", v.Storage, aText, storage(func(s *Storage) string { return s.Endpoint })},
		{"--bucket", "storage", "bucket", v.Bucket, aText, storage(func(s *Storage) string { return s.Bucket })},
		{"--region", "storage", "region", v.Region, aText, storage(func(s *Storage) string { return s.Region })},
		{"--access-key", "storage", "access_key", v.AccessKey, aText, storage(func(s *Storage) string { return s.AccessKey })},
		{"--secret-file", "storage", "secret_key_file", v.SecretFile, aFile, storage(func(s *Storage) string { return s.SecretKeyFile })},
		{"--storage-without-tls", "storage", "without_tls", on(v.StorageWithoutTLS), aSwitch, storage(func(s *Storage) string { return on(s.WithoutTLS) })},
		{"--keyring-folder", "", "keyring_folder", v.KeyringFolder, aFile, func(c *Config) string { return c.KeyringFolder }},
		{"--database", "database", "url", v.Database, aText, database(func(d *Database) string { return d.URL })},
		{"--database-password-file", "database", "password_file", v.DatabasePassword, aFile, database(func(d *Database) string { return d.PasswordFile })},
		{"--database-url-file", "database", "url_file", v.DatabaseURLFile, aFile, database(func(d *Database) string { return d.URLFile })},
		{"--database-without-tls", "database", "without_tls", on(v.DatabaseWithoutTLS), aSwitch, database(func(d *Database) string { return on(d.WithoutTLS) })},
		{"--mail-server", "mail", "smtp", v.MailServer, aText, func(c *Config) string { return c.Mail.SMTP }},
		{"--mail-password-file", "mail", "password_file", v.MailPasswordFile, aFile, func(c *Config) string { return c.Mail.PasswordFile }},
		{"--mail-from", "mail", "from", v.MailFrom, aText, func(c *Config) string { return c.Mail.From }},
	}
}

// willBe has a new configuration name a user of the storage whom this very run makes,
// and the file into which its credentials go then.
func (v *setupValues) willBe(user string, dir dataDir) {
	v.AccessKey = cmp.Or(v.AccessKey, user)
	v.SecretFile = cmp.Or(v.SecretFile, filepath.Join(filepath.Dir(dir.config), "storage.key"))
	v.secretComes = true
}

// given reports whether any flag says what the configuration is to say.
func (v *setupValues) given() bool {
	return len(v.Helpline) > 0 || slices.ContainsFunc(v.settings(), func(s setting) bool { return s.value != "" })
}

// settled is the text of a new configuration, in which the flags' values stand and which
// every start would take; a configuration that is there already must say the same as the
// flags, and is never overwritten but where nobody has filled it in yet. It writes nothing.
func (v *setupValues) settled(dir dataDir) (text string, err error) {
	if err := dir.notAsRoot(); err != nil {
		return "", err
	}
	if exists(dir.config) && !(v.given() && dir.untouched()) {
		return "", v.agrees(dir.config)
	}
	text, err = v.text(dir.config)
	if err == nil {
		err = usable(dir.config, text, v.secretComes)
	}
	if wrong, is := errors.AsType[configfile.Mistake](err); is {
		return "", configfile.Wrong("%s. Nothing was written", strings.TrimPrefix(wrong.Says, dir.config+": "))
	}
	return text, err
}

// agrees refuses what a flag says otherwise than the file.
func (v *setupValues) agrees(config string) error {
	if !v.given() {
		return nil // what is wrong with the file is for its reader to say
	}
	cfg, err := readConfig(config)
	if err != nil {
		return err
	}
	other := func(key, flag string) error {
		return configfile.Wrong("%s says something else of %s than %s does, or nothing. It is never overwritten: change it there, or leave the flag out", config, key, flag)
	}
	for _, s := range v.settings() {
		stands := s.stands(cfg)
		if s.kind == aFile && stands != "" {
			stands = configfile.Beside(config, stands)
		}
		if s.value != "" && s.value != stands {
			return other(s.name(), s.flag)
		}
	}
	helplines, err := v.helplines()
	if err == nil && len(helplines) > 0 && !slices.Equal(helplines, cfg.Helplines) {
		err = other("its [[helpline]] blocks", "--helpline")
	}
	return err
}

// text is the template with the values in their places.
func (v *setupValues) text(config string) (string, error) {
	if err := v.belong(); err != nil {
		return "", err
	}
	helplines, err := v.helplines()
	if err != nil {
		return "", err
	}
	if len(helplines) == 0 {
		helplines = exampleHelplines
	}
	set := map[string]string{}
	for _, s := range v.settings() {
		if s.value != "" {
			set[s.section+"."+s.key] = s.written(config)
		}
	}
	return templateWith(set, helplines), nil
}

// written is the value as the configuration has it.
func (s setting) written(config string) string {
	switch s.kind {
	case aSwitch:
		return s.value
	case aFile:
		return quote(nearby(config, s.value))
	}
	return quote(s.value)
}

// says are the lines that a new configuration has from the flags and answers. None of
// them is a secret.
func (v *setupValues) says(config string) (lines []string) {
	for _, s := range v.settings() {
		if s.value != "" {
			lines = append(lines, s.name()+" = "+s.written(config))
		}
	}
	for _, h := range v.Helpline {
		lines = append(lines, "[[helpline]] "+h)
	}
	return lines
}

// nearby is the path as the configuration names it: one in its folder, or below, goes
// with the folder when that is moved.
func nearby(config, path string) string {
	if rel, err := filepath.Rel(filepath.Dir(config), path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// belong refuses a flag that is for nothing without another.
func (v *setupValues) belong() error {
	storage := []setting{}
	for _, s := range v.settings() {
		if s.section == "storage" && s.flag != "--region" && s.kind != aSwitch {
			storage = append(storage, s)
		}
	}
	missing := slices.IndexFunc(storage, func(s setting) bool { return s.value == "" })
	begun := v.Region != "" || v.StorageWithoutTLS || slices.ContainsFunc(storage, func(s setting) bool { return s.value != "" })
	switch {
	case begun && missing >= 0:
		return configfile.Wrong("--storage, --bucket, --access-key and --secret-file belong together: %s is missing", storage[missing].flag)
	case v.Database == "" && v.DatabasePassword != "":
		return configfile.Wrong("--database-password-file is for --database, which is missing")
	case v.Database == "" && v.DatabaseURLFile == "" && v.DatabaseWithoutTLS:
		return configfile.Wrong("--database-without-tls is for --database or --database-url-file, which are missing")
	case v.MailServer == "" && v.MailPasswordFile != "":
		return configfile.Wrong("--mail-password-file is for --mail-server, which is missing")
	}
	return nil
}

func (v *setupValues) helplines() (all []Helpline, err error) {
	for _, h := range v.Helpline {
		name, title, two := strings.Cut(h, "=")
		name, title = strings.TrimSpace(name), strings.TrimSpace(title)
		if !two || title == "" || strings.ContainsFunc(title, func(r rune) bool { return !strconv.IsPrint(r) }) {
			return nil, configfile.Wrong("--helpline is a name and a title, as in --helpline \"respect-phoneline=Respect Phoneline\"")
		}
		all = append(all, Helpline{name, title})
	}
	return all, nil
}

// usable reads the text as every start does, and what its keys name: secrets that are
// there, and addresses that are some. It asks no server anything. The storage's secret
// may be yet to come.
func usable(config, text string, secretComes bool) error {
	cfg, err := parseConfig(config, text)
	if err != nil {
		return err
	}
	if cfg.Storage != nil {
		s3 := cfg.s3As(deposit.Credentials{AccessKey: cfg.Storage.AccessKey, SecretKey: "comes"})
		if !secretComes || exists(configfile.Beside(config, cfg.Storage.SecretKeyFile)) {
			if s3, err = cfg.s3(config); err != nil {
				return err
			}
		}
		store, err := archive.OpenS3(s3)
		if err != nil {
			return configfile.Wrong("%s", err)
		}
		if err := store.Close(); err != nil {
			return err
		}
	}
	if _, err := cfg.address(config); err != nil {
		return err
	}
	return cfg.Mail.usable(config)
}

func (m Mail) usable(config string) (err error) {
	if m.SMTP == "" {
		if _, err = mail.Domain(m.From); err != nil {
			err = configfile.Wrong("[mail] from is no address as in letters@example.org")
		}
		return err
	}
	password := ""
	if m.PasswordFile != "" {
		if password, err = configfile.Secret(config, m.PasswordFile, "mail account's password"); err != nil {
			return err
		}
	}
	if _, err := mail.NewSMTP(m.SMTP, password, m.From, time.Now); err != nil {
		return configfile.Wrong("%s", err)
	}
	return nil
}
