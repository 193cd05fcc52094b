package retention

import (
	"time"

	"letterlock/pipeline/texts"
	"letterlock/scanner/letter"
)

// Record is the retention record of a period.
type Record struct {
	Period    Period
	Made      time.Time
	Total     Line
	Helplines []Line // by name
	Alarms    int    // that were raised in the period

	Exceptions []Exception  // in the order in which they happened
	Wrong      []texts.Text // where the counts do not add up; nothing where all is well
}

// Line is the counts of one helpline, or of all.
type Line struct {
	Helpline string // empty for all
	Letters  Letters
	Paper    Paper
}

// Letters counts letters, and the responses that are kept like them.
// Before + Arrived + Filed + MovedIn = Deleted + MovedOut + After, and
// After = Ordinary + FiveYears + Held.
type Letters struct {
	Before    int // living when the period began
	Arrived   int
	Filed     int // responses, which have no paper
	MovedIn   int // from another helpline, to which they had been given by mistake
	MovedOut  int
	Deleted   int // with proof
	Erased    int // of Deleted: before their time, as two people had decided, or because a new scan can be read
	After     int // living when it ended
	Ordinary  int // of After: to go after six months
	FiveYears int // of After: kept for safeguarding
	Held      int // of After: kept by a hold
	Overdue   int // of After: past their deadline
	Kept      int // decisions of the period to keep a letter for five years
	Withdrawn int // such decisions, of whatever period, that two people withdrew in this one
}

// Paper counts paper originals. Before + In + MovedIn = Destroyed + MovedOut + After.
type Paper struct {
	Before    int // waiting for its destruction when the period began
	In        int // one with each letter that arrived, new scans of a paper left out
	MovedIn   int
	MovedOut  int
	Destroyed int // on record
	After     int // waiting when it ended
	Outlived  int // of After: its letter is gone, and it should be too
	Sheets    int // of the destroyed
	Certified int // of the destroyed: by a contractor
	Unread    int // of the destroyed: nobody had looked at the scan, by the configuration's rule (destroy_after)
}

// Exception is something that was not as with every other letter.
type Exception struct {
	At     time.Time
	Letter letter.ID  // empty where it is about none
	Says   texts.Text // a whole sentence
}

func (l *Line) add(o Line) {
	a, b := &l.Letters, o.Letters
	*a = Letters{a.Before + b.Before, a.Arrived + b.Arrived, a.Filed + b.Filed, a.MovedIn + b.MovedIn, a.MovedOut + b.MovedOut,
		a.Deleted + b.Deleted, a.Erased + b.Erased, a.After + b.After, a.Ordinary + b.Ordinary, a.FiveYears + b.FiveYears, a.Held + b.Held, a.Overdue + b.Overdue, a.Kept + b.Kept, a.Withdrawn + b.Withdrawn}
	c, d := &l.Paper, o.Paper
	*c = Paper{c.Before + d.Before, c.In + d.In, c.MovedIn + d.MovedIn, c.MovedOut + d.MovedOut, c.Destroyed + d.Destroyed, c.After + d.After,
		c.Outlived + d.Outlived, c.Sheets + d.Sheets, c.Certified + d.Certified, c.Unread + d.Unread}
}
