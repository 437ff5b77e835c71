package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"

	flag "github.com/spf13/pflag"
	utilerrors "k8s.io/apimachinery/pkg/util/errors"
	"k8s.io/client-go/rest"
	cliflag "k8s.io/component-base/cli/flag"
	_ "k8s.io/component-base/metrics/prometheus/clientgo" // client metrics on /metrics
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
	"k8s.io/kubernetes/cmd/kube-apiserver/app/options"
)

const (
	serviceRange   = "10.96.0.0/16"
	serviceAddress = "10.96.0.1" // of the Service default/kubernetes: the first of the range
)

// listen takes the port before anything is started, so that a taken one is told at once.
//
// Problem: port-in-use.
func listen(port int) (net.Listener, int, error) {
	listener, err := net.Listen("tcp4", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, 0, problem{"port-in-use", fmt.Sprintf("port %d on 127.0.0.1 is in use by another program", port)}
	case errors.Is(err, syscall.EACCES):
		return nil, 0, problem{"port-in-use", fmt.Sprintf("port %d on 127.0.0.1 is not ours to use", port)}
	case err != nil:
		return nil, 0, err
	}
	return listener, listener.Addr().(*net.TCPAddr).Port, nil
}

// serverArguments are the flags of kube-apiserver for a loopback-only server with tokens.
func serverArguments(d *data, storeEndpoint string, port int) []string {
	return []string{
		"--etcd-servers=" + storeEndpoint,
		"--etcd-count-metric-poll-period=0",
		"--etcd-db-metric-poll-interval=0",
		"--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(port),
		"--advertise-address=127.0.0.1",
		"--endpoint-reconciler-type=none", // a loopback address may not be an endpoint
		"--tls-cert-file=" + d.path("pki", "apiserver.crt"),
		"--tls-private-key-file=" + d.path("pki", "apiserver.key"),
		"--token-auth-file=" + d.path("tokens.csv"),
		"--authentication-config=" + d.path("authentication.yaml"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--service-account-issuer=https://kubernetes.default.svc",
		"--service-account-key-file=" + d.path("pki", "service-account.key"),
		"--service-account-signing-key-file=" + d.path("pki", "service-account.key"),
		"--service-cluster-ip-range=" + serviceRange,
		"--kubelet-certificate-authority=" + d.path("pki", "ca.crt"),
		"--kubelet-client-certificate=" + d.path("pki", "kubelet-client.crt"),
		"--kubelet-client-key=" + d.path("pki", "kubelet-client.key"),
		"--kubelet-preferred-address-types=InternalIP",
		"--proxy-client-cert-file=" + d.path("pki", "kubelet-client.crt"), // the node serves metrics.k8s.io
		"--proxy-client-key-file=" + d.path("pki", "kubelet-client.key"),
		"--enable-priority-and-fairness=false", // one machine, few clients: limits in flight do
		"--profiling=false",
		"--shutdown-delay-duration=0",
		"--shutdown-watch-termination-grace-period=500ms",
	}
}

// runServer serves the API on the listener until the context ends.
func runServer(ctx context.Context, listener net.Listener, arguments []string) error {
	run := options.NewServerRunOptions()
	if err := parseFlags("kube-apiserver", run.Flags(), arguments); err != nil {
		return err
	}
	run.SecureServing.Listener = listener
	if err := run.GenericServerRunOptions.ComponentGlobalsRegistry.Set(); err != nil {
		return err
	}
	rest.SetDefaultWarningHandler(rest.NoWarnings{}) // the warnings are for the users of the API, not for its server
	completed, err := run.Complete(ctx)
	if err != nil {
		return err
	}
	if problems := completed.Validate(); len(problems) > 0 {
		return utilerrors.NewAggregate(problems)
	}
	return app.Run(ctx, completed)
}

// parseFlags sets the options of a component through its flags, as its documentation describes them.
func parseFlags(name string, sets cliflag.NamedFlagSets, arguments []string) error {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	for _, set := range sets.FlagSets {
		flags.AddFlagSet(set)
	}
	return flags.Parse(arguments)
}
