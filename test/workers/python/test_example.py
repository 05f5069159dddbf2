"""The example project runs as its README says."""

import json

import pytest

from peer import ROOT, Peer

EXAMPLE = ROOT / "examples" / "python-agent"


@pytest.fixture(scope="module")
def example():
    config = json.loads((EXAMPLE / "langgraph.json").read_text())
    made = Peer(project=EXAMPLE, graphs=config["graphs"], config=config)
    assert len(made.ready["graphs"]) == 5, made.load_errors
    yield made
    made.close()


def test_agent_answers_hello(example):
    given = {"messages": [{"role": "user", "content": "Hello"}]}
    log = example.run("agent", given, modes=("messages-tuple",))
    assert log.blob("values")["messages"][-1]["content"] == "Hi there! How can I help you today?"
    assert len(log.events) >= 8


def test_approval_waits_for_a_person(example):
    log = example.run("approval", {"action": "send the mail"})
    assert log.blob("values")["__interrupt__"][0]["value"] == {"question": "May I send the mail?"}
    log = example.run("approval", command={"resume": True}, thread_id=log.thread_id)
    assert log.blob("values")["result"] == "send the mail: done"


def test_slow_takes_its_context(example):
    log = example.run("slow", {}, context={"delay_s": 0.05, "steps": 2})
    assert log.blob("values") == {"step": 2}


def test_failing_fails(example):
    log = example.run("failing", {})
    assert log.done["error"] == {"type": "ValueError", "message": "this graph always fails"}


def test_nested_streams_its_subgraph(example):
    given = {"question": "What is the weather in Paris?"}
    log = example.run("nested", given, subgraphs=True)
    assert log.blob("values")["answer"] == "It is sunny in Paris."
    assert any(name.startswith("values|weather:") for name in log.names)
