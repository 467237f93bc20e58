// Checks a C2SP tlog-tiles log with Go's golang.org/x/mod/sumdb, which shares no code with us: the signature of the
// checkpoint, every entry against the tiles, and (with -old) that an older checkpoint is a part of the newer.
//
//	go run check-log.go LOG_DIR VKEY_FILE [OLD_CHECKPOINT_FILE [PROOF_FILE]]
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func must(err error) {
	if err != nil {
		fmt.Println("BAD:", err)
		os.Exit(1)
	}
}

func fail(format string, args ...any) { must(fmt.Errorf(format, args...)) }

// tileReader reads tiles of height 8 from disk; x/mod's own paths name the height, ours do not.
type tileReader struct{ dir string }

func (r tileReader) Height() int { return 8 }

func (r tileReader) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, t := range tiles {
		path := strings.Replace(t.Path(), "tile/8/", "tile/", 1)
		data, err := os.ReadFile(filepath.Join(r.dir, path))
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (r tileReader) SaveTiles([]tlog.Tile, [][]byte) {}

func openCheckpoint(path string, verifier note.Verifier) tlog.Tree {
	data, err := os.ReadFile(path)
	must(err)
	signed, err := note.Open(data, note.VerifierList(verifier))
	must(err)
	lines := strings.Split(signed.Text, "\n")
	if len(lines) != 4 || lines[0] != verifier.Name() {
		fail("checkpoint is not three lines of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(lines[1], 10, 64)
	must(err)
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	must(err)
	tree := tlog.Tree{N: size}
	copy(tree.Hash[:], root)
	return tree
}

func bundlePath(index int64, width int64) string {
	tile := tlog.Tile{H: 8, L: 0, N: index, W: int(width)}
	return strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
}

func main() {
	dir := os.Args[1]
	key, err := os.ReadFile(os.Args[2])
	must(err)
	verifier, err := note.NewVerifier(strings.TrimSpace(string(key)))
	must(err)
	tree := openCheckpoint(filepath.Join(dir, "checkpoint"), verifier)
	hashes := tlog.TileHashReader(tree, tileReader{dir})

	var leaf int64
	for index := int64(0); index*256 < tree.N; index++ {
		width := min(tree.N-index*256, 256)
		data, err := os.ReadFile(filepath.Join(dir, bundlePath(index, width)))
		must(err)
		for in := bytes.NewReader(data); in.Len() > 0; leaf++ {
			var length uint16
			must(binary.Read(in, binary.BigEndian, &length))
			entry := make([]byte, length)
			if n, _ := in.Read(entry); n != int(length) {
				fail("entry %d is cut short", leaf)
			}
			stored, err := hashes.ReadHashes([]int64{tlog.StoredHashIndex(0, leaf)})
			must(err)
			if tlog.RecordHash(entry) != stored[0] {
				fail("entry %d differs", leaf)
			}
		}
	}
	if leaf != tree.N {
		fail("%d entries, the checkpoint covers %d", leaf, tree.N)
	}
	if len(os.Args) > 3 {
		old := openCheckpoint(os.Args[3], verifier)
		proof, err := tlog.ProveTree(tree.N, old.N, hashes)
		must(err)
		if len(os.Args) > 4 {
			proof = nil
			text, err := os.ReadFile(os.Args[4])
			must(err)
			for _, line := range strings.Fields(string(text)) {
				raw, err := base64.StdEncoding.Strict().DecodeString(line)
				must(err)
				var hash tlog.Hash
				copy(hash[:], raw)
				proof = append(proof, hash)
			}
		}
		must(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
		// Partial tiles of signed trees stay until the full tile exists, so such a tree is read from its own tiles.
		if old.N > 0 && old.N/256 == tree.N/256 {
			_, err = tlog.TileHashReader(old, tileReader{dir}).ReadHashes([]int64{tlog.StoredHashIndex(0, old.N-1)})
			must(err)
		}
	}
	fmt.Printf("ok %d leaves\n", tree.N)
}
