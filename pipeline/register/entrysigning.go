package register

import "regexp"

// SigningKey is a public key of a register, as golang.org/x/mod/sumdb/note writes it.
type SigningKey string

// Signature is one as it stands on the signature line of a note: base64 of the
// key's hash, 4 bytes, and of the Ed25519 signature, 64 bytes.
type Signature string

var (
	signingKeyForm = regexp.MustCompile(`^letterlock-register\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}$`)
	signatureForm  = regexp.MustCompile(`^[A-Za-z0-9+/]{91}=$`)
)

// SigningKeyChanged says that another key signs the register from this entry on:
// the checkpoint over it is the new key's first, that over the entries before it
// the old one's last. Both have signed the change, so that whoever holds either
// public key need not be told the other. Where the old one was lost it has signed
// nothing: whoever holds its public half alone is told that the register breaks here. [OWN]
type SigningKeyChanged struct {
	From   SigningKey `json:"from"`              // whose private half is destroyed now, or was lost
	To     SigningKey `json:"to"`                // that takes over
	Root   TreeHash   `json:"root"`              // of the tree over all entries before this one
	ByFrom Signature  `json:"by_from,omitempty"` // of From, over this change; absent where it was lost
	ByTo   Signature  `json:"by_to"`             // of To, over the same
	Lost   bool       `json:"lost,omitempty"`    // every copy of From's private half is lost, as a person says
}

func (SigningKeyChanged) kind() string { return "signing-key-changed" }
