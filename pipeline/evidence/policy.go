package evidence

import (
	"regexp"
	"strings"

	"letterlock/pipeline/texts"
)

// answer is what the pack has to show for a sentence of the policy.
type answer struct {
	met   string
	where texts.Text
	files []string
}

// answers knows the sentences of the policy that comes with Letterlock. An
// organisation's own sentence that is another is not guessed at.
var answers = map[string]answer{
	"A letter to a helpline is scanned on the day on which it is opened.": {inPart, texts.Say("evidence-policy.when-it-was-scanned-is"), []string{transfers}},
	"The scan is encrypted and kept; the paper is locked away until a team leader has found that the scan can be read, and is then destroyed so that nobody can put it together again.":                                                     {inPart, texts.Say("evidence-policy.all-but-the-locking-away"), []string{transfers, destructions}},
	"After six months all records will be permanently deleted, including the recycle bin.":                                                                                                                                                  {yes, texts.Say("evidence-policy.each-proof-says-that-a"), []string{deletions, keyEnds, schedule}},
	"This goes for the scan, for the kept copy of an answer (six months from the day on which it is filed), and for every older version of either.":                                                                                         {yes, texts.Say("evidence-policy.a-copy-that-is-filed"), []string{deletions, theRegister}},
	"Where a letter is shared with an agency because a child or an adult is at risk, somebody is in imminent danger, or there is a warning of terrorism or of a bomb, it is held securely for five years before being permanently deleted.": {yes, texts.Say("evidence-policy.each-decision-and-each-sharing"), []string{theRegister, schedule}},
	"Where an inquiry or a court wants a letter, it is kept until the hold is released.":                                                                                                                                                    {yes, texts.Say("evidence-policy.holds-and-their-releases-are"), []string{theRegister, schedule}},
	"A hold is looked at again after ninety days at most.":                                                                                                                                                                                  {yes, texts.Say("evidence-policy.a-hold-has-such-a"), []string{theRegister}},
	"A letter may be erased before its time when the person concerned asks for it, or when it was scanned by mistake.":                                                                                                                      {yes, texts.Say("evidence-policy.who-asked-who-confirmed-and"), []string{deletions, theRegister}},
	"Two people decide.": {yes, texts.Say("evidence-policy.who-confirms-is-never-who"), []string{deletions, procedure}},
	"A letter is opened only by the team leaders of its helpline and by the helplines' manager.": {inPart, texts.Say("evidence-policy.at-the-portal-it-cannot"), []string{procedure, theRegister}},
	"Every opening is recorded.":                                        {yes, texts.Say("evidence-policy.before-it-happens-letter-opened"), []string{theRegister}},
	"Operations staff scan letters and destroy paper.":                  {yes, nil, []string{procedure, destructions}},
	"They do not see a letter again once it is stored.":                 {yes, nil, []string{procedure}},
	"The data-protection officer sees what is recorded, and no letter.": {yes, nil, []string{procedure}},
	"Mails about letters name nobody and quote nothing.":                {inPart, texts.Say("evidence-policy.the-procedure-says-so-and"), []string{procedure, theRegister}},
	"All data that is deleted is recorded on the organisational retention record: what it was, when it came, when it was deleted, and the proof that nothing is left.": {yes, texts.Say("evidence-policy.the-retention-record-of-each"), []string{deletions, theRegister}},
	"The record holds no names of service users.":                                                {yes, texts.Say("evidence-policy.it-holds-random-ids-staff"), []string{theRegister}},
	"The destruction of every sheet of paper is recorded with who did it, who watched, and how.": {yes, nil, []string{destructions}},
}

// policySentences are the policy's own sentences, each with its answer.
func (p *pack) policySentences() (out []demand) {
	for _, s := range sentences(string(p.Policy)) {
		a, known := answers[s]
		if !known {
			a = answer{no, texts.Say("evidence-policy.letterlock-does-not-know-this"), nil}
		}
		out = append(out, demand{p.PolicyName, texts.Plain(s), a.met, a.where, a.files})
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

// inTime are the demands, of the policy and others, that are met only while whatever is
// due goes, and is accounted for.
var inTime = map[string]bool{
	"evidence-demand.nothing-is-kept-longer-than":                                                                                                   true,
	"After six months all records will be permanently deleted, including the recycle bin.":                                                          true,
	"This goes for the scan, for the kept copy of an answer (six months from the day on which it is filed), and for every older version of either.": true,
	"Where a letter is shared with an agency because a child or an adult is at risk, somebody is in imminent danger, or there is a warning of terrorism or of a bomb, it is held securely for five years before being permanently deleted.": true,
	"All data that is deleted is recorded on the organisational retention record: what it was, when it came, when it was deleted, and the proof that nothing is left.":                                                                      true,
}
