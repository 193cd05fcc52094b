package register

import (
	"database/sql/driver"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// IsAway reports whether err says that the database's server does not answer, or
// ends, or has no connection left. What was to be recorded then is not, and so was
// not done; or it is, and the answer was lost: whoever asks again finds out which.
func IsAway(err error) bool {
	var said interface{ SQLState() string }
	if errors.As(err, &said) {
		code := said.SQLState()
		const ends, crashed, begins, tooMany = "57P01", "57P02", "57P03", "53300"
		return strings.HasPrefix(code, "08") || code == ends || code == crashed || code == begins || code == tooMany
	}
	var connecting *pgconn.ConnectError
	return errors.As(err, &connecting) || errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err)
}
