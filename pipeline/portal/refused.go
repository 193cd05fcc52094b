package portal

import (
	"cmp"
	"log/slog"
)

// How somebody says who they are, in the log.
const (
	byPasskey = "passkey"
	byCode    = "code"
	bySSO     = "organisation"
)

// Why somebody is not believed, where that is said more than once.
const (
	notBegun  = "not begun in this browser, or too long ago"
	notProven = "no passkey of ours, or no answer to what was asked"
	copied    = "its counter went backwards: a copy of the passkey exists"

	codeReplaced = "the code was used, replaced or ran out meanwhile"
	notEnough    = "it did not ask enough"
	noGroup      = "of no group that may do anything here"
)

// refusedSignIn is a sign-in, or a showing of who somebody is, that was not
// believed. The person is told what stands in said; the log has by which way it
// was tried and why not, as one of our own phrases, and nothing that was sent.
type refusedSignIn struct {
	said     error
	way, why string
}

func (r *refusedSignIn) Error() string { return r.said.Error() }
func (r *refusedSignIn) Unwrap() error { return r.said }

func notBelieved(said error, way, why string) error { return &refusedSignIn{said, way, why} }

// logRefused writes its line. Of whom it was there is the staff number alone,
// where one is known or was typed.
func (p *Portal) logRefused(v *visit, way, why string) {
	p.cfg.Log.LogAttrs(v.Context(), slog.LevelWarn, "sign-in refused", slog.String("way", way), slog.String("why", why),
		slog.Int64("staff", cmp.Or(v.tried, v.person.Number)), slog.String("request", v.requestID))
}
