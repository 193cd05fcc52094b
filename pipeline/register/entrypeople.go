package register

// The events of people and of how they sign in; see Event.

// PersonAdded says that a staff number was given out, by the person in By (0:
// at the console). Whose it is stands in the table of people and nowhere on the
// register. [P 6, GDPR 32]
type PersonAdded struct {
	Person int64 `json:"person"` // staff number
	Role   Role  `json:"role"`   // what the person may do
}

// PersonChanged says what the person in By has changed of a staff number's row in
// the table of people, where name and address stand and nowhere else. [P 6, GDPR 16]
type PersonChanged struct {
	Person    int64  `json:"person"`          // staff number
	Name      bool   `json:"name"`            // another name
	Address   bool   `json:"address"`         // another mail address
	Helplines bool   `json:"helplines"`       // other helplines: now those of Leads
	Leads     []Name `json:"leads,omitempty"` // the helplines that the person leads from then on
}

// PersonDisabled says that a staff number can no longer sign in, for good, and
// that the person's name and address were erased. By is who let them go (0: at
// the console). [GDPR 17, GDPR 32]
type PersonDisabled struct {
	Person int64 `json:"person"` // staff number
}

// CodeMade says that a one-time enrolment code was made, by the person in By (0:
// at the console). [GDPR 32]
type CodeMade struct {
	Person int64 `json:"person"` // staff number of whom it is for
}

// CodesEnded says that the key was lost by which enrolment codes are known, and another is
// made: every code that was not used yet is void. [GDPR 32]
type CodesEnded struct {
	Codes int `json:"codes"` // that were not used yet
}

// PasskeysForgotten says that a person's passkeys were lost and open nothing
// any more. [GDPR 32]
type PasskeysForgotten struct {
	Person int64 `json:"person"` // staff number
}

// PasskeyRevoked says that the person in By made one passkey of a person open
// nothing any more, and ended their sessions. [GDPR 32]
type PasskeyRevoked struct {
	Person int64 `json:"person"` // staff number of whose it was
	Left   int   `json:"left"`   // passkeys that the person has still
}

// PasskeyAdded says that the person in By enrolled a passkey. [GDPR 32]
type PasskeyAdded struct{}

// SSOLinked says that the person in By signs in with the organisation's own
// sign-in from now on. Who they are there is no part of the register. [GDPR 32]
type SSOLinked struct{}

// SSOUnlinked says that a person can no longer sign in with the organisation's
// own sign-in, as the person in By decided. [GDPR 32]
type SSOUnlinked struct {
	Person int64 `json:"person"` // staff number
}

// SignedIn says that the person in By signed in. [R A.AM.G.2]
type SignedIn struct {
	With SignInWith `json:"with"` // by what means
}

// SessionInTwoPlaces says that one session of the person in By was used from two
// places at once: here, elsewhere, and here again. A copy of it may be in other
// hands; the person was shown it. [R A.AM.G.2]
type SessionInTwoPlaces struct{}

func (PersonAdded) kind() string { return "person-added" }

func (PersonChanged) kind() string { return "person-changed" }

func (PersonDisabled) kind() string { return "person-disabled" }

func (PasskeysForgotten) kind() string { return "passkeys-forgotten" }

func (PasskeyRevoked) kind() string { return "passkey-revoked" }

func (CodeMade) kind() string { return "code-made" }

func (CodesEnded) kind() string { return "codes-ended" }

func (PasskeyAdded) kind() string { return "passkey-added" }

func (SSOLinked) kind() string { return "sso-linked" }

func (SSOUnlinked) kind() string { return "sso-unlinked" }

func (SignedIn) kind() string { return "signed-in" }

func (SessionInTwoPlaces) kind() string { return "session-in-two-places" }
