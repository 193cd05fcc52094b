package pipeline

import (
	"sync"
	"time"
)

// Said remembers which troubles the log was told of, so that one that lasts for a night
// does not fill it. The zero value was told of nothing. Many may use one at once. It goes
// by the machine's own time, which no sample moves.
type Said struct {
	mu sync.Mutex
	at map[string]time.Time
}

// Due reports whether the log is to be told of the trouble, and notes that it is: the
// first time since Over, and then each time when it has lasted so long again.
func (s *Said) Due(says string, again time.Duration) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if at, told := s.at[says]; told && time.Since(at) < again {
		return false
	}
	const many = 50 // of a trouble that never says the same twice
	if s.at == nil || len(s.at) > many {
		s.at = map[string]time.Time{}
	}
	s.at[says] = time.Now()
	return true
}

// Over notes that no trouble lasts, and returns the first of these that did, or "".
func (s *Said) Over(of ...string) (was string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, says := range of {
		if _, told := s.at[says]; told && was == "" {
			was = says
		}
	}
	s.at = nil
	return was
}
