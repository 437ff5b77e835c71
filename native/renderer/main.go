// Command renderer turns Helm charts and kustomizations into objects: the official packages of both behind standard input
// and output.
//
// It is a program of its own because these packages are twice as large in memory as the evaluator, before they have done
// anything, and because a chart that runs away must not cost the templates under way in it their lives. It fetches
// nothing and starts nothing; what it reads is on this machine.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"

	"lateen.dev/native/wire"
)

// A request asks one verb; which field it reads has its name.
type request struct {
	ID        int64             `json:"id"`
	Verb      string            `json:"verb"`
	Chart     *chartRequest     `json:"chart"`
	Kustomize *kustomizeRequest `json:"kustomize"`
	Pick      *pickRequest      `json:"pick"`
	Verify    *verifyRequest    `json:"verify"`
	Depend    *dependRequest    `json:"depend"`
}

func main() {
	limit := flag.Int64("memory", 512, "exit when the heap passes so many MiB")
	flag.Parse()

	noNetwork()
	slog.SetDefault(slog.New(slog.NewTextHandler(io.Discard, nil))) // what matters is in the answers
	debug.SetMemoryLimit(*limit << 20)
	debug.SetMaxStack(int(*limit) << 19)
	// Ctrl-C goes to every process of a terminal; when to leave is for the one who started us to say.
	signal.Ignore(os.Interrupt)
	out := wire.NewWriter(os.Stdout)
	go wire.WatchMemory(out, uint64(*limit)<<20)
	err := wire.Serve(bufio.NewReaderSize(os.Stdin, 1<<16), func(req *request) {
		wire.Answer(out, req.ID, func() (any, error) { return run(req) }, func() {})
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, "renderer:", err)
		os.Exit(1)
	}
}

func run(req *request) (any, error) {
	switch {
	case req.Verb == "pick" && req.Pick != nil:
		return pick(req.Pick)
	case req.Verb == "verify" && req.Verify != nil:
		return verify(req.Verify)
	case req.Verb == "depend" && req.Depend != nil:
		return depend(req.Depend)
	case req.Verb == "chart" && req.Chart != nil:
		return renderChart(req.Chart)
	case req.Verb == "kustomize" && req.Kustomize != nil:
		return kustomize(req.Kustomize)
	}
	return nil, errors.New("the verbs are chart, depend, kustomize, pick and verify, each with a field of that name")
}
