package portal

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// settingWords are what people call the settings.
var settingWords = map[register.Setting]struct{ name, hint texts.Text }{
	register.SettingIdle:     {texts.Say("settings.signed-out-when-nothing-happens"), texts.Say("settings.minutes-a-warning-comes-two")},
	register.SettingPrint:    {texts.Say("settings.letters-may-be-printed"), texts.Say("settings.each-printing-is-on-record-a-pdf")},
	register.SettingLeaders:  {texts.Say("settings.team-leaders-are-reminded"), texts.Say("settings.working-days-all-of-a-day-come")},
	register.SettingConfirm:  {texts.Say("settings.somebody-else-confirms"), texts.Say("settings.whoever-uploads-the-copy")},
	register.SettingManagers: {texts.Say("settings.the-helplines-manager-is-told"), texts.Say("settings.working-days-no-fewer-than")},
}

// SettingName is what people call the setting.
func SettingName(s register.Setting) texts.Text { return settingWords[s].name }

// SettingSays is how the setting's value is said.
func SettingSays(s register.Setting, n int) texts.Text {
	switch {
	case s == register.SettingIdle:
		return texts.Say("settings.minutes", "n", n)
	case !isYesNo(s):
		return texts.Say("settings.working-days", "n", n)
	case n == 0:
		return texts.Say("settings.is-no")
	}
	return texts.Say("settings.is-yes")
}

func isYesNo(s register.Setting) bool {
	least, most := s.Between()
	return least == 0 && most == 1
}

// settingLine is one setting as its page shows it.
type settingLine struct {
	Setting     register.Setting
	Name, Hint  texts.Text
	Is, File    texts.Text
	Value       string // in the form; empty for as the file says
	Changed     bool
	Least, Most int
	YesNo       bool
	Mine        bool       // the visitor's to change
	Decider     texts.Text // whose it is
}

type settingsBody struct {
	Lines  []settingLine
	Path   string
	Shown  bool
	Origin string
	Was    string // what the form was filled in over
}

const settingsPath = "/settings"

// settingsOnRecord stands for the settings as they were changed here: a form that comes
// back after its five minutes must not undo what somebody else has changed meanwhile.
func settingsOnRecord(changed register.Values) string {
	return hashOf(fmt.Sprint(map[register.Setting]int(changed))) // in the order of its keys
}

// settings are as they are now.
func (p *Portal) settings(ctx context.Context) (register.Values, error) {
	changed, err := p.cfg.Register.ChangedSettings(ctx)
	return changed.Over(p.cfg.Settings), err
}

// prints reports whether letters may be printed. Where it cannot be found out
// they may not.
func (p *Portal) prints(ctx context.Context) bool {
	is, err := p.settings(ctx)
	return err == nil && is[register.SettingPrint] != 0
}

// confirmsAddress reports whether somebody else must confirm the address of an
// answer. Where it cannot be found out somebody must.
func (p *Portal) confirmsAddress(ctx context.Context) bool {
	is, err := p.settings(ctx)
	return err != nil || is[register.SettingConfirm] != 0
}

func (p *Portal) settingsPage(w http.ResponseWriter, v *visit) error {
	return p.showSettings(w, v, nil, nil)
}

// showSettings shows the settings, as a form once it is shown who asks. form is
// what was sent and cannot be; nil for none.
func (p *Portal) showSettings(w http.ResponseWriter, v *visit, form url.Values, flaws []formFlaw) error {
	changed, err := p.cfg.Register.ChangedSettings(v.Context())
	if err != nil {
		return err
	}
	body := settingsBody{Path: settingsPath, Shown: p.shows(v, settingsPath), Origin: p.cfg.Origin}
	body.Was = cmp.Or(form.Get("was"), settingsOnRecord(changed))
	is := changed.Over(p.cfg.Settings)
	for _, s := range register.Settings {
		line := settingLine{Setting: s, Name: settingWords[s].name, Hint: settingWords[s].hint, Is: SettingSays(s, is[s]), File: SettingSays(s, p.cfg.Settings[s]),
			YesNo: isYesNo(s), Mine: s.Decider() == v.person.Role, Decider: roleOr(s.Decider())}
		line.Least, line.Most = s.Between()
		var n int
		if n, line.Changed = changed[s]; line.Changed {
			line.Value = strconv.Itoa(n)
		}
		if form != nil {
			line.Value = form.Get(string(s))
		}
		body.Lines = append(body.Lines, line)
	}
	pg := page{Name: "settings", Title: texts.Say("settings.settings"), Script: "passkey.js", Errors: flaws, Body: body}
	if v.URL.Query().Has("done") {
		pg.Note = texts.Say("settings.it-is-recorded-what-the-settings")
	}
	return p.ok(w, v, pg)
}

// changeSettings has the visitor's settings be what the form says; an empty field is
// what the configuration file says.
func (p *Portal) changeSettings(w http.ResponseWriter, v *visit) error {
	if err := v.ParseForm(); err != nil {
		return badForm
	}
	if !p.shows(v, settingsPath) {
		return p.showSettings(w, v, v.PostForm, []formFlaw{againFlaw})
	}
	changed, err := p.cfg.Register.ChangedSettings(v.Context())
	if err != nil {
		return err
	}
	if was := v.PostForm.Get("was"); was != "" && was != settingsOnRecord(changed) {
		return movedOn
	}
	to, flaws := readSettings(v.PostForm, v.person.Role)
	if wrong := to.Check(p.cfg.Settings); len(flaws) == 0 && wrong != "" {
		flaws = append(flaws, settingFlaw(wrong))
	}
	if len(flaws) > 0 {
		return p.showSettings(w, v, v.PostForm, flaws)
	}
	const done = settingsPath + "?done=1"
	if err := p.cfg.Register.ChangeSettings(v.once(done), to, p.cfg.Settings, v.person.Role, v.person.Number); err != nil {
		return err
	}
	p.used(v, settingsPath)
	redirect(w, done)
	return nil
}

func readSettings(form url.Values, role register.Role) (to register.Values, flaws []formFlaw) {
	to = register.Values{}
	for _, s := range register.Settings {
		text := strings.TrimSpace(form.Get(string(s)))
		if text == "" || s.Decider() != role {
			continue
		}
		n, err := strconv.Atoi(text)
		if least, most := s.Between(); err != nil || n < least || n > most {
			flaws = append(flaws, settingFlaw(s))
			continue
		}
		to[s] = n
	}
	return to, flaws
}

func settingFlaw(s register.Setting) formFlaw {
	least, most := s.Between()
	switch {
	case isYesNo(s):
		return formFlaw{string(s), texts.Say("settings.choose-yes")}
	case s == register.SettingManagers:
		return formFlaw{string(s), texts.Say("settings.enter-a-whole-number", "least", least, "most", most)}
	}
	return formFlaw{string(s), texts.Say("settings.enter-a-whole-number-2", "least", least, "most", most)}
}
