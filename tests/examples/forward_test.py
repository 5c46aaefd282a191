#!/usr/bin/env python3
"""The forward lesson: requests to the public URL reach the local server and its answers come back.

    forward_test.py PROGRAM
"""
import subprocess
import sys

done = subprocess.run([sys.argv[1], "--once"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
assert done.returncode == 0, done.stdout + done.stderr
for expected in ("https://forward.localhost:", " -> http://localhost:", "GET /one HTTP/1.1\n", "GET /two HTTP/1.1\n",
                 "2 requests; this program closed"):
    assert expected in done.stdout, f"{expected!r} is not in {done.stdout!r}"
print("forward: ok")
