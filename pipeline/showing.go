package pipeline

import (
	"context"
	"slices"
	"time"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// How long, and how much of, what people read is held in memory. Somebody turns
// the page within two minutes, and a letter of 20 colour pages has 5 MB; a page's
// picture has a third of one. With 50 readers at once all of it stays far enough
// below 512 MB for the rest of the server and its children: BenchmarkReaders of
// cmd/letterlock measures that.
const (
	readingPause   = 2 * time.Minute
	mostOpened     = 16
	mostOpenedMB   = 48
	mostPictures   = 64
	mostPicturesMB = 24

	// atOnce is how many pages are made at once, whoever waits: each needs some
	// 20 MB beside the letter itself, and a child of the renderer for half of its time.
	atOnce = 3
	// aheadTime is how long a page may take that nobody has asked for yet.
	aheadTime = 30 * time.Second
)

// showing is what the server holds while people read.
type showing struct {
	opened   *keep[openedKey]
	pictures *keep[pictureKey]
	turns    chan struct{} // one for each page that is being made
	rooms    roomsKept
	begun    chan struct{} // one for each first page that is made while its letter's page is sent
	ahead    chan struct{} // one for the page that is made ahead
}

// openedKey is one sealed copy of a letter: after a move it is another.
type openedKey struct {
	id   letter.ID
	lies register.Lodging
}

type pictureKey struct {
	openedKey
	portal.View
}

func newShowing() *showing {
	return &showing{
		opened:   newKeep[openedKey](readingPause, mostOpened, mostOpenedMB<<20),
		pictures: newKeep[pictureKey](readingPause, mostPictures, mostPicturesMB<<20),
		turns:    make(chan struct{}, atOnce),
		begun:    make(chan struct{}, atOnce),
		ahead:    make(chan struct{}, 1),
	}
}

// Close wipes what is held of letters that people read. The server can still be
// used, and then holds nothing.
func (s *Server) Close() error {
	s.showing.opened.close()
	s.showing.pictures.close()
	return nil
}

// closeLetter wipes what is held of a letter that comes to its end.
func (s *Server) closeLetter(id letter.ID) {
	s.showing.opened.forget(func(k openedKey) bool { return k.id == id })
	s.showing.pictures.forget(func(k pictureKey) bool { return k.id == id })
}

// letters are the letters of which something is held.
func (v *showing) letters() (ids []letter.ID) {
	for _, key := range v.opened.keys() {
		ids = append(ids, key.id)
	}
	for _, key := range v.pictures.keys() {
		ids = append(ids, key.id)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// Ready opens the letter for a person who is about to be shown its pages, and
// begins to make the first that they will see. The opening must be on record
// before; errors are those of forReader.
func (s *Server) Ready(ctx context.Context, l register.Letter, first portal.View) error {
	s.begin(l, first)
	_, done, err := s.plain(ctx, l)
	if err != nil {
		return err
	}
	done()
	return nil
}

// plain is the opened letter, until done is called.
func (s *Server) plain(ctx context.Context, l register.Letter) (plain []byte, done func(), err error) {
	return s.showing.opened.get(ctx, openedKey{l.ID, l.Lies}, func(ctx context.Context) ([]byte, error) { return s.forReader(ctx, l) })
}

// Page opens the letter for a person and draws one page as a JPEG. The opening
// must be on record before; errors are those of forReader. The page after it is then
// made too, if nobody waits for another.
func (s *Server) Page(ctx context.Context, l register.Letter, view portal.View) ([]byte, error) {
	s.awaitBefore(ctx, l, view)
	key := pictureKey{openedKey{l.ID, l.Lies}, view}
	held, done, err := s.showing.pictures.get(ctx, key, func(ctx context.Context) ([]byte, error) { return s.picture(ctx, l, view) })
	if err != nil {
		return nil, err
	}
	defer done()
	next := view
	if next.Page++; next.Page <= l.Pages {
		s.readAhead(l, next)
	}
	return slices.Clone(held), nil
}

// picture makes one page, when it is its turn.
func (s *Server) picture(ctx context.Context, l register.Letter, view portal.View) ([]byte, error) {
	select {
	case s.showing.turns <- struct{}{}:
		defer func() { <-s.showing.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	plain, done, err := s.plain(ctx, l)
	if err != nil {
		return nil, err
	}
	defer done()
	r := s.showing.rooms.take()
	pixels, err := s.cfg.Pages.Show(ctx, plain, view.Page, view.DPI, r.page)
	if err != nil {
		return nil, err // and the rooms are lost
	}
	r.page = pixels.Pix
	defer s.showing.rooms.giveBack(r)
	return shownJPEG(pixels, view.Turn, view.Mark, r)
}

// awaitBefore waits for the page before, if that is being made for the same person:
// a browser asks for the pages that follow the first at the same moment, and would
// have them all drawn at once, and the first that is looked at the later.
func (s *Server) awaitBefore(ctx context.Context, l register.Letter, view portal.View) {
	view.Page, view.Turn = view.Page-1, 0
	s.showing.pictures.settled(ctx, pictureKey{openedKey{l.ID, l.Lies}, view})
}

// begin makes a page that somebody will ask for in a moment: while the letter's page
// is sent to them and their browser reads it. Where others wait it takes its turn as
// if they had asked already, but there are no more of these than turns.
func (s *Server) begin(l register.Letter, view portal.View) {
	s.makeEarly(l, view, s.showing.begun)
}

// readAhead makes a page before it is asked for, unless somebody waits for one
// that is.
func (s *Server) readAhead(l register.Letter, view portal.View) {
	if len(s.showing.turns) == 0 {
		s.makeEarly(l, view, s.showing.ahead)
	}
}

// makeEarly makes a page that nobody has asked for, if it is among those that may be
// made so. Its reader's opening of the letter is on record.
func (s *Server) makeEarly(l register.Letter, view portal.View, among chan struct{}) {
	key := pictureKey{openedKey{l.ID, l.Lies}, view}
	if s.showing.pictures.has(key) {
		return
	}
	select {
	case among <- struct{}{}:
	default:
		return
	}
	go func() {
		defer func() { <-among }()
		ctx, cancel := context.WithTimeout(context.Background(), aheadTime)
		defer cancel()
		_, done, err := s.showing.pictures.get(ctx, key, func(ctx context.Context) ([]byte, error) { return s.picture(ctx, l, view) })
		if err == nil {
			done() // whoever asks for it is told what is wrong otherwise
		}
	}()
}
