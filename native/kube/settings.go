package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	flag "github.com/spf13/pflag"
)

// defaultControllers are the controllers that make workloads real. Left out are
// those for clouds, attached disks, bootstrap tokens and certificate requests, which have
// nothing to do on one machine and cost memory.
var defaultControllers = []string{
	"namespace-controller",
	"serviceaccount-controller",
	"serviceaccount-token-controller",
	"root-ca-certificate-publisher-controller",
	"clusterrole-aggregation-controller", // the admin, edit and view roles grow with the CRDs
	"garbage-collector-controller",
	"pod-garbage-collector-controller",
	"ttl-after-finished-controller",
	"resourcequota-controller",
	"disruption-controller",
	"node-lifecycle-controller",
	"taint-eviction-controller",
	"deployment-controller",
	"replicaset-controller",
	"statefulset-controller",
	"daemonset-controller",
	"job-controller",
	"cronjob-controller",
	"horizontal-pod-autoscaler-controller",
	"endpoints-controller",
	"endpointslice-controller",
	"persistentvolume-binder-controller", // the node makes the volumes
	"persistentvolumeclaim-protection-controller",
	"persistentvolume-protection-controller",
}

// settings is what the command line says, checked.
type settings struct {
	dataDir     string   // absolute
	port        int      // 0: any free one
	nodeName    string   // whom the node's token and certificate are for
	controllers []string // empty: neither controller manager nor scheduler
	parent      int      // process id to die with; 0: none
	version     bool
}

// parseSettings reads the command line. It returns flag.ErrHelp when help was asked for and printed.
func parseSettings(arguments []string) (settings, error) {
	var s settings
	var controllers string
	flags := flag.NewFlagSet("kube", flag.ContinueOnError)
	flags.StringVar(&s.dataDir, "data-dir", "", "directory of the database, certificates, tokens and kubeconfigs (required)")
	flags.IntVar(&s.port, "port", 0, "port on 127.0.0.1; 0 takes a free one, told in the ready line")
	flags.StringVar(&s.nodeName, "node-name", "lateen", "name of the node that node.kubeconfig is for")
	flags.StringVar(&controllers, "controllers", strings.Join(defaultControllers, ","), "controllers to run; \"none\" runs no controllers and no scheduler")
	flags.IntVar(&s.parent, "die-with-parent", 0, "process id of the parent: stop when it is gone")
	flags.BoolVar(&s.version, "version", false, "print the version of Kubernetes and exit")
	if err := flags.Parse(arguments); err != nil {
		return settings{}, err
	}
	if controllers != "none" && controllers != "" {
		s.controllers = strings.Split(controllers, ",")
	}
	return s, s.check(flags.Args())
}

func (s *settings) check(rest []string) error {
	switch {
	case s.version:
		return nil
	case len(rest) > 0:
		return fmt.Errorf("unexpected argument %q", rest[0])
	case s.dataDir == "":
		return errors.New("--data-dir is required")
	case s.port < 0 || s.port > 65535:
		return fmt.Errorf("--port %d is not a port number", s.port)
	}
	absolute, err := filepath.Abs(s.dataDir)
	s.dataDir = absolute
	return err
}
