package register

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"letterlock/scanner/letter"
)

// Whatever people and scanners do, in whatever order: there is one paper for each
// paper, no scan ends but for a newer one that was found readable, and whoever is
// walled off from one scan of a paper is walled off from all.
func TestNewScansInAnyOrder(t *testing.T) {
	for seed := range uint64(30) {
		d, ctx := newDesk(t), t.Context()
		leaders := []int64{d.leader(), d.leader(), d.leader()}
		random := rand.New(rand.NewPCG(seed, 80))
		papers := map[letter.ID]int{} // which paper a letter is a scan of, as far as the register knows
		var ids []letter.ID
		n := 0
		for range 60 {
			d.now = d.now.Add(time.Minute)
			who := leaders[random.IntN(len(leaders))]
			if len(ids) == 0 || random.IntN(8) == 0 {
				l := d.receipted()
				ids, papers[l.ID] = append(ids, l.ID), n
				n++
				continue
			}
			id := ids[random.IntN(len(ids))]
			l := d.letter(id)
			switch random.IntN(6) {
			case 0, 1:
				made := d.scannedAnew(l)
				ids, papers[made.ID] = append(ids, made.ID), n
				if made.Replaces == "" {
					n++ // a letter of its own
				} else {
					papers[made.ID] = papers[id]
				}
			case 2:
				if !l.WalledOff(who) {
					_ = d.RecordOpening(ctx, id, who, []byte{byte(who)}, ShownPages)
					_ = d.MarkScanAgain(ctx, id, who, CutOff)
				}
			case 3:
				if !l.WalledOff(who) && random.IntN(3) == 0 {
					_ = d.RecordOpening(ctx, id, who, []byte{byte(who)}, ShownPages)
					_ = d.MarkReadableAfterAll(ctx, id, who)
				}
			case 4:
				if random.IntN(3) == 0 {
					_ = d.Recuse(ctx, id, who)
				}
			case 5:
				if d.MarkOtherPaper(ctx, id, who) == nil {
					papers[id] = n
					n++
				}
			}
			d.newScansHold(ids, papers)
		}
	}
}

// newScansHold checks what is always so.
func (d *desk) newScansHold(ids []letter.ID, papers map[letter.ID]int) {
	d.t.Helper()
	d.balanced()
	counted := map[int]int{}
	walled := map[int][]int64{}
	for _, id := range ids {
		l := d.letter(id)
		if l.Paper != "" {
			counted[papers[id]]++
		}
		if (l.State == Replaced) != (l.ReplacedBy != "") || (l.State == Replaced) != (l.Paper == "") {
			d.t.Fatalf("%s is %s, replaced by %q, its paper %q", id.Reference(), l.State, l.ReplacedBy, l.Paper)
		}
		if l.ReplacedBy == "" {
			walled[papers[id]] = l.Walled
			continue
		}
		if newest := d.letter(l.ReplacedBy); newest.ReplacedBy != "" || papers[newest.ID] != papers[id] {
			d.t.Fatalf("%s is not replaced by the newest scan of its paper", id.Reference())
		}
	}
	for _, id := range ids {
		l := d.letter(id)
		for _, person := range l.Walled {
			if l.State == Replaced && !slices.Contains(walled[papers[id]], person) {
				d.t.Fatalf("somebody is walled off from an old scan and not from the newest")
			}
		}
	}
	for paper, n := range counted {
		if n != 1 {
			d.t.Fatalf("paper %d is counted %d times", paper, n)
		}
	}
}
