package main

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
)

// serverName tells this server from the others on the same register, also after a
// restart: the machine's name, and a hash of where the data folder is.
func (in *installation) serverName() string {
	host, _ := os.Hostname() // "" is a name as well
	where := sha256.Sum256([]byte(in.dir.path))
	const most = 60 // the job queue's limit is not far
	return cmp.Or(host[:min(len(host), most)], "server") + "-" + hex.EncodeToString(where[:3])
}

// shared stands for what of the configuration all servers must have alike. What
// says where things are on this machine, and from where it reaches others, may
// differ.
func (c *Config) shared() string {
	alike := struct {
		DestroyAfter, Policy, Origin, Language, From, Bucket string
		MaxSilence                                           any
		Settings, Destruction, Helplines                     any
	}{DestroyAfter: c.DestroyAfter, Policy: c.Policy, Origin: c.Portal.Origin, Language: c.Portal.Language, From: c.Mail.From,
		MaxSilence: c.MaxSilence, Settings: c.Portal.settings(), Destruction: c.Destruction, Helplines: c.Helplines}
	if c.Storage != nil {
		alike.Bucket = c.Storage.Bucket
	}
	text, err := json.Marshal(alike)
	if err != nil {
		panic(err) // plain values
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}
