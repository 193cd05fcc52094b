package pipeline

import (
	"context"
	"fmt"
	"strings"

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
func (s *Server) checkSettings(ctx context.Context) (bad, good string, err error) {
	changed, err := s.cfg.Register.ChangedSettings(ctx)
	if err != nil {
		return "", "", err
	}
	say := texts.English().Text // check speaks English, as everything on the console
	if wrong := changed.Check(s.fileSettings()); wrong != "" {
		return "What was changed at the portal does not go together with the configuration file any more (" + say(portal.SettingName(wrong)) + "). Look at the portal's page \"Settings\".", "", nil
	}
	var says []string
	for _, is := range register.Settings {
		if n, ok := changed[is]; ok {
			says = append(says, fmt.Sprintf("%s is %s (the file says %s)", say(portal.SettingName(is)), say(portal.SettingSays(is, n)), say(portal.SettingSays(is, s.fileSettings()[is]))))
		}
	}
	if len(says) == 0 {
		return "", "All settings are as the configuration file says.", nil
	}
	return "", "Changed at the portal: " + strings.Join(says, "; ") + ".", nil
}
