"""/metrics (delivery.md section 8.4, cli-ops.md section 5.3): what is counted is read with the Prometheus client's own
parsers, and moves with what happens."""

import re
from pathlib import Path

import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from harness.api import Api, fail
from harness.ports import eventually, free_port
from harness.receiver import Answer
from harness.server import Server

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 30
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"

TYPES = {
    "runbell_ingest_events": "counter", "runbell_ingest_commit_seconds": "histogram",
    "runbell_http_requests": "counter", "runbell_agent_runs": "counter",
    "runbell_rule_lag_seconds": "gauge", "runbell_spans_late": "counter", "runbell_alert_state": "gauge",
    "runbell_commit_batch_records": "histogram", "runbell_commit_seconds": "histogram",
    "runbell_fsync_seconds": "histogram", "runbell_writer_queue_length": "gauge",
    "runbell_deliveries": "counter", "runbell_attempts": "counter", "runbell_attempt_seconds": "histogram",
    "runbell_delivery_lag_seconds": "histogram", "runbell_queue_depth": "gauge",
    "runbell_queue_oldest_seconds": "gauge", "runbell_log_bytes": "gauge",
    "runbell_log_deleted": "counter", "runbell_log_deleted_bytes": "counter", "runbell_endpoint_state": "gauge", "runbell_breaker_transitions": "counter",
    "runbell_conn_open": "counter", "runbell_conn_reused": "counter", "runbell_ssrf_denied": "counter",
    "runbell_blob_requests": "counter", "runbell_blob_retries": "counter", "runbell_blob_seconds": "histogram",
    "runbell_blob_bytes": "counter", "runbell_blob_waiting": "gauge",
    "runbell_duplicates_suspected": "counter", "runbell_recovery_rows": "gauge", "runbell_recovery_seconds": "gauge",
    "runbell_build_info": "gauge", "runbell_rss_bytes": "gauge", "process_resident_memory_bytes": "gauge",
    "process_virtual_memory_bytes": "gauge", "process_cpu_seconds": "counter", "process_start_time_seconds": "gauge",
    "runbell_storage_bytes": "gauge", "process_threads": "gauge", "process_open_fds": "gauge", "process_max_fds": "gauge",
}
# Only in front of an upstream (test/compat/test_gateway.py).
GATEWAY = {"runbell_gateway_upstream_up", "runbell_gateway_requests", "runbell_gateway_intents_open", "runbell_gateway_intents"}


class Page:
    """What /metrics says at one moment."""

    def __init__(self, api):
        text = api.get("/metrics").text
        self.samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]

    def __call__(self, name, **labels):
        """The sum of the samples with this name and these labels."""
        return sum(sample.value for sample in self.samples
                   if sample.name == name and labels.items() <= sample.labels.items())


@pytest.fixture(scope="module")
def api(store, tmp_path_factory):
    config = {"runbell": {"delivery": {"test_schedule_ms": [50]}}}
    with Server(tmp_path_factory.mktemp("metrics"), store=store(), config=config) as server, Api(server.url) as api:
        yield api


def rises(api, before, count, name, **labels):
    """Waits until it has risen by as much, and not more."""
    eventually(lambda: Page(api)(name, **labels) - before(name, **labels) >= count, DEADLINE_S,
               why=lambda: f"{name} {labels}: {before(name, **labels)}, now {Page(api)(name, **labels)}")
    assert Page(api)(name, **labels) - before(name, **labels) == count


def test_both_formats_are_read_by_the_clients_own_parsers(api):
    reply = api.get("/metrics")
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    plain = {family.name: family for family in text_string_to_metric_families(reply.text)}
    assert {name: family.type for name, family in plain.items()} == TYPES
    assert all(family.documentation.endswith(".") for family in plain.values())
    reply = api.get("/metrics", headers={"accept": "application/openmetrics-text;version=1.0.0,text/plain;q=0.5"})
    assert reply.headers["content-type"] == OPENMETRICS
    families = list(openmetrics.text_string_to_metric_families(reply.text))
    assert {family.name: family.type for family in families} == TYPES


def test_as_json_they_are_the_same(api):
    """The contract's GET /metrics?format=prometheus|json."""
    reply = api.get("/metrics", params={"format": "json"}, headers={"accept": "application/openmetrics-text"})
    assert reply.headers["content-type"] == "application/json"
    told = reply.json()
    assert {name.removesuffix("_total"): one["type"] for name, one in told.items()} == TYPES
    (build,) = told["runbell_build_info"]["samples"]
    assert build["value"] == 1 and build["labels"]["version"]
    (commits,) = told["runbell_commit_seconds"]["samples"]
    assert commits["labels"] == {} and commits["sum"] > 0
    assert list(commits["buckets"].values())[-1] == commits["buckets"]["+Inf"] == commits["count"] > 0
    assert {"labels": {"status": "success"}, "value": Page(api)("runbell_agent_runs_total", status="success")} in \
        told["runbell_agent_runs_total"]["samples"]
    assert api.get("/metrics", params={"format": "prometheus"}).headers["content-type"].startswith("text/plain")
    refused = api.get("/metrics", params={"format": "xml"})
    assert refused.status_code == 422 and "format" in refused.json()["detail"]


def test_every_metric_has_its_line_in_the_documentation():
    documented = set(re.findall(r"`((?:runbell|process)_\w+?)(?:_total)?(?:\{[^}]*\})?`",
                                (ROOT / "docs/metrics.md").read_text()))
    assert documented == set(TYPES) | GATEWAY


NAMES = {"runbell_ingest_events_total": {"tenant", "result"}, "runbell_ingest_commit_seconds": set(), "runbell_commit_batch_records": set(),
         "runbell_deliveries_total": {"outcome", "status_class"}, "runbell_attempt_seconds": {"phase"}, "runbell_delivery_lag_seconds": set(),
         "runbell_queue_depth": {"state"}, "runbell_queue_oldest_seconds": set(), "runbell_endpoint_state": {"state"},
         "runbell_breaker_transitions_total": {"to"}, "runbell_conn_open_total": set(), "runbell_conn_reused_total": set(),
         "runbell_ssrf_denied_total": {"rule"}, "runbell_duplicates_suspected_total": {"cause"}, "runbell_recovery_rows": set(),
         "runbell_recovery_seconds": set(), "runbell_rss_bytes": set(), "runbell_build_info": {"version"},
         "runbell_agent_runs_total": {"status"}, "runbell_alert_state": {"state"}, "runbell_rule_lag_seconds": set()}
VALUES = {("runbell_attempt_seconds", "phase"): {"dns", "connect", "tls", "ttfb", "total"},
          ("runbell_queue_depth", "state"): {"due", "scheduled", "sending", "held", "blocked", "dead"}}


def test_the_names_that_dashboards_know_are_all_there(api, receiver):
    """delivery.md section 8.4, cli-ops.md section 5.3: literally, labels too."""
    api.run(None, webhook=receiver.url)
    receiver.one()
    assert api.post("/runs", json={"assistant_id": "agent", "webhook": "http://169.254.169.254/"}).status_code == 422
    wanted = {**NAMES, "runbell_fsync_seconds": set()}

    def missing():
        samples = api.ok("GET", "/metrics", params={"format": "json"})
        return {name: samples.get(name, {}).get("samples") for name, labels in wanted.items()
                if not any(set(one["labels"]) == labels for one in samples.get(name, {}).get("samples", []))}
    eventually(lambda: not missing(), DEADLINE_S, why=lambda: f"not there as they must be: {missing()}")
    samples = api.ok("GET", "/metrics", params={"format": "json"})
    for (name, label), words in VALUES.items():
        assert {one["labels"][label] for one in samples[name]["samples"]} == words


def test_a_delivery_is_counted_where_it_passes(api, receiver):
    before = Page(api)
    for _ in range(2):
        receiver.wait_for_run(api.run(None, webhook=receiver.url)["run_id"])
    rises(api, before, 2, "runbell_deliveries_total", outcome="delivered", status_class="2xx")
    rises(api, before, 2, "runbell_attempts_total", result="delivered")
    rises(api, before, 2, "runbell_ingest_events_total", tenant="default", result="accepted")
    rises(api, before, 2, "runbell_agent_runs_total", status="success")
    rises(api, before, 2, "runbell_delivery_lag_seconds_count")
    for phase in ("ttfb", "total"):
        rises(api, before, 2, "runbell_attempt_seconds_count", phase=phase)
    rises(api, before, 0, "runbell_attempt_seconds_count", phase="tls")
    after = Page(api)
    opened, reused = (after(name) - before(name) for name in ("runbell_conn_open_total", "runbell_conn_reused_total"))
    connected = after("runbell_attempt_seconds_count", phase="connect")
    assert opened + reused == 2 and connected > 0  # both may go over a connection that an earlier test left
    assert connected - before("runbell_attempt_seconds_count", phase="connect") == opened
    assert after("runbell_commit_batch_records_sum") - before("runbell_commit_batch_records_sum") >= 4
    assert after("runbell_ingest_commit_seconds_count") > before("runbell_ingest_commit_seconds_count")
    assert 0 < after("runbell_delivery_lag_seconds_sum") < 10 * after("runbell_delivery_lag_seconds_count")
    assert after("runbell_http_requests_total", status_class="2xx") > before("runbell_http_requests_total")


def test_failures_are_counted_by_what_they_are(api, hostile):
    hook = hostile.hook("/failing", Answer(status=404), Answer(status=503), Answer(status=503))
    before = Page(api)
    api.run(None, webhook=hook.url)
    rises(api, before, 1, "runbell_deliveries_total", outcome="rejected", status_class="4xx")
    api.run(None, webhook=hook.url)
    rises(api, before, 1, "runbell_deliveries_total", outcome="exhausted", status_class="5xx")
    api.run(None, webhook=f"http://127.0.0.1:{free_port()}/")
    rises(api, before, 1, "runbell_deliveries_total", outcome="exhausted", status_class="none")
    rises(api, before, 1, "runbell_attempts_total", result="rejected")
    rises(api, before, 2, "runbell_attempts_total", result="server_error")
    rises(api, before, 2, "runbell_attempts_total", result="unreachable")
    api.run(None, [fail()])
    rises(api, before, 1, "runbell_agent_runs_total", status="error")


def test_what_is_not_tried_again_is_counted_by_its_result(store, tmp_path, hostile):
    """Policies `once` and `documented` give up at a result of its own name, which no outcome "other" may hide."""
    config = {"runbell": {"delivery": {"policy": {"run": "once"}}}}
    with Server(tmp_path, store=store(), config=config) as server, Api(server.url) as api:
        before = Page(api)
        hook = hostile.hook("/once", Answer(status=500), Answer(status=429), Answer(status=503, headers={"Retry-After": "1"}))
        for outcome, count, status_class in (("server_error", 1, "5xx"), ("busy", 1, "4xx"), ("busy", 1, "5xx")):
            api.run(None, webhook=hook.url)
            rises(api, before, count, "runbell_deliveries_total", outcome=outcome, status_class=status_class)
        api.run(None, webhook=f"http://127.0.0.1:{free_port()}/")
        rises(api, before, 1, "runbell_deliveries_total", outcome="unreachable", status_class="none")
        api.run(None, webhook=hook.url.replace("http:", "https:"))
        rises(api, before, 1, "runbell_deliveries_total", outcome="tls", status_class="none")
        rises(api, before, 0, "runbell_deliveries_total", outcome="other")


def test_what_must_not_be_called_is_counted_by_rule(api):
    before = Page(api)
    for webhook, rule in [("http://169.254.169.254/latest", "link-local"), ("http://224.0.0.1/", "multicast"),
                          ("http://127.1/", "url grammar"), ("/relative", "relative url")]:
        assert api.post("/runs", json={"assistant_id": "agent", "webhook": webhook}).status_code == 422
        rises(api, before, 1, "runbell_ssrf_denied_total", rule=rule)
    rises(api, before, 4, "runbell_ssrf_denied_total")
    rises(api, before, 4, "runbell_ingest_events_total", tenant="default", result="refused")


def test_the_disk_is_measured(api, request):
    before = Page(api)
    api.thread()
    after = Page(api)
    if request.config.getoption("--store-url") == "sqlite":
        assert after("runbell_fsync_seconds_count") > before("runbell_fsync_seconds_count")
    assert after("runbell_commit_seconds_count") > before("runbell_commit_seconds_count")
    assert after("runbell_commit_seconds_sum") >= after("runbell_fsync_seconds_sum") - before("runbell_fsync_seconds_sum")


def test_the_process_is_described(api):
    page = Page(api)
    assert page("runbell_build_info") == 1
    assert page("runbell_rss_bytes") == page("process_resident_memory_bytes") > 2**20
    assert page("process_open_fds") > 3 and page("process_threads") > 3 and page("process_cpu_seconds_total") > 0


def test_a_start_tells_what_it_found(store, tmp_path, hostile):
    """B11: what was under way when the server was killed is sent again, and counted as a suspected duplicate."""
    hook = hostile.hook("/hanging", Answer(how="hang"))
    with Server(tmp_path, store=store()) as server:
        with Api(server.url) as api:
            page = Page(api)
            assert page("runbell_recovery_rows") == 0 and page("runbell_duplicates_suspected_total") == 0
            api.run(None, webhook=hook.url)
            hook.wait_for(1)
            server.kill()
            server.start()
        with Api(server.url) as api:
            hook.wait_for(2)
            page = Page(api)
            assert page("runbell_recovery_rows") == 1 and page("runbell_recovery_seconds") > 0
            assert page("runbell_duplicates_suspected_total", cause="lost_lease") == 1


def test_what_waits_is_counted_in_the_background(store, tmp_path, hostile):
    config = {"runbell": {"delivery": {"test_schedule_ms": [600000], "survey_s": 0.2}}}
    failing, hanging, held = (hostile.hook(f"/{name}") for name in ("failing", "hanging", "held"))
    failing.answer(Answer(status=500))
    hanging.answer(Answer(how="hang"))
    with Server(tmp_path, store=store(), config=config) as server, Api(server.url) as api:
        paused = api.ok("POST", "/v1/endpoints", json={"kind": "run", "url": held.url})
        api.ok("POST", f"/v1/endpoints/{paused['endpoint_id']}/pause")
        for hook in (failing, failing, hanging, held, held, held):
            api.run(None, webhook=hook.url)
        wanted = {"due": 0, "scheduled": 2, "sending": 1, "held": 3, "blocked": 0, "dead": 0}
        eventually(lambda: all(Page(api)("runbell_queue_depth", state=state) == count for state, count in wanted.items()),
                   DEADLINE_S, why=lambda: str([one for one in Page(api).samples if one.name == "runbell_queue_depth"]))
        page = Page(api)
        assert page("runbell_queue_oldest_seconds") == 0
        assert [page("runbell_endpoint_state", state=state) for state in ("active", "paused", "disabled")] == [2, 1, 0]


def test_the_breaker_of_an_origin_is_seen(store, tmp_path, hostile):
    """By /v1/endpoints (what may be in flight, when it is tried again) and by the count of its moves."""
    config = {"runbell": {"delivery": {"test_schedule_ms": [1] * 16, "rest_after": 0}}}
    hanging, failing = hostile.hook("/hanging", Answer(how="hang")), f"http://127.0.0.1:{free_port()}/"
    with Server(tmp_path, store=store(), config=config) as server, Api(server.url) as api:
        seen = lambda url: next(one["sender"] for one in api.ok("GET", "/v1/endpoints")["endpoints"] if one["url"] == url)
        before = Page(api)
        api.run(None, webhook=hanging.url)
        hanging.wait_for(1)
        assert seen(hanging.url) == {"breaker": "closed", "concurrency": 16, "in_flight": 1, "waiting": 0, "reopens_at": None}
        for _ in range(3):
            api.run(None, webhook=failing)
        eventually(lambda: (seen(failing) or {}).get("breaker") == "open", DEADLINE_S, why=lambda: str(seen(failing)))
        shut = seen(failing)
        assert shut["concurrency"] == 0 and shut["reopens_at"]
        rises(api, before, 1, "runbell_breaker_transitions_total", to="open")
        endpoint = next(one for one in api.ok("GET", "/v1/endpoints")["endpoints"] if one["url"] == failing)
        assert api.ok("GET", f"/v1/endpoints/{endpoint['endpoint_id']}")["sender"]["breaker"] == "open"
        idle = api.ok("POST", "/v1/endpoints", json={"url": "https://nowhere.example/", "kind": "run"})
        assert api.ok("GET", f"/v1/endpoints/{idle['endpoint_id']}")["sender"] is None


def test_alerts_and_rules_tell_how_they_stand(api):
    session = api.ok("POST", "/sessions", json={"name": "watched"})["id"]
    before = Page(api)("runbell_alert_state", state="ok")
    api.ok("POST", f"/platform/alerts/{session}", json={"rule": {
        "name": "x", "description": "", "type": "threshold", "aggregation": "sum", "operator": "gte",
        "attribute": "error_count", "window_minutes": 5, "threshold": 2}, "actions": []})
    eventually(lambda: Page(api)("runbell_alert_state", state="ok") == before + 1, DEADLINE_S)
    assert Page(api)("runbell_alert_state", state="firing") == 0
    assert 0 <= Page(api)("runbell_rule_lag_seconds") < 60
