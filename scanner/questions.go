package scanner

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image"
	"image/jpeg"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"
	"time"

	"golang.org/x/image/draw"

	"letterlock/scanner/disk"
	"letterlock/scanner/folder"
	"letterlock/scanner/letter"
	"letterlock/scanner/separator"
	"letterlock/scanner/texts"
)

// Question is a scan that waits for a person's answer.
type Question struct {
	// Token stands for this very file, as it was given back this time, in addresses and
	// in the bucket: another file of its name has another one, and so has the same file
	// once it is asked about anew. It says nothing of the name, and outlives a restart.
	Token    string
	Dir      string // one of folder.QuestionDirs
	Helpline string
	Name     string    // of the file; never for a log
	Since    time.Time // when it was given back
	Says     string    // what is wrong, in plain words
}

// path is where the scan lies in the scanner folder.
func (q Question) path() string { return path.Join(q.Helpline, q.Dir, q.Name) }

// Questions lets people answer, elsewhere than in the folder itself, what the
// scanner folder asks. It works beside the running edge, which learns of an
// answer by the scan lying in another folder. It is safe for concurrent use.
type Questions struct {
	edge *Edge
	root *disk.Real
	key  []byte

	looking sync.Mutex // one look at a time: it takes a processor and memory
	mu      sync.Mutex
	looked  []*look // the latest first
}

// ErrAnswered says that a question has been answered meanwhile, or that its
// scan is gone.
var ErrAnswered = errors.New("the question is answered, or its scan is gone")

// look is what was seen of one scan that waits.
type look struct {
	of    Question
	batch separator.Batch
	pages [][]byte // JPEGs
}

// looksKept is how many scans are remembered page by page; a stack of 200 pages
// takes some 2 MB.
const looksKept = 4

// thumbnailWidth, in pixels, is enough to see where a letter begins.
const thumbnailWidth = 400

// thumbnail is a page as a small JPEG.
func thumbnail(page *image.Gray) []byte {
	b := page.Bounds()
	small := image.NewGray(image.Rect(0, 0, thumbnailWidth, max(1, min(b.Dy()*thumbnailWidth/max(b.Dx(), 1), 4*thumbnailWidth))))
	draw.BiLinear.Scale(small, small.Bounds(), page, b, draw.Src, nil)
	var out bytes.Buffer
	_ = jpeg.Encode(&out, small, &jpeg.Options{Quality: 80}) // a buffer takes everything
	return out.Bytes()
}

// OpenQuestions is for the folder of an edge of this process.
func OpenQuestions(e *Edge) (*Questions, error) {
	root, err := disk.Open(e.Folder)
	if err != nil {
		return nil, disk.Plain("opening the scanner folder", err)
	}
	key := hmac.New(sha256.New, e.known.key)
	key.Write([]byte("questions"))
	return &Questions{edge: e, root: root, key: key.Sum(nil)}, nil
}

// Language is that of what the scanner folder asks.
func (q *Questions) Language() *texts.Language { return q.edge.Language }

// Close lets go of the folder.
func (q *Questions) Close() error { return q.root.Close() }

// List is all that waits, the oldest first.
func (q *Questions) List() ([]Question, error) {
	var all []Question
	for _, helpline := range q.edge.Helplines {
		for _, dir := range folder.QuestionDirs {
			names, err := disk.Names(q.root, path.Join(helpline, dir), func(entry fs.DirEntry) bool { return entry.Type().IsRegular() })
			if err != nil {
				return nil, disk.Plain("looking for questions", err)
			}
			for _, name := range names {
				if question, ok := q.question(helpline, dir, name); ok {
					all = append(all, question)
				}
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Question) int { return a.Since.Compare(b.Since) })
	return all, nil
}

// question reads one; what has no note of ours beside it is none.
func (q *Questions) question(helpline, dir, name string) (Question, bool) {
	at := path.Join(helpline, dir, name)
	note, since, err := folder.ReadNote(q.root, at)
	if err != nil {
		return Question{}, false
	}
	seen, err := q.root.Lstat(at)
	if err != nil {
		return Question{}, false
	}
	mac := hmac.New(sha256.New, q.key)
	fmt.Fprintf(mac, "%s\x00%d\x00%d\x00%d", at, seen.Size(), seen.ModTime().UnixNano(), since.UnixNano())
	return Question{Token: hex.EncodeToString(mac.Sum(nil)[:16]), Dir: dir, Helpline: helpline, Name: name,
		Since: since, Says: note}, true
}

func (q *Questions) find(token string) (Question, error) {
	all, err := q.List()
	if err != nil {
		return Question{}, err
	}
	at := slices.IndexFunc(all, func(one Question) bool { return hmac.Equal([]byte(one.Token), []byte(token)) })
	if at < 0 {
		return Question{}, ErrAnswered
	}
	return all[at], nil
}

// Stack is the scan of a question as it would be cut into letters.
func (q *Questions) Stack(ctx context.Context, token string) (separator.Batch, error) {
	l, err := q.look(ctx, token)
	if err != nil {
		return separator.Batch{}, err
	}
	return l.batch, nil
}

// Thumbnail is a page of the scan, from 1, as a small JPEG.
func (q *Questions) Thumbnail(ctx context.Context, token string, page int) ([]byte, error) {
	l, err := q.look(ctx, token)
	if err != nil {
		return nil, err
	}
	if page < 1 || page > len(l.pages) {
		return nil, ErrAnswered
	}
	return l.pages[page-1], nil
}

// look makes the clean PDF of a scan that waits and looks at every page, unless
// it has done so before. The PDF is deleted again before look returns.
func (q *Questions) look(ctx context.Context, token string) (*look, error) {
	if l := q.lookedAt(token); l != nil {
		return l, nil
	}
	question, err := q.find(token)
	if err != nil {
		return nil, err
	}
	q.looking.Lock()
	defer q.looking.Unlock()
	if l := q.lookedAt(token); l != nil {
		return l, nil // by the one before
	}
	l := &look{of: question}
	if err := q.lookAt(ctx, l); err != nil {
		return nil, err
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.looked = append([]*look{l}, q.looked[:min(len(q.looked), looksKept-1)]...)
	return l, nil
}

// lookedAt is the look that is remembered, if its scan still waits. For each page
// of a stack that is shown this reads one note and not those of all questions.
func (q *Questions) lookedAt(token string) *look {
	q.mu.Lock()
	defer q.mu.Unlock()
	for _, l := range q.looked {
		if l.of.Token != token {
			continue
		}
		if now, ok := q.question(l.of.Helpline, l.of.Dir, l.of.Name); ok && now.Token == token {
			return l
		}
	}
	return nil
}

func (q *Questions) lookAt(ctx context.Context, l *look) error {
	scan, err := folder.OpenScan(q.root, l.of.path())
	if err != nil {
		return disk.Plain("opening a scan that waits", err)
	}
	defer scan.Close()
	// No claim: the edge beside it clears away what is one and has no scan. What a crash
	// leaves goes when the folder is opened again.
	bench := path.Join(folder.LooksDir, string(letter.NewID()))
	if err := disk.MkdirAll(q.root, bench, 0o700); err != nil {
		return disk.Plain("making a folder to look at scans", err)
	}
	defer q.root.Remove(folder.LooksDir) // if no other look is under way
	defer disk.Discard(q.root, bench)
	clean, err := q.root.OpenFile(path.Join(bench, "clean.pdf"), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return disk.Plain("making a file to look at a scan", err)
	}
	defer clean.Close()
	made, err := q.edge.Workshop.Normalise(ctx, scan, clean)
	if err != nil {
		return err
	}
	_, pages, err := q.edge.Workshop.Inspect(ctx, scan, clean, made, func(_ int, page *image.Gray) {
		l.pages = append(l.pages, thumbnail(page))
	})
	if err == nil && len(l.pages) != made.Pages {
		err = errors.New("looking at a scan: not every page was shown")
	}
	if err == nil {
		l.batch, err = separator.Split(l.of.Helpline, pages, q.edge.Duplex)
	}
	return err
}

// Answer gives a person's answer: the scan moves into the folder of that answer,
// where the edge finds it. For folder.Cut, cuts says where the letters begin;
// the error is one of separator's when no letters can come of them.
func (q *Questions) Answer(ctx context.Context, token string, answer folder.Answer, cuts separator.Cuts) error {
	question, err := q.find(token)
	if err != nil {
		return err
	}
	if answer.Question() != question.Dir {
		return fmt.Errorf("answering a question: %q is no answer to this one", answer)
	}
	if answer == folder.Cut {
		l, err := q.look(ctx, token)
		if err != nil {
			return err
		}
		if _, err := l.batch.Confirm(cuts); err != nil {
			return err
		}
	}
	return q.give(question, answer, cuts)
}

// give is Answer for an answer that fits the question, and for cuts of which letters
// can come, or that were made where nobody could try: then the stack is asked about
// anew. A crash after the cuts are kept leaves the question open; one after the scan is
// moved, a scan that the edge finds like any other.
func (q *Questions) give(question Question, answer folder.Answer, cuts separator.Cuts) error {
	from := question.path()
	if answer == folder.Cut {
		if err := q.remember(from, cuts); err != nil {
			return err
		}
		q.edge.step("answer-kept", "")
	}
	to := path.Dir(folder.AnswerPath(question.Helpline, question.Name, answer))
	if err := disk.MkdirAll(q.root, to, 0o770); err != nil {
		return disk.Plain("making the folder of an answer", err)
	}
	_, err := disk.MoveFree(q.root, from, to, question.Name)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrAnswered
	}
	return err
}

// remember keeps the cuts for the edge, under the hash of what they are for.
func (q *Questions) remember(name string, cuts separator.Cuts) error {
	scan, err := folder.OpenScan(q.root, name)
	if errors.Is(err, fs.ErrNotExist) {
		return ErrAnswered
	}
	if err != nil {
		return disk.Plain("opening a scan that waits", err)
	}
	defer scan.Close()
	info, err := scan.Stat()
	if err != nil {
		return disk.Plain("looking at a scan that waits", err)
	}
	hash, err := q.edge.hash(scan, info.Size())
	if err != nil {
		return err
	}
	return saveCuts(q.edge.state, hash, cuts)
}
