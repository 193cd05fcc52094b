//go:build !unix

package page

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// handover does nothing on a system where no open file can be handed to
// another process: there a document goes through the pipe.
type handover struct{}

func newHandover() (*handover, error) { return &handover{}, nil }

func (*handover) started()            {}
func (*handover) ends() []*os.File    { return nil }
func (*handover) close()              {}
func (*handover) send(*os.File) error { return errors.ErrUnsupported }

// openFile reads the whole PDF into memory and opens that.
func (d *Document) openFile(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("looking at a document: %w", bare(err))
	}
	if info.Size() > maxDocument {
		return fmt.Errorf("opening a document: %w: larger than 1 GiB", ErrRender)
	}
	body := make([]byte, info.Size())
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, info.Size()), body); err != nil {
		return fmt.Errorf("reading a document: %w", bare(err))
	}
	return d.opened(d.worker.ask(ctx, request{kind: askOpen, slot: d.slot, body: body},
		d.renderer.config.Time+time.Duration(len(body)/10_000_000)*time.Second))
}

// receiver gets nothing.
type receiver struct{}

func fromParent() *receiver { return &receiver{} }

func (*receiver) next() (*os.File, error) { return nil, errors.ErrUnsupported }
