package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	netmail "net/mail"
	"os"
	"path/filepath"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"letterlock/pipeline/durable"
	"letterlock/pipeline/texts"
)

// Outbox writes each message as an .eml file into a folder, where a person or
// another program picks it up. It stands in where there is no mail server.
type Outbox struct {
	dir      string
	from     *netmail.Address
	announce io.Writer
	now      func() time.Time
	language *texts.Language

	mu sync.Mutex // one message at a time: a repeat uses the same names
}

// NewOutbox opens the folder and makes it, for its owner's eyes only, when it
// is missing. Of each message one line goes to announce, which says where it
// lies and nothing of what is in it. now dates the messages.
func NewOutbox(dir, from string, announce io.Writer, now func() time.Time) (*Outbox, error) {
	sender, err := parseSender(from)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("opening outbox: %w", err)
	}
	// Without this a power cut could take the folder with the messages in it.
	if err := durable.SyncDir(filepath.Dir(filepath.Clean(dir))); err != nil {
		return nil, fmt.Errorf("opening outbox: %w", err)
	}
	return &Outbox{dir: dir, from: sender, announce: announce, now: now, language: texts.English()}, nil
}

// Speak has the messages say what they say in l instead of English. It is called
// before anything is sent.
func (o *Outbox) Speak(l *texts.Language) { o.language = l }

// Send writes the message. When it returns nil, the file outlives a power cut.
// The file is named by the Message-ID, so that a repeat takes its place.
func (o *Outbox) Send(ctx context.Context, m Message) error {
	msg, err := compose(o.from, o.language, m, o.now())
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("writing mail: %w", err)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	name := filepath.Join(o.dir, m.MessageID+".eml")
	if err := write(name, msg); err != nil {
		return fmt.Errorf("writing mail: %w", err)
	}
	// The message is safe: a console that cannot be written to changes nothing.
	_, _ = fmt.Fprintf(o.announce, "Mail to one person is in %s\n", name)
	return nil
}

// Ping reports whether the folder is there and can be written to.
func (o *Outbox) Ping(context.Context) error {
	probe, err := os.CreateTemp(o.dir, ".ping-*")
	if err != nil {
		return fmt.Errorf("looking at outbox: %w", err)
	}
	if err := errors.Join(probe.Close(), os.Remove(probe.Name())); err != nil {
		return fmt.Errorf("looking at outbox: %w", err)
	}
	return nil
}

// write makes the file whole or not at all.
func write(name string, msg *gomail.Msg) error {
	passing := filepath.Join(filepath.Dir(name), "."+filepath.Base(name))
	// A crash leaves the passing name, which the repeat removes.
	if err := os.Remove(passing); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	file, err := os.OpenFile(passing, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = msg.WriteTo(file)
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Rename(passing, name)
	}
	if err != nil {
		_ = os.Remove(passing) // room for the next try on a full disk
		return err
	}
	return durable.SyncDir(filepath.Dir(name))
}
