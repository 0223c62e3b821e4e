"""Refuse every connection beyond this computer.

Imported by the test suite, and copied into the start-up folder of the kernels that run the notebooks,
where it must leave no name behind: a lesson that forgot an import has to fail.
"""


def _refuse_beyond_localhost():
    import sys

    connecting = {"socket.connect": 1, "socket.sendto": 1, "socket.getaddrinfo": 0, "socket.gethostbyname": 0}

    def refuse(event, arguments):
        if event not in connecting:
            return
        place = arguments[connecting[event]]
        host = place[0] if isinstance(place, tuple) else place
        if isinstance(place, (str, bytes)) and connecting[event] == 1:
            return  # the path of a Unix socket
        name = host.decode() if isinstance(host, bytes) else host
        if name and name not in ("localhost", "::1", "0.0.0.0") and not name.startswith("127."):
            raise ConnectionRefusedError(f"tests use no network, but this code reached for {name}")

    sys.addaudithook(refuse)


_refuse_beyond_localhost()
del _refuse_beyond_localhost
