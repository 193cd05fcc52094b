package pipeline

import (
	"errors"
	"fmt"
)

// sendOwed sends mails that the register says are owed, one each, and has it noted that
// each is sent; what says of what they are. Each is on record before: a crash between a
// mail server's taking it and the note makes a second one, with the same Message-ID.
func sendOwed[M any](owed []M, what string, send, sent func(M) error) (failed error) {
	for _, m := range owed {
		if err := send(m); err != nil {
			failed = errors.Join(failed, fmt.Errorf("sending %s: %w", what, err))
			continue // one address that is refused must not keep the mail from the others
		}
		if err := sent(m); err != nil {
			return err
		}
	}
	return failed
}
