package main

import (
	"context"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// dieWith has the kernel send us SIGTERM when the parent dies, however it dies. 0 asks for nothing.
func dieWith(parent int, cancel context.CancelFunc) error {
	if parent == 0 {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGTERM), 0, 0, 0); err != nil {
		return err
	}
	if os.Getppid() != parent { // it died before we could ask
		cancel()
	}
	return nil
}
