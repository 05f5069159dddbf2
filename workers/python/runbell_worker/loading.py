"""Importing the modules that langgraph.json names, and saying in plain words why one failed."""

import difflib
import importlib
import importlib.util
import logging
import os
import re
import sys
import traceback
from types import ModuleType
from typing import Any

JAVASCRIPT = (".js", ".mjs", ".cjs", ".ts", ".mts", ".cts")

log = logging.getLogger("runbell.loading")


class LoadError(Exception):
    """A graph cannot be loaded; the text is ready for a person to read."""


def is_python(spec: Any) -> bool:
    """Does `path:export` name something written in Python?"""
    source = spec.rpartition(":")[0] if isinstance(spec, str) and ":" in spec else spec
    return isinstance(source, str) and not source.endswith(JAVASCRIPT)


def add_paths(project_dir: str, dependencies: Any) -> None:
    """Puts the project and its local dependencies on the module search path, the project first."""
    paths = [project_dir]
    for entry in dependencies if isinstance(dependencies, list) else []:
        path = os.path.normpath(os.path.join(project_dir, entry)) if isinstance(entry, str) else ""
        if os.path.isdir(path):
            paths += [path, os.path.join(path, "src")]
    for path in reversed([p for p in paths if os.path.isdir(p)]):
        if path in sys.path:
            sys.path.remove(path)
        sys.path.insert(0, path)


def load_export(spec: str, project_dir: str) -> Any:
    """What `./file.py:export` or `pkg.mod:export` names."""
    source, _, name = spec.rpartition(":")
    if not source or not name:
        raise LoadError(f"'{spec}' is not of the form './file.py:export' or 'pkg.module:export'")
    module = _load_module(source, project_dir)
    export: Any = module
    for part in name.split("."):
        try:
            export = getattr(export, part)
        except AttributeError:
            raise LoadError(_missing_export(source, name, module)) from None
    return export


def _load_module(source: str, project_dir: str) -> ModuleType:
    try:
        if source.endswith(".py") or "/" in source:
            return _import_file(source, project_dir)
        return importlib.import_module(source)
    except LoadError:
        raise
    except BaseException as error:
        log.info("loading %s failed", source, exc_info=error)
        raise LoadError(explain(error, source, project_dir)) from error


def _import_file(source: str, project_dir: str) -> ModuleType:
    path = os.path.normpath(os.path.join(project_dir, source))
    if not os.path.isfile(path):
        raise LoadError(f"the file {source} does not exist (looked for {path})")
    package = _package_of(path)
    if package:
        root, name = package
        if root not in sys.path:
            sys.path.append(root)
        return importlib.import_module(name)
    return _import_alone(path, _name_of(source))


def _package_of(path: str) -> tuple[str, str] | None:
    """For a file inside a package: the folder above the package and the module's full name."""
    folder, stem = os.path.dirname(path), os.path.basename(path)[:-3]
    parts = [] if stem == "__init__" else [stem]
    while os.path.isfile(os.path.join(folder, "__init__.py")):
        parts.insert(0, os.path.basename(folder))
        folder = os.path.dirname(folder)
    names = all(part.isidentifier() for part in parts)
    return (folder, ".".join(parts)) if len(parts) > 1 and names else None


def _name_of(source: str) -> str:
    """A module name that is the same after every restart: checkpoints name classes by it."""
    return re.sub(r"\W", "_", source.removeprefix("./").removesuffix(".py").replace("/", "__"))


def _import_alone(path: str, name: str) -> ModuleType:
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) == path:
        return known
    if known is not None or name in sys.stdlib_module_names:
        name = f"graph_file__{name}"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _missing_export(source: str, name: str, module: ModuleType) -> str:
    public = [n for n in vars(module) if not n.startswith("_")]
    close = difflib.get_close_matches(name, public, n=1, cutoff=0.5)
    hint = f"; did you mean '{close[0]}'?" if close else ""
    return f"{source} defines no '{name}'{hint}"


def explain(error: BaseException, source: str, project_dir: str) -> str:
    """Where in the project it went wrong, what, and what to do if that is known."""
    place = _place(error, project_dir) or source
    return f"{place}: {type(error).__name__}: {_reason(error)}{_advice(error)}"


def _reason(error: BaseException) -> str:
    return error.msg if isinstance(error, SyntaxError) else str(error) or "(no message)"


def _place(error: BaseException, project_dir: str) -> str | None:
    if isinstance(error, SyntaxError) and error.filename:
        return f"{_shown(error.filename, project_dir)}, line {error.lineno}"
    inside = os.path.join(os.path.realpath(project_dir), "")
    place = None
    for frame in traceback.extract_tb(error.__traceback__):
        path = os.path.realpath(frame.filename)
        if path.startswith(inside) and "site-packages" not in path:
            place = f"{_shown(path, project_dir)}, line {frame.lineno}"
    return place


def _shown(path: str, project_dir: str) -> str:
    relative = os.path.relpath(os.path.realpath(path), os.path.realpath(project_dir))
    return path if relative.startswith("..") else relative


def _advice(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return (
            f". If '{error.name.split('.')[0]}' is a package, install it for the Python this "
            f"worker runs with ({sys.executable})"
        )
    return ""
