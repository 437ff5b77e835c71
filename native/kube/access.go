package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// identity is someone who may talk to the API server with a token of their own.
type identity struct {
	file  string // NAME.kubeconfig in the data directory, and the id of the token
	user  string
	group string
}

func identities(nodeName string) []identity {
	return []identity{
		{file: "admin", user: "admin", group: "system:masters"},
		{file: "controllers", user: "lateen:controllers", group: "system:masters"},
		{file: "node", user: "system:node:" + nodeName, group: "system:nodes"},
	}
}

// anonymousAccess lets those without a token ask for nothing but health.
const anonymousAccess = `apiVersion: apiserver.config.k8s.io/v1
kind: AuthenticationConfiguration
anonymous:
  enabled: true
  conditions:
  - path: /livez
  - path: /readyz
  - path: /healthz
`

// access is how this process reaches its own API server.
type access struct {
	url         string
	controllers string // kubeconfig of the controller manager and the scheduler
	client      *http.Client
}

// prepareAccess makes certificates, tokens and kubeconfigs. Tokens stay the same over restarts.
func prepareAccess(d *data, nodeName string, port int) (*access, error) {
	if err := preparePKI(d, nodeName, time.Now()); err != nil {
		return nil, fmt.Errorf("preparing certificates: %w", err)
	}
	if err := writeFile(d.path("authentication.yaml"), []byte(anonymousAccess)); err != nil {
		return nil, err
	}
	tokens, err := prepareTokens(d.path("tokens.csv"), identities(nodeName))
	if err != nil {
		return nil, fmt.Errorf("preparing tokens: %w", err)
	}
	authority, err := os.ReadFile(d.path("pki", "ca.crt"))
	if err != nil {
		return nil, err
	}
	url := fmt.Sprintf("https://127.0.0.1:%d", port)
	for _, who := range identities(nodeName) {
		content, err := kubeconfig(url, authority, who.user, tokens[who.file])
		if err != nil {
			return nil, err
		}
		if err := writeFile(d.path(who.file+".kubeconfig"), content); err != nil {
			return nil, err
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(authority)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, DisableKeepAlives: true}
	client := &http.Client{Timeout: 5 * time.Second, Transport: transport}
	return &access{url: url, controllers: d.path("controllers.kubeconfig"), client: client}, nil
}

// prepareTokens returns the token of each identity by its file name, keeping those already given out.
func prepareTokens(path string, wanted []identity) (map[string]string, error) {
	tokens := map[string]string{}
	content, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(content)).ReadAll()
	if err == nil { // a damaged file gives new tokens
		for _, row := range rows {
			if len(row) == 4 && row[0] != "" {
				tokens[row[2]] = row[0]
			}
		}
	}
	var buffer bytes.Buffer
	writer := csv.NewWriter(&buffer)
	for _, who := range wanted {
		if tokens[who.file] == "" {
			tokens[who.file] = rand.Text()
		}
		if err := writer.Write([]string{tokens[who.file], who.user, who.file, who.group}); err != nil {
			return nil, err
		}
	}
	writer.Flush()
	return tokens, errors.Join(writer.Error(), writeFile(path, buffer.Bytes()))
}

func kubeconfig(url string, authority []byte, user, token string) ([]byte, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["lateen"] = &clientcmdapi.Cluster{Server: url, CertificateAuthorityData: authority}
	config.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["lateen"] = &clientcmdapi.Context{Cluster: "lateen", AuthInfo: user}
	config.CurrentContext = "lateen"
	return clientcmd.Write(*config)
}

// waitReady returns when the API server says it is ready, or has failed, or the context ends.
func (a *access) waitReady(ctx context.Context, failed <-chan error) error {
	for {
		if a.ready(ctx) {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-failed:
			return err
		case <-time.After(25 * time.Millisecond):
		}
	}
}

func (a *access) ready(ctx context.Context) bool {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url+"/readyz", nil)
	if err != nil {
		return false
	}
	response, err := a.client.Do(request)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}
