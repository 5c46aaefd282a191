"""Reads tests/unit/http/smuggling.txt, as far as this test needs it: the requests that go upstream."""
import pathlib
import re

TABLE = pathlib.Path(__file__).resolve().parent.parent / "unit/http/smuggling.txt"
MACROS = {
    "S": "GET /smuggled HTTP/1.1\r\nHost: a.edge.test\r\n\r\n",
    "P": "POST / HTTP/1.1\r\nHost: a.edge.test\r\n",
    "G": "GET / HTTP/1.1\r\nHost: a.edge.test\r\n",
    "F": "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: a.edge.test\r\n",
    "K": "Transfer-Encoding: chunked\r\n",
    "r": "\r", "n": "\n", "t": "\t", "\\": "\\",
}
ESCAPE = re.compile(r"\\(?:x([0-9a-f]{2})|\{(\d+)\*([^}]*)\}|(.))")


def decode(text):
    def one(match):
        digits, times, repeated, letter = match.groups()
        if digits:
            return chr(int(digits, 16))
        return repeated * int(times) if times else MACROS[letter]
    return ESCAPE.sub(one, text).encode("latin-1")


def upstream_requests():
    """The different requests, each with the name of the first payload that it came of."""
    found = {}
    section = name = None
    for line in TABLE.read_text().splitlines():
        if line.startswith("== "):
            section = line[3:]
        elif line.startswith("  > "):
            found.setdefault(decode(line[4:]), f"{section}: {name}")
        elif line and not line.startswith(" "):
            name = line
    return found


class Reading:
    """What a request says: method, target, Host and body."""

    def __init__(self, method, target, host, body):
        self.key = (method, target, host, body)

    def __eq__(self, other):
        return self.key == other.key

    def __str__(self):
        method, target, host, body = self.key
        return f"{method} {target} {host} {body.hex() or '-'}"


def read_plainly(data):
    """The first request in bytes that are in the plain form which the edge and proxies write, and its size."""
    head, _, rest = data.partition(b"\r\n\r\n")
    lines = head.decode("latin-1").split("\r\n")
    method, target, _ = lines[0].split(" ")
    fields = [(name.lower(), value.strip(" \t")) for name, _, value in (line.partition(":") for line in lines[1:])]
    values = dict(reversed(fields))
    size = len(head) + 4
    body = b""
    if "transfer-encoding" in values:
        while True:
            line, _, rest = rest.partition(b"\r\n")
            length = int(line, 16)
            size += len(line) + 2
            if length == 0:
                break
            body, rest = body + rest[:length], rest[length + 2:]
            size += length + 2
        while (line := rest.partition(b"\r\n")[0]) != b"":
            rest = rest[len(line) + 2:]
            size += len(line) + 2
        size += 2
    elif "content-length" in values:
        body = rest[:int(values["content-length"])]
        size += len(body)
    return Reading(method, target, values.get("host", ""), body), size
