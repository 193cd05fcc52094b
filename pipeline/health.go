package pipeline

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"letterlock/pipeline/register"
)

// stillFor is after how long without the end of a sweep a server counts as
// stuck. A sweep ends within seconds, and also where everything fails: of a mail
// server that does not answer it waits for one mail, and not for each that is owed, see
// sending. The daily looks of a large archive take minutes.
const stillFor = 30 * time.Minute

// Stuck is why the process is to be started anew: the sweeps do not go on. It asks
// nothing that may hang itself.
func (s *Server) Stuck() error {
	last := s.began
	if swept := s.swept.Load(); swept > 0 {
		last = time.Unix(swept, 0)
	}
	if still := time.Since(last); still > stillFor {
		return fmt.Errorf("nothing was looked after for %s: start Letterlock anew, and see its log", still.Round(time.Minute))
	}
	return nil
}

// Healthz answers whether the process does its work, for whoever starts it anew
// when it does not.
func (s *Server) Healthz() http.Handler {
	return health(func(context.Context) error { return s.Stuck() })
}

// Readyz answers whether people can be sent to this server: the register answers,
// what they do can be recorded here, and it is not an older copy that serves nobody. That the storage or the mail
// server is away is no reason to send them elsewhere; alarms say that.
func (s *Server) Readyz() http.Handler {
	return health(func(ctx context.Context) error {
		_, _, err := s.cfg.Register.Checkpoint(ctx)
		if err == nil {
			err = s.cfg.Register.MaySign(ctx)
		}
		switch {
		case err == nil:
		case register.IsOutOfReach(err): // which the log says already
			return errors.New(SayAway(err))
		case errors.Is(err, register.ErrNoKey), errors.Is(err, register.ErrOldKey):
			return errors.New("this server does not have the key that signs the register, so nobody can sign in here; 'letterlock check' says what to do")
		default:
			s.cfg.Log.Error("the register does not answer", "error", err)
			return errors.New("the register does not answer; the log says why")
		}
		if s.aside.Load() {
			return errors.New("this server's clock is not that of the others; it goes on once that is set right")
		}
		if s.Closed(ctx) {
			return errors.New("this is an older copy and serves nobody until 'letterlock restore' has run")
		}
		return nil
	})
}

// Health answers like Healthz and Readyz where there is no server yet: ok, or why not.
func Health(why error) http.Handler {
	return health(func(context.Context) error { return why })
}

func health(find func(context.Context) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), 10*time.Second)
		defer cancel()
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		if err := find(ctx); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = fmt.Fprintln(w, err) // the reader has gone if this fails
			return
		}
		_, _ = fmt.Fprintln(w, "ok")
	})
}
