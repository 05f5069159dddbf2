"""Fleet agents: trees of files with versions, made, changed, compared, restored, cloned, exported and imported
(issue 7; E14-E17)."""

import base64
import hashlib
import io
import json
import stat
import zipfile

import pytest

from harness.api import Api, refused

PROMPT = "You help people.\n"
SKILL = "---\nname: research\ndescription: Finds things out.\n---\n# How\nLook.\n"
TOOLS = {"tools": [{"name": "tavily_web_search", "mcp_server_url": "http://localhost:8084",
                    "mcp_server_name": "Agent Builder", "display_name": "tavily_web_search"}],
         "interrupt_config": {"http://localhost:8084::tavily_web_search::Agent Builder": True}}
URL = "/v1/fleet/agents"


def body(name="My Agent", **more):
    return {"name": name, "description": "Agent description text", "files": {
        "AGENTS.md": {"content": PROMPT}, "skills/research/SKILL.md": {"content": SKILL},
        "tools.json": {"content": json.dumps(TOOLS)},
        "subagents/research_worker/AGENTS.md": {"content": "---\ndescription: \"d\"\n---\nYou look.\n"},
        "subagents/research_worker/tools.json": {"content": "{}"}}, **more}


@pytest.fixture
def agent(api):
    return api.ok("POST", URL, json=body())


def at(agent, rest=""):
    return f"{URL}/{agent['id']}{rest}"


def files_of(api, agent):
    return {path: file["content"] for path, file in
            api.ok("GET", at(agent, "?include=files"))["files"].items()}


def patch(api, agent, **change):
    return api.ok("PATCH", at(agent), json=change)


def exported(api, agent, query=""):
    answer = api.get(at(agent, f"/export.zip{query}"))
    assert answer.status_code == 200, answer.text
    return answer


def zipped(files, **options):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, **options) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return out.getvalue()


def unzipped(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


# ---- making and changing ---------------------------------------------------------------------------------


def test_an_agent_is_made_of_files(api, agent):
    assert agent["name"] == "My Agent" and agent["version"] == 1
    assert agent["visibility_scope"] == "tenant" and agent["assistant_id"] == agent["id"]
    assert len(agent["commit_hash"]) == 64 and len(agent["owner_id"]) == 36
    files = files_of(api, agent)
    assert files["AGENTS.md"] == PROMPT and files["skills/research/SKILL.md"] == SKILL
    assert json.loads(files["tools.json"]) == TOOLS
    config = json.loads(files["config.json"])
    assert {key: config[key] for key in ("name", "description", "visibility_scope", "triggers_paused")} == {
        "name": "My Agent", "description": "Agent description text", "visibility_scope": "tenant",
        "triggers_paused": False}
    assert config["config"]["configurable"]["visibility_scope"] == "tenant"


def test_the_newer_form_of_the_body_makes_the_same_files(api):
    made = api.ok("POST", URL, json={
        "name": "Newer", "system_prompt": PROMPT, "model": {"id": "demo:echo"}, "tools": TOOLS,
        "permissions": {"visibility": "user", "tenant_access_level": "read"},
        "subagents": [{"name": "worker", "description": "Looks \"here\"", "model_id": "m", "system_prompt": "Look.",
                       "tools": {"tools": []}}],
        "metadata": {"icon": "bell"}})
    files = files_of(api, made)
    assert files["AGENTS.md"] == PROMPT and json.loads(files["tools.json"]) == TOOLS
    assert files["subagents/worker/AGENTS.md"] == '---\ndescription: "Looks \\"here\\""\nmodel_id: "m"\n---\nLook.'
    assert json.loads(files["config.json"])["config"]["configurable"]["llm_model_config"]["modelId"] == "demo:echo"
    assert made["model"] == {"id": "demo:echo"} and made["metadata"] == {"icon": "bell"}
    assert made["permissions"] == {"visibility": "user", "tenant_access_level": "read"}


def test_a_patch_makes_one_version_of_the_whole_tree(api, agent):
    changed = patch(api, agent, name="Other", files={"AGENTS.md": {"content": "New."}, "notes/a.txt": "x"},
                    deleted_paths=["subagents/research_worker"], message="why")
    assert changed["version"] == 2 and changed["name"] == "Other"
    assert sorted(files_of(api, agent)) == ["AGENTS.md", "config.json", "notes/a.txt", "skills/research/SKILL.md",
                                            "tools.json"]
    assert patch(api, agent, name="Other")["version"] == 2  # changes nothing
    versions = api.ok("GET", at(agent, "/versions"))["items"]
    assert [(one["version"], one["message"]) for one in versions] == [(2, "why"), (1, None)]
    assert versions[0]["author"]["user_id"] == agent["owner_id"]
    old = api.ok("GET", at(agent, "/versions/1"))
    assert old["files"]["AGENTS.md"]["content"] == PROMPT


def test_bytes_that_are_no_text_go_in_and_out_as_base64(api, agent):
    data = bytes(range(256))
    patch(api, agent, files={"skills/research/assets/a.bin": {"content": base64.b64encode(data).decode(),
                                                              "encoding": "base64"}})
    file = api.ok("GET", at(agent, "?include=files"))["files"]["skills/research/assets/a.bin"]
    assert base64.b64decode(file["content"]) == data and file["encoding"] == "base64"


@pytest.mark.parametrize("change, words", [
    ({"files": {"../x": "a"}}, ["../x", ".."]),
    ({"files": {"/etc/passwd": "a"}}, ["empty segment"]),
    ({"files": {"a\\b": "a"}}, ["backslash"]),
    ({"files": {"agents.md": "a"}}, ["cannot stand in one folder tree"]),
    ({"files": {"skills/Bad/SKILL.md": SKILL}}, ["skills/Bad/SKILL.md", "name of its folder"]),
    ({"files": {"skills/other/SKILL.md": SKILL}}, ["name of its folder"]),
    ({"files": {"skills/x/readme.md": "a"}}, ["skills/x must have a SKILL.md"]),
    ({"deleted_paths": ["AGENTS.md"]}, ["AGENTS.md"]),
    ({"deleted_paths": ["skills/research/SKILL.md"], "files": {"skills/research/x": "1"}}, ["must have a SKILL.md"]),
    ({"files": {"tools.json": "{"}}, ["tools.json is not valid JSON"]),
    ({"files": {"tools.json": '{"tools":[{"name":"x"}]}'}}, ["mcp_server_url"]),
    ({"files": {"config.json": '{"visibility_scope":"world"}'}}, ["tenant or user"]),
    ({"files": {"a": {"content": 1}}}, ["must have a text"]),
    ({"files": {"a": {"content": "!", "encoding": "base64"}}}, ["not base64"]),
    ({"files": [1]}, ["files"]),
    ({"name": ""}, ["name"]),
    ({"name": "x" * 201}, ["1 to 200"]),
    ({"files": {f"f{i}": "" for i in range(1001)}}, ["1000 files"]),
    ({"files": {"a": "x" * (11 << 20)}}, ["10 MiB"]),
])
def test_what_is_refused_leaves_nothing_behind(api, agent, change, words):
    refused(api.patch(at(agent), json={"files": {}, **change, "description": "half"}), 422, *words)
    assert api.ok("GET", at(agent)) == agent


@pytest.mark.parametrize("made, words", [
    ({"name": "No prompt"}, ["AGENTS.md"]),
    ({"system_prompt": "x"}, ["name"]),
    ({"name": "x", "system_prompt": 1}, ["system_prompt"]),
])
def test_an_agent_needs_a_name_and_a_prompt(api, made, words):
    before = len(api.ok("GET", f"{URL}?page_size=100")["items"])
    refused(api.post(URL, json=made), 422, *words)
    assert len(api.ok("GET", f"{URL}?page_size=100")["items"]) == before


def test_a_change_may_say_what_it_is_based_on(api, agent):
    patch(api, agent, files={"AGENTS.md": "New."}, parent_commit=agent["commit_hash"])
    refused(api.patch(at(agent), json={"files": {"AGENTS.md": "Mine."}, "parent_commit": agent["commit_hash"]}), 409,
            "newest version")
    assert files_of(api, agent)["AGENTS.md"] == "New."


def test_agents_are_listed_page_by_page(api):
    names = [f"Page {i}" for i in range(5)]
    for name in names:
        api.ok("POST", URL, json={"name": name, "system_prompt": "x"})
    found, cursor = [], ""
    while cursor is not None:
        page = api.ok("GET", f"{URL}?name=page%20&page_size=2&cursor={cursor}")
        found += [one["name"] for one in page["items"]]
        cursor = page["next_cursor"]
    assert found == names[::-1]
    refused(api.get(f"{URL}?cursor=nonsense"), 422, "cursor")
    refused(api.get(f"{URL}?page_size=101"), 422, "page_size")


def test_a_deleted_agent_is_gone(api, agent):
    assert api.delete(at(agent)).status_code == 204
    refused(api.get(at(agent)), 404)
    refused(api.delete(at(agent)), 404)


# ---- versions --------------------------------------------------------------------------------------------


def test_versions_are_compared_file_by_file(api, agent):
    patch(api, agent, files={"AGENTS.md": "You help people.\nKindly.\n", "a.bin": {"content": "AP8=",
                                                                                 "encoding": "base64"}},
          deleted_paths=["subagents"])
    diff = {one["path"]: one for one in api.ok("GET", at(agent, "/diff?from=1&to=2"))["files"]}
    assert diff["AGENTS.md"]["status"] == "changed" and diff["AGENTS.md"]["added"] == 1
    assert diff["AGENTS.md"]["diff"] == "@@ -1 +1,2 @@\n You help people.\n+Kindly.\n"
    assert diff["a.bin"]["binary"] and diff["a.bin"]["status"] == "added"
    assert diff["subagents/research_worker/AGENTS.md"]["status"] == "removed"
    assert "tools.json" not in diff
    assert api.ok("GET", at(agent, "/diff"))["from"] == 1
    refused(api.get(at(agent, "/diff?from=7")), 404, "version 7")


def test_an_old_version_comes_back_as_a_new_one(api, agent):
    patch(api, agent, name="Other", files={"AGENTS.md": "New."})
    back = api.ok("POST", at(agent, "/restore"), json={"version": 1})
    assert back["version"] == 3 and back["commit_hash"] == agent["commit_hash"] and back["name"] == "My Agent"
    refused(api.post(at(agent, "/restore"), json={"version": 9}), 404)
    refused(api.post(at(agent, "/restore"), json={}), 422)


def test_a_clone_is_an_agent_of_its_own(api, agent):
    patch(api, agent, files={"AGENTS.md": "New."})
    clone = api.ok("POST", at(agent, "/clone"), json={"version": 1})
    assert clone["name"] == "Copy of My Agent" and clone["version"] == 1 and clone["id"] != agent["id"]
    assert files_of(api, clone)["AGENTS.md"] == PROMPT
    assert api.ok("POST", at(agent, "/clone"), json={"name": "Mine"})["name"] == "Mine"
    assert api.delete(at(agent)).status_code == 204
    assert files_of(api, clone)["skills/research/SKILL.md"] == SKILL


# ---- bundles ---------------------------------------------------------------------------------------------


def test_an_export_is_the_documented_tree_and_always_the_same(api, agent):
    """E14, E15, E16."""
    first, second = exported(api, agent), exported(api, agent, "?version=1")
    assert first.content == second.content
    assert first.headers["x-bundle-sha256"] == hashlib.sha256(first.content).hexdigest()
    assert first.headers["x-agent-version"] == "1"
    assert "filename*=UTF-8''My_Agent.zip" in first.headers["content-disposition"]
    with zipfile.ZipFile(io.BytesIO(first.content)) as archive:
        infos = archive.infolist()
        assert archive.testzip() is None
    assert [info.filename for info in infos] == [
        "AGENTS.md", "config.json", "skills/research/SKILL.md", "subagents/research_worker/AGENTS.md",
        "subagents/research_worker/tools.json", "tools.json"]
    for info in infos:
        assert info.date_time == (1980, 1, 1, 0, 0, 0)
        assert stat.S_IMODE(info.external_attr >> 16) == 0o644
        assert not info.flag_bits & 8 and not info.extra


def test_an_export_asks_by_bare_names_too(api, agent):
    """Deep Agents looks approvals up by the tool's bare name."""
    both = json.loads(unzipped(exported(api, agent).content)["tools.json"])["interrupt_config"]
    assert both == {**TOOLS["interrupt_config"], "tavily_web_search": True}
    plain = json.loads(unzipped(exported(api, agent, "?interrupts=composite").content)["tools.json"])
    assert plain == TOOLS


def test_a_bundle_goes_from_server_to_server_byte_by_byte(api, agent, start_server):
    bundle = exported(api, agent).content
    with Api(start_server().url) as other:
        made = other.ok("POST", f"{URL}/import", content=bundle)
        assert made["name"] == "My Agent" and made["id"] != agent["id"]
        assert exported(other, made).content == bundle


def test_an_import_takes_what_others_wrote(api):
    flat = {"name": "Flat", "description": "d", "visibility_scope": "user", "triggers_paused": False}
    made = api.ok("POST", f"{URL}/import", content=zipped({
        "agent/AGENTS.md": "x", "agent/config.json": json.dumps(flat), "__MACOSX/agent/._AGENTS.md": "?"}))
    assert made["name"] == "Flat" and made["visibility_scope"] == "user"
    assert sorted(files_of(api, made)) == ["AGENTS.md", "config.json", "tools.json"]
    deploy = {"name": "Deploy", "model": "openai:x", "permissions": {"visibility": "tenant"}}
    made = api.ok("POST", f"{URL}/import", content=zipped({"AGENTS.md": "x", "agent.json": json.dumps(deploy)}))
    assert made["name"] == "Deploy" and made["model"] == {"id": "openai:x"}
    assert "agent.json" not in files_of(api, made)
    nested = {"config": {"configurable": {"llm_model_config": {"modelId": "m"}}}}
    made = api.ok("POST", f"{URL}/import?name=Named", content=zipped({"AGENTS.md": "x",
                                                                      "config.json": json.dumps(nested)}))
    assert made["name"] == "Named" and made["model"] == {"id": "m"}


def test_an_import_may_update_the_agent_of_its_name(api, agent):
    patch(api, agent, name="Promoted")
    files = unzipped(exported(api, agent).content)
    files["AGENTS.md"] = b"Better."
    made = api.post(f"{URL}/import?update=true", content=zipped(files))
    assert made.status_code == 200 and made.json()["id"] == agent["id"] and made.json()["version"] == 3
    files["config.json"] = files["config.json"].replace(b"Promoted", b"Fresh")
    assert api.post(f"{URL}/import?update=true", content=zipped(files)).status_code == 201


def test_a_webhooks_payload_can_be_imported(api, agent):
    bundle = exported(api, agent).content
    payload = {"action": "x", "files": {"type": "zip", "filename": "My_Agent.zip",
                                        "content_base64": base64.b64encode(bundle).decode()}}
    assert exported(api, api.ok("POST", f"{URL}/import", json=payload)).content == bundle
    payload["files"]["content_base64"] = "%"
    refused(api.post(f"{URL}/import", json=payload), 422, "base64")


def test_an_archive_replaces_and_is_compared(api, agent):
    files = unzipped(exported(api, agent).content)
    del files["subagents/research_worker/AGENTS.md"], files["subagents/research_worker/tools.json"]
    files["AGENTS.md"] = b"Better.\n"
    diff = api.ok("POST", at(agent, "/diff"), content=zipped(files))
    assert [(one["path"], one["status"]) for one in diff["files"]] == [
        ("AGENTS.md", "changed"), ("subagents/research_worker/AGENTS.md", "removed"),
        ("subagents/research_worker/tools.json", "removed"), ("tools.json", "changed")]
    made = api.ok("POST", at(agent, f"/import?parent_commit={agent['commit_hash']}"), content=zipped(files))
    assert made["version"] == 2 and sorted(files_of(api, agent)) == sorted(files)
    refused(api.post(at(agent, f"/import?parent_commit={agent['commit_hash']}"), content=zipped(files)), 409)


def linked():
    info = zipfile.ZipInfo("link")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("AGENTS.md", "x")
        archive.writestr(info, "/etc/passwd")
    return out.getvalue()


NAMED = {"AGENTS.md": "x", "config.json": '{"name":"x"}'}


@pytest.mark.parametrize("archive, status, words", [
    (b"", 422, ["not a ZIP archive"]),
    (b"PK nonsense", 422, ["not a ZIP archive"]),
    (b"{", 422, ["ZIP archive"]),
    (zipped({**NAMED, "../../x": "1"}), 422, [".."]),
    (zipped({**NAMED, "/x": "1"}), 422, ["empty segment"]),
    (zipped({**NAMED, "agents.MD": "1"}), 422, ["agents.MD"]),
    (linked(), 422, ["plain file"]),
    (zipped({**NAMED, "bomb": b"\0" * (9 << 20)}), 413, ["suspiciously"]),
    (zipped({**NAMED, "bomb": b"\0" * (11 << 20)}), 413, ["too large"]),
    (zipped({**NAMED, **{f"f{i}": "" for i in range(1001)}}), 413, ["too many"]),
    (zipped({**NAMED, "skills/Bad Name/SKILL.md": SKILL}), 422, ["skills/Bad Name"]),
    (zipped({"config.json": '{"name":"x"}'}), 422, ["AGENTS.md"]),
    (zipped({"AGENTS.md": "x"}), 422, ["name"]),
    (zipped(NAMED)[:-5], 422, ["not a ZIP archive"]),
], ids=lambda value: None if isinstance(value, bytes | list) else str(value))
@pytest.mark.filterwarnings("ignore:Duplicate")
def test_archives_that_are_refused_make_no_agent(api, archive, status, words):
    before = api.ok("GET", f"{URL}?page_size=1")
    refused(api.post(f"{URL}/import", content=archive), status, *words)
    assert api.ok("GET", f"{URL}?page_size=1") == before


def test_names_of_bundles(api, agent):
    """E16: what a file system does not take becomes _; other letters stay."""
    for name, file in (("a/b:c*?", "a_b_c__.zip"), ("Größe", "Gr%C3%B6%C3%9Fe.zip")):
        patch(api, agent, name=name)
        assert exported(api, agent).headers["content-disposition"].endswith("''" + file)


# ---- who may ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def people(store, tmp_path_factory):
    """Clients of an admin and of two editors of one workspace."""
    from harness.server import Server
    with Server(tmp_path_factory.mktemp("people"), store=store()) as server:
        with Api(server.url) as first:
            admin = first.ok("POST", "/v1/keys", json={"name": "admin"})["key"]
        with Api(server.url, headers={"x-api-key": admin}) as root:
            keys = [root.ok("POST", "/v1/keys", json={"email": email, "role": "editor", "workspaces": ["default"]})["key"]
                    for email in ("ann@example.com", "bob@example.com")]
            with Api(server.url, headers={"x-api-key": keys[0]}) as ann, \
                    Api(server.url, headers={"x-api-key": keys[1]}) as bob:
                yield root, ann, bob


def shared(client, visibility, access="run"):
    return client.ok("POST", URL, json={"name": "Anns", "system_prompt": "x", "permissions": {
        "visibility": visibility, "tenant_access_level": access}})


def test_a_private_agent_is_there_for_its_owner_only(people):
    root, ann, bob = people
    agent = shared(ann, "user")
    assert ann.get(at(agent)).status_code == 200
    for other in (bob, root):
        refused(other.get(at(agent)), 404)
        refused(other.patch(at(agent), json={"name": "Mine"}), 404)
        refused(other.get(at(agent, "/export.zip")), 404)
        refused(other.post(at(agent, "/clone"), json={}), 404)
        refused(other.delete(at(agent)), 404)
        assert agent["id"] not in [one["id"] for one in other.ok("GET", URL)["items"]]


def test_a_shared_agent_may_be_read_and_cloned_and_changed_as_its_owner_allows(people):
    root, ann, bob = people
    read, write = shared(ann, "tenant"), shared(ann, "tenant", "write")
    assert bob.get(at(read, "/export.zip")).status_code == 200
    assert bob.ok("POST", at(read, "/clone"), json={})["owner_id"] != ann.ok("GET", at(read))["owner_id"]
    refused(bob.patch(at(read), json={"name": "Mine"}), 403)
    refused(bob.post(at(read, "/restore"), json={"version": 1}), 403)
    assert bob.ok("PATCH", at(write), json={"files": {"AGENTS.md": "Bobs."}})["version"] == 2
    # Who may write an agent may not give it away, nor take it away from others.
    refused(bob.patch(at(write), json={"permissions": {"visibility": "user"}}), 403, "owner")
    refused(bob.patch(at(write), json={"files": {"config.json": '{"name":"x","visibility_scope":"user"}'}}), 403)
    refused(bob.delete(at(write)), 403)
    assert root.ok("PATCH", at(read), json={"name": "Admins"})["name"] == "Admins"
    assert {one["owner_id"] for one in ann.ok("GET", f"{URL}?audience=user")["items"]} == {read["owner_id"]}


def test_an_agent_belongs_to_a_person_whatever_key_they_use(people):
    root, ann, bob = people
    agent = shared(ann, "user")
    assert agent["owner_email"] == "ann@example.com"
    other = root.ok("POST", "/v1/keys", json={"email": "ann@example.com", "role": "editor"})
    rotated = root.ok("POST", f"/v1/keys/{other['key_id']}/rotate", json={})
    assert rotated["email"] == "ann@example.com"
    with Api(str(ann.base_url), headers={"x-api-key": rotated["key"]}) as again:
        assert again.ok("PATCH", at(agent), json={"name": "Still hers"})["name"] == "Still hers"
    for wrong in ("ann", "@x", "a@", "a b@c", "a@b@c", "a" * 255 + "@x"):
        answer = root.post("/v1/keys", json={"email": wrong})
        assert answer.status_code == 422 and "email" in answer.json()["detail"], wrong


def test_paths_as_the_tracing_clients_write_them(api, agent):
    assert api.get(f"/api/v1/fleet/agents/{agent['id']}").json()["id"] == agent["id"]
    assert api.get(f"/api{at(agent)}/").json()["id"] == agent["id"]
