"""The commands, as a new user meets them (issue 3 row 8): help, JSON, exit codes, errors with their mend."""

import base64
import contextlib
import json
import os
import signal
import sqlite3
import stat
import subprocess
import time

import httpx
import pytest
from standardwebhooks import Webhook

from harness.api import Api
from harness.ports import eventually, free_port
from harness.receiver import Answer
from harness.server import Server, binary

SECRET = "whsec_" + base64.b64encode(b"0123456789abcdef0123456789abcdef").decode()
OTHER = "whsec_" + base64.b64encode(b"fedcba9876543210fedcba9876543210").decode()
GROUPS = {"deliveries": ["list", "show", "resend", "cancel", "tail"], "endpoints": ["list", "show", "pause", "resume", "recover"], "keys": ["create", "list", "revoke"],
          "config": ["check", "print"], "secrets": ["status", "rotate", "drop"],
          "replays": ["list", "show", "pause", "resume", "cancel"], "import": ["langsmith"],
          "export": ["deliveries", "endpoints", "threads"],
          "agents": ["list", "pull", "push", "export", "import", "run", "diff"]}
LEAVES = ["serve", "replay", "erase", "listen", "inspect", "trigger", "verify", "doctor", "backup", "restore", "migrate", "compact", "openapi", "completion"]


@pytest.fixture(scope="module")
def server(store, tmp_path_factory):
    config = {"runbell": {"signing_secret": SECRET, "delivery": {"test_schedule_ms": [50, 50]}}}
    with Server(tmp_path_factory.mktemp("cli"), store=store(), config=config) as running:
        yield running


@pytest.fixture(scope="module")
def api(server):
    with Api(server.url) as client:
        yield client


def runbell(*words, url=None, text=None, code=0, cwd=None, env=None):
    """What a command prints; its exit code must be `code`. Colour and terminals are not there."""
    clean = {key: value for key, value in os.environ.items() if not key.startswith("RUNBELL_")}
    done = subprocess.run([str(binary()), *words], input=text or b"", capture_output=True, cwd=cwd or "/", timeout=60,
                          env={**clean, **({"RUNBELL_URL": url} if url else {}), **(env or {})}, check=False)
    said = done.stderr.decode()
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout.decode()}\n{said}"
    assert "\x1b" not in done.stdout.decode(errors="replace") + said, "colour without a terminal"
    return done.stdout.decode() if code == 0 else done.stdout.decode() + said


# ---- help ----

@pytest.mark.parametrize("words", [[leaf] for leaf in LEAVES] + [[group, name] for group in GROUPS for name in GROUPS[group]],
                         ids=" ".join)
def test_every_command_helps(words):
    text = runbell(*words, "--help")
    assert text.startswith(text[0].upper()) and f"runbell {' '.join(words)}" in text
    assert "--no-such" in runbell(*words, "--no-such-flag", code=2)


def test_the_overview_names_all_and_typos_are_mended():
    text = runbell("help")
    assert all(f"runbell {name}" in text for name in [*LEAVES, *GROUPS])
    assert "did you mean: runbell doctor?" in runbell("docter", code=2)
    far = runbell("bogus", code=2)
    assert 'there is no command "bogus"; runbell --help lists those there are' in far and "did you mean" not in far
    assert "did you mean" not in runbell("deliveries", "list", "--xyzzy", "x", code=2)
    assert runbell("help", "deliveries", "list") == runbell("deliveries", "list", "--help")
    assert runbell("help", "deliveries") == runbell("deliveries", "--help") and runbell("help", "serve") == runbell("serve", "--help")
    assert "did you mean: runbell deliveries list?" in runbell("deliveries", "lisd", code=2)
    assert "did you mean --server?" in runbell("deliveries", "list", "--sever", "x", code=2)


def test_completions_and_man_page_have_every_command_and_flag(tmp_path):
    for shell in ("bash", "zsh", "fish", "man"):
        text = runbell("completion", shell)
        for name in [*LEAVES, *GROUPS, *GROUPS["deliveries"]]:
            assert name in text, f"{shell}: {name}"
        assert "any-time" in text.replace("\\-", "-"), shell
    assert "tcsh" in runbell("completion", "tcsh", code=2)
    script = tmp_path / "c.bash"
    script.write_text(runbell("completion", "bash"))

    def completed(*words):
        asked = f'COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}; _runbell; echo "${{COMPREPLY[@]}}"'
        return subprocess.check_output(["bash", "-c", f". {script}; {asked}"], text=True).split()

    assert completed("runbell", "deliveries", "t") == ["tail"]
    assert completed("runbell", "trigger", "a") == ["alert"] and completed("runbell", "completion", "z") == ["zsh"]
    assert completed("runbell", "deliveries", "c") == ["cancel"]
    assert completed("runbell", "deliveries", "list", "--state", "d") == ["due", "done", "dead"]
    assert completed("runbell", "deliveries", "list", "--json", "--kind", "f") == ["fleet"]
    assert completed("runbell", "replay", "--state", "''") == ["dead", "done", "any"]
    assert completed("runbell", "endpoints", "list", "--state", "p") == ["paused"]
    assert completed("runbell", "keys", "create", "--role", "v") == ["viewer"]
    assert completed("runbell", "verify", "--secret-file", str(tmp_path / "c.b")) == [str(script)], "a file where a file is meant"
    assert completed("runbell", "deliveries", "list", "--st") == ["--state", "--status"]
    page = runbell("completion", "man")
    assert page.isascii() and all(f"RUNBELL_{name}" in page for name in ("URL", "API_KEY", "SECRET", "CA_FILE"))


def test_everything_speaks_json():
    """cli-ops.md section 5.1: `--json` everywhere; but for what starts, or prints a script."""
    leaves = [[leaf] for leaf in LEAVES] + [[group, name] for group in GROUPS for name in GROUPS[group]] + [["version"]]
    without = {" ".join(words) for words in leaves if "--json" not in runbell(*words, "--help")}
    assert without == {"serve", "completion"}
    assert json.loads(runbell("version", "--json"))["name"] == "runbell"
    assert json.loads(runbell("config", "check", "--json"))["store"] == "sqlite"
    assert json.loads(runbell("config", "print", "--json"))["runbell"]


def test_help_is_in_columns():
    """Also where a word has letters of more than one byte."""
    lines = [line for line in runbell("keys", "create", "--help").splitlines() if line.startswith("  --")]
    assert all(line[23] == " " and line[24] != " " for line in lines), lines


def test_what_a_server_has_is_exported(server, api, hostile):
    """Lines of JSON, each as the API tells it; a body byte for byte."""
    hook = hostile.hook("/exported")
    runs = [api.ended_run(webhook=hook.url, metadata={"n": n}) for n in range(3)]
    hook.wait_for(3)
    found = [api.delivery_of(run, "done") for run in runs]
    words = ["export", "deliveries", "--endpoint", found[0]["endpoint_id"]]
    lines = [json.loads(line) for line in runbell(*words, "--state", "done", "--bodies", url=server.url).splitlines()]
    assert [one["delivery_id"] for one in lines] == [one["delivery_id"] for one in found[::-1]], "newest first"
    assert {one["body"].encode() for one in lines} == {request.body for request in hook.requests}
    for one in lines:
        assert one.pop("body_encoding") == "utf-8" and one.pop("body")
        assert one == api.ok("GET", f"/v1/deliveries/{one['delivery_id']}") and len(one["attempt_log"]) == 1
    assert runbell(*words, "--state", "dead", url=server.url) == ""
    exported = [json.loads(line) for line in runbell("export", "endpoints", url=server.url).splitlines()]
    listed = api.ok("GET", "/v1/endpoints", params={"limit": 1000})["endpoints"]
    assert [one["endpoint_id"] for one in exported] == [one["endpoint_id"] for one in listed]
    thread = api.thread(metadata={"exported": True})
    threads = {one["thread_id"]: one for one in map(json.loads, runbell("export", "threads", url=server.url).splitlines())}
    assert threads[thread] == api.ok("GET", f"/threads/{thread}")
    assert len(threads) == api.ok("POST", "/threads/count", json={})


def test_a_store_is_migrated_when_it_is_said(tmp_path):
    data = ["--data", str(tmp_path)]
    assert "there is no store yet" in runbell("migrate", *data, code=1)
    with contextlib.closing(sqlite3.connect(tmp_path / "runbell.db")) as db, db:  # as a program that knew no step left it
        db.execute("CREATE TABLE schema_version (version BIGINT NOT NULL)")
        db.execute("INSERT INTO schema_version VALUES (0)")
    known = json.loads(runbell("version", "--json"))["store_schema"]
    assert f"Schema 0 would become {known}." in runbell("migrate", "--check", *data, code=1)
    assert json.loads(runbell("migrate", "--json", *data)) == {"schema_before": 0, "schema": known}
    assert json.loads(runbell("migrate", "--check", "--json", *data)) == {"schema_before": known, "schema": known}
    runbell("keys", "create", *data)
    with contextlib.closing(sqlite3.connect(tmp_path / "runbell.db")) as db, db:
        db.execute("UPDATE schema_version SET version = version + 1")
    assert "use the newer program" in runbell("migrate", *data, code=1)


def test_compacting_gives_room_back(tmp_path):
    data = ["--data", str(tmp_path)]
    assert "holds no store" in runbell("compact", *data, code=1)
    assert "VACUUM FULL" in runbell("compact", "--store", "postgres://nobody@127.0.0.1:1/none", code=1)
    key = runbell("keys", "create", "--json", *data)
    with contextlib.closing(sqlite3.connect(tmp_path / "runbell.db")) as db, db:
        db.execute("CREATE TABLE much AS SELECT zeroblob(4000000) AS bytes")
        db.execute("DROP TABLE much")
    told = json.loads(runbell("compact", "--json", *data))
    assert told["bytes"] == (tmp_path / "runbell.db").stat().st_size < told["bytes_before"] / 2
    assert stat.S_IMODE((tmp_path / "runbell.db").stat().st_mode) == 0o600
    assert json.loads(key)["key_id"] in runbell("keys", "list", *data), "all is there"


def test_a_store_in_use_is_not_compacted(server):
    if server.store == "sqlite":
        assert "in use by another runbell" in runbell("compact", "--data", str(server.data), code=1)


def test_openapi_is_that_of_the_server(api):
    served = api.ok("GET", "/openapi.json")
    assert served["paths"].pop("/internal/truncate")  # there with --dev only
    assert json.loads(runbell("openapi")) == served


# ---- deliveries ----

def test_a_user_finds_a_failed_delivery_and_sends_it_again(server, api, hostile):
    hook = hostile.hook("/hook", Answer(status=500, body=b"no \x1b[31mroom"))
    delivery = api.delivery_of(api.ended_run(webhook=hook.url), "dead")
    number = str(delivery["delivery_id"])
    listed = runbell("deliveries", "list", "--state", "dead", url=server.url)
    assert number in listed and "server_error" in listed and hook.url in listed
    assert json.loads(runbell("deliveries", "list", "--status", "5xx", "--json", url=server.url))["deliveries"]
    shown = runbell("deliveries", "show", number, url=server.url)
    assert shown.count("server_error") == 3 and delivery["webhook_id"] in shown and "no ?[31mroom" in shown
    assert json.loads(runbell("deliveries", "show", number, "--json", url=server.url))["delivery_id"] == int(number)
    hook.answer(Answer())
    again = json.loads(runbell("deliveries", "resend", number, "--json", url=server.url))
    assert again["resend_of"] == int(number)
    eventually(lambda: api.ok("GET", f"/v1/deliveries/{again['delivery_id']}")["state"] == "done")
    assert runbell("deliveries", "get", number, "--json", url=server.url).startswith('{"delivery_id":' + number)
    assert "there is no delivery 987654" in runbell("deliveries", "show", "987654", url=server.url, code=1)
    assert "state: must be" in runbell("deliveries", "list", "--state", "lost", url=server.url, code=1)


def test_a_server_that_is_not_there_or_wants_a_key_is_told(start_server):
    nowhere = f"http://127.0.0.1:{free_port()}"
    assert "runbell serve" in runbell("deliveries", "list", "--server", nowhere, code=1)
    assert "must be a URL" in runbell("deliveries", "list", "--server", "here", code=1)
    locked = start_server()
    with Api(locked.url) as first:
        key = first.ok("POST", "/v1/keys", json={})["key"]
        eventually(lambda: first.get("/v1/deliveries").status_code == 401)
    assert "--api-key" in runbell("deliveries", "list", url=locked.url, code=1)
    wrong = runbell("deliveries", "list", "--api-key", key[:-1] + ("A" if key[-1] != "A" else "B"), url=locked.url, code=1)
    assert "this API key" in wrong and "wants" not in wrong, "it was given one"
    runbell("deliveries", "list", "--api-key", key, url=locked.url)
    runbell("deliveries", "list", url=locked.url, env={"RUNBELL_API_KEY": key})


def test_the_log_is_searched_by_everything(server, api, receiver):
    first, second = (api.delivery_of(api.ended_run(webhook=receiver.url), "done") for _ in range(2))

    def listed(*flags, **options):
        found = json.loads(runbell("deliveries", "list", "--json", *flags, url=server.url, **options))["deliveries"]
        return [one["delivery_id"] for one in found]

    one, two = first["delivery_id"], second["delivery_id"]
    path = receiver.path[1:]
    assert listed("--url", path) == [two, one] and listed("--url", path, "--before", str(two)) == [one]
    assert listed("--webhook-id", first["webhook_id"]) == [one]
    assert listed("--url", path, "--until", second["created_at"]) == [one]
    assert listed("--url", path, "--since", "1h", "--kind", "run", "--state", "done", "--result", "delivered", "--status", "2xx") == [two, one]
    assert listed("--url", path, "--text", "nothing says so") == []
    shown = subprocess.run([str(binary()), "deliveries", "list", "--url", path, "--limit", "1", "--server", server.url],
                           capture_output=True, text=True, check=True)
    assert f"There may be more: --before {two}" in shown.stderr
    assert "kind: must be run" in runbell("deliveries", "list", "--kind", "runs", url=server.url, code=1)
    followed = runbell("events", "tail", "--after", "0", "--count", "1", "--url", path, "--json", url=server.url)
    assert json.loads(followed)["delivery"]["delivery_id"] == one


def test_keys_of_a_running_server_are_made_and_revoked(start_server):
    """With SQLite its folder is locked: the message says what to do, and that works."""
    one = start_server()
    local = ["--data", str(one.data), *([] if one.store == "sqlite" else ["--store", one.store])]
    if one.store == "sqlite":
        assert "--server URL" in runbell("keys", "list", *local, code=1)
    first = runbell("keys", "create", "--name", "first", "--server", one.url).strip()
    assert "--api-key" in runbell("keys", "list", "--server", one.url, code=1)
    mine = ["--server", one.url, "--api-key", first]
    second = json.loads(runbell("keys", "create", "--role", "viewer", "--email", "ann@example.com", "--expires", "90d",
                                "--limits", "requests_per_s=5", "--json", *mine))
    assert (second["role"], second["email"], second["limits"]["requests_per_s"]) == ("viewer", "ann@example.com", 5)
    listed = runbell("keys", "list", *mine)
    assert listed.splitlines()[0].split()[:2] == ["KEY_ID", "ROLE"] and second["key_id"] in listed and "first" in listed
    rotated = runbell("keys", "rotate", second["key_id"], *mine).strip()
    assert "role" in runbell("keys", "create", "--role", "viewer", "--server", one.url, "--api-key", rotated, code=1)
    [viewer] = [key["key_id"] for key in json.loads(runbell("keys", "list", "--json", *mine)) if key["role"] == "viewer"]
    assert json.loads(runbell("keys", "revoke", viewer, "--json", *mine)) == {"revoked": viewer}
    assert "no key" in runbell("keys", "revoke", "nobody", *mine, code=1)


# ---- samples ----

def test_a_sample_of_each_kind_is_sent_and_the_answer_told(server, receiver, hostile):
    for kind in ("run", "rule", "alert"):
        assert "Delivered" in runbell("trigger", kind, "--url", receiver.url, url=server.url)
    assert len(receiver.requests) == 3 and receiver.requests[0].header("webhook-signature")
    refusing = hostile.hook("/hook", Answer(status=500))
    said = json.loads(runbell("trigger", "alert", "--url", refusing.url, "--json", url=server.url, code=1))
    assert said["delivered"] is False and said["attempt"]["status"] == 500
    told = runbell("trigger", "run", "--url", f"http://127.0.0.1:{free_port()}/", url=server.url, code=1)
    assert "Not delivered: no connection" in told and "connection refused" in told
    assert "run, rule, alert or fleet" in runbell("trigger", "party", "--url", receiver.url, url=server.url, code=1)
    assert "--url is missing" in runbell("trigger", "run", url=server.url, code=2)


# ---- inspect ----

def test_the_inspector_in_the_terminal(server, api):
    process = subprocess.Popen([str(binary()), "inspect", "--slug", "term", "--script", "503,200", "--count", "2",
                                "--server", server.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")
    try:
        eventually(lambda: api.get("/v1/inspectors/term").status_code == 200)
        run = api.ended_run(webhook=f"{server.url}/in/term")
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0 and f"{server.url}/in/term" in err.decode()
    assert out.decode().count("verified: signed by the server's signing secret 1") == 2
    assert "answered 503" in out.decode() and "answered 200" in out.decode() and run["run_id"] in out.decode()
    assert api.get("/v1/inspectors/term").status_code == 404, "what it made it deletes"
    assert "status" in runbell("inspect", "--status", "99", url=server.url, code=1)
    assert "--count" in runbell("inspect", "--count", "x", url=server.url, code=2)


def interrupted(words, started, server, ending=signal.SIGINT):
    """The exit code, output and errors of a command that is interrupted once `started` says so."""
    process = subprocess.Popen([str(binary()), *words, "--server", server.url], stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd="/")
    try:
        eventually(started)
        process.send_signal(ending)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    return process.returncode, out.decode(), err.decode()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_inspector_is_cleaned_up(server, api, ending):
    code, _, _ = interrupted(["inspect", "--slug", "cut", "--fail-first", "1", "--body", "hello"],
                             lambda: api.get("/v1/inspectors/cut").status_code == 200, server, ending)
    assert code == 0 and api.get("/v1/inspectors/cut").status_code == 404
    kept = ["inspect", "--slug", "kept", "--fail-first", "1", "--body", "hello", "--keep"]
    code, _, _ = interrupted(kept, lambda: api.get("/v1/inspectors/kept").status_code == 200, server, ending)
    answer = api.ok("GET", "/v1/inspectors/kept")["answer"]
    assert code == 0 and (answer["fail_first"], answer["body"]) == (1, "hello")
    api.delete("/v1/inspectors/kept")


# ---- pipes and descriptors ----

def test_a_reader_that_leaves_ends_what_follows(server, api, receiver):
    """`runbell deliveries tail | head -1` comes back with the next event, and says nothing."""
    api.ended_run(webhook=receiver.url)
    follow = f"'{binary()}' deliveries tail --after 0 --server {server.url}"
    pipe = subprocess.Popen(["bash", "-c", f"{follow} | head -1; echo ${{PIPESTATUS[@]}}"], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)
    assert pipe.stdout.readline().startswith("20")
    for _ in range(100):  # until the reader has left, and the next event finds nobody
        if pipe.poll() is not None:
            break
        api.ended_run(webhook=receiver.url)
        time.sleep(0.1)
    out, err = pipe.communicate(timeout=30)
    assert (out, err) == ("1 0\n", "")
    full = subprocess.run(["bash", "-c", f"{follow} --count 2 >/dev/full"], capture_output=True, text=True, check=False, timeout=60)
    assert full.returncode == 1 and "No space left" in full.stderr


def test_closed_descriptors_do_no_harm(server):
    for closed in (">&-", "<&- >&-", "<&- >&- 2>&-"):
        done = subprocess.run(["bash", "-c", f"'{binary()}' deliveries list --server {server.url} {closed}"],
                              capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 0 and "Assertion" not in done.stderr, done


# ---- verify ----

def capture(body=b'{"a":1}', when=None, **changed):
    when = when or int(time.time())
    from datetime import datetime, timezone
    signature = Webhook(SECRET).sign("msg_1", datetime.fromtimestamp(when, timezone.utc), '{"a":1}')
    headers = {"webhook-id": "msg_1", "Webhook-Timestamp": str(when), "webhook-signature": signature, **changed}
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items() if value is not None)
    return f"POST /hook HTTP/1.1\r\nHost: x\r\n{head}\r\n".encode() + body


def test_a_captured_request_is_verified_or_its_mistake_is_told(tmp_path):
    assert runbell("verify", "--secret", SECRET, text=capture()).startswith("Verified: signed by secret 1")
    assert "signed by secret 2" in runbell("verify", text=capture(), env={"RUNBELL_SECRET": f"{OTHER} {SECRET}"})
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    (tmp_path / "request").write_bytes(capture().replace(b"\r\n", b"\n"))
    runbell("verify", "--secret-file", "secret", "--request", "request", cwd=tmp_path)
    for words, text, told in [
        (["--secret", OTHER], capture(), "another secret"),
        (["--secret", SECRET], capture(b'{"a": 1}'), "changed on the way: as JSON without blanks"),
        (["--secret", SECRET], capture(b'{"a":1}\n'), "without the line end"),
        (["--secret", SECRET], capture(when=1700000000), "replay"),
        (["--secret", SECRET], capture(**{"webhook-signature": None}), "no webhook-signature"),
        (["--secret", SECRET], capture(**{"webhook-id": None}), "lacks webhook-id"),
        ([], capture(), "no secret"),
        (["--secret", "hunter2"], capture(), "begins with whsec_"),
        (["--secret", SECRET], b"nothing", "no empty line"),
    ]:
        said = runbell("verify", *words, text=text, code=1)
        assert told in said and "hunter2" not in said, said
    assert runbell("verify", "--secret", SECRET, "--at", "1700000000", text=capture(when=1700000000))
    assert runbell("verify", "--secret", SECRET, "--any-time", text=capture(when=1700000000))
    verdict = json.loads(runbell("verify", "--secret", OTHER, "--json", text=capture(), code=1))
    assert verdict["verified"] is False and verdict["verdict"] == "wrong_signature"


def test_a_body_alone_is_verified_with_headers_from_flags(tmp_path):
    (tmp_path / "body").write_bytes(b'{"test": 2432232314}')
    words = ["verify", "--secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "--body", "body", "--id",
             "msg_p5jXN8AQM9LWM0D4loKWxJek", "--timestamp", "1614265330", "--at", "1614265330", "--signature"]
    runbell(*words, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=", cwd=tmp_path)
    runbell(*words, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA=", cwd=tmp_path, code=1)


# ---- doctor ----

def checks(text):
    return {check["check"]: check for check in json.loads(text)["checks"]}


def doctor(server, *words, code=0):
    store = [] if server.store == "sqlite" else ["--store", server.store]
    return runbell("doctor", "--json", "--data", str(server.data), *store, *words, url=server.url, code=code,
                   cwd=server.project)


def test_the_doctor_finds_a_running_server_well(server):
    found = checks(doctor(server))
    assert {"config", "clock", "file limit", "disk", "permissions", "roots", "store", "backlog", "server"} <= set(found)
    assert found["server"]["verdict"] == "ok" and found["store"]["verdict"] == "ok"
    assert ("fsync" in found) == (server.store == "sqlite")
    assert [check for check in found.values() if check["verdict"] == "failed"] == []
    sqlite = json.loads(runbell("version", "--json"))["sqlite"]
    assert tuple(map(int, sqlite.split("."))) >= (3, 40)
    assert found["store"]["detail"].startswith(f"SQLite {sqlite}, " if server.store == "sqlite" else "PostgreSQL, ")
    assert list(checks(doctor(server, "--quick"))) == ["config", "server"]


def test_the_doctor_tells_what_does_not_work(server, tmp_path):
    nowhere = f"http://127.0.0.1:{free_port()}"
    down = checks(runbell("doctor", "--quick", "--json", "--server", nowhere, cwd=tmp_path, code=1))
    assert down["server"]["verdict"] == "failed" and "runbell serve" in down["server"]["mend"]
    (tmp_path / "langgraph.json").write_text('{"runbell": {"redaers": 3}}')
    wrong = checks(runbell("doctor", "--json", "--server", nowhere, cwd=tmp_path, code=1))
    assert wrong["config"]["verdict"] == "failed" and "did you mean runbell.readers" in wrong["config"]["detail"]
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-days", "5", "-subj", "/CN=localhost", "-keyout", str(key), "-out", str(certificate)],
                   check=True, capture_output=True)
    key.chmod(stat.S_IRUSR | stat.S_IRGRP)
    (tmp_path / "langgraph.json").write_text('{"runbell": {"tls": {"cert": "cert.pem", "key": "key.pem"}}}')
    found = checks(runbell("doctor", "--json", "--server", nowhere, cwd=tmp_path, code=1))
    assert found["certificate"]["verdict"] == "warning" and " days" in found["certificate"]["detail"]
    assert found["permissions"]["verdict"] == "failed" and "640" not in found["permissions"]["mend"]


def test_the_doctor_tries_the_way_to_a_receiver(server, receiver):
    """A2, A9: reachable, the path right, POST taken; refused by a rule; nobody there."""

    def egress(url, code=0):
        return checks(doctor(server, "--dev", "--egress", url, code=code))["egress"]

    assert egress(receiver.url)["verdict"] == "ok" and receiver.requests[0].method == "POST"
    receiver.answer(Answer(status=404))
    assert "compare the URL" in egress(receiver.url)["mend"]
    receiver.answer(Answer(status=401))
    assert "headers" in egress(receiver.url)["mend"]
    receiver.answer(Answer(status=405))
    assert "POST" in egress(receiver.url)["mend"]
    closed = egress(f"http://127.0.0.1:{free_port()}/", code=1)
    assert closed["detail"] == "connection refused" and "firewall" in closed["mend"]
    refused = checks(doctor(server, "--egress", receiver.url, code=1))["egress"]
    assert "loopback" in refused["detail"]


@pytest.mark.parametrize("url, rule", [
    ("http://169.254.169.254/latest", "link-local"), ("http://100.100.100.200/", "link-local"), ("http://0.1.2.3/", "reserved"),
    ("http://[2002:808:808::]/", "reserved"), ("http://[2001::1]/", "reserved"), ("http://224.0.0.1/", "multicast"),
    ("http://[64:ff9b::a9fe:a9fe]/", "link-local"), ("http://0177.0.0.1/", "looks like a number"), ("http://127.1/", "looks like a number"),
    ("http://[fe80::1%25eth0]/", "zone"), ("http://user:pw@example.com/", "user name"), ("http://exämple.com/", "punycode"),
    ("gopher://example.com/", "http:// or https://"),
])
def test_what_must_not_be_called_is_told_alike_wherever_it_is_asked(server, api, url, rule):
    """delivery.md section 4.1: one verdict when it is saved, tested, and looked at from outside, in the same words."""
    words = set()
    for path, body in (("/runs", {"assistant_id": "agent", "webhook": url}), ("/v1/test", {"url": url}),
                       ("/v1/endpoints", {"url": url, "kind": "run"})):
        answer = api.post(path, json=body)
        assert answer.status_code == 422, (path, answer.text)
        words.add(answer.json()["detail"].split(": ", 1)[1])
    checks = json.loads(runbell("doctor", "--egress", url, "--json", code=1, cwd=server.project).split("\nrunbell")[0])["checks"]
    words.add(next(one["detail"] for one in checks if one["check"] == "egress"))
    assert len(words) == 1 and rule in words.pop()
