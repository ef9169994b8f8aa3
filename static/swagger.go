package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"

	swaggerui "github.com/swaggest/swgui/v5/static"
)

const swaggerFolder = "swagger/"

// addSwaggerUI adds what the page of Swagger UI loads of it, such as
// "swagger/swagger-ui.css". The module has it compressed, and so it is kept: to unpack it
// for the few who don't take gzip is cheaper than to have its 1.6 MB in memory.
func addSwaggerUI(found map[string]*asset) {
	for _, name := range []string{"swagger-ui-bundle.js", "swagger-ui.css"} {
		compressed, err := swaggerui.FS.ReadFile(name + ".gz")
		if err != nil {
			panic(err) // the module's version is fixed
		}
		sum := sha256.Sum256(compressed)
		found[swaggerFolder+name] = &asset{
			hash:        hex.EncodeToString(sum[:8]),
			contentType: contentType(name),
			plain:       func() []byte { return decompress(compressed) },
			gzipped:     func() []byte { return compressed },
		}
	}
}

func decompress(compressed []byte) []byte {
	unzipped, err := gzip.NewReader(bytes.NewReader(compressed))
	if err != nil {
		panic(err) // the module's version is fixed
	}
	content, err := io.ReadAll(unzipped)
	if err != nil {
		panic(err)
	}
	return content
}
