package main

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/register"
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

type serverCmd struct {
	List   serverListCmd   `cmd:"" help:"List the servers on this register: those at work, and those that have died without a word." example:"letterlock server list"`
	Alive  serverAliveCmd  `cmd:"" help:"Say whether this data folder's server is at work. Ends with 3 when it is not: for what looks after a container." example:"letterlock server alive"`
	Forget serverForgetCmd `cmd:"" help:"Report a server no longer as missing that has died and does not come back." example:"letterlock server forget old-machine-3fa2c1"`
}

type serverListCmd struct{}

// Run lists the servers by name.
func (c *serverListCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		all, err := in.register.Running(w.ctx)
		if err != nil {
			return err
		}
		dead, err := in.dead(w, all, listenFor)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
		if len(all) == 0 {
			fmt.Fprintln(t, "No server is at work.")
		} else {
			fmt.Fprintln(t, "NAME\tSTATE\tLAST HEARD OF\tVERSION")
		}
		for _, s := range all {
			state := "at work"
			if dead[s.ID()] {
				state = "dead"
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", s.Name, state, atMinute(s.Clock), cmp.Or(s.Program, "-"))
		}
		return t.Flush()
	})
}

type serverAliveCmd struct{}

// workedWithin is how old the last beat may be of a server that works: it gives one every
// five seconds, and none while its sweeps do not go on.
const workedWithin = time.Minute

// Run goes by the server's own beat, whose time is of this machine's clock too. What a
// person must see to is no reason to take a server for ill: it may work as well as ever.
func (c *serverAliveCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		all, err := in.register.Running(w.ctx)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(all, func(s register.Running) bool { return s.Name == in.serverName() })
		switch {
		case i < 0:
			fmt.Fprintln(w.out, "No server is at work here.")
			return errFoundWrong
		case in.clock.Now().Sub(all[i].Clock).Abs() > workedWithin:
			fmt.Fprintf(w.out, "The server here has given no sign of life since %s: see its log, and start it anew.\n", atMinute(all[i].Clock))
			return errFoundWrong
		}
		_, err = fmt.Fprintln(w.out, "The server here is at work.")
		return err
	})
}

// listenFor is for how long a server is listened for that nobody else hears. One that
// lives gives a beat every five seconds.
const listenFor = 20 * time.Second

// dead are the IDs of those servers of which nothing is heard: the one that leads says so,
// or, where none does, it has said nothing for ten minutes by its own clock and gives no
// beat while this listens. The clock alone says nothing: that of a living server may be wrong.
func (in *installation) dead(w *world, all []register.Running, listen time.Duration) (map[string]bool, error) {
	dead, unheard := map[string]bool{}, map[string]int64{}
	for _, s := range all {
		switch {
		case !s.Silent.IsZero():
			dead[s.ID()] = true
		case in.clock.Now().Sub(s.Clock).Abs() >= heardWithin:
			unheard[s.ID()] = s.Beat
		}
	}
	if len(unheard) == 0 {
		return dead, nil
	}
	work := w.screen.Begin("Listening for the other servers", "", 0)
	defer work.End()
	if err := in.listen(w.ctx, unheard, 0, listen); err != nil {
		return nil, err
	}
	for id := range unheard {
		dead[id] = true
	}
	return dead, nil
}

// listen takes out of unheard, which holds the last beat of each by its ID, whoever gives
// another one meanwhile. It ends once no more than enough are left.
func (in *installation) listen(ctx context.Context, unheard map[string]int64, enough int, listen time.Duration) error {
	for end := time.Now().Add(listen); len(unheard) > enough && time.Now().Before(end); {
		select {
		case <-ctx.Done():
			return errInterrupted
		case <-time.After(min(listen, time.Second)):
		}
		again, err := in.register.Running(ctx)
		if err != nil {
			return err
		}
		for _, s := range again {
			if beat, waited := unheard[s.ID()]; waited && beat != s.Beat {
				delete(unheard, s.ID())
			}
		}
	}
	return nil
}

type serverForgetCmd struct {
	Name string `arg:"" help:"Its name, as 'letterlock server list' has it."`
}

// Run forgets a server. One that only hung, and comes back, is among the others again.
func (c *serverForgetCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		find := func() (found register.Running, there bool, err error) {
			all, err := in.register.Running(w.ctx)
			i := slices.IndexFunc(all, func(s register.Running) bool { return s.Name == c.Name })
			if err != nil || i < 0 {
				return found, false, err
			}
			return all[i], true, nil
		}
		atWork := configfile.Wrong("%s is at work, and was not forgotten: end it first. One that has died is found to be within a minute where another server is at work, and ten minutes later where none is", c.Name)
		s, there, err := find()
		switch {
		case err != nil:
			return err
		case !there:
			return configfile.Wrong("there is no server of the name %q: see 'letterlock server list'", c.Name)
		}
		if dead, err := in.dead(w, []register.Running{s}, listenFor); err != nil || !dead[s.ID()] {
			return cmp.Or(err, atWork)
		}
		if err := in.register.Forget(w.ctx, s); err != nil {
			return err
		}
		if _, there, err := find(); err != nil || there { // it has come back in this moment
			return cmp.Or(err, atWork)
		}
		_, err = fmt.Fprintf(w.out, "%s is not missed any more. What it was at is done by the others, or by the next that starts.\n", c.Name)
		return err
	})
}
