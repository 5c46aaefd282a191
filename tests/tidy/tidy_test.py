#!/usr/bin/env python3
"""Each house rule is broken once in a small tree, and tidy.py must find exactly that."""
import pathlib
import sys
import tempfile

import tidy

BROKEN = {
    "lib/base/a.cpp": ('#include "net/x.hpp"\n', "includes lib/net"),
    "lib/muxado/a.cpp": ('#include "proto/x.hpp"\n', "includes lib/proto"),
    "lib/client/a.cpp": ('#include "edge/x.hpp"\n', "includes lib/edge"),
    "lib/client/c.cpp": ('#include "inspector/x.hpp"\n', "includes lib/inspector"),
    "lib/control/a.cpp": ('#include "inspector/x.hpp"\n', "includes lib/inspector"),
    "lib/edge/b.cpp": ('#include "client/x.hpp"\n', "includes lib/client"),
    "lib/http/a.cpp": ("#include <adit/uses_asio.hpp>\n", "brings Asio"),
    "lib/net/a.cpp": ("#include <openssl/ssl.h>\n", "BoringSSL only in"),
    "lib/net/b.hpp": ("#include <nlohmann/json.hpp>\n", "nlohmann/json only in"),
    "lib/net/c.cpp": ("#include <asio.hpp>\n", "Asio only through"),
    "lib/client/b.cpp": ("#include <adit/edge/server.hpp>\n", "includes the edge's public API"),
    "lib/attic/a.cpp": ("\n", "no place in the layer table"),
    "include/adit/a.hpp": ("#include <fmt/core.h>\n", "fmt never in a public header"),
    "include/adit/b.hpp": ('#include "base/x.hpp"\n', "a public header includes"),
    "examples/a.cpp": ('#include "net/x.hpp"\n', "an example uses the public API only"),
    "examples/b.cpp": ("int main() {}\n", "does not name this example"),
    "examples/c.c": ("int main(void) { return 0; }\n", "does not name this example"),
    "tests/unit/a.cpp": ("#include <doctest/doctest.h>\n", "doctest only through"),
    "tests/net/a.cpp": ("std::this_thread::sleep_" "for(1s);\n", "a test sleeps"),
    "lib/net/d.cpp": ("// TO" "DO later\n", "an unfinished mark"),
    "docs/a.md": ("see /ro" "ot/notes\n", "a path of one machine"),
    "lib/net/e.cpp": ("\n" * 701, "701 lines"),
    "lib/net/f.cpp": ("awaitable<void> f() { co_await g({1}); }\n", "braces in an expression with co_await"),
    "README.md": ("```cpp\nauto f() { if (co_await g()) h(); }\n```\n", "co_await in a condition"),
}
CLEAN = {
    "lib/base/x.hpp": "#include <vector>\n",
    "lib/proto/x.hpp": '#include "base/x.hpp"\n#include <adit/plain.hpp>\n',
    "lib/net/x.hpp": '#include "proto/x.hpp"\n#include <adit/uses_asio.hpp>\n',
    "lib/client/x.hpp": "#include <adit/uses_asio.hpp>\n",
    "lib/edge/x.hpp": '#include "net/x.hpp"\n',
    "lib/inspector/x.hpp": '#include "client/x.hpp"\n',
    "lib/tls/x.cpp": "#include <openssl/ssl.h>\n",
    "examples/meson.build": "names = ['a']\n",
    "include/adit/asio.hpp": "#include <asio/post.hpp>\n",
    "include/adit/plain.hpp": "#include <string>\n",
    "include/adit/uses_asio.hpp": "#include <adit/asio.hpp>\n#include <adit/plain.hpp>\n",
    "include/adit/edge/server.hpp": "#include <adit/plain.hpp>\n",
}


def main():
    with tempfile.TemporaryDirectory() as directory:
        root = pathlib.Path(directory)
        for name, text in [*CLEAN.items(), *((name, text) for name, (text, _) in BROKEN.items())]:
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text)
        found = {}
        for name, _, rule in tidy.faults(tidy.Project(root)):
            found.setdefault(name, []).append(rule)
    wrong = [f"{name}: expected one breach with '{rule}', found {found.get(name)}" for name, (_, rule) in BROKEN.items()
             if not any(rule in one for one in found.get(name, []))]
    wrong += [f"{name}: is clean, found {found[name]}" for name in CLEAN if name in found]
    print("\n".join(wrong) or f"{len(BROKEN)} breaches found, {len(CLEAN)} clean files left alone")
    return 1 if wrong else 0


sys.exit(main())
