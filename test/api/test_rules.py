"""Rules: what traces match is told once, with the documented body (B1-B16; issue 6)."""

import json
import time
import uuid
from datetime import datetime, timedelta, timezone

import httpx
import pytest

from harness.api import Api
from harness.ports import eventually

ROOT = "/api/v1/runs/rules"
RUN_KEYS = {
    "status", "is_root", "trace_id", "dotted_order", "run_type", "modified_at", "tenant_id", "end_time", "name",
    "start_time", "id", "session_id", "parent_run_ids", "child_run_ids", "direct_child_run_ids", "total_tokens",
    "completion_tokens", "prompt_tokens", "total_cost", "completion_cost", "prompt_cost", "first_token_time",
    "app_path", "in_dataset", "last_queued_at", "inputs", "inputs_s3_urls", "outputs", "outputs_s3_urls", "extra",
    "events", "feedback_stats", "serialized", "share_token"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("rules")


@pytest.fixture(scope="module")
def server(store, folder):
    from harness.server import Server

    config = {"runbell": {"rules": {"tick_s": 0.1}, "delivery": {"survey_s": 0.2}}}
    with Server(folder, store=store(), config=config) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    with Api(server.url) as client:
        yield client


@pytest.fixture
def project(api):
    return api.ok("POST", "/sessions", json={"name": f"bot-{uuid.uuid4().hex}"})


@pytest.fixture
def hook(hostile):
    return hostile.hook(f"/hook-{uuid.uuid4().hex}")


def make(api, project, *hooks, **more):
    webhooks = [{"url": hook.url, "headers": {"X-Rule": "canary"}} for hook in hooks]
    return api.ok("POST", ROOT, json={"display_name": "watch", "sampling_rate": 1, "session_id": project["id"],
                                      "webhooks": webhooks, **more})


def span(project, parent=None, finished=True, **more):
    now = datetime.now(timezone.utc)
    span_id = str(uuid.uuid4())
    order = now.strftime("%Y%m%dT%H%M%S%fZ") + span_id
    made = {"id": span_id, "trace_id": parent["trace_id"] if parent else span_id,
            "dotted_order": f"{parent['dotted_order']}.{order}" if parent else order, "name": "agent",
            "run_type": "chain", "session_name": project["name"], "start_time": now.isoformat(),
            "inputs": {"q": 1}, **more}
    if parent:
        made["parent_run_id"] = parent["id"]
    if finished:
        made.update(end_time=(now + timedelta(milliseconds=5)).isoformat(), outputs={"a": 2})
    return made


def send(api, *spans, patch=()):
    answer = api.post("/runs/batch", json={"post": list(spans), "patch": list(patch)})
    assert answer.status_code == 202, answer.text


def told(hook, count, may_repeat=False):
    """The ids of the runs that were told, once there are `count`.

    may_repeat: the server was killed, so what was being sent comes again, the same under the same id."""
    def ids():
        sent = [(request.webhook_id, request.body) for request in list(hook.requests)]
        if may_repeat:
            sent = dict.fromkeys(sent)
        return [run["id"] for _, body in sent for run in json.loads(body)["runs"]]

    eventually(lambda: len(ids()) >= count, 30, why=lambda: f"{len(ids())} of {count} runs were told")
    time.sleep(0.4)
    return ids()


def once(pairs):
    """An object whose names each stand once."""
    assert len({name for name, _ in pairs}) == len(pairs), [name for name, _ in pairs]
    return dict(pairs)


def test_the_documented_body(api, project, hook):
    """B1, B2, B5-B8, B10."""
    rule = make(api, project, hook, filter='eq(is_root, true)')
    sent = span(project)
    send(api, sent, span(project, parent=sent))
    assert told(hook, 1) == [sent["id"]]
    request = hook.requests[0]
    body = json.loads(request.body, object_pairs_hook=once)
    assert set(body) == {"rule_id", "start_time", "end_time", "runs", "feedback_stats"}
    assert body["rule_id"] == rule["id"] and body["feedback_stats"] == {}
    assert body["start_time"].endswith("+00:00") and body["start_time"] < body["end_time"]
    run = body["runs"][0]
    assert RUN_KEYS <= set(run) and run["feedback_stats"] is None  # B5: null when there is none
    assert run["is_root"] and run["session_id"] == project["id"] and run["dotted_order"] == sent["dotted_order"]
    assert "+" not in run["start_time"] and "Z" not in run["start_time"]
    assert (run["total_tokens"], run["parent_run_ids"]) == (0, []) and run["inputs"] == {"q": 1}
    assert run["app_path"].startswith("/o/") and api.ok("GET", run["app_path"])["id"] == sent["id"]  # B8
    assert api.get(run["app_path"].replace(run["tenant_id"], str(uuid.uuid4()))).status_code == 404
    assert request.header("x-rule") == "canary" and request.header("content-type") == "application/json"


def test_once_for_each_run_and_url(api, project, hook, hostile):
    second = hostile.hook(f"/second-{uuid.uuid4().hex}")
    rule = make(api, project, hook, second)
    pending = span(project, finished=False, extra={"metadata": {"conversation_id": "c1"}})
    send(api, pending)
    time.sleep(0.5)
    assert not hook.requests
    patch = {"id": pending["id"], "trace_id": pending["trace_id"], "dotted_order": pending["dotted_order"],
             "end_time": datetime.now(timezone.utc).isoformat(), "outputs": {"a": 3}}
    send(api, patch=[patch])
    assert told(hook, 1) == told(second, 1) == [pending["id"]]
    send(api, patch=[{**patch, "tags": ["again"]}])
    time.sleep(0.5)
    assert told(hook, 1) == [pending["id"]]
    log = api.ok("GET", f"{ROOT}/{rule['id']}/logs")
    assert [(entry["run_id"], entry["webhooks"]["outcome"]) for entry in log] == [(pending["id"], "success")]
    assert log[0]["thread_id"] == "c1"
    assert len(log[0]["webhooks"]["payload"]["delivery_ids"]) == 2
    page = api.ok("GET", f"{ROOT}/{rule['id']}/logs/v2", params={"limit": 1})
    assert page["has_more"] and len(page["logs"]) == 1
    assert not api.ok("GET", f"{ROOT}/{rule['id']}/logs/v2", params={"limit": 1, "cursor": page["cursor"]})["logs"]
    assert api.ok("GET", f"{ROOT}/{rule['id']}/last_applied")["run_id"] == pending["id"]


def test_a_root_that_comes_late_lets_its_children_match(api, project, hook):
    """trace_filter looks at the root, tree_filter at any run of the trace."""
    make(api, project, hook, filter='eq(name, "child")', trace_filter='eq(name, "good")')
    root = span(project, name="good")
    child = span(project, parent=root, name="child")
    send(api, child)
    time.sleep(0.5)
    assert not hook.requests
    send(api, root)
    assert told(hook, 1) == [child["id"]]


def test_a_tree_filter(api, project, hook):
    make(api, project, hook, filter='eq(is_root, true)', tree_filter='eq(name, "tool")')
    plain, root = span(project), span(project)
    send(api, plain, root)
    time.sleep(0.5)
    assert not hook.requests
    send(api, span(project, parent=root, name="tool"))
    assert told(hook, 1) == [root["id"]]


def test_feedback_that_comes_later(api, project, hook):
    """B2, B3: it is told when it starts to match, with its statistics."""
    make(api, project, hook, filter='and(eq(feedback_key, "user_score"), eq(feedback_score, 1))')
    sent = span(project)
    send(api, sent)
    time.sleep(0.4)
    answer = api.post("/feedback", json={"run_id": sent["id"], "key": "user_score", "score": 1})
    assert answer.status_code == 200, answer.text
    assert told(hook, 1) == [sent["id"]]
    body = hook.requests[0].json
    assert body["feedback_stats"]["user_score"]["n"] == 1 and body["feedback_stats"]["user_score"]["avg"] == 1
    assert body["runs"][0]["feedback_stats"] == body["feedback_stats"]


def test_large_values_are_linked(api, project, hook):
    """B4."""
    make(api, project, hook)
    large = {"text": "x" * 300_000}
    sent = span(project, inputs=large)
    send(api, sent)
    assert told(hook, 1) == [sent["id"]]
    run = hook.requests[0].json["runs"][0]
    assert run["inputs"] is None and run["outputs"] == {"a": 2} and run["outputs_s3_urls"] is None
    url = run["inputs_s3_urls"]["ROOT"]["presigned_url"]
    assert url.startswith(str(api.base_url).rstrip("/") + "/blobs/")
    assert httpx.get(url).json() == large


def test_a_sample(api, project, hook):
    rule = make(api, project, hook, sampling_rate=0)
    send(api, span(project))
    log = eventually(lambda: api.ok("GET", f"{ROOT}/{rule['id']}/logs"), 30)
    assert log[0]["webhooks"]["outcome"] == "skipped" and not hook.requests


def test_what_was_before_and_while_disabled_is_not_told(api, project, hook):
    send(api, span(project))
    rule = make(api, project, hook)
    time.sleep(0.3)
    off = api.ok("PATCH", f"{ROOT}/{rule['id']}", json={**rule, "is_enabled": False})
    assert not off["is_enabled"]
    send(api, span(project))
    time.sleep(0.3)
    on = api.ok("PATCH", f"{ROOT}/{rule['id']}", json={**off, "is_enabled": True})
    assert on["webhooks"][0]["headers"] == {"X-Rule": "***"}
    sent = span(project)
    send(api, sent)
    assert told(hook, 1) == [sent["id"]]
    assert hook.requests[0].header("x-rule") == "canary"


def test_sealed_headers_do_not_follow_to_another_host(api, project, hook):
    """B11: the way out is to give the values again."""
    rule = make(api, project, hook)
    moved = {**rule, "webhooks": [{"url": "http://127.0.0.1:9/elsewhere", "headers": {"X-Rule": "***"}}]}
    refused = api.patch(f"{ROOT}/{rule['id']}", json=moved)
    assert refused.status_code == 422
    assert refused.json()["detail"].startswith("webhooks[0].headers: X-Rule is ***, but this URL is of another host")
    assert api.ok("GET", f"{ROOT}/{rule['id']}")["webhooks"][0]["url"] == hook.url
    api.ok("PATCH", f"/v1/endpoints/{rule['webhooks'][0]['endpoint_id']}", json={"policy": "durable"})
    moved["webhooks"][0]["headers"]["X-Rule"] = "again"
    assert api.ok("PATCH", f"{ROOT}/{rule['id']}", json=moved)["webhooks"][0]["headers"] == {"X-Rule": "***"}
    endpoint = api.ok("GET", f"{ROOT}/{rule['id']}")["webhooks"][0]["endpoint_id"]
    assert api.ok("GET", f"/v1/endpoints/{endpoint}")["policy"] == "durable", "its policy does go along"


def test_sealed_headers_stay_with_their_url(api, project, hook, hostile):
    """B10: a webhook that moves up keeps its own headers."""
    first = hostile.hook(f"/first-{uuid.uuid4().hex}")
    rule = api.ok("POST", ROOT, json={"display_name": "two", "sampling_rate": 1, "session_id": project["id"], "webhooks": [
        {"url": first.url, "headers": {"X-Rule": "of the first"}}, {"url": hook.url, "headers": {"x-rule": "canary"}}]})
    api.ok("PATCH", f"{ROOT}/{rule['id']}", json={**rule, "webhooks": [rule["webhooks"][1]]})
    sent = span(project)
    send(api, sent)
    assert told(hook, 1) == [sent["id"]] and not first.requests
    assert hook.requests[0].header("x-rule") == "canary"


@pytest.mark.parametrize("name", ["host", "Content-Length", "webhook-signature", "Connection"])
def test_headers_that_the_sender_writes_are_refused(api, project, hook, name):
    refused = api.post(ROOT, json={"display_name": "x", "sampling_rate": 1, "session_id": project["id"],
                                   "webhooks": [{"url": hook.url, "headers": {name: "1"}}]})
    assert refused.status_code == 422 and f"webhooks[0].headers: {name} is written" in refused.json()["detail"]


def test_many_runs_come_in_bodies_of_250(api, project, hook):
    make(api, project, hook)
    spans = [span(project) for _ in range(300)]
    for at in range(0, 300, 100):
        send(api, *spans[at:at + 100])
    ids = told(hook, 300)
    assert len(ids) == len(set(ids)) == 300
    assert all(len(request.json["runs"]) <= 250 for request in hook.requests)


def test_a_kill_neither_loses_nor_repeats(api, server, project, hook):
    """B1: the match, its log and its delivery are one commit."""
    make(api, project, hook)
    spans = [span(project) for _ in range(60)]
    for at in range(0, 60, 20):
        send(api, *spans[at:at + 20])
        server.kill()
        server.start()
    assert sorted(told(hook, 60, may_repeat=True)) == sorted(one["id"] for one in spans)


@pytest.mark.parametrize("change, words", [
    ({"display_name": ""}, "display_name must be a text"),
    ({"sampling_rate": 2}, "sampling_rate must be a number from 0 to 1"),
    ({"filter": "eq(name, "}, "filter: "),
    ({"webhooks": [{"url": "ftp://a/"}]}, "url"),
    ({"evaluators": [{"x": 1}]}, "evaluators is not done by this server"),
    ({"session_id": None}, "session_id is missing"),
    ({"session_id": "x"}, "session_id: "),
    ({"display_name": "  "}, "display_name must be a text"),
    ({"sampling_rate": "1"}, "sampling_rate must be a number"),
    ({"filter": 'has(feedback_key, "a") and feedback_score < 0.5'}, "filter: the filter has ended before this"),
    ({"filter": 'eq(nme, "a")'}, "filter: there is no attribute nme (did you mean name?) (at position 3)"),
    ({"trace_filter": "eq(name,"}, "trace_filter: this '(' is not closed (at position 2)"),
    ({"tree_filter": 5}, "tree_filter must be a text"),
    ({"is_enabled": "x"}, "is_enabled must be true or false"),
    ({"extend_only": "x"}, "extend_only must be true or false"),
    ({"add_to_dataset_prefer_correction": 1}, "add_to_dataset_prefer_correction must be true or false"),
    ({"transient": "x"}, "transient must be true or false"),
    ({"include_extended_stats": "x"}, "include_extended_stats must be true or false"),
    ({"num_few_shot_examples": "x"}, "num_few_shot_examples must be a whole number"),
    ({"backfill_from": "soon"}, "backfill_from must be an ISO time"),
    ({"backfill_from": "2999-01-01T00:00:00Z"}, "backfill_from must not be in the future"),
    ({"add_to_dataset_id": "x"}, "add_to_dataset_id must be a UUID"),
    ({"use_corrections_dataset": True}, "use_corrections_dataset is not done by this server"),
    ({"create_alignment_queue": True}, "create_alignment_queue is not done by this server"),
    ({"group_by": "thread_id"}, "group_by is not done by this server: a rule matches runs, not conversations"),
    ({"dataset_id": str(uuid.uuid4())}, "dataset_id is not done by this server: a rule watches a project"),
    ({"alerts": [{"type": "pagerduty"}]}, "alerts is not done by this server"),
    ({"spend_limit": {"limit_usd": 1}}, "spend_limit is not done by this server"),
    ({"webhooks": {}}, "webhooks must be an array of at most 10"),
    ({"webhooks": [{"url": "https://a.example/"}, {"url": "x"}]}, "webhooks[1].url: the URL must begin with"),
    ({"webhooks": [{"url": "https://a.example/", "headers": [1]}]}, "webhooks[0].headers must be an object"),
    ({"webhooks": [{"url": "https://a.example/", "headers": {"A": 1}}]}, "webhooks[0].headers: A must have a string"),
    ({"webhooks": [{"url": "https://a.example/", "headers": {"A": "x\r\nB: y"}}]}, "webhooks[0].headers: A has a value that no header"),
])
def test_what_is_refused(api, project, change, words):
    body = {"display_name": "d", "sampling_rate": 1, "session_id": project["id"], "webhooks": [], **change}
    answer = api.post(ROOT, json=body)
    is_filter = any(words.startswith(f"{key}: ") for key in ("filter", "trace_filter", "tree_filter"))
    assert answer.status_code == (400 if is_filter else 422) and words in answer.text  # contract 3.1, 4.1
    assert api.ok("GET", ROOT, params={"session_id": project["id"]}) == []


def test_a_rule_has_every_documented_member_and_may_be_sent_back(api, project, hook):
    """Contract 4.1: keys that nobody said anything about are there, and ask for nothing."""
    rule = make(api, project, hook)
    assert set(rule) >= {
        "is_enabled", "dataset_id", "filter", "trace_filter", "tree_filter", "backfill_from", "extend_only", "transient",
        "add_to_annotation_queue_id", "add_to_dataset_id", "add_to_dataset_prefer_correction", "use_corrections_dataset",
        "num_few_shot_examples", "evaluators", "code_evaluators", "evaluator_id", "evaluator_version", "alerts",
        "create_alignment_queue", "include_extended_stats", "group_by", "spend_limit", "tracer_session_issue_id"}
    again = api.ok("PATCH", f"{ROOT}/{rule['id']}", json=rule)
    assert {**again, "updated_at": None} == {**rule, "updated_at": None}


def test_what_a_list_of_rules_is_asked_for(api, project, hook):
    rule = make(api, project, hook)
    assert api.ok("GET", ROOT, params={"session_id": project["id"], "type": "session"}) == [rule]
    for nothing in ({"type": "dataset"}, {"dataset_id": str(uuid.uuid4())}, {"evaluator_id": str(uuid.uuid4())}):
        assert api.ok("GET", ROOT, params=nothing) == []
    assert "type" in api.get(ROOT, params={"type": "x"}).json()["detail"]
    assert "rule_ids must be" in api.post(f"{ROOT}/trigger", json={"rule_ids": ["x"]}).text
    assert api.post(f"{ROOT}/validate", json={}).status_code == 422


def test_a_rule_without_webhooks_has_none_in_its_log(api, project):
    rule = make(api, project, extend_only=True)
    send(api, span(project))
    row, = eventually(lambda: api.ok("GET", f"{ROOT}/{rule['id']}/logs"), 30)
    assert row["webhooks"] is None and row["extend_only"]["outcome"] == "success"
    assert api.ok("GET", f"{ROOT}/{rule['id']}/logs", params={"session_id": project["id"]}) == [row]
    assert api.ok("GET", f"{ROOT}/{rule['id']}/logs", params={"session_id": str(uuid.uuid4())}) == []


def test_list_get_and_delete(api, project, hook):
    rule = make(api, project, hook)
    assert api.ok("GET", "/runs/rules", params={"id": rule["id"]}) == [rule]
    assert api.ok("GET", ROOT, params={"session_id": project["id"], "name_contains": "wat"}) == [rule]
    quoted = api.ok("PATCH", f"{ROOT}/{rule['id']}", content=json.dumps({**rule, "display_name": 'Gr\u00f6\u00dfe "x"'}))
    for part, found in (("gr\u00f6\u00df", [quoted]), ('e "x"', [quoted]), ('"Gr', []), ("u00f6", []), ("", [quoted])):
        assert api.ok("GET", ROOT, params={"session_id": project["id"], "name_contains": part}) == found, part
    rule = api.ok("PATCH", f"{ROOT}/{rule['id']}", json={key: value for key, value in rule.items() if key != "session_id"})
    elsewhere = api.ok("POST", "/sessions", json={"name": f"other-{uuid.uuid4().hex}"})
    refused = api.patch(f"{ROOT}/{rule['id']}", json={**rule, "session_id": elsewhere["id"]})
    assert refused.status_code == 422 and refused.json()["detail"].startswith("session_id: a rule stays with its project")
    assert api.ok("GET", ROOT, params={"session_id": str(uuid.uuid4())}) == []
    assert api.ok("GET", f"{ROOT}/{rule['id']}") == rule == api.ok("POST", f"{ROOT}/{rule['id']}/trigger")
    assert api.delete(f"{ROOT}/{rule['id']}").status_code == 200
    assert api.get(f"{ROOT}/{rule['id']}").status_code == 404
    send(api, span(project))
    time.sleep(0.5)
    assert not hook.requests


def tried(api, project, **more):
    return api.ok("POST", f"{ROOT}/test", json={"session_id": project["id"], **more})


def test_filters_are_tried_on_past_runs(api, project):
    """What a rule with these filters would have matched, newest first; nothing is applied (B1)."""
    good, bad, open_ = span(project), span(project, tags=["vip"]), span(project, finished=False)
    child = span(project, parent=bad, name="tool", run_type="tool", error="ValueError('bad')")
    other = span({"name": project["name"] + "-other"})
    assert api.post("/runs/batch", json={"post": [good, bad, child, open_, other]}).status_code == 202

    def found(**more):
        answer = tried(api, project, **more)
        assert answer["is_complete"] and answer["looked_max"] == 100000
        assert answer["count"] == len(answer["runs"])
        return [run["id"] for run in answer["runs"]]
    assert eventually(lambda: len(found()) == 3)
    assert found() == [child["id"], bad["id"], good["id"]]  # what still runs is waited for, as by a rule …
    assert found(filter='eq(status, "pending")') == [open_["id"]]  # … unless it is asked for
    assert found(filter="eq(is_root, true)") == [bad["id"], good["id"]]
    assert found(filter="eq(is_root, true)", tree_filter='eq(name, "tool")') == [bad["id"]]
    assert found(filter='eq(run_type, "tool")', trace_filter='has(tags, "vip")') == [child["id"]]
    assert found(filter='eq(run_type, "tool")', trace_filter='has(tags, "none")') == []
    assert found(end_time="2020-01-08T00:00:00Z", start_time="2020-01-01T00:00:00Z") == []
    assert found(start_time=bad["start_time"], filter="eq(is_root, true)") == [bad["id"]]

    page = tried(api, project, limit=1, offset=1)
    assert page["count"] == 3 and [run["id"] for run in page["runs"]] == [bad["id"]]
    assert page["runs"][0]["inputs"] == {"q": 1} and page["runs"][0]["outputs"] == {"a": 2}
    assert page["start_time"] < page["end_time"] and api.ok("GET", ROOT, params={"session_id": project["id"]}) == []


def test_a_try_ends_at_its_limit_and_says_so(api, project):
    """A search that must read every run: 24 MB, more than one step of it may."""
    for _ in range(4):
        runs = [span(project, inputs={"q": 240_000 * "x"}) for _ in range(25)]
        assert api.post("/runs/batch", json={"post": runs}).status_code == 202
    every = {"filter": 'search("xx-none")', "limit": 1}
    short = tried(api, project, looked_max=1, **every)
    assert (short["is_complete"], short["count"], short["runs"], short["looked_max"]) == (False, 0, [], 1)
    whole = tried(api, project, **every)
    assert whole["is_complete"] and whole["count"] == 0
    assert tried(api, project, limit=1)["count"] == 100


def test_a_try_shows_what_was_missed_by_one_condition(api, project):
    """Near misses (B1): runs that one condition alone keeps out, with that condition."""
    match = span(project, tags=["vip"], error="ValueError('bad')")
    untagged = span(project, error="ValueError('bad')")
    well = span(project, tags=["vip"])
    far = span(project)  # misses two
    child = span(project, parent=match, name="tool", run_type="tool")
    assert api.post("/runs/batch", json={"post": [match, untagged, well, far, child]}).status_code == 202
    filters = {"filter": 'and(eq(is_root, true), eq(status, "error"), has(tags, "vip"))'}

    def near(**more):
        answer = tried(api, project, **filters, **more)
        return {(miss["place"], miss["condition"]): [run["id"] for run in miss["runs"]]
                for miss in answer["near_misses"]}
    assert eventually(lambda: tried(api, project)["count"] == 5)
    assert tried(api, project, **filters)["count"] == 1
    assert near() == {("filter", 'eq(status, "error")'): [well["id"]], ("filter", 'has(tags, "vip")'): [untagged["id"]]}
    assert near(near_misses=0) == {}
    filters = {"filter": "eq(is_root, false)", "trace_filter": 'has(tags, "none")'}
    assert near() == {("trace_filter", 'has(tags, "none")'): [child["id"]]}
    filters = {"filter": 'and(eq(is_root, true), or(eq(name, "x"), eq(name, "y")))'}
    assert [len(runs) for runs in near(near_misses=2).values()] == [2]
    filters = {"filter": 'eq(name, "nobody")'}  # a single condition: what does not match is not near
    assert near() == {}


def test_what_is_wrong_with_a_try_is_told(api, project):
    for body, status, words in (({}, 422, "session_id"), ({"session_id": "x"}, 422, "session_id"),
                                ({"session_id": str(uuid.uuid4())}, 404, "no such project"),
                                ({"session_id": project["id"], "filter": "eq("}, 400, "filter: "),
                                ({"session_id": project["id"], "tree_filter": 1}, 422, "tree_filter"),
                                ({"session_id": project["id"], "limit": 101}, 422, "limit"),
                                ({"session_id": project["id"], "near_misses": 11}, 422, "near_misses"),
                                ({"session_id": project["id"], "looked_max": 100001}, 422, "looked_max"),
                                ({"session_id": project["id"], "start_time": "soon"}, 422, "start_time"),
                                ({"session_id": project["id"], "start_time": "2026-01-02T00:00:00Z",
                                  "end_time": "2026-01-01T00:00:00Z"}, 422, "must not be after")):
        refused = api.post(f"{ROOT}/test", json=body)
        assert refused.status_code == status and words in str(refused.json()["detail"]), refused.text
