"""The Python interpreter of the processes that vmops starts, and the code that they import: both are the caller's.

The caller may have imported vmops from an environment, from a directory that was added to ``sys.path``, or from an
archive. The processes that it starts must import the same code.
"""

import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from vmops import __version__
from vmops.core.errors import StartFailed

PACKAGE = Path(__file__).absolute().parents[1]
"""The directory of the vmops that runs here."""

_NAMES = ("python", "pypy", "graalpy")
"""Every interpreter's file name, or that of the file that it links to, contains one of these."""

_LOADER = (
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "DYLD_FRAMEWORK_PATH",
    "DYLD_FALLBACK_FRAMEWORK_PATH",
)
"""Variables that say where the system looks for a program's libraries. Those that inject code into a program
(LD_PRELOAD, DYLD_INSERT_LIBRARIES) are left out. Source: ld.so(8); dyld(1) of macOS.
"""


def command(module: str, *arguments: str) -> list[str]:
    """Give the command that runs a module of vmops. It is never searched in the working directory. See `environment`.

    Source: Python documentation, command line, ``-P`` and ``-s``.

    Raises: StartFailed if there is no interpreter.
    """
    return [find(), "-Ps" if sys.flags.no_user_site else "-P", "-m", module, *arguments]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Give an environment in which a module of vmops imports the same code as this process.

    An interpreter that ``VMOPS_PYTHON`` names, and that of a frozen program, brings its own code.
    """
    child = {name: value for name, value in given.items() if name not in {"PYTHONPATH", "PYTHONHOME"}}
    if not _has_its_own():
        child["PYTHONPATH"] = os.pathsep.join(search_path())
        if home := os.environ.get("PYTHONHOME"):
            child["PYTHONHOME"] = home
    return child


def loader_variables(given: Mapping[str, str]) -> dict[str, str]:
    """Give the variables of the system's loader, as they were before a frozen program changed them.

    Source: PyInstaller documentation, "LD_LIBRARY_PATH / LIBPATH considerations".
    """
    names = {name: f"{name}_ORIG" if is_frozen() else name for name in _LOADER}
    return {name: given[kept] for name, kept in names.items() if given.get(kept)}


def search_path() -> list[str]:
    """Give the directories where this program looks for modules, in order, as absolute paths.

    The directory of the script is left out unless vmops itself is in it: a user's file there could have the name of any
    module that a worker imports.
    """
    places = [str(Path(each).absolute()) for each in sys.path if isinstance(each, str)]
    own, home = _own_place(), str(PACKAGE.parent)
    if own in places and own != home:
        places.remove(own)
    return places if home in places else [home, *places]


def find() -> str:
    """Give the interpreter: ``VMOPS_PYTHON``, else the one that runs this.

    Raises: StartFailed if there is none. In a frozen program, or inside a server, ``sys.executable`` is the program
    itself, which would then start a second time.
    """
    chosen, ours = os.environ.get("VMOPS_PYTHON"), sys.executable
    if chosen:
        if _is_executable(chosen):
            return str(Path(chosen).absolute())
        why = f"VMOPS_PYTHON is {chosen!r}, which is no executable file"
    elif is_frozen():
        why = f"{ours!r} is a frozen program, whose interpreter cannot be started by itself"
    elif not (ours and _is_executable(ours)):
        why = f"the interpreter that runs this program cannot be found at {ours!r}"
    elif not _is_named_python(ours):
        why = f"{ours!r}, which runs this program, is no Python interpreter"
    else:
        return ours
    raise StartFailed(why, f"set VMOPS_PYTHON to a Python in which vmops {__version__} is installed, then call again")


def is_frozen() -> bool:
    """Tell whether the program was packed together with its interpreter. Source: PyInstaller, cx_Freeze; Nuitka."""
    return bool(getattr(sys, "frozen", False)) or "__compiled__" in globals()


def code_id() -> str:
    """Identify the code of this process, for `refuse_another` in a process that it starts."""
    return __version__ if _has_its_own() else f"{__version__} {PACKAGE}"


def refuse_another(caller: str) -> None:
    """Check that this process runs the caller's vmops: the same version, and the same files unless it has its own.

    Raises: SystemExit, with a message.
    """
    if caller not in (__version__, f"{__version__} {PACKAGE}"):
        sys.exit(f"{sys.executable} runs vmops {__version__} of {PACKAGE}, but its caller runs vmops {caller}")


def _has_its_own() -> bool:
    return is_frozen() or bool(os.environ.get("VMOPS_PYTHON"))


def _own_place() -> str:
    """Give the directory or archive of the script; the working directory for ``-m`` and for typed code.

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
