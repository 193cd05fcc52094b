package pipeline

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
)

// unknownSite stands where nobody can say any more which scanner took a letter.
const unknownSite = "unknown"

// adoptAll makes letters known of which the register has never heard: they were
// taken in after the backup, and their scans are gone from their scanners.
func (r *replay) adoptAll(ctx context.Context) error {
	manifests, err := r.keysByID(ctx, letter.IncomingPrefix)
	if err != nil {
		return err
	}
	receipts, err := r.keysByID(ctx, letter.ReceiptsPrefix)
	if err != nil {
		return err
	}
	for i, id := range slices.Sorted(maps.Keys(r.there)) {
		r.cfg.Far(i, len(r.there))
		ever, _, err := r.cfg.Register.KnowsOf(ctx, id)
		if err != nil {
			return err
		}
		if ever {
			continue
		}
		if err := r.adopt(ctx, id, manifests[id], receipts[id]); err != nil {
			return err
		}
		r.cfg.Step("replay-adopted", id)
	}
	return r.adoptAnswers(ctx)
}

// keysByID lists what the two roles said about letters.
func (s *Server) keysByID(ctx context.Context, prefix string) (map[letter.ID]string, error) {
	all := map[letter.ID]string{}
	for key, err := range s.cfg.Store.List(ctx, prefix) {
		if err != nil {
			return nil, fmt.Errorf("listing %s: %w", prefix, err)
		}
		if id, err := letter.ParseID(path.Base(key)); err == nil {
			all[id] = key
		}
	}
	return all, nil
}

// adopt makes one such letter known, as far as it can be known: marker is where
// its manifest lies, receipt where the server's word to its scanner does; "" for
// neither. One whose manifest still waits is admitted later like any other.
func (r *replay) adopt(ctx context.Context, id letter.ID, marker, receipt string) error {
	var places []register.Lodging
	for _, at := range r.there[id] {
		if at.live && r.today.Before(at.Deadline()) {
			places = append(places, at.Lodging)
		}
	}
	slices.SortStableFunc(places, func(a, b register.Lodging) int { return cmp.Compare(b.Deadline().String(), a.Deadline().String()) })
	if len(places) == 0 {
		return nil
	}
	said, announced, err := r.announced(ctx, marker)
	if err != nil {
		return err
	}
	deposited := register.Lodging{Class: said.Class, Helpline: said.Helpline, Since: said.ReceivedOn()}
	if announced && slices.Contains(places, deposited) {
		return nil
	}
	word, site, err := r.receiptIn(ctx, receipt)
	if err != nil {
		return err
	}
	for _, at := range places {
		found, pages, plain, err := r.firstThatOpens(ctx, id, at, word.SHA256)
		if err != nil {
			return err
		}
		if found == nil {
			r.leaveAlone(at.Key(id))
			continue
		}
		if to, person := readMark(plain); to != "" && !announced && receipt == "" { // no scanner took it
			m := letter.Manifest{ID: id, Site: register.ResponseSite, Helpline: at.Helpline, Class: letter.SixMonths, Received: at.Since.Start().UTC(),
				Pages: pages, Size: found.Size, SHA256: found.SHA256}
			r.answers = append(r.answers, register.AnswerAdoption{Manifest: m, At: *found, Answers: to, UploadedBy: person})
			return nil
		}
		a := register.Adoption{Manifest: said, At: *found, Paper: cmp.Or(word.Paper, letter.PaperKept), Reason: register.ScanAgainReason(word.Reason)}
		if !announced {
			if site == "" {
				if site, err = r.onlySite(ctx); err != nil {
					return err
				}
			}
			a.Manifest = letter.Manifest{ID: id, Site: site, Helpline: at.Helpline, Class: letter.SixMonths, Received: at.Since.Start().UTC(),
				Pages: pages, Size: found.Size, SHA256: cmp.Or(word.SHA256, found.SHA256), Replaces: word.Replaces}
		}
		err = r.cfg.Register.Adopt(ctx, a)
		if errors.Is(err, register.ErrAlreadyDeleted) {
			return nil // another process was first
		}
		return err
	}
	return nil
}

// announced is what a manifest says that is believed.
func (r *replay) announced(ctx context.Context, marker string) (letter.Manifest, bool, error) {
	if marker == "" {
		return letter.Manifest{}, false, nil
	}
	m, why, err := r.believe(ctx, marker)
	if isItsOwn(err) {
		return letter.Manifest{}, false, nil
	}
	return m, why == "" && err == nil, err
}

// receiptIn is what a receipt says that this server has signed, and for which site.
func (r *replay) receiptIn(ctx context.Context, key string) (word letter.Receipt, site string, err error) {
	if key == "" {
		return word, "", nil
	}
	msg, err := r.readSmall(ctx, key)
	if errors.Is(err, deposit.ErrNotFound) {
		return word, "", nil
	}
	if err != nil {
		return word, "", err
	}
	keys, err := r.ownKeys(ctx)
	if err != nil {
		return word, "", err
	}
	word, err = letter.ByAny(letter.OpenReceipt, msg, keys)
	site = path.Base(path.Dir(key))
	if err != nil || string(word.ID) != path.Base(key) || !letter.ValidName(site) {
		return letter.Receipt{}, "", nil // nobody's word
	}
	return word, site, nil
}

// onlySite is the site of the one scanner that is enrolled, or unknownSite.
func (r *replay) onlySite(ctx context.Context) (string, error) {
	sites, err := r.cfg.Register.Sites(ctx)
	if err != nil || len(sites) != 1 {
		return unknownSite, err
	}
	return sites[0], nil
}

// firstThatOpens is the version in a place that opens and of which every page can
// be drawn; if one of them is what a receipt was given for, that one. A stolen
// scanner may have put others.
func (r *replay) firstThatOpens(ctx context.Context, id letter.ID, at register.Lodging, receipted string) (found *register.Lodging, pages int, plain []byte, err error) {
	versions, err := r.versions(ctx, id, at)
	if err != nil {
		return nil, 0, nil, err
	}
	slices.SortStableFunc(versions, func(a, b register.Lodging) int {
		return compareBool(a.SHA256 != receipted, b.SHA256 != receipted)
	})
	for _, v := range versions {
		pages, plain, err := r.openAny(ctx, id, v)
		if err != nil {
			return nil, 0, nil, err
		}
		if pages > 0 {
			return &v, pages, plain, nil
		}
	}
	return nil, 0, nil, nil
}

// notePapers notes of letters on record that their paper is destroyed where a
// receipt says so that is newer than the register.
func (r *replay) notePapers(ctx context.Context) error {
	receipts, err := r.keysByID(ctx, letter.ReceiptsPrefix)
	if err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(receipts)) {
		paper, err := r.cfg.Register.Paper(ctx, id)
		if errors.Is(err, register.ErrNotFound) || paper.State == letter.PaperDestroyed {
			continue
		}
		if err != nil {
			return err
		}
		word, _, err := r.receiptIn(ctx, receipts[id])
		if err != nil {
			return err
		}
		if word.Paper != letter.PaperDestroyed {
			continue
		}
		if err := r.cfg.Register.FindPaperDestroyed(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

// keepUnread keeps where those objects lie that could not be opened, for a check
// to say until their deadline.
func (r *replay) keepUnread(ctx context.Context) error {
	const most = 1000 // whoever can write to the bucket must not be able to fill the register
	slices.Sort(r.unread)
	text, err := json.Marshal(r.unread[:min(most, len(r.unread))])
	if err != nil {
		return err
	}
	return r.cfg.Register.SetMeta(ctx, register.MetaUnread, string(text))
}

// unreadLeft are the keys of the objects that the last replay could not open and whose
// deadline has not come; over says that there are others whose has.
func (s *Server) unreadLeft(ctx context.Context) (keys []string, over bool, err error) {
	text, err := s.cfg.Register.Meta(ctx, register.MetaUnread)
	if err != nil || text == "" {
		return nil, false, err
	}
	if err := json.Unmarshal([]byte(text), &keys); err != nil {
		return nil, false, fmt.Errorf("reading what a replay could not open: %w", err)
	}
	today, known := letter.DateOf(s.cfg.Now()), len(keys)
	keys = slices.DeleteFunc(keys, func(key string) bool {
		parts := strings.Split(key, "/") // letters/<class>/<helpline>/<day>/<id>.age
		if len(parts) != 5 {
			return true
		}
		day, err := letter.ParseDate(parts[3])
		return err != nil || !today.Before(letter.Deadline(day, letter.Class(parts[1])))
	})
	return keys, len(keys) < known, nil
}

// forgetUnread forgets those whose deadline has come: their keys name letters.
func (s *Server) forgetUnread(ctx context.Context) error {
	left, over, err := s.unreadLeft(ctx)
	if err != nil || !over {
		return err
	}
	text, err := json.Marshal(left)
	if err != nil {
		return err
	}
	return s.cfg.Register.SetMeta(ctx, register.MetaUnread, string(text))
}

// Backlog is what a replay would find, as far as that can be said without opening
// a letter.
type Backlog struct {
	Signs   []register.RestoreSign
	Entries int64       // of this register, without those of custodians who brought keys back since
	Newest  letter.Date // the day of the newest of them
	Seen    int64       // entries under the newest checkpoint that is known elsewhere; 0 where none is

	Living    int               // letters on record that stay
	Unknown   int               // letters in the bucket of which this register has never heard, and that are not due
	Elsewhere int               // letters on record that do not lie where they should, and lie elsewhere
	Missing   int               // letters on record that lie nowhere
	Again     int               // objects that belong to no living letter and must go
	Overdue   int               // letters on record past their deadline
	Keys      int               // keys past their week
	People    []register.Person // who may sign in, as far as this register knows
	Sites     []string          // whose scanners are believed, likewise
}

// Backlog looks, and changes nothing.
func (s *Server) Backlog(ctx context.Context) (b Backlog, err error) {
	ctx = register.Replaying(ctx)
	if b.Signs, err = s.RestoreSigns(ctx); err != nil {
		return b, err
	}
	if err := s.mayReplay(ctx, b.Signs); err != nil {
		return b, err
	}
	if err := s.lookBack(ctx, &b); err != nil {
		return b, err
	}
	r := &replay{Server: s, today: letter.DateOf(s.cfg.Now())}
	if r.there, err = s.shelves(ctx); err != nil {
		return b, err
	}
	looked := 0
	for id, at := range r.there {
		s.cfg.Far(looked, len(r.there))
		looked++
		if err := r.countUnknown(ctx, id, at, &b); err != nil {
			return b, err
		}
	}
	return b, s.cfg.Register.EachLetter(ctx, func(l register.Letter) error {
		lies := func(at shelf) bool { return at.live && at.Lodging == place(l.Lies) }
		switch there := r.there[l.ID]; {
		case l.State == register.Expiring || l.Erase != "":
		case slices.ContainsFunc(there, lies):
			if l.DueOn(r.today) {
				return nil
			}
			b.Living++
		case slices.ContainsFunc(there, func(at shelf) bool { return at.live }):
			b.Elsewhere++
		case !l.DueOn(r.today) && l.ObjectVersion != "":
			b.Missing++
		}
		return nil
	})
}

// lookBack is what the register itself knows.
func (s *Server) lookBack(ctx context.Context, b *Backlog) (err error) {
	if b.Entries, err = s.cfg.Register.OlderCopy(ctx); err != nil {
		return err
	}
	newest, err := s.cfg.Register.Entries(ctx, -1, "", "", 1)
	if err != nil {
		return err
	}
	if len(newest) > 0 {
		b.Newest = letter.DateOf(newest[0].At)
	}
	seen, err := s.NewestSeen(ctx)
	if err != nil {
		return err
	}
	b.Seen = seen.Entries
	if b.Overdue, err = s.cfg.Register.Overdue(ctx, letter.DateOf(s.cfg.Now())); err != nil {
		return err
	}
	keys, err := s.dueKeys(ctx)
	if err != nil {
		return err
	}
	b.Keys = len(keys)
	people, err := s.cfg.Register.People(ctx)
	if err != nil {
		return err
	}
	b.People = slices.DeleteFunc(people, func(p register.Person) bool { return p.Disabled })
	b.Sites, err = s.cfg.Register.Sites(ctx)
	return err
}

func (r *replay) countUnknown(ctx context.Context, id letter.ID, there []shelf, b *Backlog) error {
	ever, living, err := r.cfg.Register.KnowsOf(ctx, id)
	if err != nil || living {
		return err
	}
	unknown := false
	for _, at := range there {
		if ever || !r.today.Before(at.Deadline()) {
			b.Again++
		} else if at.live {
			unknown = true
		}
	}
	if unknown {
		b.Unknown++
	}
	return nil
}
