package register

// The events of what people may do at the portal, where that changes; see Event.

// RoleGiven says that the person in By may do something else than before, as the
// organisation's own sign-in said of their groups there. [P 6, GDPR 32]
type RoleGiven struct {
	Role      Role   `json:"role"`      // what the person may do from now on
	Helplines []Name `json:"helplines"` // a team leader's; empty for everybody else
}

// RoleTaken says that the person in By may do nothing any more, since the
// organisation's own sign-in named no group of theirs that may, and that their
// sessions have ended. [P 6, GDPR 32]
type RoleTaken struct{}

// SettingChanged says that the person in By had a setting be something else while
// Letterlock ran. [GDPR 32, R A.AM.G.2]
type SettingChanged struct {
	Setting Setting `json:"setting"` // which
	Value   int     `json:"value"`   // what it is from now on
	File    bool    `json:"file"`    // a change was taken back: it is what the configuration file says
}

func (RoleGiven) kind() string      { return "role-given" }
func (RoleTaken) kind() string      { return "role-taken" }
func (SettingChanged) kind() string { return "setting-changed" }
