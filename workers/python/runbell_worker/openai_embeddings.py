"""Embeddings of an OpenAI-compatible server (`store.index.embed: "openai:MODEL"`), where langchain and
its package for OpenAI are not installed: one request of the embeddings API for each batch of texts.

Key and address are where OpenAI's own clients look for them: OPENAI_API_KEY, OPENAI_BASE_URL.
"""

import asyncio
import os
from typing import Any

TEXTS_AT_ONCE = 256
ATTEMPTS = 3
BUSY = (408, 409, 429, 500, 502, 503, 504)


class OpenAIEmbeddings:
    """What is asked of an embedding function, and no more."""

    def __init__(self, model: str) -> None:
        """Raises ValueError if it is not said whose key is to be used."""
        self._model = model
        self._key = os.environ.get("OPENAI_API_KEY", "")
        base = os.environ.get("OPENAI_BASE_URL") or "https://api.openai.com/v1"
        self._url = base.rstrip("/") + "/embeddings"
        self._client: Any = None
        if not self._key:
            raise ValueError(
                "OPENAI_API_KEY is not set; put it into the environment, or into `env` of "
                "langgraph.json"
            )

    async def aembed_query(self, text: str) -> list[float]:
        return (await self._ask([text]))[0]

    async def aembed_documents(self, texts: list[str]) -> list[list[float]]:
        found: list[list[float]] = []
        for at in range(0, len(texts), TEXTS_AT_ONCE):
            found += await self._ask(texts[at : at + TEXTS_AT_ONCE])
        return found

    async def _ask(self, texts: list[str]) -> list[list[float]]:
        answer = await self._post({"model": self._model, "input": texts, "encoding_format": "float"})
        try:
            rows = sorted(answer["data"], key=lambda row: row["index"])
            vectors = [row["embedding"] for row in rows]
        except (KeyError, TypeError) as error:
            raise ValueError(f"{self._url} answered without embeddings") from error
        if len(vectors) != len(texts):
            raise ValueError(f"{self._url} returned {len(vectors)} vectors for {len(texts)} texts")
        return vectors

    async def _post(self, body: dict[str, Any]) -> Any:
        import httpx

        if self._client is None:
            headers = {"authorization": f"Bearer {self._key}"}
            self._client = httpx.AsyncClient(headers=headers, timeout=60)
        for attempt in range(ATTEMPTS):
            answer = await self._client.post(self._url, json=body)
            if answer.status_code not in BUSY or attempt == ATTEMPTS - 1:
                break
            await asyncio.sleep(0.2 * 2**attempt)
        if not answer.is_success:
            raise ValueError(f"{self._url} answered {answer.status_code}: {answer.text[:200]}")
        return answer.json()
