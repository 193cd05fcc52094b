package pipeline

import (
	"context"

	"letterlock/pipeline/portal"
	"letterlock/pipeline/register"
	"letterlock/pipeline/texts"
)

// DefaultSettings hold where the configuration file says nothing.
var DefaultSettings = register.Values{register.SettingIdle: 15, register.SettingPrint: 0, register.SettingLeaders: 1, register.SettingManagers: 2, register.SettingConfirm: 0}

// fileSettings are those of the configuration file.
func (s *Server) fileSettings() register.Values { return s.cfg.Settings.Over(DefaultSettings) }

// settings are as they are now: those of the file, but for what was changed at the
// portal.
func (s *Server) settings(ctx context.Context) (register.Values, error) {
	changed, err := s.cfg.Register.ChangedSettings(ctx)
	return changed.Over(s.fileSettings()), err
}

// checkSettings says what was changed at the portal, which nobody sees who reads
// the file alone. It is nothing to mend.
func (s *Server) checkSettings(ctx context.Context) (bad, good texts.Text, err error) {
	changed, err := s.cfg.Register.ChangedSettings(ctx)
	if err != nil {
		return nil, nil, err
	}
	if wrong := changed.Check(s.fileSettings()); wrong != "" {
		return texts.Say("check-settings.do-not-fit", "setting", portal.SettingName(wrong)), nil, nil
	}
	var says []texts.Text
	for _, is := range register.Settings {
		if n, ok := changed[is]; ok {
			says = append(says, texts.Say("check-settings.is", "setting", portal.SettingName(is), "is", portal.SettingSays(is, n), "file", portal.SettingSays(is, s.fileSettings()[is])))
		}
	}
	if len(says) == 0 {
		return nil, texts.Say("check-settings.as-the-file-says"), nil
	}
	return nil, texts.Say("check-settings.changed", "settings", joined("list.part", says)), nil
}
