// Only says that the module of go.mod is needed.

//go:build tools

package tools

import _ "github.com/summerwind/h2spec/cmd/h2spec"
