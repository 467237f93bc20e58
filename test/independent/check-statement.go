// Checks the folder of a settlement with Go's golang.org/x/mod/sumdb, which shares no code with us: the signature in its
// tlog-proof, that the entry is the leaf that it says, and that the lines lead to the root that the entry names.
//
//	go run check-statement.go FOLDER VKEY_FILE
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
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

func read(path ...string) []byte {
	data, err := os.ReadFile(filepath.Join(path...))
	must(err)
	return data
}

func hashOf(text string) tlog.Hash {
	data, err := base64.StdEncoding.DecodeString(text)
	must(err)
	if len(data) != tlog.HashSize {
		fail("a hash has %d bytes", len(data))
	}
	var hash tlog.Hash
	copy(hash[:], data)
	return hash
}

// memory holds the hashes of a tree that is built leaf by leaf.
type memory []tlog.Hash

func (m memory) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(indexes))
	for at, index := range indexes {
		found[at] = m[index]
	}
	return found, nil
}

func rootOf(lines [][]byte) tlog.Hash {
	var stored memory
	for at, line := range lines {
		more, err := tlog.StoredHashes(int64(at), line, stored)
		must(err)
		stored = append(stored, more...)
	}
	root, err := tlog.TreeHash(int64(len(lines)), stored)
	must(err)
	return root
}

func main() {
	folder := os.Args[1]
	verifier, err := note.NewVerifier(strings.TrimSpace(string(read(os.Args[2]))))
	must(err)
	head, checkpoint, ok := bytes.Cut(read(folder, "settlement.tlog-proof"), []byte("\n\n"))
	if !ok {
		fail("the proof has no checkpoint")
	}
	signed, err := note.Open(checkpoint, note.VerifierList(verifier))
	must(err)
	said := strings.Split(signed.Text, "\n")
	if len(said) != 4 || said[0] != verifier.Name() {
		fail("the checkpoint is not three lines of %s", verifier.Name())
	}
	size, err := strconv.ParseInt(said[1], 10, 64)
	must(err)
	lines := strings.Split(string(head), "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" || !strings.HasPrefix(lines[1], "index ") {
		fail("this is no tlog-proof")
	}
	leaf, err := strconv.ParseInt(strings.TrimPrefix(lines[1], "index "), 10, 64)
	must(err)
	var path tlog.RecordProof
	for _, line := range lines[2:] {
		path = append(path, hashOf(line))
	}
	entry := read(folder, "entry.json")
	must(tlog.CheckRecord(path, size, hashOf(said[2]), leaf, tlog.RecordHash(entry)))

	var settlement struct {
		Type     string
		Document struct {
			Count int    `json:"lines_count"`
			Root  string `json:"lines_root"`
		}
	}
	must(json.Unmarshal(entry, &settlement))
	leaves := bytes.Split(bytes.TrimSuffix(read(folder, "lines.jsonl"), []byte("\n")), []byte("\n"))
	if settlement.Type != "settlement" || len(leaves) != settlement.Document.Count {
		fail("the entry is no settlement of %d lines", len(leaves))
	}
	if rootOf(leaves) != hashOf(settlement.Document.Root) {
		fail("the lines do not lead to the root of the entry")
	}
	fmt.Printf("ok leaf %d of %d, %d lines\n", leaf, size, len(leaves))
}
