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

// DatabaseMoved says that this register was copied, whole, from one database into
// another, and goes on there. [GDPR 32]
type DatabaseMoved struct {
	PostgreSQL bool `json:"postgresql"` // whether that is one; otherwise it is a file
}

// OldDatabaseRemoved says that the database in which the register was before it was
// moved is about to be removed: in it was what has been deleted since. [GDPR 32]
type OldDatabaseRemoved struct{}

func (RegisterExported) kind() string   { return "register-exported" }
func (BackupMade) kind() string         { return "backup-made" }
func (DatabaseMoved) kind() string      { return "database-moved" }
func (OldDatabaseRemoved) kind() string { return "old-database-removed" }
