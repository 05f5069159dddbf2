"""Feedback: said of spans and projects, changed, listed, under tokens, inside multipart (contract 2.5, 7.3; B1-B2)."""

import httpx
import pytest
from harness.api import Api
from harness.spans import make_span, new_id, part, read, send

PROJECT = "feedback"


@pytest.fixture
def span(api):
    span = make_span(project=PROJECT)
    assert api.post("/runs", json=span).status_code == 202
    return span


@pytest.fixture
def session(api, span):
    return api.ok("GET", "/sessions", params={"name": PROJECT})[0]["id"]


def say(api, span, key="score", **body):
    return api.ok("POST", "/feedback", json={"run_id": span["id"], "key": key, **body})


def test_what_is_said_comes_back(api, span, session):
    made = say(api, span, score=0.75, value="GOOD", comment="c", correction={"answer": "43"}, extra={"a": 1},
               feedback_source={"type": "model", "metadata": {"m": 1}}, trace_id=span["trace_id"], unknown=1,
               created_at="2026-01-01T00:00:00+00:00", extend_trace_retention=True, error=None)
    assert made["created_at"] == "2026-01-01T00:00:00.000000" and made["modified_at"] > made["created_at"]
    assert {key: made[key] for key in ("key", "score", "value", "comment", "correction", "run_id", "session_id",
                                       "trace_id", "is_root", "start_time", "extra")} == {
        "key": "score", "score": 0.75, "value": "GOOD", "comment": "c", "correction": {"answer": "43"},
        "run_id": span["id"], "session_id": session, "trace_id": span["trace_id"], "is_root": True,
        "start_time": "2026-11-21T05:12:37.533121", "extra": {"a": 1}}
    assert made["feedback_source"] == {"type": "model", "metadata": {"m": 1}, "user_id": None, "ls_user_id": None,
                                       "user_name": None}
    assert api.ok("GET", f"/feedback/{made['id']}") == made
    assert api.ok("GET", "/api/v1/feedback", params={"run": span["id"]}) == [made]


@pytest.mark.parametrize("score, value", [(True, None), (False, "x"), (1, 5), (None, {"a": [1]}), (-2.5, True)])
def test_scores_and_values_keep_their_type(api, span, score, value):
    made = say(api, span, score=score, value=value)
    assert (made["score"], made["value"]) == (score, value) and isinstance(made["score"], bool) == isinstance(score, bool)


def test_the_same_id_again_replaces(api, span):
    feedback_id = new_id()
    first = say(api, span, id=feedback_id, score=1, comment="a")
    again = api.ok("POST", "/feedback/eager", json={"id": feedback_id, "run_id": span["id"], "key": "score", "score": 0})
    assert again["score"] == 0 and again["comment"] is None and again["created_at"] == first["created_at"]
    assert len(api.ok("GET", "/feedback", params={"run": span["id"]})) == 1


def test_it_is_changed_and_deleted(api, span):
    made = say(api, span, score=1, comment="a")
    path = f"/feedback/{made['id']}"
    changed = api.ok("PATCH", path, json={"correction": "better", "score": 0.5})
    assert (changed["score"], changed["comment"], changed["correction"]) == (0.5, "a", "better")
    before = api.ok("GET", f"/runs/{span['id']}")["modified_at"]
    assert api.delete(path).status_code == 200
    assert api.get(path).status_code == api.patch(path, json={}).status_code == api.delete(path).status_code == 404
    assert api.ok("GET", f"/runs/{span['id']}")["modified_at"] > before  # rules look at the span again


def test_feedback_may_come_before_its_span(api):
    late = make_span(project=PROJECT)
    made = say(api, late, score=1)
    assert made["session_id"] is None
    assert api.post("/runs", json=late).status_code == 202
    assert api.ok("GET", f"/feedback/{made['id']}")["session_id"]
    assert api.ok("GET", f"/runs/{late['id']}")["feedback_stats"]["score"]["n"] == 1


def test_stats_of_a_span(api, span):
    assert api.ok("GET", f"/runs/{span['id']}")["feedback_stats"] is None
    say(api, span, key="user_score", score=0)
    say(api, span, key="user_score", score=1, comment="hm")
    say(api, span, key="category", value="CONCEPTUAL", feedback_source={"type": "model"})
    stats = api.ok("GET", f"/runs/{span['id']}")["feedback_stats"]
    assert stats["user_score"] | {"n": 2, "avg": 0.5, "show_feedback_arrow": False, "values": {}, "comments": ["hm"],
                                  "stdev": 0.5} == stats["user_score"]
    assert stats["category"] | {"n": 0, "avg": None, "values": {"CONCEPTUAL": 1}, "show_feedback_arrow": True} \
        == stats["category"]


def test_filters_see_feedback(api, span, session):
    say(api, span, key="correct", score=0.0)
    say(api, span, key="other", score=1)

    def find(text):
        return [run["id"] for run in api.ok("POST", "/runs/query", json={"session": [session], "filter": text})["runs"]]
    assert find('and(eq(feedback_key, "correct"), eq(feedback_score, 0.0))') == [span["id"]]
    assert find('and(eq(feedback_key, "correct"), eq(feedback_score, 1))') == []


def test_lists(api, span, session):
    other = make_span(project=PROJECT)
    api.post("/runs", json=other)
    made = [say(api, span, key="a", score=1), say(api, other, key="b", comment="c"),
            say(api, span, key="b", feedback_source={"type": "app"})]
    of_project = api.ok("POST", "/feedback", json={"session_id": session, "key": "of project", "score": 1})
    assert of_project["run_id"] is None and of_project["session_id"] == session

    def listed(**params):
        return [row["id"] for row in api.ok("GET", "/feedback", params=params)]
    ids = [row["id"] for row in made]
    both = [span["id"], other["id"]]
    assert listed(run=both) == ids[::-1] == listed(run=",".join(both))
    assert listed(run=span["id"], key=["b", "c"]) == [ids[2]]
    assert listed(run=both, source="app") == [ids[2]]
    assert listed(run=both, has_comment="True") == [ids[1]]
    assert listed(run=both, has_score="false") == [ids[2], ids[1]]
    assert listed(run=both, limit=1, offset=1) == [ids[1]]
    assert of_project["id"] in listed(session=session, level="session")
    assert not set(ids) & set(listed(session=session, level="session"))
    assert set(ids) <= set(listed(session=session, level="run", limit=1000))
    assert listed(session=new_id()) == listed(run=new_id()) == []
    assert listed(run=both, min_created_at="2999-01-01") == []


def test_feedback_inside_multipart(api):
    """The part's id is the feedback's own or the run's: the JSON decides."""
    span = make_span(project=PROJECT)
    feedback = {"id": new_id(), "run_id": span["id"], "trace_id": span["trace_id"], "key": "inside", "score": 1}
    answer = send(api, [part(f"feedback.{feedback['id']}", feedback), part(f"post.{span['id']}", span),
                        part(f"feedback.{span['id']}", {"run_id": span["id"], "key": "second", "value": "v"})], "zstd")
    assert answer.status_code == 202
    assert set(read(api, span["id"])["feedback_stats"]) == {"inside", "second"}
    answer = send(api, [part(f"post.{span['id']}", span), part(f"feedback.{new_id()}", {"key": "no place"})])
    assert answer.status_code == 422 and "run_id" in answer.json()["error"]


@pytest.mark.parametrize("body, words", [
    ({"key": "k"}, "run_id"),
    ({"run_id": "x", "key": "k"}, "run_id: must be a UUID"),
    ({"run_id": new_id()}, "key"),
    ({"run_id": new_id(), "key": "k" * 181}, "180"),
    ({"run_id": new_id(), "key": "k", "score": "high"}, "score"),
    ({"run_id": new_id(), "key": "k", "feedback_config": []}, "feedback_config"),
    ({"run_id": new_id(), "key": "k", "created_at": "then"}, "created_at"),
    ({"run_id": new_id(), "key": "k", "value": [1]}, "value: must not be a list"),
    ({"run_id": new_id(), "key": "k", "correction": [1]}, "correction: must be an object or a text"),
    ({"run_id": new_id(), "key": "k", "correction": 5}, "correction"),
    ({"run_id": new_id(), "key": "k", "feedback_group_id": "mine"}, "feedback_group_id: must be a UUID"),
    ({"run_id": new_id(), "key": "k", "feedback_source": {"type": 5}}, "feedback_source: type"),
    ({"run_id": new_id(), "key": "k", "feedback_source": {"metadata": "x"}}, "feedback_source: metadata"),
    ({"run_id": new_id(), "key": "k", "feedback_config": {"type": "scale"}}, "feedback_config: type must be continuous"),
    ({"run_id": new_id(), "key": "k", "feedbackConfig": {"type": "continuous", "min": "0"}}, "feedbackConfig: min"),
    ({"run_id": new_id(), "key": "k", "feedback_config": {"type": "categorical", "categories": ["a"]}}, "categories"),
])
def test_what_is_refused(api, body, words):
    answer = api.post("/feedback", json=body)
    assert answer.status_code == 422 and words in answer.json()["detail"]


def test_a_project_that_does_not_exist(api):
    assert api.post("/feedback", json={"session_id": new_id(), "key": "k"}).status_code == 404


def test_configurations_of_keys(api, span):
    key, config = f"rating-{new_id()}", {"type": "continuous", "min": 0, "max": 5}
    made = api.ok("POST", "/feedback-configs", json={"feedback_key": key, "feedback_config": config, "is_enforced": False})
    assert made["feedback_config"] == config and made["tenant_id"] and made["is_lower_score_better"] is None
    assert api.ok("POST", "/feedback-configs", json={"feedback_key": key, "feedback_config": dict(config)}) == made
    other = {"feedback_key": key, "feedback_config": {"type": "freeform"}}
    assert api.post("/feedback-configs", json=other).status_code == 400
    changed = api.ok("PATCH", "/feedback-configs", json={"feedback_key": key, "is_lower_score_better": True})
    assert changed["is_lower_score_better"] is True and changed["feedback_config"] == config
    kept = f"kept-{new_id()}"
    for form in ({"type": "categorical"}, {"type": "freeform"}):
        say(api, span, key=kept, feedback_config=form)
    assert [row["feedback_config"] for row in api.ok("GET", "/feedback-configs", params={"key": [kept]})] == \
        [{"type": "categorical"}]
    assert [row["feedback_key"] for row in api.ok("GET", "/feedback-configs", params={"name_contains": key[:-2].upper()})] \
        == [key]
    assert api.delete("/feedback-configs", params={"feedback_key": key}).status_code == 204
    assert api.delete("/feedback-configs", params={"feedback_key": key}).status_code == 404
    assert api.patch("/feedback-configs", json=other).status_code == 404


def test_what_is_said_under_a_token(api):
    span = make_span(project=PROJECT)
    api.post("/runs", json=span)
    token = api.ok("POST", "/api/v1/feedback/tokens", json={
        "run_id": span["id"], "feedback_key": "thumb", "expires_in": {"days": 0, "hours": 1, "minutes": 0}})
    assert token["url"] == f"{api.base_url}/api/v1/feedback/tokens/{token['id']}".replace("//api", "/api")
    assert httpx.post(token["url"], json={"score": 1, "comment": "fine", "metadata": {"who": "me"}}).status_code == 200
    [row] = api.ok("GET", "/feedback", params={"run": span["id"]})
    assert (row["key"], row["score"], row["comment"]) == ("thumb", 1, "fine")
    assert row["feedback_source"]["metadata"] == {"who": "me"}
    assert httpx.get(token["url"], params={"score": "0.5", "value": "up", "correction": '{"a": 1}'}).status_code == 200
    [row] = api.ok("GET", "/feedback", params={"run": span["id"]})
    assert (row["score"], row["value"], row["correction"]) == (0.5, "up", {"a": 1})
    assert [one["id"] for one in api.ok("GET", "/feedback/tokens", params={"run_id": span["id"]})] == [token["id"]]


def test_several_tokens_and_ends(api, span):
    tokens = api.ok("POST", "/feedback/tokens", json=[
        {"run_id": span["id"], "feedback_key": "a", "expires_at": "2999-01-01T00:00:00Z"},
        {"run_id": span["id"], "feedback_key": "b", "expires_at": "2001-01-01T00:00:00Z", "feedback_config": None}])
    assert [token["feedback_key"] for token in tokens] == ["a", "b"]
    assert httpx.get(tokens[0]["url"], params={"score": "true"}).status_code == 200
    assert api.ok("GET", "/feedback", params={"run": span["id"]})[0]["score"] is True
    assert httpx.get(tokens[1]["url"]).status_code == 404
    assert api.post(f"/feedback/tokens/{new_id()}", json={}).status_code == 404
    assert api.post("/feedback/tokens/x", json={}).status_code == 404
    assert api.post("/feedback/tokens", json={"run_id": span["id"]}).status_code == 422


def test_tokens_work_where_keys_are_needed(start_server):
    server, span = start_server(), make_span()
    with Api(server.url) as api:
        api.post("/runs", json=span)
        token = api.ok("POST", "/feedback/tokens", json={"run_id": span["id"], "feedback_key": "k"})
        key = api.ok("POST", "/v1/keys", json={"name": "first"})["key"]
        assert api.post("/feedback", json={"run_id": span["id"], "key": "k"}).status_code == 401
        assert httpx.get(token["url"], params={"score": 1}).status_code == 200
        assert len(api.ok("GET", "/feedback", params={"run": span["id"]}, headers={"x-api-key": key})) == 1


def test_what_the_sdk_could_not_read_is_refused_where_configurations_are_set(api, span):
    for config in ({"type": "scale"}, {"type": "categorical", "categories": [{"value": "1"}]}):
        assert api.post("/feedback-configs", json={"feedback_key": "bad", "feedback_config": config}).status_code == 422
        token = {"run_id": span["id"], "feedback_key": "bad", "feedback_config": config}
        assert api.post("/feedback/tokens", json=token).status_code == 422


def test_a_source_without_a_type_is_the_api(api, span):
    row = say(api, span, key="untyped", feedback_source={"type": None, "metadata": {"a": 1}})
    assert row["feedback_source"]["type"] == "api" and row["feedback_source"]["metadata"] == {"a": 1}


def test_nothing_is_of_a_user(api, span):
    """Keys are no users, so a list of one user's feedback is empty."""
    say(api, span, key="mine")
    assert api.ok("GET", "/feedback", params={"run": span["id"], "user": new_id()}) == []


def test_a_token_that_is_only_opened_takes_nothing_back(api, span):
    """As mail programs open addresses before their users do. The first time it is feedback without a score."""
    token = api.ok("POST", "/feedback/tokens", json={"run_id": span["id"], "feedback_key": "opened"})
    for query, score in ({}, None), ({"score": 1}, 1), ({}, 1), ({"score": 0}, 0):
        assert httpx.get(token["url"], params=query).status_code == 200
        assert [row["score"] for row in api.ok("GET", "/feedback", params={"key": "opened", "run": span["id"]})] == [score]
