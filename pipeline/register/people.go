package register

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Person is somebody who may sign in. Name and address are in this table and
// nowhere else; everything that is kept knows the number.
type Person struct {
	Number    int64
	Name      string
	Email     string
	Role      Role     // empty once the organisation's sign-in named none of theirs: see TakeRole
	Helplines []string // a team leader's
	Handle    []byte   // the random user handle of WebAuthn
	Disabled  bool
	Passkeys  int
	SSO       bool // signs in with the organisation's sign-in, or did with a former one: see SignsInWith
}

// LeadsHelpline reports whether the person is a team leader of that helpline.
func (p Person) LeadsHelpline(helpline string) bool {
	return p.Role == TeamLeader && slices.Contains(p.Helplines, helpline)
}

// AddPerson gives out the next staff number. It is the console's; Invite is the
// portal's.
func (r *Register) AddPerson(ctx context.Context, p Person) (number int64, err error) {
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		number, err = r.addPerson(ctx, tx, p, 0)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("adding person: %w", err)
	}
	return number, nil
}

func (r *Register) addPerson(ctx context.Context, tx *sql.Tx, p Person, by int64) (number int64, err error) {
	handle := make([]byte, 32)
	_, _ = rand.Read(handle)
	if err := tx.QueryRowContext(ctx, `INSERT INTO people (name, email, role, handle, added) VALUES ($1, $2, $3, $4, $5)
		RETURNING number`, p.Name, p.Email, string(p.Role), handle, millis(r.Now())).Scan(&number); err != nil {
		return 0, err
	}
	for _, h := range p.Helplines {
		if _, err := tx.ExecContext(ctx, `INSERT INTO people_helplines (person, helpline) VALUES ($1, $2)`, number, h); err != nil {
			return 0, err
		}
	}
	if readsLetters(p.Role) {
		if err := tellOfReader(ctx, tx, number); err != nil {
			return 0, err
		}
	}
	return number, r.append(ctx, tx, PersonAdded{Person: number, Role: p.Role}, "", by)
}

const personColumns = `p.number, p.name, p.email, p.role, p.handle, p.disabled IS NOT NULL,
	(SELECT count(*) FROM passkeys k WHERE k.person = p.number), EXISTS (SELECT 1 FROM sso_people o WHERE o.person = p.number) FROM people p`

func (r *Register) person(ctx context.Context, where string, arg any) (Person, error) {
	var p Person
	err := r.read.QueryRowContext(ctx, `SELECT `+personColumns+` WHERE `+where, arg).
		Scan(&p.Number, &p.Name, &p.Email, &p.Role, &p.Handle, &p.Disabled, &p.Passkeys, &p.SSO)
	if errors.Is(err, sql.ErrNoRows) {
		return Person{}, ErrNotFound
	}
	if err != nil {
		return Person{}, fmt.Errorf("reading person: %w", err)
	}
	rows, err := r.read.QueryContext(ctx, `SELECT helpline FROM people_helplines WHERE person = $1 ORDER BY helpline`, p.Number)
	if err != nil {
		return Person{}, fmt.Errorf("reading person: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var h string
		if err := rows.Scan(&h); err != nil {
			return Person{}, err
		}
		p.Helplines = append(p.Helplines, h)
	}
	return p, rows.Err()
}

// Person reads one person by staff number, disabled ones too, or ErrNotFound.
func (r *Register) Person(ctx context.Context, number int64) (Person, error) {
	return r.person(ctx, `p.number = $1`, number)
}

// PersonByHandle reads one person by the WebAuthn user handle, or ErrNotFound.
func (r *Register) PersonByHandle(ctx context.Context, handle []byte) (Person, error) {
	return r.person(ctx, `p.handle = $1`, handle)
}

// People returns everyone, by staff number.
func (r *Register) People(ctx context.Context) ([]Person, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT number FROM people ORDER BY number`)
	if err != nil {
		return nil, fmt.Errorf("reading people: %w", err)
	}
	numbers, err := scanNumbers(rows)
	if err != nil {
		return nil, err
	}
	out := make([]Person, 0, len(numbers))
	for _, n := range numbers {
		p, err := r.Person(ctx, n)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// ForgetPasskeys makes a person's passkeys open nothing any more, and ends
// their sessions: a device was lost. It is the console's; the portal revokes
// them one by one. ErrNotFound is for nobody who could sign in.
func (r *Register) ForgetPasskeys(ctx context.Context, number int64) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		var living int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM people WHERE number = $1 AND disabled IS NULL`, number).Scan(&living); err != nil {
			return err
		}
		if living == 0 {
			return ErrNotFound
		}
		if err := endSessions(ctx, tx, number); err != nil {
			return err
		}
		if _, err := tx.ExecContext(ctx, `DELETE FROM passkeys WHERE person = $1`, number); err != nil {
			return err
		}
		return r.append(ctx, tx, PasskeysForgotten{Person: number}, "", 0)
	})
}

func (r *Register) codeMAC(code string) ([]byte, error) {
	key, err := r.cfg.CodeKey()
	if err != nil {
		return nil, fmt.Errorf("reading the key of enrolment codes: %w", err)
	}
	code = strings.NewReplacer("-", "", " ", "").Replace(strings.ToUpper(code))
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(code))
	return mac.Sum(nil), nil
}

// CheckCode compares a code with the person's; each comparison uses up a try.
// A right code stays valid until AddPasskey consumes it: proof says which one
// it was, without being it.
// Refused with ErrCode, whatever is wrong with it.
func (r *Register) CheckCode(ctx context.Context, number int64, code string) (proof []byte, err error) {
	given, err := r.codeMAC(code)
	if err != nil {
		return nil, err
	}
	err = r.inTx(ctx, func(tx *sql.Tx) error {
		var mac []byte
		err := tx.QueryRowContext(ctx, `UPDATE enrol_codes SET tries = tries + 1
			WHERE person = $1 AND expires > $2 AND tries < $3 RETURNING mac`, number, millis(r.Now()), codeTries).Scan(&mac)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		if subtle.ConstantTimeCompare(mac, given) == 1 {
			proof = mac
		}
		return err // nil for a wrong code too: its try must be committed
	})
	if err == nil && proof == nil {
		return nil, ErrCode
	}
	return proof, err
}

// AddPasskey keeps a passkey that has just proven itself and consumes the
// enrolment code of that proof. If the code was replaced, used or has expired
// meanwhile, it adds nothing: ErrCode. record is the passkey as the WebAuthn
// library writes it.
func (r *Register) AddPasskey(ctx context.Context, number int64, proof, id []byte, record string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		if err := r.consumeCode(ctx, tx, number, proof); err != nil {
			return err
		}
		return r.addPasskey(ctx, tx, number, id, record)
	})
}

func (r *Register) consumeCode(ctx context.Context, tx *sql.Tx, number int64, proof []byte) error {
	res, err := tx.ExecContext(ctx, `DELETE FROM enrol_codes WHERE person = $1 AND mac = $2 AND expires > $3`,
		number, proof, millis(r.Now()))
	err = oneRow(res, err)
	if errors.Is(err, ErrMoved) {
		return ErrCode
	}
	return err
}

// AddAnotherPasskey keeps a further passkey of a person who is signed in.
func (r *Register) AddAnotherPasskey(ctx context.Context, number int64, id []byte, record string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error { return r.addPasskey(ctx, tx, number, id, record) })
}

func (r *Register) addPasskey(ctx context.Context, tx *sql.Tx, number int64, id []byte, record string) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO passkeys (id, person, record, added) VALUES ($1, $2, $3, $4)`,
		id, number, record, millis(r.Now())); err != nil {
		return err
	}
	if err := tellPerson(ctx, tx, number, ToldSignIn, ""); err != nil {
		return err
	}
	return r.append(ctx, tx, PasskeyAdded{}, "", number)
}

// Passkeys returns the records of a person's passkeys.
func (r *Register) Passkeys(ctx context.Context, number int64) ([]string, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT record FROM passkeys WHERE person = $1 ORDER BY added`, number)
	if err != nil {
		return nil, fmt.Errorf("reading passkeys: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var rec string
		if err := rows.Scan(&rec); err != nil {
			return nil, err
		}
		out = append(out, rec)
	}
	return out, rows.Err()
}

// UpdatePasskey keeps what a sign-in changed of a passkey, its counter.
func (r *Register) UpdatePasskey(ctx context.Context, id []byte, record string) error {
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE passkeys SET record = $1 WHERE id = $2`, record, id)
		return err
	})
}

// ComesIn reports whether the person has a sign-in: a passkey, or the organisation's of
// that issuer ("" for none). An invitation opens nothing, and neither does a link to a
// former issuer.
func (r *Register) ComesIn(ctx context.Context, who Person, issuer string) (bool, error) {
	if who.Passkeys > 0 {
		return true, nil
	}
	if !who.SSO || issuer == "" {
		return false, nil
	}
	return r.SignsInWith(ctx, who.Number, issuer)
}

// CanSignIn reports whether anyone of that role can sign in already: with a
// passkey, or with the organisation's sign-in of that issuer ("" for none).
func (r *Register) CanSignIn(ctx context.Context, role Role, issuer string) (bool, error) {
	var n int
	err := r.read.QueryRowContext(ctx, `SELECT count(*) FROM people p WHERE p.role = $1 AND p.disabled IS NULL
		AND (EXISTS (SELECT 1 FROM passkeys k WHERE k.person = p.number)
		OR EXISTS (SELECT 1 FROM sso_people o WHERE o.person = p.number AND o.issuer = $2))`, string(role), issuer).Scan(&n)
	return n > 0, err
}
