package commandline

import (
	"context"
	"io"
)

// Input is what is read from there until ctx ends, and then ctx's error: a terminal
// or a pipe that says nothing would otherwise keep a program that was interrupted.
// Nothing may read there any more after that.
func Input(ctx context.Context, from io.Reader) io.Reader { return &input{ctx: ctx, from: from} }

type input struct {
	ctx  context.Context
	from io.Reader
	buf  []byte // of the read under way; nobody uses it once ctx has ended
}

func (in *input) Read(p []byte) (int, error) {
	if err := in.ctx.Err(); err != nil {
		return 0, err
	}
	if len(in.buf) < len(p) {
		in.buf = make([]byte, len(p))
	}
	type answer struct {
		n   int
		err error
	}
	buf, read := in.buf[:len(p)], make(chan answer, 1)
	go func() {
		n, err := in.from.Read(buf)
		read <- answer{n, err}
	}()
	select {
	case a := <-read:
		return copy(p, buf[:a.n]), a.err
	case <-in.ctx.Done():
		return 0, in.ctx.Err()
	}
}
