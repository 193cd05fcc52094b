package register

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"letterlock/scanner/letter"
)

// KeepReport remembers what a scanner says is in its folder, in the place of what
// it said before. What is older than that changes nothing. It is nothing that has
// happened, and no entry.
func (r *Register) KeepReport(ctx context.Context, said letter.Report) error {
	data, err := json.Marshal(said)
	if err != nil {
		return fmt.Errorf("writing a scanner's report: %w", err)
	}
	return r.inTx(ctx, func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `INSERT INTO reports (site, at, said) VALUES ($1, $2, $3)
			ON CONFLICT (site) DO UPDATE SET at = excluded.at, said = excluded.said WHERE excluded.at >= reports.at`,
			said.Site, millis(said.At), string(data))
		return err
	})
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
