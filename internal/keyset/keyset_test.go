package keyset_test

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"keyportal/internal/keyset"
)

func open(t *testing.T, path string) *keyset.Keyset {
	t.Helper()
	keys, err := keyset.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return keys
}

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "keyportal.keyset") }

func TestWhatIsSealedOpensAgainAfterARestart(t *testing.T) {
	path := newPath(t)
	sealed, err := open(t, path).Seal([]byte("kps_secret"), []byte("secrets/7"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("kps_secret")) {
		t.Error("the sealed value holds the plaintext")
	}
	got, err := open(t, path).Unseal(sealed, []byte("secrets/7"))
	if err != nil || string(got) != "kps_secret" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestASealedValueThatWasChangedOrMovedDoesNotOpen(t *testing.T) {
	keys := open(t, newPath(t))
	sealed, err := keys.Seal([]byte("kps_secret"), []byte("secrets/7"))
	if err != nil {
		t.Fatal(err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := keys.Unseal(changed, []byte("secrets/7")); err == nil {
			t.Fatalf("opens with byte %d changed", i)
		}
	}
	for name, attempt := range map[string]func() ([]byte, error){
		"moved to another row": func() ([]byte, error) { return keys.Unseal(sealed, []byte("secrets/8")) },
		"cut short":            func() ([]byte, error) { return keys.Unseal(sealed[:len(sealed)-1], []byte("secrets/7")) },
		"empty":                func() ([]byte, error) { return keys.Unseal(nil, []byte("secrets/7")) },
		"another keyset":       func() ([]byte, error) { return open(t, newPath(t)).Unseal(sealed, []byte("secrets/7")) },
	} {
		if _, err := attempt(); err == nil {
			t.Errorf("%s: opens", name)
		}
	}
}

func TestTheSameDataHasTheSameMACAfterARestart(t *testing.T) {
	path := newPath(t)
	code, err := open(t, path).MAC([]byte("revision 1"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := open(t, path).MAC([]byte("revision 1"))
	if err != nil || !bytes.Equal(code, again) {
		t.Errorf("the MACs are %x and %x, %v", code, again, err)
	}
	if err := open(t, path).VerifyMAC(code, []byte("revision 1")); err != nil {
		t.Error(err)
	}
}

func TestAMACOfOtherDataOrAnotherKeysetIsRefused(t *testing.T) {
	keys := open(t, newPath(t))
	code, err := keys.MAC([]byte("revision 1"))
	if err != nil {
		t.Fatal(err)
	}
	if keys.VerifyMAC(code, []byte("revision 2")) == nil {
		t.Error("other data passes")
	}
	if open(t, newPath(t)).VerifyMAC(code, []byte("revision 1")) == nil {
		t.Error("another keyset passes")
	}
	for i := range code {
		changed := bytes.Clone(code)
		changed[i] ^= 1
		if keys.VerifyMAC(changed, []byte("revision 1")) == nil {
			t.Fatalf("passes with byte %d changed", i)
		}
	}
}

func TestTheFileIsItsOwnersAlone(t *testing.T) {
	path := newPath(t)
	open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("made with mode %o", info.Mode().Perm())
	}
	for _, mode := range []fs.FileMode{0o640, 0o604, 0o620, 0o644, 0o660} {
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		for _, read := range []func(string) (*keyset.Keyset, error){keyset.Open, keyset.Load} {
			if _, err := read(path); err == nil || !strings.Contains(err.Error(), "run chmod 600 "+path) {
				t.Errorf("mode %o: %v", mode, err)
			}
		}
	}
	if err := os.Chmod(path, 0o400); err != nil {
		t.Fatal(err)
	}
	open(t, path)
}

func TestLoadMakesNoFile(t *testing.T) {
	path := newPath(t)
	if _, err := keyset.Load(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

func TestADirectoryThatIsNotThereIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "keyportal.keyset")
	_, err := keyset.Open(path)
	if err == nil || !strings.Contains(err.Error(), filepath.Dir(path)) || !strings.Contains(err.Error(), "--keyset") {
		t.Errorf("got %v", err)
	}
}

func TestADamagedFileIsRefusedAndKept(t *testing.T) {
	healthy := newPath(t)
	open(t, healthy)
	whole, err := os.ReadFile(healthy)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"empty":             "",
		"cut off":           string(whole[:len(whole)/2]),
		"another file":      "SQLite format 3\x00",
		"no keys":           "{}",
		"null":              "null",
		"one keyset only":   strings.Replace(string(whole), `"mac"`, `"other"`, 1),
		"keysets exchanged": strings.NewReplacer(`"mac"`, `"aead"`, `"aead"`, `"mac"`).Replace(string(whole)),
		"unknown key type":  strings.ReplaceAll(string(whole), "AesGcmKey", "RotKey"),
	} {
		path := newPath(t)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keyset.Open(path); err == nil || !strings.Contains(err.Error(), "is damaged") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %v", name, err)
		}
		if left, err := os.ReadFile(path); err != nil || string(left) != content {
			t.Errorf("%s: the file was changed", name)
		}
	}
}

func TestADirectoryInThePlaceOfTheFileIsRefused(t *testing.T) {
	if _, err := keyset.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("got %v", err)
	}
}

func TestProcessesThatStartTogetherAgreeOnOneKeyset(t *testing.T) {
	for range 20 {
		path := newPath(t)
		codes := startTogether(t, path, 16)
		for i, code := range codes {
			if !bytes.Equal(code, codes[0]) {
				t.Fatalf("start %d has another keyset", i)
			}
		}
		entries, err := os.ReadDir(filepath.Dir(path))
		if err != nil || len(entries) != 1 {
			t.Fatalf("left in the directory: %v, %v", entries, err)
		}
	}
}

// startTogether opens the keyset at path n times at once, and returns what
// each signs the same data with.
func startTogether(t *testing.T, path string, n int) [][]byte {
	t.Helper()
	codes := make([][]byte, n)
	var group sync.WaitGroup
	ready := make(chan struct{})
	for i := range n {
		group.Go(func() {
			<-ready
			keys, err := keyset.Open(path)
			if err != nil {
				t.Error(err)
				return
			}
			if codes[i], err = keys.MAC([]byte("who was first")); err != nil {
				t.Error(err)
			}
		})
	}
	close(ready)
	group.Wait()
	return codes
}
