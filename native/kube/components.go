package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// component is a part of the control plane that runs until it is stopped.
type component struct {
	failed   <-chan error // gets at most one: why it ended without being asked to
	cancel   context.CancelFunc
	finished <-chan struct{}
}

// start runs a part with a context of its own, so that parts can be stopped in order.
func start(name string, run func(context.Context) error) *component {
	ctx, cancel := context.WithCancel(context.Background())
	failed := make(chan error, 1)
	finished := make(chan struct{})
	go func() {
		defer close(finished)
		err := run(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			err = errors.New("ended by itself")
		}
		failed <- fmt.Errorf("%s: %w", name, err)
	}()
	return &component{failed: failed, cancel: cancel, finished: finished}
}

// stop asks a part to end and waits for it, but no longer than `patience`.
func (c *component) stop(patience time.Duration) {
	c.cancel()
	select {
	case <-c.finished:
	case <-time.After(patience):
	}
}

// startWorkers starts the controller manager and the scheduler and returns when both run.
func startWorkers(ctx context.Context, s settings, d *data, kubeconfig string) (*component, error) {
	if len(s.controllers) == 0 {
		return start("no workers", func(ctx context.Context) error {
			<-ctx.Done()
			return nil
		}), nil
	}
	controllersRun, schedulerRuns := make(chan struct{}), make(chan struct{})
	workers := start("workers", func(ctx context.Context) error {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		ended := make(chan error, 2)
		go func() {
			ended <- runControllers(ctx, controllerArguments(d, kubeconfig, s.controllers), controllersRun)
		}()
		go func() { ended <- runScheduler(ctx, schedulerArguments(kubeconfig), schedulerRuns) }()
		err := <-ended // the end of one is the end of both
		cancel()
		return errors.Join(err, <-ended)
	})
	for _, runs := range []chan struct{}{controllersRun, schedulerRuns} {
		select {
		case <-runs:
		case err := <-workers.failed:
			return workers, err
		case <-ctx.Done():
			return workers, ctx.Err()
		}
	}
	return workers, nil
}
