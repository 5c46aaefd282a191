#!/usr/bin/env python3
"""Each public header compiles alone, twice in one file, with our warnings, and needs only std, Asio and its like. Those
for C compile as C99 and as C++98.

    check.py COMPILER SOURCE_ROOT WORK_DIR

Exit status 77 (Meson: skipped) when the compiler is not installed.
"""
import concurrent.futures
import os
import pathlib
import re
import shutil
import subprocess
import sys

WARNINGS = "-Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Werror".split()
# Libraries that must stay behind our interface, as they lie below the system's include directories.
HIDDEN = re.compile(r"/(fmt|nlohmann|openssl|doctest|llhttp|nghttp2|android)(/|\.h)|^lib/|/lib/(base|muxado|proto|http|tls|net)/")


C_LANGUAGES = {"c": ["-x", "c", "-std=c99"], "c++": ["-x", "c++", "-std=c++98"]}


def compile_alone(compiler, root, work, header, language=None):
    name = str(header.relative_to(root / "include"))
    source = work / (name.replace("/", "_") + (f"_{language}.txt" if language else ".cpp"))
    deps = source.with_suffix(".d")
    text = f"#include <{name}>\n#include <{name}>\n"
    if not source.exists() or source.read_text() != text:
        source.write_text(text)
    dialect = C_LANGUAGES[language] if language else ["-std=c++20"]
    command = [compiler, *dialect, *WARNINGS, f"-I{root / 'include'}", "-MD", "-MF", str(deps), "-c", str(source),
               "-o", str(source.with_suffix(".o"))]
    if shutil.which("ccache"):
        command.insert(0, "ccache")
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode != 0:
        return f"{name} does not compile alone:\n{run.stderr[:3000]}"
    alien = [word for word in deps.read_text().split() if HIDDEN.search(word)]
    return f"{name} drags in {alien[0]}" if alien else None


def main():
    compiler, root = sys.argv[1], pathlib.Path(sys.argv[2])
    work = pathlib.Path(sys.argv[3]) / compiler
    if not shutil.which(compiler):
        print(f"skip: {compiler} is not installed")
        return 77
    work.mkdir(parents=True, exist_ok=True)
    headers = sorted((root / "include").rglob("*.hpp"))
    c_headers = sorted((root / "include").rglob("*.h"))
    assert headers and c_headers, "no public headers found"
    jobs = [(header, None) for header in headers] + [(header, language) for header in c_headers for language in C_LANGUAGES]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [fault for fault in pool.map(lambda job: compile_alone(compiler, root, work, *job), jobs) if fault]
    for header in c_headers:
        strange = set(re.findall(r"#\s*include\s*(\S+)", header.read_text())) - {"<stddef.h>", "<stdint.h>"}
        faults += [f"{header.name} includes {sorted(strange)}"] if strange else []
    print("\n".join(faults) or f"{len(headers)} headers, and {len(c_headers)} for C, compile alone with {compiler}")
    return 1 if faults else 0


sys.exit(main())
