#!/usr/bin/env python3
"""Each C++ and C block of README.md is a program that compiles as it stands.

    readme_test.py README WORK_DIR INCLUDE_DIR COMPILER...
"""
import pathlib
import re
import subprocess
import sys


def main():
    readme, work, include, *compiler = sys.argv[1:]
    dialects = {"cpp": ["-x", "c++", "-std=c++20", "-DFMT_HEADER_ONLY"], "c": ["-x", "c", "-std=c99", "-pedantic"]}
    blocks = re.findall(r"^```(cpp|c)\n(.*?)^```", pathlib.Path(readme).read_text(), re.S | re.M)
    assert {language for language, _ in blocks} == set(dialects), "README.md has no C++ block or no C block"
    for number, (language, block) in enumerate(blocks, 1):
        source = pathlib.Path(work) / f"readme_{number}.{language}"
        source.write_text(block)
        run = subprocess.run([*compiler, *dialects[language], "-Wall", "-Wextra", "-Werror", f"-I{include}", "-fsyntax-only",
                              str(source)], capture_output=True, text=True)
        assert run.returncode == 0, f"block {number}:\n{run.stderr[:3000]}"
    print(f"{len(blocks)} blocks compile")


main()
