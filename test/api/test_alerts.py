"""Alerts: made and refused, fired by traces, told by webhooks (A1-A8, A13-A19; issue 6)."""

import json
import time
import uuid
from datetime import datetime, timedelta, timezone

import pytest

from harness.api import Api
from harness.ports import eventually
from harness.receiver import Answer

ROOT = "/api/v1/platform/alerts"
KEYS = {"project_name", "workspace_name", "alert_rule_id", "alert_rule_name", "alert_rule_description",
        "alert_rule_type", "alert_rule_attribute", "alert_rule_url", "runs_url", "triggered_metric_value",
        "triggered_threshold", "timestamp"}
SLACK = json.loads("""{"channel": "{channel_id}", "text": "{alert_name} triggered for {project_name}", "blocks": [
  {"type": "section", "text": {"type": "mrkdwn", "text": "🚨{alert_name} has been triggered"}},
  {"type": "section", "text": {"type": "mrkdwn", "text": "<{project-url}|View in LangSmith>"}}]}""")


@pytest.fixture(scope="module")
def api(store, tmp_path_factory):
    from harness.server import Server

    config = {"runbell": {"alerts": {"tick_s": 0.2}, "delivery": {"survey_s": 0.2}}}
    with Server(tmp_path_factory.mktemp("alerts"), store=store(), config=config) as server, Api(server.url) as api:
        yield api


@pytest.fixture
def project(api):
    return api.ok("POST", "/sessions", json={"name": f"bot-{uuid.uuid4().hex}"})


@pytest.fixture
def hook(hostile):
    return hostile.hook(f"/hook-{uuid.uuid4().hex}")


def rule(**more):
    return {"name": "Error spike", "description": "", "type": "threshold", "aggregation": "sum",
            "attribute": "error_count", "operator": "gte", "window_minutes": 5, "threshold": 2, **more}


def webhook(hook, **config):
    return {"target": "webhook", "config": {"url": hook.url, **config}}


def make(api, project, *actions, **more):
    return api.ok("POST", f"{ROOT}/{project['id']}", json={"rule": rule(**more), "actions": list(actions)})


def iso(moment):
    return moment.isoformat()


def span(project, error=None, seconds=1.0, ended=None, **more):
    ended = ended or datetime.now(timezone.utc)
    span_id = str(uuid.uuid4())
    start = ended - timedelta(seconds=seconds)
    return {"id": span_id, "trace_id": span_id, "dotted_order": start.strftime("%Y%m%dT%H%M%S%fZ") + span_id,
            "name": "agent", "run_type": "chain", "session_name": project["name"], "start_time": iso(start),
            "end_time": iso(ended), "inputs": {"q": 1}, "outputs": {"a": 2}, "error": error, **more}


def send(api, *spans):
    answer = api.post("/runs/batch", json={"post": list(spans), "patch": []})
    assert answer.status_code == 202, answer.text


def told(hook, count=1):
    return [request.json for request in hook.wait_for(count, timeout=30)]


def shown(api, project, alert):
    return api.ok("GET", f"{ROOT}/{project['id']}/{alert['rule']['id']}")


def test_errors_fire_once_with_the_documented_keys(api, project, hook):
    """A1, A6, A7."""
    alert = make(api, project, webhook(hook))
    send(api, span(project, "ValueError('x')"), span(project))
    eventually(lambda: shown(api, project, alert)["rule"]["last_value"] == 1, 30)
    assert not hook.requests
    send(api, span(project, "ValueError('x')"))
    body = told(hook)[0]
    assert set(body) == KEYS
    assert body["project_name"] == project["name"] and body["alert_rule_id"] == alert["rule"]["id"]
    assert body["alert_rule_attribute"] == "error_count" and body["alert_rule_type"] == "threshold"
    assert (body["triggered_metric_value"], body["triggered_threshold"]) == (2, 2)
    send(api, span(project, "again"))
    eventually(lambda: shown(api, project, alert)["rule"]["last_value"] == 3, 30)
    assert len(hook.requests) == 1
    assert shown(api, project, alert)["rule"]["state"] == "firing"
    history = api.ok("GET", f"{ROOT}/{project['id']}/{alert['rule']['id']}/history")
    assert [one["event"] for one in history] == ["fired"] and len(history[0]["delivery_ids"]) == 1


def test_latency_and_its_filter(api, project, hook):
    """A7: the mean of what the filter lets through, in seconds."""
    make(api, project, webhook(hook), attribute="latency", aggregation="avg", operator="gt", threshold=3,
         filter='and(eq(is_root, true), eq(name, "slow"))')
    send(api, span(project, seconds=60), span(project, seconds=4, name="slow"), span(project, seconds=6, name="slow"))
    assert told(hook)[0]["triggered_metric_value"] == pytest.approx(5, abs=0.01)


def test_feedback_scores_of_one_key(api, project, hook):
    """A7."""
    alert = make(api, project, webhook(hook), attribute="feedback_score", aggregation="avg", operator="lt",
                 threshold=0.5, filter='eq(feedback_key, "user_score")')
    one = span(project)
    send(api, one)
    for key, score in (("user_score", 0.25), ("other", 1)):
        answer = api.post("/feedback", json={"run_id": one["id"], "key": key, "score": score})
        assert answer.status_code == 200, answer.text
    assert told(hook)[0]["triggered_metric_value"] == 0.25
    assert shown(api, project, alert)["rule"]["state"] == "firing"


@pytest.mark.timeout(240)
def test_share_of_errors_and_recovery(api, project, hook):
    """It is over when whole minutes say so: at the next one's beginning, or at that behind it."""
    alert = make(api, project, webhook(hook), aggregation="pct", threshold=50, notify_recovery=True)
    send(api, span(project, "x"), span(project))
    assert told(hook)[0]["triggered_metric_value"] == 50
    send(api, *[span(project) for _ in range(5)])
    body = [request.json for request in hook.wait_for(2, timeout=150)][1]
    assert body["alert_status"] == "resolved" and body["triggered_metric_value"] < 50
    assert shown(api, project, alert)["rule"]["state"] == "ok"


@pytest.mark.timeout(240)
def test_it_is_told_again_while_it_fires(api, project, hook):
    """Once a minute, however often it is looked at."""
    alert = make(api, project, webhook(hook), threshold=1, renotify_minutes=0)
    send(api, span(project, "x"))
    hook.wait_for(2, timeout=90)
    assert len(hook.requests) == 2
    history = api.ok("GET", f"{ROOT}/{project['id']}/{alert['rule']['id']}/history")
    assert [one["event"] for one in history] == ["fired_again", "fired"]
    assert len({request.header("webhook-id") for request in hook.requests}) == len(hook.requests)


@pytest.mark.timeout(240)
def test_silence_is_told_when_a_whole_window_of_it_has_passed(api, project, hook, hostile):
    """Not before: a new alert knows nothing yet. A sum over nothing is 0; a mean has no value, and tells its own threshold."""
    other = hostile.hook(f"/other-{uuid.uuid4().hex}")
    began = time.time()
    make(api, project, webhook(hook), attribute="run_count", operator="lte", threshold=0, window_minutes=1)
    make(api, project, webhook(other), aggregation="avg", attribute="latency", threshold=3, no_data="fire", window_minutes=1)
    assert hook.wait_for(1, timeout=150)[0].json["triggered_metric_value"] == 0
    assert time.time() - began > 60
    assert other.wait_for(1, timeout=10)[0].json["triggered_threshold"] == 3


def test_late_and_old_spans(api, project, hook):
    """A span counts at its end: one that ended before the window does not count."""
    alert = make(api, project, webhook(hook), threshold=1)
    send(api, span(project, "old", ended=datetime.now(timezone.utc) - timedelta(minutes=10)))
    time.sleep(1)
    assert not hook.requests and shown(api, project, alert)["rule"]["last_value"] in (None, 0)
    send(api, span(project, "late", ended=datetime.now(timezone.utc) - timedelta(minutes=2)))
    assert told(hook)[0]["triggered_metric_value"] == 1


def test_what_ended_before_the_alert_is_not_told(api, project, hook):
    send(api, span(project, "x"))
    alert = make(api, project, webhook(hook), threshold=1)
    eventually(lambda: shown(api, project, alert)["rule"]["last_value"] == 0, 30)
    assert not hook.requests


def test_slack_literally(api, project, hook):
    """A13-A16: the documented headers and body, with the one value that a person fills in."""
    alert = make(api, project, webhook(hook, body=SLACK, headers={"Authorization": "Bearer xoxb-canary"},
                                       variables={"channel_id": "C012"}), threshold=1)
    assert "warnings" not in alert and "xoxb-canary" not in json.dumps(alert)
    send(api, span(project, "x"))
    request = hook.wait_for(1, timeout=30)[0]
    assert request.header("authorization") == "Bearer xoxb-canary"
    body = request.json
    assert set(body) == KEYS | {"channel", "text", "blocks"}
    assert body["channel"] == "C012" and body["text"] == f"Error spike triggered for {project['name']}"
    assert body["blocks"][0]["text"]["text"] == "🚨Error spike has been triggered"
    assert body["blocks"][1]["text"]["text"].endswith(f"/projects/p/{project['id']}|View in LangSmith>")


def test_a_new_name_does_not_make_it_fire_anew(api, project, hook):
    alert = make(api, project, webhook(hook), threshold=1)
    send(api, span(project, "x"))
    hook.wait_for(1, timeout=30)
    fires = eventually(lambda: (now := shown(api, project, alert))["rule"]["state"] == "firing" and now, 30)
    path = f"{ROOT}/{project['id']}/{alert['rule']['id']}"
    api.ok("PATCH", path, json={"rule": {**fires["rule"], "name": "Renamed"}, "actions": fires["actions"]})
    now = shown(api, project, alert)["rule"]
    assert (now["name"], now["state"], now["state_since"]) == ("Renamed", "firing", fires["rule"]["state_since"])
    send(api, span(project, "x"))
    eventually(lambda: shown(api, project, alert)["rule"]["last_value"] == 2, 30, why="it counts on")
    assert len(hook.requests) == 1
    api.ok("PATCH", path, json={"rule": {**now, "threshold": 2}, "actions": fires["actions"]})
    assert shown(api, project, alert)["rule"]["state"] == "ok"


def test_headers_are_kept_when_they_come_back_masked(api, project, hook):
    path = f"{ROOT}/{project['id']}"
    alert = make(api, project, webhook(hook, headers={"X-Secret": "canary-1"}), threshold=1)
    assert alert["actions"][0]["config"]["headers"] == {"X-Secret": "***"}
    changed = shown(api, project, alert)
    changed["rule"]["threshold"] = 1
    moved = hook.receiver.hook(f"/moved-{uuid.uuid4().hex}")
    changed["actions"][0]["config"]["url"] = moved.url
    assert "message" in api.ok("PATCH", f"{path}/{alert['rule']['id']}", json=changed)
    send(api, span(project, "x"))
    assert moved.wait_for(1, timeout=30)[0].header("x-secret") == "canary-1"
    assert not hook.requests
    answer = api.post(path, json={"rule": rule(), "actions": [webhook(hook, headers={"a": "***"})]})
    assert answer.status_code == 400 and "nothing is stored" in answer.json()["error"]


def test_sealed_headers_do_not_follow_to_another_host(api, project, hook):
    path = f"{ROOT}/{project['id']}"
    alert = make(api, project, webhook(hook, headers={"X-Secret": "canary-1"}), threshold=1)
    changed = shown(api, project, alert)
    changed["actions"][0]["config"]["url"] = "http://127.0.0.1:9/elsewhere"
    refused = api.patch(f"{path}/{alert['rule']['id']}", json=changed)
    assert refused.status_code == 400
    assert refused.json()["error"].startswith("actions[0].config.headers: X-Secret is ***, but this URL is of another host")
    assert shown(api, project, alert)["actions"][0]["config"]["url"] == hook.url
    changed["actions"][0]["config"]["headers"] = {"X-Secret": "again"}
    assert "message" in api.ok("PATCH", f"{path}/{alert['rule']['id']}", json=changed)


def test_one_alert_has_a_policy_of_its_own(api, project, hook):
    """B12 to B16 and issue 3 row 1: by its endpoint, which another URL does not change."""
    path = f"{ROOT}/{project['id']}"
    alert = make(api, project, webhook(hook, headers={"X-Secret": "canary-1"}), threshold=1)
    shown_now = shown(api, project, alert)
    endpoint = f"/v1/endpoints/{shown_now['actions'][0]['endpoint_id']}"
    assert api.ok("GET", endpoint)["policy"] == "documented"
    told_so = {"policy": "once", "rate_limit": 5, "in_flight_max": 2, "expires_after_s": 3600}
    api.ok("PATCH", endpoint, json=told_so)
    moved = hook.receiver.hook(f"/moved-{uuid.uuid4().hex}", Answer(status=500))
    shown_now["actions"][0]["config"]["url"] = moved.url
    api.ok("PATCH", f"{path}/{alert['rule']['id']}", json=shown_now)
    after = shown(api, project, alert)["actions"][0]["endpoint_id"]
    assert f"/v1/endpoints/{after}" != endpoint
    assert {key: api.ok("GET", f"/v1/endpoints/{after}")[key] for key in told_so} == told_so
    send(api, span(project, "x"))
    dead = eventually(lambda: api.ok("GET", "/v1/deliveries", params={"endpoint_id": after, "state": "dead"})["deliveries"], 30)
    assert [(one["policy"], one["attempts"], one["state_reason"]) for one in dead] == [("once", 1, "server_error")]
    assert len(moved.requests) == 1


@pytest.mark.parametrize("name", ["Host", "content-length", "Webhook-Id", "Transfer-Encoding"])
def test_headers_that_the_sender_writes_are_refused(api, project, hook, name):
    refused = api.post(f"{ROOT}/{project['id']}", json={"rule": rule(), "actions": [webhook(hook, headers={name: "1"})]})
    assert refused.status_code == 400 and f"actions[0].config.headers: {name} is written" in refused.json()["error"]


def preview(api, project, from_, to, **more):
    return api.ok("POST", f"{ROOT}/{project['id']}/preview", json={"rule": rule(**more), "from": iso(from_), "to": iso(to)})


def test_a_preview_says_what_would_have_happened(api, project):
    """A21: value, threshold and red zone of each minute; what came late counts where it ended."""
    noon = datetime(2026, 3, 29, 12, tzinfo=timezone.utc)
    at = [noon + timedelta(minutes=minute, seconds=30) for minute in (0, 1, 1, 20)]
    send(api, *[span(project, "x", ended=one) for one in reversed(at)], span(project, ended=at[0]))
    points = preview(api, project, noon - timedelta(minutes=5), noon + timedelta(minutes=25), threshold=2, window_minutes=5)
    by_minute = {point["timestamp"][11:16]: (point["value"], point["fires"]) for point in points}
    assert len(points) == 31 and all(point["threshold"] == 2 for point in points)
    assert by_minute["12:00"] == (0, False) and by_minute["12:01"] == (1, False) and by_minute["12:02"] == (3, True)
    assert by_minute["12:05"] == (3, True) and by_minute["12:06"] == (2, True) and by_minute["12:07"] == (0, False)
    assert by_minute["12:21"] == (1, False)
    share = preview(api, project, noon, noon + timedelta(minutes=1), aggregation="pct", threshold=60, window_minutes=1)
    assert [(point["value"], point["fires"]) for point in share] == [(50, False), (100, True)]
    slow = preview(api, project, noon, noon, attribute="latency", aggregation="avg", threshold=0.5, window_minutes=1)
    assert slow[0]["value"] > 0
    nothing = preview(api, project, noon + timedelta(hours=2), noon + timedelta(hours=2), attribute="latency",
                      aggregation="avg", threshold=0.5)
    assert [(point["value"], point["fires"]) for point in nothing] == [(None, False)]


def test_a_preview_of_scores(api, project):
    one = span(project)
    send(api, one)
    api.ok("POST", "/feedback", json={"run_id": one["id"], "key": "user_score", "score": 0.25})
    now = datetime.now(timezone.utc)
    points = preview(api, project, now - timedelta(minutes=2), now + timedelta(minutes=1), attribute="feedback_score",
                     aggregation="avg", operator="lt", threshold=0.5, filter='eq(feedback_key, "user_score")')
    assert points[-1]["value"] == 0.25 and points[-1]["fires"]


@pytest.mark.parametrize("times", [{"from": "soon"}, {"from": "2026-01-01T00:00:00Z", "to": "2026-01-03T00:00:00Z"},
                                   {"from": "2026-01-03T00:00:00Z", "to": "2026-01-01T00:00:00Z"}])
def test_a_preview_of_what_is_no_time_is_refused(api, project, times):
    refused = api.post(f"{ROOT}/{project['id']}/preview", json={"rule": rule(), **times})
    assert refused.status_code == 400 and "from and to" in refused.json()["error"]


def test_a_test_tells_the_truth(api, project, hook):
    """A8."""
    path = f"{ROOT}/{project['id']}/test"
    body = {"rule": rule(), "actions": [webhook(hook, headers={"X-A": "b"})]}
    said = api.ok("POST", path, json=body)
    assert said["results"][0]["status_code"] == 200 and said["results"][0]["delivered"]
    assert said["message"] == "1 of 1 receivers took the test alert"
    assert hook.requests[0].header("x-a") == "b" and hook.requests[0].json["alert_rule_name"] == "Error spike"
    hook.answer(Answer(400, body=b"no such channel"))
    said = api.ok("POST", path, json=body)
    assert said["status_code"] == 400 and said["results"][0]["status_code"] == 400 and not said["results"][0]["delivered"]
    well = hook.receiver.hook(f"/well-{uuid.uuid4().hex}")
    said = api.ok("POST", path, json={**body, "actions": [webhook(well), webhook(hook)]})
    assert said["status_code"] == 400 and said["message"] == "1 of 2 receivers took the test alert"
    hook.answer(Answer(200))
    assert api.ok("POST", path, json=body)["status_code"] == 200
    alert = make(api, project, webhook(hook))
    assert api.ok("POST", path, params={"alert_rule_id": alert["rule"]["id"]}, json={})["results"][0]["delivered"]
    assert shown(api, project, alert)["rule"]["state"] == "ok"


@pytest.mark.parametrize("change, words", [
    ({"rule": rule(threshold=None)}, "rule.threshold is missing"),
    ({"rule": rule(attribute="tokens")}, "rule.attribute must be"),
    ({"rule": rule(window_minutes=61)}, "rule.window_minutes must be a number from 1 to 60"),
    ({"rule": rule(filter="eq(name, ")}, "rule.filter: "),
    ({"actions": [{"target": "pagerduty", "config": {}}]}, "actions[0].target must be"),
    ({"actions": [{"target": "webhook", "config": {"url": "https://a/", "body": "{"}}]},
     "actions[0].config.body is not JSON"),
    ({"actions": {}}, "actions must be an array"),
    *[({"rule": rule(**{key: value})}, f"rule.{key}{words}") for key, value, words in [
        ("name", " ", " must be a text of 1 to 512 bytes"), ("description", 5, " must be a string"),
        ("type", "Threshold", " must be threshold or change"), ("aggregation", "max", " must be avg, sum or pct"),
        ("aggregation", "avg", " does not fit the attribute"), ("operator", "eq", " must be gte, lte, gt or lt"),
        ("window_minutes", None, " is missing"), ("window_minutes", 2.5, " must be a whole number"),
        ("threshold", "2", " must be a number from 0 to 1e+15"), ("threshold", -1, " must be a number from 0 to"),
        ("min_samples", -1, " must be a number"), ("renotify_minutes", 10081, " must be a number from 0 to 10080"),
        ("notify_recovery", "x", " must be true or false"), ("no_data", "x", " must be ignore or fire"),
        ("is_enabled", 1, " must be true or false"), ("denominator_filter", "eq(", ": this '(' is not closed (at position 2)"),
        ("filter", 'eq(nme, "a")', ": there is no attribute nme (did you mean name?) (at position 3)"),
        ("filter", 'eq(name, "a") and', ": the filter has ended before this"),
        ("filter", 'gt(latency, "5q")', ": latency takes seconds")]],
    ({"rule": rule(aggregation="pct", threshold=101)}, "rule.threshold must be a number from 0 to 100"),
    ({"rule": rule(type="change")}, "rule.threshold_multiplier is missing"),
    ({"rule": rule(type="change", threshold_multiplier=2, threshold_window_minutes=61)}, "rule.threshold_window_minutes must be"),
    ({"rule": None}, "rule must be an object"),
    *[({"actions": [{"target": "webhook", "config": {"url": "https://a.example/", **config}}]}, f"actions[0].config.{words}")
      for config, words in [
          ({"url": None}, "url is missing"), ({"url": 5}, "url must be a text"),
          ({"headers": "{"}, "headers is not JSON: unexpected end of data at byte 1"), ({"headers": [1]}, "headers must be"),
          ({"headers": {"a b": "x"}}, 'headers has "a b", which is not'), ({"headers": {"A": "x\ny"}}, 'headers has "A", which has a value'),
          ({"body": [1]}, "body must be a JSON object"), ({"body": '{"a": {metric_value}}'}, "body is not JSON"),
          ({"variables": {"a": 1}}, "variables must be an object of texts"), ({"template_mode": "x"}, "template_mode must be"),
          ({"merge_fields": 1}, "merge_fields must be"), ({"preset": "irc"}, "preset must be slack")]],
])
def test_what_is_refused(api, project, hook, change, words):
    body = {"rule": rule(), "actions": [webhook(hook)], **change}
    for path in ("", "/test"):
        answer = api.post(f"{ROOT}/{project['id']}{path}", json=body)
        if path and body["rule"] is None:
            continue  # a test needs none
        assert answer.status_code == 400 and words in answer.json()["error"]
    assert api.ok("GET", f"{ROOT}/{project['id']}") == []


@pytest.mark.parametrize("url, words", [
    ("ftp://a/", "the URL must begin with http:// or https://"), ("x", "the URL must begin with"), ("/in/1", "a relative URL"),
    ("http://u:p@a.example/", "the URL must not contain a user name"), ("http://a.example:99999/", "the port must be")])
def test_a_url_that_may_not_be_called_is_named(api, project, url, words):
    """A3: which of the actions, and why."""
    good = {"target": "webhook", "config": {"url": "https://a.example/"}}
    bad = {"target": "webhook", "config": {"url": url}}
    refused = api.post(f"{ROOT}/{project['id']}", json={"rule": rule(), "actions": [good, bad]})
    assert refused.status_code == 400 and refused.json()["error"].startswith(f"actions[1].config.url: {words}")


@pytest.mark.parametrize("method, path, body, status", [
    ("POST", "/x", b"{}", 400), ("POST", "/{project}", b"{", 400), ("POST", "/{project}", b"[]", 400),
    ("POST", "/{project}/test", b"{", 400), ("GET", "/{project}/x", None, 400), ("PUT", "/{project}/{other}", b"{}", 405),
    ("DELETE", "/{other}/{other}", None, 404), ("POST", "/{other}", b'{"rule": 1}', 400)])
def test_errors_stand_under_error(api, project, method, path, body, status):
    """Contract 5.1: what is asked wrongly is 400, never 422."""
    path = path.replace("{project}", project["id"]).replace("{other}", str(uuid.uuid4()))
    refused = api.request(method, ROOT + path, content=body)
    assert refused.status_code == status and set(refused.json()) == {"error"}


@pytest.mark.parametrize("given", [{}, {"description": None}])
def test_a_description_is_always_shown(api, project, given):
    made = rule(**given)
    if not given:
        del made["description"]
    alert = api.ok("POST", f"{ROOT}/{project['id']}", json={"rule": made, "actions": []})
    assert alert["rule"]["description"] == "" == shown(api, project, alert)["rule"]["description"]


def test_keys_that_are_the_alerts_own_are_told(api, project, hook):
    """Requirements 1.6 row 1: the template's loses, and the answer to a save says so."""
    body = {"timestamp": "mine", "project-name": "mine", "text": "x"}
    said = make(api, project, webhook(hook, body=body), threshold=1)["warnings"]
    assert said == [f"actions[0].config.body: {key} will be the alert's own, not the template's"
                    for key in ("timestamp", "project-name")]
    assert "warnings" not in make(api, project, webhook(hook, body=body, merge_fields=False), threshold=1000)
    send(api, span(project, "x"))
    sent = told(hook)[0]
    assert sent["timestamp"] != "mine" and sent["project_name"] == project["name"] and set(sent) == KEYS | {"text"}


def test_a_share_is_of_all_that_the_filter_finds(api, project, hook):
    """A filter that asks for errors itself does not make them all of all."""
    alert = make(api, project, webhook(hook), aggregation="pct", threshold=90,
                 filter='and(eq(name, "slow"), eq(status, "error"))')
    send(api, span(project, "x", name="slow"), *[span(project, name="slow") for _ in range(3)], span(project))
    eventually(lambda: shown(api, project, alert)["rule"]["last_value"] == 25, 30)
    assert not hook.requests


def test_an_alert_has_a_page_of_its_own(api, project, hook):
    """A19: the address is in the body, is the same each time, and shows the alert and its minutes."""
    alert = make(api, project, webhook(hook), threshold=1)
    send(api, span(project, "x"))
    address = told(hook)[0]["alert_rule_url"]
    page = api.ok("GET", address)
    assert page["rule"]["id"] == alert["rule"]["id"] and page["actions"][0]["config"]["url"] == hook.url
    assert len(page["preview"]) == 61 and page["preview"][-1] == {
        "timestamp": page["preview"][-1]["timestamp"], "value": 1, "threshold": 1, "fires": True}
    path = f"{ROOT}/{project['id']}/{alert['rule']['id']}/preview"
    assert len(api.ok("GET", path, params={"from": "2026-01-01T00:00:00Z", "to": "2026-01-01T00:09:00Z"})["preview"]) == 10
    assert "from and to" in api.get(path, params={"from": "soon"}).json()["error"]
    assert api.get(address.replace(alert["rule"]["id"], str(uuid.uuid4()))).status_code == 404
    assert api.ok("GET", address.split("?")[0])["name"] == project["name"]


def test_unknown_placeholders_are_told_and_go_out_as_they_are(api, project, hook):
    alert = make(api, project, webhook(hook, body={"channel": "{channel_id}"}), threshold=1)
    assert alert["warnings"] == ["actions[0].config.body: {channel_id} will be sent as is"]
    send(api, span(project, "x"))
    assert told(hook)[0]["channel"] == "{channel_id}"


def test_every_path_and_delete(api, project, hook):
    alert = make(api, project, webhook(hook))
    for root in ("/platform/alerts", "/v1/platform/alerts", "/api/v1/platform/alerts", "/api/platform/alerts"):
        assert api.ok("GET", f"{root}/{project['id']}")[0]["rule"]["id"] == alert["rule"]["id"]
    path = f"{ROOT}/{project['id']}/{alert['rule']['id']}"
    other = api.ok("POST", "/sessions", json={"name": f"other-{uuid.uuid4().hex}"})
    assert api.get(f"{ROOT}/{other['id']}/{alert['rule']['id']}").status_code == 404
    assert "message" in api.ok("DELETE", path)
    assert api.get(path).status_code == 404 and api.delete(path).status_code == 404
    send(api, span(project, "x"), span(project, "x"))
    time.sleep(0.6)
    assert not hook.requests
