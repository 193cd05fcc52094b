package register

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Invite gives out the next staff number, makes the person's one-time enrolment
// code, and owes them the mail that says where to use it, if they have an
// address. The mail never holds the code: that is told by voice. by is the
// staff number of who invites.
func (r *Register) Invite(ctx context.Context, p Person, by int64, valid time.Duration) (number int64, code string, err error) {
	err = r.formTx(ctx, by, func(tx *sql.Tx) error {
		if number, err = r.addPerson(ctx, tx, p, by); err != nil {
			return err
		}
		if code, err = r.makeCode(ctx, tx, number, by, valid); err != nil || p.Email == "" {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO invitations (person, message_id) VALUES ($1, $2)`, number, strings.ToLower(rand.Text()))
		return err
	})
	if err != nil {
		return 0, "", fmt.Errorf("inviting a person: %w", err)
	}
	return number, code, nil
}

// owedInvitations leaves out whose address was taken away since.
const owedInvitations = ` FROM invitations i JOIN people p ON p.number = i.person WHERE p.disabled IS NULL AND p.email <> ''`

// OwedInvitations returns the invitations that no mail server has taken yet.
func (r *Register) OwedInvitations(ctx context.Context, domain string) ([]Mail, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT i.person, p.email, i.message_id`+owedInvitations+` ORDER BY i.person`)
	if err != nil {
		return nil, fmt.Errorf("reading invitations: %w", err)
	}
	return scanAll(rows, func(row scannable) (m Mail, err error) {
		err = row.Scan(&m.Person, &m.Address, &m.MessageID)
		m.MessageID += "@" + domain
		return m, err
	})
}

// InvitationSent notes that a mail server took the invitation.
func (r *Register) InvitationSent(ctx context.Context, person int64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `DELETE FROM invitations WHERE person = $1`, person)
		return err
	})
}

// Passkey is what is known of a person's passkey without using it.
type Passkey struct {
	Mark  string // tells it from the person's others; of no use to anybody else
	Added time.Time

	Record string // as its maker has it
}

// markOf is a passkey's mark. Its id stays inside: a page has no need of it.
func markOf(id []byte) string {
	sum := sha256.Sum256(id)
	return hex.EncodeToString(sum[:8])
}

// PasskeysOf lists the person's passkeys, oldest first.
func (r *Register) PasskeysOf(ctx context.Context, number int64) ([]Passkey, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT id, added, record FROM passkeys WHERE person = $1 ORDER BY added, id`, number)
	if err != nil {
		return nil, fmt.Errorf("reading passkeys: %w", err)
	}
	return scanAll(rows, func(row scannable) (k Passkey, err error) {
		var id []byte
		var added int64
		err = row.Scan(&id, &added, &k.Record)
		k.Mark, k.Added = markOf(id), fromMillis(added)
		return k, err
	})
}

// RevokePasskey makes one passkey of the person open nothing any more, and ends
// every session of theirs: nobody knows with which passkey each was begun. by
// is the staff number of who revokes. ErrNotFound is for none of that mark,
// ErrLastAdministrator for the last passkey of the last administrator.
func (r *Register) RevokePasskey(ctx context.Context, number int64, mark string, by int64) error {
	return r.formTx(ctx, by, func(tx *sql.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id FROM passkeys WHERE person = $1`, number)
		if err != nil {
			return err
		}
		ids, err := scanAll(rows, func(row scannable) (id []byte, err error) { return id, row.Scan(&id) })
		if err != nil {
			return err
		}
		for _, id := range ids {
			if subtle.ConstantTimeCompare([]byte(markOf(id)), []byte(mark)) != 1 {
				continue
			}
			if len(ids) == 1 {
				if err := r.notTheLast(ctx, tx, number); err != nil {
					return err
				}
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM passkeys WHERE id = $1`, id); err != nil {
				return err
			}
			if err := endSessions(ctx, tx, number); err != nil {
				return err
			}
			return r.append(ctx, tx, PasskeyRevoked{Person: number, Left: len(ids) - 1}, "", by)
		}
		return ErrNotFound
	})
}

// Enrolment codes: 10 characters of base32 are 50 bits; with 5 tries within
// their life a guess is hopeless.
const (
	codeLen   = 10
	codeTries = 5
)

// ErrCode is returned for a wrong, used, expired or locked enrolment code;
// which of these it is, the person at the keyboard is not told.
var ErrCode = errors.New("the enrolment code is not valid")

// MakeCode makes a one-time enrolment code for the person that is valid for
// that long, replacing an earlier one. Only its HMAC is kept. It is the
// console's; NewCode is the portal's.
func (r *Register) MakeCode(ctx context.Context, number int64, valid time.Duration) (code string, err error) {
	return r.NewCode(ctx, number, 0, valid)
}

// NewCode is MakeCode by a person, whose staff number is by. Mails are owed of it:
// see AccountReason.
func (r *Register) NewCode(ctx context.Context, number, by int64, valid time.Duration) (code string, err error) {
	err = r.formTx(ctx, by, func(tx *sql.Tx) error {
		if code, err = r.makeCode(ctx, tx, number, by, valid); err != nil {
			return err
		}
		return tellOfCode(ctx, tx, number)
	})
	if err != nil {
		return "", fmt.Errorf("making enrolment code: %w", err)
	}
	return code, nil
}

func (r *Register) makeCode(ctx context.Context, tx *sql.Tx, number, by int64, valid time.Duration) (code string, err error) {
	var disabled bool
	err = tx.QueryRowContext(ctx, `SELECT disabled IS NOT NULL FROM people WHERE number = $1`, number).Scan(&disabled)
	if errors.Is(err, sql.ErrNoRows) || disabled {
		return "", ErrNotFound
	}
	if err != nil {
		return "", err
	}
	code = rand.Text()[:codeLen]
	mac, err := r.codeMAC(code)
	if err != nil {
		return "", err
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO enrol_codes (person, mac, expires, tries) VALUES ($1, $2, $3, 0)
		ON CONFLICT (person) DO UPDATE SET mac = excluded.mac, expires = excluded.expires, tries = 0`,
		number, mac, millis(r.Now().Add(valid))); err != nil {
		return "", err
	}
	return code[:codeLen/2] + "-" + code[codeLen/2:], r.append(ctx, tx, CodeMade{Person: number}, "", by)
}

// HasCode reports whether the person has an enrolment code with which they could still
// enrol: one that has neither expired nor been tried too often. Nobody can say it again,
// since only its HMAC is kept.
func (r *Register) HasCode(ctx context.Context, number int64) (bool, error) {
	var n int
	err := r.read.QueryRowContext(ctx, `SELECT count(*) FROM enrol_codes WHERE person = $1 AND expires > $2 AND tries < $3`,
		number, millis(r.Now()), codeTries).Scan(&n)
	return n > 0, err
}
