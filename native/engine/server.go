package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
)

type server struct {
	cache *cache
	out   *frameWriter
}

func newServer(templates int, out io.Writer) *server {
	return &server{cache: newCache(templates), out: &frameWriter{out: out}}
}

// serve answers requests until the input ends. It does not wait for answers under way: whoever
// closed the input is gone.
func (s *server) serve(in io.Reader) error {
	for {
		body, err := readFrame(in)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		var req request
		if err := json.Unmarshal(body, &req); err != nil {
			return fmt.Errorf("not a request: %w", err)
		}
		go s.answer(&req)
	}
}

func (s *server) answer(req *request) {
	result, fail := s.try(req)
	body, err := json.Marshal(response{ID: req.ID, Result: result, Error: fail})
	if err != nil {
		body, _ = json.Marshal(response{ID: req.ID, Error: &failure{Kind: "engine", Message: err.Error()}})
	}
	// A failed write means the reader is gone; the end of our input follows and ends the program.
	_ = s.out.write(body)
}

// try runs one verb. The evaluator panics on some inputs; that is an error of the request, not the end of all.
func (s *server) try(req *request) (result any, fail *failure) {
	defer func() {
		if reason := recover(); reason != nil {
			s.cache.drop(req.Key)
			message := fmt.Sprintf("the evaluator panicked: %v", reason)
			result, fail = nil, &failure{Kind: "engine", Message: message}
			debug.PrintStack()
		}
	}()
	result, err := s.run(req)
	if err == nil {
		return result, nil
	}
	if errors.As(err, &fail) {
		return nil, fail
	}
	return nil, &failure{Kind: "request", Message: err.Error()}
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
