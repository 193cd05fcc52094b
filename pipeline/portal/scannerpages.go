package portal

import (
	"context"
	"encoding/base64"
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// Scanners invites machines to be scanners.
type Scanners interface {
	// Endpoint is the storage's address as other machines reach it; empty where that is
	// not known.
	Endpoint() string
	// Invite makes an invitation, which is on record before it is given out. It returns
	// register.ErrEdgeKnown or ErrEdgeUnknown, ErrEndpoint or ErrNoStorageUser where
	// somebody has to do something about it.
	Invite(ctx context.Context, who ScannerInvitation) (ScannerInvited, error)
}

// What stands against an invitation.
var (
	ErrEndpoint      = errors.New("no address of a storage that a scanner may use")
	ErrNoStorageUser = errors.New("the storage lets no user be made")
)

// ScannerInvitation is what an invitation is made from.
type ScannerInvitation struct {
	Site     string
	Replaces bool   // the site's scanner so far ends when this one enrols
	Folder   string // the scanner folder on its own machine; empty for the usual one
	Endpoint string // as Scanners.Endpoint
	By       int64  // staff number
}

// ScannerInvited is an invitation. The file without the code is worth nothing.
type ScannerInvited struct {
	Name  string // of the file
	File  []byte
	Code  string // to be told by voice
	Until time.Time
}

// scannerCard is a scanner as the administrator sees it.
type scannerCard struct {
	register.Scanner
	State register.ScannerState
	Skew  texts.Text // what to do about its version; nil for nothing
	Until time.Time  // of an invitation to take its place that nobody has used
	Own   bool       // it is a part of this very server
	Key   texts.Text // that it does not know the server's new key; nil where it does
}

// Page is the address of its page.
func (c scannerCard) Page() string { return "/scanner/" + c.Site }

// Silent reports whether nothing has been heard of it for a day.
func (c scannerCard) Silent() bool { return c.State == register.ScannerSilent }

// StateSays is how it stands.
func (c scannerCard) StateSays() texts.Text { return texts.Word("scanner-state", c.State) }

type scannersBody struct {
	Scanners []scannerCard
	Gone     []scannerCard
	Invited  []register.EdgeInvitation // to sites that have none, and that nobody has used
	Invites  bool                      // others can be invited here
}

// scannersPage shows the administrator every scanner, as 'letterlock edge list' does.
func (p *Portal) scannersPage(w http.ResponseWriter, v *visit) error {
	cards, invited, err := p.scannerCards(v.Context())
	if err != nil {
		return err
	}
	body := scannersBody{Invited: invited, Invites: p.cfg.Scanners != nil}
	for _, c := range cards {
		if c.State == register.ScannerRevoked {
			body.Gone = append(body.Gone, c)
		} else {
			body.Scanners = append(body.Scanners, c)
		}
	}
	pg := page{Name: "scanners", Title: texts.Say("scanners.scanners"), Body: body}
	switch v.URL.Query().Get("done") {
	case "invited":
		pg.Note = texts.Say("scanners.it-is-invited")
	case "revoked":
		pg.Note = texts.Say("scanners.it-is-revoked")
	}
	return p.ok(w, v, pg)
}

// scannerCards are all scanners, and the invitations to sites that have none.
func (p *Portal) scannerCards(ctx context.Context) (cards []scannerCard, invited []register.EdgeInvitation, err error) {
	scanners, err := p.cfg.Register.Scanners(ctx)
	if err != nil {
		return nil, nil, err
	}
	invitations, err := p.cfg.Register.EdgeInvitations(ctx, "")
	if err != nil {
		return nil, nil, err
	}
	unheard, err := p.cfg.Register.Unheard(ctx)
	if err != nil {
		return nil, nil, err
	}
	keys, err := p.cfg.Register.ServerKeys(ctx)
	if err != nil {
		return nil, nil, err
	}
	lost, _, err := p.cfg.Register.LostServerKey(ctx)
	if err != nil {
		return nil, nil, err
	}
	step, _ := keys.Last()
	now := p.cfg.Now()
	for _, s := range scanners {
		c := scannerCard{Scanner: s, State: s.State(now), Own: s.Site == p.cfg.OwnSite}
		if slices.Contains(unheard, s.Site) {
			c.Key = texts.Say("check-scanners.key-not-known", "site", s.Site, "since", step.Named)
			if !step.Since.IsZero() {
				c.Key = texts.Say("check-scanners.key-not-followed", "site", s.Site, "since", step.Since)
			}
		}
		if slices.Contains(lost.Sites, s.Site) {
			c.Key = texts.Say("check-scanners.key-lost", "site", s.Site, "since", lost.Since)
		}
		switch s.Said.Program.Apart(p.cfg.Program) {
		case letter.SkewMore:
			c.Skew = texts.Say("check-scanners.more-apart", "site", s.Site, "version", s.Said.Program, "servers", p.cfg.Program)
		case letter.SkewOne:
			c.Skew = texts.Say("check-scanners.one-apart", "site", s.Site, "version", s.Said.Program, "servers", p.cfg.Program)
		}
		cards = append(cards, c)
	}
	for _, inv := range invitations {
		if inv.UsedBy != "" || !now.Before(inv.Expires) {
			continue
		}
		at := slices.IndexFunc(cards, func(c scannerCard) bool { return c.Site == inv.Site && c.State != register.ScannerRevoked })
		if at < 0 {
			invited = append(invited, inv)
		} else {
			cards[at].Until = inv.Expires
		}
	}
	return cards, invited, nil
}

// scannerBody is one scanner's page, and the page on which it ends.
type scannerBody struct {
	scannerCard
	Path    string // the address of what is done here
	Shown   bool   // the visitor has shown anew who they are
	Origin  string
	Invites bool // another machine can be invited in its place
}

// scannerOf finds the scanner that the address names. One that was revoked has no page.
func (p *Portal) scannerOf(v *visit) (scannerBody, error) {
	cards, _, err := p.scannerCards(v.Context())
	if err != nil {
		return scannerBody{}, err
	}
	for _, c := range cards {
		if c.Site == v.PathValue("site") && c.State != register.ScannerRevoked {
			return scannerBody{scannerCard: c, Origin: p.cfg.Origin, Invites: p.cfg.Scanners != nil && !c.Own}, nil
		}
	}
	return scannerBody{}, errNowhere
}

func (p *Portal) scannerPage(w http.ResponseWriter, v *visit) error {
	body, err := p.scannerOf(v)
	if err != nil {
		return err
	}
	pg := page{Name: "scanner", Title: texts.Say("scanner.the-scanner-of", "site", body.Site), Body: body}
	if v.URL.Query().Get("done") == "invited" {
		pg.Note = texts.Say("scanners.it-is-invited")
	}
	return p.ok(w, v, pg)
}

func (p *Portal) revokeScannerPage(w http.ResponseWriter, v *visit) error {
	body, err := p.mayRevokeScanner(v)
	if err != nil {
		return err
	}
	return p.ok(w, v, page{Name: "revoke-scanner", Title: texts.Say("revoke-scanner.end", "site", body.Site), Script: "passkey.js", Body: body})
}

// mayRevokeScanner is scannerOf for those that can be ended here: this server's own
// would enrol itself again.
func (p *Portal) mayRevokeScanner(v *visit) (scannerBody, error) {
	body, err := p.scannerOf(v)
	if err == nil && body.Own {
		err = errNowhere
	}
	body.Path = body.Page() + "/revoke"
	body.Shown = err == nil && p.shows(v, body.Path)
	return body, err
}

// revokeScanner ends the belief in what the scanner signs. The server then ends its
// user of the storage by itself.
func (p *Portal) revokeScanner(w http.ResponseWriter, v *visit) error {
	body, err := p.mayRevokeScanner(v)
	if err != nil {
		return err
	}
	if !body.Shown {
		return notAgainAt(body.Path)
	}
	const revoked = "/scanners?done=revoked"
	if err := p.cfg.Register.RevokeEdge(v.once(revoked), body.Site, v.person.Number); err != nil {
		return err
	}
	p.used(v, body.Path)
	redirect(w, revoked)
	return nil
}

// inviteScannerBody is the form of an invitation.
type inviteScannerBody struct {
	Form    url.Values
	Site    string // whose scanner is to be replaced; empty for a new one
	Path    string
	Back    string
	Shown   bool
	Origin  string
	Invites bool
}

const inviteScannerPath = "/scanners/new"

// inviting is the form for a new site or, where the address names one, for another
// machine in the place of its scanner.
func (p *Portal) inviting(v *visit) (inviteScannerBody, error) {
	body := inviteScannerBody{Form: url.Values{}, Path: inviteScannerPath, Back: "/scanners", Origin: p.cfg.Origin, Invites: p.cfg.Scanners != nil}
	if v.PathValue("site") != "" {
		is, err := p.scannerOf(v)
		if err != nil {
			return body, err
		}
		if is.Own {
			return body, errNowhere
		}
		body.Site, body.Path, body.Back = is.Site, is.Page()+"/replace", is.Page()
	}
	if body.Invites {
		body.Form.Set("endpoint", p.cfg.Scanners.Endpoint())
	}
	body.Shown = p.shows(v, body.Path)
	return body, nil
}

func (p *Portal) inviteScannerPage(w http.ResponseWriter, v *visit) error {
	body, err := p.inviting(v)
	if err != nil {
		return err
	}
	return p.showInviteScanner(w, v, body, nil)
}

func (p *Portal) showInviteScanner(w http.ResponseWriter, v *visit, body inviteScannerBody, flaws []formFlaw) error {
	title := texts.Say("invite-scanner.invite-a-scanner")
	if body.Site != "" {
		title = texts.Say("invite-scanner.replace", "site", body.Site)
	}
	return p.ok(w, v, page{Name: "invite-scanner", Title: title, Script: "passkey.js", Errors: flaws, Body: body})
}

type scannerCodeBody struct {
	ScannerInvited
	Run  string // what is typed there
	Site string
	Back string
	Link template.URL // the file itself, to be saved: it is kept nowhere
}

// inviteScanner makes an invitation and shows it, once.
func (p *Portal) inviteScanner(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	body, err := p.inviting(v)
	if err != nil {
		return err
	}
	if !body.Invites {
		return errNowhere
	}
	if !body.Shown {
		body.Form = v.PostForm
		return p.showInviteScanner(w, v, body, []formFlaw{againFlaw})
	}
	who, flaws := p.readScanner(v.PostForm, body.Site)
	who.By = v.person.Number
	var made ScannerInvited
	if len(flaws) == 0 {
		made, err = p.cfg.Scanners.Invite(v.once(body.Back+"?done=invited"), who)
		switch {
		case errors.Is(err, register.ErrEdgeKnown):
			flaws = append(flaws, formFlaw{"site", texts.Say("invite-scanner.there-is-one-already")})
		case errors.Is(err, register.ErrEdgeUnknown):
			return errNowhere // it was revoked meanwhile
		case errors.Is(err, ErrEndpoint):
			flaws = append(flaws, formFlaw{"endpoint", texts.Say("invite-scanner.enter-an-address")})
		case errors.Is(err, ErrNoStorageUser):
			return noStorageUser
		case err != nil:
			return err
		}
	}
	if len(flaws) > 0 {
		body.Form = v.PostForm
		return p.showInviteScanner(w, v, body, flaws)
	}
	p.used(v, body.Path)
	return p.ok(w, v, page{Name: "scanner-code", Title: texts.Say("scanner-code.the-code"), Body: scannerCodeBody{made, "scanner enrol " + made.Name + " --config scanner.toml", who.Site, body.Back,
		template.URL("data:application/octet-stream;base64," + base64.StdEncoding.EncodeToString(made.File))}})
}

// longestPath is how long a folder's name may be, in bytes.
const longestPath = 1000

// readScanner reads the form of an invitation, or says what is wrong with it. site is
// whose scanner is to be replaced.
func (p *Portal) readScanner(form url.Values, site string) (who ScannerInvitation, flaws []formFlaw) {
	who = ScannerInvitation{Site: site, Replaces: site != "", Folder: strings.TrimSpace(form.Get("folder")), Endpoint: strings.TrimSpace(form.Get("endpoint"))}
	if site == "" {
		who.Site = strings.TrimSpace(form.Get("site"))
	}
	if !letter.ValidName(who.Site) {
		flaws = append(flaws, formFlaw{"site", texts.Say("invite-scanner.enter-a-name")})
	} else if who.Site == p.cfg.OwnSite {
		flaws = append(flaws, formFlaw{"site", texts.Say("invite-scanner.there-is-one-already")})
	}
	if len(who.Folder) > longestPath || strings.ContainsFunc(who.Folder, func(c rune) bool { return c < ' ' || c == 0x7f }) {
		flaws = append(flaws, formFlaw{"folder", texts.Say("invite-scanner.enter-a-folder")})
	}
	if who.Endpoint == "" {
		flaws = append(flaws, formFlaw{"endpoint", texts.Say("invite-scanner.enter-an-address")})
	}
	return who, flaws
}
