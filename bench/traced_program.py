"""traced_program -- an agent as people trace them, for the bench: `traced_program.py TRACES [CHARS]`, with LANGSMITH_ENDPOINT.

A trace has nine spans of a few hundred to a few thousand bytes: a chain, two turns of a model with usage, a retriever with documents,
tools. One in twenty fails at once; a person says something of one in ten. With CHARS a trace is one span whose inputs are a text of so many characters, no two the same.
"""

import random
import sys

from langsmith import Client, traceable, uuid7

WORDS = [f"{a}{b}" for a in ("re", "un", "pre", "over", "inter", "sub") for b in
         ("fund", "order", "ship", "ply", "mark", "turn", "view", "state", "act", "call", "form", "port")]
random.seed(7)


def text(words):
    return " ".join(random.choices(WORDS, k=words))


@traceable(run_type="retriever")
def search(query):
    return [{"page_content": text(60), "type": "Document", "metadata": {"source": f"faq/{at}", "score": random.random()}}
            for at in range(4)]


@traceable(run_type="tool")
def look_up(order):
    return {"order": order, "state": "shipped", "items": [{"sku": text(1), "count": at} for at in range(5)]}


@traceable(run_type="llm", metadata={"ls_provider": "openai", "ls_model_name": "gpt-4o", "ls_model_type": "chat"})
def model(messages):
    tokens = sum(len(one["content"]) for one in messages) // 4
    return {"role": "assistant", "content": text(80),
            "usage_metadata": {"input_tokens": tokens, "output_tokens": 110, "total_tokens": tokens + 110}}


@traceable(run_type="prompt")
def prompt(question, documents):
    return [{"role": "system", "content": text(120)}, {"role": "user", "content": question},
            {"role": "system", "content": "\n".join(one["page_content"] for one in documents)}]


@traceable(name="turn")
def turn(question, number):
    messages = prompt(question, search(question))
    answer = model(messages)
    found = look_up(f"A-{number}")
    return model([*messages, answer, {"role": "tool", "content": str(found)}])


@traceable(name="support-bot", tags=["prod"])
def agent(question, number):
    if number % 20 == 0:
        raise ValueError("the order is unknown")
    return turn(question, number)


@traceable(run_type="tool", name="large")
def large(words):
    return {"words": len(words)}


def main():
    count, chars = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    client = Client()
    for number in range(count):
        if chars:
            large(random.randbytes(chars // 2).hex(), langsmith_extra={"client": client})
            continue
        metadata, run = {"thread_id": f"T-{number // 4}", "customer": f"c{number % 50}", "revision": "4f2a1"}, uuid7()
        try:
            agent(text(12), number, langsmith_extra={"client": client, "metadata": metadata, "run_id": run})
        except ValueError:
            pass
        if number % 10 == 5:
            client.create_feedback(run, "user_score", score=number % 3 / 2, comment=text(5), trace_id=run)
    client.flush()


if __name__ == "__main__":
    main()
