"""A web server on this computer that behaves badly on request."""

import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class BadServer(ThreadingHTTPServer):
    """Serves ``files`` (path -> bytes) in the way that ``behaviour`` says, and remembers what was asked for.

    Args:
        behaviour: what to do with each request, in order, the last for all that follow: ``"whole"``, ``"cut"`` (half
            of it), ``"deaf"`` (whole, whatever range was asked for), ``"wrong"``, ``"silent"``, ``"slow"``,
            ``"gibberish"``, ``"one byte"`` (of what is missing), ``"elsewhere"`` (another range than was asked for),
            ``"huge"`` (announces a terabyte), ``"endless"`` (announces nothing and never stops), ``"drip"`` (headers
            byte by byte, without end), ``"held"`` (whole, once ``go`` is set), a status such as ``503``, or a status
            and when to come back, such as ``(503, "1")``.
    """

    daemon_threads = True

    def __init__(self, files, *behaviour):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files, self.behaviour, self.asked = files, list(behaviour), []
        self.closing, self.go = threading.Event(), threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}"

    def handle_error(self, request, client_address):
        """A client that hangs up is what the tests are about."""


class _Answer(BaseHTTPRequestHandler):
    def do_GET(self):
        server, wanted = self.server, self.headers.get("Range")
        server.asked.append((self.path, wanted))
        how = server.behaviour[min(len(server.asked), len(server.behaviour)) - 1]
        content = server.files.get(self.path.rpartition("/")[2])
        if isinstance(how, int) or content is None:
            return self.send_error(how if isinstance(how, int) else 404)
        if isinstance(how, tuple):
            return self._busy(*how)
        if how == "silent":
            return server.closing.wait(5)
        if how == "gibberish":
            return self.wfile.write(b"who is there?\r\n\r\n")
        if how == "drip":
            return self._repeat(b"HTTP/1.1 200 OK\r\nX: ", b"x", pause=0.01)
        if how == "endless":
            return self._repeat(b"HTTP/1.1 200 OK\r\n\r\n", bytes(1000), pause=0)
        if how == "held":
            server.go.wait(30)
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and how != "deaf" else 0
        if start >= len(content):
            return self.send_error(416)
        said, start = start, 0 if how == "elsewhere" else start
        self.send_response(206 if said else 200)
        self.send_header("Content-Length", str(10**12 if how == "huge" else len(content) - start))
        if said:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.end_headers()
        self._send(how, content[start:])

    def _busy(self, status, when):
        self.send_response(status)
        self.send_header("Retry-After", when)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _repeat(self, first, piece, pause):
        self.wfile.write(first)
        while not self.server.closing.wait(pause):
            self.wfile.write(piece)

    def _send(self, how, content):
        if how == "slow":
            for byte in content:
                self.wfile.write(bytes([byte]))
                time.sleep(0.01)
        elif how == "wrong":
            self.wfile.write(content[::-1])
        elif how == "one byte":
            self.wfile.write(content[:1])
        else:
            self.wfile.write(content[: len(content) // 2] if how == "cut" else content)

    def log_message(self, *words):
        """Say nothing."""


@contextmanager
def bad_server(files, *behaviour):
    """Run a :class:`BadServer` as long as the ``with`` block lasts."""
    server = BadServer(files, *behaviour)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
