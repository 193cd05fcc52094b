package register

import "regexp"

// ServerKey is a public key with which the server signs what scanners read, as
// golang.org/x/mod/sumdb/note writes it.
type ServerKey string

var serverKeyForm = regexp.MustCompile(`^letterlock-server\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$`)

// ServerKeyNamed says that the key with which the server signs what scanners read names
// the one that is to follow it. The old one goes on signing. [OWN]
type ServerKeyNamed struct {
	From ServerKey `json:"from"` // that signs
	To   ServerKey `json:"to"`   // that is to follow
}

// ServerKeyChanged says that the new key signs what scanners read from now on, and that
// no scanner that has heard of it believes the old one any more. [OWN]
type ServerKeyChanged struct {
	From    ServerKey `json:"from"`    // whose private half is destroyed now
	To      ServerKey `json:"to"`      // that takes over
	Unheard int       `json:"unheard"` // scanners that had not said that they know it
}

// ServerKeyLost says that every copy of the key is lost with which the server signed what
// scanners read, and that another signs from now on, of which no scanner can learn but by
// an invitation. [OWN]
type ServerKeyLost struct {
	To       ServerKey `json:"to"`       // that signs
	Scanners int       `json:"scanners"` // that are to be invited again
}

func (ServerKeyLost) kind() string    { return "server-key-lost" }
func (ServerKeyNamed) kind() string   { return "server-key-named" }
func (ServerKeyChanged) kind() string { return "server-key-changed" }
