package main

import (
	"debug/buildinfo"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	cdx "github.com/CycloneDX/cyclonedx-go"
	"github.com/google/uuid"
)

// sorted are files in order of their names.
func sorted(files []file) []file {
	return slices.SortedFunc(slices.Values(files), func(a, b file) int { return strings.Compare(a.name, b.name) })
}

// writeBOM lists, as CycloneDX, the modules that Go says it has built into the
// programs, each with its version and the hash that go.sum has of it.
func writeBOM(to, name string, src source, programs []file) error {
	modules := map[string]cdx.Component{}
	for _, p := range programs {
		info, err := buildinfo.ReadFile(p.path)
		if err != nil {
			return fmt.Errorf("reading what %s is made of: %w", p.name, err)
		}
		if info.Main.Version != src.version {
			return fmt.Errorf("%s says that it is %s and not %s", p.name, info.Main.Version, src.version)
		}
		modules["std"] = component("std", strings.TrimPrefix(info.GoVersion, "go"))
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			c := component(m.Path, m.Version)
			sum, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(m.Sum, "h1:"))
			if err != nil || len(sum) == 0 {
				return fmt.Errorf("%s has no hash in go.sum", m.Path)
			}
			c.Hashes = &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum)}}
			modules[m.Path] = c
		}
	}
	bom := cdx.NewBOM()
	// The same name is the same list: nothing in it is by chance.
	bom.SerialNumber = uuid.NewSHA1(uuid.NameSpaceURL, []byte("letterlock/"+name)).URN()
	main := component("letterlock", src.version)
	main.Type = cdx.ComponentTypeApplication
	bom.Metadata = &cdx.Metadata{Timestamp: src.at.Format(time.RFC3339), Component: &main}
	all := slices.SortedFunc(maps.Values(modules), func(a, b cdx.Component) int { return strings.Compare(a.Name, b.Name) })
	bom.Components = &all
	return create(to, func(w io.Writer) error {
		return cdx.NewBOMEncoder(w, cdx.BOMFileFormatJSON).SetPretty(true).Encode(bom)
	})
}

// component is one module as package databases name it.
func component(path, version string) cdx.Component {
	purl := "pkg:golang/" + path + "@" + version
	return cdx.Component{Type: cdx.ComponentTypeLibrary, Name: path, Version: version, PackageURL: purl, BOMRef: purl}
}
