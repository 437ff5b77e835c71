package main

import (
	"context"
	"database/sql"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/k3s-io/kine/pkg/drivers"
	"github.com/k3s-io/kine/pkg/drivers/sqlite"
	"github.com/k3s-io/kine/pkg/logstructured"
	"github.com/k3s-io/kine/pkg/logstructured/sqllog"
	"github.com/k3s-io/kine/pkg/server"
	"github.com/sirupsen/logrus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/keepalive"
	"k8s.io/klog/v2"
)

// WAL with synchronous=NORMAL: a killed process loses nothing, a power cut may lose the last moments
// but never damages the file.
const databaseOptions = "?_pragma=journal_mode(WAL)&_pragma=busy_timeout(30000)&_pragma=synchronous(NORMAL)&_txlock=immediate"

// notifyInterval is how often idle watches are told how far the store has come. The API server asks by
// itself when a list needs to know, so this is for bookmarks only.
const notifyInterval = 15 * time.Second

// longestSocket keeps below the 104 bytes that the shortest sockaddr_un (macOS) has room for.
const longestSocket = 100

// store is etcd's API on SQLite, behind a unix socket that only we can reach.
type store struct {
	endpoint string // as the API server wants it
	server   *grpc.Server
	database *sql.DB
	cancel   context.CancelFunc
	finished *sync.WaitGroup
	scratch  string // directory to remove, when the socket is not in the data directory
}

// openStore opens the database and serves it. kine's own `endpoint` package would do the same
// with the drivers of every other database compiled in.
func openStore(d *data) (*store, error) {
	logrus.SetLevel(logrus.WarnLevel)
	ctx, cancel := context.WithCancel(context.Background())
	s := &store{cancel: cancel, finished: &sync.WaitGroup{}}
	config := &drivers.Config{
		DataSourceName:   d.path("state.db") + databaseOptions,
		CompactInterval:  5 * time.Minute,
		CompactTimeout:   5 * time.Second,
		CompactMinRetain: 1000,
		CompactBatchSize: 1000,
		PollBatchSize:    500,
		PollInterval:     5 * time.Second, // writes wake the poller; the interval is for what they miss
	}
	_, database, err := sqlite.NewVariant(ctx, s.finished, "sqlite3", config)
	if err != nil {
		cancel()
		return nil, err
	}
	source := "file://" + config.DataSourceName // as kine names it to the driver
	if database.DB, err = reopen(database.DB, source); err != nil {
		cancel()
		return nil, err
	}
	s.database = database.DB
	backend := exact{logstructured.New(journal{sqllog.New(database, s.finished, config)})}
	if err := backend.Start(ctx); err != nil {
		cancel()
		return nil, err
	}
	listener, err := s.listen(d)
	if err != nil {
		cancel()
		return nil, err
	}
	s.server = grpc.NewServer(
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second}),
		grpc.MaxRecvMsgSize(4<<20),
		grpc.MaxSendMsgSize(1<<31-1),
	)
	server.New(backend, "unix", notifyInterval, "3.6.0").Register(s.server)
	go func() {
		if err := s.server.Serve(listener); err != nil {
			klog.ErrorS(err, "The store stopped serving")
		}
	}()
	return s, nil
}

// listen makes the socket, in the data directory if its path is short enough to be an address.
func (s *store) listen(d *data) (net.Listener, error) {
	path := d.path("store.sock")
	if len(path) > longestSocket {
		scratch, err := os.MkdirTemp("", "lateen-kube-") // 0700
		if err != nil {
			return nil, err
		}
		s.scratch = scratch
		path = filepath.Join(scratch, "store.sock")
	}
	if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return nil, err
	}
	s.endpoint = "unix://" + path
	return listener, os.Chmod(path, 0o600)
}

// stop ends the store: requests get a moment, then the database is closed.
func (s *store) stop() {
	timer := time.AfterFunc(500*time.Millisecond, s.server.Stop)
	s.server.GracefulStop()
	timer.Stop()
	s.cancel()
	closed := make(chan struct{})
	go func() {
		s.finished.Wait()
		s.database.Close()
		close(closed)
	}()
	select {
	case <-closed:
	case <-time.After(2 * time.Second): // WAL: an unclosed database is a sound one
	}
	if s.scratch != "" {
		os.RemoveAll(s.scratch)
	}
}
