package pipeline

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"letterlock/pipeline/archive"
	"letterlock/pipeline/register"
	"letterlock/scanner/deposit"
	"letterlock/scanner/letter"
	"letterlock/scanner/page"
	"letterlock/scanner/pdf"
)

// shelf is a place of the bucket in which something of a letter was seen.
type shelf struct {
	register.Lodging
	live bool // an object can be read there; else it is what is left of one
}

// shelves lists all places of the form that Letterlock gives them, by the letter
// that they name. It costs a listing of the whole bucket and its memory.
func (s *Server) shelves(ctx context.Context) (map[letter.ID][]shelf, error) {
	all := map[letter.ID][]shelf{}
	for _, class := range letter.Classes {
		helplines, err := s.cfg.Store.Folders(ctx, letter.ClassPrefix(class))
		if err != nil {
			return nil, fmt.Errorf("listing the bucket's letters: %w", err)
		}
		for _, helpline := range helplines {
			if !letter.ValidName(helpline) {
				continue // none of Letterlock's
			}
			if err := s.shelvesOf(ctx, class, helpline, all); err != nil {
				return nil, fmt.Errorf("listing the bucket's letters: %w", err)
			}
		}
	}
	return all, nil
}

func (s *Server) shelvesOf(ctx context.Context, class letter.Class, helpline string, all map[letter.ID][]shelf) error {
	prefix := letter.ClassPrefix(class) + helpline + "/"
	days, err := s.cfg.Store.Folders(ctx, prefix)
	if err != nil {
		return err
	}
	for _, name := range days {
		day, err := letter.ParseDate(name)
		if err != nil {
			continue
		}
		live := map[string]bool{}
		for key, err := range s.cfg.Store.List(ctx, prefix+name+"/") {
			if err != nil {
				return err
			}
			live[key] = true
		}
		keys, err := s.cfg.Store.Remains(ctx, prefix+name+"/")
		if err != nil {
			return err
		}
		for _, key := range keys {
			if id, err := letterAt(key); err == nil {
				at := register.Lodging{Class: class, Helpline: helpline, Since: day}
				if at.Key(id) == key {
					all[id] = append(all[id], shelf{at, live[key]})
				}
			}
		}
		s.cfg.Far(len(all), 0)
	}
	return nil
}

// settleAll finds every living letter of the register in the bucket, and then what
// goes with one: by where that is now it is known what holds it.
func (r *replay) settleAll(ctx context.Context) error {
	settled := 0
	for _, goes := range []bool{false, true} {
		if err := r.cfg.Register.EachLetter(ctx, func(l register.Letter) error {
			if (l.Answers != "" || l.ReplacedBy != "") != goes {
				return nil
			}
			r.cfg.Far(settled, len(r.there)) // about so many
			settled++
			// What is being ended, or must be, ends wherever it lies.
			if l.State == register.Expiring || l.Erase != "" {
				return nil
			}
			if err := r.settle(ctx, &l); err != nil {
				return err
			}
			r.cfg.Step("replay-settled", l.ID)
			return nil
		}); err != nil {
			return err
		}
	}
	return nil
}

// settle finds out where one letter lies, and puts it on record where that is
// not where it was.
func (r *replay) settle(ctx context.Context, l *register.Letter) error {
	home, err := r.atHome(ctx, l)
	if err != nil {
		return err
	}
	var sealed *register.Lodging // what nobody can open just now, and may be all that is left
	for _, at := range r.elsewhere(l, home != nil) {
		found, unread, err := r.isLetter(ctx, l, at, home)
		if err != nil {
			return err
		}
		if found == nil {
			r.leaveAlone(at.Key(l.ID))
			if sealed == nil && keptSince(l, at) {
				sealed = unread
			}
			continue
		}
		// By a decision that is not on record it is kept longer than by any that is, a
		// hold's too, which may have been released since: see FindElsewhere.
		hold := !chosen(l, at) && l.Wanted().Deadline().Before(at.Deadline())
		return r.cfg.Register.FindElsewhere(ctx, l, *found, hold)
	}
	switch {
	case sealed != nil && home == nil:
		return r.cfg.Register.FindElsewhere(ctx, l, *sealed, true)
	case sealed != nil:
		return r.cfg.Register.HoldUnread(ctx, l, r.dayApart(l.ID))
	case home == nil:
		if l.ObjectVersion == "" || l.DueOn(r.today) {
			return nil // never read back, with its scan still at the edge; or about to be proven gone
		}
		return r.cfg.Register.NotFound(ctx, l.ID)
	}
	return r.leaveOthers(ctx, l)
}

// keptSince reports whether what lies there was put there by a decision to keep the letter
// longer that this register does not know. No scanner can write there; so it counts also
// where it cannot be opened, until somebody has brought back its key or looked at it: the
// letter would be proven gone, and its only copy removed as what has come back.
func keptSince(l *register.Letter, at register.Lodging) bool {
	return l.ObjectVersion != "" && at.Class == letter.FiveYears && !chosen(l, at) && l.Wanted().Deadline().Before(at.Deadline())
}

// dayApart is a day, today or soon after, for which nothing of the letter lies among those
// kept for five years: what is kept as of that day is moved over nothing.
func (r *replay) dayApart(id letter.ID) letter.Date {
	day := r.today
	for slices.ContainsFunc(r.there[id], func(at shelf) bool { return at.Class == letter.FiveYears && at.Since == day }) {
		day = day.AddDays(1)
	}
	return day
}

// leaveOthers has the places emptied that the letter has left by record, and in
// which an older copy of the bucket shows it again.
func (r *replay) leaveOthers(ctx context.Context, l *register.Letter) error {
	for _, at := range r.there[l.ID] {
		if at.Lodging == place(l.Lies) || !chosen(l, at.Lodging) {
			continue
		}
		if err := r.cfg.Register.MayHaveLeft(ctx, l.ID, at.Lodging); err != nil {
			return err
		}
	}
	return nil
}

// place is the lodging without what lies there.
func place(at register.Lodging) register.Lodging {
	return register.Lodging{Class: at.Class, Helpline: at.Helpline, Since: at.Since}
}

// chosen reports whether the register has ever chosen that place for the letter.
func chosen(l *register.Letter, at register.Lodging) bool {
	return slices.Contains(l.Places(), at)
}

// elsewhere are the places beside the one on record in which the letter may lie,
// the likeliest first: where it is kept longest, and then where the register has
// never had it. A letter that lies where it should is looked for only in places
// that were chosen after the backup, and that keep it as long at least.
func (r *replay) elsewhere(l *register.Letter, home bool) (out []register.Lodging) {
	for _, at := range r.there[l.ID] {
		switch {
		case !at.live, at.Lodging == place(l.Lies):
		case home && (chosen(l, at.Lodging) || at.Deadline().Before(l.Lies.Deadline())):
		default:
			out = append(out, at.Lodging)
		}
	}
	slices.SortStableFunc(out, func(a, b register.Lodging) int {
		return cmp.Or(cmp.Compare(b.Deadline().String(), a.Deadline().String()), compareBool(chosen(l, a), chosen(l, b)))
	})
	return out
}

// compareBool orders false before true.
func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// atHome is what lies where the letter does on record and is that copy of it, or nil.
// In a storage that was copied back the same object has another version: it is noted.
// Of one that was not read back yet, the pipeline will note it.
func (r *replay) atHome(ctx context.Context, l *register.Letter) (*register.Lodging, error) {
	if !slices.ContainsFunc(r.there[l.ID], func(at shelf) bool { return at.live && at.Lodging == place(l.Lies) }) {
		return nil, nil
	}
	if l.Lies.Version != "" {
		there, err := r.readable(ctx, l.ObjectKey(), l.Lies.Version)
		if err != nil || there {
			return &l.Lies, err
		}
	}
	same, err := r.sameBytes(ctx, l)
	if err != nil || same == nil || l.Lies.Version == "" {
		return same, err
	}
	return same, r.cfg.Register.Repin(ctx, l, same.Version, true)
}

// versions are all versions in a place, each with its size and hash.
func (s *Server) versions(ctx context.Context, id letter.ID, at register.Lodging) (out []register.Lodging, err error) {
	traces, err := s.cfg.Store.Traces(ctx, at.Key(id))
	if err != nil {
		return nil, err
	}
	for _, t := range traces {
		if t.Kind != archive.Version {
			continue
		}
		one := at
		one.Version = t.ID
		one.Size, one.SHA256, err = s.weigh(ctx, at.Key(id), t.ID)
		if errors.Is(err, deposit.ErrNotFound) || isItsOwn(err) {
			continue
		}
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// weigh is the size and the hash of one version of an object.
func (s *Server) weigh(ctx context.Context, key, version string) (size int64, sum string, err error) {
	body, _, err := s.cfg.Store.Read(ctx, key, version)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = body.Close() }()
	hash := sha256.New()
	if size, err = io.Copy(hash, body); err != nil {
		return 0, "", deposit.Explain("reading a letter", err)
	}
	return size, hex.EncodeToString(hash.Sum(nil)), nil
}

// isLetter reads what lies in a place and returns it if it is the letter: sealed
// to that place's week, of as many pages, and, where a copy lies at home, of the
// same content. Where the copy at home cannot be read, no other place is believed but
// one among the five-year copies since the letter came: that is sealed to a key whose
// public half no scanner has, so that nobody else can have put it there. unread is what
// lies there and cannot be opened or drawn, if nothing is found.
func (r *replay) isLetter(ctx context.Context, l *register.Letter, at register.Lodging, home *register.Lodging) (found, unread *register.Lodging, err error) {
	var same []byte
	if home != nil {
		same, err = r.fingerprint(ctx, l.ID, *home)
		switch {
		case notTheLetter(err) && (at.Class != letter.FiveYears || at.Since.Before(l.ReceivedOn())):
			return nil, nil, nil
		case notTheLetter(err):
			same = nil
		case err != nil:
			return nil, nil, fmt.Errorf("reading a letter where it lies: %w", err)
		}
	}
	versions, err := r.versions(ctx, l.ID, at)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range versions {
		pages, plain, err := r.openAny(ctx, l.ID, v)
		if err != nil {
			return nil, nil, err
		}
		if pages == 0 {
			unread = &v
		}
		if pages != l.Pages {
			continue
		}
		if sum := sha256.Sum256(plain); same != nil && !bytes.Equal(sum[:], same) {
			continue
		}
		return &v, nil, nil
	}
	return nil, unread, nil
}

// openAny opens what lies in a place and counts the pages that can be drawn, all
// of them; 0 where it cannot be opened or drawn.
func (r *replay) openAny(ctx context.Context, id letter.ID, at register.Lodging) (pages int, plain []byte, err error) {
	if at.Size > maxLetter {
		return 0, nil, nil
	}
	plain, err = r.open(ctx, register.Letter{Manifest: letter.Manifest{ID: id}, Lies: at}, at.Version)
	switch {
	case notTheLetter(err):
		return 0, nil, nil
	case err != nil:
		return 0, nil, err
	}
	for range rendererTries { // a child may have died of this machine's want of memory
		if pages, err = r.drawn(ctx, plain); !errors.Is(err, page.ErrRender) {
			break
		}
	}
	if errors.Is(err, page.ErrRender) {
		return 0, nil, nil
	}
	return pages, plain, err
}

// drawn counts the pages of a document of which all can be drawn; 0 where there are more
// than a letter has.
func (r *replay) drawn(ctx context.Context, plain []byte) (pages int, err error) {
	doc, err := r.cfg.Pages.Document(ctx, plain)
	if err != nil {
		return 0, err
	}
	defer doc.Close()
	if doc.Pages() > pdf.MostPages {
		return 0, nil
	}
	return doc.Pages(), doc.Check(ctx)
}

// notTheLetter reports whether the error says that what was read is not, or not any
// more, what it should be: whoever can write to the bucket can bring that about.
func notTheLetter(err error) bool {
	return errors.Is(err, errUnseal) || errors.Is(err, errOtherHash) || errors.Is(err, deposit.ErrNotFound)
}

// leaveAlone notes an object that could not be opened. It stays until the
// deadline in its key, and is said.
func (r *replay) leaveAlone(key string) {
	if !slices.Contains(r.unread, key) {
		r.unread = append(r.unread, key)
	}
}

// removeRemains removes what belongs to no living letter and either to one that is
// proven gone or to none before its deadline: what an older copy of the bucket
// shows again, and what the register never heard the end of. It is on record
// before and after.
func (r *replay) removeRemains(ctx context.Context) error {
	if may, err := r.mayDestroy(ctx, r.doubt); err != nil {
		return err
	} else if !may {
		return &CannotReplay{"nothing can be removed just now: 'letterlock check' says why. Letterlock stays closed; then run this again"}
	}
	for i, id := range slices.Sorted(maps.Keys(r.there)) {
		r.cfg.Far(i, len(r.there))
		ever, living, err := r.cfg.Register.KnowsOf(ctx, id)
		if err != nil {
			return err
		}
		for _, at := range r.there[id] {
			key := at.Key(id)
			if living || r.today.Before(at.Deadline()) && (!ever || slices.Contains(r.unread, key)) {
				continue
			}
			gone, err := r.endStray(ctx, key, strayDay{class: at.Class, day: at.Since})
			if err != nil {
				return err
			}
			if !gone {
				return &CannotReplay{"the storage still shows what was removed. Letterlock stays closed. Look at the storage, then run this again"}
			}
			r.cfg.Step("replay-removed", id)
		}
	}
	return nil
}
