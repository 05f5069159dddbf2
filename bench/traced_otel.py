"""traced_otel -- an agent as OpenTelemetry's exporters send it, for the bench: `traced_otel.py TRACES`, with OTEL_EXPORTER_OTLP_TRACES_ENDPOINT.

A trace has six spans with the attributes of GenAI's conventions: an agent, a retriever, two turns of a model with usage, two tools. One in
twenty fails at once.
"""

import json
import random
import sys

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

from traced_program import text

random.seed(7)
provider = TracerProvider(resource=Resource.create({"service.name": "bench", "deployment.environment": "production"}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(), max_queue_size=1_000_000))
tracer = trace.get_tracer("bench", tracer_provider=provider)


def model(messages):
    tokens = sum(len(one["content"]) for one in messages) // 4
    with tracer.start_as_current_span("chat gpt-4o") as span:
        span.set_attributes({"gen_ai.operation.name": "chat", "gen_ai.system": "openai", "gen_ai.request.model": "gpt-4o",
                             "gen_ai.request.temperature": 0.2, "gen_ai.response.finish_reasons": ["stop"]})
        for at, one in enumerate(messages):
            span.set_attributes({f"gen_ai.prompt.{at}.role": one["role"], f"gen_ai.prompt.{at}.content": one["content"]})
        answer = {"role": "assistant", "content": text(80)}
        span.set_attributes({"gen_ai.completion.0.role": "assistant", "gen_ai.completion.0.content": answer["content"],
                             "gen_ai.usage.input_tokens": tokens, "gen_ai.usage.output_tokens": 110})
    return answer


def step(kind, name, given, result):
    with tracer.start_as_current_span(name) as span:
        span.set_attributes({"openinference.span.kind": kind, "input.value": json.dumps(given), "output.value": json.dumps(result)})
    return result


def agent(question, number):
    with tracer.start_as_current_span("support-bot") as span:
        span.set_attributes({"openinference.span.kind": "AGENT", "session.id": f"T-{number // 4}", "input.value": question,
                             "langsmith.metadata.customer": f"c{number % 50}"})
        if number % 20 == 0:
            raise ValueError("the order is unknown")
        found = step("RETRIEVER", "search", {"query": question}, [{"page_content": text(60)} for _ in range(4)])
        messages = [{"role": "system", "content": text(120)}, {"role": "user", "content": question},
                    {"role": "system", "content": "\n".join(one["page_content"] for one in found)}]
        answer = model(messages)
        order = step("TOOL", "look_up", {"order": f"A-{number}"}, {"state": "shipped", "items": [text(1) for _ in range(5)]})
        step("TOOL", "note", {"text": answer["content"][:100]}, {"ok": True})
        span.set_attribute("output.value", model([*messages, answer, {"role": "tool", "content": json.dumps(order)}])["content"])


def main():
    for number in range(int(sys.argv[1])):
        try:
            agent(text(12), number)
        except ValueError:
            pass
    provider.shutdown()


main()
