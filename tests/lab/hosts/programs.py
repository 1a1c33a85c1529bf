"""Programs of this host as they go into a guest: without debug information, with every library they load."""
import os
import re
import shutil
import subprocess
from pathlib import Path

from hosts import cache
from hosts.errors import LabError

GUEST_BIN = "/lab/bin"
TREE = Path(__file__).resolve().parents[3]


def find(program):
    """The path of a program named as in a shell, or None: then the guest must have it."""
    if program == "assay":
        return assay()
    found = shutil.which(program)
    return Path(found).absolute() if found else None


def assay():
    """The program under test: $ASSAY, else the newest one that was built in this tree."""
    built = [Path(os.environ["ASSAY"])] if os.environ.get("ASSAY") else list(TREE.glob("build/*/cli/assay"))
    if not built:
        raise LabError(f"no assay below {TREE}/build: run make build, or name the program in $ASSAY")
    return max(built, key=lambda path: path.stat().st_mtime).absolute()


def late_libraries(path):
    """The shared libraries that a program names in its text: what it loads at run time (core/late_library.hpp)."""
    named = set(re.findall(rb"\0(lib[\w+-]+\.so\.\d+)\0", path.read_bytes()))
    known = subprocess.run(["ldconfig", "-p"], text=True, capture_output=True).stdout
    found = dict(re.findall(r"^\t(\S+) .* => (\S+)$", known, re.MULTILINE)) if named else {}
    return [Path(found[name]) for name in sorted(name.decode() for name in named) if name in found]


def libraries(path):
    """The shared libraries, with the loader, that a program needs; none for a script or a static program."""
    result = linked_libraries(path)
    for late in late_libraries(path):
        result += [late, *linked_libraries(late)]
    return list(dict.fromkeys(result))


def linked_libraries(path):
    listed = subprocess.run(["ldd", path], text=True, capture_output=True)
    if "not found" in listed.stdout:
        raise LabError(f"{path} cannot run on this host either: {listed.stdout.strip()}")
    return [Path(found) for found in re.findall(r"(/\S+) \(0x", listed.stdout)]


def stripped(path):
    """The content of a file without debug information, kept in the cache between runs."""
    data = path.read_bytes()
    if data[:4] != b"\x7fELF" or len(data) < 1 << 20:
        return data
    state = path.stat()
    name = cache.digest(str(path), state.st_size, state.st_mtime_ns)

    def strip(target):
        done = subprocess.run(["strip", "--strip-debug", "-o", target, path], capture_output=True)
        if done.returncode != 0:
            target.write_bytes(data)

    place = cache.folder() / "programs" / f"{path.name}-{name}"
    made = place.exists()
    content = cache.make_file(place, strip).read_bytes()
    if not made:
        forget_older(place.parent, path.name)
    return content


def forget_older(folder, name, keep=6):
    """Every build makes each program anew; a few are kept, for trees that are used side by side."""
    digest = len(cache.digest())
    same = [path for path in folder.iterdir() if path.name[:-digest] == f"{name}-"]
    for path in sorted(same, key=lambda path: path.stat().st_mtime, reverse=True)[keep:]:
        path.unlink(missing_ok=True)


def add(archive, path):
    """Adds a program to an archive below GUEST_BIN, and its libraries where the loader looks for them.

    Returns the libraries' names.
    """
    archive.file(f"{GUEST_BIN}/{path.name}", stripped(path), 0o755)
    needed = libraries(path)
    for library in needed:
        archive.file(str(library), stripped(library), 0o755)
    return {str(library) for library in needed}
