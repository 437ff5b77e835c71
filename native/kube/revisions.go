package main

import (
	"context"

	"github.com/k3s-io/kine/pkg/logstructured"
	"github.com/k3s-io/kine/pkg/server"
)

// appended names the place in a context that is told the revision of what was appended.
type appended struct{}

// journal is kine's log, and tells revisions to who asks for them.
type journal struct{ logstructured.Log }

// Append adds an event to the log, and gives the revision it has by that; 0 when it was not added.
func (j journal) Append(ctx context.Context, event *server.Event) (int64, error) {
	revision, err := j.Log.Append(ctx, event)
	if place, asked := ctx.Value(appended{}).(*int64); asked {
		*place = revision
	}
	return revision, err
}

// exact is a store on a journal that tells the revision of what it created. kine (0.17) tells instead
// how far all of the store has come when the key had been there before and was deleted: where several
// write at once that is another's revision, and whoever made the object again knows it by a version
// that it does not have.
type exact struct{ server.Backend }

// Create stores a key that is not there, and gives the revision it has by that.
func (b exact) Create(ctx context.Context, key string, value []byte, lease int64) (int64, error) {
	var revision int64
	told, err := b.Backend.Create(context.WithValue(ctx, appended{}, &revision), key, value, lease)
	if err != nil || revision == 0 {
		return told, err
	}
	return revision, nil
}
