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
            ``"gibberish"``, or a status such as ``503``.
    """

    daemon_threads = True

    def __init__(self, files, *behaviour):
        super().__init__(("127.0.0.1", 0), _Answer)
        self.files, self.behaviour, self.asked = files, list(behaviour), []
        self.closing = threading.Event()
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
        if how == "silent":
            return server.closing.wait(5)
        if how == "gibberish":
            return self.wfile.write(b"who is there?\r\n\r\n")
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and how != "deaf" else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self._send(how, content[start:])

    def _send(self, how, content):
        if how == "slow":
            for byte in content:
                self.wfile.write(bytes([byte]))
                time.sleep(0.01)
        elif how == "wrong":
            self.wfile.write(content[::-1])
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
