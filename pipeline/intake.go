package pipeline

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"image/jpeg"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// What scanners on other machines ask, as the portal shows it. It is opened in memory, for
// who may see it, and kept there only.

// askedScans is what this process has read of scanners' questions.
type askedScans struct {
	mu      sync.Mutex
	known   map[string]*askedScan // by address
	seen    []*seenPages          // the latest first
	reading sync.Mutex            // one reader of pages at a time: they take memory
}

// askedScan is one question as it was read.
type askedScan struct {
	at    time.Time       // when it was read
	asked letter.Question // zero where there was none that can be believed
	there bool
}

// seenPages are the pages of one scan, and what was asked of it when they were read.
type seenPages struct {
	address string
	at      time.Time
	asked   letter.Question
	pages   [][]byte
}

const (
	// pagesKept is of how many scans this process remembers the pages, of MaxPagesSize at most.
	pagesKept = 4
	// askedAgain is when a question is read again that was not there, or whose pages were not.
	askedAgain = 15 * time.Second
	// pagesFresh is for how long pages are shown as they were read: those of one page of
	// the portal are asked for one by one.
	pagesFresh = time.Minute
	// How wide and high a picture of a page may be, in pixels.
	widestPage, highestPage = 400, 1600
)

// address is a question in the portal's addresses. A stolen scanner may name another's
// token: it asks about a scan of its own then.
func address(site, token string) string { return site + "-" + token }

// Intake is the part of the portal's intake that is about scanners on other machines.
func (s *Server) Intake() portal.Intake { return apart{s} }

// apart implements portal.Intake over the bucket.
type apart struct{ *Server }

// Questions implements portal.Intake. What cannot be read just now is left out: each
// scanner's report says how many there are.
func (a apart) Questions(ctx context.Context) (all []portal.Question, err error) {
	said, err := a.cfg.Register.Reports(ctx)
	if err != nil {
		return nil, err
	}
	given, err := a.cfg.Register.ScanAnswers(ctx)
	if err != nil {
		return nil, err
	}
	asked := map[string]bool{}
	for _, r := range said {
		for _, token := range r.Questions {
			at := address(r.Site, token)
			asked[at] = true
			q := a.question(ctx, r.Site, token)
			if !q.there || !slices.Contains(a.cfg.Helplines, q.asked.Helpline) {
				continue
			}
			one := portal.Question{Token: at, Site: r.Site, Kind: portal.QuestionKind(q.asked.Kind), Helpline: q.asked.Helpline,
				Name: q.asked.Name, Since: q.asked.Since, Says: q.asked.Says, Language: q.asked.Language}
			if i := slices.IndexFunc(given[r.Site], func(g register.GivenAnswer) bool { return g.Token == token }); i >= 0 {
				one.Answered = given[r.Site][i].At
			}
			all = append(all, one)
		}
	}
	a.asked.forget(asked)
	slices.SortStableFunc(all, func(x, y portal.Question) int { return x.Since.Compare(y.Since) })
	return all, nil
}

// forget drops what no scanner asks any more.
func (k *askedScans) forget(asked map[string]bool) {
	k.drop(func(p *seenPages) bool { return !asked[p.address] })
	k.mu.Lock()
	defer k.mu.Unlock()
	for at := range k.known {
		if !asked[at] {
			delete(k.known, at)
		}
	}
}

// question is one that a scanner asks, as it was read before, or now. One that was read
// whole does not change.
func (s *Server) question(ctx context.Context, site, token string) askedScan {
	at := address(site, token)
	s.asked.mu.Lock()
	known := s.asked.known[at]
	s.asked.mu.Unlock()
	if known != nil && (known.there && known.asked.Unseen == "" || time.Since(known.at) < askedAgain) {
		return *known
	}
	_, found, err := s.readQuestion(ctx, site, token)
	if err != nil && ctx.Err() != nil {
		if known != nil {
			return *known
		}
		return askedScan{}
	}
	if err != nil && known != nil && known.there && !errors.Is(err, deposit.ErrNotFound) {
		found, err = known.asked, nil // the storage is away just now
	}
	now := &askedScan{time.Now(), found, err == nil}
	if known == nil && err != nil && !errors.Is(err, deposit.ErrNotFound) { // said once
		s.cfg.Log.Warn("what a scanner asks cannot be shown in the portal, and is answered in its folder", "site", site, "error", err)
	}
	s.asked.mu.Lock()
	defer s.asked.mu.Unlock()
	if s.asked.known == nil {
		s.asked.known = map[string]*askedScan{}
	}
	s.asked.known[at] = now
	return *now
}

// readQuestion reads what a scanner asks, and believes it only under the scanner's
// signature, for that very token.
func (s *Server) readQuestion(ctx context.Context, site, token string) (letter.Asked, letter.Question, error) {
	fail := func(err error) (letter.Asked, letter.Question, error) {
		return letter.Asked{}, letter.Question{}, fmt.Errorf("reading what a scanner asks: %w", err)
	}
	edge, err := s.edgeKey(ctx, site)
	if err == nil && edge == nil {
		err = register.ErrNotFound
	}
	if err != nil {
		return fail(err)
	}
	msg, err := s.readSmall(ctx, letter.AskedKey(site, token))
	if err != nil {
		return fail(err)
	}
	asked, err := letter.OpenAsked(msg, edge)
	if err == nil && asked.Token != token {
		err = errors.New("it is about another scan")
	}
	if err != nil {
		return fail(err)
	}
	plain, err := s.unsealAsked(ctx, asked.Week, bytes.NewReader(asked.Question))
	if err != nil {
		return fail(err)
	}
	q, err := letter.ReadQuestion(plain)
	if err == nil && (q.Unseen == "") != (asked.Pages != nil) {
		err = errors.New("it is not said where its pages are")
	}
	if err != nil {
		return fail(err)
	}
	return asked, q, nil
}

// unsealAsked opens what a scanner has sealed of a question, in memory.
func (s *Server) unsealAsked(ctx context.Context, week letter.Week, sealed io.Reader) ([]byte, error) {
	if err := s.useKey(ctx, week); err != nil {
		return nil, err
	}
	plain, err := s.cfg.Keyring.Unseal(week, sealed)
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(plain, letter.MaxPagesSize+1))
	if err == nil && len(data) > letter.MaxPagesSize {
		err = errors.New("it is longer than any true one")
	}
	return data, err
}

// asks finds what is asked at an address just now, by which site's scanner under which
// token.
func (a apart) asks(ctx context.Context, at string) (site, token string, err error) {
	all, err := a.Questions(ctx)
	if err != nil {
		return "", "", err
	}
	i := slices.IndexFunc(all, func(q portal.Question) bool { return q.Token == at && q.Answered.IsZero() })
	if i < 0 {
		return "", "", portal.ErrAnswered
	}
	site = all[i].Site
	return site, strings.TrimPrefix(at, address(site, "")), nil
}

// Stack implements portal.Intake.
func (a apart) Stack(ctx context.Context, at string) (portal.Stack, error) {
	q, _, err := a.look(ctx, at)
	if err != nil {
		return portal.Stack{}, err
	}
	return portal.Stack{Pages: q.Pages, Begins: q.Begins, Sheets: q.Sheets, Doubtful: q.Doubtful, Coded: q.Coded, Says: q.Look}, nil
}

// Thumbnail implements portal.Intake.
func (a apart) Thumbnail(ctx context.Context, at string, page int) ([]byte, error) {
	_, pages, err := a.look(ctx, at)
	if err != nil {
		return nil, err
	}
	if page < 1 || page > len(pages) {
		return nil, portal.ErrAnswered
	}
	return drawnAnew(pages[page-1])
}

// drawnAnew is a scanner's picture of a page as this program draws it. A stolen scanner
// may send anything, and people's browsers are to read no picture of a stranger's making.
func drawnAnew(picture []byte) ([]byte, error) {
	size, err := jpeg.DecodeConfig(bytes.NewReader(picture))
	if err == nil && (size.Width > widestPage || size.Height > highestPage) {
		err = errors.New("it is too large")
	}
	if err != nil {
		return nil, fmt.Errorf("reading a scanner's picture of a page: %w", err)
	}
	page, err := jpeg.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("reading a scanner's picture of a page: %w", err)
	}
	var out bytes.Buffer
	err = jpeg.Encode(&out, page, &jpeg.Options{Quality: 80})
	return out.Bytes(), err
}

// unseen is what the portal says where there are no pages to see.
var unseen = map[string]error{
	letter.UnseenYet:     portal.ErrNotLookedAt,
	letter.UnseenTooMany: portal.ErrNotToBeSeen,
	letter.UnseenFailed:  portal.ErrNotToBeSeen,
}

// look reads the question anew, with its pages. The scanner may just be putting both:
// then they do not fit, and whoever looks again finds that they do.
func (a apart) look(ctx context.Context, at string) (q letter.Question, pages [][]byte, err error) {
	site, token, err := a.asks(ctx, at)
	if err != nil {
		return q, nil, err
	}
	a.asked.reading.Lock()
	defer a.asked.reading.Unlock()
	if p := a.asked.fresh(at); p != nil {
		return p.asked, p.pages, nil
	}
	asked, q, err := a.readQuestion(ctx, site, token)
	if errors.Is(err, deposit.ErrNotFound) {
		return q, nil, portal.ErrAnswered
	}
	if err != nil {
		return q, nil, err
	}
	if q.Unseen != "" {
		return q, nil, unseen[q.Unseen]
	}
	sealed, err := a.readPages(ctx, letter.AskedPagesKey(site, token), *asked.Pages)
	if err != nil {
		return q, nil, err
	}
	plain, err := a.unsealAsked(ctx, asked.Week, bytes.NewReader(sealed))
	if err == nil {
		pages, err = letter.ReadPages(plain, q.Pages)
	}
	if err != nil {
		return q, nil, fmt.Errorf("reading the pages of what a scanner asks: %w", err)
	}
	a.asked.keep(&seenPages{at, time.Now(), q, pages})
	return q, pages, nil
}

// readPages reads the sealed pages that the scanner has signed for.
func (s *Server) readPages(ctx context.Context, key string, said letter.AskedPages) ([]byte, error) {
	body, size, err := s.cfg.Store.Read(ctx, key, "")
	if errors.Is(err, deposit.ErrNotFound) {
		return nil, portal.ErrNotLookedAt // they are put anew within a day
	}
	if err != nil {
		return nil, err
	}
	defer func() { _ = body.Close() }()
	if size != said.Size {
		return nil, portal.ErrNotLookedAt
	}
	sealed, err := io.ReadAll(io.LimitReader(body, said.Size+1))
	if err != nil {
		return nil, deposit.Explain("reading the pages of what a scanner asks", err)
	}
	if sum := sha256.Sum256(sealed); hex.EncodeToString(sum[:]) != said.SHA256 {
		return nil, portal.ErrNotLookedAt
	}
	return sealed, nil
}

// fresh is the pages of the scan, if they were read a moment ago.
func (k *askedScans) fresh(at string) *seenPages {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, p := range k.seen {
		if p.address == at && time.Since(p.at) < pagesFresh {
			return p
		}
	}
	return nil
}

// keep remembers the pages of one more scan while they are fresh, and forgets those of another.
func (k *askedScans) keep(p *seenPages) {
	time.AfterFunc(pagesFresh, func() { k.drop(func(o *seenPages) bool { return o == p }) })
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = slices.DeleteFunc(k.seen, func(o *seenPages) bool { return o.address == p.address })
	k.seen = append([]*seenPages{p}, k.seen[:min(len(k.seen), pagesKept-1)]...)
}

func (k *askedScans) drop(which func(*seenPages) bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.seen = slices.DeleteFunc(k.seen, which)
}

// Answer implements portal.Intake. The answer and its entry are written at once: a crash
// before leaves neither, and a question that still waits; one after it, a list that the
// next sweep puts. Of two who answer at once, at whatever server, the second has answered
// nothing.
func (a apart) Answer(ctx context.Context, at string, said portal.Answer) error {
	site, token, err := a.asks(ctx, at)
	if err != nil {
		return err
	}
	err = a.cfg.Register.AnswerScan(ctx, site, letter.Answer{Token: token, Answer: string(said.Kind), Begins: said.Begins, Sheets: said.Sheets, Despite: said.Despite}, said.Entry, said.By)
	if errors.Is(err, register.ErrAnswered) {
		return portal.ErrAnswered
	}
	if err == nil {
		a.cfg.Step("scan-answered", "")
	}
	return err
}
