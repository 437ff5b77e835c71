//go:build !linux

package main

import (
	"context"
	"os"
	"time"
)

// dieWith looks once a second whether the parent is still there. 0 asks for nothing.
func dieWith(parent int, cancel context.CancelFunc) error {
	if parent == 0 {
		return nil
	}
	go func() {
		for os.Getppid() == parent {
			time.Sleep(time.Second)
		}
		cancel()
	}()
	return nil
}
