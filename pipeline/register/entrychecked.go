package register

// The events of who has checked what they may have made themselves; see Event.

// PaperKeptBack says that the person in By was about to record the paper's
// destruction, and that nobody but who scanned it, or may have, had found its scan
// readable: it is kept until somebody else has. [R A.AM.IN.SH.1]
type PaperKeptBack struct {
	ScannedBy int64 `json:"scanned_by"` // staff number of who scanned it, as told at the desk; 0 when nobody knows any more
}

func (PaperKeptBack) kind() string { return "paper-kept-back" }
