#!/usr/bin/env python3
"""What adit's headers cost an application: at most 1.3 times the compile time of the same parts of Asio alone.

    compile_time.py SOURCE_ROOT WORK_DIR COMPILER...

Pairs of translation units, one of adit and one of Asio, are compiled by turns; of each the least CPU time of several runs
counts, so that other work on the machine does not. A ratio above the bar gets more turns before it is believed: both
sides of a pair always have had the same number.
"""
import os
import pathlib
import re
import sys

BAR = 1.3
TURNS, MOST_TURNS = 3, 12
PAIRS = (  # name, sources, flags
    ("includes alone", "include_adit.cpp", "include_asio.cpp", ["-fsyntax-only"]),
    ("accept loop, debug", "accept_loop_adit.cpp", "accept_loop_asio.cpp", ["-O0", "-g", "-c"]),
    ("accept loop, -O2", "accept_loop_adit.cpp", "accept_loop_asio.cpp", ["-O2", "-c"]),
)


def cpu_seconds(command):
    """Of the compiler and its children, in user mode."""
    child = os.fork()
    if child == 0:
        os.execvp(command[0], command)
    _, status, usage = os.wait4(child, 0)
    assert status == 0, f"{command} failed"
    return usage.ru_utime


def ratio(compiler, adit, asio):
    best = {adit: [], asio: []}
    for turn in range(1, MOST_TURNS + 1):
        for source in (adit, asio):
            best[source].append(cpu_seconds([*compiler, str(source)]))
        least_adit, least_asio = min(best[adit]), min(best[asio])
        if turn >= TURNS and least_adit <= BAR * least_asio:
            break
    return least_adit / least_asio, least_adit, least_asio, turn


def main():
    root, work = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    here = root / "tests/headers"
    compiler = [word for word in sys.argv[3:] if pathlib.Path(word).name != "ccache"]
    parts = re.findall(r"^#include <(?:asio/[^>]*|cstddef)>$", (root / "include/adit/asio.hpp").read_text(), re.M)
    assert len(parts) > 10, parts
    (work / "asio_parts.hpp").write_text("#pragma once\n#define ASIO_STANDALONE 1\n" + "\n".join(parts) + "\n")
    (work / "include_adit.cpp").write_text("#include <adit/adit.hpp>\n")
    (work / "include_asio.cpp").write_text('#include "asio_parts.hpp"\n')
    command = [*compiler, "-std=c++20", f"-I{root / 'include'}", f"-I{work}", "-o", str(work / "compile_time.o")]
    failed = False
    for name, *sources, flags in PAIRS:
        paths = [work / source if source.startswith("include_") else here / source for source in sources]
        value, adit, asio, turns = ratio([*command, *flags], *paths)
        failed = failed or value > BAR
        print(f"{name:20} adit {adit:.2f} s, Asio {asio:.2f} s: {value:.2f} of at most {BAR} ({turns} turns)", flush=True)
    return 1 if failed else 0


sys.exit(main())
