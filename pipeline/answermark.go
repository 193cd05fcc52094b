package pipeline

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/scanner/letter"
)

// Under the seal an answer says that it is one: a comment after the end of its PDF,
// which every reader passes over, names the letter that was answered and who
// uploaded the copy. Nothing else in the bucket says so. After a restore that is how
// an answer which the register never heard of is told from a letter; a scan has no
// such comment, since nothing that follows its PDF outlives its scanner's rewriting.
//
// Whoever can write to the bucket can seal one too. They gain that a person is shown
// a copy and asked whether to keep it.

// markOf is the comment.
func markOf(to letter.ID, person int64) io.Reader {
	return strings.NewReader(fmt.Sprintf("\n%%letterlock answer %s %d\n", to, person))
}

var answerMark = regexp.MustCompile(`\n%letterlock answer ([0-9a-z]{26}) ([0-9]{1,18})\n$`)

// longestMark is more than any mark has bytes.
const longestMark = 100

// readMark returns the letter to which that PDF is the answer, and who uploaded it;
// none for a letter.
func readMark(plain []byte) (to letter.ID, person int64) {
	found := answerMark.FindSubmatch(plain[max(0, len(plain)-longestMark):])
	if found == nil {
		return "", 0
	}
	to, err := letter.ParseID(string(found[1]))
	if err != nil {
		return "", 0
	}
	person, err = strconv.ParseInt(string(found[2]), 10, 64)
	if err != nil {
		return "", 0
	}
	return to, person
}

// adoptAnswers makes the answers known that adoptAll came upon, once all letters
// are: it is their letters that say who may see them.
func (r *replay) adoptAnswers(ctx context.Context) error {
	for _, a := range r.answers {
		err := r.cfg.Register.AdoptAnswer(ctx, a)
		if err != nil && !errors.Is(err, register.ErrAlreadyDeleted) { // another process was first
			return err
		}
		r.cfg.Step("replay-answer", a.Manifest.ID)
	}
	return nil
}
