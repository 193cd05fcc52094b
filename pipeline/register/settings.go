package register

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"time"
)

// Setting is something that an administrator or, where it is about letters, the
// manager may change at the portal while Letterlock runs. What the configuration
// file says holds until then, and again once the change is taken back.
type Setting string

const (
	SettingIdle     Setting = "idle-minutes"         // after which a session ends that nobody uses
	SettingPrint    Setting = "print"                // 1 where letters may be printed, else 0
	SettingLeaders  Setting = "remind-leaders-days"  // working days after which team leaders are reminded of an unopened letter
	SettingManagers Setting = "remind-managers-days" // and after which the managers are told
	SettingConfirm  Setting = "confirm-address"      // 1 where somebody else must confirm the address of an answer, else 0
)

// Settings lists every setting in the order in which people are asked.
var Settings = []Setting{SettingIdle, SettingPrint, SettingLeaders, SettingManagers, SettingConfirm}

// Between is the least and the most that the setting may be.
func (s Setting) Between() (least, most int) {
	switch s {
	case SettingIdle:
		return 5, int(SessionIdle.Minutes())
	case SettingPrint, SettingConfirm:
		return 0, 1
	case SettingLeaders:
		return 1, 5
	case SettingManagers:
		return 1, 10
	}
	return 0, -1
}

// Decider is whose the setting is to change.
func (s Setting) Decider() Role {
	if s == SettingConfirm {
		return Manager
	}
	return Administrator
}

// Values are what settings are. One that is absent is not changed.
type Values map[Setting]int

// Check says which setting cannot be what it is, or that managers are told of an
// unopened letter before its team leaders are. File are those of the file.
func (v Values) Check(file Values) (wrong Setting) {
	for _, s := range Settings {
		if n, is := v[s]; is {
			if least, most := s.Between(); n < least || n > most {
				return s
			}
		}
	}
	all := v.Over(file)
	if all[SettingManagers] < all[SettingLeaders] {
		return SettingManagers
	}
	return ""
}

// Over are those of the file, but for what is changed.
func (v Values) Over(file Values) Values {
	out := maps.Clone(file)
	maps.Copy(out, v)
	return out
}

// settingMeta is the name of a changed setting in the table of facts.
func settingMeta(s Setting) string { return settingsBegin + string(s) }

// Names of changed settings lie between these.
const settingsBegin, settingsEnd = "setting ", "setting!"

// ChangedSettings are the settings that somebody has changed at the portal.
func (r *Register) ChangedSettings(ctx context.Context) (Values, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT name, value FROM meta WHERE name >= $1 AND name < $2`, settingsBegin, settingsEnd)
	if err != nil {
		return nil, fmt.Errorf("reading settings: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := Values{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		for _, s := range Settings {
			if n, err := strconv.Atoi(value); name == settingMeta(s) && err == nil {
				out[s] = n
			}
		}
	}
	return out, rows.Err()
}

// ChangeSettings has each setting that is the role's be what the values say, and
// that of the file where they say nothing. by is the staff number of who decided
// it. Each that becomes another than before is an entry.
func (r *Register) ChangeSettings(ctx context.Context, to, file Values, role Role, by int64) error {
	if wrong := to.Check(file); wrong != "" {
		return fmt.Errorf("the setting %s cannot be that", wrong)
	}
	err := r.formTx(ctx, by, func(tx *sql.Tx) error {
		for _, s := range Settings {
			if s.Decider() != role {
				continue
			}
			if err := r.changeSetting(ctx, tx, s, to, file, by); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil && !errors.Is(err, ErrSent) {
		return fmt.Errorf("changing settings: %w", err)
	}
	return err
}

func (r *Register) changeSetting(ctx context.Context, tx *sql.Tx, s Setting, to, file Values, by int64) error {
	var before string
	err := tx.QueryRowContext(ctx, `SELECT value FROM meta WHERE name = $1`, settingMeta(s)).Scan(&before)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	n, changed := to[s]
	switch {
	case changed && before == strconv.Itoa(n), !changed && before == "":
		return nil
	case changed:
		err = setMeta(ctx, tx, settingMeta(s), strconv.Itoa(n))
	default:
		n = file[s]
		_, err = tx.ExecContext(ctx, `DELETE FROM meta WHERE name = $1`, settingMeta(s))
	}
	if err != nil {
		return err
	}
	return r.append(ctx, tx, SettingChanged{Setting: s, Value: n, File: !changed}, "", by)
}

// Idle is how long a session lives that nobody uses.
func (r *Register) Idle(ctx context.Context) (time.Duration, error) {
	changed, err := r.ChangedSettings(ctx)
	if err != nil {
		return 0, err
	}
	if n, is := changed[SettingIdle]; is {
		return time.Duration(n) * time.Minute, nil
	}
	if r.cfg.Idle > 0 {
		return min(r.cfg.Idle, SessionIdle), nil
	}
	return SessionIdle, nil
}
