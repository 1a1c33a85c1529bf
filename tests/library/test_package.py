#!/usr/bin/env python3
"""assay::engine as an installed package: a user's project is built against it, and run.

The program is the example of docs/engine.md, so that what the handbook shows is what works.
"""
import os
import re
import subprocess
import tempfile
import unittest
from pathlib import Path

BUILD = Path(os.environ["ASSAY_BUILD"])
SOURCE = Path(os.environ["ASSAY_SOURCE_DIR"])
CXX = os.environ["CXX"]
HERE = Path(__file__).parent


def run(*argv, **options):
    done = subprocess.run([str(a) for a in argv], capture_output=True, text=True, timeout=300, **options)
    assert done.returncode == 0, f"{argv}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def example():
    page = (SOURCE / "docs/engine.md").read_text()
    blocks = re.findall(r"```cpp\n(.*?)```", page, re.S)
    whole = [block for block in blocks if "int main" in block]
    assert len(whole) == 1, "the handbook's page has one whole program"
    return whole[0]


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        top = Path(cls.folder.name)
        cls.prefix, cls.project, cls.built = top / "prefix", top / "project", top / "built"
        run("cmake", "--install", BUILD, "--prefix", cls.prefix, "--component", "engine")
        cls.project.mkdir()
        (cls.project / "CMakeLists.txt").write_text((HERE / "consumer/CMakeLists.txt").read_text())
        (cls.project / "consumer.cpp").write_text(example())

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def library_folder(self):
        return next(self.prefix.rglob("libassay_engine.a")).parent

    def works(self, program):
        with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
            file = Path(folder) / "file"
            words = run(program, file)
            self.assertRegex(words, r"wrote and read back 16 blocks, 0 wrong")
            self.assertEqual(file.stat().st_size, 16 * 4096)

    def test_find_package(self):
        run("cmake", "-S", self.project, "-B", self.built, "-G", "Ninja",
            f"-DCMAKE_PREFIX_PATH={self.prefix}", f"-DCMAKE_CXX_COMPILER={CXX}")
        run("cmake", "--build", self.built)
        self.works(self.built / "consumer")

    def test_pkg_config(self):
        environment = dict(os.environ, PKG_CONFIG_PATH=str(self.library_folder() / "pkgconfig"))
        flags = run("pkg-config", "--cflags", "--libs", "assay-engine", env=environment).split()
        program = self.project / "by-pkg-config"
        run(CXX, self.project / "consumer.cpp", *flags, "-o", program)
        self.works(program)

    def test_headers_stand_alone(self):
        """Each header that a user includes needs no other before it, and none that was not installed."""
        headers = sorted(p.relative_to(self.prefix / "include") for p in self.prefix.rglob("*.hpp"))
        self.assertGreater(len(headers), 10)
        unit = self.project / "headers.cpp"
        # Each is the first of a translation unit of its own namespace-free text: twice, for its guard.
        for header in headers:
            unit.write_text(f"#include <{header}>\n#include <{header}>\n")
            run(CXX, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror",
                f"-I{self.prefix}/include", f"-I{self.prefix}/include/assay", unit)

    def test_a_component_that_is_not_there_is_named(self):
        (self.project / "other").mkdir(exist_ok=True)
        (self.project / "other/CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(other LANGUAGES NONE)\n"
            "find_package(assay REQUIRED COMPONENTS nonsense)\n")
        done = subprocess.run(["cmake", "-S", self.project / "other", "-B", self.built / "other",
                               f"-DCMAKE_PREFIX_PATH={self.prefix}"], capture_output=True, text=True)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("nonsense", done.stderr)


if __name__ == "__main__":
    unittest.main()
