package register

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// A move that is killed cannot take back what it has copied, which tells of letters and
// of staff, and of which the database that goes on would know nothing. So that one notes
// where it goes before the first row is copied.

// Unended is a move of the register that has begun and not ended: it is at work, or was
// cut off.
type Unended struct {
	Place string    `json:"place"` // where it goes, as OldPlace would say it
	Since time.Time `json:"since"`
}

// BeginMove notes that rows are about to be copied to that place.
func (r *Register) BeginMove(ctx context.Context, place string) error {
	said, err := json.Marshal(Unended{Place: place, Since: r.Now().UTC().Truncate(time.Second)})
	if err != nil {
		return err
	}
	return r.SetMeta(ctx, metaMovingTo, string(said))
}

// UnendedMove is the move that has begun and not ended; false where there is none.
func (r *Register) UnendedMove(ctx context.Context) (m Unended, there bool, err error) {
	said, err := r.Meta(ctx, metaMovingTo)
	if err != nil || said == "" {
		return m, false, err
	}
	if err := json.Unmarshal([]byte(said), &m); err != nil {
		return m, false, fmt.Errorf("reading where the register was to go: %w", err)
	}
	return m, true, nil
}

// EndMove forgets a move of which nothing is left at its place.
func (r *Register) EndMove(ctx context.Context) error { return r.forget(ctx, metaMovingTo) }
