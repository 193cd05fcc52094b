package pipeline

import (
	"context"
	"strings"
	"time"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// clockMayDiffer is by how much the clock of the database's server may be another
// than this machine's, as the storage's may.
const clockMayDiffer = 5 * time.Minute

// checkDatabase looks at the server that keeps the register, where there is one, and
// at what a move of the register has left.
func (s *Server) checkDatabase(ctx context.Context) (bad, good texts.Text, err error) {
	server, there, err := s.cfg.Register.Server(ctx)
	var old register.OldPlace
	var isOld bool
	if err == nil {
		old, isOld, err = s.cfg.Register.OldPlace(ctx)
	}
	var move register.Unended
	var unended bool
	if err == nil {
		move, unended, err = s.cfg.Register.UnendedMove(ctx)
	}
	switch {
	case register.IsAway(err):
		return texts.Say("check-database.away"), nil, nil
	case register.Refuses(err):
		return texts.Say("check-database.refuses"), nil, nil
	case err != nil:
		return nil, nil, err
	case !there && !isOld && !unended:
		return nil, texts.Say("check-database.file"), nil
	case len(server.Unsafe) > 0:
		return texts.Say("check-database.unsafe", "settings", strings.Join(server.Unsafe, ", ")), nil, nil
	case server.Ahead.Abs() > clockMayDiffer:
		return texts.Say("check-database.clock", "apart", server.Ahead.Abs().Round(time.Second).String()), nil, nil
	case isOld:
		return texts.Say("check-database.old", "day", letter.DateOf(old.Since)), nil, nil
	case unended:
		return texts.Say("check-database.unended", "day", letter.DateOf(move.Since)), nil, nil
	case server.Copies > 0:
		return nil, texts.Say("check-database.copies", "version", server.Version), nil
	case server.KeepsRemoved:
		return nil, texts.Say("check-database.recycles", "version", server.Version), nil
	}
	return nil, texts.Say("check-database.good", "version", server.Version), nil
}
