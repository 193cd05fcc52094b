package register

// The events of copies of the register that leave it; see Event.

// RegisterExported says that the person in By (0: at the console) took an
// export. [R A.AM.G.2]
type RegisterExported struct{}

// BackupMade says that a copy of the register, sealed to those who keep the
// backups' keys, is about to be written. [GDPR 32]
type BackupMade struct {
	Recipients int `json:"recipients"` // how many keys open it
}

func (RegisterExported) kind() string { return "register-exported" }
func (BackupMade) kind() string       { return "backup-made" }
