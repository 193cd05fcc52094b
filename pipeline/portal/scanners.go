package portal

import (
	"slices"
	"time"

	"letterlock/scanner/letter"
)

// scannerSilence is after how long without a word people are told that a scanner
// may not be running. It speaks every ten minutes at least.
const scannerSilence = 20 * time.Minute

// scannerBoard is what one scanner says is in its folder.
type scannerBoard struct {
	letter.Report
	Silent  bool
	Refused []refusedLine // today, the latest first
}

type refusedLine struct {
	letter.Refused
	Says string
}

// scannerBoards is what each scanner said last of our helplines. It knows no
// file's name, wherever the scanner is.
func (p *Portal) scannerBoards(v *visit) (out []scannerBoard, err error) {
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
			if letter.DateOf(f.At) == letter.DateOf(now) && (f.Helpline == "" || p.isHelpline(f.Helpline)) {
				board.Refused = append(board.Refused, refusedLine{f, refusalSays(f.Why)})
			}
		}
		out = append(out, board)
	}
	return out, nil
}

func (p *Portal) isHelpline(name string) bool {
	return slices.ContainsFunc(p.cfg.Helplines, func(h Helpline) bool { return h.Name == name })
}

// refusalSays is a reason in a sentence. A word of a newer scanner is not shown:
// nobody here knows what it may hold.
func refusalSays(why string) string {
	if says := refusalWords[why]; says != "" {
		return says
	}
	return "The note beside the file says why."
}

// refusalWords say why a scan was refused. A test holds them complete.
var refusalWords = map[string]string{
	"empty":            "The file is empty.",
	"cut-off":          "The end of the file is missing: the scan broke off.",
	"not-a-scan":       "It is no PDF, TIFF, JPEG or other picture of a page.",
	"encrypted":        "It needs a password.",
	"protected":        "It is protected in a way that cannot be undone here.",
	"damaged":          "The file is damaged.",
	"form-or-comments": "It has form fields or comments, which are not part of the page.",
	"too-large":        "It is too large.",
	"too-many-pages":   "It has too many pages.",
	"too-heavy":        "It took too long to read.",
	"unsupported":      "It is a rare kind of file that cannot be read here.",
	"jbig2-symbols":    "The scanner has packed it in a way that can change a letter or a figure.",
	"inseparable":      "It is not certain what belongs to which page.",
	"left-over":        "Something is in the file that is on none of its pages.",
	"several-scans":    "Another scan is in the same file.",
	"not-as-scanned":   "The page that was made of it does not show what the scan showed.",
	"stray":            "It was put beside the helplines’ folders, and not into one of them.",
	"unreadable":       "The scanning program has no right to read it.",
	"linked":           "Another name leads to the same file.",
	"not-again":        "It was put in as a new scan of a paper, and cannot be one.",
	"not-same":         "It was said to be taken before, and no such letter was.",
}
