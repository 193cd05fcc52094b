package register

// EdgeInvited says that a machine was invited to be the scanner of this site. [R A.AM.G.2]
type EdgeInvited struct {
	Site     Name `json:"site"`     // of the invited scanner
	Replaces bool `json:"replaces"` // the site's scanner so far ends when this one enrols
}

// EdgeAdded says that manifests signed by this site are believed from now on. [R A.AM.G.2]
type EdgeAdded struct {
	Site Name `json:"site"` // of the enrolled scanner
}

// EdgeReplaced says that manifests of this site are believed from now on under the
// key of another machine, and under the former one's no more. [R A.AM.G.2]
type EdgeReplaced struct {
	Site Name `json:"site"` // whose scanner was replaced
}

// EdgeKeyChanged says that manifests of this site are believed from now on under another
// key, which its scanner has named with the one before, and under that no more.
// [R A.AM.G.2]
type EdgeKeyChanged struct {
	Site Name `json:"site"` // whose scanner has changed its key
}

// EdgeRevoked says that nothing that this site signs is believed from now on. [R A.AM.G.2]
type EdgeRevoked struct {
	Site Name `json:"site"` // of the revoked scanner
}

func (EdgeInvited) kind() string    { return "edge-invited" }
func (EdgeAdded) kind() string      { return "edge-added" }
func (EdgeReplaced) kind() string   { return "edge-replaced" }
func (EdgeKeyChanged) kind() string { return "edge-key-changed" }
func (EdgeRevoked) kind() string    { return "edge-revoked" }
