"""What spans come to: /runs/stats with groups, stats of projects, /runs/group (contract 2.3, 2.4, 7.2)."""

import json
from datetime import timedelta

import pytest
from harness.api import Api
from harness.spans import BEGAN, iso, make_span, new_id

PROJECT = "stats"


def at(ms):
    return iso(BEGAN + timedelta(milliseconds=ms))


@pytest.fixture(scope="module")
def session(server):
    """Two conversations of two and one turns, with a model's run below each turn; one failed."""
    spans = []
    for turn, (thread, name) in enumerate([("t-1", "agent"), ("t-1", "agent"), ("t-2", "other")]):
        root = make_span(name=name, at_ms=turn * 10000, project=PROJECT, end_time=at(turn * 10000 + 1000 * (turn + 1)),
                         inputs={"question": turn}, outputs={"answer": turn}, tags=["x"] if turn else ["x", "y"],
                         extra={"metadata": {"thread_id": thread, "model": "m" if turn else "n"}},
                         error="ValueError('bad')" if turn == 2 else None)
        spans += [root, make_span(root, name="model", at_ms=turn * 10000 + 100, project=PROJECT, run_type="llm",
                                  end_time=at(turn * 10000 + 200))]
    spans.append(make_span(name="still running", at_ms=40000, project=PROJECT))
    with Api(server.url) as api:
        assert api.post("/runs/batch", json={"post": spans}).status_code == 202
        api.ok("POST", "/feedback", json={"run_id": spans[0]["id"], "key": "score", "score": 1})
        api.ok("POST", "/feedback", json={"run_id": spans[2]["id"], "key": "score", "score": 0})
        found = api.ok("GET", "/sessions", params={"name": PROJECT})[0]["id"]
        api.ok("POST", "/feedback", json={"session_id": found, "key": "whole", "score": 0.5})
        return found


def test_stats_of_roots(api, session):
    stats = api.ok("POST", "/runs/stats", json={"session": [session], "is_root": True})
    assert (stats["run_count"], stats["error_rate"], stats["latency_p50"]) == (4, 0.25, 2.0)
    assert stats["latency_p99"] == pytest.approx(2.98) and stats["last_run_start_time"] == at(40000)[:-6]
    assert stats["feedback_stats"]["score"] | {"n": 2, "avg": 0.5} == stats["feedback_stats"]["score"]
    assert stats["first_token_p50"] is None and stats["streaming_rate"] == 0 and stats["total_tokens"] == 0


def test_stats_follow_the_filter(api, session):
    def count(**body):
        return api.ok("POST", "/runs/stats", json={"session": [session], **body})["run_count"]
    assert count() == 7
    assert count(run_type="llm") == 3
    assert count(filter='eq(name, "agent")') == 2
    assert count(error=True) == 1
    assert count(filter='and(eq(feedback_key, "score"), eq(feedback_score, 1))') == 1
    assert count(trace_filter='eq(name, "other")', is_root=False) == 1
    assert count(start_time=at(10000), end_time=at(20000)) == 3
    assert api.ok("POST", "/runs/stats", json={"session": [new_id()]})["run_count"] == 0


def test_select_names_metrics(api, session):
    assert api.ok("POST", "/runs/stats", json={"session": [session], "select": ["run_count", "latency_avg"],
                                               "is_root": True}) == {"run_count": 4, "latency_avg": 2.0}
    assert api.post("/runs/stats", json={"select": ["nothing"]}).status_code == 422
    assert api.post("/runs/stats", json={"filter": "eq("}).status_code == 400


@pytest.mark.parametrize("by, expected", [
    ({"attribute": "name"}, {"model": 3, "agent": 2, "other": 1, "still running": 1}),
    ({"attribute": "name", "max_groups": 1}, {"model": 3}),
    ({"attribute": "run_type"}, {"chain": 4, "llm": 3}),
    ({"attribute": "tag"}, {"x": 3, "y": 1}),
    ({"attribute": "metadata", "path": "model"}, {"m": 2, "n": 1}),
    ({"attribute": "metadata", "path": "none"}, {}),
])
def test_groups(api, session, by, expected):
    groups = api.ok("POST", "/runs/stats", json={"session": [session], "group_by": by})
    assert {name: stats["run_count"] for name, stats in groups.items()} == expected
    assert list(groups) == list(expected)


@pytest.mark.parametrize("by", [{"attribute": "color"}, {"attribute": "metadata"}, {"attribute": "name", "max_groups": 0}, 5])
def test_groups_that_are_refused(api, by):
    assert api.post("/runs/stats", json={"group_by": by}).status_code == 422


def test_projects_have_stats_when_asked(api, session):
    [project] = api.ok("GET", "/sessions", params={"name": PROJECT, "include_stats": "True"})
    assert (project["run_count"], project["error_rate"], project["latency_p50"]) == (4, 0.25, 2.0)
    assert project["feedback_stats"]["score"]["n"] == 2 and project["session_feedback_stats"]["whole"]["avg"] == 0.5
    assert project["total_cost"] is None and project["last_run_start_time"]
    assert api.ok("GET", f"/sessions/{session}", params={"include_stats": "true"}) == project
    assert "run_count" not in api.ok("GET", f"/sessions/{session}")
    listed = api.ok("GET", "/sessions", params={"include_stats": "true"})
    assert len(listed) > 1 and all("run_count" in one for one in listed)
    assert api.ok("GET", "/sessions", params={"include_stats": "true", "name": "no such"}) == []


def test_conversations(api, session):
    answer = api.ok("POST", "/runs/group", json={"session_id": session, "group_by": "conversation"})
    assert answer["total"] == 2
    second, first = answer["groups"]
    assert (first["thread_id"], first["count"], first["filter"]) == ("t-1", 2, 'eq(thread_id, "t-1")')
    assert (second["thread_id"], second["count"], second["last_error"]) == ("t-2", 1, "ValueError('bad')")
    assert first["first_inputs"] == '{"question":0}' and first["last_outputs"] == '{"answer":1}'
    assert first["min_start_time"] == at(0)[:-6] and first["max_start_time"] == at(10000)[:-6]
    assert first["feedback_stats"]["score"]["n"] == 2 and first["latency_p50"] == 1.5
    page = api.ok("POST", "/runs/group", json={"session_id": session, "group_by": "conversation", "offset": 1, "limit": 1,
                                               "filter": None, "start_time": None})
    assert [group["thread_id"] for group in page["groups"]] == ["t-1"] and page["total"] == 2
    some = api.ok("POST", "/runs/group", json={"session_id": session, "group_by": "conversation",
                                               "filter": 'eq(name, "other")'})
    assert [group["thread_id"] for group in some["groups"]] == ["t-2"]
    assert api.post("/runs/group", json={"group_by": "conversation"}).status_code == 422


# ---- what was said -------------------------------------------------------------------------------------------------


def said(preview):
    return [json.loads(one) for one in preview.split("\n\n") if one]


def test_what_was_said_in_a_conversation(api):
    project, texts = "said", ["Hello", "And now?"]
    system, first, answer = [{"role": "system", "content": "Be kind"}, {"role": "user", "content": texts[0]},
                             {"role": "assistant", "content": "Ho"}]
    second, last = {"type": "human", "content": texts[1], "id": "m-2"}, {"type": "ai", "content": "More"}
    turns = [make_span(at_ms=number * 1000, project=project, extra={"metadata": {"thread_id": "T/1"}}, inputs={"messages": given},
                       outputs={"messages": got}) for number, (given, got) in
             enumerate([([system, first], [answer]), ([system, first, answer, second], [second, last])])]
    turns.append(make_span(at_ms=9000, project=project, extra={"metadata": {"thread_id": "plain"}}, inputs={"question": "why?"},
                           outputs={"a": 1, "b": 2}))
    assert api.post("/runs/batch", json={"post": turns}).status_code == 202
    session = api.ok("GET", "/sessions", params={"name": project})[0]["id"]
    answer_of = api.ok("GET", "/runs/threads/T%2F1", params={"session_id": session})
    assert answer_of["thread_id"] == "T/1" and list(answer_of["previews"]) == ["all_messages", "human_ai_pairs", "first_human", "last_ai"]
    assert said(answer_of["previews"]["all_messages"]) == [system, first, answer, second, last]
    assert said(answer_of["previews"]["human_ai_pairs"]) == [first, answer, second, last]
    assert (said(answer_of["previews"]["first_human"]), said(answer_of["previews"]["last_ai"])) == ([first], [last])
    some = api.ok("GET", "/api/v1/runs/threads/plain", params={"session_id": session, "select": ["all_messages", "last_ai"]})
    assert list(some["previews"]) == ["all_messages", "last_ai"]
    assert said(some["previews"]["all_messages"]) == [{"role": "user", "content": "why?"},
                                                      {"role": "assistant", "content": {"a": 1, "b": 2}}]


def test_a_conversation_that_is_none(api, session):
    assert api.get("/runs/threads/nobody", params={"session_id": session}).status_code == 404
    assert api.get("/runs/threads/t-1", params={"session_id": new_id()}).status_code == 404
    assert api.get("/runs/threads/t-1").status_code == 422
    bad = api.get("/runs/threads/t-1", params={"session_id": session, "select": "all"})
    assert bad.status_code == 422 and "all_messages" in bad.text


def test_values_of_metadata(api, session):
    def values(**params):
        return api.ok("GET", f"/sessions/{session}/metadata", params=params)
    assert values(metadata_keys=["thread_id", "model", "none"]) == {"thread_id": ["t-1", "t-2"], "model": ["m", "n"], "none": []}
    assert values(metadata_keys="model,thread_id", k=1) == {"model": ["m"], "thread_id": ["t-1"]}
    assert api.get(f"/sessions/{session}/metadata").status_code == 422
    assert api.ok("GET", f"/sessions/{new_id()}/metadata", params={"metadata_keys": "a"}) == {"a": []}
