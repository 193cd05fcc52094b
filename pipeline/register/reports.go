package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"letterlock/scanner/letter"
)

// KeepReport remembers what a scanner says is in its folder, in the place of what
// it said before. What is older than that changes nothing. It is nothing that has
// happened, and no entry. What people have answered of scans that it does not name any
// more is forgotten: the scanner has taken the answer in, or the scan is gone.
func (r *Register) KeepReport(ctx context.Context, said letter.Report) error {
	data, err := json.Marshal(said)
	if err != nil {
		return fmt.Errorf("writing a scanner's report: %w", err)
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO reports (site, at, said) VALUES ($1, $2, $3)
			ON CONFLICT (site) DO UPDATE SET at = excluded.at, said = excluded.said WHERE excluded.at >= reports.at`,
			said.Site, millis(said.At), string(data))
		if err != nil {
			return err
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return err // an older one
		}
		answers, err := scanAnswers(ctx, tx)
		if err != nil {
			return err
		}
		for _, a := range answers[said.Site] {
			if slices.Contains(said.Questions, a.Token) {
				continue
			}
			if _, err := tx.ExecContext(ctx, `DELETE FROM scan_answers WHERE site = $1 AND token = $2`, said.Site, a.Token); err != nil {
				return err
			}
		}
		return nil
	})
}

// ErrAnswered says that somebody has answered a scanner's question before.
var ErrAnswered = errors.New("the question was answered before")

// GivenAnswer is what a person has answered of a scan on another machine, and when.
type GivenAnswer struct {
	letter.Answer
	At time.Time
}

// AnswerScan keeps what the person by has answered of a scan that the site's scanner asks
// about, for that scanner to be told, and puts ev on record with it; ErrAnswered, with
// nothing on record, if somebody was first, whatever server they were at.
func (r *Register) AnswerScan(ctx context.Context, site string, a letter.Answer, ev ScanAnswered, by int64) error {
	data, err := json.Marshal(a)
	if err != nil {
		return fmt.Errorf("writing an answer: %w", err)
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		done, err := tx.ExecContext(ctx, `INSERT INTO scan_answers (site, token, at, answer) VALUES ($1, $2, $3, $4) ON CONFLICT (site, token) DO NOTHING`,
			site, a.Token, millis(r.Now()), string(data))
		if err != nil {
			return err
		}
		n, err := done.RowsAffected()
		if err == nil && n == 0 {
			err = ErrAnswered
		}
		if err != nil {
			return err
		}
		return r.append(ctx, tx, ev, "", by)
	})
}

// ScanAnswers is what people have answered of scans whose scanners still ask, by the
// site, those first that were answered first.
func (r *Register) ScanAnswers(ctx context.Context) (map[string][]GivenAnswer, error) {
	return scanAnswers(ctx, r.read)
}

func scanAnswers(ctx context.Context, q querier) (map[string][]GivenAnswer, error) {
	rows, err := q.QueryContext(ctx, `SELECT site, at, answer FROM scan_answers ORDER BY at, token`)
	if err != nil {
		return nil, fmt.Errorf("reading what was answered: %w", err)
	}
	sites := map[string][]GivenAnswer{}
	_, err = scanAll(rows, func(row scannable) (_ struct{}, err error) {
		var site, data string
		var at int64
		if err := row.Scan(&site, &at, &data); err != nil {
			return struct{}{}, err
		}
		a := GivenAnswer{At: fromMillis(at)}
		err = json.Unmarshal([]byte(data), &a.Answer)
		sites[site] = append(sites[site], a)
		return struct{}{}, err
	})
	return sites, err
}

// Reports is what each scanner that is enrolled said last, by the site's name. One
// that has said nothing is missing.
func (r *Register) Reports(ctx context.Context) ([]letter.Report, error) {
	rows, err := r.read.QueryContext(ctx, `SELECT p.said FROM reports p JOIN edges e ON e.site = p.site WHERE e.revoked IS NULL ORDER BY p.site`)
	if err != nil {
		return nil, fmt.Errorf("reading the scanners' reports: %w", err)
	}
	return scanAll(rows, func(row scannable) (said letter.Report, err error) {
		var data string
		if err := row.Scan(&data); err != nil {
			return said, err
		}
		return said, json.Unmarshal([]byte(data), &said)
	})
}
