"""ledger -- what clients were promised, held against what the receivers got.

Each logical request has a key of its own, sent as Idempotency-Key and put into the run's metadata, and is
repeated until it is acknowledged. So afterwards the laws can be checked without doubt: every acknowledged run
has ended, each has exactly one event, an event may have come several times but only with the same
webhook-id and the same bytes, and nothing came that nobody asked for.
"""

import threading
from collections import Counter, defaultdict


class Ledger:
    def __init__(self):
        self.lock = threading.Lock()
        self.acknowledged = {}  # key → run
        self.repeats = 0

    def acknowledge(self, key, run):
        with self.lock:
            known = self.acknowledged.setdefault(key, run)
        assert known["run_id"] == run["run_id"], f"{key} made two runs: {known['run_id']}, {run['run_id']}"

    def run_ids(self):
        with self.lock:
            return {run["run_id"] for run in self.acknowledged.values()}

    def missing(self, requests):
        """Acknowledged runs whose webhook has not come yet."""
        seen = {request.json["run_id"] for request in list(requests)}
        return self.run_ids() - seen

    def check(self, requests):
        """The laws; returns how many duplicates came."""
        events = defaultdict(list)
        for request in requests:
            payload = request.json
            events[payload["run_id"]].append((request.webhook_id, request.body, payload))
        promised = self.run_ids()
        unasked = set(events) - promised
        assert not unasked, f"webhooks of runs that nobody was told of: {sorted(unasked)[:5]}"
        lost = promised - set(events)
        assert not lost, f"{len(lost)} webhooks never came: {sorted(lost)[:5]}"
        for run_id, copies in events.items():
            ids = {webhook_id for webhook_id, _, _ in copies}
            assert len(ids) == 1 and None not in ids, f"run {run_id} has several events: {ids}"
            assert len({body for _, body, _ in copies}) == 1, f"run {run_id}: the body changed between attempts"
            assert copies[0][2]["status"] in ("success", "error", "timeout", "interrupted")
        ids = Counter(copies[0][0] for copies in events.values())
        shared = [webhook_id for webhook_id, count in ids.items() if count > 1]
        assert not shared, f"several runs share a webhook-id: {shared[:5]}"
        return sum(len(copies) - 1 for copies in events.values())
