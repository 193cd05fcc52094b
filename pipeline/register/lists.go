package register

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"letterlock/scanner/letter"
)

// Readership is whose letters a list is for.
type Readership struct {
	Helplines []string
	Person    int64 // staff number of who reads it, and sees nothing from which they are walled off
	Leader    int64 // staff number of a team leader, who sees no five-year letter that names another; 0 sees all
}

// List is what the letters of a list have in common. Nobody is shown a letter in
// it that they may not open today.
type List string

// The lists of letters, oldest first where somebody waits for them, newest first
// where not, or where old ones that nobody has said a word on would hide new ones.
const (
	ListUnopened    List = "unopened"   // by anybody; oldest first
	ListUnfinished  List = "unfinished" // opened, and nobody has said whether it can be read, of which there is paper still; oldest first
	ListDecided     List = "decided"    // found readable or not, but for those of ListRiskUnsaid
	ListReadable    List = "readable"   // was found readable
	ListScanAgain   List = "scan-again" // could not be read; oldest first
	ListFiveYears   List = "five-years" // is kept for five years
	ListHeld        List = "held"       // is on hold
	ListUrgent      List = "urgent"     // somebody is in danger, and it is not decided to keep it; oldest first
	ListToShare     List = "to-share"   // somebody is at risk, an agency should be told, and it is not decided to keep it; oldest first
	ListForAnother  List = "another"    // readable, and somebody else than who said so must find it so too, but for the reader's own word; oldest first
	ListRiskUnsaid  List = "risk-open"  // readable, and nobody has said whether somebody is at risk; oldest first
	ListHanded      List = "handed"     // was handed to the reader, who has not seen to it
	ListReviews     List = "review-due" // five-year letters that are to be looked at again; oldest first
	ListRecused     List = "recused"    // somebody is walled off from it
	ListTooLong     List = "too-long"   // unopened, and everybody was told before Listing.ToldBefore; oldest first
	ListLoneAnswers List = "answers"    // kept answers whose letter is gone; oldest first
	ListDrafts      List = "drafts"     // answers that the reader has uploaded, and not yet kept; oldest first
	ListToConfirm   List = "to-confirm" // answers whose address a second person must confirm; oldest first
)

// walk is one way along an index, in the order of receipt. $1 is the helpline,
// $6 the reader, $7 the day, $8 Listing.ToldBefore and $9 now.
type walk struct {
	where  string
	newest bool
	few    bool // go along them, and not along the helpline's letters
}

const (
	// Where nobody was told at all, the letter waits since it was received.
	toldBefore = `COALESCE((SELECT max(m.sent) FROM mails m WHERE m.letter = l.id), l.received) <= $8`

	// The empty text keeps the database from going along the states, and sorting. The
	// length tells PostgreSQL, which is to keep no statistics of ids, that few letters
	// are answers: see the statistics letters_openable.
	canBeOpened = `l.state || '' IN ('receipted', 'notified', 'opened', 'readable', 'scan-again') AND length(l.answers) = 0`

	// Once its paper is destroyed nobody is asked any more whether a scan can be read: that
	// was said before the letter came to another helpline, or need not be said first.
	paperGone = `EXISTS (SELECT 1 FROM papers p WHERE p.letter = l.id AND p.state = 'destroyed')`
)

// walks are written so that each has an index in whose order it is read and
// passes over few: a page costs what it shows, however many letters there are.
var walks = map[List][]walk{
	ListUnopened:   {{where: `l.state = 'receipted'`}, {where: `l.state = 'notified'`}},
	ListUnfinished: {{where: `l.state = 'opened' AND NOT ` + paperGone}},
	ListDecided: {{where: `l.state = 'readable' AND (l.risk <> '' OR l.reason <> '')`, newest: true}, {where: `l.state = 'scan-again'`, newest: true},
		{where: `l.state = 'opened' AND (l.risk <> '' OR l.reason <> '') AND ` + paperGone, newest: true}},
	ListReadable:    {{where: `l.state = 'readable'`, newest: true}},
	ListScanAgain:   {{where: `l.state = 'scan-again'`}},
	ListFiveYears:   {{where: `l.class = 'five-years' AND ` + canBeOpened, newest: true}},
	ListHeld:        {{where: `l.held_since <> '' AND ` + canBeOpened, newest: true}},
	ListUrgent:      {{where: `l.risk = 'urgent' AND l.reason = '' AND ` + canBeOpened}},
	ListToShare:     {{where: `l.risk = 'share' AND l.reason = '' AND ` + canBeOpened}},
	ListForAnother:  {{where: `l.id IN (SELECT letter FROM papers WHERE state = 'kept' AND checked_by <> 0 AND checked_by <> $6) AND ` + canBeOpened, few: true}},
	ListRiskUnsaid:  {{where: `l.state = 'readable' AND l.risk = '' AND l.reason = ''`}, {where: `l.state = 'opened' AND l.risk = '' AND l.reason = '' AND ` + paperGone}},
	ListHanded:      {{where: `l.handed_to <> 0 AND l.handed_to = $6 AND ` + canBeOpened, newest: true, few: true}},
	ListReviews:     {{where: `l.review <> '' AND l.review <= $7 AND ` + canBeOpened, few: true}},
	ListRecused:     {{where: `l.id IN (SELECT letter FROM walls) AND ` + canBeOpened, newest: true, few: true}},
	ListTooLong:     {{where: `l.state = 'receipted' AND ` + toldBefore}, {where: `l.state = 'notified' AND ` + toldBefore}},
	ListLoneAnswers: {{where: `l.state = 'filed' AND l.erase = '' AND NOT EXISTS (SELECT 1 FROM letters a WHERE a.id = l.answers AND a.deadline > $7)`}},
	ListDrafts:      {{where: `l.draft_ends IS NOT NULL AND l.uploaded_by = $6 AND l.state || '' = 'draft' AND +l.draft_ends > $9`, few: true}},
	ListToConfirm:   {{where: `l.state = 'to-confirm' AND l.erase = ''`}},
}

// Listing asks for a part of a list.
type Listing struct {
	Readership
	What       List
	ToldBefore time.Time // for ListTooLong
	After      Place     // the list goes on after it
	Limit      int
}

// shown leaves out what the reader of $6 and the leader of $5 may not open on the
// day $7.
const shown = ` AND l.deadline > $7 AND (l.named = 0 OR $5 = 0 OR l.named = $5)
	AND NOT EXISTS (SELECT 1 FROM walls w WHERE w.letter = l.id AND w.person = $6)`

// shown is what the reader may be shown of the walk's letters.
func (w walk) shown() string {
	helpline := `l.helpline`
	if w.few {
		helpline += ` || ''` // which, like the plus in query, keeps the database from other indexes
	}
	return helpline + ` = $1 AND ` + w.where + shown
}

// Listed returns up to Limit letters of the list.
func (r *Register) Listed(ctx context.Context, ask Listing) ([]Letter, error) {
	var out []Letter
	order := older
	for _, helpline := range ask.Helplines { // a handful, and each a walk of its own
		for _, w := range walks[ask.What] {
			query, args := ask.query(w, helpline, r.Now())
			part, err := r.letters(ctx, query, args...)
			if err != nil {
				return nil, err
			}
			out = append(out, part...)
			if w.newest {
				order = func(a, b Letter) int { return older(b, a) }
			}
		}
	}
	slices.SortFunc(out, order)
	return out[:min(ask.Limit, len(out))], nil
}

// query is one walk of the list, from Listing.After on.
func (ask Listing) query(w walk, helpline string, now time.Time) (query string, args []any) {
	compare, order, from := `>`, ` ORDER BY l.received, l.id`, int64(-1)
	if w.newest {
		compare, order, from = `<`, ` ORDER BY l.received DESC, l.id DESC`, int64(1)<<62
	}
	if ask.After.ID != "" {
		from = millis(ask.After.Received)
	}
	place := `(l.received, l.id) `
	if w.few {
		place = `(+l.received, l.id) `
	}
	return asked(`WHERE `+w.shown()+` AND `+place+compare+` ($2, $3)`+order+` LIMIT $4`, ask.args(helpline, now, from))
}

// args are the list's parameters, of which each walk has some; from is the time
// after which it goes on.
func (ask Listing) args(helpline string, now time.Time, from int64) []any {
	return []any{helpline, from, string(ask.After.ID), ask.Limit, ask.Leader, ask.Person, letter.DateOf(now).String(), millis(ask.ToldBefore), millis(now)}
}

var parameter = regexp.MustCompile(`\$[0-9]+`)

// asked leaves out the arguments that the query does not ask for, and numbers the
// others anew: a database may refuse what is for nothing.
func asked(query string, args []any) (string, []any) {
	var left []any
	numbers := map[string]string{}
	query = parameter.ReplaceAllStringFunc(query, func(old string) string {
		if numbers[old] == "" {
			n, _ := strconv.Atoi(old[1:])
			left = append(left, args[n-1])
			numbers[old] = "$" + strconv.Itoa(len(left))
		}
		return numbers[old]
	})
	return query, left
}

// CountListed counts the letters of the whole list. It costs what it counts.
func (r *Register) CountListed(ctx context.Context, ask Listing) (n int, err error) {
	for _, helpline := range ask.Helplines {
		for _, w := range walks[ask.What] {
			query, args := asked(`SELECT count(*) FROM letters l WHERE `+w.shown(), ask.args(helpline, r.Now(), 0))
			var part int
			if err := r.read.QueryRowContext(ctx, query, args...).Scan(&part); err != nil {
				return 0, fmt.Errorf("counting letters: %w", err)
			}
			n += part
		}
	}
	return n, nil
}

// Called returns the letters and kept answers of the readership that people may
// be shown today and whose reference, in its canonical form, this is: one as a
// rule, more by accident.
func (r *Register) Called(ctx context.Context, who Readership, reference string) ([]Letter, error) {
	from, to := idsOf(reference)
	found, err := r.letters(ctx, `WHERE l.id > $1 AND l.id < $2 ORDER BY l.id LIMIT 50`, from, to)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(found, func(l Letter) bool {
		return !slices.Contains(who.Helplines, l.Helpline) || who.Leader != 0 && l.Named != 0 && l.Named != who.Leader ||
			l.State == Draft && l.UploadedBy != who.Person || l.WalledOff(who.Person) || !l.Open(r.Now())
	}), nil
}

// older orders by when letters were received, earliest first.
func older(a, b Letter) int {
	if c := a.Received.Compare(b.Received); c != 0 {
		return c
	}
	return strings.Compare(string(a.ID), string(b.ID))
}

// Place is where a letter stands in a list: lists go on after it. Unlike an
// id alone it still means something when its letter has expired meanwhile. The
// zero Place is before everything.
type Place struct {
	Received time.Time
	ID       letter.ID
}

// PlaceOf is where the letter stands.
func PlaceOf(l Letter) Place { return Place{l.Received, l.ID} }

// IDsOf returns the ids of every letter on the register, living or gone, that
// has this reference in its canonical form: one as a rule, more by accident.
func (r *Register) IDsOf(ctx context.Context, reference string) ([]letter.ID, error) {
	from, to := idsOf(reference)
	return r.ids(ctx, `SELECT DISTINCT letter FROM entries WHERE letter > $1 AND letter < $2 AND letter <> '' ORDER BY letter LIMIT 50`, from, to)
}

// idsOf are the bounds between which the ids lie that have this reference in its
// canonical form: it is the id's first seven characters and a check character.
func idsOf(reference string) (from, to string) {
	head := strings.ToLower(strings.ReplaceAll(reference, "-", ""))
	head = head[:len(head)-1]
	return head, head + "~"
}
