"""runbell import langsmith: rules and alerts from answers of the hosted API's shapes (contract 4.1, 5.1)."""

import json
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from harness.api import Api
from harness.server import Server
from test_commands import runbell

SESSION, TENANT = str(uuid.uuid4()), str(uuid.uuid4())


def rule(name, **more):
    """As GET /runs/rules shows one: every key, null where nothing was said."""
    return {"id": str(uuid.uuid4()), "tenant_id": TENANT, "is_enabled": True, "session_id": SESSION, "dataset_id": None,
            "session_name": "support-bot-prod", "dataset_name": None, "display_name": name, "sampling_rate": 0.5,
            "filter": 'and(eq(is_root, true), neq(error, null))', "trace_filter": None, "tree_filter": None,
            "add_to_annotation_queue_id": None, "add_to_annotation_queue_name": None, "add_to_dataset_id": None,
            "add_to_dataset_name": None, "add_to_dataset_prefer_correction": False, "use_corrections_dataset": False,
            "num_few_shot_examples": None, "evaluators": None, "code_evaluators": None, "alerts": None,
            "webhooks": [{"url": "https://example.com/hook?secret=1", "headers": {"X-Key": "v"}}], "extend_only": False,
            "created_at": "2026-01-01T00:00:00+00:00", "updated_at": "2026-01-01T00:00:00+00:00", "backfill_id": None,
            "backfill_from": None, "backfill_status": None, "backfill_progress": None, "backfill_error": None,
            "backfill_completed_at": None, "corrections_dataset_id": None, "evaluator_version": 3, "transient": False,
            "alignment_annotation_queue_id": None, "group_by": None, "spend_limit": None, **more}


RULES = [rule("errors"), rule("judge", evaluators=[{"structured": {}}]), rule("of a dataset", session_id=None, session_name=None)]
ALERTS = [{"rule": {"id": str(uuid.uuid4()), "session_id": SESSION, "session_name": "support-bot-prod", "name": "Error spike",
                    "description": "", "type": "threshold", "aggregation": "sum", "attribute": "error_count",
                    "operator": "gte", "window_minutes": 5, "threshold": 10, "threshold_multiplier": None,
                    "filter": None, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z"},
           "actions": [{"id": str(uuid.uuid4()), "alert_rule_id": str(uuid.uuid4()), "target": "webhook",
                        "config": {"url": "https://example.com/alert", "headers": {"X-Key": "v"}, "body": {"text": "{alert_name}"}}}]}]


class Hosted(BaseHTTPRequestHandler):
    answers = {"/api/v1/runs/rules": RULES, "/api/v1/sessions": [{"id": SESSION, "name": "support-bot-prod"}],
               f"/api/v1/platform/alerts/{SESSION}": ALERTS}

    def do_GET(self):
        known = self.headers.get("x-api-key") == "lsv2_1"
        value = self.server.answers.get(self.path.split("?")[0]) if known else None
        body = json.dumps(value if value is not None else {"detail": "Not found" if known else "Invalid token"}).encode()
        self.send_response(200 if value is not None else 404 if known else 401)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def hosted():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hosted)
    server.answers = dict(Hosted.answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    server.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def api(store, tmp_path):
    with Server(tmp_path, store=store()) as server, Api(server.url) as client:
        client.address = server.url
        yield client


def take(api, hosted, *words, code=0):
    return runbell("import", "langsmith", "--from", hosted.url, "--from-key", "lsv2_1", *words, url=api.address, code=code)


def test_rules_and_alerts_are_taken_once(api, hosted):
    said = take(api, hosted, code=1)
    assert "rule  errors: taken" in said and "alert Error spike: taken" in said
    assert "rule  judge: not taken: evaluators is not done by this server" in said
    assert "rule  of a dataset: not taken" in said and "2 taken, 0 there already, 2 not taken" in said
    here, = api.ok("GET", "/runs/rules")
    assert here["session_name"] == "support-bot-prod" and here["sampling_rate"] == 0.5
    assert here["filter"] == RULES[0]["filter"] and here["webhooks"][0]["headers"] == {"X-Key": "***"}
    alert, = api.ok("GET", f"/v1/platform/alerts/{here['session_id']}")
    assert alert["rule"]["threshold"] == 10 and alert["actions"][0]["config"]["body"] == {"text": "{alert_name}"}
    again = take(api, hosted, code=1)
    assert "rule  errors: is there already" in again and "0 taken, 2 there already" in again
    assert len(api.ok("GET", "/runs/rules")) == 1


def test_a_dry_run_says_what_the_real_one_does_and_takes_nothing(api, hosted):
    bad = rule("gone", add_to_dataset_id=str(uuid.uuid4()))
    masked = json.loads(json.dumps(ALERTS[0]))
    masked["rule"]["name"], masked["actions"][0]["config"]["headers"] = "masked", {"X-Key": "***"}
    hosted.answers["/api/v1/runs/rules"] = [*RULES, bad]
    hosted.answers[f"/api/v1/platform/alerts/{SESSION}"] = [*ALERTS, masked]
    dry = take(api, hosted, "--dry-run", code=1)
    assert "rule  errors: would be taken" in dry and "alert Error spike: would be taken" in dry
    assert "rule  judge: would not be taken: evaluators is not done by this server" in dry
    assert "rule  gone: would not be taken: add_to_dataset_id: there is no such dataset" in dry
    assert "alert masked: would not be taken: actions[0].config.headers: X-Key is ***" in dry
    assert api.ok("GET", "/runs/rules") == []
    assert api.ok("GET", "/sessions", params={"name": "support-bot-prod"}) == []
    real = take(api, hosted, code=1)
    assert real == dry.replace("would not be taken", "not taken").replace("would be taken", "taken")


def test_programs_get_a_line_for_each_and_one_for_all(api, hosted):
    *lines, sums = [json.loads(line) for line in take(api, hosted, "--dry-run", "--json", code=1).splitlines()]
    assert [(one["kind"], one["name"], one["result"]) for one in lines] == [
        ("rule", "errors", "taken"), ("rule", "judge", "refused"), ("rule", "of a dataset", "refused"), ("alert", "Error spike", "taken")]
    assert lines[0]["why"] is None and "evaluators" in lines[1]["why"]
    assert sums == {"dry_run": True, "taken": 2, "there": 0, "refused": 2}


def test_a_server_without_a_list_of_alerts_is_told(api, hosted):
    hosted.answers = {**hosted.answers, "/api/v1/runs/rules": RULES[:1]}
    del hosted.answers[f"/api/v1/platform/alerts/{SESSION}"]
    assert "1 taken" in take(api, hosted)


def test_a_wrong_key_is_told(api, hosted):
    said = runbell("import", "langsmith", "--from", hosted.url, "--from-key", "no", url=api.address, code=1)
    assert "gave no rules: Invalid token" in said
