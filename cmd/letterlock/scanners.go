package main

import (
	"context"
	"errors"
	"net/url"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/cmd/invitation"
	"letterlock/pipeline/portal"
)

// scannersDesk does at the portal what 'letterlock edge invite' does at the console.
type scannersDesk struct{ in *installation }

// invitationLife is how long an invitation can be used that was made at the portal.
const invitationLife = time.Hour

// usualScans is the scanner folder where nobody says another.
const usualScans = "/scans"

// scanners is the desk; nil where no scanner could meet this server.
func (in *installation) scanners() portal.Scanners {
	if in.cfg.Storage == nil {
		return nil
	}
	return scannersDesk{in}
}

// Endpoint is portal.Scanners.
func (d scannersDesk) Endpoint() string {
	at := d.in.cfg.Storage.Endpoint
	if u, err := url.Parse(at); err != nil || configfile.OnLoopback(u.Hostname()) {
		return ""
	}
	return at
}

// Invite is portal.Scanners. A crash leaves an invitation that nobody has, and that is
// over within the hour.
func (d scannersDesk) Invite(ctx context.Context, who portal.ScannerInvitation) (made portal.ScannerInvited, err error) {
	at, err := url.Parse(who.Endpoint)
	if err != nil || at.Host == "" || at.Scheme != "https" && at.Scheme != "http" || configfile.CheckEndpoint(who.Endpoint, d.in.cfg.Storage.WithoutTLS) != nil {
		return made, portal.ErrEndpoint
	}
	c := edgeInviteCmd{Site: who.Site, Replace: who.Replaces, Valid: invitationLife, Scans: who.Folder, Endpoint: who.Endpoint}
	inv, err := c.invite(ctx, d.in, who.By)
	if errors.Is(err, errNoUser) {
		return made, portal.ErrNoStorageUser
	}
	if err != nil {
		return made, err
	}
	made = portal.ScannerInvited{Name: who.Site + invitation.Ext, Code: invitation.NewCode(), Until: inv.Until}
	made.File, err = inv.Seal(made.Code)
	return made, err
}
