"""`serve --dev`: graphs are loaded again when a file of the project changes.

The modules of the project that are loaded are looked at once a second. After a change they are all
imported anew, on a thread of their own. A graph that does not load any more keeps its old form
and the log says why; a run under way goes on with the graph it began with.
"""

import importlib
import logging
import os
import sys
import threading
import time
from typing import Any

from .loading import LoadError

LOOK_S = 0.5

log = logging.getLogger("runbell.reload")


def start(
    host: Any, graphs: dict[str, Any], parts: dict[str, Any], project_dir: str, since_ns: int
) -> None:
    """`parts`: what else was loaded, by name; each has `path` and `load`. Loading began at
    `since_ns`: what has changed since is loaded again at once."""
    sys.dont_write_bytecode = True  # a file changed twice in a second looks like its cached form
    threading.Thread(
        target=_watch,
        args=(host, graphs, parts, os.path.realpath(project_dir), since_ns),
        daemon=True,
    ).start()


def _watch(
    host: Any, graphs: dict[str, Any], parts: dict[str, Any], project_dir: str, since_ns: int
) -> None:
    named = [graph["path"] for graph in graphs.values()] + [part.path for part in parts.values()]
    paths = _paths(named, project_dir)
    seen = _stamps(paths)
    if any(changed_ns >= since_ns for changed_ns, _ in seen.values()):
        _reload(host, graphs, parts, project_dir)
    while True:
        time.sleep(LOOK_S)
        paths |= _paths(named, project_dir)  # a module that broke is still looked at
        now = _stamps(paths)
        if any(seen.get(path) != stamp for path, stamp in now.items() if path in seen):
            _reload(host, graphs, parts, project_dir)
        seen |= now


def _reload(host: Any, graphs: dict[str, Any], parts: dict[str, Any], project_dir: str) -> None:
    for name, path in _modules(project_dir).items():
        log.debug("forgetting %s (%s)", name, path)
        sys.modules.pop(name, None)
    importlib.invalidate_caches()
    for name, part in parts.items():
        try:
            part.load()
        except LoadError as error:
            log.error("%s keeps its old form: %s", name, error)
    loaded = 0
    for graph_id, graph in graphs.items() if host is not None else ():
        try:
            host.load(graph_id, graph["path"], project_dir)
            loaded += 1
        except LoadError as error:
            log.error("graph '%s' keeps its old form: %s", graph_id, error)
    log.info("the project has changed: %d of %d graphs were loaded again", loaded, len(graphs))


def _modules(project_dir: str) -> dict[str, str]:
    """The loaded modules that are files of the project, but not of packages installed in it."""
    found = {}
    for name, module in list(sys.modules.items()):
        path = getattr(module, "__file__", None)
        if not isinstance(path, str) or name == "__main__":
            continue
        path = os.path.realpath(path)
        if path.startswith(os.path.join(project_dir, "")) and "site-packages" not in path:
            found[name] = path
    return found


def _paths(named: list[str], project_dir: str) -> set[str]:
    """The files of these modules, and those that langgraph.json names: one that did not load may
    be mended."""
    paths = set(_modules(project_dir).values())
    for path in named:
        source = path.rpartition(":")[0]
        paths.add(os.path.realpath(os.path.join(project_dir, source)))
    return paths


def _stamps(paths: set[str]) -> dict[str, tuple[int, int]]:
    stamps = {}
    for path in paths:
        try:
            status = os.stat(path)
            stamps[path] = (status.st_mtime_ns, status.st_size)
        except OSError:
            pass  # in the middle of being written, or a module's dotted name
    return stamps
