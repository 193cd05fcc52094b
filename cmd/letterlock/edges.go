package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"golang.org/x/mod/sumdb/note"

	"letterlock/cmd/commandline"
	"letterlock/cmd/configfile"
	"letterlock/cmd/invitation"
	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

type edgeCmd struct {
	Invite  edgeInviteCmd    `cmd:"" help:"Invite a machine to be the scanner of a site: writes a file for it, and prints the code that opens the file, once." example:"letterlock edge invite annexe --out /mnt/stick/annexe.invitation --scans /srv/scans; letterlock edge invite annexe --replace"`
	List    edgeListCmd      `cmd:"" help:"List the scanners: site, state, last word, version." example:"letterlock edge list"`
	Storage edgeStorageCmd   `cmd:"" help:"Make new storage credentials for a scanner, or end its former ones." example:"letterlock edge storage annexe --out /mnt/stick/storage.key; letterlock edge storage annexe --keep letterlock-annexe-k7qm4t"`
	Rotate  edgeRotateKeyCmd `cmd:"" name:"rotate-key" help:"Change the signing key of this machine's own scanner, that of 'letterlock up', while that runs." example:"letterlock edge rotate-key; letterlock edge rotate-key --lost"`
	Revoke  edgeRevokeCmd    `cmd:"" help:"Believe nothing more that the scanner of a site signs. What it has brought stays." example:"letterlock edge revoke annexe"`
}

type edgeInviteCmd struct {
	adminFlag

	Site          string        `arg:"" help:"Name of the place that scans: lower-case letters, digits and hyphens."`
	Out           string        `help:"The file to write; SITE.invitation by default." type:"path" placeholder:"FILE"`
	Replace       bool          `help:"The site has a scanner already, and this machine takes its place: from then on nothing is believed that the former one signs."`
	Valid         time.Duration `help:"For how long it may be used, at most a day." default:"1h" placeholder:"SPAN"`
	Scans         string        `help:"The scanner folder on the scanner's own machine. By default /scans, or with 'scanner enrol --again' the one that it has." placeholder:"DIR"`
	Endpoint      string        `help:"The storage as that machine reaches it; by default as in the configuration." placeholder:"URL"`
	AccessKey     string        `help:"The scanner's access key at the storage, where you have made it yourself." placeholder:"NAME"`
	SecretKeyFile string        `help:"The file with its secret key." type:"path" placeholder:"FILE"`
}

// Run writes the invitation last: a crash before that leaves one that nobody has,
// and that is over within the hour.
func (c *edgeInviteCmd) Run(w *world) error {
	if err := c.check(); err != nil {
		return err
	}
	return c.with(w, func(in *installation) error {
		if in.cfg.Storage == nil {
			return in.meetsNoScanner()
		}
		if err := in.notOwnSite(c.Site); err != nil {
			return err
		}
		inv, err := c.invite(w.ctx, in, 0)
		if err != nil {
			return c.says(err)
		}
		return c.handOver(w, inv)
	})
}

// invite makes an invitation and puts it on record. by is the staff number of who
// invites, 0 at the console.
func (c *edgeInviteCmd) invite(ctx context.Context, in *installation, by int64) (inv invitation.Invitation, err error) {
	if err := c.mayInvite(ctx, in); err != nil {
		return inv, err
	}
	inv.Until = in.clock.Now().Add(c.Valid).UTC().Truncate(time.Second)
	if inv.Key, inv.Public, err = note.GenerateKey(rand.Reader, "letterlock-invitation"); err != nil {
		return inv, err
	}
	user := c.AccessKey
	if user == "" {
		user = storageUserOf(c.Site)
	}
	if inv.Edge, err = in.edgeConfig(ctx, c.Site, user, cmp.Or(c.Scans, usualScans)); err != nil {
		return inv, err
	}
	inv.FolderSaid = c.Scans != ""
	if c.Endpoint != "" {
		inv.Endpoint = c.Endpoint
	}
	if inv.SecretKey, err = c.credentials(ctx, in, user); err != nil {
		return inv, err
	}
	noted := register.EdgeInvitation{Key: inv.Public, Site: c.Site, Expires: inv.Until, Replaces: c.Replace}
	if c.AccessKey == "" {
		noted.StorageUser = user
	}
	return inv, in.register.InviteEdge(ctx, noted, by)
}

func (c *edgeInviteCmd) check() error {
	switch {
	case !letter.ValidName(c.Site):
		return configfile.Wrong("a site's name is up to 40 lower-case letters, digits and hyphens")
	case c.Valid < time.Minute || c.Valid > 24*time.Hour:
		return configfile.Wrong("--valid is between a minute and a day")
	case (c.AccessKey == "") != (c.SecretKeyFile == ""):
		return configfile.Wrong("--access-key and --secret-key-file belong together")
	}
	if err := configfile.CheckEndpoint(c.Endpoint, false); err != nil {
		return configfile.Wrong("--endpoint is http:// on another machine: use https://, or set without_tls in [storage], and leave out --endpoint")
	}
	if c.Out == "" {
		c.Out = c.Site + invitation.Ext
	}
	if exists(c.Out) {
		return configfile.Wrong("%s is there already: remove it, or name another file with --out", c.Out)
	}
	return canBeWritten(c.Out, "invitation")
}

// canBeWritten tries out, before anything is made or recorded, whether a file can be
// written away: else what was made is for nobody.
func canBeWritten(path, what string) error {
	err := writeAway(path, "")
	if err == nil {
		err = os.Remove(path)
	}
	if err != nil {
		return configfile.Wrong("the %s cannot be written, and nothing was made: %s", what, configfile.Reason(err))
	}
	return nil
}

// mayInvite refuses before anything is made at the storage.
func (c *edgeInviteCmd) mayInvite(ctx context.Context, in *installation) error {
	_, err := in.register.Edge(ctx, c.Site)
	switch known := err == nil; {
	case err != nil && !errors.Is(err, register.ErrNotFound):
		return err
	case known && !c.Replace:
		return register.ErrEdgeKnown
	case !known && c.Replace:
		return register.ErrEdgeUnknown
	}
	return nil
}

func (c *edgeInviteCmd) says(err error) error {
	switch {
	case errors.Is(err, register.ErrEdgeKnown):
		return configfile.Wrong("the site %q has a scanner already. If another machine is to take its place, add --replace; if there are to be two, choose another name", c.Site)
	case errors.Is(err, register.ErrEdgeUnknown):
		return configfile.Wrong("the site %q has no scanner that could be replaced: leave out --replace, or look at 'letterlock edge list'", c.Site)
	}
	return err
}

// notOwnSite refuses what is for scanners on other machines.
func (in *installation) notOwnSite(site string) error {
	if site == in.ownSite() {
		return configfile.Wrong("%s is the scanner of 'letterlock up' on this machine: end that instead", site)
	}
	return nil
}

// ownSite is whose scanner 'letterlock up' is on this machine; empty for none.
func (in *installation) ownSite() string {
	if !exists(in.siteKey()) {
		return ""
	}
	return in.cfg.Scanner.Site
}

// credentials makes a user of the storage for the scanner, or reads the secret of
// the one that somebody has made.
func (c *edgeInviteCmd) credentials(ctx context.Context, in *installation, user string) (secret string, err error) {
	if c.AccessKey != "" {
		return configfile.Secret(in.dir.config, c.SecretKeyFile, "scanner's secret key")
	}
	return in.edgeUser(ctx, c.Site, user)
}

// storageUserOf is a new name for a scanner's user of the storage.
func storageUserOf(site string) string {
	return "letterlock-" + site + "-" + strings.ToLower(rand.Text()[:6])
}

// errNoUser is a refusal that is no sign that the server's own credentials are wrong.
var errNoUser = errors.New("this storage lets no user be made with these credentials")

// edgeUser makes a user of the storage for a site's scanner. It is not noted as one
// that is needed: whatever becomes of this command, it ends within the hour.
func (in *installation) edgeUser(ctx context.Context, site, user string) (secret string, err error) {
	admin, err := in.adminS3()
	if err != nil {
		return "", err
	}
	if err := in.register.ReserveStorageUser(ctx, user, site, in.clock.Now().Add(time.Hour)); err != nil {
		return "", err
	}
	secret = rand.Text() + rand.Text()[:14]
	err = archive.MakeEdgeUser(ctx, admin, site, user, secret)
	if errors.Is(err, archive.ErrNothingMade) { // so that nobody has to look for it
		if err := in.register.StorageUserEnded(ctx, user); err != nil {
			return "", err
		}
	}
	if letsNobodyMake(err) {
		policy, policyErr := archive.EdgePolicy(in.cfg.Storage.Bucket, site)
		if policyErr != nil {
			return "", policyErr
		}
		return "", fmt.Errorf("%w (%w). Where it is MinIO or Silo, name some that may with --storage-admin. Elsewhere make a user there yourself, give it this policy and no other, and name it with --access-key and --secret-key-file:\n%s", errNoUser, err, policy)
	}
	if err != nil {
		return "", fmt.Errorf("making the scanner's own storage credentials: %w", err)
	}
	return secret, nil
}

// letsNobodyMake reports whether the storage refuses because of who asks: neither for the
// time on a clock nor for want of a certificate that is believed, which are refusals too.
func letsNobodyMake(err error) bool {
	return errors.Is(err, deposit.ErrRefused) && !deposit.IsSkewed(err) && !deposit.IsUnbelieved(err)
}

func (c *edgeInviteCmd) handOver(w *world, inv invitation.Invitation) error {
	code := invitation.NewCode()
	file, err := inv.Seal(code)
	if err != nil {
		return err
	}
	if err := writeAway(c.Out, string(file)); err != nil {
		return fmt.Errorf("the invitation cannot be written: %s", configfile.Reason(err))
	}
	_, err = fmt.Fprintf(w.out, `Invitation  %s, for one machine, once, within %s
Code        %s
Carry the file to the scanner's machine, tell whoever is there the code by voice, and run there:
  scanner enrol %s --config scanner.toml
The server must be running: it is what takes the machine in.
`, c.Out, words.Lasted(c.Valid), code, commandline.Word(filepath.Base(c.Out)))
	if c.Replace && err == nil {
		_, err = fmt.Fprintln(w.out, "Where that machine is a scanner already, name its own scanner.toml, move the key that site_key_file in it names (as a rule site.key) away if that was stolen, and add --again; the scanner that runs there goes on as the new one by itself. One of an older version must be started anew.")
	}
	if u, bad := url.Parse(inv.Endpoint); err == nil && bad == nil && c.Endpoint == "" && configfile.OnLoopback(u.Hostname()) {
		_, err = fmt.Fprintf(w.out, "The storage is named as %s, which is this very machine: for another one remove the file, and invite it again with --endpoint.\n", inv.Endpoint)
	}
	return err
}

type edgeListCmd struct {
	JSON bool `help:"One JSON object a line instead of a table."`
}

// edgeLine is one line of 'edge list --json'.
type edgeLine struct {
	Site    string                `json:"site"`
	State   register.ScannerState `json:"state"`
	Since   time.Time             `json:"since"`             // when it was enrolled, or revoked
	Program letter.Program        `json:"program,omitempty"` // its version, as it said then
	Seen    time.Time             `json:"seen,omitzero"`     // when it last said what is in its folder
	Until   time.Time             `json:"until,omitzero"`    // of an invitation that nobody has used
}

// edgeInvited is the state of a site whose invitation nobody has used.
const edgeInvited register.ScannerState = "invited"

// Run lists scanners, and after them invitations that may still be used.
func (c *edgeListCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		lines, err := in.edgeLines(w.ctx)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
		if !c.JSON && len(lines) > 0 {
			fmt.Fprintln(t, "SITE\tSTATE\tSINCE\tLAST SEEN\tVERSION")
		}
		for _, line := range lines {
			if c.JSON {
				err = w.json(line)
			} else {
				_, err = fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", line.Site, line.State, atMinute(line.Since), atMinute(line.Seen), cmp.Or(line.Program, "-"))
			}
			if err != nil {
				return err
			}
		}
		if len(lines) == 0 && !c.JSON {
			fmt.Fprintln(t, "No scanner is enrolled. Invite one with: letterlock edge invite SITE")
		}
		return t.Flush()
	})
}

func (in *installation) edgeLines(ctx context.Context) (lines []edgeLine, err error) {
	scanners, err := in.register.Scanners(ctx)
	if err != nil {
		return nil, err
	}
	now := in.clock.Now()
	for _, s := range scanners {
		line := edgeLine{Site: s.Site, State: s.State(now), Since: s.Added, Seen: s.Said.At, Program: s.Said.Program}
		if line.State == register.ScannerRevoked {
			line.Since = s.Revoked
		}
		lines = append(lines, line)
	}
	invitations, err := in.register.EdgeInvitations(ctx, "")
	if err != nil {
		return nil, err
	}
	for _, inv := range invitations {
		if inv.UsedBy == "" && now.Before(inv.Expires) {
			lines = append(lines, edgeLine{Site: inv.Site, State: edgeInvited, Since: inv.Made, Until: inv.Expires})
		}
	}
	return lines, nil
}

// atMinute is a time as the table shows it; a hyphen for none.
func atMinute(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.In(letter.London).Format("2 January 2006 15:04")
}

type edgeStorageCmd struct {
	adminFlag

	Site string `arg:"" help:"Whose scanner."`
	Out  string `help:"The file to write, which takes the place of the scanner's storage.key." type:"path" placeholder:"FILE"`
	Keep string `help:"The scanner has the new ones: end all that it had but these." placeholder:"NAME"`
}

// Run makes credentials beside those that the scanner has, or ends these.
func (c *edgeStorageCmd) Run(w *world) error {
	if (c.Out == "") == (c.Keep == "") {
		return configfile.Wrong("name the file to write with --out, or with --keep the credentials that the scanner uses now")
	}
	if c.Out != "" && exists(c.Out) {
		return configfile.Wrong("%s is there already: remove it, or name another file", c.Out)
	}
	if c.Out != "" {
		if err := canBeWritten(c.Out, "file with the credentials"); err != nil {
			return err
		}
	}
	return c.with(w, func(in *installation) error {
		if in.cfg.Storage == nil {
			return configfile.Wrong("without [storage] no scanner has credentials")
		}
		if _, err := in.register.Edge(w.ctx, c.Site); errors.Is(err, register.ErrNotFound) {
			return configfile.Wrong("no scanner of the site %q is enrolled: see 'letterlock edge list'", c.Site)
		} else if err != nil {
			return err
		}
		if c.Keep != "" {
			return c.keep(w, in)
		}
		user := storageUserOf(c.Site)
		secret, err := in.edgeUser(w.ctx, c.Site, user)
		if err != nil {
			return err
		}
		// Written first: a crash here leaves credentials that end within the hour, unless
		// somebody has put them in their place and says so with --keep.
		if err := writeAway(c.Out, user+"\n"+secret+"\n"); err != nil {
			return fmt.Errorf("the credentials cannot be written: %s", configfile.Reason(err))
		}
		crashPoint("edge-storage-written", "")
		if err := in.register.NoteStorageUser(w.ctx, user, c.Site); err != nil {
			return errors.Join(err, os.Remove(c.Out))
		}
		former := fmt.Sprintf("letterlock edge storage %s --keep %s", c.Site, user)
		if c.StorageAdmin != "" {
			former += " --storage-admin " + commandline.Word(c.StorageAdmin)
		}
		_, err = fmt.Fprintf(w.out, `Credentials  %s, beside those that the scanner of %s has
Put the file in the place of storage.key at the scanner; it counts at once. Once 'scanner check' is well there, end the former ones:
  %s
`, user, c.Site, former)
		return err
	})
}

func (c *edgeStorageCmd) keep(w *world, in *installation) error {
	err := in.register.KeepStorageUser(w.ctx, c.Keep, c.Site)
	if errors.Is(err, register.ErrNotFound) {
		return configfile.Wrong("Letterlock has made no credentials %q for the scanner of %s that is enrolled now: look there, in scanner.toml, at access_key, or where its storage.key has two lines at the first of these", c.Keep, c.Site)
	}
	if err != nil {
		return err
	}
	return in.endStorageUsers(w, "No former one that Letterlock has made is left. If you have made one yourself, remove that, and never "+c.Keep+".")
}

// ownStorageUser is said of a scanner that is revoked and for which Letterlock has made none.
const ownStorageUser = "If you have made it a user of the storage yourself, remove that too."

type edgeRevokeCmd struct {
	adminFlag

	Site string `arg:"" help:"Whose scanner."`
}

// Run revokes a scanner. Said again, as with the storage's administrator whom it lacked
// before, it goes on with what the scanner can still do at the storage.
func (c *edgeRevokeCmd) Run(w *world) error {
	return c.with(w, func(in *installation) error {
		if err := in.notOwnSite(c.Site); err != nil {
			return err
		}
		err := in.register.RevokeEdge(w.ctx, c.Site, 0)
		if errors.Is(err, register.ErrNotFound) {
			switch left, err := in.register.StorageUsersToEnd(w.ctx, c.Site); {
			case err != nil:
				return err
			case len(left) == 0:
				return configfile.Wrong("no scanner of the site %q is enrolled: see 'letterlock edge list'", c.Site)
			}
			fmt.Fprintf(w.out, "Scanner: none of %s is enrolled, but users of the storage are left of it.\n", c.Site)
			return in.endStorageUsers(w, ownStorageUser)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(w.out, "Scanner: nothing that %s signs from now on is believed. What it has brought stays.\n", c.Site)
		return in.endStorageUsers(w, ownStorageUser)
	})
}

// endStorageUsers takes away at the storage what revoked scanners could do there, or
// says who is to do it. While one is left it is an errFoundWrong: who has stolen a scanner
// can still put into the bucket, and a script is not to take that for done. none is what it
// says where there was nothing to end.
func (in *installation) endStorageUsers(w *world, none string) error {
	ended, left, err := in.removeStorageUsers(w)
	switch {
	case err != nil:
		return err
	case left > 0:
		return errFoundWrong
	case ended > 0 || in.cfg.Storage == nil:
		return nil
	}
	_, err = fmt.Fprintln(w.out, none)
	return err
}

// removeStorageUsers removes those that no scanner needs any more, and counts them and
// those that are left.
func (in *installation) removeStorageUsers(w *world) (ended, left int, err error) {
	names, err := in.register.StorageUsersToEnd(w.ctx, "")
	if err != nil || in.cfg.Storage == nil {
		return 0, 0, err
	}
	for _, name := range names {
		if err := (storageUsers{in}).RemoveUser(w.ctx, name); err != nil {
			fmt.Fprintf(w.out, "A scanner's user of the storage, %s, could not be removed: remove it there yourself, or run: letterlock setup --storage-admin FILE (%s)\n", name, say(err))
			left++
			continue
		}
		if err := in.register.StorageUserEnded(w.ctx, name); err != nil {
			return ended, left, err
		}
		ended++
		fmt.Fprintf(w.out, "A scanner's user of the storage, %s, was removed.\n", name)
	}
	return ended, left, nil
}

// storageUsers removes scanners' users, with the server's own credentials where a command
// was given no others.
type storageUsers struct{ *installation }

// RemoveUser is pipeline.StorageUsers.
func (in storageUsers) RemoveUser(ctx context.Context, name string) error {
	admin, err := in.adminS3()
	if err != nil {
		return err
	}
	return archive.RemoveEdgeUser(ctx, admin, name)
}

// meetsNoScanner is why no scanner of its own can be made where letters lie in a folder.
func (in *installation) meetsNoScanner() error {
	return configfile.Wrong("a scanner of its own needs an S3 bucket to meet the server in: set [storage] in %s", in.dir.config)
}
