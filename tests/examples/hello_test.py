#!/usr/bin/env python3
"""The first lesson as a newcomer runs it: the printed curl line, pasted into another process, gets the answer.

    hello_test.py PROGRAM
"""
import os
import signal
import subprocess
import sys


def once(program):
    done = subprocess.run([program, "--once"], capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    assert "behind adit" in done.stdout, done.stdout


def once_without_curl(program):
    done = subprocess.run([program, "--once"], capture_output=True, timeout=60, env={**os.environ, "PATH": "/nowhere"})
    assert done.returncode != 0, "the failed request went unnoticed"


def pasted(program):
    with subprocess.Popen([program], stdout=subprocess.PIPE, text=True) as hello:
        try:
            for line in hello.stdout:
                if line.startswith("try it: "):
                    command = line.removeprefix("try it: ")
                if line.startswith("serving"):
                    break
            else:
                raise AssertionError("it ended without serving")
            for _ in range(3):
                answer = subprocess.run(command, shell=True, capture_output=True, text=True, timeout=30)
                assert answer.returncode == 0 and "behind adit" in answer.stdout, f"{command}{answer.stdout}{answer.stderr}"
        finally:
            hello.send_signal(signal.SIGINT)
            status = hello.wait(timeout=30)
    assert status == 0, f"Ctrl-C ended it with status {status}"


for test in (once, once_without_curl, pasted):
    test(sys.argv[1])
    print(f"{test.__name__}: ok")
