package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io/fs"
	"strings"

	chart "helm.sh/helm/v4/pkg/chart/v2"
	chartloader "helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
)

// A dependRequest asks what a chart, a directory or an archive on this machine, depends on and does not hold.
type dependRequest struct {
	Path string `json:"path"`
}

type dependResult struct {
	Absent []dependency `json:"absent"`
}

// A dependency is a chart in a repository, at the version that Chart.lock has where there is one, else in a range.
type dependency struct {
	Name       string `json:"name"`
	Version    string `json:"version"`
	Repository string `json:"repository"`
}

func depend(asked *dependRequest) (*dependResult, error) {
	loaded, err := chartloader.Load(asked.Path)
	if err != nil {
		message := strings.ReplaceAll(err.Error(), asked.Path, "the chart")
		if errors.Is(err, fs.ErrNotExist) {
			message = "there is no chart: " + message
		}
		return nil, chartFailure("load", message)
	}
	result := &dependResult{Absent: []dependency{}}
	for _, wanted := range absentDependencies(loaded) {
		version := wanted.Version
		if loaded.Lock != nil {
			if err := lockFits(loaded); err != nil {
				return nil, err
			}
			if version = lockedVersion(loaded.Lock, wanted); version == "" {
				return nil, chartFailure("dependency", outOfSync)
			}
		}
		result.Absent = append(result.Absent, dependency{wanted.Name, version, wanted.Repository})
	}
	return result, nil
}

const outOfSync = "Chart.lock is not of what Chart.yaml depends on: `helm dependency update` writes it anew"

// lockFits compares the digest of a lock with what Helm would give it for the dependencies of the chart.
func lockFits(loaded *chart.Chart) error {
	body, err := json.Marshal([2][]*chart.Dependency{loaded.Metadata.Dependencies, loaded.Lock.Dependencies})
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	if loaded.Lock.Digest != "sha256:"+hex.EncodeToString(sum[:]) && !lockedByHelm2(loaded) {
		return chartFailure("dependency", outOfSync)
	}
	return nil
}

// lockedByHelm2 says whether the lock is a requirements.lock, whose digest is made in another way.
func lockedByHelm2(loaded *chart.Chart) bool {
	for _, each := range loaded.Raw {
		if each.Name == "requirements.lock" {
			return true
		}
	}
	return false
}

func lockedVersion(lock *chart.Lock, wanted *chart.Dependency) string {
	for _, each := range lock.Dependencies {
		if each.Name == wanted.Name && each.Repository == wanted.Repository &&
			chartutil.IsCompatibleRange(wanted.Version, each.Version) {
			return each.Version
		}
	}
	return ""
}
