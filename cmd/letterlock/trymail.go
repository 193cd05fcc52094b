package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"letterlock/pipeline/mail"
	"letterlock/pipeline/register"
)

// tryMail says whether mail goes out: it connects, signs in and, where there is
// somebody to write to, sends them a test message. Mail that does not go undoes
// nothing that setup has done, and is an error only where a message was asked for. The same
// bad news is said once: a composition sets up at each of its starts, from where no mail
// server may be within reach, and 'letterlock check' says it as long as it lasts.
func (in *installation) tryMail(w *world, to string) error {
	said := func(what string) (before bool, err error) {
		if in.register == nil { // nothing is to be changed
			return false, nil
		}
		last, err := in.register.Meta(w.ctx, register.MetaMailSaid)
		if err != nil || last == what {
			return true, err
		}
		return false, in.register.SetMeta(w.ctx, register.MetaMailSaid, what)
	}
	wrong := func(what, format string, args ...any) error {
		before, err := said(what)
		if err != nil || before && to == "" {
			return err
		}
		fmt.Fprintf(w.out, "Mail: "+format+"\n", args...)
		if to != "" {
			return errFoundWrong
		}
		return nil
	}
	if in.cfg.Mail.SMTP == "" {
		return wrong("none", "no mail server is set, so that nobody is told that a letter has come, and nothing was sent. Before the first letter set smtp under [mail] in %s, then run: letterlock setup --test-mail ADDRESS", in.dir.config)
	}
	sender, err := in.sender(w.out)
	if err != nil {
		return wrong("unusable", "it cannot be used as it is set: %s", say(err))
	}
	post, ok := sender.(*mail.SMTP)
	if !ok {
		return errors.New("trying mail: the sender is no mail server")
	}
	again := fmt.Sprintf("Look at smtp, from and password_file under [mail] in %s, then run: letterlock setup --test-mail ADDRESS", in.dir.config)
	defer w.screen.Begin("Asking the mail server", "", 0).End()
	ctx, cancel := context.WithTimeout(w.ctx, 15*time.Second)
	defer cancel()
	if err := post.Ping(ctx); err != nil {
		return wrong("away", "nothing goes out just now (%s). %s", err, again)
	}
	if to == "" {
		if _, err := said("answers"); err != nil {
			return err
		}
		_, err := fmt.Fprintln(w.out, "Mail: the mail server answers. Whether it takes a message is tried out by: letterlock setup --test-mail ADDRESS")
		return err
	}
	message := mail.Message{About: mail.ATrial, To: to, MessageID: rand.Text() + "@" + in.mailDomain(), Link: cmp.Or(in.cfg.Portal.Origin, "http://localhost")}
	ctx, cancel = context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	switch err := post.Send(ctx, message); {
	case errors.Is(err, mail.ErrPermanent):
		return wrong("refused", "the mail server refuses the test message (%s): it does not know the address, or may not send as from says. %s", err, again)
	case err != nil:
		return wrong("unknown", "it is not known whether the mail server has taken the test message (%s). %s", err, again)
	}
	_, err = fmt.Fprintln(w.out, "Mail: the mail server has taken the test message. Look whether it has come, among junk mail too.")
	return err
}
