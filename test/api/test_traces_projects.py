"""Projects, which the wire calls sessions."""

import json

import pytest
from harness.spans import make_span, new_id


def name_of(kind):
    return f"{kind}-{new_id()}"


def test_default_is_always_there(start_server):
    import httpx
    url = start_server().url
    [project] = httpx.get(url + "/sessions?limit=1").json()
    assert project["name"] == "default" and project["tenant_id"] and project["reference_dataset_id"] is None
    assert httpx.get(url + "/settings").json()["id"] == project["tenant_id"]


def test_a_project_is_made_changed_and_deleted(api):
    name = name_of("crud")
    made = api.ok("POST", "/sessions", json={"name": name, "extra": {"metadata": {"k": name}}, "description": "d",
                                             "start_time": "2026-01-01T00:00:00+00:00"})
    assert made["description"] == "d" and made["start_time"] == "2026-01-01T00:00:00.000000"
    path = f"/sessions/{made['id']}"
    assert api.ok("GET", path + "?include_stats=False") == made
    changed = api.ok("PATCH", path, json={"end_time": "2026-01-02T00:00:00Z", "name": name + "-2"})
    assert changed["end_time"] == "2026-01-02T00:00:00.000000" and changed["description"] == "d"
    assert api.ok("DELETE", path) is not None
    assert api.get(path).status_code == 404
    assert api.ok("GET", "/sessions", params={"name": name + "-2"}) == []


def test_a_name_is_taken_once(api):
    name = name_of("once")
    first = api.ok("POST", "/sessions", json={"name": name})
    assert api.post("/sessions", json={"name": name}).status_code == 409
    again = api.ok("POST", "/sessions?upsert=True", json={"name": name, "description": "new"})
    assert again["id"] == first["id"] and again["description"] == "new"
    other = api.ok("POST", "/sessions", json={"name": name + "-b"})
    assert api.patch(f"/sessions/{other['id']}", json={"name": name}).status_code == 409


def test_projects_are_found(api):
    names = [name_of("found") for _ in range(3)]
    made = [api.ok("POST", "/sessions", json={"name": name, "extra": {"metadata": {"n": name, "x": 1}}})
            for name in names]

    def found(**params):
        return [one["name"] for one in api.ok("GET", "/sessions", params=params)]

    assert found(name=names[1]) == [names[1]]
    assert found(name_contains=names[2][8:].upper()) == [names[2]]
    assert sorted(found(id=[made[0]["id"], made[2]["id"], new_id()])) == sorted([names[0], names[2]])
    assert found(metadata=json.dumps({"n": names[0]})) == [names[0]]
    assert found(name=name_of("none")) == []
    assert len(found(limit=2)) == 2
    assert found(limit=1, offset=1) != found(limit=1)


def test_spans_make_their_project(api):
    name = name_of("made")
    span = make_span(project=name)
    assert api.post("/runs", json=span).status_code == 202
    [project] = api.ok("GET", "/sessions", params={"name": name})
    assert api.ok("GET", f"/runs/{span['id']}")["session_id"] == project["id"]
    api.ok("DELETE", "/sessions", params={"session_ids": project["id"]})
    assert api.get(f"/runs/{span['id']}").status_code == 404


@pytest.mark.parametrize("path, body", [
    ("/sessions", {"name": ""}), ("/sessions", {"name": 5}), ("/sessions", {"name": "x", "id": "y"}),
    ("/sessions", {"name": "x", "start_time": "soon"}),
])
def test_what_is_refused(api, path, body):
    assert api.post(path, json=body).status_code == 422
    assert api.get("/sessions/none").status_code == 422
    assert api.get(f"/sessions/{new_id()}").status_code == 404
    assert api.patch(f"/sessions/{new_id()}", json={}).status_code == 404
    assert api.delete(f"/sessions/{new_id()}").status_code == 404


def test_projects_that_a_filter_matches(api):
    """B7: the language of spans on what projects have."""
    mark, names = name_of("filter"), [name_of("filter") for _ in range(3)]
    for at, name in enumerate(names):
        api.ok("POST", "/sessions", json={"name": name, "start_time": f"2026-03-0{at + 1}T00:00:00Z",
                                          "extra": {"metadata": {"mark": mark, "at": at}}})

    def found(text, **params):
        params = {"filter": text, "sort_by_desc": "false", **params}
        return [names.index(one["name"]) for one in api.ok("GET", "/sessions", params=params)]

    ours = f'and(eq(metadata_key, "mark"), eq(metadata_value, "{mark}"))'
    assert found(ours) == [0, 1, 2] and found(ours, limit=1, offset=1) == [1] and found(ours, sort_by_desc="true") == [2, 1, 0]
    assert found(f'and({ours}, eq(name, "{names[1]}"))') == [1] and found(f"eq(name, '{names[2]}')") == [2]
    assert found(f'and({ours}, gt(start_time, "2026-03-01T12:00:00"))') == [1, 2]
    assert found(f'and({ours}, eq(metadata.at, 0))') == [0] and found(f'and({ours}, eq(end_time, null))') == [0, 1, 2]
    assert found(ours, name_contains=names[0]) == [0]
    for text, word in (("eq(nam, 1)", "position 3"), ('eq(run_type, "llm")', "what projects have not")):
        answer = api.get("/sessions", params={"filter": text})
        assert answer.status_code == 400 and word in answer.json()["detail"]


def test_projects_are_sorted(api):
    mark, names = name_of("sort"), ["c", "a", "b"]
    for at, name in enumerate(names):
        api.ok("POST", "/sessions", json={"name": f"{mark}-{name}", "start_time": f"2026-03-0{at + 1}T00:00:00Z"})
    for at_ms, name in ((0, "b"), (2000, "a"), (1000, "c")):
        assert api.post("/runs", json=make_span(project=f"{mark}-{name}", at_ms=at_ms)).status_code == 202

    def order(**params):
        return "".join(one["name"][-1] for one in api.ok("GET", "/sessions", params={"name_contains": mark, **params}))

    assert order() == order(sort_by="start_time") == "bac" and order(sort_by_desc="False") == "cab"
    assert order(sort_by="name") == "cba" and order(sort_by="name", sort_by_desc="false") == "abc"
    assert order(sort_by="last_run_start_time") == "acb"
    assert api.get("/sessions", params={"sort_by": "colour"}).status_code == 422


def test_stats_from_a_time_on_and_the_number_of_an_experiment(api):
    name, dataset = name_of("stats"), new_id()
    for at_ms in (0, 5000):
        assert api.post("/runs", json=make_span(project=name, at_ms=at_ms)).status_code == 202
    plain = {"name": name, "include_stats": "true"}
    [project] = api.ok("GET", "/sessions", params=plain)
    assert project["run_count"] == 2 and project["test_run_number"] is None
    [project] = api.ok("GET", "/sessions", params={**plain, "stats_start_time": "2026-11-21T05:12:40Z"})
    assert project["run_count"] == 1
    assert api.get("/sessions", params={**plain, "stats_start_time": "soon"}).status_code == 422
    made = [api.ok("POST", "/sessions", json={"name": f"{name}-{at}", "reference_dataset_id": dataset,
                                              "start_time": f"2026-04-0{at}T00:00:00Z"}) for at in (2, 1)]
    assert [api.ok("GET", f"/sessions/{one['id']}", params={"include_stats": "true"})["test_run_number"] for one in made] == [2, 1]


def test_nothing_is_deleted_without_a_name(api):
    assert api.delete("/sessions").status_code == 422
