package main

import (
	"encoding/json"
	"os"
	"runtime/metrics"
	"sync"
	"time"
)

// overMemory is the exit code that says: memory, not a crash.
const overMemory = 86

// running knows the requests under way, so that the oldest can be named when memory runs out.
type running struct {
	lock  sync.Mutex
	since map[int64]time.Time
}

func newRunning() running { return running{since: map[int64]time.Time{}} }

func (r *running) begin(id int64) {
	r.lock.Lock()
	defer r.lock.Unlock()
	r.since[id] = time.Now()
}

func (r *running) end(id int64) {
	r.lock.Lock()
	defer r.lock.Unlock()
	delete(r.since, id)
}

// oldest is the request that has run longest: Go does not say who allocated, and a normal one takes milliseconds.
func (r *running) oldest() int64 {
	r.lock.Lock()
	defer r.lock.Unlock()
	var id int64
	var first time.Time
	for candidate, start := range r.since {
		if id == 0 || start.Before(first) {
			id, first = candidate, start
		}
	}
	return id
}

// watchMemory ends the program when the live heap passes the limit, after saying which request was the oldest.
//
// A limit of the operating system (RLIMIT_AS) does not serve: the runtime reserves far more than it uses.
func (s *server) watchMemory(limit uint64) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range time.Tick(50 * time.Millisecond) {
		metrics.Read(heap)
		if heap[0].Value.Uint64() < limit {
			continue
		}
		last, _ := json.Marshal(map[string]any{"event": "memory", "oldest": s.oldest()})
		_ = s.out.write(last)
		os.Exit(overMemory)
	}
}
