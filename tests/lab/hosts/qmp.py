"""QEMU's own control channel: JSON commands over a Unix socket, answers one at a time."""
import json
import socket
import time

from hosts.errors import LabError


class Control:
    """A connection to one running QEMU. Use as a context manager."""

    def __init__(self, path, process, timeout_s=30.0):
        self.timeout_s = timeout_s
        self.socket = socket.socket(socket.AF_UNIX)
        until = time.monotonic() + timeout_s
        while True:
            try:
                self.socket.connect(str(path))
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > until:
                    self.socket.close()
                    raise LabError("QEMU ended, or never opened its control socket") from None
                time.sleep(0.01)
        self.socket.settimeout(timeout_s)
        self.lines = self.socket.makefile("r")
        self._answer("greeting", "QMP")
        self.command("qmp_capabilities")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.lines.close()
        self.socket.close()

    def command(self, name, fds=(), **arguments):
        text = json.dumps({"execute": name, "arguments": arguments}).encode()
        socket.send_fds(self.socket, [text], list(fds))
        return self._answer(name, "return")

    def wait_status(self, command, done, failed=("failed", "cancelled")):
        """Repeats a query until its status is one of done."""
        until = time.monotonic() + self.timeout_s
        while True:
            answer = self.command(command)
            status = answer.get("status")
            if status in done:
                return
            if status in failed or time.monotonic() > until:
                raise LabError(f"QEMU: {command}: {status}: {answer.get('error-desc', 'no more told')}")
            time.sleep(0.01)

    def _answer(self, name, key):
        for line in self.lines:
            message = json.loads(line)
            if key in message:
                return message[key]
            if "error" in message:
                raise LabError(f"QEMU: {name}: {message['error']['desc']}")
        raise LabError(f"QEMU ended during {name}")
