#!/usr/bin/env python3
"""Reads Meson's testlog.json and prints a line "ok NAME", "not ok NAME" or "skip NAME: reason" for each test; then the
end of what each failed test said, its lines marked "| "."""
import json
import pathlib
import sys

PASSED = {"OK", "EXPECTEDFAIL"}


def line(test):
    # Names look like "adit:unit / unit-base".
    name = test["name"].split(" / ")[-1]
    result = test["result"]
    if result in PASSED:
        return f"ok {name} ({test['duration']:.1f} s)"
    if result == "SKIP":
        said = [text for text in test.get("stdout", "").splitlines() if text.startswith("skip: ")]
        return f"skip {name}: {said[-1][6:] if said else 'it gave no reason'}"
    return f"not ok {name} ({result.lower()})"


def last_words(test, lines=40):
    said = (test.get("stdout", "") + test.get("stderr", "")).splitlines()
    return [f"| {text}" for text in [f"{test['name']}:"] + said[-lines:]]


def main():
    log = pathlib.Path(sys.argv[1])
    if not log.exists():  # nothing built, nothing ran: the caller reports the part as failed
        return
    tests = [json.loads(text) for text in log.read_text().splitlines()]
    lines = [line(test) for test in tests]
    for test, result in zip(tests, list(lines)):
        if result.startswith("not ok "):
            lines += last_words(test)
    print("\n".join(lines))


main()
