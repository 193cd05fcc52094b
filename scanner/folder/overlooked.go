package folder

import (
	"path"
	"time"

	"letterlock/scanner/letter"
)

// Lying is for how long a scan that was given back has waited for a person. Nothing
// else ends it: it is no letter, so it has no deadline and no key that dies. What is
// scanned anew in its place goes after its six months with proof, and this copy would
// stay readable for ever.
type Lying int

// From when on it is said.
const (
	NotLong    Lying = iota
	Overlooked       // for two weeks or longer
	Outstayed        // for as long as a letter may be kept, or longer
)

const overlookedAfter = 14 * 24 * time.Hour

// LyingSince says it of a scan that was given back at since; of the zero time nothing.
func LyingSince(since, now time.Time) Lying {
	switch {
	case since.IsZero():
		return NotLong
	case !letter.DateOf(now).Before(letter.Deadline(letter.DateOf(since), letter.SixMonths)):
		return Outstayed
	case now.Sub(since) >= overlookedAfter:
		return Overlooked
	}
	return NotLong
}

// older takes in when a scan was given back, by its note. A share that has lost its
// clock stamps what nobody can believe.
func (c *counter) older(note string) {
	info, err := c.disk.Lstat(note)
	if err != nil || info.ModTime().Year() < 2000 {
		return
	}
	if at := info.ModTime(); c.counts.GivenBack.IsZero() || at.Before(c.counts.GivenBack) {
		c.counts.GivenBack = at
	}
}

// Oldest is since when the scan lies that was given back first into a folder of a
// helpline's, as the last look saw that listed it; zero for none.
func (f *Folder) Oldest(helpline, dir string) time.Time {
	return f.corners[path.Join(home(helpline), dir)].oldest
}
