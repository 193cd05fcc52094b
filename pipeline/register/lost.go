package register

import (
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"os"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// The codes of https://www.postgresql.org/docs/15/errcodes-appendix.html that say
// that a server is away: it ends, has crashed, begins, or has no connection left;
// those of a connection that is no more begin with broken.
const (
	ends, crashed, begins, tooMany = "57P01", "57P02", "57P03", "53300"
	broken                         = "08"
	readOnly                       = "25006"
)

// IsAway reports whether err says that the database's server does not answer, or
// ends, has no connection left or takes nothing in. What was to be recorded then is
// not, and so was not done; or it is, and the answer was lost: whoever asks again
// finds out which.
func IsAway(err error) bool {
	if TakesNothing(err) {
		return true
	}
	if _, lost := errors.AsType[*lostError](err); lost {
		return true
	}
	if code := codeOf(err); code != "" {
		return strings.HasPrefix(code, broken) || code == ends || code == crashed || code == begins || code == tooMany
	}
	var connecting *pgconn.ConnectError
	return errors.As(err, &connecting) || errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err)
}

// TakesNothing reports whether err says that a server answers at the database's
// address in which nothing can be recorded: a standby, as after a failover while
// the address still leads to it, or one that somebody has set read-only.
func TakesNothing(err error) bool {
	return errors.Is(err, pgconn.ErrStandbyConnection) || isCode(err, readOnly)
}

// Refuses reports whether err says that the database's server does not let this user
// in, or has no database of this name (class 28, and 3D000). It lasts until a person
// changes something.
func Refuses(err error) bool {
	code := codeOf(err)
	return strings.HasPrefix(code, "28") || code == "3D000"
}

// IsOutOfReach reports whether err says that nothing can be asked of the database: it is
// away, or does not let this user in.
func IsOutOfReach(err error) bool { return IsAway(err) || Refuses(err) }

// SaysAway is IsAway for a library that logs errors as text.
func SaysAway(text string) bool {
	for _, code := range []string{ends, crashed, begins, tooMany, broken, readOnly} {
		if strings.Contains(text, "SQLSTATE "+code) {
			return true
		}
	}
	return strings.Contains(text, lostText) || strings.Contains(text, "failed to connect to") || strings.Contains(text, "conn closed") || strings.Contains(text, driver.ErrBadConn.Error())
}

// wire is a connection to the database's server, whose failures can be told from
// those of the storage.
type wire struct{ net.Conn }

// Read is net.Conn's.
func (w wire) Read(b []byte) (int, error) {
	n, err := w.Conn.Read(b)
	return n, lost(err)
}

// Write is net.Conn's.
func (w wire) Write(b []byte) (int, error) {
	n, err := w.Conn.Write(b)
	return n, lost(err)
}

const lostText = "the connection to the database was lost"

type lostError struct{ cause error }

func (e *lostError) Error() string { return lostText + ": " + e.cause.Error() }
func (e *lostError) Unwrap() error { return e.cause }

// lost marks what ends a connection. What only ends a wait does not: that is of
// whoever was told to end.
func lost(err error) error {
	if err == nil || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, net.ErrClosed) {
		return err
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF // the server never ends a conversation
	}
	return &lostError{err}
}
