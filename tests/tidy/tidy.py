#!/usr/bin/env python3
"""House rules that text can show. Prints "path:line: rule" for each breach.

    tidy.py SOURCE_ROOT

- a layer of lib/ includes only lower layers; layers 0 and 1 never reach Asio; each library stays where it belongs;
- public headers include std, Asio (through adit/asio.hpp) and public headers, nothing else;
- the coroutine rules of coroutines.py; every example is built;
- no file over 700 lines, no unfinished marks, no path or registry of one machine, no sleeping in tests.
"""
import functools
import pathlib
import re
import shutil
import subprocess
import sys

import coroutines

LAYERS = {"base": 0, "muxado": 1, "proto": 1, "http": 1, "tls": 1, "http2": 1, "policy": 1, "net": 2, "client": 3, "store": 3, "acme": 3,
          "inspector": 4, "capi": 4, "edge": 4, "control": 5}
NEIGHBOURS = {("http2", "http"), ("policy", "http"), ("policy", "proto"), ("policy", "tls")}  # of one layer, and above it all the same
STRANGERS = {("edge", "client"), ("control", "client"), ("control", "inspector")}  # although the layer is lower
# A library and the files that may include it.
HOMES = [
    (re.compile(r"^openssl/"), re.compile(r"^lib/tls/|^tests/(unit/tls|install)/"), "BoringSSL only in lib/tls"),
    (re.compile(r"^nlohmann/"), re.compile(r"\.cpp$|^lib/proto/|^tests/"), "nlohmann/json only in .cpp files and lib/proto"),
    (re.compile(r"^llhttp"), re.compile(r"^lib/http/.*\.cpp$|^tests/unit/http/"), "llhttp only in lib/http/*.cpp"),
    (re.compile(r"^nghttp2/"), re.compile(r"^lib/http2/(.*\.cpp|field_block\.hpp)$|^tests/unit/http2/"),
     "nghttp2 only in lib/http2/*.cpp and field_block.hpp"),
    (re.compile(r"^(re2/|yaml\.h$|zlib\.h$|brotli/)"), re.compile(r"^lib/policy/.*\.cpp$|^tests/"),
     "RE2, libyaml, zlib and brotli only in lib/policy/*.cpp"),
    (re.compile(r"^fmt/"), re.compile(r"^(lib|examples|tests)/"), "fmt never in a public header"),
    (re.compile(r"^asio[/.]"), re.compile(r"^include/adit/(asio|detail/abi)\.hpp$|^examples/|^tests/|^lib/client/(own_thread|socket_pump)\."),
     "Asio only through adit/asio.hpp"),
    (re.compile(r"^doctest"), re.compile(r"^tests/support/doctest\.hpp$|^tests/unit/main\.cpp$"),
     "doctest only through support/doctest.hpp"),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*(?:<([^>]+)>|"([^"]+)")')
CODE = {".cpp", ".hpp", ".c", ".h", ".py", ".sh", ".js", ".mjs", ".cjs", ""}
# Written in pieces, so that this file does not find itself.
MARKS = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|XX" r"X)\b")
MACHINE = re.compile(r"/wo" r"rk/|/ro" r"ot/|/ho" r"me/[a-z]|/tmp/(?:bash_" r"jobs|ad" r"it)|/fa" r"rm/")
REGISTRY = re.compile(r"registry\.np" r"mjs|deb\.deb" r"ian\.org|npm\.pk" r"g\.|artif" r"actory|\"resol" r"ved\"")
SLEEP = re.compile(r"\b(?:sleep_f" r"or|sleep_un" r"til|usle" r"ep|nanosle" r"ep)\b|\btime\.sle" r"ep\b")
MAX_LINES = 700


def tracked(root):
    """All files of the project: what git knows and what is new; without git, everything outside of build directories."""
    listed = None
    if shutil.which("git"):
        command = ["git", "-c", f"safe.directory={root}", "-C", str(root), "ls-files", "-co", "--exclude-standard"]
        listed = subprocess.run(command, capture_output=True, text=True)
    if listed and listed.returncode == 0:
        names = listed.stdout.splitlines()
    else:
        skip = re.compile(r"^(\.git|build[^/]*|subprojects/(packagecache|boringssl-source)|.*node_modules)/")
        names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
        names = [name for name in names if not skip.match(name)]
    return sorted(name for name in names if (root / name).is_file())


class Project:
    def __init__(self, root):
        self.root = root
        self.files = {}
        for name in tracked(root):
            try:
                self.files[name] = (root / name).read_text()
            except UnicodeDecodeError:
                pass  # binary data of a test

    def includes(self, name):
        for number, line in enumerate(self.files[name].splitlines(), 1):
            if match := INCLUDE.match(line):
                yield number, match.group(1) or match.group(2), match.group(1) is None

    def resolve(self, name, target):
        """The project's file that an include names, or None."""
        beside = str((pathlib.PurePosixPath(name).parent / target))
        for candidate in (f"include/{target}", f"lib/{target}", f"tests/{target}", beside):
            if candidate in self.files:
                return candidate
        return None

    @functools.cache
    def reaches_asio(self, name):
        if name == "include/adit/asio.hpp":
            return True
        targets = [self.resolve(name, target) for _, target, _ in self.includes(name)]
        return any(self.reaches_asio(target) for target in targets if target and target != name)


def layer_of(name):
    parts = name.split("/")
    return parts[1] if parts[0] == "lib" and len(parts) > 2 else None


def include_faults(project, name):
    layer, public = layer_of(name), name.startswith("include/")
    if layer and layer not in LAYERS:
        yield 1, f"lib/{layer} has no place in the layer table"
        return
    for line, target, quoted in project.includes(name):
        found = project.resolve(name, target)
        for library, home, rule in HOMES:
            if library.match(target) and not found and not home.search(name):
                yield line, rule
        if public:
            std = re.fullmatch(r"[a-z_0-9]+", target)
            if not (std or target.startswith(("adit/", "asio/"))) or (target.startswith("adit/") and not found):
                yield line, f"a public header includes <{target}>: only std, Asio and public headers"
            if quoted:
                yield line, f'write <{target}>, a public header is found by the include path'
        if layer:
            other = layer_of(found) if found else None
            higher = LAYERS.get(other, 9) >= LAYERS[layer] and (layer, other) not in NEIGHBOURS
            if other and other != layer and (higher or (layer, other) in STRANGERS):
                yield line, f"lib/{layer} (layer {LAYERS[layer]}) includes lib/{other} (layer {LAYERS.get(other)})"
            if LAYERS[layer] <= 1 and found and project.reaches_asio(found):
                yield line, f"lib/{layer} has no I/O, and {target} brings Asio"
            if target.startswith("adit/edge") and LAYERS[layer] < LAYERS["edge"]:
                yield line, f"lib/{layer} includes the edge's public API"
        if name.startswith("examples/") and found and found.startswith("lib/"):
            yield line, "an example uses the public API only"


def readme_code(text):
    """The C++ blocks of a README, at their lines."""
    kept, inside = [], False
    for line in text.splitlines():
        if line.startswith("```"):
            inside = line.startswith("```cpp")
            kept.append("")
        else:
            kept.append(line if inside else "")
    return "\n".join(kept)


def text_faults(name, text):
    suffix = pathlib.PurePosixPath(name).suffix
    lines = text.splitlines()
    if suffix in CODE and name != "LICENSE" and len(lines) > MAX_LINES:
        yield MAX_LINES, f"{len(lines)} lines: two ideas in one file?"
    for number, line in enumerate(lines, 1):
        if MARKS.search(line):
            yield number, "an unfinished mark"
        if MACHINE.search(line):
            yield number, "a path of one machine"
        if REGISTRY.search(line):
            yield number, "the host of a registry"
        if name.startswith("tests/") and SLEEP.search(line):
            yield number, "a test sleeps: wait for the event instead"


def faults(project):
    for name, text in project.files.items():
        for line, rule in text_faults(name, text):
            yield name, line, rule
        if re.fullmatch(r"examples/\w+\.(cpp|c)", name):
            if f"'{pathlib.PurePosixPath(name).stem}'" not in project.files.get("examples/meson.build", ""):
                yield name, 1, "examples/meson.build does not name this example"
        if name.endswith((".cpp", ".hpp")):
            for line, rule in include_faults(project, name):
                yield name, line, rule
            strict = name.startswith(("lib/", "include/", "examples/"))
            for line, rule in coroutines.find(text, strict):
                yield name, line, rule
        elif name.endswith(".md"):
            for line, rule in coroutines.find(readme_code(text), True):
                yield name, line, rule


def main():
    project = Project(pathlib.Path(sys.argv[1]))
    found = [f"{name}:{line}: {rule}" for name, line, rule in faults(project)]
    print("\n".join(found) or f"{len(project.files)} files keep the house rules")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
