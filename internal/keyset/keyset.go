// Package keyset keeps the cryptographic keys of an installation: one that
// seals what must be readable again, and one that signs what must not change.
// They live in a file outside the database, so that the database alone, or its
// backup, opens nothing.
//
// The file is JSON with two keysets in the form of Tink. Only its owner may
// read it. Who loses it loses what was sealed, and the proof that the history
// is unchanged: it belongs into a backup of its own.
package keyset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	"github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/mac"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// maxFileSize is far above what any number of rotated keys needs, in bytes.
const maxFileSize = 1 << 20

// Keyset seals and signs. It is safe for concurrent use.
type Keyset struct {
	aead tink.AEAD
	mac  tink.MAC
}

// Open reads the keyset from the file at path and makes the file first where
// there is none. Of several processes that start together one makes it, and
// all get the same keys. Errors say in one line what to do.
func Open(path string) (*Keyset, error) {
	keys, err := Load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	if err := create(path); err != nil {
		return nil, err
	}
	return Load(path)
}

// Load reads the keyset from the file at path. A file that is not there is
// [fs.ErrNotExist]; one that others than its owner may read is refused, as is
// one that is damaged. Errors say in one line what to do.
func Load(path string) (*Keyset, error) {
	content, err := readPrivate(path)
	if err != nil {
		return nil, err
	}
	keys, err := parse(content)
	if err != nil {
		return nil, fmt.Errorf("keyset %s is damaged (%w): restore it from its backup", path, err)
	}
	return keys, nil
}

// Seal encrypts plaintext. Only [Keyset.Unseal] with the same associatedData
// opens it, so that a sealed value can't be moved to another place: name the
// place there, such as the table and the row.
func (k *Keyset) Seal(plaintext, associatedData []byte) ([]byte, error) {
	return k.aead.Encrypt(plaintext, associatedData)
}

// Unseal returns what [Keyset.Seal] was given. It is an error when the sealed
// value or the associatedData is not the same as then, or the keyset is
// another.
func (k *Keyset) Unseal(sealed, associatedData []byte) ([]byte, error) {
	plaintext, err := k.aead.Decrypt(sealed, associatedData)
	if err != nil {
		return nil, errors.New("sealed with another keyset, for another place, or changed since")
	}
	return plaintext, nil
}

// MAC signs data. The same data under the same key has the same MAC.
func (k *Keyset) MAC(data []byte) ([]byte, error) {
	return k.mac.ComputeMAC(data)
}

// VerifyMAC returns an error unless code is the MAC of data under this keyset.
func (k *Keyset) VerifyMAC(code, data []byte) error {
	if err := k.mac.VerifyMAC(code, data); err != nil {
		return errors.New("signed with another keyset, or changed since")
	}
	return nil
}

// file is the keyset as it is stored.
type file struct {
	AEAD json.RawMessage `json:"aead"`
	MAC  json.RawMessage `json:"mac"`
}

// generate makes the content of a new file.
func generate() ([]byte, error) {
	sealing, err := keyset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	signing, err := keyset.NewHandle(mac.HMACSHA256Tag256KeyTemplate())
	if err != nil {
		return nil, err
	}
	var content file
	if content.AEAD, err = encode(sealing); err != nil {
		return nil, err
	}
	if content.MAC, err = encode(signing); err != nil {
		return nil, err
	}
	return json.MarshalIndent(content, "", "  ")
}

// parse reads the content of a file.
func parse(content []byte) (*Keyset, error) {
	var stored file
	if err := json.Unmarshal(content, &stored); err != nil {
		return nil, errors.New("not JSON")
	}
	sealing, err := decode(stored.AEAD)
	if err != nil {
		return nil, fmt.Errorf("aead: %w", err)
	}
	signing, err := decode(stored.MAC)
	if err != nil {
		return nil, fmt.Errorf("mac: %w", err)
	}
	var keys Keyset
	if keys.aead, err = aead.New(sealing); err != nil {
		return nil, fmt.Errorf("aead: %w", err)
	}
	if keys.mac, err = mac.New(signing); err != nil {
		return nil, fmt.Errorf("mac: %w", err)
	}
	return &keys, nil
}

// encode writes a keyset in clear, which is right for a file that is itself
// the secret.
func encode(handle *keyset.Handle) (json.RawMessage, error) {
	var buffer bytes.Buffer
	err := insecurecleartextkeyset.Write(handle, keyset.NewJSONWriter(&buffer))
	return buffer.Bytes(), err
}

func decode(encoded json.RawMessage) (*keyset.Handle, error) {
	return insecurecleartextkeyset.Read(keyset.NewJSONReader(bytes.NewReader(encoded)))
}

// readPrivate reads a file that only its owner may read.
func readPrivate(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keyset: %w: name another file with --keyset", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("keyset %s is not a file: name another with --keyset", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("keyset %s can be read by others than its owner: run chmod 600 %s", path, path)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFileSize))
	if err != nil {
		return nil, fmt.Errorf("keyset: %w", err)
	}
	return content, nil
}
