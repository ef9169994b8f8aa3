package main

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// machine describes what was measured on: without it numbers say little.
func machine() string {
	return fmt.Sprintf("%d cores, %s, %s of memory, %s, %s", runtime.GOMAXPROCS(0), processor(), memory(), runtime.Version(), strings.Join(engineVersions(), ", "))
}

func processor() string {
	if model, err := field("/proc/cpuinfo", "model name"); err == nil {
		return model
	}
	return runtime.GOARCH
}

func memory() string {
	total, err := kilobytes("/proc/meminfo", "MemTotal")
	if err != nil {
		return "an unknown amount"
	}
	return fmt.Sprintf("%.0f GB", total*1024/1e9)
}

// field gives a field's value in one of the system's files of “name: value”. The error
// is fs.ErrNotExist where the system has no such file.
func field(file, name string) (string, error) {
	content, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(content)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == name {
			return strings.TrimSpace(value), nil
		}
	}
	return "", fmt.Errorf("%s has no %s", file, name)
}

// kilobytes reads a field whose value is “123 kB”.
func kilobytes(file, name string) (float64, error) {
	text, err := field(file, name)
	if err != nil {
		return 0, err
	}
	return strconv.ParseFloat(strings.TrimSuffix(text, " kB"), 64)
}

// engineVersions tells which versions of the database engines answer.
func engineVersions() []string {
	versions := []string{versionOf(sqlite, ":memory:", "SELECT sqlite_version()")}
	if server := os.Getenv(postgresURL); server != "" {
		versions = append(versions, versionOf(postgres, server, "SHOW server_version"))
	}
	return versions
}

func versionOf(e engine, database, query string) string {
	version := "of an unknown version"
	if opened, err := e.open(database); err == nil {
		defer opened.Close()
		opened.QueryRowContext(context.Background(), query).Scan(&version)
	}
	return string(e) + " " + version
}
