package main

import (
	"context"
	"os"
	"time"

	"letterlock/cmd/configfile"
)

// enrolledEvery is how often a scanner that runs looks whether its machine was enrolled
// anew.
const enrolledEvery = 5 * time.Second

// enrolment is what 'scanner enrol' gives a machine and a scanner goes by from its start
// on. The secret key of the storage is none of it: that is read whenever it has changed.
type enrolment struct {
	site, key, serverKey, endpoint, bucket, accessKey string
}

// enrolment is how the machine is enrolled, as the files have it now.
func (c *Config) enrolment(config string) (e enrolment, err error) {
	key, err := configfile.Secret(config, c.SiteKeyFile, "site's private key")
	return enrolment{c.Site, key, c.ServerKey, c.Storage.Endpoint, c.Storage.Bucket, c.Storage.AccessKey}, err
}

// untilAnew waits until the machine is enrolled otherwise than it was when file was its
// scanner.toml, and reports whether it is; false once ctx ends. An enrolment writes
// scanner.toml last, when the server believes the rest. What a person changes in it counts
// with the next start, as ever: it may be half done. The key with which the scanner signs by
// now, which own says, is no other one: it changes that itself.
func (c *Config) untilAnew(ctx context.Context, config string, file os.FileInfo, own func() string) bool {
	was, err := c.enrolment(config)
	if err != nil || file == nil {
		return false // its start says it
	}
	for {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(enrolledEvery):
		}
		if was.isOver(config, file, own()) {
			return true
		}
	}
}

// isOver reports whether scanner.toml, which was file, enrols the machine otherwise by now.
func (e enrolment) isOver(config string, file os.FileInfo, own string) bool {
	written, err := os.Stat(config)
	if err != nil || os.SameFile(written, file) && written.ModTime().Equal(file.ModTime()) {
		return false
	}
	next, err := readConfig(config)
	if err != nil {
		return false
	}
	now, err := next.enrolment(config)
	e.key = own
	return err == nil && now != e
}
