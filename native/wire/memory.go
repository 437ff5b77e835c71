package wire

import (
	"os"
	"runtime/metrics"
	"time"
)

// overMemory is the exit code that says: memory, not a crash.
const overMemory = 86

// WatchMemory ends the program when the live heap passes the limit, after saying so. Who allocated, Go does not
// tell; the other side finds the culprit by asking again, one request at a time.
//
// A limit of the operating system (RLIMIT_AS) does not serve: the runtime reserves far more than it uses.
func WatchMemory(out *Writer, limit uint64) {
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	for range time.Tick(50 * time.Millisecond) {
		metrics.Read(heap)
		if heap[0].Value.Uint64() < limit {
			continue
		}
		_ = out.Write([]byte(`{"event":"memory"}`))
		os.Exit(overMemory)
	}
}
