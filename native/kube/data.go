package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	utilversion "k8s.io/apimachinery/pkg/util/version"
	"k8s.io/component-base/version"
)

// dataFormat counts changes to the layout of the data directory that an older program cannot read.
const dataFormat = 1

// data is the data directory, held by this process alone.
type data struct {
	dir  string
	lock *os.File
}

// stamp says which program wrote the data directory last.
type stamp struct {
	Format     int    `json:"format"`
	Kubernetes string `json:"kubernetes"`
}

// openData makes the directory when it is missing, locks it and checks its version.
//
// Problems: data-dir-invalid, data-dir-in-use, data-newer.
func openData(dir string) (*data, error) {
	for _, each := range []string{dir, filepath.Join(dir, "pki")} {
		if err := os.MkdirAll(each, 0o700); err != nil {
			return nil, problem{"data-dir-invalid", fmt.Sprintf("the data directory cannot be made: %v", err)}
		}
		if err := os.Chmod(each, 0o700); err != nil {
			return nil, problem{"data-dir-invalid", fmt.Sprintf("the data directory cannot be made private: %v", err)}
		}
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, problem{"data-dir-invalid", fmt.Sprintf("the data directory cannot be written: %v", err)}
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, problem{"data-dir-in-use", fmt.Sprintf("the data directory %s is in use by another control plane", dir)}
		}
		return nil, problem{"data-dir-invalid", fmt.Sprintf("the data directory %s cannot be locked: %v", dir, err)}
	}
	d := &data{dir: dir, lock: lock}
	if err := d.checkStamp(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

func (d *data) close() { d.lock.Close() }

func (d *data) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

// checkStamp refuses data written by a newer program and signs the data as ours.
// A newer Kubernetes may have stored objects in versions that an older one cannot decode.
func (d *data) checkStamp() error {
	ours := stamp{Format: dataFormat, Kubernetes: version.Get().GitVersion}
	content, err := os.ReadFile(d.path("version"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return problem{"data-dir-invalid", err.Error()}
	}
	if err == nil {
		var theirs stamp
		if err := json.Unmarshal(content, &theirs); err != nil {
			return problem{"data-dir-invalid", fmt.Sprintf("%s is damaged: %v", d.path("version"), err)}
		}
		if newer(theirs, ours) {
			return problem{"data-newer", fmt.Sprintf(
				"the data in %s was written by a newer version (format %d, Kubernetes %s; this is format %d, Kubernetes %s)",
				d.dir, theirs.Format, theirs.Kubernetes, ours.Format, ours.Kubernetes)}
		}
	}
	content, err = json.Marshal(ours)
	if err != nil {
		return err
	}
	return writeFile(d.path("version"), append(content, '\n'))
}

// newer tells whether data of `theirs` must not be opened by `ours`. Patch releases share one storage format.
func newer(theirs, ours stamp) bool {
	if theirs.Format != ours.Format {
		return theirs.Format > ours.Format
	}
	their, err := utilversion.ParseGeneric(theirs.Kubernetes)
	if err != nil {
		return false
	}
	our, err := utilversion.ParseGeneric(ours.Kubernetes)
	if err != nil {
		return false
	}
	return their.Major() > our.Major() || their.Major() == our.Major() && their.Minor() > our.Minor()
}

// writeFile replaces a file as a whole, readable by the owner only. A crash leaves the old or the new one.
func writeFile(path string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	_, err = temporary.Write(content)
	err = errors.Join(err, temporary.Sync(), temporary.Close())
	if err != nil {
		return err
	}
	return os.Rename(temporary.Name(), path)
}
