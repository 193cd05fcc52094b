package register

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"database/sql"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// DIALECT: what holds of every query, so that one text does for both databases.
// Parameters are $1 and so on, each with the type of what it is compared with or
// put into; truths are numbers in columns; what keeps a query from an index is an
// empty text or a plus, for a number; nothing is done in a transaction after one
// of its statements has failed, since PostgreSQL has given it up.
var postgreSQL = engine{
	dialect:    goose.DialectPostgres,
	migrations: "migrations/postgres",
	hasTable:   `SELECT to_regclass($1) IS NOT NULL`,
	tables:     `SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY relname`,
	lastNumber: `SELECT COALESCE(pg_sequence_last_value(pg_get_serial_sequence($1, 'number')), 0)`,
	goOnFrom:   []string{`SELECT setval(pg_get_serial_sequence($1, 'number'), $2)`},
	clock:      `SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint`,
	begin:      fmt.Sprintf(`SELECT pg_advisory_xact_lock(%d)`, writerLock),
	patient:    `SET LOCAL idle_in_transaction_session_timeout = 0`,
	moment:     sql.LevelRepeatableRead,
	open:       openServer,
	forget:     rewriteTables,
	alone:      withTablesLock,
}

const (
	// writerLock is the number of the advisory lock that whoever writes holds: the
	// register is one chain, and a compare-and-set must see what the last one did.
	writerLock = 0x6c65747465726c6b
	// tablesLock is that of whoever brings tables up to date.
	tablesLock = writerLock + 1

	connectTimeout = 10 * time.Second
	// lockTimeout is how long a writer waits for others, in ms; as long as for SQLite's.
	lockTimeout = "10000"
	// lostAfter is when the server gives up a transaction whose process says nothing
	// more, in ms: it would keep all others from writing.
	lostAfter = "60000"

	oldestServer = 15

	queueConnections = 6 // for four workers, their upkeep and one that listens
)

// openServer connects to the database at cfg.URL.
func openServer(ctx context.Context, cfg Config) (write, read *sql.DB, err error) {
	conn, err := parseURL(cfg.URL)
	if err != nil {
		return nil, nil, err
	}
	number, renew := stdlib.OptionAfterConnect(numberTruths), stdlib.OptionBeforeConnect(cfg.renew)
	write = stdlib.OpenDB(*conn, number, renew)
	write.SetMaxOpenConns(1)
	looking := conn.Copy()
	looking.RuntimeParams["default_transaction_read_only"] = "on"
	read = stdlib.OpenDB(*looking, number, renew)
	read.SetMaxOpenConns(8)
	read.SetMaxIdleConns(4)
	return write, read, fit(ctx, write)
}

// withTablesLock has f done by one process at a time: two servers may start in the
// same moment.
func withTablesLock(ctx context.Context, db *sql.DB, f func() error) (err error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("connecting to the database: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	if _, err := conn.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(tablesLock)); err != nil {
		return fmt.Errorf("waiting for other servers: %w", err)
	}
	defer func() {
		_, unlocked := conn.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(tablesLock))
		err = errors.Join(err, unlocked)
	}()
	return f()
}

// parseURL reads the database's address. No error of it holds the address, which may
// hold a password.
func parseURL(text string) (*pgx.ConnConfig, error) {
	conn, err := pgx.ParseConfig(text)
	if err != nil || !strings.HasPrefix(text, "postgres://") && !strings.HasPrefix(text, "postgresql://") {
		return nil, &UnfitError{"the database's address is not one of the form postgres://user@host:5432/name"}
	}
	if conn.ConnectTimeout == 0 {
		conn.ConnectTimeout = connectTimeout
	}
	// A server that is gone without a word is noticed within half a minute.
	dialer := &net.Dialer{Timeout: conn.ConnectTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 10 * time.Second, Interval: 5 * time.Second, Count: 4}}
	conn.DialFunc = func(ctx context.Context, network, at string) (net.Conn, error) {
		c, err := dialer.DialContext(ctx, network, at)
		if err != nil {
			return nil, err
		}
		return wire{c}, nil
	}
	// A standby knows less than was recorded. Where the address names several servers,
	// the next one is tried.
	conn.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsPrimary
	for name, value := range map[string]string{
		"application_name": "letterlock", "lock_timeout": lockTimeout, "idle_in_transaction_session_timeout": lostAfter,
		"synchronous_commit": "on", // what is committed is on disk, whatever the server does for others
		"jit":                "off",
		// Made once a connection, for whatever is asked: a plan of its own for each page
		// of a list took longer to make than to follow, and the longer the more letters
		// there are. TestQueriesFollowTheWorkDueOnPostgreSQL looks at these plans.
		"plan_cache_mode": "force_generic_plan",
	} {
		if conn.RuntimeParams[name] == "" {
			conn.RuntimeParams[name] = value
		}
	}
	return conn, nil
}

// renew gives a connection that is about to be made the password of now. While that
// cannot be read, as when its file is being written, the one before counts, and whoever
// looks after the register is told.
func (c Config) renew(_ context.Context, conn *pgx.ConnConfig) error {
	if c.Address == nil {
		return nil
	}
	address, err := c.Address()
	if c.Unread != nil {
		c.Unread(err)
	}
	if err != nil {
		return nil
	}
	if now, err := pgx.ParseConfig(address); err == nil {
		conn.Password = now.Password
	}
	return nil
}

// queuePool is a pool for the job queue, made when there is one.
type queuePool struct {
	mu   sync.Mutex
	pool *pgxpool.Pool
}

func (q *queuePool) close() {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.pool != nil {
		q.pool.Close()
	}
}

// Pool are connections to the same PostgreSQL for the job queue, which does not
// wait for the register's writer; nil on SQLite, where it has DB. They end with
// the register.
func (r *Register) Pool(ctx context.Context) (*pgxpool.Pool, error) {
	if r.engine != &postgreSQL {
		return nil, nil
	}
	r.queue.mu.Lock()
	defer r.queue.mu.Unlock()
	if r.queue.pool != nil {
		return r.queue.pool, nil
	}
	conn, err := parseURL(r.cfg.URL)
	if err != nil {
		return nil, err
	}
	cfg, err := pgxpool.ParseConfig("")
	if err != nil {
		return nil, errors.New("preparing connections for the job queue: the environment's PG variables cannot be read")
	}
	cfg.ConnConfig, cfg.MaxConns, cfg.BeforeConnect = conn, queueConnections, r.cfg.renew
	if r.queue.pool, err = pgxpool.NewWithConfig(ctx, cfg); err != nil {
		return nil, fmt.Errorf("preparing connections for the job queue: %w", err)
	}
	return r.queue.pool, nil
}

// numberTruths has a truth put into a column of numbers as 1 or 0, as SQLite does.
func numberTruths(_ context.Context, conn *pgx.Conn) error {
	types := conn.TypeMap()
	types.TryWrapEncodePlanFuncs = append([]pgtype.TryWrapEncodePlanFunc{func(value any) (pgtype.WrappedEncodePlanNextSetter, any, bool) {
		truth, ok := value.(bool)
		return &numbered{}, number(truth), ok
	}}, types.TryWrapEncodePlanFuncs...)
	return nil
}

type numbered struct{ next pgtype.EncodePlan }

// SetNext is the half of pgx's interface that says what numbers are written by.
func (n *numbered) SetNext(next pgtype.EncodePlan) { n.next = next }

// Encode writes a truth.
func (n *numbered) Encode(value any, buf []byte) ([]byte, error) {
	return n.next.Encode(number(value.(bool)), buf)
}

func number(truth bool) int64 {
	if truth {
		return 1
	}
	return 0
}

// fit refuses a server in which nothing could be kept safely.
func fit(ctx context.Context, db *sql.DB) error {
	var version int
	var encoding string
	err := db.QueryRowContext(ctx, `SELECT current_setting('server_version_num')::int / 10000, current_setting('server_encoding')`).
		Scan(&version, &encoding)
	if err != nil {
		return fmt.Errorf("connecting to the database: %w", err)
	}
	return suits(version, encoding)
}

// suits is what fit says of a server of that major version, and of its database's encoding.
func suits(version int, encoding string) error {
	switch {
	case version < oldestServer:
		return &UnfitError{fmt.Sprintf("the database server is PostgreSQL %d, and Letterlock needs %d or later: upgrade the server", version, oldestServer)}
	case encoding != "UTF8":
		return &UnfitError{fmt.Sprintf("the database keeps its texts as %s, and Letterlock's are UTF8: make one with ENCODING 'UTF8' TEMPLATE template0", encoding)}
	}
	return nil
}

// rewriteTables makes deleted rows disappear from the tables' files: DELETE only
// marks them, and VACUUM leaves their bytes until others need the room. VACUUM
// FULL writes what lives into a new file and removes the old one. It takes along
// what somebody may still read who began to read before the deletion: while there
// is anybody, this is ErrBusy.
//
// The tables of the register itself are left alone: nothing is deleted in them.
// What the others hold is of the letters that live, so that this costs as much as
// there are of those. The server's own log of changes, its archive and its
// standbys keep copies for a while: see "PostgreSQL" in ADMIN.md.
func rewriteTables(ctx context.Context, write *sql.DB) error {
	if err := noOlderReader(ctx, write); err != nil {
		return err
	}
	rows, err := write.QueryContext(ctx, `SELECT quote_ident(c.relname) FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
		AND c.relname NOT IN ('entries', 'tree', 'goose_db_version', 'river_migration') ORDER BY c.relname`)
	if err != nil {
		return fmt.Errorf("rewriting tables: %w", err)
	}
	tables, err := scanAll(rows, func(row scannable) (name string, err error) { return name, row.Scan(&name) })
	if err != nil {
		return fmt.Errorf("rewriting tables: %w", err)
	}
	for _, name := range tables {
		if _, err := write.ExecContext(ctx, `VACUUM (FULL) `+name); err != nil {
			if isCode(err, lockNotAvailable) {
				return ErrBusy
			}
			return fmt.Errorf("rewriting tables: %w", err)
		}
	}
	return nil
}

// olderReader asks whether anybody began to read, or to write, before now and goes
// on: another connection, a replica that holds back what it still shows, a
// prepared transaction. $1 is the transaction's number of now.
const olderReader = `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND (datname IS NULL OR datname = current_database())
		AND (age(backend_xmin) >= age($1::text::xid) OR age(backend_xid) >= age($1::text::xid)))
	OR EXISTS (SELECT 1 FROM pg_replication_slots WHERE age(xmin) >= age($1::text::xid))
	OR EXISTS (SELECT 1 FROM pg_prepared_xacts WHERE database = current_database())`

// noOlderReader waits a moment for whoever reads an older state of the database.
func noOlderReader(ctx context.Context, write *sql.DB) error {
	var now string
	if err := write.QueryRowContext(ctx, `SELECT pg_current_xact_id()::xid::text`).Scan(&now); err != nil {
		return fmt.Errorf("looking for readers: %w", err)
	}
	for range 20 {
		var reads bool
		if err := write.QueryRowContext(ctx, olderReader, now).Scan(&reads); err != nil {
			return fmt.Errorf("looking for readers: %w", err)
		}
		if !reads {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
	return ErrBusy
}

// The codes of https://www.postgresql.org/docs/15/errcodes-appendix.html that are
// told apart here.
const (
	diskFull         = "53100"
	lockNotAvailable = "55P03"
)

// isCode reports whether the server answered with that code.
func isCode(err error, code string) bool {
	return codeOf(err) == code
}

// codeOf is the code with which the server answered, "" where it did not answer.
func codeOf(err error) string {
	var said interface{ SQLState() string } // pgconn.PgError
	if !errors.As(err, &said) {
		return ""
	}
	return said.SQLState()
}

// Certificate is the one that the database's server shows now, asked for over a
// connection of its own: an older connection would go on with the one before. It is nil
// where nothing is believed because of one: a file, or an address without verify-full or
// verify-ca. One that this machine does not believe comes with the reason why.
func (r *Register) Certificate(ctx context.Context) (*x509.Certificate, error) {
	if r.engine != &postgreSQL {
		return nil, nil
	}
	cfg, err := parseURL(r.cfg.URL)
	if err != nil {
		return nil, err
	}
	if cfg.TLSConfig == nil || cfg.TLSConfig.InsecureSkipVerify && cfg.TLSConfig.VerifyPeerCertificate == nil {
		return nil, nil
	}
	if err := r.cfg.renew(ctx, cfg); err != nil {
		return nil, err
	}
	// verify-ca has a check of its own, whose errors do not bring the certificate.
	if check := cfg.TLSConfig.VerifyPeerCertificate; check != nil {
		cfg.TLSConfig.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) error {
			wrong := check(raw, chains)
			if wrong == nil || len(raw) == 0 {
				return wrong
			}
			shown, err := x509.ParseCertificate(raw[0])
			if err != nil {
				return wrong
			}
			return &tls.CertificateVerificationError{UnverifiedCertificates: []*x509.Certificate{shown}, Err: wrong}
		}
	}
	conn, err := pgx.ConnectConfig(ctx, cfg)
	if wrong, is := errors.AsType[*tls.CertificateVerificationError](err); is && len(wrong.UnverifiedCertificates) > 0 {
		return wrong.UnverifiedCertificates[0], wrong
	}
	if err != nil {
		return nil, fmt.Errorf("asking the database for its certificate: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }()
	over, is := conn.PgConn().Conn().(*tls.Conn)
	if !is {
		return nil, errors.New("asking the database for its certificate: the connection is not over TLS")
	}
	return over.ConnectionState().PeerCertificates[0], nil
}

// ServerInfo is what a check asks of the database's server.
type ServerInfo struct {
	Version      string        // as in 15.8
	Ahead        time.Duration // of its clock before ours
	Unsafe       []string      // settings with which what was committed may be lost
	KeepsRemoved bool          // its log keeps what was deleted longer than it needs: wal_recycle
	Copies       int           // standbys and other readers of its log
}

// Server asks the database's server about itself; false where there is none.
func (r *Register) Server(ctx context.Context) (info ServerInfo, there bool, err error) {
	if r.engine != &postgreSQL {
		return info, false, nil
	}
	var at float64
	var fsync, pages, recycle bool
	began := time.Now()
	err = r.read.QueryRowContext(ctx, `SELECT split_part(current_setting('server_version'), ' ', 1), extract(epoch FROM clock_timestamp())::float8,
		current_setting('fsync')::bool, current_setting('full_page_writes')::bool, current_setting('wal_recycle')::bool,
		(SELECT count(*) FROM pg_replication_slots) + (SELECT count(*) FROM pg_stat_replication)`).
		Scan(&info.Version, &at, &fsync, &pages, &recycle, &info.Copies)
	if err != nil {
		return info, true, fmt.Errorf("asking the database's server: %w", err)
	}
	middle := began.Add(time.Since(began) / 2)
	info.Ahead = time.UnixMilli(int64(at * 1000)).Sub(middle)
	for name, on := range map[string]bool{"fsync": fsync, "full_page_writes": pages} {
		if !on {
			info.Unsafe = append(info.Unsafe, name)
		}
	}
	slices.Sort(info.Unsafe)
	info.KeepsRemoved = recycle
	return info, true, nil
}
