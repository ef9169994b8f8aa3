//go:build race

package verify_test

// racing tells that the race detector watches.
const racing = true
