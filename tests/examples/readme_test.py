#!/usr/bin/env python3
"""Each C++ block of README.md is a program that compiles as it stands.

    readme_test.py README WORK_DIR INCLUDE_DIR COMPILER...
"""
import pathlib
import re
import subprocess
import sys


def main():
    readme, work, include, *compiler = sys.argv[1:]
    blocks = re.findall(r"^```cpp\n(.*?)^```", pathlib.Path(readme).read_text(), re.S | re.M)
    assert blocks, "README.md has no C++ block"
    for number, block in enumerate(blocks, 1):
        source = pathlib.Path(work) / f"readme_{number}.cpp"
        source.write_text(block)
        run = subprocess.run([*compiler, "-std=c++20", "-Wall", "-Wextra", "-Werror", "-DFMT_HEADER_ONLY", f"-I{include}",
                              "-fsyntax-only", str(source)], capture_output=True, text=True)
        assert run.returncode == 0, f"block {number}:\n{run.stderr[:3000]}"
    print(f"{len(blocks)} blocks compile")


main()
