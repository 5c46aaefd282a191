#!/usr/bin/env python3
"""Each public header compiles alone, twice in one file, with our warnings, and needs only std, Asio and its like.

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


def compile_alone(compiler, root, work, header):
    name = str(header.relative_to(root / "include"))
    source = work / (name.replace("/", "_") + ".cpp")
    deps = source.with_suffix(".d")
    text = f"#include <{name}>\n#include <{name}>\n"
    if not source.exists() or source.read_text() != text:
        source.write_text(text)
    command = [compiler, "-std=c++20", *WARNINGS, f"-I{root / 'include'}", "-MD", "-MF", str(deps), "-c", str(source),
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
    assert headers, "no public headers found"
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        faults = [fault for fault in pool.map(lambda h: compile_alone(compiler, root, work, h), headers) if fault]
    print("\n".join(faults) or f"{len(headers)} headers compile alone with {compiler}")
    return 1 if faults else 0


sys.exit(main())
