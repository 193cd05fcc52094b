package pipeline

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"

	"filippo.io/age"

	"letterlock/pipeline/keyring"
	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
	"letterlock/scanner/words"
)

// Escrow: three custodians keep a share each of every living key, in a folder
// of their own (a memory stick), so that a lost keyring does not lose letters.
// Two of them bring a key back. Shares die as keys do: week by week, on record.

// Custody is what is wrong with the custodians' folders that were given.
type Custody struct{ Says string }

func (c Custody) Error() string { return c.Says }

func custody(format string, args ...any) error { return Custody{fmt.Sprintf(format, args...)} }

// custodian reads a folder and says whose it is: 0 for a folder without shares.
func custodian(dir string) (number int, shares []keyring.Share, err error) {
	shares, damaged, err := keyring.Shares(dir)
	if err != nil {
		return 0, nil, err
	}
	if damaged > 0 {
		return 0, nil, custody("In %s %s damaged or renamed. Give back the name that it had, letterlock-WEEK-custodian-N.txt, or put it aside", dir, words.Are(damaged, "share"))
	}
	for _, s := range shares {
		if number != 0 && s.Custodian != number {
			return 0, nil, custody("In %s are shares of two custodians: two shares bring a key back, so each belongs in a folder, and a place, of its own.", dir)
		}
		number = s.Custodian
	}
	return number, shares, nil
}

// allShares are those in the three custodians' folders, by week.
func allShares(dirs [keyring.Custodians]string) (map[letter.Week][]keyring.Share, error) {
	there := map[letter.Week][]keyring.Share{}
	for i, dir := range dirs {
		number, shares, err := custodian(dir)
		if err != nil {
			return nil, err
		}
		if number != 0 && number != i+1 {
			return nil, custody("%s is custodian %d's folder, and was given in the place of custodian %d's: name them in their order.", dir, number, i+1)
		}
		for _, share := range shares {
			there[share.Week] = append(there[share.Week], share)
		}
	}
	return there, nil
}

// MakeShares shares every living key that is not yet shared among the three
// folders' custodians, and makes and shares the keys of the weeks to come, once what is
// due in these folders is destroyed: the sticks are here, and nobody should have to bring
// them for that. It returns the weeks that were shared, and what was destroyed. A crash
// leaves a making on record whose shares are not all there; the next run ends those and
// makes them anew.
func (s *Server) MakeShares(ctx context.Context, dirs [keyring.Custodians]string, ahead int) (made []letter.Week, ended []keyring.Share, err error) {
	if _, err := allShares(dirs); err != nil {
		return nil, nil, err
	}
	// First, since it refuses where keys are missing that these very shares bring back.
	weeks, err := s.keysToShare(ctx, ahead)
	if err != nil {
		return nil, nil, err
	}
	for _, dir := range dirs {
		gone, err := s.RetireShares(ctx, dir, false)
		ended = append(ended, gone...)
		if err != nil {
			return nil, ended, err
		}
	}
	there, err := allShares(dirs)
	if err != nil {
		return nil, ended, err
	}
	out, err := s.cfg.Register.Shares(ctx)
	if err != nil {
		return nil, ended, err
	}
	for i, w := range weeks {
		s.cfg.Far(i, len(weeks))
		if isShared(there[w], out) {
			continue
		}
		if err := s.share(ctx, w, dirs, there[w]); err != nil {
			return made, ended, fmt.Errorf("sharing key %s: %w", w, err)
		}
		made = append(made, w)
	}
	return made, ended, nil
}

// keysToShare are the weeks of the living keys, those to come included, which
// are made.
func (s *Server) keysToShare(ctx context.Context, ahead int) (weeks []letter.Week, err error) {
	today := letter.DateOf(s.cfg.Now())
	for day := 0; day <= 7*ahead; day++ {
		w := letter.WeekOf(letter.Deadline(today.AddDays(day), letter.SixMonths))
		if len(weeks) > 0 && weeks[len(weeks)-1] == w {
			continue
		}
		if _, err := s.makeKey(ctx, w); err != nil {
			return nil, err
		}
		weeks = append(weeks, w)
	}
	living, err := s.cfg.Register.Keys(ctx, register.KeyLiving)
	if err != nil {
		return nil, err
	}
	for _, k := range living {
		if today.Before(k.Week.Over()) {
			weeks = append(weeks, k.Week)
		}
	}
	slices.Sort(weeks)
	return slices.Compact(weeks), nil
}

// isShared reports whether every custodian has a share of the newest making.
func isShared(there []keyring.Share, out []register.Share) bool {
	if len(there) != keyring.Custodians {
		return false
	}
	for _, share := range there {
		if share.Set != there[0].Set || !slices.Contains(out, onRecord(share)) {
			return false
		}
	}
	return true
}

// onRecord is a share of the newest making as the register has it.
func onRecord(share keyring.Share) register.Share {
	return register.Share{Week: share.Week, Custodian: share.Custodian, Set: register.ShareSet(share.Set)}
}

// share makes one key's shares, in the place of those that are there, and
// proves that any two of them bring it back before it is content.
func (s *Server) share(ctx context.Context, w letter.Week, dirs [keyring.Custodians]string, there []keyring.Share) error {
	for _, old := range there {
		if err := s.endShare(ctx, old, dirs[old.Custodian-1]); err != nil {
			return err
		}
	}
	all, err := s.cfg.Keyring.Split(w)
	if err != nil {
		return err
	}
	if err := s.cfg.Register.SharesMade(ctx, w, register.ShareSet(all[0].Set), keyring.Custodians); err != nil {
		return err
	}
	s.cfg.Step("shares-on-record", "")
	for i, share := range all {
		if err := share.Write(dirs[i]); err != nil {
			return errors.Join(err, s.unshare(ctx, all[:], dirs, i))
		}
		s.cfg.Step("share-written", "")
	}
	for i := range all {
		if err := provePair(w, all[i].Recipient, dirs[i], dirs[(i+1)%keyring.Custodians]); err != nil {
			return err
		}
	}
	return nil
}

// unshare ends a making of which only so many shares could be written: a stick
// was full or cannot be written to.
func (s *Server) unshare(ctx context.Context, all []keyring.Share, dirs [keyring.Custodians]string, written int) error {
	for i, share := range all {
		var err error
		if i < written {
			err = s.endShare(ctx, share, dirs[i])
		} else {
			err = s.cfg.Register.ShareEnded(ctx, onRecord(share), register.ShareUnwritten)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// provePair reads a week's shares from two folders and proves what they give.
func provePair(w letter.Week, recipient, dir1, dir2 string) error {
	var pair []keyring.Share
	for _, dir := range []string{dir1, dir2} {
		_, shares, err := custodian(dir)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(shares, func(s keyring.Share) bool { return s.Week == w })
		if i < 0 {
			return custody("What was written to %s cannot be read back.", dir)
		}
		pair = append(pair, shares[i])
	}
	ids, err := keyring.Combine(pair[0], pair[1])
	if err != nil {
		return err
	}
	return keyring.Proves(ids[0], recipient)
}

// endShare destroys one share, on record before and after.
func (s *Server) endShare(ctx context.Context, share keyring.Share, dir string) error {
	if err := s.cfg.Register.ShareEnding(ctx, onRecord(share)); err != nil {
		return err
	}
	s.cfg.Step("share-ending", "")
	if err := share.Destroy(dir); err != nil {
		return err
	}
	s.cfg.Step("share-gone", "")
	return s.cfg.Register.ShareEnded(ctx, onRecord(share), register.ShareOverwritten)
}

// RetireShares destroys the shares in a custodian's folder of keys whose week is
// over or that are dead, and of makings that are old or not on record; with
// all, every share: the custodian leaves. It returns what was destroyed. What is named
// like a share and cannot be known for one is left to a person, and is an error. A share
// whose end a crash has cut off is found again, or is gone and still due: a
// person then says so (EndShares).
func (s *Server) RetireShares(ctx context.Context, dir string, all bool) (ended []keyring.Share, err error) {
	shares, damaged, err := keyring.Shares(dir)
	if err != nil {
		return nil, err
	}
	out, err := s.cfg.Register.Shares(ctx)
	if err != nil {
		return nil, err
	}
	lives, err := s.livingWeeks(ctx)
	if err != nil {
		return nil, err
	}
	for i, share := range shares {
		s.cfg.Far(i, len(shares))
		if !all && lives[share.Week] && (slices.Contains(out, onRecord(share)) || isLast(share, out)) {
			continue
		}
		if err := s.endShare(ctx, share, dir); err != nil {
			return ended, err
		}
		ended = append(ended, share)
	}
	// A file manager's second copy, for instance, brings a dead key back like the share
	// itself. It may also be all that there is of one that brings back a living key.
	if damaged > 0 {
		number := "CUSTODIAN"
		if len(shares) > 0 {
			number = strconv.Itoa(shares[0].Custodian)
		}
		return ended, custody("In %s %s damaged or renamed, and may bring back a dead key. What is no second copy of another file is given back the name that it had, letterlock-WEEK-custodian-N.txt, before this command is given again; what is one, or belongs to a week that is over, is overwritten and deleted by hand. What is on record as due after that: letterlock key escrow list; that it is destroyed: letterlock key escrow vouch %s",
			dir, words.Are(damaged, "share"), number)
	}
	return ended, nil
}

// livingWeeks are those whose key may still be used. Unlike for a key's end no
// witness of the clock is asked: a share that goes too early costs no letter.
func (s *Server) livingWeeks(ctx context.Context) (map[letter.Week]bool, error) {
	living, err := s.livingKeys(ctx)
	weeks := map[letter.Week]bool{}
	for _, k := range living {
		weeks[k.Week] = true
	}
	return weeks, err
}

// EndShares takes a person's word about a custodian's shares: of those that are
// due, or of all, that they are destroyed, or lost. It returns which those are. Where
// nothing of the custodian is due their word is of those that were lost, and are found:
// who says each week that what is due is destroyed says nothing of a stick that is gone.
func (s *Server) EndShares(ctx context.Context, custodian int, all bool, how register.ShareEnd) (ended []register.Share, err error) {
	shares, err := s.DueShares(ctx)
	if all && err == nil {
		shares, err = s.cfg.Register.Shares(ctx)
	}
	ofThem := func(s register.Share) bool { return s.Custodian == custodian }
	if err == nil && how != register.ShareLost && (all || !slices.ContainsFunc(shares, ofThem)) {
		var lost []register.Share // and found again
		lost, err = s.cfg.Register.LostShares(ctx)
		shares = append(shares, lost...)
	}
	if err != nil {
		return nil, err
	}
	for _, share := range shares {
		if !ofThem(share) {
			continue
		}
		if err := s.cfg.Register.ShareEnded(ctx, share, how); err != nil {
			return ended, err
		}
		ended = append(ended, share)
	}
	return ended, nil
}

// isLast reports whether nothing newer is shared of that week: the key was replaced,
// and what is sealed to the one before can be brought back from such shares alone.
func isLast(share keyring.Share, out []register.Share) bool {
	old := onRecord(share)
	old.Old = true
	return slices.Contains(out, old) && !sharedAnew(share.Week, out)
}

func sharedAnew(w letter.Week, out []register.Share) bool {
	return slices.ContainsFunc(out, func(s register.Share) bool { return s.Week == w && !s.Old })
}

// Recovered is what two custodians' shares give for one living week.
type Recovered struct {
	Week letter.Week
	Err  error // why they do not give its key; nil when it is proven
	keys []*age.HybridIdentity
}

// Drill has two custodians' shares bring back every living key that both have a
// share of, in memory only, and proves each. A key that the keyring holds and
// that they do not give is in the answer with why.
func (s *Server) Drill(ctx context.Context, dirs [2]string) ([]Recovered, error) {
	living, err := s.livingKeys(ctx)
	if err != nil {
		return nil, err
	}
	found, err := s.recover(ctx, dirs, living, register.ForDrill)
	if err != nil {
		return nil, err
	}
	done := register.DrillDone{Proven: []letter.Week{}, Failed: []letter.Week{}}
	for _, r := range found {
		if r.Err == nil {
			done.Proven = append(done.Proven, r.Week)
		} else {
			done.Failed = append(done.Failed, r.Week)
		}
	}
	return found, s.cfg.Register.Record(ctx, done, 0)
}

// RestoreKeys has two custodians' shares bring back every living key that the
// keyring lacks, and puts it there. A key that is dead on record, or past its
// week, is not: see register.ErrKeyDead.
func (s *Server) RestoreKeys(ctx context.Context, dirs [2]string) ([]Recovered, error) {
	living, err := s.livingKeys(ctx)
	if err != nil {
		return nil, err
	}
	var missing []register.WeekKey
	for _, k := range living {
		lacks, err := s.lacks(k)
		if err != nil {
			return nil, err
		}
		if lacks {
			missing = append(missing, k)
		}
	}
	if len(missing) == 0 {
		return nil, nil
	}
	found, err := s.recover(ctx, dirs, missing, register.ForRestore)
	for i, r := range found {
		if r.Err != nil && !errors.Is(r.Err, errOnlyBefore) {
			continue
		}
		// On record, not yet done: a crash leaves a key that is missing, and the
		// next run restores it.
		err := s.cfg.Register.KeyRestored(ctx, r.Week)
		if err == nil {
			s.cfg.Step("key-restoring", "")
			err = s.cfg.Keyring.Restore(r.Week, r.keys)
		}
		if err != nil {
			found[i].Err = err
		}
	}
	return found, err
}

// livingKeys are those on record whose week is not over.
func (s *Server) livingKeys(ctx context.Context) ([]register.WeekKey, error) {
	keys, err := s.cfg.Register.Keys(ctx, register.KeyLiving)
	today := letter.DateOf(s.cfg.Now())
	return slices.DeleteFunc(keys, func(k register.WeekKey) bool { return !today.Before(k.Week.Over()) }), err
}

// recover brings keys back from two folders, in memory, and proves each against
// the public half on record. That it is done is on record first.
func (s *Server) recover(ctx context.Context, dirs [2]string, keys []register.WeekKey, why register.RecombinedFor) ([]Recovered, error) {
	var from [2][]keyring.Share
	var who [2]int
	for i, dir := range dirs {
		var err error
		if who[i], from[i], err = custodian(dir); err != nil {
			return nil, err
		}
		if who[i] == 0 {
			return nil, custody("%s holds no share.", dir)
		}
	}
	if who[0] == who[1] {
		return nil, custody("Both folders are custodian %d's: another custodian's is needed.", who[0])
	}
	weeks := []letter.Week{}
	for _, k := range keys {
		weeks = append(weeks, k.Week)
	}
	if err := s.cfg.Register.Record(ctx, register.KeysRecombined{For: why, First: who[0], Second: who[1], Weeks: weeks}, 0); err != nil {
		return nil, err
	}
	shares, err := s.cfg.Register.Shares(ctx)
	if err != nil {
		return nil, err
	}
	var out []Recovered
	for i, k := range keys {
		s.cfg.Far(i, len(keys))
		r := Recovered{Week: k.Week}
		r.keys, r.Err = bringBack(k, from, shares)
		out = append(out, r)
	}
	return out, nil
}

var (
	errNotShared = errors.New("not both custodians have a share of it")
	// errOnlyBefore says that the shares give keys of the week, and not its newest.
	errOnlyBefore = errors.New("these shares are of before the key was replaced: what was sealed until then is opened by them, and what came later is not")
)

// bringBack gives a week's keys; with errOnlyBefore, those that there were before
// the key was replaced, if the shares are on record.
func bringBack(k register.WeekKey, from [2][]keyring.Share, out []register.Share) ([]*age.HybridIdentity, error) {
	var pair [2]keyring.Share
	for i, shares := range from {
		at := slices.IndexFunc(shares, func(s keyring.Share) bool { return s.Week == k.Week })
		if at < 0 {
			return nil, errNotShared
		}
		pair[i] = shares[at]
	}
	ids, err := keyring.Combine(pair[0], pair[1])
	if err != nil {
		return nil, err
	}
	if pair[0].Recipient != k.Recipient && isLast(pair[0], out) && isLast(pair[1], out) {
		return ids, errOnlyBefore
	}
	return ids, keyring.Proves(ids[0], k.Recipient)
}
