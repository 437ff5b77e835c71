package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
)

// mostStatements bounds what a connection keeps. kine asks some twenty different queries; those with a
// limit have it in their text, and clients choose it.
const mostStatements = 64

// reopen is the same database through connections that keep their prepared statements. kine prepares
// each query anew, which takes longer than to answer most of them.
func reopen(old *sql.DB, source string) (*sql.DB, error) {
	database := sql.OpenDB(connector{old.Driver(), source})
	database.SetMaxIdleConns(20) // as kine does
	return database, errors.Join(database.Ping(), old.Close())
}

type connector struct {
	driver driver.Driver
	source string
}

func (c connector) Driver() driver.Driver { return c.driver }

func (c connector) Connect(context.Context) (driver.Conn, error) {
	opened, err := c.driver.Open(c.source)
	if err != nil {
		return nil, err
	}
	session, ok := opened.(session)
	if !ok {
		return nil, errors.Join(fmt.Errorf("%T lacks what keeps statements", opened), opened.Close())
	}
	return &connection{session: session, kept: map[string]statement{}}, nil
}

// session is what database/sql uses of a connection, but for queries.
type session interface {
	driver.Conn
	driver.ConnPrepareContext
	driver.ConnBeginTx
	driver.Pinger
	driver.SessionResetter
	driver.Validator
}

type statement interface {
	driver.Stmt
	driver.StmtQueryContext
	driver.StmtExecContext
}

// connection is used by one at a time, as database/sql has it. A statement in use is not among those
// kept, so that the same query may be asked while rows of the first are still read.
type connection struct {
	session
	kept map[string]statement
}

func (c *connection) QueryContext(ctx context.Context, query string, values []driver.NamedValue) (driver.Rows, error) {
	prepared, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	found, err := prepared.QueryContext(ctx, values)
	if err != nil {
		prepared.Close() // tells again what went wrong
		return nil, err  // as it is: kine looks at its type
	}
	return &rows{found, c, query, prepared}, nil
}

func (c *connection) ExecContext(ctx context.Context, query string, values []driver.NamedValue) (driver.Result, error) {
	prepared, err := c.take(ctx, query)
	if err != nil {
		return nil, err
	}
	result, err := prepared.ExecContext(ctx, values)
	if err != nil {
		prepared.Close()
		return nil, err
	}
	return result, c.keep(query, prepared)
}

// Close ends the statements first: a database is not closed before them.
func (c *connection) Close() error {
	problems := make([]error, 0, len(c.kept)+1)
	for _, prepared := range c.kept {
		problems = append(problems, prepared.Close())
	}
	c.kept = nil
	return errors.Join(append(problems, c.session.Close())...)
}

func (c *connection) take(ctx context.Context, query string) (statement, error) {
	if prepared, ok := c.kept[query]; ok {
		delete(c.kept, query)
		return prepared, nil
	}
	prepared, err := c.PrepareContext(ctx, lasting(query))
	if err != nil {
		return nil, err
	}
	return prepared.(statement), nil
}

// lasting is the same query with a plan that holds for all values. SQLite looks at the value of a
// parameter that something is equal to, and then prepares the statement again for each other one; not
// at what is computed of it.
func lasting(query string) string {
	return strings.ReplaceAll(query, "= ?", "= +?")
}

func (c *connection) keep(query string, prepared statement) error {
	if _, another := c.kept[query]; another || c.kept == nil || len(c.kept) >= mostStatements {
		return prepared.Close()
	}
	c.kept[query] = prepared
	return nil
}

// rows give their statement back when they are closed.
type rows struct {
	driver.Rows
	from     *connection
	query    string
	prepared statement
}

func (r *rows) Close() error {
	if err := r.Rows.Close(); err != nil {
		r.prepared.Close()
		return err
	}
	return r.from.keep(r.query, r.prepared)
}
