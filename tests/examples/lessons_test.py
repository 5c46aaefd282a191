#!/usr/bin/env python3
"""The lessons that serve until Enter, each visited as a visitor would, through its edge.

    lessons_test.py NAME PROGRAM
"""
import concurrent.futures
import re
import socket
import subprocess
import sys
import threading
import urllib.parse

name, program = sys.argv[1:]


class Lesson:
    """Runs until enter() or the end of the with block; its lines are kept. It must end with 0."""

    def __enter__(self):
        self.lines, self.grew = [], threading.Condition()
        self.child = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self.read, daemon=True).start()
        self.url = self.wait_line(r"online: (\S+)$")[1]
        self.address = (lambda url: ("127.0.0.1", url.port))(urllib.parse.urlsplit(self.url))
        return self

    def __exit__(self, kind, *_):
        if kind is not None:
            self.child.kill()
        else:
            self.child.communicate(timeout=60)
            assert self.child.returncode == 0, (self.child.returncode, self.lines)

    def read(self):
        for line in self.child.stdout:
            with self.grew:
                self.lines.append(line.rstrip("\n"))
                self.grew.notify_all()
        with self.grew:
            self.lines.append("(end)")
            self.grew.notify_all()

    def wait_line(self, pattern, skip=0):
        def found():
            hits = [m for line in self.lines if (m := re.search(pattern, line))]
            return hits[skip] if len(hits) > skip else None
        with self.grew:
            assert self.grew.wait_for(lambda: found() or "(end)" in self.lines, 30) and found(), (pattern, self.lines)
            return found()

    def enter(self):
        self.child.stdin.write("\n")
        self.child.stdin.flush()

    def connect(self):
        connection = socket.create_connection(self.address, 30)
        connection.settimeout(30)
        return connection

    def http(self, path="/", body=""):
        """(status, body) of one request on a connection of its own."""
        host = urllib.parse.urlsplit(self.url).netloc
        with self.connect() as connection:
            connection.sendall(f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
                               f"Connection: close\r\n\r\n{body}".encode())
            answer = read_all(connection)
        head, _, rest = answer.partition("\r\n\r\n")
        return int(head.split()[1]), rest


def read_all(connection):
    data = b""
    while chunk := connection.recv(65536):
        data += chunk
    return data.decode()


def threads(lesson):
    # Once all four accepts are outstanding they are served in order: visitors meet every thread.
    answers = [lesson.http()]
    while len(set(answers)) < 4 and len(answers) < 1000:
        answers.append(lesson.http())
    assert set(answers) == {(200, f"thread {n}\n") for n in range(1, 5)}, set(answers)
    lesson.enter()
    lesson.wait_line("^all threads ended$")


def callbacks(lesson):
    count = 200
    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        answers = list(pool.map(lambda _: lesson.http(), range(count)))
    assert sorted(answers) == sorted((200, f"visitor {n}\n") for n in range(1, count + 1)), answers
    lesson.enter()
    lesson.wait_line(f"^{count} visitors$")


def cancel_and_timeout(lesson):
    with lesson.connect() as connection:  # accepted, though two accepts before were cancelled and one timed out
        lesson.wait_line("^read: the visitor said nothing in time$")
        connection.sendall(b"late\n")
        connection.shutdown(socket.SHUT_WR)
        assert read_all(connection) == "late\n", "the byte after a cancelled read was lost"
    lesson.wait_line(r"^\(end\)$")
    assert lesson.lines[:3] == ["blocking: nobody came in time", "callback: cancelled",
                                "coroutine: nobody came in time"], lesson.lines


def tcp(lesson):
    assert lesson.url.startswith("tcp://"), lesson.url
    size = 1 << 20
    with lesson.connect() as connection:
        own = "%s:%d" % connection.getsockname()
        connection.sendall(b"one\ntwo\n" + b"x" * size)
        connection.shutdown(socket.SHUT_WR)  # the answer comes although our direction has ended
        assert read_all(connection) == f"{size + 8} bytes, 2 lines from 127.0.0.1\n"
    lesson.wait_line(f"^visitor {re.escape(own)}$")
    lesson.enter()
    lesson.wait_line("^served$")


def events_and_spdlog(lesson):
    assert lesson.http() == (200, "logged\n")
    lesson.wait_line(r"^\[session\] \[info\] connected")
    lesson.wait_line(r"^\[session\] \[info\] listener_up.*" + re.escape(lesson.url))
    lesson.wait_line(r"^\[session\] \[debug\] connection_opened.*127\.0\.0\.1")
    lesson.wait_line(r"^\[session\] \[info\] connection_closed")
    lesson.wait_line(r"^\[session\] \[debug\] heartbeat")
    lesson.wait_line(r"^\[edge\] \[info\] ")
    lesson.enter()  # the link is cut
    lesson.wait_line(r"^\[session\] \[warning\] disconnected")
    lesson.wait_line(r"^\[session\] \[info\] connected", 1)
    assert lesson.http() == (200, "logged\n"), "the listener did not come back"
    lesson.enter()
    lesson.wait_line(r"^\(end\)$")
    assert any(re.match(r"\[session\] \[info\] listener_down", line) for line in lesson.lines), lesson.lines


def cpp_httplib(lesson):
    body = "x" * 100_000
    assert lesson.http("/hi/you", body) == (200, f"you, 127.0.0.1: {body}")
    assert lesson.http("/nowhere")[0] == 404, "that page is httplib's own"
    keep_alive(lesson, "/hi/again", "again, 127.0.0.1: ")


def libmicrohttpd(lesson):
    assert lesson.http("/some/path", "body") == (200, "libmicrohttpd: /some/path for 127.0.0.1\n")
    keep_alive(lesson, "/two", "libmicrohttpd: /two for 127.0.0.1\n")


def beast(lesson):
    assert lesson.http("/path", "body") == (200, "Beast: /path body\n")
    keep_alive(lesson, "/two", "Beast: /two \n")


def keep_alive(lesson, path, expected):
    """Several requests on one connection of a visitor, and several visitors at once."""
    import http.client

    def visit(_):
        connection = http.client.HTTPConnection(*lesson.address, timeout=30)
        host = urllib.parse.urlsplit(lesson.url).netloc
        for _ in range(3):
            connection.request("POST", path, headers={"Host": host, "Content-Length": "0"})
            answer = connection.getresponse()
            assert (answer.status, answer.read().decode()) == (200, expected)
        connection.close()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        list(pool.map(visit, range(4)))


def grpc(lesson):
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        words = [program, "%s:%d" % lesson.address, lesson.wait_line(r"CA: (\S+)$")[1]]
        for done in pool.map(lambda _: subprocess.run(words, capture_output=True, text=True, timeout=60), range(4)):
            assert done.returncode == 0, done
            assert done.stdout == "hello gRPC\ngRPC 1\ngRPC 2\ngRPC 3\n", done


with Lesson() as lesson:
    globals()[re.sub(r"^\d+_", "", name)](lesson)
print("ok", name)
