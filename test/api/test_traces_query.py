"""POST /runs/query: keys, filters, select, pages; steps of long searches (contract 2.2, 3)."""

import pytest
from harness.api import Api
from harness.spans import BEGAN, iso, make_span, new_id

PROJECT = "queries"


def at(ms):
    from datetime import timedelta
    return iso(BEGAN + timedelta(milliseconds=ms))


@pytest.fixture(scope="module")
def spans(server):
    """Three traces: a chain with an llm run and a tool that failed; a bare llm run; a chain that still runs."""
    root = make_span(name="agent", at_ms=0, project=PROJECT, end_time=at(3000), outputs={"answer": "42"},
                     inputs={"question": "What is an image?"}, tags=["prod"],
                     extra={"metadata": {"thread_id": "t-1", "user": "ada"}})
    llm = make_span(root, name="ChatModel", at_ms=100, project=PROJECT, run_type="llm", end_time=at(1100),
                    inputs={"messages": [{"role": "user", "content": "Hello there"}]}, tags=["prod", "beta"])
    tool = make_span(root, name="search", at_ms=1200, project=PROJECT, run_type="tool", end_time=at(1300),
                     error="ValueError('bad')")
    bare = make_span(name="ChatModel", at_ms=5000, project=PROJECT, run_type="llm", end_time=at(5010),
                     extra={"metadata": {"thread_id": "t-1", "user": "bob"}})
    open_ = make_span(name="agent", at_ms=6000, project=PROJECT)
    with Api(server.url) as api:
        assert api.post("/runs/batch", json={"post": [root, llm, tool, bare, open_]}).status_code == 202
    return {"root": root, "llm": llm, "tool": tool, "bare": bare, "open": open_}


@pytest.fixture
def session(api, spans):
    return api.ok("GET", "/sessions", params={"name": PROJECT})[0]["id"]


@pytest.fixture
def names(api, spans, session):
    """What a query finds, as names of the fixture."""
    by_id = {span["id"]: name for name, span in spans.items()}

    def find(**body):
        found = api.ok("POST", "/runs/query", json={"session": [session], **body})
        return [by_id.get(run["id"]) for run in found["runs"]]
    return find


@pytest.mark.parametrize("body, expected", [
    ({}, "open bare tool llm root"),
    ({"order": "asc"}, "root llm tool bare open"),
    ({"is_root": True}, "open bare root"),
    ({"is_root": 1}, "open bare root"),
    ({"is_root": False}, "tool llm"),
    ({"execution_order": 1}, "open bare root"),
    ({"run_type": "llm"}, "bare llm"),
    ({"run_type": "chain"}, "open root"),
    ({"error": True}, "tool"),
    ({"error": False}, "open bare llm root"),
    ({"start_time": at(1200)}, "open bare tool"),
    ({"start_time": at(1200)[:-6]}, "open bare tool"),
    ({"end_time": at(1200)}, "tool llm root"),
    ({"filter": 'eq(name, "ChatModel")'}, "bare llm"),
    ({"filter": 'and(eq(run_type, "llm"), gt(latency, 0.5))'}, "llm"),
    ({"filter": 'gt(latency, "2s")'}, "root"),
    ({"filter": "neq(error, null)"}, "tool"),
    ({"filter": 'has(tags, "beta")'}, "llm"),
    ({"filter": 'search("image")'}, "root"),
    ({"filter": 'and(eq(input_key, "messages.content"), like(input_value, "%hello%"))'}, "llm"),
    ({"filter": 'and(in(metadata_key, ["session_id", "thread_id"]), eq(metadata_value, "t-1"))'}, "bare root"),
    ({"filter": 'eq(thread_id, "t-1")', "is_root": True}, "bare root"),
    ({"filter": 'eq(metadata.user, "bob")'}, "bare"),
    ({"filter": 'eq(status, "pending")'}, "open"),
    ({"trace_filter": 'has(tags, "prod")'}, "tool llm root"),
    ({"tree_filter": "neq(error, null)", "is_root": True}, "root"),
    ({"filter": 'eq(run_type, "llm")', "tree_filter": 'eq(name, "search")'}, "llm"),
    ({"filter": "", "unknown": 1, "search_filter": None, "skip_pagination": True}, "open bare tool llm root"),
    ({"filter": None, "trace_filter": None, "session": None}, None),
])
def test_what_a_query_means(names, body, expected):
    found = names(**body)
    assert expected is None or found == expected.split()


def test_by_id_by_trace_and_by_parent(api, names, spans):
    root, llm = spans["root"]["id"], spans["llm"]["id"]
    assert names(id=[llm, root, new_id()], filter='eq(name, "no such")') == ["llm", "root"]
    assert names(id=llm.replace("-", "")) == ["llm"]
    assert names(trace=root) == ["tool", "llm", "root"]
    assert names(trace=root, is_root=False, session=None) == ["tool", "llm"]
    assert names(parent_run=root) == ["tool", "llm"]
    assert names(parent_run=new_id()) == []
    assert names(session=[new_id()]) == []


def test_by_the_example_as_text_and_as_list(api, names, session):
    example = new_id()
    span = make_span(name="of an example", project="examples", reference_example_id=example)
    assert api.post("/runs", json=span).status_code == 202
    for form in (example, [example]):
        found = api.ok("POST", "/runs/query", json={"reference_example": form})["runs"]
        assert [run["id"] for run in found] == [span["id"]]
        assert found[0]["reference_example_id"] == example


def test_pages_are_stable_while_data_arrives(api, session):
    project = f"pages-{new_id()}"
    made = [make_span(name=f"s{i}", at_ms=i // 3, project=project) for i in range(25)]
    assert api.post("/runs/batch", json={"post": made}).status_code == 202
    page_of = api.ok("GET", "/sessions", params={"name": project})[0]["id"]
    seen, cursor = [], None
    for page in range(10):
        found = api.ok("POST", "/runs/query", json={"session": page_of, "limit": 4, "cursor": cursor})
        seen += [run["id"] for run in found["runs"]]
        assert set(found) == {"runs", "cursors", "search_cursors", "parsed_query"}
        cursor = found["cursors"]["next"]
        if not cursor:
            break
        api.post("/runs", json=make_span(name="late", at_ms=1000 + page, project=project))
    assert sorted(seen) == sorted(span["id"] for span in made)
    everything = api.ok("POST", "/runs/query", json={"session": page_of, "limit": 5000})
    assert len(everything["runs"]) == 25 + page and everything["cursors"] == {"next": None, "prev": None}


def test_select_and_what_is_always_there(api, session, spans):
    always = {"id", "trace_id", "session_id", "dotted_order", "app_path", "name", "run_type", "status", "start_time"}
    [run] = api.ok("POST", "/runs/query", json={"id": [spans["root"]["id"]], "select": ["inputs", "tags"]})["runs"]
    assert set(run) == always | {"inputs", "tags"}
    assert run["inputs"] == {"question": "What is an image?"} and run["tags"] == ["prod"]
    [run] = api.ok("POST", "/runs/query", json={"id": [spans["root"]["id"]]})["runs"]
    assert run == api.ok("GET", f"/runs/{spans['root']['id']}")
    assert run["status"] == "success" and run["outputs"] == {"answer": "42"} and run["thread_id"] == "t-1"


@pytest.mark.parametrize("body, status, words", [
    ({"filter": "eq(nam, 'x')"}, 400, "filter: there is no attribute nam (did you mean name?) (at position 3)"),
    ({"trace_filter": "foo(name)"}, 400, "trace_filter: foo is no operator"),
    ({"tree_filter": "eq(name, 'x'"}, 400, "tree_filter: this '(' is not closed (at position 2)"),
    ({"filter": 5}, 422, "filter"),
    ({"select": ["nothing"]}, 422, "select: a run has no field nothing"),
    ({"run_type": "agent"}, 422, "run_type"),
    ({"order": "up"}, 422, "order"),
    ({"cursor": "x"}, 422, "cursor"),
    ({"session": ["x"]}, 422, "session"),
    ({"start_time": "yesterday"}, 422, "start_time"),
    ({"is_root": "maybe"}, 422, "is_root"),
])
def test_what_is_refused(api, body, status, words):
    answer = api.post("/runs/query", json=body)
    assert answer.status_code == status and words in str(answer.json()["detail"])


def test_filters_are_checked_without_a_search(api):
    assert api.ok("POST", "/runs/query/validate", json={"filter": "eq(name, 'x')"}) == {"valid": True, "errors": []}
    wrong = api.ok("POST", "/api/v1/runs/query/validate", json={"filter": "eq(name", "tree_filter": "eq(no, 1)"})
    assert not wrong["valid"] and [error["field"] for error in wrong["errors"]] == ["filter", "tree_filter"]
    assert "position" in wrong["errors"][0]["message"]


def test_a_long_search_runs_in_steps(api, session):
    """More spans than one step looks at, of which the filter finds the very first."""
    project = f"long-{new_id()}"
    for batch in range(6):
        made = [make_span(name="needle" if batch == 0 and i == 0 else "hay", at_ms=batch * 1000 + i, project=project,
                          inputs={"n": i}) for i in range(1000)]
        assert api.post("/runs/batch", json={"post": made}).status_code == 202
    page_of = api.ok("GET", "/sessions", params={"name": project})[0]["id"]
    found = api.ok("POST", "/runs/query", json={"session": [page_of], "filter": 'like(name, "%needle%")'})
    assert [run["inputs"] for run in found["runs"]] == [{"n": 0}]
    found = api.ok("POST", "/runs/query", json={
        "session": [page_of], "filter": 'and(eq(name, "hay"), eq(input_key, "n"), eq(input_value, 1))', "limit": 3})
    assert [run["inputs"] for run in found["runs"]] == [{"n": 1}] * 3 and found["cursors"]["next"]


def test_the_times_of_a_trace(api, spans):
    """B6: trace_min_start_time and trace_max_start_time, by one name in select."""
    body = {"id": [spans["llm"]["id"], spans["bare"]["id"]], "select": ["trace_min_max_start_time"], "order": "asc"}
    inside, alone = api.ok("POST", "/runs/query", json=body)["runs"]
    assert (inside["trace_min_start_time"], inside["trace_max_start_time"]) == (at(0)[:26], at(1200)[:26])
    assert alone["trace_min_start_time"] == alone["trace_max_start_time"] == at(5000)[:26]
    assert "trace_min_start_time" not in api.ok("POST", "/runs/query", json={**body, "select": ["id"]})["runs"][0]
    assert api.ok("GET", f"/runs/{spans['tool']['id']}")["trace_max_start_time"] == at(1200)[:26]


def test_lists_tell_what_is_shared(api, spans):
    """B6: share_token of a list as of one run; who reads by a token is told of no other."""
    root, tool = spans["root"]["id"], spans["tool"]["id"]
    tokens = {one: api.ok("PUT", f"/runs/{one}/share", json={})["share_token"] for one in (root, tool)}
    listed = api.ok("POST", "/runs/query", json={"id": [root, tool], "select": ["share_token"]})["runs"]
    assert {run["id"]: run["share_token"] for run in listed} == tokens
    assert api.ok("GET", f"/public/{tokens[root]}/run/{tool}")["share_token"] is None
    for one in tokens:
        api.ok("DELETE", f"/runs/{one}/share")
    assert api.ok("POST", "/runs/query", json={"id": [root], "select": ["share_token"]})["runs"][0]["share_token"] is None
