"""The three sample programs of the documents, run as programs against every kind of agent on both stores."""

import os
import sys
from pathlib import Path

import pytest

from harness.api import GREETING
from harness.program import run_program

SAMPLES = Path(__file__).resolve().parent / "samples"
JS_HOME = Path(__file__).resolve().parents[1] / "js"
RUNNERS = {"sample.py": [sys.executable], "sample.mjs": ["node"], "sample.sh": ["bash"]}


def placed(sample, tmp_path, server, hook):
    """The sample with its addresses filled in, where its imports are found."""
    text = (SAMPLES / sample).read_text()
    assert "<DEPLOYMENT_URL>" in text and "https://my-server.app/my-webhook-endpoint" in text
    text = text.replace("<DEPLOYMENT_URL>", server.url).replace("https://my-server.app/my-webhook-endpoint", hook.url)
    path = tmp_path / sample
    path.write_text(text)
    if sample.endswith(".mjs"):
        (tmp_path / "node_modules").symlink_to(JS_HOME / "node_modules")
    return path


@pytest.mark.parametrize("sample", RUNNERS)
def test_a_sample_program_gets_its_webhook(sample, any_server, receiver, tmp_path):
    """C2-C9."""
    path = placed(sample, tmp_path, any_server, receiver)
    done = run_program([*RUNNERS[sample], path], timeout=90, cwd=tmp_path, env={**os.environ, "LANGSMITH_TRACING": "false"})
    assert done.returncode == 0, done.stderr + done.stdout
    payload = receiver.one().json
    assert payload["status"] == "success"
    assert payload["error"] is None
    assert payload["kwargs"]["input"]["messages"][0]["content"] == "Hello!"
    messages = payload["values"]["messages"]
    assert [message["content"] for message in messages] == ["Hello!", GREETING]
    for key in ("run_id", "thread_id", "assistant_id", "created_at", "updated_at", "run_started_at", "run_ended_at",
                "webhook_sent_at", "metadata", "multitask_strategy"):
        assert key in payload
