package disk

// OpenLooking is Open of a folder on a file system where no rename refuses to replace.
func OpenLooking(dir string) (*Real, error) {
	d, err := Open(dir)
	if err == nil {
		d.looks = true
	}
	return d, err
}
