//go:build unix

package page

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// handover is a socket over which a child gets open files: their content never
// passes through this process. It is the child's descriptor 3.
type handover struct{ to, child *os.File }

func newHandover() (*handover, error) {
	// No other child may be forked in between, which would keep the socket.
	syscall.ForkLock.RLock()
	pair, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(pair[0])
		syscall.CloseOnExec(pair[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, fmt.Errorf("making a socket to a child: %w", err)
	}
	return &handover{to: os.NewFile(uintptr(pair[0]), "handover"), child: os.NewFile(uintptr(pair[1]), "handover")}, nil
}

// started lets go of the child's end, so that the child's own is the last.
func (h *handover) started() { h.child.Close() }

// ends are what the child inherits.
func (h *handover) ends() []*os.File { return []*os.File{h.child} }

func (h *handover) close() { h.to.Close() }

// send hands f over; the child gets its own descriptor of the same open file.
func (h *handover) send(f *os.File) error {
	return onDescriptor(f, func(fd int) error {
		return onDescriptor(h.to, func(socket int) error {
			return syscall.Sendmsg(socket, []byte{0}, syscall.UnixRights(fd), nil, 0)
		})
	})
}

// onDescriptor calls do with the descriptor of f, which stays open meanwhile.
func onDescriptor(f *os.File, do func(fd int) error) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return bare(err)
	}
	var failure error
	err = raw.Control(func(fd uintptr) { failure = do(int(fd)) })
	return errors.Join(bare(err), failure)
}

// openFile opens the PDF in f. The file is duplicated first: when ctx ends, f is
// the caller's again while the question may still be on its way.
func (d *Document) openFile(ctx context.Context, f *os.File) error {
	info, err := f.Stat()
	if err != nil {
		return fmt.Errorf("looking at a document: %w", bare(err))
	}
	if info.Size() > maxFile {
		return fmt.Errorf("opening a document: %w: larger than 4 GiB", ErrRender)
	}
	var mine *os.File
	err = onDescriptor(f, func(fd int) error {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		twin, err := syscall.Dup(fd)
		if err != nil {
			return err
		}
		syscall.CloseOnExec(twin)
		mine = os.NewFile(uintptr(twin), "document")
		return nil
	})
	if err != nil {
		return fmt.Errorf("duplicating a descriptor: %w", err)
	}
	// PDFium reads only what it needs, but of a broken file all.
	const rate = 50_000_000 // bytes a second
	return d.opened(d.worker.ask(ctx, request{kind: askFile, slot: d.slot, file: mine},
		d.renderer.config.Time+time.Duration(info.Size()/rate)*time.Second))
}

// receiver is the child's end of a handover.
type receiver struct{ socket int }

func fromParent() *receiver {
	const socket = 3
	syscall.CloseOnExec(socket)
	return &receiver{socket}
}

// next takes the next file.
func (r *receiver) next() (*os.File, error) {
	var data [1]byte
	rights := make([]byte, syscall.CmsgSpace(4))
	_, n, _, _, err := syscall.Recvmsg(r.socket, data[:], rights, 0)
	if err != nil {
		return nil, err
	}
	messages, err := syscall.ParseSocketControlMessage(rights[:n])
	if err != nil || len(messages) != 1 {
		return nil, errors.Join(errFrame, err)
	}
	fds, err := syscall.ParseUnixRights(&messages[0])
	if err != nil || len(fds) != 1 {
		return nil, errors.Join(errFrame, err)
	}
	return os.NewFile(uintptr(fds[0]), "document"), nil
}
