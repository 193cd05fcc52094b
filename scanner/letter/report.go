package letter

import (
	"errors"
	"slices"
	"time"

	"golang.org/x/mod/sumdb/note"
)

// Report is the edge's signed word on what is in its scanner folder just now:
// counts, times and enumerated reasons, and never a file's name.
type Report struct {
	Site    string       `json:"site"`              // the edge that signed; also the signer's name
	At      time.Time    `json:"at"`                // when the folder was looked at, UTC, whole seconds
	Program Program      `json:"program,omitempty"` // the edge's version
	Folders []ReportLine `json:"folders"`           // of the helplines
	// ServerKey is the newest of the server's public keys that the edge knows. It is
	// empty until one has been changed: an older server would not understand it.
	ServerKey string    `json:"server_key,omitempty"`
	Refused   []Refused `json:"refused,omitempty"` // what lies refused, and what else was refused within the last day, the latest last
	// Questions are the tokens of the scans that wait for an answer, the oldest first, by
	// an edge whose questions the server hears (see Answers): an older server would not
	// understand it. One that is not named any more is answered, or its scan is gone.
	Questions []string `json:"questions,omitempty"`
}

// ReportLine is what is in the folder of one helpline.
type ReportLine struct {
	Helpline string    `json:"helpline"`
	Arriving int       `json:"arriving"`         // files that have not settled
	Stuck    int       `json:"stuck,omitempty"`  // of those, such as wait for a person
	Oldest   time.Time `json:"oldest,omitzero"`  // since when the oldest of them is unchanged, UTC, whole seconds
	Taking   int       `json:"taking,omitempty"` // scans that have settled and are not sealed
	OnTheWay int       `json:"on_the_way"`       // letters that are sealed and have no receipt
	Refused  int       `json:"refused"`          // scans that lie refused in the folder
	Asked    int       `json:"asked"`            // scans about which a person is asked
}

// Refused is one refusal of a scan.
type Refused struct {
	Helpline string    `json:"helpline,omitempty"` // empty for a file that lay in no helpline's folder
	At       time.Time `json:"at"`                 // UTC, whole seconds
	Why      string    `json:"why"`                // a word, by which the server finds a sentence of its own
}

// MaxRefused is how many refusals a Report may name, and MaxFolders how many helplines.
const (
	MaxRefused = 50
	MaxFolders = 100
)

// Sign writes the report under the site's signature.
func (r Report) Sign(site note.Signer) ([]byte, error) { return Sign(kindReport, r, site) }

// OpenReport checks msg against the site's public key. What it says is believed
// of that site's folder and of nothing else.
func OpenReport(msg []byte, site note.Verifier) (Report, error) {
	var r Report
	if err := Open(kindReport, msg, site, &r); err != nil {
		return Report{}, err
	}
	if r.Site != site.Name() || !r.Program.valid() || !believable(r.At) || len(r.Folders) > MaxFolders || len(r.Refused) > MaxRefused {
		return Report{}, errors.New("report: site, time or length is not of the agreed form")
	}
	if _, err := note.NewVerifier(r.ServerKey); err != nil && r.ServerKey != "" {
		return Report{}, errors.New("report: the server's key is not of the agreed form")
	}
	if len(r.Questions) > MaxQuestions || slices.ContainsFunc(r.Questions, func(token string) bool { return !ValidToken(token) }) {
		return Report{}, errors.New("report: what is asked is not of the agreed form")
	}
	for _, l := range r.Folders {
		if !ValidName(l.Helpline) || min(l.Arriving, l.Stuck, l.Taking, l.OnTheWay, l.Refused, l.Asked) < 0 || !l.Oldest.IsZero() && !believable(l.Oldest) {
			return Report{}, errors.New("report: a folder is not of the agreed form")
		}
	}
	for _, f := range r.Refused {
		if f.Helpline != "" && !ValidName(f.Helpline) || !believable(f.At) || !ValidName(f.Why) {
			return Report{}, errors.New("report: a refusal is not of the agreed form")
		}
	}
	return r, nil
}

func believable(t time.Time) bool {
	return t.Nanosecond() == 0 && t.Year() >= 2000 && t.Year() <= 9000
}
