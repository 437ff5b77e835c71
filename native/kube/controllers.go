package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"k8s.io/kubernetes/cmd/kube-controller-manager/app"
	"k8s.io/kubernetes/cmd/kube-controller-manager/app/options"
)

// controllerArguments are the flags of kube-controller-manager: no port of its own, no
// election among one.
func controllerArguments(d *data, kubeconfig string, controllers []string) []string {
	return []string{
		"--kubeconfig=" + kubeconfig,
		"--controllers=" + strings.Join(controllers, ","),
		"--secure-port=0",
		"--leader-elect=false",
		"--profiling=false",
		"--use-service-account-credentials=false",
		"--service-account-private-key-file=" + d.path("pki", "service-account.key"),
		"--root-ca-file=" + d.path("pki", "ca.crt"),
		"--controller-shutdown-timeout=2s",
		"--kube-api-qps=200",
		"--kube-api-burst=400",
	}
}

// runControllers runs the controller manager until the context ends, and closes `running` when
// its first watch is open: then its caches fill and its controllers start.
func runControllers(ctx context.Context, arguments []string, running chan<- struct{}) error {
	run, err := options.NewKubeControllerManagerOptions()
	if err != nil {
		return err
	}
	known, disabled, aliases := app.KnownControllers(), app.ControllersDisabledByDefault(), app.ControllerAliases()
	if err := parseFlags("kube-controller-manager", run.Flags(known, disabled, aliases), arguments); err != nil {
		return err
	}
	if err := run.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	config, err := run.Config(ctx, known, disabled, aliases)
	if err != nil {
		return err
	}
	config.Kubeconfig.Wrap(announceWatch(running))
	if err := app.Run(ctx, config.Complete()); err != nil {
		return fmt.Errorf("kube-controller-manager: %w", err)
	}
	return nil
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(request *http.Request) (*http.Response, error) { return f(request) }

// announceWatch closes `running` when the first watch has been answered. The controller manager has no
// other sign of life while its port is off.
func announceWatch(running chan<- struct{}) func(http.RoundTripper) http.RoundTripper {
	var once sync.Once
	return func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(request *http.Request) (*http.Response, error) {
			response, err := next.RoundTrip(request)
			if err == nil && response.StatusCode == http.StatusOK && request.URL.Query().Has("watch") {
				once.Do(func() { close(running) })
			}
			return response, err
		})
	}
}
