package main

import "testing"

const webservice = `
import "strconv"

mountsArray: [
	for v in parameter.volumeMounts.pvc {{mountPath: v.mountPath, name: v.name}},
	for v in parameter.volumeMounts.configMap {{mountPath: v.mountPath, name: v.name}},
]
output: {
	apiVersion: "apps/v1"
	kind:       "Deployment"
	metadata: name: context.name
	spec: {
		selector: matchLabels: "app.oam.dev/component": context.name
		template: {
			metadata: {
				labels: {
					if parameter.labels != _|_ {parameter.labels}
					"app.oam.dev/component": context.name
				}
				if parameter.annotations != _|_ {annotations: parameter.annotations}
			}
			spec: containers: [{
				name:  context.name
				image: parameter.image
				if parameter.ports != _|_ {
					ports: [for v in parameter.ports {
						containerPort: v.port
						protocol:      v.protocol
						if v.name != _|_ {name: v.name}
						if v.name == _|_ {name: "port-" + strconv.FormatInt(v.port, 10)}
					}]
				}
				if parameter.imagePullPolicy != _|_ {imagePullPolicy: parameter.imagePullPolicy}
				if parameter.cmd != _|_ {command: parameter.cmd}
				if parameter.env != _|_ {env: parameter.env}
				if parameter.cpu != _|_ {resources: {limits: cpu: parameter.cpu, requests: cpu: parameter.cpu}}
				if parameter.memory != _|_ {resources: {limits: memory: parameter.memory, requests: memory: parameter.memory}}
				if len(mountsArray) > 0 {volumeMounts: mountsArray}
				if parameter.livenessProbe != _|_ {livenessProbe: parameter.livenessProbe}
			}]
		}
	}
}
exposed: [for v in parameter.ports if v.expose {port: v.port, targetPort: v.port, name: "port-" + strconv.FormatInt(v.port, 10)}]
outputs: {
	if len(exposed) != 0 {
		webserviceExpose: {
			apiVersion: "v1"
			kind:       "Service"
			metadata: name: context.name
			spec: {
				selector: "app.oam.dev/component": context.name
				ports: exposed
				type: parameter.exposeType
			}
		}
	}
}
parameter: {
	// +usage=Specify the labels in the workload
	labels?: [string]: string
	annotations?: [string]: string
	// +usage=Which image would you like to use for your service
	// +short=i
	image: string
	imagePullPolicy?: "Always" | "Never" | "IfNotPresent"
	ports?: [...{
		port:     int
		name?:    string
		protocol: *"TCP" | "UDP" | "SCTP"
		expose:   *false | bool
	}]
	exposeType: *"ClusterIP" | "NodePort" | "LoadBalancer"
	cmd?: [...string]
	env?: [...{
		name:   string
		value?: string
		valueFrom?: {
			secretKeyRef?: {name: string, key: string}
			configMapKeyRef?: {name: string, key: string}
		}
	}]
	cpu?:    string
	memory?: string
	volumeMounts: {
		pvc: *[] | [...{name: string, mountPath: string, claimName: string}]
		configMap: *[] | [...{name: string, mountPath: string, cmName: string}]
	}
	livenessProbe?:  #HealthProbe
	readinessProbe?: #HealthProbe
}
#HealthProbe: {
	exec?: command: [...string]
	httpGet?: {path: string, port: int, host?: string, scheme?: *"HTTP" | string}
	initialDelaySeconds: *0 | int
	periodSeconds:       *10 | int
	timeoutSeconds:      *1 | int
}
context: _
parameter: _
`

const webserviceParameter = `{"image":"nginx:1.25","ports":[{"port":80,"expose":true}],"env":[{"name":"A","value":"7"}],"cpu":"0.1","memory":"64Mi"}`
const webserviceContext = `{"name":"c0-1","namespace":"bench","appName":"app-1","appRevision":"app-1-v1","appRevisionNum":1,` +
	`"appLabels":{},"appAnnotations":{"oam.dev/kubevela-version":"v1.9"},"components":[{"name":"c0-1","type":"webservice","properties":` + webserviceParameter + `}],` +
	`"revision":"","replicaKey":"","cluster":"local","clusterVersion":{"major":"1","gitVersion":"v1.37.2","platform":"linux/amd64","minor":37},` +
	`"workflowName":"","publishVersion":"","componentType":"webservice"}`

const sidecar = `
patch: {
	// +patchKey=name
	spec: template: spec: containers: [{
		name:  parameter.name
		image: parameter.image
		if parameter.cmd != _|_ {command: parameter.cmd}
	}]
}
parameter: {name: string, image: string, cmd?: [...string]}
context: _
`

func BenchmarkWebservice(b *testing.B) {
	benchmark(b, webservice, &request{
		Fills: []fill{{"parameter", []byte(webserviceParameter), "parameter"}, {"context", []byte(webserviceContext), "context"}},
		Paths: []string{"output", "outputs"}, Require: []string{"output"},
	})
}

func BenchmarkSidecar(b *testing.B) {
	benchmark(b, sidecar, &request{
		Fills: []fill{{"parameter", []byte(`{"name":"log","image":"busybox"}`), "parameter"}, {"context", []byte(webserviceContext), "context"}},
		Paths: []string{"patch"}, Marks: []string{"patch"},
	})
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := newTemplate(webservice).compile(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmark(b *testing.B, text string, req *request) {
	inst, err := newTemplate(text).compile()
	if err != nil {
		b.Fatal(err)
	}
	result, err := evaluate(inst, req)
	if err != nil || len(result.(*evaluation).Problems) > 0 {
		b.Fatal(result, err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := evaluate(inst, req); err != nil {
			b.Fatal(err)
		}
	}
}

func newTemplate(text string) *template {
	return &template{text: text, source: "t.cue", idle: make(chan *instance, 1)}
}
