package evidence

import (
	"regexp"
	"strings"
)

// answer is what the pack has to show for a sentence of the policy.
type answer struct {
	met, where string
	files      []string
}

// answers knows the sentences of the policy that comes with Letterlock. An
// organisation's own sentence that is another is not guessed at.
var answers = map[string]answer{
	"A letter to a helpline is scanned on the day on which it is opened.": {inPart,
		"When it was scanned is recorded. When the envelope was opened, Letterlock cannot know.", []string{transfers}},
	"The scan is encrypted and kept; the paper is locked away until a team leader has found that the scan can be read, and is then destroyed so that nobody can put it together again.": {inPart,
		"All but the locking away, which is not recorded.", []string{transfers, destructions}},
	"After six months all records will be permanently deleted, including the recycle bin.": {yes,
		"Each proof says that a listing showed no version and no delete marker, which is the storage's recycle bin; and the key has ended.", []string{deletions, keyEnds, schedule}},
	"This goes for the scan, for the kept copy of an answer (six months from the day on which it is filed), and for every older version of either.": {yes,
		"A copy that is filed is on record (response-filed) with a deadline of its own, and its proof is that of a letter. Copies that are kept elsewhere are not known here.", []string{deletions, theRegister}},
	"Where a letter is shared with an agency because a child or an adult is at risk, somebody is in imminent danger, or there is a warning of terrorism or of a bomb, it is held securely for five years before being permanently deleted.": {yes,
		"Each decision and each sharing is on the register (letter-safeguarded, letter-shared) and an exception in the retention record of its year.", []string{theRegister, schedule}},
	"Where an inquiry or a court wants a letter, it is kept until the hold is released.": {yes,
		"Holds and their releases are on the register (hold-placed, hold-released) and in the retention record of their year.", []string{theRegister, schedule}},
	"A hold is looked at again after ninety days at most.": {yes,
		"A hold has such a day from the start, and a new one each time it is looked at (hold-reviewed).", []string{theRegister}},
	"A letter may be erased before its time when the person concerned asks for it, or when it was scanned by mistake.": {yes,
		"Who asked, who confirmed and why is on the register (erasure-asked, erasure-confirmed); the proof is that of every other letter.", []string{deletions, theRegister}},
	"Two people decide.": {yes, "Who confirms is never who asked, and has used a passkey anew.", []string{deletions, procedure}},
	"A letter is opened only by the team leaders of its helpline and by the helplines' manager.": {inPart,
		"At the portal it cannot be otherwise. Whoever is root on the server could read a living letter without it.", []string{procedure, theRegister}},
	"Every opening is recorded.":                                        {yes, "Before it happens (letter-opened), for every opening at the portal.", []string{theRegister}},
	"Operations staff scan letters and destroy paper.":                  {yes, "", []string{procedure, destructions}},
	"They do not see a letter again once it is stored.":                 {yes, "", []string{procedure}},
	"The data-protection officer sees what is recorded, and no letter.": {yes, "", []string{procedure}},
	"Mails about letters name nobody and quote nothing.": {inPart,
		"The procedure says so, and who was written to is on the register; the mails themselves are not in this pack.", []string{procedure, theRegister}},
	"All data that is deleted is recorded on the organisational retention record: what it was, when it came, when it was deleted, and the proof that nothing is left.": {yes,
		"The retention record of each year, and the proofs.", []string{deletions, theRegister}},
	"The record holds no names of service users.":                                                {yes, "It holds random ids, staff numbers, words and times.", []string{theRegister}},
	"The destruction of every sheet of paper is recorded with who did it, who watched, and how.": {yes, "", []string{destructions}},
}

// policySentences are the policy's own sentences, each with its answer.
func (p *pack) policySentences() (out []demand) {
	for _, s := range sentences(string(p.Policy)) {
		a, known := answers[s]
		if !known {
			a = answer{no, "Letterlock does not know this sentence, and has no answer to it. Say here where it is met.", nil}
		}
		out = append(out, demand{p.PolicyName, s, a.met, a.where, a.files})
	}
	return out
}

var (
	marker = regexp.MustCompile(`^(?:\d+[.)]|[-*+]) +`)
	ends   = regexp.MustCompile(`([.!?]) +`)
)

// sentences are those of a Markdown text's paragraphs and list items. A
// paragraph that is emphasised as a whole is a remark about the text.
func sentences(markdown string) (out []string) {
	var paragraph []string
	end := func() {
		text := strings.Join(paragraph, " ")
		paragraph = nil
		if strings.HasPrefix(text, "*") || strings.HasPrefix(text, "_") {
			return
		}
		for _, s := range strings.Split(ends.ReplaceAllString(text, "$1\n"), "\n") {
			if strings.HasSuffix(s, ".") || strings.HasSuffix(s, "!") || strings.HasSuffix(s, "?") {
				out = append(out, s)
			}
		}
	}
	for line := range strings.Lines(markdown) {
		line = strings.Join(strings.Fields(line), " ")
		item := marker.FindString(line)
		if item != "" || line == "" || strings.HasPrefix(line, "#") {
			end()
		}
		if line != "" && !strings.HasPrefix(line, "#") {
			paragraph = append(paragraph, strings.TrimPrefix(line, item))
		}
	}
	end()
	return out
}
