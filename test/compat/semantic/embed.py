"""Bags of letters: vectors of 27 numbers, how often each letter stands in a text, and one for all else. Some words misbehave."""

import asyncio


def bag(text: str) -> list[float]:
    counts = [0.0] * 27
    for letter in text.lower():
        counts[ord(letter) - ord("a") if "a" <= letter <= "z" else 26] += 1
    if "wrongdims" in text:
        return counts[:5]
    return [float("nan")] * 27 if "notanumber" in text else counts


async def embed(texts: list[str]) -> list[list[float]]:
    if any("explode" in text for text in texts):
        raise RuntimeError("the model is out of order")
    if any("dawdle" in text for text in texts):
        await asyncio.sleep(3600)
    return [bag(text) for text in texts]
