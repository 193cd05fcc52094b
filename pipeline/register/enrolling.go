package register

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"letterlock/scanner/letter"
)

// EdgeInvitation is an invitation to one machine to be the scanner of a site. What
// proves it is the private half of Key, which is with whoever was invited and never
// here: nothing in the database lets anybody enrol.
type EdgeInvitation struct {
	Key         string // public, as golang.org/x/mod/sumdb/note writes it
	Site        string
	Made        time.Time // set by the register
	Expires     time.Time
	Replaces    bool   // the site's scanner so far ends when this one enrols
	StorageUser string // whom it is to the storage; "" where Letterlock has made no user
	UsedBy      string // the public key of the scanner that has enrolled with it; "" for none yet
}

// invitationsKept is for how long an invitation that is over is remembered, so that
// who comes with it is told so: as long as what lies under incoming/.
const invitationsKept = letter.BriefDays * 24 * time.Hour

// Why an invitation is not made.
var (
	ErrEdgeKnown   = errors.New("a scanner of that site is enrolled")
	ErrEdgeUnknown = errors.New("no scanner of that site is enrolled")
)

// InviteEdge notes an invitation. An earlier one to the same site that nobody has
// used is worth nothing from here on, and neither is its user of the storage.
// ErrEdgeKnown is for a site that has a scanner which is not to be replaced,
// ErrEdgeUnknown for one that has none to replace. by is the staff number of who
// invites, 0 at the console.
func (r *Register) InviteEdge(ctx context.Context, inv EdgeInvitation, by int64) error {
	return r.formTx(ctx, by, func(tx *sql.Tx) error {
		_, known, err := edgeNow(ctx, tx, inv.Site)
		switch {
		case err != nil:
			return err
		case known && !inv.Replaces:
			return ErrEdgeKnown
		case !known && inv.Replaces:
			return ErrEdgeUnknown
		}
		now, replaces := millis(r.Now()), 0
		if inv.Replaces {
			replaces = 1
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM edge_invitations WHERE expires < $1`, now-invitationsKept.Milliseconds()); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE edge_invitations SET expires = $1 WHERE site = $2 AND used_by = '' AND expires > $1`, now, inv.Site); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO edge_invitations (key, site, made, expires, replaces, storage_user) VALUES ($1, $2, $3, $4, $5, $6)`,
			inv.Key, inv.Site, now, millis(inv.Expires), replaces, inv.StorageUser); err != nil {
			return err
		}
		if inv.StorageUser != "" {
			if err := addStorageUser(ctx, tx, inv.StorageUser, inv.Site); err != nil {
				return err
			}
		}
		return r.append(ctx, tx, EdgeInvited{Site: Name(inv.Site), Replaces: inv.Replaces}, "", by)
	})
}

// edgeNow is the key of the site's enrolled scanner.
func edgeNow(ctx context.Context, q querier, site string) (verifier string, known bool, err error) {
	err = q.QueryRowContext(ctx, `SELECT verifier FROM edges WHERE site = $1 AND revoked IS NULL`, site).Scan(&verifier)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	return verifier, err == nil, err
}

const invitationColumns = `key, site, made, expires, replaces, storage_user, used_by`

func scanInvitation(row scannable) (inv EdgeInvitation, err error) {
	var made, expires, replaces int64
	err = row.Scan(&inv.Key, &inv.Site, &made, &expires, &replaces, &inv.StorageUser, &inv.UsedBy)
	inv.Made, inv.Expires, inv.Replaces = fromMillis(made), fromMillis(expires), replaces != 0
	return inv, err
}

// EdgeInvitations are the invitations to a site, the latest first, those that are
// over among them; those to every site if site is empty.
func (r *Register) EdgeInvitations(ctx context.Context, site string) ([]EdgeInvitation, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT `+invitationColumns+` FROM edge_invitations WHERE $1 = '' OR site = $1 ORDER BY made DESC, key`, site)
	if err != nil {
		return nil, fmt.Errorf("reading invitations to scanners: %w", err)
	}
	return scanAll(rows, scanInvitation)
}

// JoinEdge enrols the scanner with that key by an invitation, once, and returns one
// of the words of letter.Joined. The same key again is enrolled already, however
// late: its answer was lost. It is for the caller to see that who asks has the
// invitation's private key and its own.
func (r *Register) JoinEdge(ctx context.Context, invitation, key string) (answer string, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		inv, err := scanInvitation(tx.QueryRowContext(ctx, `SELECT `+invitationColumns+` FROM edge_invitations WHERE key = $1`, invitation))
		if err != nil {
			return err
		}
		before, known, err := edgeNow(ctx, tx, inv.Site)
		if err != nil {
			return err
		}
		over, err := edgeKeyOver(ctx, tx, key)
		if err != nil {
			return err
		}
		switch {
		case over:
			answer = letter.JoinedRevoked
		case inv.UsedBy == key:
			answer = letter.JoinedEnrolled
		case inv.UsedBy != "":
			answer = letter.JoinedUsed
		case !r.Now().Before(inv.Expires), known && !inv.Replaces && before != key:
			answer = letter.JoinedExpired
		default:
			answer = letter.JoinedEnrolled
			return r.joinEdge(ctx, tx, inv, before, key)
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("enrolling a scanner: %w", err)
	}
	return answer, nil
}

// joinEdge puts the key in the place of the one before, which is "" for none.
func (r *Register) joinEdge(ctx context.Context, tx *sql.Tx, inv EdgeInvitation, before, key string) error {
	if _, err := tx.ExecContext(ctx, `UPDATE edge_invitations SET used_by = $1 WHERE key = $2`, key, inv.Key); err != nil {
		return err
	}
	// Whatever users of the storage the site had, those included that are only reserved, are
	// its former scanner's.
	if _, err := tx.ExecContext(ctx, `UPDATE storage_users SET ends = $1 WHERE site = $2 AND name <> $3 AND (ends IS NULL OR ends > $1)`, millis(r.Now()), inv.Site, inv.StorageUser); err != nil {
		return err
	}
	// With the invitation it was given the key with which the server signs now.
	if err := knowsServerKey(ctx, tx, inv.Site); err != nil {
		return err
	}
	if before == key { // its server was restored, or its folder written anew: enrolled already
		// KeepStorageUser goes by it: the credentials of before are as good as another scanner's.
		_, err := tx.ExecContext(ctx, `UPDATE edges SET added = $1 WHERE site = $2`, millis(r.Now()), inv.Site)
		return err
	}
	var ev Event = EdgeAdded{Site: Name(inv.Site)}
	if before != "" {
		ev = EdgeReplaced{Site: Name(inv.Site)}
		if err := r.endEdgeKey(ctx, tx, inv.Site, before, keyReplaced); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO edges (site, verifier, added) VALUES ($1, $2, $3)
		ON CONFLICT (site) DO UPDATE SET verifier = excluded.verifier, added = excluded.added, revoked = NULL`,
		inv.Site, key, millis(r.Now())); err != nil {
		return err
	}
	// What its former scanner said of its folder, was answered, and could do is not this one's.
	if err := forgetMeta(ctx, tx, MetaProves+inv.Site); err != nil {
		return err
	}
	for _, table := range []string{"reports", "scan_answers"} {
		if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE site = $1`, inv.Site); err != nil {
			return err
		}
	}
	return r.append(ctx, tx, ev, "", 0)
}

// ChangeEdgeKey has the key to sign for the site's scanner in the place of from, and
// returns one of the words of letter.Joined. Where to signs already it is enrolled: its
// answer was lost. It is for the caller to see that from has named to, and that whoever
// asks has both.
func (r *Register) ChangeEdgeKey(ctx context.Context, site, from, to string) (answer string, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		now, _, err := edgeNow(ctx, tx, site)
		if err != nil {
			return err
		}
		over, err := edgeKeyOver(ctx, tx, to)
		if err != nil {
			return err
		}
		switch {
		case now == to:
			answer = letter.JoinedEnrolled
			return nil
		case over || now != from: // or another machine has taken its place
			answer = letter.JoinedRevoked
			return nil
		}
		answer = letter.JoinedEnrolled
		if err := r.endEdgeKey(ctx, tx, site, from, keyChanged); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE edges SET verifier = $1 WHERE site = $2`, to, site); err != nil {
			return err
		}
		return r.append(ctx, tx, EdgeKeyChanged{Site: Name(site)}, "", 0)
	})
	if err != nil {
		return "", fmt.Errorf("changing a scanner's key: %w", err)
	}
	return answer, nil
}

// ReplaceEdge has another key believed for the site's scanner at once, on the word of
// whoever is at the console: the one so far is lost, or was stolen. ErrNotFound is for a
// site that has no scanner, ErrMoved for a key that was its before.
func (r *Register) ReplaceEdge(ctx context.Context, site, verifier string) error {
	err := r.inTx(ctx, func(tx *sql.Tx) error {
		before, known, err := edgeNow(ctx, tx, site)
		if err == nil && !known {
			err = ErrNotFound
		}
		if err != nil || before == verifier {
			return err
		}
		if over, err := edgeKeyOver(ctx, tx, verifier); err != nil || over {
			return cmp.Or(err, ErrMoved)
		}
		if err := r.endEdgeKey(ctx, tx, site, before, keyReplaced); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `UPDATE edges SET verifier = $1 WHERE site = $2`, verifier, site); err != nil {
			return err
		}
		return r.append(ctx, tx, EdgeReplaced{Site: Name(site)}, "", 0)
	})
	if err != nil {
		return fmt.Errorf("replacing a scanner's key: %w", err)
	}
	return nil
}

// edgeKeyOver reports whether a scanner's key signs no more.
func edgeKeyOver(ctx context.Context, q querier, verifier string) (over bool, err error) {
	var n int
	err = q.QueryRowContext(ctx, `SELECT count(*) FROM edge_keys WHERE verifier = $1`, verifier).Scan(&n)
	return n > 0, err
}

// Why a scanner's key signs no more.
const (
	keyReplaced = "replaced"
	keyChanged  = "changed"
	keyRevoked  = "revoked"
)

func (r *Register) endEdgeKey(ctx context.Context, tx *sql.Tx, site, verifier, why string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO edge_keys (verifier, site, ended, why) VALUES ($1, $2, $3, $4)
		ON CONFLICT (verifier) DO UPDATE SET ended = excluded.ended, why = excluded.why`, verifier, site, millis(r.Now()), why)
	return err
}

// Scanner is an edge that was ever enrolled.
type Scanner struct {
	Site    string
	Added   time.Time
	Revoked time.Time     // zero for one that is believed
	Said    letter.Report // the last; its At is zero where there is none
}

// ScannerState is how a scanner stands.
type ScannerState string

const (
	ScannerEnrolled ScannerState = "enrolled" // it is believed, and has said something within a day
	ScannerSilent   ScannerState = "silent"   // it is believed, and has said nothing for a day
	ScannerRevoked  ScannerState = "revoked"  // nothing that it signs is believed
)

// ScannerSilence is after how long without a word a scanner counts as silent. It
// speaks every ten minutes while it runs.
const ScannerSilence = 24 * time.Hour

// Heard is when the scanner last said anything, its enrolment included.
func (s Scanner) Heard() time.Time {
	if s.Said.At.Before(s.Added) {
		return s.Added
	}
	return s.Said.At
}

// State is how the scanner stands at that time.
func (s Scanner) State(now time.Time) ScannerState {
	switch {
	case !s.Revoked.IsZero():
		return ScannerRevoked
	case now.Sub(s.Heard()) > ScannerSilence:
		return ScannerSilent
	}
	return ScannerEnrolled
}

// Scanners are all edges that were ever enrolled, by the name of their site.
func (r *Register) Scanners(ctx context.Context) ([]Scanner, error) {
	reports, err := r.Reports(ctx)
	if err != nil {
		return nil, err
	}
	said := map[string]letter.Report{}
	for _, report := range reports {
		said[report.Site] = report
	}
	rows, err := r.read.QueryContext(ctx, `SELECT site, added, revoked FROM edges ORDER BY site`)
	if err != nil {
		return nil, fmt.Errorf("reading scanners: %w", err)
	}
	return scanAll(rows, func(row scannable) (s Scanner, err error) {
		var added int64
		var revoked sql.NullInt64
		if err := row.Scan(&s.Site, &added, &revoked); err != nil {
			return s, err
		}
		s.Added, s.Said = fromMillis(added), said[s.Site]
		if revoked.Valid {
			s.Revoked = fromMillis(revoked.Int64)
		}
		return s, nil
	})
}

// NoteStorageUser notes a user of the storage that is made for a site's scanner.
func (r *Register) NoteStorageUser(ctx context.Context, name, site string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error { return addStorageUser(ctx, tx, name, site) })
}

// KeepStorageUser has every user of the storage that was made for the site's scanner
// end but this one; ErrNotFound if this one was not. One that is only reserved, since the
// command that made it was cut off, ends no more. That of a scanner whose place another has
// taken is nobody's: to keep it would shut that one out.
func (r *Register) KeepStorageUser(ctx context.Context, name, site string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		res, err := tx.ExecContext(ctx, `UPDATE storage_users SET ends = NULL WHERE name = $1 AND site = $2
			AND (ends IS NULL OR ends > (SELECT added FROM edges WHERE site = $2 AND revoked IS NULL))`, name, site)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return cmp.Or(err, ErrNotFound)
		}
		_, err = tx.ExecContext(ctx, `UPDATE storage_users SET ends = $1 WHERE site = $2 AND name <> $3 AND ends IS NULL`, millis(r.Now()), site, name)
		return err
	})
}

// ReserveStorageUser notes a user of the storage that is about to be made for a site's
// scanner, so that it is ended one day though a crash may leave nobody who knows it.
func (r *Register) ReserveStorageUser(ctx context.Context, name, site string, ends time.Time) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := addStorageUser(ctx, tx, name, site); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE storage_users SET ends = $1 WHERE name = $2`, millis(ends), name)
		return err
	})
}

func addStorageUser(ctx context.Context, tx *sql.Tx, name, site string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO storage_users (name, site) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET site = excluded.site, ends = NULL`, name, site)
	return err
}

// StorageUsersToEnd are the users of the storage that no scanner needs any more:
// those of scanners that were revoked or replaced, and of invitations that nobody
// has used in their time. They are those of every site if site is empty.
func (r *Register) StorageUsersToEnd(ctx context.Context, site string) ([]string, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT u.name FROM storage_users u WHERE ($1 = '' OR u.site = $1) AND (u.ends <= $2
		OR EXISTS (SELECT 1 FROM edge_invitations i WHERE i.storage_user = u.name AND i.used_by = '' AND i.expires <= $2)) ORDER BY u.name`, site, millis(r.Now()))
	if err != nil {
		return nil, fmt.Errorf("reading the storage's users: %w", err)
	}
	return scanAll(rows, func(row scannable) (name string, err error) { return name, row.Scan(&name) })
}

// StorageUserEnded forgets a user of the storage that is there no more.
func (r *Register) StorageUserEnded(ctx context.Context, name string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM storage_users WHERE name = $1`, name)
		return err
	})
}
