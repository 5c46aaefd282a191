#!/usr/bin/env python3
"""The inspector's page in a real browser: it shows what visitors and upstream sent, as text whatever that was; it filters,
replays, and stays up to date.

    inspector_page_test.py HOST_PROGRAM

Drives a headless Chromium over its DevTools pipe. Exit status 77 (Meson: skipped) where there is none.
"""
import fcntl
import http.client
import http.server
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 60
EVIL = "<img src=x onerror=alert(1)><script>alert(2)</script>\"'><svg onload=alert(3)>"


class Upstream(http.server.BaseHTTPRequestHandler):
    """Answers by its path and remembers what came."""
    protocol_version = "HTTP/1.1"
    seen = []

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        Upstream.seen.append((self.command, self.path, self.headers, body))
        kind, out, status = "text/plain", b"hello", 200
        if self.path.startswith("/json"):
            kind, out = "application/json", b'{"b":[1,{"c":"' + EVIL.replace('"', '\\"').encode() + b'"}]}'
        elif self.path.startswith("/evil"):
            kind, out = "text/html", EVIL.encode()
        elif self.path.startswith("/missing"):
            status = 404
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if self.path.startswith("/evil"):
            self.send_header("X-Evil", EVIL)
        self.send_header("Content-Length", str(len(out)))
        self.end_headers()
        self.wfile.write(out)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass  # a replay's connection ends with its answer


class Browser:
    """One page of a Chromium; messages are JSON, each ended by a zero byte, on descriptors 3 and 4 of the browser."""

    def __init__(self, program, profile):
        to_read, self.to = os.pipe()
        self.source, from_write = os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--no-proxy-server", "--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe",
                 f"--user-data-dir={profile}", "about:blank"]

        passed = [fcntl.fcntl(fd, fcntl.F_DUPFD, 10) for fd in (to_read, from_write)] # neither is 3 or 4
        shell = f'exec "$0" "$@" 3<&{passed[0]} 4>&{passed[1]}'
        self.process = subprocess.Popen(["bash", "-c", shell, program, *flags], pass_fds=passed, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, "HOME": profile})
        for fd in passed:
            os.close(fd)
        os.close(to_read)
        os.close(from_write)
        self.buffer, self.number, self.page, self.events = b"", 0, None, []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.page = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(domain + ".enable")

    def call(self, method, **params):
        self.number += 1
        message = {"id": self.number, "method": method, "params": params}
        if self.page:
            message["sessionId"] = self.page
        os.write(self.to, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                return answer["result"]
            self.events.append(answer)

    def receive(self):
        while b"\0" not in self.buffer:
            piece = os.read(self.source, 1 << 20)
            assert piece, "the browser ended"
            self.buffer += piece
        text, self.buffer = self.buffer.split(b"\0", 1)
        return json.loads(text)

    def ask(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in result, f"{expression}: {result['exceptionDetails']}"
        return result["result"].get("value")

    def until(self, expression, what):
        """Waits in the browser until the expression is true, and gives its value."""
        waiting = ("new Promise((done, fail) => { const end = Date.now() + %d; const look = () => { let value = null;"
                   "try { value = (%s); } catch {} if (value) done(value); else if (Date.now() > end) fail(new Error('late'));"
                   "else setTimeout(look, 20); }; look(); })" % (PATIENCE * 1000, expression))
        end = time.monotonic() + PATIENCE
        while True:
            try:
                return self.ask(waiting)
            except AssertionError as error:
                if "navigated" in str(error) and time.monotonic() < end:
                    continue  # the page is being replaced by itself: it is asked of the new one
                page = self.ask("document.body && document.body.innerText")
                raise AssertionError(f"{what} did not come: {error}\nthe page shows:\n{page}") from None

    def press(self, key):
        code = {"text": key} if len(key) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, **code)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key)

    def open(self, url):
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=url)

    def close(self):
        self.process.kill()
        self.process.wait()


def visible(browser):
    return browser.ask("[...document.querySelectorAll('#rows tr:not([hidden])')].map(row => row.cells[3].textContent)")


def type_into(browser, field, text):
    browser.ask(f"(() => {{ const field = document.getElementById({json.dumps(field)}); field.value = {json.dumps(text)};"
                "field.dispatchEvent(new Event('input', {bubbles: true})); })()")


def check(browser, url, visit):
    browser.open(url + "/")
    browser.until("document.getElementById('live').textContent === 'live'", "the live connection")
    assert browser.ask("document.getElementById('empty').hidden") is False

    # Live, in its order, by nobody's hand.
    visit("GET", "/json?name=%3Cb%3E&x=1+2", {"X-Evil": EVIL})
    visit("GET", "/evil/" + "%3Cscript%3E", {"User-Agent": EVIL})
    visit("POST", "/form", {"Content-Type": "application/x-www-form-urlencoded"}, b"a=1&evil=" + EVIL.encode())
    visit("GET", "/missing")
    browser.until("document.querySelectorAll('#rows tr').length === 4", "four rows")
    browser.until("[...document.querySelectorAll('#rows tr')].every(row => /^\\d+$/.test(row.cells[4].textContent))", "four answers")
    assert visible(browser) == ["/missing", "/form", "/evil/%3Cscript%3E", "/json?name=%3Cb%3E&x=1+2"], visible(browser)
    first = browser.ask("[...document.querySelector('#rows tr').cells].map(cell => cell.textContent)")
    assert first[2:] == ["GET", "/missing", "404"] and (first[1].endswith("ms") or first[1].endswith("s")), first

    # Filters.
    for fields, expected in (({"f-path": "json"}, 1), ({"f-path": "/*i*"}, 2), ({"f-method": "post"}, 1), ({"f-status": "4xx"}, 1),
                             ({"f-status": "200"}, 3), ({"f-min": "100000"}, 0), ({"f-max": "100000"}, 4),
                             ({"f-path": "/evil", "f-method": "GET", "f-status": "2xx"}, 1)):
        for field, text in fields.items():
            type_into(browser, field, text)
        assert len(visible(browser)) == expected, (fields, visible(browser))
        for field in fields:
            type_into(browser, field, "")
    type_into(browser, "f-path", "/form")
    browser.ask("window.before = true; location.reload()")
    browser.until("!window.before && document.querySelectorAll('#rows tr').length === 4", "four rows again")
    assert visible(browser) == ["/form"], "the filter is in the address"
    browser.ask("document.querySelector('button[type=reset]').click()")
    browser.until("document.querySelectorAll('#rows tr:not([hidden])').length === 4", "all rows")

    # Details, by keyboard: the newest first, then down.
    browser.ask("document.activeElement.blur()")
    browser.press("ArrowDown")
    browser.until("document.querySelector('#detail h2')", "details")
    for _ in range(3):
        browser.press("ArrowDown")
    detail = browser.until("document.getElementById('detail').innerText.includes('/json') && document.getElementById('detail').innerText",
                           "the JSON exchange")
    assert '"c": "' in detail and '    {\n' in detail, "JSON is pretty"
    assert "name\t<b>" in detail and "x\t1 2" in detail, "the query is decoded"
    assert EVIL in detail, "the header is there as it was sent"
    browser.press("ArrowUp")
    detail = browser.until("document.getElementById('detail').innerText.includes('/evil') && document.getElementById('detail').innerText",
                           "the evil exchange")
    assert detail.count(EVIL) >= 3, "agent, answer's header and body as text"
    for view in ("text", "hex", "raw"):
        browser.ask("(() => { for (const select of document.querySelectorAll('#detail select')) {"
                    f"select.value = '{view}'; select.dispatchEvent(new Event('change')); }} }})()")
    assert "HTTP/1.1 200" in browser.ask("document.getElementById('detail').innerText")
    curl = browser.ask("shown.curl")
    assert curl.startswith("curl ") and "page.localhost" in curl, curl

    # Replay: straight to the upstream, recorded, chosen.
    before = len(Upstream.seen)
    browser.press("r")
    browser.until("document.querySelectorAll('#rows tr').length === 5", "the replay")
    browser.until("document.getElementById('detail').innerText.includes('Replay of')", "the replay's details")
    command, path, headers, _ = Upstream.seen[before]
    assert (command, path, headers["User-Agent"]) == ("GET", "/evil/%3Cscript%3E", EVIL)

    # Replay with edits.
    browser.ask("document.activeElement.blur()")
    browser.press("e")
    browser.until("document.getElementById('edit').open", "the dialog")
    assert browser.ask("document.getElementById('e-keep-label').offsetParent") is None, "the body is text"
    browser.ask("(() => { const set = (id, value) => { document.getElementById(id).value = value; };"
                "set('e-method', 'PUT'); set('e-path', '/edited'); set('e-headers', 'no header'); set('e-body', 'new body');"
                "document.getElementById('e-send').click(); })()")
    browser.until("document.getElementById('e-error').textContent.includes('no header')", "the refusal")
    browser.ask("document.getElementById('e-headers').value = 'X-New: 1'; document.getElementById('e-send').click()")
    browser.until("!document.getElementById('edit').open", "the end of the dialog")
    browser.until("document.querySelector('#rows tr').cells[3].textContent.startsWith('/edited')", "the edited replay")
    browser.until("document.querySelector('#rows tr').cells[4].textContent === '200'", "its answer")
    command, path, headers, body = Upstream.seen[before + 1]
    assert (command, path, headers["X-New"], body) == ("PUT", "/edited", "1", b"new body")
    assert headers["Host"].startswith("page.localhost") and "User-Agent" not in headers

    # Status, and the end.
    browser.ask("document.getElementById('show-status').click()")
    status = browser.until("document.getElementById('status').open && document.getElementById('status').innerText", "the status")
    assert "online" in status and "page.localhost" in status and "page" in status, status
    browser.ask("document.getElementById('status').close(); document.getElementById('forget').click()")
    browser.until("document.querySelectorAll('#rows tr').length === 0", "an empty list")

    # Nothing that was sent became a part of the page, and nothing of the page broke a rule of its policy.
    assert browser.ask("document.querySelectorAll('img, svg, iframe, b').length") == 0
    assert browser.ask("document.querySelectorAll('script').length") == 1
    blocked = browser.ask("(() => { try { document.body.innerHTML = '<i>x</i>'; return false; } catch { return true; } })()")
    assert blocked, "the policy wants trusted types"
    bad = [event for event in browser.events if event.get("method") in
           ("Page.javascriptDialogOpening", "Runtime.exceptionThrown")]
    bad += [event for event in browser.events if event.get("method") == "Log.entryAdded" and
            event["params"]["entry"]["level"] == "error" and "TrustedHTML" not in event["params"]["entry"]["text"]
            and "Trusted" not in event["params"]["entry"]["text"]]
    assert not bad, bad


def main():
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not program:
        print("skip: there is no Chromium")
        return 77
    server = Server(("127.0.0.1", 0), Upstream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    host = subprocess.Popen([sys.argv[1], f"http://127.0.0.1:{server.server_address[1]}"], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    url, port = host.stdout.readline().split()

    def visit(method, path, headers=None, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", int(port), timeout=PATIENCE)
        connection.request(method, path, body, {"Host": "page.localhost", **(headers or {})})
        connection.getresponse().read()
        connection.close()

    started = time.monotonic()
    # Chromium's children may still write into the profile for a moment after it ended.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        browser = Browser(program, profile)
        try:
            check(browser, url, visit)
        finally:
            browser.close()
            host.stdin.close()
            host.wait(PATIENCE)
    assert host.returncode == 0
    print(f"inspector page: ok in {time.monotonic() - started:.1f} s")
    return 0


sys.exit(main())
