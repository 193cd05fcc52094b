package disktest

import (
	"math/rand/v2"
)

// change is what a power cut undoes as a whole or leaves: a name that was made
// or removed, or the two names of a rename, which every file system with a
// journal keeps together, with all that happened to these names before.
type change struct {
	of    *change // the one that this has become part of; nil for a whole one
	names []entry
	fate  fate // of the power cut that is under way
}

// entry is a name in a folder, and whether something was renamed to it.
type entry struct {
	dir     *node
	name    string
	arrived bool
}

type fate int

const (
	undecided fate = iota
	kept
	undone
)

// whole is the change of which c is part.
func (c *change) whole() *change {
	for c.of != nil {
		c = c.of
	}
	return c
}

// note takes in that a name of the folder has changed.
func (n *node) note(name string) *change {
	c := n.changed[name]
	if c == nil {
		c = &change{names: []entry{{dir: n, name: name}}}
		n.changed[name] = c
	}
	return c.whole()
}

// join makes one change of two.
func (c *change) join(other *change) {
	if c != other {
		c.names = append(c.names, other.names...)
		other.of, other.names = c, nil
	}
}

// arrive takes in that something was renamed to a name of the change.
func (c *change) arrive(dir *node, name string) {
	for i, e := range c.names {
		if e.dir == dir && e.name == name {
			c.names[i].arrived = true
		}
	}
}

// arrivedAt reports whether something was renamed to a name of the change.
func (c *change) arrivedAt(dir *node, name string) bool {
	for _, e := range c.names {
		if e.dir == dir && e.name == name && e.arrived {
			return true
		}
	}
	return false
}

// land makes a name outlive a power cut as it is now.
func (n *node) land(name string) {
	if is := n.names[name]; is != nil {
		n.kept[name] = is
	} else {
		delete(n.kept, name)
	}
	delete(n.changed, name)
}

// sync makes all names of a folder outlive a power cut. What arrived in it by a
// rename has then left the place it came from; what left it is not sure to have
// arrived.
func (n *node) sync() {
	for _, name := range sorted(n.changed) {
		c := n.changed[name]
		if c == nil {
			continue // landed with an earlier one
		}
		c = c.whole()
		if n.names[name] == nil && !c.arrivedAt(n, name) {
			n.land(name)
			continue
		}
		for _, e := range c.names {
			if is := e.dir.changed[e.name]; is != nil && is.whole() == c {
				e.dir.land(e.name)
			}
		}
	}
}

// PowerCut is the moment in which the machine stops. Each change of a name that
// was not synced is there or not as chance has it, and of each file what was not
// synced is there, is zero, or is missing. Open files are gone.
func (s *Sim) PowerCut(chance *rand.Rand) {
	s.used = 0
	s.restart(s.root, chance, map[*node]bool{})
}

func (s *Sim) restart(n *node, chance *rand.Rand, done map[*node]bool) {
	if done[n] {
		return
	}
	done[n] = true
	n.writers = 0
	if !n.dir {
		n.data = survivor(n, chance)
		n.synced = n.data
		s.used += int64(len(n.data))
		return
	}
	for _, name := range sorted(n.changed) { // in order: a seed gives the same run again
		c := n.changed[name].whole()
		if c.fate == undecided {
			c.fate = kept + fate(chance.IntN(2))
		}
		if c.fate == undone {
			if old := n.kept[name]; old != nil {
				n.names[name] = old
			} else {
				delete(n.names, name)
			}
		}
		n.land(name)
	}
	for _, name := range sorted(n.names) {
		s.restart(n.names[name], chance, done)
	}
}

// survivor is what a power cut leaves of a file.
func survivor(n *node, chance *rand.Rand) []byte {
	if string(n.data) == string(n.synced) {
		return n.data
	}
	switch chance.IntN(4) {
	case 0:
		return n.data
	case 1:
		return n.synced
	case 2:
		return make([]byte, len(n.data)) // the length was written, the content not
	default:
		return append([]byte(nil), n.data[:chance.IntN(len(n.data)+1)]...)
	}
}
