"""Skills that a workspace keeps once for all its agents (issue 7; fleet.md 2.2, 2.3)."""

import base64
import io
import zipfile

import pytest

from harness.api import Api, refused

AGENTS, URL = "/v1/fleet/agents", "/v1/fleet/skills"


def main(name, description="Finds things out."):
    return f"---\nname: {name}\ndescription: {description}\n---\n# How\nLook.\n"


def body(name, **more):
    return {"name": name, "files": {"SKILL.md": {"content": main(name), "type": "file"},
                                    "references/list.md": {"content": "one\n", "type": "file"}}, **more}


@pytest.fixture
def skill(api):
    made = api.ok("POST", URL, json=body("research"))
    yield made
    api.ok("DELETE", f"{URL}/research")


def test_a_skill_is_made_replaced_changed_and_deleted(api, skill):
    assert skill["id"] == skill["name"] == "research" and skill["visibility"] == "workspace"
    assert skill["description"] == "Finds things out." and len(skill["owners"]) == 1
    assert len(skill["commit_hash"]) == 64
    assert skill["files"]["SKILL.md"] == {"type": "file", "content": main("research")}
    assert api.ok("GET", f"{URL}/research") == skill
    changed = api.ok("PATCH", f"{URL}/research", json={"files": {"notes.md": "x"}, "deleted_paths": ["references/list.md"]})
    assert sorted(changed["files"]) == ["SKILL.md", "notes.md"] and changed["commit_hash"] != skill["commit_hash"]
    replaced = api.ok("PUT", f"{URL}/research", json={"files": {"SKILL.md": {"content": main("research", "Else.")}}})
    assert list(replaced["files"]) == ["SKILL.md"] and replaced["description"] == "Else."
    listed = api.ok("GET", f"{URL}?page_size=1")
    assert [one["id"] for one in listed["items"]] == ["research"] and "files" not in listed["items"][0]
    assert listed["next_cursor"] is None
    api.ok("DELETE", f"{URL}/research")
    refused(api.get(f"{URL}/research"), 404)
    assert api.delete(f"{URL}/research").status_code == 204  # what is gone is gone


def test_skills_are_listed_page_by_page(api):
    names = [f"page-{i}" for i in range(3)]
    for name in names:
        api.ok("POST", URL, json=body(name))
    found, cursor = [], ""
    while cursor is not None:
        page = api.ok("GET", f"{URL}?page_size=1&cursor={cursor}")
        found += [one["name"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert [name for name in found if name in names] == names[::-1]
    for name in names:
        api.ok("DELETE", f"{URL}/{name}")


@pytest.mark.parametrize("made, words", [
    (body("Bad Name"), ["name"]), (body("-x"), ["name"]), (body("a--b"), ["name"]), (body("x" * 65), ["name"]),
    ({"files": {"SKILL.md": main("x")}}, ["name"]), ({"name": 1, "files": {}}, ["name"]),
    ({"name": "x"}, ["SKILL.md"]), ({"name": "x", "files": {"a.md": "1"}}, ["SKILL.md"]),
    ({"name": "x", "files": {"SKILL.md": "# no frontmatter"}}, ["SKILL.md"]),
    ({"name": "x", "files": {"SKILL.md": main("other")}}, ["name of its folder"]),
    ({"name": "x", "files": {"SKILL.md": main("x", "d" * 1025)}}, ["description"]),
    ({"name": "x", "files": {"SKILL.md": main("x"), "../y": "1"}}, [".."]),
    ({"name": "x", "files": {"SKILL.md": main("x"), "/etc/passwd": "1"}}, ["empty segment"]),
    ({"name": "x", "files": {"SKILL.md": main("x"), "a\\b": "1"}}, ["backslash"]),
    ({"name": "x", "files": {"SKILL.md": main("x"), "skill.MD": "1"}}, ["cannot stand"]),
    ({"name": "x", "files": {"SKILL.md": main("x"), "big": "x" * (11 << 20)}}, ["10 MiB"]),
    ({"name": "x", "files": {"SKILL.md": {"type": "skill", "repo_handle": "y"}}}, ["repo_handle"]),
    ({"name": "x", "files": []}, ["files"]), ({**body("x"), "visibility": "world"}, ["visibility"]),
])
def test_what_is_wrong_with_a_skill_is_told_and_leaves_nothing(api, made, words):
    refused(api.post(URL, json=made), 422, *words)
    assert api.get(f"{URL}/x").status_code == 404


def test_a_name_is_taken_once_and_stays(api, skill):
    refused(api.post(URL, json=body("research")), 409, "research")
    refused(api.patch(f"{URL}/research", json={"name": "other"}), 422, "name")
    refused(api.put(f"{URL}/research", json={"files": {}}), 422, "SKILL.md")
    refused(api.put(f"{URL}/nobody", json=body("nobody")), 404)
    assert api.ok("GET", f"{URL}/research") == skill


def test_an_agent_takes_a_skill_over_with_its_content(api, skill):
    """A file entry may name a skill; the archive holds what it is made of."""
    agent = api.ok("POST", AGENTS, json={"name": "A", "system_prompt": "x", "files": {
        "skills/research": {"type": "skill", "repo_handle": "research"}}})
    path = f"{AGENTS}/{agent['id']}"
    archive = api.get(f"{path}/export.zip")
    with zipfile.ZipFile(io.BytesIO(archive.content)) as opened:
        assert opened.read("skills/research/SKILL.md").decode() == main("research")
        assert opened.read("skills/research/references/list.md") == b"one\n"
    # The agent keeps what it has taken, until it takes it again; then the folder is the skill's.
    data = bytes(range(200, 256))
    api.ok("PUT", f"{URL}/research", json={"files": {"SKILL.md": main("research", "New."), "a.bin": {
        "content": base64.b64encode(data).decode(), "encoding": "base64"}}})
    assert api.get(f"{path}/export.zip").content == archive.content
    taken = api.ok("PATCH", f"{path}?include=files", json={"files": {
        "skills/research": {"type": "skill", "repo_handle": "research"}}})
    assert taken["version"] == 2
    assert sorted(name for name in taken["files"] if name.startswith("skills/")) == [
        "skills/research/SKILL.md", "skills/research/a.bin"]
    assert base64.b64decode(taken["files"]["skills/research/a.bin"]["content"]) == data


@pytest.mark.parametrize("files, words", [
    ({"skills/research": {"type": "skill", "repo_handle": "nobody"}}, ["no skill nobody"]),
    ({"skills/other": {"type": "skill", "repo_handle": "research"}}, ["name of its folder"]),
    ({"skills/research": {"type": "skill"}}, ["repo_handle"]),
    ({"skills/research": {"type": "skill", "repo_handle": "research"}, "skills/research/SKILL.md": "x"}, ["twice"]),
])
def test_a_skill_that_an_agent_cannot_take_is_told(api, skill, files, words):
    refused(api.post(AGENTS, json={"name": "A", "system_prompt": "x", "files": files}), 422, *words)


def test_who_may(store, tmp_path_factory):
    from harness.server import Server
    with Server(tmp_path_factory.mktemp("people"), store=store()) as server:
        with Api(server.url) as first:
            admin = first.ok("POST", "/v1/keys", json={"name": "admin"})["key"]
        with Api(server.url, headers={"x-api-key": admin}) as root:
            ann, bob, eve = (Api(server.url, headers={"x-api-key": root.ok(
                "POST", "/v1/keys", json={"email": f"{name}@example.com", "role": role, "workspaces": ["default"]})["key"]})
                for name, role in (("ann", "editor"), ("bob", "editor"), ("eve", "viewer")))
            with ann, bob, eve:
                ann.ok("POST", URL, json=body("open"))
                ann.ok("POST", URL, json=body("own", visibility="user"))
                assert bob.ok("GET", f"{URL}/open")["owner_email"] == "ann@example.com"
                refused(bob.get(f"{URL}/own"), 404)
                refused(bob.patch(f"{URL}/own", json={}), 404)
                refused(bob.patch(f"{URL}/open", json={"files": {"a": "1"}}), 403, "owner")
                refused(bob.delete(f"{URL}/open"), 403)
                assert bob.delete(f"{URL}/own").status_code == 204 and ann.ok("GET", f"{URL}/own")  # nothing was there
                refused(bob.post(AGENTS, json={"name": "A", "system_prompt": "x", "files": {
                    "skills/own": {"type": "skill", "repo_handle": "own"}}}), 422, "no skill own")
                assert [one["id"] for one in bob.ok("GET", URL)["items"]] == ["open"]
                assert [one["id"] for one in ann.ok("GET", URL)["items"]] == ["own", "open"]
                assert eve.get(f"{URL}/open").status_code == 200
                assert eve.post(URL, json=body("x")).status_code == 403
                assert root.ok("PATCH", f"{URL}/open", json={"visibility": "user"})["visibility"] == "user"
                refused(bob.get(f"{URL}/open"), 404)
