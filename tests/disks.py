"""A disk that knows no locks, as the programs on it meet it: who locks a file gets an error."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

_SOURCE = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/types.h>

static int refused(void) { errno = ANSWER; return -1; }
int flock(int file, int operation) { return refused(); }
int lockf(int file, int command, off_t length) { return refused(); }
int lockf64(int file, int command, off64_t length) { return refused(); }

static int passed_on(const char *name, int file, int command, void *argument) {
    if (command == F_SETLK || command == F_SETLKW || command == F_GETLK ||
        command == F_OFD_SETLK || command == F_OFD_SETLKW || command == F_OFD_GETLK)
        return refused();
    return ((int (*)(int, int, ...)) dlsym(RTLD_NEXT, name))(file, command, argument);
}

#define AS(name) int name(int file, int command, ...) { va_list rest; va_start(rest, command); \
    void *argument = va_arg(rest, void *); va_end(rest); return passed_on(#name, file, command, argument); }
AS(fcntl)
AS(fcntl64)
"""


def run_without_locks(
    script: str, *arguments: object, answer: str, folder: Path
) -> subprocess.CompletedProcess[str]:
    """Run a script of Python on disks without locks, and return how it ended; skip where that cannot be done.

    Parameters
    ----------
    script, arguments
        What is run, and ``sys.argv[1:]``.
    answer
        Name of the error by which the disk answers, such as ``"ENOLCK"``.
    folder
        Of temporary files.
    """
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not sys.platform.startswith("linux") or compiler is None:
        pytest.skip("needs Linux and a C compiler")
    source, library = folder / "locks.c", folder / f"{answer}.so"
    source.write_text(_SOURCE)
    command = [compiler, "-shared", "-fPIC", f"-DANSWER={answer}", "-o", library, source, "-ldl"]
    subprocess.run(command, check=True)
    return subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        env={**os.environ, "LD_PRELOAD": str(library)},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )
