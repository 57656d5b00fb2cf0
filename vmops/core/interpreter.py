"""The Python by which a process of ours runs, and the code that it finds there: those of its caller.

vmops is a part of its caller's program, wherever that has found it: in an environment, in a directory that somebody has
put on ``sys.path``, in an archive. What it starts has to find the same.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from vmops import __version__
from vmops.core.errors import StartFailed

PACKAGE = Path(__file__).absolute().parents[1]
"""Where the vmops that runs lies."""

_NAMES = ("python", "pypy", "graalpy")
"""What is in the name of every interpreter's file, or of the file that it is a link to."""

_LOADER = (
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "DYLD_FRAMEWORK_PATH",
    "DYLD_FALLBACK_FRAMEWORK_PATH",
)
"""Where the system looks for a program's libraries. Source: ld.so(8); dyld(1) of macOS. Those that put code into a
program (LD_PRELOAD, DYLD_INSERT_LIBRARIES) are none of them."""


def command(module: str, *arguments: str) -> list[str]:
    """Give the command that runs a module of ours, never one that lies where it happens to run; see `environment`.

    Source: Python documentation, command line, ``-P`` and ``-s``.

    Raises: StartFailed if there is no interpreter.
    """
    return [find(), "-Ps" if sys.flags.no_user_site else "-P", "-m", module, *arguments]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Give an environment in which a module of ours finds the code that runs here, and nothing else does.

    An interpreter that ``VMOPS_PYTHON`` names, or that of a program that is frozen, has code of its own.
    """
    told = {name: value for name, value in given.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    if not _has_its_own():
        told["PYTHONPATH"] = os.pathsep.join(search_path())
        if home := os.environ.get("PYTHONHOME"):
            told["PYTHONHOME"] = home
    return told


def loader_variables(given: Mapping[str, str]) -> dict[str, str]:
    """Give what tells the system's loader where libraries are, as it was before a frozen program has changed it.

    Source: PyInstaller documentation, "LD_LIBRARY_PATH / LIBPATH considerations".
    """
    names = {name: f"{name}_ORIG" if is_frozen() else name for name in _LOADER}
    return {name: given[kept] for name, kept in names.items() if given.get(kept)}


def search_path() -> list[str]:
    """Give where this program looks for its modules, in its order, as absolute paths.

    The program's own directory, where Python looks first, is not among them unless vmops itself lies there: what a user
    has beside a script may have the name of anything that a worker imports.
    """
    places = [str(Path(each).absolute()) for each in sys.path if isinstance(each, str)]
    own, home = _own_place(), str(PACKAGE.parent)
    if own in places and own != home:
        places.remove(own)
    return places if home in places else [home, *places]


def find() -> str:
    """Give the interpreter: ``VMOPS_PYTHON``, else the one that runs this.

    Raises: StartFailed if there is none: of a program that is frozen, or runs inside a server, the system knows only
    the program itself, which would begin once more.
    """
    chosen, ours = os.environ.get("VMOPS_PYTHON"), sys.executable
    if chosen:
        if _is_executable(chosen):
            return str(Path(chosen).absolute())
        why = f"VMOPS_PYTHON is {chosen!r}, which is no executable file"
    elif is_frozen():
        why = f"{ours!r} is a program with an interpreter in it, and none that could be started"
    elif not (ours and _is_executable(ours)):
        why = f"the interpreter that runs this program cannot be found at {ours!r}"
    elif not _is_named_python(ours):
        why = f"{ours!r}, which runs this program, is no Python interpreter"
    else:
        return ours
    raise StartFailed(why, f"set VMOPS_PYTHON to a Python in which vmops {__version__} is installed, then call again")


def is_frozen() -> bool:
    """Tell whether the program was packed with its interpreter into one. Source: PyInstaller, cx_Freeze; Nuitka."""
    return bool(getattr(sys, "frozen", False)) or "__compiled__" in globals()


def told() -> str:
    """Say which vmops runs here, for `refuse_another` of a process that it starts."""
    return __version__ if _has_its_own() else f"{__version__} {PACKAGE}"


def refuse_another(caller: str) -> None:
    """See that the vmops which runs here is the caller's: its version, and the very same if that can be.

    Raises: SystemExit, with a sentence.
    """
    if caller not in (__version__, f"{__version__} {PACKAGE}"):
        sys.exit(f"{sys.executable} runs vmops {__version__} of {PACKAGE}, and its caller's is vmops {caller}")


def _has_its_own() -> bool:
    return is_frozen() or bool(os.environ.get("VMOPS_PYTHON"))


def _own_place() -> str:
    """Give the directory, or the archive, of the program; of what is typed in, or named by ``-m``, where that is.

    Source: Python documentation, ``sys.path``.
    """
    main = sys.modules["__main__"]
    file = None if getattr(main, "__spec__", None) else getattr(main, "__file__", None)
    with suppress(FileNotFoundError):  # the working directory may have been deleted
        return str(Path(file).resolve().parent if file else Path.cwd())
    return ""


def _is_executable(file: str) -> bool:
    return Path(file).is_file() and os.access(file, os.X_OK)


def _is_named_python(file: str) -> bool:
    names = (Path(file).name.lower(), Path(file).resolve().name.lower())
    return any(word in name for word in _NAMES for name in names)
