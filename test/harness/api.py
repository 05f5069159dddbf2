"""api -- a plain HTTP client of the server, and the pieces of the API that most tests need."""

import json
import re

import httpx

from harness.ports import eventually

LIVE = ("pending", "running")
HELLO = {"messages": [{"role": "user", "content": "Hello!"}]}
GREETING = "Hi there! How can I help you today?"


class Api(httpx.Client):
    def __init__(self, url, **options):
        options.setdefault("timeout", 60)
        super().__init__(base_url=url, trust_env=False, **options)

    def ok(self, method, path, **options):
        """The JSON of an answer that must be 2xx."""
        response = self.request(method, path, **options)
        assert response.is_success, f"{method} {path}: {response.status_code} {response.text}"
        return response.json() if response.content else None

    def thread(self, **body):
        return self.ok("POST", "/threads", json=body)["thread_id"]

    def run(self, thread_id=None, steps=None, **body):
        """Creates a background run; with `steps` of the scripted agent."""
        path = f"/threads/{thread_id}/runs" if thread_id else "/runs"
        return self.ok("POST", path, json=run_body(steps, **body))

    def get_run(self, run):
        return self.ok("GET", f"/threads/{run['thread_id']}/runs/{run['run_id']}")

    def ended(self, run, timeout=30):
        """The run, once it is no longer pending or running."""
        found = {}

        def is_over():
            found.update(self.get_run(run))
            return found["status"] not in LIVE

        eventually(is_over, timeout, why=lambda: f"still {found.get('status')} after {timeout} s")
        return found

    def ended_run(self, **body):
        """A run of "Hello!", at its end."""
        run = self.ok("POST", "/runs", json={"assistant_id": "agent", "input": HELLO, **body})
        self.ended(run)
        return run

    def delivery_of(self, run, state=None):
        """The delivery of a run, once there is one; with `state`, once it is in that."""
        def find():
            found = self.ok("GET", "/v1/deliveries", params={"object_id": run["run_id"]})["deliveries"]
            return found and state in (None, found[0]["state"]) and found[0]
        return eventually(find, 30, why=f"the run has no delivery that is {state or 'anything'} yet")

    def status_becomes(self, run, status, timeout=15):
        eventually(lambda: self.get_run(run)["status"] == status, timeout, why=f"it did not become {status}")

    def events(self, method, path, **options):
        """All events of a stream, as (event, data, id)."""
        with self.stream(method, path, **options) as response:
            assert response.status_code == 200, response.read()
            assert "text/event-stream" in response.headers["content-type"]
            return list(read_events(response))


def refused(answer, status, *words):
    """The problem that the answer must tell, with these words in its detail."""
    assert answer.status_code == status, answer.text
    problem = answer.json()
    assert problem["status"] == status and problem["type"] and problem["code"]
    for word in words:
        assert word in problem["detail"], problem
    return problem


def run_body(steps=None, **body):
    """The body of a run: the scripted agent with steps, else the greeting agent."""
    if steps is not None:
        return {"assistant_id": "script", "input": {"script": steps, "messages": []}, **body}
    return {"assistant_id": "agent", "input": HELLO, **body}


def say(text):
    return {"say": text}


def delay(ms):
    return {"delay_ms": ms}


def fail(error="TimeoutError", message="Run exceeded maximum execution time"):
    return {"fail": {"error": error, "message": message}}


def ask(value):
    return {"interrupt": value}


def contents(values):
    return [message["content"] for message in values["messages"]]


def raw_frames(response):
    """The frames of an SSE body as lists of lines, split as clients split: at LF, CR and CRLF only."""
    rest = ""
    for chunk in response.iter_text():
        rest += chunk
        *frames, rest = re.split(r"\r\n\r\n|\n\n|\r\r", rest)
        yield from (re.split(r"\r\n|\n|\r", frame) for frame in frames)
    assert rest.strip() == "", f"the stream ended within a frame: {rest[-200:]!r}"


def read_events(response, comments=None):
    """(event, data, id) of each frame that has an event; comment lines go to the list `comments`."""
    for lines in raw_frames(response):
        fields = {}
        for line in lines:
            if line.startswith(":"):
                if comments is not None:
                    comments.append(line)
                continue
            name, _, value = line.partition(":")
            assert name not in fields, f"{name} twice in one frame: {lines}"
            fields[name] = value.removeprefix(" ")
        if "event" in fields or "data" in fields:
            yield fields.get("event"), json.loads(fields["data"]) if "data" in fields else None, fields.get("id")
