"""The generated v2 clients of langsmith, unmodified, read what was traced (contract 2.6): every value they ask for."""

import os
import uuid
from pathlib import Path

import httpx
import pytest
from harness.program import run_program
from langsmith import Client, traceable
from langsmith._client import Langsmith

JS_HOME = Path(__file__).resolve().parents[1] / "js"
ALL = ["ID", "NAME", "RUN_TYPE", "STATUS", "START_TIME", "END_TIME", "LATENCY_SECONDS", "FIRST_TOKEN_TIME", "ERROR",
       "ERROR_PREVIEW", "EXTRA", "METADATA", "EVENTS", "INPUTS", "INPUTS_PREVIEW", "OUTPUTS", "OUTPUTS_PREVIEW", "MANIFEST",
       "PARENT_RUN_IDS", "PROJECT_ID", "TRACE_ID", "THREAD_ID", "DOTTED_ORDER", "IS_ROOT", "REFERENCE_EXAMPLE_ID",
       "REFERENCE_DATASET_ID", "TOTAL_TOKENS", "PROMPT_TOKENS", "COMPLETION_TOKENS", "TOTAL_COST", "PROMPT_COST",
       "COMPLETION_COST", "PROMPT_TOKEN_DETAILS", "COMPLETION_TOKEN_DETAILS", "PROMPT_COST_DETAILS",
       "COMPLETION_COST_DETAILS", "PRICE_MODEL_ID", "TAGS", "APP_PATH", "ATTACHMENTS", "THREAD_EVALUATION_TIME",
       "IS_IN_DATASET", "LAST_QUEUED_AT", "SHARE_URL", "FEEDBACK_STATS", "LS_USER_ID"]


@pytest.fixture(params=["sqlite", "postgres"])
def server(request, servers):
    return servers("builtin", request.param)


@pytest.fixture
def client(server):
    os.environ["LANGSMITH_TRACING"] = "true"
    client = Client(api_url=server.url + "/api", api_key="none", info=None)
    yield client
    client.cleanup()
    os.environ["LANGSMITH_TRACING"] = "false"


@pytest.fixture
def v2(server):
    return Langsmith(api_key="none", base_url=server.url)


@pytest.fixture
def traced(client):
    """Two turns of a conversation, each with a model's run below: the project's id and the roots' ids, the oldest first."""
    project = f"v2-{uuid.uuid4()}"
    options = {"client": client, "project_name": project}

    @traceable(run_type="llm", metadata={"ls_provider": "openai", "ls_model_name": "gpt-4o"}, **options)
    def model(question):
        return {"text": question[::-1], "usage_metadata": {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15,
                                                           "input_token_details": {"cache_read": 4}}}

    @traceable(tags=["prod"], metadata={"thread_id": "T-1"}, **options)
    def agent(question):
        model(question)
        if question == "bad":
            raise ValueError("bad")
        return {"answer": 42}

    agent("why?")
    with pytest.raises(ValueError):
        agent("bad")
    client.flush()
    roots = sorted((run for run in client.list_runs(project_name=project, is_root=True)), key=lambda run: run.start_time)
    return str(roots[0].session_id), [str(run.id) for run in roots]


def test_runs_are_queried_with_everything(v2, traced):
    project, roots = traced
    runs = {(run.name, run.trace_id): run for run in v2.runs.query_v2(project_ids=[project], selects=ALL)}
    assert len(runs) == 4
    root, model = runs["agent", roots[0]], runs["model", roots[0]]
    assert (root.run_type, root.status, root.is_root, root.thread_id) == ("CHAIN", "SUCCESS", True, "T-1")
    assert root.inputs == {"question": "why?"} and root.outputs == {"answer": 42} and root.tags == ["prod"]
    assert root.metadata["thread_id"] == "T-1" and root.extra["metadata"] == root.metadata
    assert root.latency_seconds >= 0 and root.start_time.tzinfo and root.end_time >= root.start_time
    assert (model.total_tokens, root.total_tokens, root.total_cost) == (15, 15, pytest.approx(0.00007))
    assert model.prompt_token_details.raw == {"cache_read": 4}
    assert model.prompt_cost_details.raw == {"cache_read": pytest.approx(0.000005)}
    assert model.parent_run_ids == [root.id] and root.parent_run_ids == [] and model.project_id == project
    failed = runs["agent", roots[1]]
    assert failed.status == "ERROR" and "ValueError" in failed.error and "ValueError" in failed.error_preview


def test_only_what_is_selected(server, traced):
    project, roots = traced
    plain = httpx.post(f"{server.url}/api/v2/runs/query", json={"project_ids": [project], "is_root": True}, trust_env=False)
    assert sorted(item["id"] for item in plain.json()["items"]) == sorted(roots)
    assert all(list(item) == ["id"] for item in plain.json()["items"])


def test_errors_are_problems(server):
    """RFC 7807, as the v2 API tells what is wrong (contract 0.3)."""
    answer = httpx.post(f"{server.url}/api/v2/runs/query", json={}, trust_env=False)
    problem = answer.json()
    assert answer.status_code == problem["status"] == 422 and problem["title"] == "Unprocessable Content"
    assert problem["type"] == "about:blank" and problem["instance"] == "/api/v2/runs/query" and "project_ids" in problem["detail"]


def test_ids_are_one_condition_of_several(v2, traced):
    """In v1 ids stand alone; here all that is said counts."""
    project, roots = traced
    assert [run.id for run in v2.runs.query_v2(project_ids=[project], ids=roots, has_error=True)] == [roots[1]]
    assert list(v2.runs.query_v2(project_ids=[str(uuid.uuid4())], ids=roots)) == []
    children = [run.id for run in v2.runs.query_v2(project_ids=[project], is_root=False)]
    assert list(v2.traces.query(project_id=project, trace_ids=children)) == []
    assert v2.traces.list_runs(roots[0], project_id=str(uuid.uuid4())).items == []


def test_runs_of_the_experiments_on_a_dataset(server, client, v2):
    dataset, name = str(uuid.uuid4()), f"experiment-{uuid.uuid4()}"
    client.create_project(name, reference_dataset_id=dataset)
    client.create_run("tried", {}, "chain", project_name=name, id=uuid.uuid4())
    client.flush()
    assert [run.name for run in v2.runs.query_v2(reference_dataset_id=dataset, selects=["NAME"])] == ["tried"]
    assert list(v2.runs.query_v2(reference_dataset_id=str(uuid.uuid4()))) == []
    both = {"reference_dataset_id": dataset, "project_ids": [str(uuid.uuid4())]}
    assert httpx.post(f"{server.url}/v2/runs/query", json=both, trust_env=False).status_code == 422


def test_pages_filters_and_orders(v2, traced):
    project, roots = traced
    page = v2.runs.query_v2(project_ids=[project], page_size=3, selects=["ID", "START_TIME"])
    assert len(page.items) == 3 and page.next_cursor
    assert len(list(page)) == 4
    assert [run.id for run in v2.runs.query_v2(project_ids=[project], has_error=True, is_root=True)] == [roots[1]]
    assert len(list(v2.runs.query_v2(project_ids=[project], run_type="LLM"))) == 2
    assert len(list(v2.runs.query_v2(project_ids=[project], filter='eq(name, "model")',
                                      trace_filter='eq(status, "error")'))) == 1
    assert list(v2.runs.query_v2(project_ids=[project], max_start_time="2020-01-01T00:00:00Z",
                                  min_start_time="2019-01-01T00:00:00Z")) == []


def test_one_run_its_address_and_its_trace(v2, traced):
    project, roots = traced
    run = v2.runs.retrieve_v2(roots[0], project_id=project, start_time="2026-01-01T00:00:00Z", selects=["NAME", "INPUTS"])
    assert run.name == "agent" and run.inputs == {"question": "why?"} and run.id is None
    assert roots[0] in v2.runs.get_url(roots[0], project_id=project, trace_id=roots[0]).url
    items = v2.traces.list_runs(roots[0], project_id=project, selects=["NAME"]).items
    assert [item.name for item in items] == ["agent", "model"]
    traces = list(v2.traces.query(project_id=project, selects=["NAME", "ID"]))
    assert [trace.root_run.id for trace in traces] == roots[::-1]
    assert [trace.trace_aggregates.total_tokens for trace in traces] == [15, 15]


def test_conversations(v2, server, traced):
    project, roots = traced
    threads = list(v2.threads.query(project_id=project))
    assert len(threads) == 1
    thread = threads[0]
    assert (thread.thread_id, thread.count, thread.num_errored_turns, thread.total_tokens) == ("T-1", 2, 1, 30)
    assert (thread.first_trace_id, thread.last_trace_id) == tuple(roots) and thread.total_cost == pytest.approx(0.00014)
    assert "why?" in thread.first_inputs and "ValueError" in thread.last_error
    stats = v2.threads.stats("T-1", session_id=project, selects=["TURNS", "TOTAL_TOKENS", "LAST_START_TIME", "LAST_END_TIME"])
    assert (stats.turns, stats.total_tokens) == (2, 30) and stats.last_end_time >= stats.last_start_time
    assert set(stats.model_fields_set) == {"turns", "total_tokens", "last_start_time", "last_end_time"}
    whole = v2.threads.stats("T-1", session_id=project, selects=["LATENCY_P50", "LATENCY_P99", "PROMPT_COST", "FEEDBACK_STATS"])
    assert 0 <= whole.latency_p50_seconds <= whole.latency_p99_seconds and whole.prompt_cost > 0 and whole.feedback_stats == {}
    one = v2.threads.stats("T-1", session_id=project, selects=["TURNS"], filter='eq(status, "error")')
    assert one.turns == 1
    few = httpx.post(f"{server.url}/api/v2/threads/query", trust_env=False,
                     json={"project_id": project, "selects": ["THREAD_ID", "COUNT"]}).json()["items"]
    assert few == [{"thread_id": "T-1", "count": 2}]
    missing = httpx.get(f"{server.url}/api/v2/threads/none/stats", params={"session_id": project}, trust_env=False)
    assert missing.status_code == 404 and missing.json()["status"] == 404


TURN = ["THREAD_ID", "TRACE_ID", "OP", "PROMPT_TOKENS", "COMPLETION_TOKENS", "TOTAL_TOKENS", "START_TIME", "END_TIME", "LATENCY",
        "FIRST_TOKEN_TIME", "INPUTS_PREVIEW", "OUTPUTS_PREVIEW", "INPUTS", "OUTPUTS", "ERROR", "PROMPT_COST",
        "COMPLETION_COST", "TOTAL_COST", "PROMPT_TOKEN_DETAILS", "COMPLETION_TOKEN_DETAILS", "PROMPT_COST_DETAILS",
        "COMPLETION_COST_DETAILS", "NAME", "ERROR_PREVIEW", "TURN_NUMBER"]


def test_the_turns_of_a_conversation(v2, traced):
    project, roots = traced
    last, first = v2.threads.list_traces("T-1", project_id=project, selects=TURN)
    assert (last.trace_id, first.trace_id) == (roots[1], roots[0]) and (last.turn_number, first.turn_number) == (2, 1)
    assert first.model_fields_set == {name.lower() for name in TURN}
    assert (first.thread_id, first.name, first.inputs, first.outputs) == ("T-1", "agent", {"question": "why?"}, {"answer": 42})
    assert "why?" in first.inputs_preview and "42" in first.outputs_preview and first.error is None
    assert (first.prompt_tokens, first.completion_tokens, first.total_tokens) == (10, 5, 15)
    assert first.total_cost == pytest.approx(0.00007) and first.total_cost == pytest.approx(first.prompt_cost + first.completion_cost)
    assert first.latency == pytest.approx((first.end_time - first.start_time).total_seconds())
    assert "ValueError" in last.error and "ValueError" in last.error_preview


def test_turns_are_paged_and_filtered(v2, server, traced):
    project, roots = traced
    page = v2.threads.list_traces("T-1", project_id=project, page_size=1)
    assert len(page.items) == 1 and page.items[0].model_fields_set == {"trace_id"}
    assert [turn.trace_id for turn in page] == roots[::-1]

    def found(**filters):
        return [(turn.trace_id, turn.turn_number) for turn in
                v2.threads.list_traces("T-1", project_id=project, selects=["TURN_NUMBER"], **filters)]
    assert found(filter='eq(status, "error")') == [(roots[1], 2)]
    assert found(trace_filter='eq(status, "success")') == [(roots[0], 1)]
    assert found(tree_filter='eq(name, "model")') == [(roots[1], 2), (roots[0], 1)]
    assert found(filter='eq(thread_id, "T-2")') == [] and found(tree_filter='eq(name, "other")') == []
    assert not v2.threads.list_traces("T-2", project_id=project).items

    for wrong, words in (({"project_id": "x"}, "project_id"), ({"project_id": project, "selects": "MANIFEST"}, "MANIFEST"),
                         ({"project_id": project, "page_size": 101}, "page_size"), ({"project_id": project, "cursor": "x"}, "cursor")):
        refused = httpx.get(f"{server.url}/api/v2/threads/T-1/traces", params=wrong, trust_env=False)
        assert refused.status_code == 422 and words in refused.json()["detail"], refused.text


def test_the_javascript_client(server, traced):
    project, roots = traced
    done = run_program(["node", "--test", "--test-reporter=spec", "traces_v2.mjs"], cwd=JS_HOME, timeout=120,
                       env={**os.environ, "RUNBELL_URL": server.url, "PROJECT": project, "ROOTS": ",".join(roots)})
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
