package keyset

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// create makes the file at path with new keys, or leaves it be when another
// process was first. The file appears complete and on disk, or not at all: it
// is written under another name and then linked, which, unlike renaming, never
// replaces.
func create(path string) error {
	content, err := generate()
	if err != nil {
		return fmt.Errorf("keyset: %w", err)
	}
	directory := filepath.Dir(path)
	complete, err := writePrivate(directory, content)
	if err != nil {
		return fmt.Errorf("keyset can't be made: %w: name a file in a directory that can be written to with --keyset", err)
	}
	defer os.Remove(complete)
	if err := os.Link(complete, path); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("keyset can't be made: %w: name a file in another directory with --keyset", err)
	}
	return syncDirectory(directory)
}

// writePrivate stores content on disk in a new file in directory that only its
// owner may read, and returns the file's path.
func writePrivate(directory string, content []byte) (path string, err error) {
	f, err := os.CreateTemp(directory, ".keyset-*") // with mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		os.Remove(f.Name())
		return "", err
	}
	return f.Name(), nil
}

// syncDirectory brings the names of new files in directory to disk.
func syncDirectory(directory string) error {
	d, err := os.Open(directory)
	if err != nil {
		return fmt.Errorf("keyset: %w", err)
	}
	return errors.Join(d.Sync(), d.Close())
}
