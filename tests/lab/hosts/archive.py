"""cpio archives in the "newc" format, which the kernel unpacks as its first root file system."""
import os
import stat

TRAILER = "TRAILER!!!"


class Archive:
    """A growing archive. Folders on the way to a file are added by themselves; names are absolute.

    Archives may be joined end to end: the kernel unpacks each in turn, and later files replace earlier.
    """

    def __init__(self):
        self.parts = []
        self.names = set()

    def folder(self, name, mode=0o755):
        self._entry(name, stat.S_IFDIR | mode, b"")

    def file(self, name, data, mode=0o644):
        self._entry(name, stat.S_IFREG | mode, data)

    def link(self, name, target):
        self._entry(name, stat.S_IFLNK | 0o777, target.encode())

    def device(self, name, major, minor, mode=0o600):
        self._entry(name, stat.S_IFCHR | mode, b"", (major, minor))

    def bytes(self):
        return b"".join([*self.parts, _record(TRAILER, 0, b"", (0, 0))])

    def _entry(self, name, mode, data, numbers=(0, 0)):
        name = name.strip("/")
        if not name or name in self.names:
            return
        if parent := os.path.dirname(name):
            self.folder(parent)
        self.names.add(name)
        self.parts.append(_record(name, mode, data, numbers))


def _record(name, mode, data, numbers):
    inode, links, owner, time = 0, 1, 0, 0
    fields = (inode, mode, owner, owner, links, time, len(data), 0, 0, *numbers, len(name) + 1, 0)
    head = b"070701" + b"".join(b"%08X" % value for value in fields) + name.encode() + b"\0"
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)
