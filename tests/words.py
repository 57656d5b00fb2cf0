"""Checks the words of the project as far as a program can; `python -m tests.words` prints what is wrong.

It checks the names of the package, and all docstrings, comments and pages. codespell checks the spelling, and ruff the
form of docstrings.
"""

import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterator

from tests.house import ROOT, Module, house

LONGEST_SENTENCE = 45
"""The most words of a sentence."""

EMPTY_NAME = re.compile(r"(?:manager|helper|utils?|misc|common|(?<!custom_)data|(?<!plugin_)info)$", re.IGNORECASE)
"""Meaningless ends of names. Custom data is Azure's word, and plugin info is the engine's."""

GIVEN_NAMES = frozenset({("vmops.local.arm.data", "data"), ("vmops.engine.workspace", "info")})
"""Permitted names with their modules: a directory that only contains data, and a method of Pulumi."""

PLAIN = {
    r"\b(?:is|are|be|was) had\b": "get, have",
    r"\b(?:is|are|was|were) (?:not )?(?:to be )?(?:told|asked) of\b": "report, read",
    r"\bwhat of (?:it|them|that)\b": "which of them, the part that",
    r"\b(?:nobody|none) (?:tells|knows) (?:of|it)\b": "unknown, no record",
    r"\bfor good\b": "permanently, finally",
    r"\bmade anew\b|\bmake\w* \w+ anew\b": "replace, make again",
    r"\bby (?:anybody|nobody)'s clock\b": "clock skew",
    r"\bin two looks\b|\bbetween two looks\b|\btakes? a look\b|\blooks? once at\b": "poll, read, check",
    r"\b[Ww]ho (?:waits|looks|asks|begins|comes|died|lives) \w+": "the process, caller or worker that",
    r"\bgoes? its way\b|\bin vain\b": "without a result",
    r"\bwhat `\w+` (?:gave|gives|began|begins)\b": "the result of, a row that … has made",
    r"\bof Azure's seconds\b": "seconds of Azure's time",
    r"\b(?:that|which) (?:is|are) the \w+'s\b|\bthe one of \w+\b": "name the thing: the property of, the default …",
    r"(?m)^Say (?:so|that)\b": "answer, print, return, format",
}
"""Phrases that are hard to understand, and what to say instead."""


def sayings(source: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Give each docstring, described constant and comment of a source, with its line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def names(module: Module) -> Iterator[tuple[int, str]]:
    """Give the names of a module, of its classes and of its functions, with their lines."""
    yield 1, module.name.rpartition(".")[2]
    for node in ast.walk(module.tree):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            yield node.lineno, node.name


def faults_of(text: str) -> Iterator[str]:
    """Give the faults of a docstring or comment."""
    for paragraph in re.split(r"\n\s*\n|\n\s*[-*] ", text):
        for sentence in re.split(r"(?<=[.;:])\s", paragraph):
            if (length := len(sentence.split())) > LONGEST_SENTENCE and "  " not in sentence.strip():
                yield f"a sentence of {length} words, more than {LONGEST_SENTENCE}: {sentence.strip()[:60]!r}"
    for pattern, plain in PLAIN.items():
        if found := re.search(pattern, text):
            yield f"{found[0]!r} is read twice; say: {plain}"


def faults(module: Module) -> Iterator[str]:
    """Give the faults of a module's words, each with its line."""
    for line, name in names(module):
        if EMPTY_NAME.search(name) and (module.name, name) not in GIVEN_NAMES:
            yield f"{line}: {name!r} says nothing of the thing"
    yield from (f"{line}: {fault}" for line, text in sayings(module.source, module.tree) for fault in faults_of(text))


def faults_beside() -> Iterator[str]:
    """Give the faults in the words of the tests, the benchmarks and the pages."""
    for file in sorted(each for place in ("tests", "benchmarks") for each in (ROOT / place).rglob("*.py")):
        source = file.read_text()
        for line, text in sayings(source, ast.parse(source)):
            yield from (f"{file.relative_to(ROOT)}:{line}: {fault}" for fault in faults_of(text))
    for page in sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))):
        text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL).replace("\n|", "\n\n|")
        yield from (f"{page.relative_to(ROOT)}: {fault}" for fault in faults_of(text))


def main() -> int:
    """Print the faults of all modules and pages; 1 if there are any."""
    found = [f"{name}:{fault}" for name, module in sorted(house().items()) for fault in faults(module)]
    found += faults_beside()
    print(*found, sep="\n", end="\n" if found else "")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
