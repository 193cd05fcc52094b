package portal

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"strings"
	"sync"

	"letterlock/pipeline/register"
)

// A form that puts something on record for good acts once, however often it is
// sent: by a double click, or by a browser that sends again what got no answer.
// The second sending is led to where the first one was. It needs no script, and
// two lines:
//
//   - in the template, the token of the page behind the address:
//     <form method="post" action="/holds/new?form={{$.Token}}">
//   - in the handler, v.once(WHERE IT LEADS) as the context of the act, and then
//     redirect(w, v.shown(WHERE IT LEADS)).
//
// The act must be one of the register's that spend the form in their own
// transaction (formTx, or SpendForm where there are several steps), so that a form
// whose act failed can be sent again. WHERE IT LEADS names no letter: a mere query,
// as "?done=asked", means the page of the letter that the route is about.
//
// A form without a token may be sent as often as one likes: its act is the same
// the second time, as finding a letter readable, or changes nothing. The test of
// every form knows which they are.

// tokenLength is that of rand.Text: 130 random bits.
var tokenLength = len(rand.Text())

// sending has a form that is sent twice at once, by a double click, act one after
// the other, so that the second finds what became of the first.
type sending struct {
	mu    sync.Mutex
	forms map[string]chan struct{} // by token; closed once the one before has been answered
}

// begin waits until nobody else is sending the form.
func (s *sending) begin(ctx context.Context, token string) (end func(), err error) {
	for {
		s.mu.Lock()
		before, busy := s.forms[token]
		if !busy {
			mine := make(chan struct{})
			s.forms[token] = mine
			s.mu.Unlock()
			return func() {
				s.mu.Lock()
				delete(s.forms, token)
				s.mu.Unlock()
				close(mine)
			}, nil
		}
		s.mu.Unlock()
		select {
		case <-before:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// readToken reads which page's form is sent. It stands in the address, since a
// form with a file is not to be read before it is known who sends it; a form that
// may be sent as often as one likes has none.
func (v *visit) readToken() error {
	if v.Method != http.MethodPost {
		return nil
	}
	v.form = v.URL.Query().Get("form")
	if v.form != "" && len(v.form) != tokenLength {
		return badForm
	}
	return nil
}

// sentBefore reports register.ErrSent for a form that has acted already. It is
// asked before the letter or the hold is looked at, which the first one may have
// ended or given to others.
func (p *Portal) sentBefore(v *visit) error {
	if v.form == "" {
		return nil
	}
	_, err := p.cfg.Register.FormSent(v.Context(), v.form, v.person.Number)
	if errors.Is(err, register.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return register.ErrSent
}

// once is the context of the act for which the form is sent, which then leads to
// an address: shows, or that with a letter's in front of a mere query or of what begins
// with no slash.
func (v *visit) once(shows string) context.Context {
	return register.Sending(v.Context(), register.Form{Token: v.form, Shows: shows})
}

// shown is the address to which a form leads that has acted.
func (v *visit) shown(shows string) string {
	letter := "/l/" + v.PathValue("id") // the table of forms that were sent names no letter
	switch {
	case strings.HasPrefix(shows, "?"):
		return letter + shows
	case !strings.HasPrefix(shows, "/"):
		return letter + "/" + shows
	}
	return shows
}

// showAgain leads to where the form led that was sent before.
func (p *Portal) showAgain(w http.ResponseWriter, v *visit) {
	shows, err := p.cfg.Register.FormSent(v.Context(), v.form, v.person.Number)
	if err != nil {
		p.answer(w, v, err)
		return
	}
	redirect(w, v.shown(shows))
}
