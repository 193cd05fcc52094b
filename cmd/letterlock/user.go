package main

import (
	"errors"
	"fmt"
	netmail "net/mail"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/register"
	"letterlock/scanner/words"
)

type userCmd struct {
	Add     userAddCmd     `cmd:"" help:"Give out a staff number and an enrolment code." example:"letterlock user add --name \"Ada Example\" --role team-leader --helpline respect-phoneline --email ada@example.org; letterlock user add --name \"Oz Example\" --role operations"`
	List    userListCmd    `cmd:"" help:"List everyone." example:"letterlock user list"`
	Code    userCodeCmd    `cmd:"" help:"Make a new enrolment code, for a lost or a first passkey. It is on the register." example:"letterlock user code 2 --lost"`
	Disable userDisableCmd `cmd:"" help:"End at once what a person may do." example:"letterlock user disable 2"`
}

// codeValid is how long a code is valid that is handed over by voice.
const codeValid = 24 * time.Hour

type userAddCmd struct {
	Name     string   `help:"The person's name, for the portal's screens." required:""`
	Email    string   `help:"Where mail goes: to team leaders about letters, to managers and data-protection officers when something goes wrong."`
	Role     string   `help:"One of operations, team-leader, manager, dpo, administrator." required:""`
	Helpline []string `help:"A team leader's helpline; may be given several times."`
	JSON     bool     `help:"One JSON object instead of a sentence."`
}

// added is what 'user add --json' and 'user code --json' write.
type added struct {
	Number int64  `json:"number"`
	Enrol  string `json:"enrol"` // path at the portal
	Code   string `json:"code"`
}

func (c *userAddCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		if err := c.check(in.cfg); err != nil {
			return err
		}
		number, err := in.register.AddPerson(w.ctx, register.Person{Name: c.Name, Email: c.Email,
			Role: register.Role(c.Role), Helplines: c.Helpline})
		if err != nil {
			return err
		}
		return in.handOver(w, number, codeValid, c.JSON)
	})
}

func (c *userAddCmd) check(cfg *Config) error {
	role := register.Role(c.Role)
	if strings.TrimSpace(c.Name) == "" {
		return configfile.Wrong("--name is how colleagues see the person; it cannot be empty")
	}
	if !slices.Contains(register.Roles, role) {
		return configfile.Wrong("there is no role %q: it is one of operations, team-leader, manager, dpo, administrator", c.Role)
	}
	for _, h := range c.Helpline {
		if !slices.Contains(cfg.names(), h) {
			return configfile.Wrong("there is no helpline %q: it is one of %s", h, list(cfg.names()))
		}
	}
	if (role == register.TeamLeader) != (len(c.Helpline) > 0) {
		return configfile.Wrong("a team leader needs --helpline, and nobody else has one")
	}
	if role == register.TeamLeader && c.Email == "" {
		return configfile.Wrong("a team leader needs --email: that is where letters are announced")
	}
	if c.Email != "" && !isPlainAddress(c.Email) {
		return configfile.Wrong("--email is a plain address like name@example.org")
	}
	return nil
}

// isPlainAddress reports whether it is an address alone, without a name.
func isPlainAddress(s string) bool {
	a, err := netmail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}

// handOver makes a code and says how the person enrols with it.
func (in *installation) handOver(w *world, number int64, valid time.Duration, asJSON bool) error {
	code, err := in.register.MakeCode(w.ctx, number, valid)
	if errors.Is(err, register.ErrNotFound) {
		return configfile.Wrong("there is no staff number %d that may enrol", number)
	}
	if err != nil {
		return err
	}
	enrol := fmt.Sprintf("/enrol?person=%d", number)
	if asJSON {
		return w.json(added{number, enrol, code})
	}
	where := "the portal's " + enrol
	if in.cfg.Portal.Origin != "" {
		where = in.cfg.Portal.Origin + enrol
	}
	_, err = fmt.Fprintf(w.out, "Staff number %d. They enrol at %s with the code %s, within %s.\nTell them the code by voice, never by mail.\n",
		number, where, code, words.Lasted(valid))
	return err
}

type userCodeCmd struct {
	Number int64 `arg:"" help:"Staff number."`
	Lost   bool  `help:"A device was lost: the person's passkeys open nothing any more, and every session ends."`
	EndSSO bool  `name:"end-sso" help:"The organisation's sign-in signs the person in no more until they choose it anew with the code, and every session ends."`
	JSON   bool  `help:"One JSON object instead of a sentence."`
}

// Run makes a code.
func (c *userCodeCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		if c.Lost {
			if err := in.register.ForgetPasskeys(w.ctx, c.Number); errors.Is(err, register.ErrNotFound) {
				return configfile.Wrong("there is no staff number %d that may enrol", c.Number)
			} else if err != nil {
				return err
			}
		}
		if err := c.endSSO(w, in); err != nil {
			return err
		}
		return in.handOver(w, c.Number, time.Hour, c.JSON)
	})
}

// endSSO ends the organisation's sign-in for the person, or says where it goes on that
// whoever holds a lost device may come in with it. It is not ended unasked: where groups
// decide, a passkey then lets the person in without them.
func (c *userCodeCmd) endSSO(w *world, in *installation) error {
	if c.EndSSO {
		err := in.register.UnlinkSSO(w.ctx, c.Number, 0)
		if errors.Is(err, register.ErrNotFound) {
			_, err = fmt.Fprintf(w.errout, "Staff number %d does not sign in with the organisation's sign-in: of that there was nothing to end.\n", c.Number)
		}
		return err
	}
	if !c.Lost || in.issuer() == "" {
		return nil
	}
	linked, err := in.register.SignsInWith(w.ctx, c.Number, in.issuer())
	if err == nil && linked {
		_, err = fmt.Fprintf(w.errout, "Staff number %d still signs in with %s, and so does whoever holds the device and is signed in there: have that ended at the provider. "+
			"Where that cannot be done at once: letterlock user code %d --end-sso\n", c.Number, in.cfg.SSO.Name, c.Number)
	}
	return err
}

type userDisableCmd struct {
	Number int64 `arg:"" help:"Staff number."`
}

func (c *userDisableCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		err := in.register.DisablePerson(w.ctx, c.Number)
		if errors.Is(err, register.ErrNotFound) {
			return configfile.Wrong("there is no staff number %d, or it is disabled already", c.Number)
		}
		if errors.Is(err, register.ErrLastAdministrator) {
			return configfile.Wrong("no other administrator can sign in, so staff number %d stays: add one with 'letterlock user add --role administrator', who first makes a passkey. "+
				"To end at once what this one may do: letterlock user code %d --lost, and where they use the organisation's sign-in, have their account there ended", c.Number, c.Number)
		}
		if err == nil {
			_, err = fmt.Fprintf(w.out, "Staff number %d can no longer sign in, and is sent no more mail. Name and address are erased.\n", c.Number)
		}
		return err
	})
}

type userListCmd struct {
	JSON bool `help:"One JSON object a line instead of a table."`
}

// personLine is one line of 'user list --json'.
type personLine struct {
	Number    int64         `json:"number"`
	Name      string        `json:"name"`
	Email     string        `json:"email"`
	Role      register.Role `json:"role"`
	Helplines []string      `json:"helplines"`
	Disabled  bool          `json:"disabled"`
	Passkeys  int           `json:"passkeys"`
}

func (c *userListCmd) Run(w *world) error {
	return w.with(func(in *installation) error {
		people, err := in.register.People(w.ctx)
		if err != nil {
			return err
		}
		t := tabwriter.NewWriter(w.out, 0, 0, 2, ' ', 0)
		if !c.JSON {
			fmt.Fprintln(t, "NUMBER\tNAME\tROLE\tHELPLINES\tPASSKEYS\tMAY SIGN IN")
		}
		for _, p := range people {
			if c.JSON {
				err = w.json(personLine{p.Number, p.Name, p.Email, p.Role, append([]string{}, p.Helplines...), p.Disabled, p.Passkeys})
			} else {
				_, err = fmt.Fprintf(t, "%d\t%s\t%s\t%s\t%d\t%v\n", p.Number, p.Name, p.Role, list(p.Helplines), p.Passkeys, !p.Disabled)
			}
			if err != nil {
				return err
			}
		}
		return t.Flush()
	})
}
