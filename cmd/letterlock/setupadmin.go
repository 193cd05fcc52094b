package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"letterlock/cmd/configfile"
	"letterlock/pipeline/register"
	"letterlock/scanner/words"
)

// setupAdministrator is who looks after the server. The register alone has it.
type setupAdministrator struct {
	AdminName    string `help:"Make the first administrator, of that name, and say the code with which they enrol." placeholder:"NAME"`
	AdminAddress string `help:"The first administrator's mail address." placeholder:"ADDRESS"`
}

func (a *setupAdministrator) named() bool { return a.AdminName != "" || a.AdminAddress != "" }

func (a *setupAdministrator) check() error {
	if a.AdminName != "" && strings.TrimSpace(a.AdminName) == "" {
		return configfile.Wrong("--admin-name is how colleagues see the person; it cannot be empty")
	}
	if a.AdminAddress != "" && !isPlainAddress(a.AdminAddress) {
		return configfile.Wrong("--admin-address is a plain address like name@example.org")
	}
	return nil
}

func (a *setupAdministrator) person() register.Person {
	return register.Person{Name: cmp.Or(a.AdminName, unnamed), Email: a.AdminAddress, Role: register.Administrator}
}

// refuseAnother refuses to make a second first administrator while nobody can sign in as
// one. From then on their names and addresses are the portal's to change, and a script
// that says the first one's still goes on: it makes nobody.
func (a *setupAdministrator) refuseAnother(w *world, in *installation) error {
	there, err := in.administrator(w.ctx)
	if err != nil || there == nil || !a.named() {
		return err
	}
	if a.AdminName != "" && there.Name != a.AdminName || a.AdminAddress != "" && there.Email != a.AdminAddress {
		enrolled, err := in.register.CanSignIn(w.ctx, register.Administrator, in.issuer())
		if err != nil {
			return err
		}
		if enrolled {
			_, err = fmt.Fprintln(w.out, "First administrator: somebody can sign in as one already; nobody is made or changed by --admin-name and --admin-address.")
			return err
		}
		return configfile.Wrong("the first administrator is there already: staff number %d, by another name or address. Leave out --admin-name and --admin-address; names are changed at the portal's page \"People\", and one more comes with: letterlock user add --role administrator", there.Number)
	}
	return nil
}

// greetAdministrator says how the first administrator enrols, and makes them first where
// there is none: fresh. While a code is good that was said before, it is left alone: the
// person may be about to use it, and a server that starts would else take it from them.
//
// A crash after the person was made leaves one without a code, for whom the next run
// makes it. After the code was made, and before it is said, it leaves one that nobody
// knows: the next run says how to make another.
func (in *installation) greetAdministrator(w *world, origin string, fresh register.Person) error {
	enrolled, err := in.register.CanSignIn(w.ctx, register.Administrator, in.issuer())
	if err != nil {
		return err
	}
	if enrolled {
		_, err := fmt.Fprintf(w.out, "First sign-in     done; more people come with: letterlock user add\n")
		return err
	}
	number, err := in.firstAdministrator(w.ctx, fresh)
	if err != nil {
		return err
	}
	crashPoint("setup-person", "")
	has, err := in.register.HasCode(w.ctx, number)
	if err != nil {
		return err
	}
	if has {
		_, err = fmt.Fprintf(w.out, "First sign-in     %s/enrol?person=%d with the code that was said before (administrator). Where nobody has it any more: letterlock user code %d\n", origin, number, number)
		return err
	}
	code, err := in.register.MakeCode(w.ctx, number, codeValid)
	if err != nil {
		return err
	}
	crashPoint("setup-code", "")
	_, err = fmt.Fprintf(w.out, "First sign-in     %s/enrol?person=%d with the code %s, within %s (administrator)\n", origin, number, code, words.Lasted(codeValid))
	return err
}

// unnamed is the first administrator's name until they give themselves one, on the
// portal's page "People".
const unnamed = "Not named yet"

// firstAdministrator is the staff number of the one who is there, or of fresh.
func (in *installation) firstAdministrator(ctx context.Context, fresh register.Person) (int64, error) {
	there, err := in.administrator(ctx)
	if err != nil {
		return 0, err
	}
	if there != nil {
		return there.Number, nil
	}
	return in.register.AddPerson(ctx, fresh)
}

// administrator is the first on the register who is one and was not disabled; nil for nobody.
func (in *installation) administrator(ctx context.Context) (*register.Person, error) {
	people, err := in.register.People(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range people {
		if p.Role == register.Administrator && !p.Disabled {
			return &p, nil
		}
	}
	return nil, nil
}
