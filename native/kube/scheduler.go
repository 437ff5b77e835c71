package main

import (
	"context"
	"fmt"

	"k8s.io/kubernetes/cmd/kube-scheduler/app"
	"k8s.io/kubernetes/cmd/kube-scheduler/app/options"
)

func schedulerArguments(kubeconfig string) []string {
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--secure-port=0",
		"--leader-elect=false",
		"--profiling=false",
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	}
}

// runScheduler runs the scheduler until the context ends, and closes `running` when it has seen
// all nodes and pods there are.
func runScheduler(ctx context.Context, arguments []string, running chan<- struct{}) error {
	run := options.NewOptions()
	if err := parseFlags("kube-scheduler", *run.Flags, arguments); err != nil {
		return err
	}
	if err := run.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	config, scheduler, err := app.Setup(ctx, run)
	if err != nil {
		return fmt.Errorf("kube-scheduler: %w", err)
	}
	go func() {
		if scheduler.WaitForHandlersSync(ctx) == nil {
			close(running)
		}
	}()
	if err := app.Run(ctx, config, scheduler); err != nil && ctx.Err() == nil {
		return fmt.Errorf("kube-scheduler: %w", err)
	}
	return nil
}
