package commandline

import (
	"io"
	"log/slog"
)

// Log is the flag that says in which form a program writes its log. Both programs
// have it.
type Log struct {
	Log string `help:"How the log is written: text for people, json for another program, a line each." default:"text" enum:"text,json" env:"LETTERLOCK_LOG"`
}

// JSON reports whether what is written to standard error is for another program.
func (l Log) JSON() bool { return l.Log == "json" }

// Logger writes to out as the flag says, and what a library logs by itself goes
// the same way.
func (l Log) Logger(out io.Writer) *slog.Logger {
	var to slog.Handler = slog.NewTextHandler(out, nil)
	if l.JSON() {
		to = slog.NewJSONHandler(out, nil)
	}
	log := slog.New(to)
	slog.SetDefault(log)
	return log
}
