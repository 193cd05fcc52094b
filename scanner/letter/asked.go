package letter

import (
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/mod/sumdb/note"
)

// Asked is the edge's signed word that a scan in its folder waits for a person's
// answer, where the folder is on another machine than the server. What is asked, and
// the pages, are sealed like a letter: the bucket knows that something is asked, and
// how large it is.
type Asked struct {
	Site     string `json:"site"`     // the edge that signed; also the signer's name
	Token    string `json:"token"`    // stands for this very scan, and says nothing of its name
	Week     Week   `json:"week"`     // to the key of which expiry week all of it is sealed
	Question []byte `json:"question"` // a Question, sealed with age
	// The sealed pages, at AskedPagesKey; absent where there are none to see.
	Pages *AskedPages `json:"pages,omitempty"`
}

// AskedPages is what of the sealed pages is signed.
type AskedPages struct {
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // lower-case hex
}

// Question is what is asked about a scan. Nobody but the server reads it.
type Question struct {
	Kind     string    `json:"kind"` // one of the Asks words
	Helpline string    `json:"helpline"`
	Since    time.Time `json:"since"` // when the scan was given back, UTC, whole seconds
	Says     string    `json:"says"`  // what the note beside it says is wrong
	Name     string    `json:"name"`  // of the file
	// Unseen is one of the Unseen words where there are no pages to see, and then
	// nothing stands below.
	Unseen   string `json:"unseen,omitempty"`
	Pages    int    `json:"pages,omitempty"`
	Begins   []int  `json:"begins,omitempty"`   // the pages, from 1, on which a letter would begin
	Sheets   []int  `json:"sheets,omitempty"`   // those that are separator sheets or their backs
	Doubtful []int  `json:"doubtful,omitempty"` // those that may be a letter's or a sheet
	Coded    []int  `json:"coded,omitempty"`    // those that bear a sheet's code
	Look     string `json:"look,omitempty"`     // what to look at
	Language string `json:"language,omitempty"` // of Says and Look, as browsers know it; empty for en-GB
}

// What is asked of a scan.
const (
	AsksDuplicate = "duplicate"      // its bytes were taken before
	AsksOtherLine = "other-helpline" // they were taken before for another helpline
	AsksStack     = "stack"          // its letters cannot be told apart for certain
)

// Why there are no pages to see.
const (
	UnseenYet     = "not-yet"    // the scanner has had something else to do
	UnseenTooMany = "too-many"   // they would be larger than MaxAskedPages or MaxPagesSize
	UnseenFailed  = "unreadable" // the scan cannot be drawn
)

// MaxQuestions is how many scans a scanner asks about at once; MaxAskedPages how many
// pages of one are shown, and MaxPagesSize how many bytes they have together, before
// they are sealed.
const (
	MaxQuestions  = 100
	MaxAskedPages = 500
	MaxPagesSize  = 8 << 20
)

const (
	kindAsked    = "letterlock asked v1"
	maxAskedText = 4 << 10 // bytes of a note's sentence, or of a file's name
	maxQuestion  = 128 << 10
)

const (
	askedName      = "asked"
	askedPagesName = "asked-pages"
)

// AskedKey is where the site's edge leaves its Asked of a scan, and AskedPagesKey where
// the pages lie. Neither is a place of a manifest.
func AskedKey(site, token string) string { return askedKey(site, askedName, token) }

// AskedPagesKey is described at AskedKey.
func AskedPagesKey(site, token string) string { return askedKey(site, askedPagesName, token) }

func askedKey(site, name, token string) string {
	return IncomingPrefix + site + "/" + name + "/" + token
}

// SplitAsked reads a key that AskedKey or AskedPagesKey makes.
func SplitAsked(key string) (site, token string, ok bool) {
	rest, below := strings.CutPrefix(key, IncomingPrefix)
	parts := strings.Split(rest, "/")
	if !below || len(parts) != 3 || !ValidName(parts[0]) || parts[1] != askedName && parts[1] != askedPagesName || !ValidToken(parts[2]) {
		return "", "", false
	}
	return parts[0], parts[2], true
}

// ValidToken reports whether s has the form of a question's token: 32 lower-case
// hexadecimal digits.
func ValidToken(s string) bool {
	raw, err := hex.DecodeString(s)
	return err == nil && len(raw) == 16 && s == strings.ToLower(s)
}

// Sign writes the statement under the site's signature.
func (a Asked) Sign(site note.Signer) ([]byte, error) { return Sign(kindAsked, a, site) }

// OpenAsked checks msg against the site's public key. What is sealed in it is looked at
// by ReadQuestion and ReadPages.
func OpenAsked(msg []byte, site note.Verifier) (Asked, error) {
	var a Asked
	if err := Open(kindAsked, msg, site, &a); err != nil {
		return Asked{}, err
	}
	if a.Site != site.Name() || !ValidToken(a.Token) || len(a.Question) == 0 || len(a.Question) > 2*maxQuestion {
		return Asked{}, errors.New("asked: site, token or length is not of the agreed form")
	}
	if _, err := ParseWeek(string(a.Week)); err != nil {
		return Asked{}, fmt.Errorf("asked: %w", err)
	}
	// A sealed file is a little larger than what is in it.
	if p := a.Pages; p != nil && (p.Size < 1 || p.Size > MaxPagesSize+MaxPagesSize/8 || !isHash(p.SHA256)) {
		return Asked{}, errors.New("asked: the pages' size or hash is not of the agreed form")
	}
	return a, nil
}

// Write is the question as it is sealed. What is longer than may be is cut off.
func (q Question) Write() ([]byte, error) {
	q.Says, q.Name, q.Look = cutText(q.Says), cutText(q.Name), cutText(q.Look)
	return json.Marshal(q)
}

func cutText(s string) string {
	if len(s) > maxAskedText {
		s = s[:maxAskedText]
	}
	return strings.ToValidUTF8(s, "")
}

var languageForm = regexp.MustCompile(`^[A-Za-z0-9-]{0,35}$`)

// ReadQuestion reads what Write has written. Whoever has the site's key may have
// written anything else.
func ReadQuestion(data []byte) (q Question, err error) {
	if len(data) > maxQuestion {
		return Question{}, errors.New("question: longer than any true one")
	}
	if err := json.Unmarshal(data, &q); err != nil {
		return Question{}, errors.New("question: not of the agreed form")
	}
	switch {
	case q.Kind != AsksDuplicate && q.Kind != AsksOtherLine && q.Kind != AsksStack, !ValidName(q.Helpline), !believable(q.Since):
		return Question{}, errors.New("question: kind, helpline or time is not of the agreed form")
	case !languageForm.MatchString(q.Language):
		return Question{}, errors.New("question: its language is not of the agreed form")
	case max(len(q.Says), len(q.Name), len(q.Look)) > maxAskedText, !utf8.ValidString(q.Says + q.Name + q.Look):
		return Question{}, errors.New("question: a text is not of the agreed form")
	case q.Unseen == "" && (q.Pages < 1 || q.Pages > MaxAskedPages), q.Unseen != "" && q.Pages != 0:
		return Question{}, errors.New("question: the number of pages is not of the agreed form")
	case q.Unseen != "" && q.Unseen != UnseenYet && q.Unseen != UnseenTooMany && q.Unseen != UnseenFailed:
		return Question{}, errors.New("question: why there are no pages is not of the agreed form")
	}
	for _, pages := range [...][]int{q.Begins, q.Sheets, q.Doubtful, q.Coded} {
		if !ascending(pages, q.Pages) {
			return Question{}, errors.New("question: its pages are not in order")
		}
	}
	return q, nil
}

// ascending reports whether those are pages of n, from 1, none of them twice.
func ascending(pages []int, n int) bool {
	last := 0
	for _, p := range pages {
		if p <= last || p > n {
			return false
		}
		last = p
	}
	return true
}

// WritePages is small pictures of pages as they are sealed: before each its length in
// bytes, in four of them, the highest first. ok is false where they are too large.
func WritePages(pages [][]byte) (data []byte, ok bool) {
	if len(pages) > MaxAskedPages {
		return nil, false
	}
	for _, p := range pages {
		data = append(binary.BigEndian.AppendUint32(data, uint32(len(p))), p...)
		if len(data) > MaxPagesSize {
			return nil, false
		}
	}
	return data, true
}

// ReadPages reads the n pages that WritePages has written. They share their memory with
// data.
func ReadPages(data []byte, n int) (pages [][]byte, err error) {
	for len(data) >= 4 && len(pages) < n {
		size := binary.BigEndian.Uint32(data)
		if data = data[4:]; uint64(size) > uint64(len(data)) {
			break
		}
		pages = append(pages, data[:size:size])
		data = data[size:]
	}
	if len(pages) != n || len(data) > 0 {
		return nil, errors.New("pages of a scan: not as many as are said, or not of the agreed form")
	}
	return pages, nil
}

// Answers is the server's signed word to an edge on what people have answered of the
// scans that it asks about. It lies there for every edge that is on another machine,
// and is said anew each day, also while nothing is answered: by that an edge knows that
// its questions are heard. An older edge looks for nothing there.
type Answers struct {
	Site    string    `json:"site"` // of the edge that is told
	At      time.Time `json:"at"`   // when it was said, UTC, whole seconds
	Answers []Answer  `json:"answers"`
}

// Answer is what a person has answered of one scan.
type Answer struct {
	Token  string `json:"token"`
	Answer string `json:"answer"` // one of the Answer words
	// Of AnswerSplit: on which pages a letter begins, which are sheets that leave, and
	// which are a letter's although they bear a sheet's code.
	Begins  []int `json:"begins,omitempty"`
	Sheets  []int `json:"sheets,omitempty"`
	Despite []int `json:"despite,omitempty"`
}

// What people answer.
const (
	AnswerSame    = "same"     // it is the letter that was taken before
	AnswerAnother = "another"  // it is a letter of its own
	AnswerMistake = "mistake"  // it is the other helpline's, and was dropped here by mistake
	AnswerHereToo = "here-too" // it belongs here, whatever another helpline has
	AnswerSplit   = "split"    // the stack is cut as a person says
)

const kindAnswers = "letterlock answers v1"

// AnswersKey is where the server leaves the site's Answers. It is no place of a receipt.
func AnswersKey(site string) string { return ReceiptsPrefix + site + "/answers" }

// Sign writes the statement under the server's signature.
func (a Answers) Sign(server note.Signer) ([]byte, error) { return Sign(kindAnswers, a, server) }

// OpenAnswers checks msg against the server's public key. Whose it is, how old it may
// be, and whether an answer fits what was asked is the edge's business.
func OpenAnswers(msg []byte, server note.Verifier) (Answers, error) {
	var a Answers
	if err := Open(kindAnswers, msg, server, &a); err != nil {
		return Answers{}, err
	}
	if !ValidName(a.Site) || !believable(a.At) || len(a.Answers) > MaxQuestions {
		return Answers{}, errors.New("answers: site, time or number is not of the agreed form")
	}
	named := map[string]bool{}
	for _, one := range a.Answers {
		if !ValidToken(one.Token) || named[one.Token] || !ValidName(one.Answer) {
			return Answers{}, errors.New("answers: an answer is not of the agreed form")
		}
		for _, pages := range [...][]int{one.Begins, one.Sheets, one.Despite} {
			if !ascending(pages, MaxAskedPages) {
				return Answers{}, errors.New("answers: the pages of an answer are not of the agreed form")
			}
		}
		named[one.Token] = true
	}
	return a, nil
}
