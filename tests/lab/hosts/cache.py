"""Where prepared things live: kernels, images, snapshots, each named after what it was made from.

Layout below folder(): apt/ (private lists), kernels/ID-VERSION/, emulators/, base/, programs/, images/,
snapshots/, runs/ (one folder a running guest). Everything but runs/ may be deleted at any time.
"""
import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from pathlib import Path


FORGET_DAYS = 14


def folder():
    """$ASSAY_LAB_CACHE, else the user's cache folder."""
    chosen = os.environ.get("ASSAY_LAB_CACHE")
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = Path(chosen) if chosen else base / "assay-lab"
    path.mkdir(parents=True, exist_ok=True)
    return path.resolve()


@contextlib.contextmanager
def lock(name):
    """One process at a time prepares the thing with this name; the others wait and then find it."""
    path = folder() / "locks"
    path.mkdir(exist_ok=True)
    with open(path / name, "w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def make_file(path, write):
    """path, made by write(temporary path) unless it is there. A half-made file is never seen.

    Each new file makes those beside it go that nobody used for FORGET_DAYS.
    """
    if path.exists():
        os.utime(path)
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock(f"{path.parent.name}-{path.name}"):
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".making-") as made:
                write(Path(made) / path.name)
                os.replace(Path(made) / path.name, path)
            _forget_old(path.parent)
    return path


def _forget_old(folder):
    for other in folder.iterdir():
        if other.is_file() and not other.is_symlink():
            if time.time() - other.stat().st_mtime > FORGET_DAYS * 86400:
                other.unlink(missing_ok=True)


def make_folder(path, fill):
    """Like make_file, for a folder that fill(temporary folder) fills."""
    if path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    with lock(f"{path.parent.name}-{path.name}"):
        if not path.exists():
            with tempfile.TemporaryDirectory(dir=path.parent, prefix=".making-") as made:
                fresh = Path(made) / path.name
                fresh.mkdir()
                fill(fresh)
                os.replace(fresh, path)
    return path


def digest(*parts):
    """A short name for something made from these texts, byte strings, or files' contents (Path)."""
    seen = hashlib.sha256()
    for part in parts:
        data = part.read_bytes() if isinstance(part, Path) else part
        data = data if isinstance(data, bytes) else str(data).encode()
        seen.update(len(data).to_bytes(8, "big") + data)
    return seen.hexdigest()[:16]


@contextlib.contextmanager
def run_folder():
    """A folder for one guest's files, gone afterwards. Folders of lab processes that were killed go too."""
    runs = folder() / "runs"
    runs.mkdir(exist_ok=True)
    sweep(runs)
    path = Path(tempfile.mkdtemp(dir=runs))
    try:
        with open(path / "lock", "w") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def sweep(runs):
    """Removes run folders whose owner is gone: nobody holds their lock."""
    for path in runs.iterdir():
        try:
            with open(path / "lock") as left:
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue  # in use, or just being made
