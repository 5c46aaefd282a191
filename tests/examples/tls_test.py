#!/usr/bin/env python3
"""The lesson about TLS that ends in the application: a visitor sees its certificate, and the next one after the swap.

    tls_test.py PROGRAM
"""
import re
import subprocess
import sys

done = subprocess.run([sys.argv[1], "--once"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
assert done.returncode == 0, done.stdout + done.stderr
pattern = (r"tls://secret\.localhost:\d+\nsecret\.localhost over TLSv1\.3\n[^\n]*Issuer:\s*CN ?= ?first\n"
           r"secret\.localhost over TLSv1\.3\n[^\n]*Issuer:\s*CN ?= ?second\n")
assert re.fullmatch(pattern, done.stdout), done.stdout
print("tls: ok")
