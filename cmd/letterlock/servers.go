package main

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
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

// shared stands for what all servers must have alike: this server's part of it, with
// the policy that it publishes and its key of enrolment codes. What cannot be read
// differs from what can.
func (in *installation) shared() string {
	policy, _ := in.readPolicy() // what publishes it says why not
	codes, _ := in.dir.codeKey() // likewise what needs it
	return in.cfg.shared(policy, codes)
}

// shared is that of a configuration, a policy's text and a key of codes, of which it
// tells nothing. What says where things are on this machine, and from where it reaches
// others, may differ.
func (c *Config) shared(policy, codes []byte) string {
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
	keyed := hmac.New(sha256.New, codes)
	for _, part := range [][]byte{text, policy} {
		fmt.Fprintf(keyed, "%d %s", len(part), part)
	}
	sum := keyed.Sum(nil)
	return hex.EncodeToString(sum[:8])
}
