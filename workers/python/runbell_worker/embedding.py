"""The user's own embedding function (`store.index`): texts become vectors.

One question (`store.embed`) is a list of items to be put and of queries. The fields of an item that
are indexed give texts, in the library's own words (`get_text_at_path`); each text is a vector. All
of this runs on a loop and a thread of its own: a graph that waits for the store, on the thread of
the graphs, waits for this.
"""

import array
import asyncio
import importlib.util
import json
import logging
import math
import sys
import threading
from collections.abc import Coroutine
from typing import Any

from . import render
from .frames import Frame
from .loading import LoadError, load_export
from .openai_embeddings import OpenAIEmbeddings

TEXTS_MAX = 1000  # of one question

log = logging.getLogger("runbell.embedding")


class Unavailable(Exception):
    """The function did not load."""


class Embedding:
    """What `store.index` of langgraph.json names; loaded anew when its files change
    (`serve --dev`)."""

    def __init__(self, index: dict[str, Any], project_dir: str) -> None:
        self._spec: str = index["embed"]
        self._dims: int = index["dims"]
        self._fields: list[str] = index.get("fields") or ["$"]
        self._project_dir = project_dir
        self._embeddings: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def path(self) -> str:
        return self._spec

    def load(self) -> None:
        """Raises LoadError; then what was loaded before stays."""
        try:
            from langgraph.store.base.embed import ensure_embeddings
        except ImportError as error:
            raise LoadError(
                f"store.index needs langgraph and langchain-core: {error}; install them for the "
                f"Python this worker runs with ({sys.executable})"
            ) from error
        found = self._spec if _is_model(self._spec) else load_export(self._spec, self._project_dir)
        try:
            own = _own_client(self._spec) if found is self._spec else None
            self._embeddings = own or ensure_embeddings(found)
        except Exception as error:
            raise LoadError(f"store.index.embed '{self._spec}': {error}") from error

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Any thread: runs it on the loop of the embeddings."""
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            threading.Thread(target=self._loop.run_forever, name="embeddings", daemon=True).start()
        asyncio.run_coroutine_threadsafe(work, self._loop)

    async def embed(self, frame: Frame) -> list[bytes]:
        if self._embeddings is None:
            raise Unavailable(f"'{self._spec}' could not be loaded; the server's log says why")
        texts: list[str] = []
        counts: list[int] = []
        queries: list[str] = []
        for one in json.loads(frame.blobs[0]):
            found = self._texts(one) if "value" in one else []
            texts += found
            queries += [one["query"]] if "query" in one else []
            counts.append(len(found) if "value" in one else -1)
        if len(texts) + len(queries) > TEXTS_MAX:
            raise ValueError(f"{len(texts)} texts are to be embedded at once, {TEXTS_MAX} may be")
        vectors = iter(await self._documents(texts))
        asked = iter([self._checked(await self._embeddings.aembed_query(q)) for q in queries])
        parts = [
            next(asked) if count < 0 else b"".join(next(vectors) for _ in range(count))
            for count in counts
        ]
        return [render.dumps([abs(count) for count in counts]), b"".join(parts)]

    def _texts(self, one: dict[str, Any]) -> list[str]:
        from langgraph.store.base.embed import get_text_at_path

        paths = one.get("paths", self._fields)
        return [text for path in paths for text in get_text_at_path(one["value"], path)]

    async def _documents(self, texts: list[str]) -> list[bytes]:
        if not texts:
            return []
        vectors = list(await self._embeddings.aembed_documents(texts))
        if len(vectors) != len(texts):
            raise ValueError(
                f"'{self._spec}' returned {len(vectors)} vectors for {len(texts)} texts"
            )
        return [self._checked(vector) for vector in vectors]

    def _checked(self, vector: Any) -> bytes:
        numbers = array.array("f", (float(number) for number in vector))
        if len(numbers) != self._dims:
            raise ValueError(
                f"'{self._spec}' returned a vector of {len(numbers)} numbers; store.index.dims "
                f"says {self._dims}"
            )
        if not all(map(math.isfinite, numbers)):
            raise ValueError(f"'{self._spec}' returned a vector with a number that is not finite")
        return numbers.tobytes()


def _own_client(spec: str) -> OpenAIEmbeddings | None:
    """For OpenAI's models, unless langchain has its package for them; that knows more settings."""
    provider, _, model = spec.partition(":")
    if provider != "openai":
        return None
    if all(importlib.util.find_spec(name) for name in ("langchain", "langchain_openai")):
        return None
    return OpenAIEmbeddings(model)


def _is_model(spec: str) -> bool:
    """`provider:model`, for langchain's init_embeddings: no file and no module of the project."""
    provider = spec.partition(":")[0]
    return "." not in provider and "/" not in provider
