package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"slices"
	"time"
)

const (
	authorityLife = 20 * 365 * 24 * time.Hour
	leafLife      = 5 * 365 * 24 * time.Hour
	renewBefore   = 90 * 24 * time.Hour // what expires sooner is made anew at a start
)

// metricsName is what the API server calls the node when it passes on questions for metrics: the
// Service behind the APIService of metrics.k8s.io.
const metricsName = "lateen-metrics.kube-system.svc"

// pair is a certificate and its key.
type pair struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

// leaf describes a certificate to be signed by our authority.
type leaf struct {
	file  string // in pki/, without .crt and .key
	name  string
	org   string
	hosts []string // names and addresses it serves
	usage x509.ExtKeyUsage
}

// leaves are all certificates the control plane and its node need.
//
// `kubelet` is what the node serves logs and exec with; `kubelet-client` is what the
// API server shows to the node. Clients of the API server use tokens.
func leaves(nodeName string) []leaf {
	return []leaf{
		{file: "apiserver", name: "kube-apiserver", usage: x509.ExtKeyUsageServerAuth, hosts: []string{
			"127.0.0.1", "::1", "localhost", serviceAddress, "kubernetes", "kubernetes.default",
			"kubernetes.default.svc", "kubernetes.default.svc.cluster.local",
		}},
		{file: "kubelet-client", name: "kube-apiserver-kubelet-client", org: "system:masters", usage: x509.ExtKeyUsageClientAuth},
		{file: "kubelet", name: "system:node:" + nodeName, org: "system:nodes", usage: x509.ExtKeyUsageServerAuth, hosts: []string{
			"127.0.0.1", "localhost", nodeName, metricsName,
		}},
	}
}

// preparePKI makes what is missing or close to its end: the authority, the leaves, the
// key that signs service account tokens.
func preparePKI(d *data, nodeName string, now time.Time) error {
	authority, err := loadPair(d.path("pki", "ca"))
	if err != nil {
		return err
	}
	if authority == nil || expires(authority, now) {
		if authority, err = newAuthority(d, now); err != nil {
			return err
		}
	}
	for _, wanted := range leaves(nodeName) {
		base := d.path("pki", wanted.file)
		present, err := loadPair(base)
		if err != nil {
			return err
		}
		if present != nil && !expires(present, now) && wanted.matches(present.certificate, authority.certificate) {
			continue
		}
		if err := wanted.sign(base, authority, now); err != nil {
			return err
		}
	}
	return prepareServiceAccountKey(d.path("pki", "service-account.key"))
}

func newAuthority(d *data, now time.Time) (*pair, error) {
	template := &x509.Certificate{
		Subject:               pkix.Name{CommonName: "lateen"},
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign | x509.KeyUsageDigitalSignature,
		BasicConstraintsValid: true,
		IsCA:                  true,
	}
	return issue(d.path("pki", "ca"), template, nil, now, authorityLife)
}

func (l leaf) sign(base string, authority *pair, now time.Time) error {
	template := &x509.Certificate{
		Subject:     pkix.Name{CommonName: l.name},
		KeyUsage:    x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{l.usage},
	}
	if l.org != "" {
		template.Subject.Organization = []string{l.org}
	}
	template.DNSNames, template.IPAddresses = l.split()
	_, err := issue(base, template, authority, now, leafLife)
	return err
}

func (l leaf) split() (names []string, addresses []net.IP) {
	for _, host := range l.hosts {
		if address := net.ParseIP(host); address != nil {
			addresses = append(addresses, address)
		} else {
			names = append(names, host)
		}
	}
	return names, addresses
}

// matches tells whether a certificate is still the one we would sign.
func (l leaf) matches(certificate, authority *x509.Certificate) bool {
	names, addresses := l.split()
	return certificate.Subject.CommonName == l.name &&
		slices.Equal(certificate.DNSNames, names) &&
		slices.EqualFunc(certificate.IPAddresses, addresses, net.IP.Equal) &&
		certificate.CheckSignatureFrom(authority) == nil
}

func expires(p *pair, now time.Time) bool {
	return now.Add(renewBefore).After(p.certificate.NotAfter)
}

// issue signs a certificate (by itself when there is no parent) and writes it with its key.
func issue(base string, template *x509.Certificate, parent *pair, now time.Time, life time.Duration) (*pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, err
	}
	template.SerialNumber = serial
	template.NotBefore = now.Add(-time.Hour) // a clock set back a little must not lock us out
	template.NotAfter = now.Add(life)
	signer := parent
	if signer == nil {
		signer = &pair{certificate: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, signer.certificate, &key.PublicKey, signer.key)
	if err != nil {
		return nil, err
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	// the key first: a crash in between leaves a pair that does not match and is made anew
	if err := writeKey(base+".key", key); err != nil {
		return nil, err
	}
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	return &pair{certificate, key}, writeFile(base+".crt", block)
}

// loadPair reads BASE.crt and BASE.key; nil when one is missing, unreadable as such, or they do not match.
func loadPair(base string) (*pair, error) {
	certificate, err := readPEM(base + ".crt")
	if certificate == nil {
		return nil, err
	}
	key, err := readPEM(base + ".key")
	if key == nil {
		return nil, err
	}
	parsedKey, err := x509.ParseECPrivateKey(key)
	if err != nil {
		return nil, nil
	}
	parsed, err := x509.ParseCertificate(certificate)
	if err != nil || !parsedKey.PublicKey.Equal(parsed.PublicKey) {
		return nil, nil
	}
	return &pair{parsed, parsedKey}, nil
}

func prepareServiceAccountKey(path string) error {
	present, err := readPEM(path)
	if present != nil || err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	return writeKey(path, key)
}

func writeKey(path string, key *ecdsa.PrivateKey) error {
	der, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		return err
	}
	return writeFile(path, pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: der}))
}

// readPEM returns the bytes of the first block; nil when the file is missing or holds none.
func readPEM(path string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading a key or certificate: %w", err)
	}
	block, _ := pem.Decode(content)
	if block == nil {
		return nil, nil
	}
	return block.Bytes, nil
}
