package register

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"slices"
	"strings"
)

// Nobody becomes a reader of letters, or signs in as one, without others hearing of
// it: the administrator, who invites and makes codes, could otherwise do so alone.

// AccountMail is one message to one person about a sign-in.
type AccountMail struct {
	Mail
	Why AccountReason
}

// AccountReason is what somebody is told of. It names nobody.
type AccountReason string

const (
	ToldCode    AccountReason = "code"    // a code was made with which a sign-in as them can be set up
	ToldSignIn  AccountReason = "sign-in" // a passkey, or the organisation's sign-in, now signs in as them
	ToldAddress AccountReason = "address" // another mail address was given to them; told to the old one
	ToldReader  AccountReason = "reader"  // somebody was given, or can set up, a way to read letters
)

func readsLetters(role Role) bool { return slices.Contains([]Role{TeamLeader, Manager}, role) }

// tellPerson owes the person a mail, in the transaction of what they are told of: what
// is on record is told. address is the one of before, or "" for theirs.
func tellPerson(ctx context.Context, tx *sql.Tx, person int64, why AccountReason, address string) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO account_mails (token, person, why, address) SELECT $1, number, $3, $4 FROM people
		WHERE number = $2 AND disabled IS NULL AND (email <> '' OR $4 <> '')`, strings.ToLower(rand.Text()), person, string(why), address)
	return err
}

// tellOfReader owes the managers and data-protection officers a mail, but for the
// person of whom it is and whoever is owed one already.
func tellOfReader(ctx context.Context, tx *sql.Tx, person int64) error {
	told, err := numbersIn(ctx, tx, `SELECT p.number FROM people p WHERE `+toldOfAlarms+` AND p.number <> $1
		AND NOT EXISTS (SELECT 1 FROM account_mails m WHERE m.person = p.number AND m.why = $2)`, person, string(ToldReader))
	if err != nil {
		return err
	}
	for _, n := range told {
		if err := tellPerson(ctx, tx, n, ToldReader, ""); err != nil {
			return err
		}
	}
	return nil
}

// tellOfCode tells of a code: the person, where they can sign in already and so would
// notice nothing else of it, and the others, where the person reads letters.
func tellOfCode(ctx context.Context, tx *sql.Tx, person int64) error {
	var role Role
	var signsIn bool
	if err := tx.QueryRowContext(ctx, `SELECT role, EXISTS (SELECT 1 FROM passkeys k WHERE k.person = number)
		OR EXISTS (SELECT 1 FROM sso_people o WHERE o.person = number) FROM people WHERE number = $1`, person).Scan(&role, &signsIn); err != nil {
		return err
	}
	if signsIn {
		if err := tellPerson(ctx, tx, person, ToldCode, ""); err != nil {
			return err
		}
	}
	if readsLetters(role) {
		return tellOfReader(ctx, tx, person)
	}
	return nil
}

const owedAccountMails = ` FROM account_mails m JOIN people p ON p.number = m.person
	WHERE p.disabled IS NULL AND (m.address <> '' OR p.email <> '')`

// OwedAccountMails returns the mails about sign-ins that no mail server has taken yet.
func (r *Register) OwedAccountMails(ctx context.Context, domain string) ([]AccountMail, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT m.person, CASE WHEN m.address <> '' THEN m.address ELSE p.email END, m.token || '@' || $1, m.why`+owedAccountMails+` ORDER BY m.person, m.token`, domain)
	if err != nil {
		return nil, fmt.Errorf("reading who is told of sign-ins: %w", err)
	}
	return scanAll(rows, func(row scannable) (m AccountMail, err error) {
		return m, row.Scan(&m.Person, &m.Address, &m.MessageID, &m.Why)
	})
}

// AccountMailSent notes that a mail server took the mail, or that it never will. An old address was kept for
// it alone, and goes from the database's files too: see ProveForgotten.
func (r *Register) AccountMailSent(ctx context.Context, m AccountMail) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		token, _, _ := strings.Cut(m.MessageID, "@")
		if _, err := tx.ExecContext(ctx, `DELETE FROM account_mails WHERE token = $1`, token); err != nil {
			return err
		}
		if m.Why != ToldAddress {
			return nil
		}
		return setMeta(ctx, tx, metaForgotten, rand.Text())
	})
}
