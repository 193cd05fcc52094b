package main

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"letterlock/cmd/configfile"
	"letterlock/pipeline"
	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/separator"
	scannertexts "letterlock/scanner/texts"
)

// Config is letterlock.toml. Each field's doc tag is its comment there and its
// line in the README; def is what holds when the key is absent.
type Config struct {
	DestroyAfter  string              `toml:"destroy_after" def:"readable" doc:"When paper may be destroyed: \"readable\", once a team leader has found the scan readable, \"readable-by-another\", once somebody has who cannot have scanned it, or two people have, or \"verified\", once Letterlock has read it back. Who handles paper (operations, a manager) may have scanned it."`
	Policy        string              `toml:"policy" def:"confidentiality-policy-1" doc:"The policy and its version, which a destruction record names as its authority. Lower-case letters, digits and hyphens."`
	PolicyFile    string              `toml:"policy_file" doc:"The policy's text, in Markdown, which the portal publishes. Absent: policy.md in the data folder, written on the first start for you to replace."`
	MaxSilence    configfile.Duration `toml:"max_silence" def:"336h" doc:"After a longer silence than this (the machine was off, or its clock leapt) nothing is deleted until a person has vouched for the clock."`
	KeyringFolder string              `toml:"keyring_folder" doc:"Where the private keys lie. Absent: keyring/ beside this file. Best a small volume of its own, without snapshots and out of backups: see the README."`
	Storage       *Storage            `toml:"storage" doc:"An S3 bucket with versioning. Absent: the folder bucket/ beside this file."`
	Database      *Database           `toml:"database" doc:"A PostgreSQL database, version 15 or later, for state and register. Absent: the file state/letterlock.db beside this file."`
	Mail          Mail                `toml:"mail" doc:"How people are told of letters, and of what goes wrong."`
	Portal        Portal              `toml:"portal" doc:"Where people open letters."`
	SSO           *SSO                `toml:"sso" doc:"The organisation's own sign-in (OpenID Connect), beside passkeys. Absent: passkeys alone. A sample has none."`
	Metrics       Metrics             `toml:"metrics" doc:"Numbers for a monitoring system: how much is overdue, held, waiting; of nobody and of no one letter."`
	Backup        Backup              `toml:"backup" doc:"Where 'letterlock backup' keeps copies of the register and the settings: sealed, without letters and without their keys."`
	Destruction   Destruction         `toml:"destruction" doc:"What the record of a paper's destruction may name. The register keeps these words for years: no names of persons."`
	Scanner       Scanner             `toml:"scanner" doc:"Where scans are dropped. Read by 'letterlock up' only; a scanner on another machine has its own file."`
	Helplines     []Helpline          `toml:"helpline" doc:"One block for each helpline."`
}

// Storage is the S3 bucket.
type Storage struct {
	Endpoint      string `toml:"endpoint" doc:"URL of the S3 server, as in http://127.0.0.1:9000. Who runs it sees sealed letters, dates and helpline names."`
	Bucket        string `toml:"bucket" doc:"Name of the bucket. It is made when it is missing."`
	Region        string `toml:"region" def:"us-east-1" doc:"Region of the bucket."`
	AccessKey     string `toml:"access_key" doc:"Who Letterlock is to the S3 server: best a user of its own, as letterlock setup --server-user makes it, with the rights that letterlock setup --print-policies prints."`
	SecretKeyFile string `toml:"secret_key_file" doc:"A file that holds the secret key and nothing else, or on two lines an access key, in the place of access_key, and its secret key; on a third the session token of credentials that end by themselves. New ones count at once. A relative path counts from this file."`
	WithoutTLS    bool   `toml:"without_tls" doc:"Whether the endpoint may be http:// on another machine. Letters are sealed in any case; but leave it false unless nobody can be on the way, as in a network of its own within one machine."`
}

// Mail is the mail account.
type Mail struct {
	SMTP         string `toml:"smtp" doc:"Mail server, as in smtps://user@mail.example.org or smtp://127.0.0.1:1025. Absent: mail is written to outbox/ and nobody is told."`
	PasswordFile string `toml:"password_file" doc:"A file that holds the mail account's password and nothing else. A new one counts at once."`
	From         string `toml:"from" def:"letterlock@localhost" doc:"Sender of the mails. Answers to them are not read by Letterlock."`
}

// Portal is the web portal.
type Portal struct {
	Origin   string `toml:"origin" doc:"The address that people type, as in https://letters.example.org. Passkeys are bound to its host name for ever. Absent: http://localhost and the port of --listen."`
	Language string `toml:"language" def:"en" doc:"In which language the portal, the mails, the retention record and the evidence pack speak. English (en) comes with Letterlock; another is one file, pipeline/texts/en.toml translated. The console and the log are English always; the notes in the scanner folder have a setting of their own."`
	Print    bool   `toml:"print" doc:"Whether a letter's pages may be printed from its page; each printing is then on the register. A PDF that somebody opens is their browser's to print, whatever stands here. May be changed at the portal."`

	CertificateFile    string `toml:"certificate_file" doc:"TLS without a web server in front: the file of the portal's certificate in PEM, and after it in the same file those that lead to its authority. Read again when it has changed. Absent: a web server on this machine ends TLS."`
	CertificateKeyFile string `toml:"certificate_key_file" doc:"The file of the certificate's private key, in PEM."`

	WithoutTLS bool `toml:"without_tls" doc:"Whether the portal may listen without TLS where other machines could reach it. Leave it false unless nothing but the web server that ends TLS can, as in a network of its own within one machine: 'check' says nothing of it then."`

	TrustedProxy []string `toml:"trusted_proxy" doc:"Web servers or balancers on other machines that end TLS and pass requests on, by address or network, as in \"10.0.0.7\" or \"10.0.0.0/28\". Each must say in X-Forwarded-For whom it had a request from, as the last there, and is believed: whoever has one of these addresses can count as anybody. One on this machine needs no word. Absent: none."`

	SubdomainsWithoutTLS bool `toml:"subdomains_without_tls" doc:"Whether there are hosts below the portal's name that have no HTTPS. Browsers that have been at the portal go to such hosts by HTTPS alone, for a year, unless this is true."`

	Idle           configfile.Duration `toml:"idle" def:"15m" doc:"After how long a session ends that nobody uses: 5 to 15 whole minutes. May be changed at the portal."`
	RemindLeaders  int                 `toml:"remind_leaders" def:"1" doc:"After how many working days team leaders are reminded of a letter that nobody has opened: 1 to 5. May be changed at the portal."`
	RemindManagers int                 `toml:"remind_managers" def:"2" doc:"After how many working days the helplines' manager is told of it: up to 10, and no fewer than for the team leaders. May be changed at the portal."`
	ConfirmAddress bool                `toml:"confirm_address" doc:"Whether a second person must confirm that it is safe to write to the address of an answer before its copy is kept. The helplines' manager may change it at the portal."`
}

// SSO is the organisation's own sign-in.
type SSO struct {
	Issuer           string `toml:"issuer" doc:"The provider's issuer of your organisation alone, exactly as its tokens say it, as in https://login.microsoftonline.com/TENANT-ID/v2.0. Its tokens must say when a person signed in (auth_time)."`
	ClientID         string `toml:"client_id" doc:"Who Letterlock is to the provider. The address to which it sends people back is the portal's, with /sign-in/sso/back."`
	ClientSecretFile string `toml:"client_secret_file" doc:"A file that holds the client secret and nothing else. A new one counts at once."`
	Name             string `toml:"name" def:"your organisation's account" doc:"What people call it: \"Sign in with ...\"."`

	Groups      []string `toml:"groups" doc:"Who may do what by their groups at the provider, as in \"LL office = operations\" or \"LL leaders = team-leader respect-phoneline\": group, role, and a team leader's helplines. Of several groups the first in this list decides the role. Whoever is in none of them can do nothing. Absent: what people may do is said in Letterlock."`
	GroupsClaim string   `toml:"groups_claim" def:"groups" doc:"In which claim the provider's tokens, or its userinfo, name a person's groups."`
	Scopes      []string `toml:"scopes" doc:"Scopes to ask the provider for beside openid, where it names groups only then, as in \"groups\"."`
	StepUpACR   []string `toml:"step_up_acr" doc:"What the provider's tokens must say (acr) of how a person has just signed in there, for that to serve in place of a passkey where something cannot be undone. It is asked for (acr_values). Name only what demands a second proof."`
	StepUpAMR   []string `toml:"step_up_amr" doc:"The same for the list amr, as in \"mfa\". With neither, only a passkey of Letterlock's serves."`
	Strong      bool     `toml:"strong" doc:"Whether every sign-in there must say what step_up_acr or step_up_amr name, and not only one that shows anew who somebody is. Where these stand for a proof that cannot be phished (as \"phr\" or \"hwk\"), no way in is weaker than a passkey."`
}

// Metrics is where a monitoring system reads.
type Metrics struct {
	Listen string `toml:"listen" doc:"Address on this machine, as in localhost:9127, at which Prometheus finds /metrics, and whoever looks after this process /healthz and /readyz. Absent: nowhere."`
}

// Backup is where backups go.
type Backup struct {
	Folder     string              `toml:"folder" doc:"A folder that is there, on another disk. Absent: no backups are made."`
	Recipients []string            `toml:"recipients" doc:"Who can open a backup: the file that 'letterlock key backup' writes beside this one, as in \"backup-key.pub\", or a public key itself, as in \"age1pq1...\". The private halves are kept away from this machine."`
	Keep       configfile.Duration `toml:"keep" def:"168h" doc:"How long a backup is kept: a week at most, since it tells of letters that are gone by then. Below 49h, of one a day, there is one at a time: each takes the place of the one before."`
}

// Destruction is what the destruction desk offers.
type Destruction struct {
	Places      []string `toml:"places" def:"office" doc:"Where paper is destroyed or handed to a contractor. Each in lower-case letters, digits and hyphens."`
	Machines    []string `toml:"machines" doc:"What you call each of your own shredders, as in shredder-1, so that every record says which it was. Absent: nobody is asked."`
	Contractors []string `toml:"contractors" doc:"Who destroys paper for you and certifies it, as in shred-station. Absent: nobody, and the desk offers your own shredder alone."`
}

// Scanner is the edge that 'up' runs.
type Scanner struct {
	Folder        string              `toml:"folder" doc:"The scanner folder. Absent: scanner/ beside this file."`
	Language      string              `toml:"language" def:"en" doc:"In which language people read the slips, notes, STATUS.txt and the sheet of slips in the scanner folder, and separator sheets. English (en) comes with Letterlock; another is one file, scanner/texts/en.toml translated. Troubles for the person who looks after the scanner, the console and the log are English always."`
	Site          string              `toml:"site" def:"office" doc:"Name of the place that scans. Lower-case letters, digits and hyphens."`
	Duplex        string              `toml:"duplex" def:"auto" doc:"Whether both sides of every sheet are scanned: \"yes\", \"no\", or \"auto\", which tells it from the pages of a stack where they prove it."`
	ArrivingLimit configfile.Duration `toml:"arriving_limit" def:"30m" doc:"A scan that has stopped growing and is still not complete is refused as cut off after this time."`
	AllowSymbols  bool                `toml:"allow_symbols" def:"false" doc:"Takes PDFs in which the scanner drew one shape in the place of others that look alike (JBIG2, \"compact PDF\"). A number on the page can silently have become another one: a 6 an 8, sharp and clear. Leave it false, and set the scanner to CCITT G4 or JPEG."`
}

// Helpline is one helpline.
type Helpline struct {
	Name  string `toml:"name" doc:"Its folder in the scanner folder. Lower-case letters, digits and hyphens. Never change it while it has letters."`
	Title string `toml:"title" doc:"How people call it."`
}

// typeset is its title as pages and records have it. Who writes a configuration
// types the plain apostrophe, and what lies in the scanner folder keeps that.
func (h Helpline) typeset() string { return strings.ReplaceAll(h.Title, "'", "’") }

// exampleHelplines are written into a new configuration.
var exampleHelplines = []Helpline{
	{"respect-phoneline", "Respect Phoneline"},
	{"mens-advice-line", "Men's Advice Line"},
}

// readConfig reads letterlock.toml and refuses what cannot be meant.
func readConfig(path string) (*Config, error) {
	c := &Config{}
	if err := configfile.Read(path, c); err != nil {
		return nil, err
	}
	return c.checked(path)
}

// parseConfig is readConfig of what stands in the file at path, or is to stand there.
func parseConfig(path, text string) (*Config, error) {
	c := &Config{}
	if err := configfile.Parse(path, text, c); err != nil {
		return nil, err
	}
	return c.checked(path)
}

func (c *Config) checked(path string) (*Config, error) {
	if err := c.check(); err != nil {
		return nil, configfile.Wrong("%s: %s", path, err)
	}
	return c, nil
}

func (c *Config) check() error {
	if !slices.Contains([]string{"readable", pipeline.ReadableByAnother, "verified"}, c.DestroyAfter) {
		return errors.New(`destroy_after is "readable", "readable-by-another" or "verified"`)
	}
	if !letter.ValidName(c.Policy) || !letter.ValidName(c.Scanner.Site) {
		return errors.New("policy and site are up to 40 lower-case letters, digits and hyphens")
	}
	for _, name := range slices.Concat(c.Destruction.Places, c.Destruction.Machines, c.Destruction.Contractors) {
		if !letter.ValidName(name) {
			return errors.New("places, machines and contractors are up to 40 lower-case letters, digits and hyphens each")
		}
	}
	if len(c.Destruction.Places) == 0 {
		return errors.New("[destruction] places is empty: at least one is needed")
	}
	if !separator.Duplex(c.Scanner.Duplex).Valid() {
		return errors.New(`duplex is "auto", "yes" or "no"`)
	}
	if len(c.Helplines) == 0 {
		return errors.New("there is no [[helpline]]: at least one is needed")
	}
	seen := map[string]bool{}
	for _, h := range c.Helplines {
		if !letter.ValidName(h.Name) || h.Title == "" {
			return errors.New("a helpline needs a name of lower-case letters, digits and hyphens, and a title")
		}
		if seen[h.Name] || folder.Reserved(h.Name) {
			return fmt.Errorf("the helpline %s is there twice, or its name is taken by Letterlock", h.Name)
		}
		seen[h.Name] = true
	}
	if s := c.Storage; s != nil && (s.Endpoint == "" || s.Bucket == "" || s.AccessKey == "" || s.SecretKeyFile == "") {
		return errors.New("[storage] needs endpoint, bucket, access_key and secret_key_file")
	}
	if s := c.Storage; s != nil {
		if err := configfile.CheckEndpoint(s.Endpoint, s.WithoutTLS); err != nil {
			return err
		}
	}
	if err := c.Database.check(); err != nil {
		return err
	}
	if err := c.Backup.check(); err != nil {
		return err
	}
	if s := c.SSO; s != nil && (s.Issuer == "" || s.ClientID == "" || s.ClientSecretFile == "" || s.Name == "") {
		return errors.New("[sso] needs issuer, client_id and client_secret_file")
	}
	if c.SSO != nil {
		if _, err := c.SSO.groups(c.names()); err != nil {
			return err
		}
		if err := c.SSO.checkStrength(); err != nil {
			return err
		}
	}
	if at := c.Metrics.Listen; at != "" {
		if host, _, err := net.SplitHostPort(at); err != nil || !configfile.OnLoopback(host) {
			return errors.New("[metrics] listen is an address on this machine only, as in localhost:9127")
		}
	}
	if wrong := c.Portal.settings().Check(pipeline.DefaultSettings); wrong != "" || time.Duration(c.Portal.Idle)%time.Minute != 0 {
		return errors.New("[portal] idle is 5 to 15 whole minutes, remind_leaders 1 to 5, and remind_managers no fewer and at most 10")
	}
	if o := c.Portal.Origin; o != "" {
		u, err := url.Parse(o)
		if err != nil || u.Host == "" || u.Path != "" || u.Scheme != "https" && (u.Scheme != "http" || u.Hostname() != "localhost") {
			return errors.New("origin is https:// and a host name, or http://localhost and a port")
		}
	}
	if there := texts.Names(texts.Files); !slices.Contains(there, c.Portal.Language) {
		return fmt.Errorf("[portal] language is one of: %s", strings.Join(there, ", "))
	}
	if there := scannertexts.Names(scannertexts.Files); !slices.Contains(there, c.Scanner.Language) {
		return fmt.Errorf("[scanner] language is one of: %s", strings.Join(there, ", "))
	}
	if _, err := portal.ParseProxies(c.Portal.TrustedProxy); err != nil {
		return fmt.Errorf("[portal] trusted_proxy: %w", err)
	}
	return c.Portal.checkCertificate()
}

func (p Portal) checkCertificate() error {
	switch {
	case (p.CertificateFile == "") != (p.CertificateKeyFile == ""):
		return errors.New("[portal] certificate_file and certificate_key_file belong together: set both, or neither")
	case p.CertificateFile != "" && !strings.HasPrefix(p.Origin, "https://"):
		return errors.New("[portal] origin is not https://, so that certificate_file is for nothing")
	}
	return nil
}

// settings are what an administrator or the manager may change at the portal.
func (p Portal) settings() register.Values {
	v := register.Values{register.SettingIdle: int(time.Duration(p.Idle).Minutes()), register.SettingPrint: 0,
		register.SettingLeaders: p.RemindLeaders, register.SettingManagers: p.RemindManagers, register.SettingConfirm: 0}
	if p.ConfirmAddress {
		v[register.SettingConfirm] = 1
	}
	if p.Print {
		v[register.SettingPrint] = 1
	}
	return v
}

// names lists the helplines' names.
func (c *Config) names() []string {
	var out []string
	for _, h := range c.Helplines {
		out = append(out, h.Name)
	}
	return out
}

// titles are what people call the helplines, by name.
func (c *Config) titles() map[string]string {
	out := map[string]string{}
	for _, h := range c.Helplines {
		out[h.Name] = h.Title
	}
	return out
}

// template is a new configuration file: every key with its comment, the
// optional ones commented out.
func template() string { return templateWith(nil, exampleHelplines) }

// templateWith is a template in which these keys, each after its section and a dot, have
// the values that are written there, as TOML writes them.
func templateWith(set map[string]string, helplines []Helpline) string {
	var b strings.Builder
	b.WriteString("# Letterlock's configuration. A key that is commented out has the value shown.\n# Restart Letterlock after a change.\n")
	for _, f := range configfile.Fields(Config{}) {
		value, is := set[f.Section+"."+f.Key]
		switch {
		case f.Section == "helpline" && f.Key == "":
			fmt.Fprintf(&b, "\n# %s\n", f.Doc)
			for i, h := range helplines {
				fmt.Fprintf(&b, "[[helpline]]\n%sname = %s\n%stitle = %s\n\n", comment("name", i), quote(h.Name), comment("title", i), quote(h.Title))
			}
		case f.Section == "helpline":
		case f.Key == "" && (f.Section == "storage" || f.Section == "database" || f.Section == "sso") && !begins(set, f.Section):
			// A section that changes what absence means stays commented out as a whole.
			fmt.Fprintf(&b, "\n# %s\n#[%s]\n", f.Doc, f.Section)
		case f.Key == "":
			fmt.Fprintf(&b, "\n# %s\n[%s]\n", f.Doc, f.Section)
		case is:
			fmt.Fprintf(&b, "# %s\n%s = %s\n", f.Doc, f.Key, value)
		default:
			fmt.Fprintf(&b, "# %s\n#%s = %s\n", f.Doc, f.Key, f.Written())
		}
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// begins reports whether a key of that section is set.
func begins(set map[string]string, section string) bool {
	for key := range set {
		if strings.HasPrefix(key, section+".") {
			return true
		}
	}
	return false
}

// quote is the text as TOML writes it, on one line whatever it holds.
func quote(text string) string {
	written, err := toml.Marshal(map[string]string{"k": text})
	if err != nil {
		panic(err) // no text is without a form
	}
	return strings.TrimSpace(strings.TrimPrefix(string(written), "k = "))
}

// comment is the comment of a helpline's key, beside the first example only.
func comment(key string, i int) string {
	for _, f := range configfile.Fields(Config{}) {
		if i == 0 && f.Section == "helpline" && f.Key == key {
			return "# " + f.Doc + "\n"
		}
	}
	return ""
}
