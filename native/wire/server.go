package wire

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
)

// Serve answers requests until the input ends, each in a goroutine of its own. It does not wait for answers under way:
// whoever closed the input is gone.
func Serve[Request any](in io.Reader, answer func(*Request)) error {
	for {
		body, err := Read(in)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
		req := new(Request)
		if err := json.Unmarshal(body, req); err != nil {
			return fmt.Errorf("not a request: %w", err)
		}
		go answer(req)
	}
}

// Answer runs work and sends what came of it. What it calls panics on some inputs: that is an error of the request,
// not the end of all. panicked hears of it.
func Answer(out *Writer, id int64, work func() (any, error), panicked func()) {
	result, fail := try(work, panicked)
	body, err := json.Marshal(Response{ID: id, Result: result, Error: fail})
	if err != nil {
		body, _ = json.Marshal(Response{ID: id, Error: &Failure{Kind: "engine", Message: err.Error()}})
	}
	// A failed write means the reader is gone; the end of our input follows and ends the program.
	_ = out.Write(body)
}

func try(work func() (any, error), panicked func()) (result any, fail *Failure) {
	defer func() {
		if reason := recover(); reason != nil {
			panicked()
			message := fmt.Sprintf("the evaluator panicked: %v", reason)
			result, fail = nil, &Failure{Kind: "engine", Message: message}
			debug.PrintStack()
		}
	}()
	result, err := work()
	if err == nil {
		return result, nil
	}
	if errors.As(err, &fail) {
		return nil, fail
	}
	return nil, &Failure{Kind: "request", Message: err.Error()}
}
