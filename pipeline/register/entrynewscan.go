package register

import "letterlock/scanner/letter"

// NewScanTaken says that the letter is a new scan of a paper that was to be
// scanned again, as a person said at the scanner: from here on the paper, the
// holds and everything that was decided of the old scan are this one's.
// [R A.AM.VF.H.1]
type NewScanTaken struct {
	Of     letter.ID       `json:"of"`     // the old scan
	Reason ScanAgainReason `json:"reason"` // why there was to be a new one
}

// NewScanApart says that a letter was said to be a new scan of another and is
// none, as far as the register knows: it is a letter of its own. [R A.IS.1]
type NewScanApart struct {
	Of  letter.ID   `json:"of"`  // the letter that its scanner named
	Why ApartReason `json:"why"` // what does not fit
}

// LetterReplaced says that a new scan of the letter's paper was read back: what
// people decide they decide of that one. This one can be opened until somebody has
// found a new one readable. [R A.AM.VF.H.1]
type LetterReplaced struct {
	By letter.ID `json:"by"` // the new scan
}

// NewScanIsOther says that the person in By found the letter to be no new scan of
// the other: another paper was put into the scanner. Each is a letter of its own
// again, with its own paper, and the other waits to be scanned again. [R A.AM.VF.H.1]
type NewScanIsOther struct {
	Of       letter.ID    `json:"of"`                // the other
	Class    letter.Class `json:"class,omitempty"`   // its own from here on, where it had been kept as the other is [GDPR 5]
	Deadline letter.Date  `json:"deadline,omitzero"` // likewise: the day on which it must be gone [P 2]
}

// OldScanEnding says that a newer scan of the letter's paper was found readable,
// by the person in By (0: it had been before, and a hold kept this one): this one
// is erased at once, with its proof. [P 2, GDPR 5]
type OldScanEnding struct {
	By letter.ID `json:"by"` // the new scan
}

func (NewScanTaken) kind() string   { return "new-scan-taken" }
func (NewScanApart) kind() string   { return "new-scan-apart" }
func (LetterReplaced) kind() string { return "letter-replaced" }
func (NewScanIsOther) kind() string { return "new-scan-is-other" }
func (OldScanEnding) kind() string  { return "old-scan-ending" }
