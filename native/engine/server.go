package main

import (
	"fmt"
	"io"

	"lateen.dev/native/wire"
)

type server struct {
	cache *cache
	out   *wire.Writer
}

func newServer(templates int, out io.Writer) *server {
	return &server{cache: newCache(templates), out: wire.NewWriter(out)}
}

// serve answers requests until the input ends.
func (s *server) serve(in io.Reader) error {
	return wire.Serve(in, s.answer)
}

func (s *server) answer(req *request) {
	run := func() (any, error) { return s.run(req) }
	wire.Answer(s.out, req.ID, run, func() { s.cache.drop(req.Key) })
}

func (s *server) run(req *request) (any, error) {
	switch req.Verb {
	case "format":
		return reformat(req)
	case "outline":
		return outlineOf(req)
	case "module":
		return moduleOf(req)
	case "release":
		s.cache.drop(req.Key)
		return struct{}{}, nil
	}
	work, known := verbs[req.Verb]
	if !known {
		return nil, fmt.Errorf("unknown verb %q", req.Verb)
	}
	tmpl, err := s.cache.find(req)
	if err != nil {
		return nil, err
	}
	inst, err := tmpl.take()
	if err != nil {
		return nil, err
	}
	// Not given back after a panic: what was being evaluated may be half done.
	result, err := work(inst, req)
	tmpl.give(inst)
	return result, err
}

// verbs are those that work on a compiled template.
var verbs = map[string]func(*instance, *request) (any, error){
	"compile":  func(*instance, *request) (any, error) { return struct{}{}, nil },
	"evaluate": evaluate,
	"vet":      vet,
	"describe": describe,
	"schema":   schema,
}
