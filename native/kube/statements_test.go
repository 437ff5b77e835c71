package main

import (
	"context"
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"modernc.org/sqlite"
)

const pages = "SELECT name FROM page WHERE name = ? OR id < ? ORDER BY id"

// opened is a database with two pages, through one connection.
func opened(t *testing.T) *sql.DB {
	t.Helper()
	source := "file://" + filepath.Join(t.TempDir(), "test.db") + databaseOptions
	plain, err := sql.Open("sqlite", source)
	if err != nil {
		t.Fatal(err)
	}
	for _, each := range []string{
		"CREATE TABLE page (id INTEGER PRIMARY KEY, name TEXT)",
		"CREATE UNIQUE INDEX page_name ON page (name)",
		"INSERT INTO page(name) VALUES ('first'), ('second')",
	} {
		if _, err := plain.Exec(each); err != nil {
			t.Fatal(err)
		}
	}
	database, err := reopen(plain, source)
	if err != nil {
		t.Fatal(err)
	}
	database.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := database.Close(); err != nil {
			t.Error(err)
		}
	})
	return database
}

// kept is what the connection keeps.
func kept(t *testing.T, database *sql.DB) map[string]statement {
	t.Helper()
	found := map[string]statement{}
	held, err := database.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Close()
	if err := held.Raw(func(inner any) error {
		for query, prepared := range inner.(*connection).kept {
			found[query] = prepared
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAStatementIsPreparedOnce(t *testing.T) {
	database := opened(t)
	var before statement
	for _, name := range []string{"first", "second", "first"} {
		var found string
		if err := database.QueryRow(pages, name, 0).Scan(&found); err != nil || found != name {
			t.Fatalf("asked for %s: %q, %v", name, found, err)
		}
		now := kept(t, database)[pages]
		if now == nil || before != nil && now != before {
			t.Fatalf("%v is kept after %v", now, before)
		}
		before = now
	}
}

func TestAQueryIsAskedWhileItsRowsAreRead(t *testing.T) {
	database := opened(t)
	both, err := database.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer both.Rollback()
	found, err := both.Query(pages, "", 3)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for found.Next() {
		var name, again string
		if err := found.Scan(&name); err != nil {
			t.Fatal(err)
		}
		if err := both.QueryRow(pages, name, 0).Scan(&again); err != nil || again != name {
			t.Fatalf("asked for %s: %q, %v", name, again, err)
		}
		names = append(names, name)
	}
	if found.Err() != nil || len(names) != 2 {
		t.Fatalf("%v, %v", names, found.Err())
	}
}

func TestAStatementThatFailsIsNotKept(t *testing.T) {
	database := opened(t)
	const insert = "INSERT INTO page(name) VALUES (?)"
	_, err := database.Exec(insert, "first")
	if _, told := err.(*sqlite.Error); !told { // kine looks at the type
		t.Fatalf("%T: %v", err, err)
	}
	if _, there := kept(t, database)[insert]; there {
		t.Fatal("it is kept")
	}
	if _, err := database.Exec(insert, "third"); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsKeptIsBounded(t *testing.T) {
	database := opened(t)
	for limit := range 2 * mostStatements {
		var found int
		if err := database.QueryRow(fmt.Sprintf("SELECT count(*) FROM page LIMIT %d", limit+1)).Scan(&found); err != nil {
			t.Fatal(err)
		}
	}
	if count := len(kept(t, database)); count != mostStatements {
		t.Fatalf("%d are kept", count)
	}
}
