package portal

import (
	"slices"
	"time"

	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// scannerSilence is after how long without a word people are told that a scanner
// may not be running. It speaks every ten minutes at least.
const scannerSilence = 20 * time.Minute

// scannerBoard is what one scanner says is in its folder.
type scannerBoard struct {
	letter.Report
	Silent  bool
	Refused []refusedLine // the latest first
	// MoreRefused is how many more there are, which the folder shows.
	MoreRefused int
	// Elsewhere is how many of the scans that it asks about are not listed: its folder
	// alone has them, or they cannot be read just now.
	Elsewhere int
}

// refusedShown is how many refusals of a scanner the board lists.
const refusedShown = 10

type refusedLine struct {
	letter.Refused
	Says texts.Text
}

// scannerBoards is what each scanner said last of our helplines, beside what is asked. It
// knows no file's name, wherever the scanner is.
func (p *Portal) scannerBoards(v *visit, asked []Question) (out []scannerBoard, err error) {
	said, err := p.cfg.Register.Reports(v.Context())
	if err != nil {
		return nil, err
	}
	now := p.cfg.Now()
	for _, r := range said {
		board := scannerBoard{Report: r, Silent: now.Sub(r.At) > scannerSilence}
		// Any other word in the place of a helpline's name is not for people's eyes.
		board.Folders = slices.DeleteFunc(board.Folders, func(l letter.ReportLine) bool { return !p.isHelpline(l.Helpline) })
		for _, f := range slices.Backward(r.Refused) {
			if f.Helpline == "" || p.isHelpline(f.Helpline) {
				if len(board.Refused) == refusedShown {
					board.MoreRefused++
					continue
				}
				board.Refused = append(board.Refused, refusedLine{f, p.refusalSays(f.Why)})
			}
		}
		if r.Site != p.cfg.OwnSite { // whose folder was just looked into
			board.Elsewhere = askedElsewhere(board.Report, asked)
		}
		out = append(out, board)
	}
	return out, nil
}

// askedElsewhere is how many of the scans that a scanner asks about are not among those.
func askedElsewhere(r letter.Report, asked []Question) (n int) {
	for _, f := range r.Folders {
		n += f.Asked
	}
	for _, q := range asked {
		if q.Site == r.Site {
			n--
		}
	}
	return max(n, 0)
}

func (p *Portal) isHelpline(name string) bool {
	return slices.ContainsFunc(p.cfg.Helplines, func(h Helpline) bool { return h.Name == name })
}

// refusalSays is a reason in a sentence. A word of a newer scanner is not shown:
// nobody here knows what it may hold.
func (p *Portal) refusalSays(why string) texts.Text {
	if !p.language.Has("refused." + why) {
		return texts.Say("refusal.the-note-beside-the-file-says-why")
	}
	return texts.Word("refused", why)
}
