"""Each receiver of the table of bad ones gets its word in the log, in bounded time and memory, and a good one beside
them is served (issue 3, "scripted bad receivers"; rows 5, 6, 12 and 16 of delivery.md §8.3, threats 16 and 24-28)."""

import uuid

from harness.api import Api
from harness.bad_receivers import PERSONALITIES
from harness.hostile import CERTIFICATES, Hostile
from harness.ports import eventually

ONE_ATTEMPT = {"runbell": {"delivery": {"test_schedule_ms": [3_600_000]}, "ca_file": str(CERTIFICATES / "ca.pem")}}
ATTEMPT_S = 15 + 2  # the policy's total, and what a body may take beyond
SLACK_S = 20  # of a loaded machine
GROWTH_BYTES_MAX = 96 * 2**20
SMALL_QUARANTINE = {"ASAN_OPTIONS": "detect_leaks=1:exitcode=99:quarantine_size_mb=8:malloc_context_size=2"}


def attempts(api, runs):
    """name → its first attempt, for those whose first attempt is over."""
    found = {}
    for name, run in runs.items():
        (delivery,) = api.ok("GET", "/v1/deliveries", params={"object_id": run["run_id"]})["deliveries"]
        if delivery["attempts"] and delivery["last_result"]:
            found[name] = api.ok("GET", f"/v1/deliveries/{delivery['delivery_id']}")["attempt_log"][0]
    return found


def test_bad_receivers_get_their_word_and_cost_little(start_server, shared_receiver):
    assert len({one.name for one in PERSONALITIES}) == len(PERSONALITIES) >= 200
    server = start_server(config=ONE_ATTEMPT, env=SMALL_QUARANTINE)
    good = shared_receiver.hook(f"/{uuid.uuid4().hex}")
    with Hostile(PERSONALITIES) as hostile, Api(server.url) as api:
        before = server.rss_bytes()
        runs = {one.name: api.run(None, webhook=hostile.url(one.name)) for one in PERSONALITIES}
        healthy = [api.run(None, webhook=good.url) for _ in range(30)]
        good.wait_for(len(healthy), timeout=60)
        found = {}
        eventually(lambda: found.update(attempts(api, runs)) or len(found) == len(runs), timeout=120, every=1,
                   why=lambda: f"no end: {sorted(runs.keys() - found.keys())}")
        growth = server.rss_bytes() - before
        wrong = {one.name: (found[one.name]["result"], found[one.name]["detail"], "wanted", one.result)
                 for one in PERSONALITIES if found[one.name]["result"] != one.result}
        slow = {name: attempt["phases_us"]["total"] for name, attempt in found.items()
                if (attempt["phases_us"]["total"] or 0) > (ATTEMPT_S + SLACK_S) * 1e6}
        assert not wrong and not slow
        assert growth < GROWTH_BYTES_MAX, f"{growth / 2**20:.0f} MB more"
        kept = {name: len(attempt["response_excerpt"] or "") for name, attempt in found.items()}
        assert kept["endless body"] == max(kept.values()) == 4096, "the first 4 KB of an answer"
        last = api.run(None, webhook=good.url)
        good.wait_for_run(last["run_id"], timeout=60)
    server.stop()
