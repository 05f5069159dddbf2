"""Tokens, costs and prices over HTTP (contract 7.1, B17): what /runs, /runs/query, stats and filters say of them."""

from decimal import Decimal

import pytest
from harness.api import Api
from harness.spans import iso, make_span, new_id

PROJECT = "usage"
PRICE = {"name": "house", "match_pattern": "^house-\\d+$", "prompt_cost": "0.000001", "completion_cost": 0.000002,
         "prompt_cost_details": {"cache_read": "0.0000001"}}


def llm(parent, tokens, model="gpt-4o", **usage):
    return make_span(parent, name="model", run_type="llm", project=PROJECT,
                     outputs={"usage_metadata": {"input_tokens": tokens, "output_tokens": 10,
                                                 "total_tokens": tokens + 10, **usage}},
                     extra={"metadata": {"ls_model_name": model, "ls_provider": "openai"}})


def send(api, *posts):
    assert api.post("/runs/batch", json={"post": list(posts)}).status_code == 202


def read(api, span):
    return api.ok("GET", f"/runs/{span['id']}")


def test_a_root_has_what_is_below_it(api):
    root = make_span(name="agent", project=PROJECT, at_ms=1)
    middle = make_span(root, name="chain", project=PROJECT, at_ms=2)
    leaves = [llm(middle, 1000, input_token_details={"cache_read": 400}), llm(middle, 200)]
    for span in (*leaves, root, middle):  # children first
        send(api, span)
    leaf = read(api, leaves[0])
    assert (leaf["prompt_tokens"], leaf["completion_tokens"], leaf["total_tokens"]) == (1000, 10, 1010)
    assert leaf["prompt_token_details"] == {"cache_read": 400}
    assert Decimal(leaf["prompt_cost"]) == Decimal("0.002") and Decimal(leaf["completion_cost"]) == Decimal("0.0001")
    assert leaf["prompt_cost_details"] == {"cache_read": "0.0005"}
    for span in (middle, root):
        found = read(api, span)
        assert (found["prompt_tokens"], found["total_tokens"]) == (1200, 1220)
        assert Decimal(found["total_cost"]) == Decimal("0.0027")
    session = leaf["session_id"]
    assert [r["id"] for r in api.ok("POST", "/runs/query", json={
        "session": [session], "filter": "and(gt(total_cost, 0.0026), eq(is_root, true), eq(total_tokens, 1220))"})["runs"]
            ] == [root["id"]]
    stats = api.ok("POST", "/runs/stats", json={"session": [session], "trace": root["id"]})
    assert stats["total_tokens"] == 1220 and stats["total_cost"] == pytest.approx(0.0027)
    assert stats["prompt_token_details"] == {"cache_read": 400}
    project = api.ok("GET", f"/sessions/{session}", params={"include_stats": "true"})
    assert project["total_tokens"] == 1220 and Decimal(project["total_cost"]) == Decimal("0.0027")


def test_costs_of_the_client_are_taken_as_they_are(api):
    root = make_span(name="agent", project="verbatim", at_ms=1)
    span = llm(root, 5, input_cost=1e-6, output_cost="0.000002", total_cost=3e-6, input_cost_details={"audio": 1e-6})
    tool = make_span(root, name="tool", run_type="tool", project="verbatim",
                     outputs={"usage_metadata": {"total_cost": 0.5, "input_tokens": 7}})
    send(api, span, tool, root)
    found = read(api, span)
    assert (found["prompt_cost"], found["completion_cost"], found["total_cost"]) == ("0.000001", "0.000002", "0.000003")
    assert found["prompt_cost_details"] == {"audio": "0.000001"} and found["price_model_id"] is None
    assert read(api, root)["total_cost"] == "0.500003" and read(api, root)["total_tokens"] == 15


def test_usage_that_comes_with_a_late_patch_goes_up(api):
    root = make_span(name="agent", project="late", at_ms=1)
    span = make_span(root, name="model", run_type="llm", project="late", outputs={})
    send(api, root, span)
    api.patch(f"/runs/{span['id']}", json={"outputs": {"usage": {"prompt_tokens": 3, "completion_tokens": 4}},
                                           "extra": {"invocation_params": {"model": "gpt-4o-mini-2024-07-18"}}})
    assert (read(api, root)["prompt_tokens"], read(api, root)["completion_tokens"]) == (3, 4)
    assert Decimal(read(api, root)["total_cost"]) == Decimal("0.00000285")


def test_prices_of_ones_own(api):
    price = api.ok("POST", "/model-price-map", json=PRICE)
    listed = api.ok("GET", "/model-price-map")
    assert price in listed and price["prompt_cost"] == "0.000001" and not price["built_in"]
    built_in = next(p for p in listed if p["name"] == "gpt-4o")
    assert built_in["built_in"] and built_in["prompt_cost"] == "0.0000025"
    span = llm(None, 100, model="house-7", input_token_details={"cache_read": 40})
    send(api, span)
    found = read(api, span)
    assert Decimal(found["prompt_cost"]) == Decimal("0.000064") and found["price_model_id"] == price["id"]
    api.ok("PUT", f"/model-price-map/{price['id']}", json={**PRICE, "prompt_cost": 1, "start_time": iso_later()})
    other = llm(None, 100, model="house-7")
    send(api, other)
    assert read(api, other)["total_cost"] is None  # the price begins later
    assert read(api, span)["prompt_cost"] == found["prompt_cost"]
    api.ok("DELETE", f"/model-price-map/{price['id']}")
    assert api.delete(f"/model-price-map/{price['id']}").status_code == 404
    assert api.delete(f"/model-price-map/{built_in['id']}").status_code == 409
    assert api.put(f"/model-price-map/{new_id()}", json=PRICE).status_code == 404


def iso_later():
    from datetime import datetime, timedelta, timezone
    return iso(datetime.now(timezone.utc) + timedelta(days=1000))


@pytest.mark.parametrize("change, field", [
    ({"match_pattern": "("}, "match_pattern"), ({"match_pattern": "(?=x)"}, "match_pattern"),
    ({"match_pattern": "(a)\\1"}, "match_pattern"), ({"match_pattern": "a{1000}"}, "match_pattern"),
    ({"match_pattern": ""}, "match_pattern"), ({"match_pattern": "a" * 300}, "match_pattern"),
    ({"prompt_cost": -1}, "prompt_cost"), ({"prompt_cost": "x"}, "prompt_cost"), ({"completion_cost": None}, "completion_cost"),
    ({"completion_cost": 2}, "completion_cost"), ({"name": ""}, "name"), ({"start_time": "x"}, "start_time"),
    ({"match_path": "model"}, "match_path"), ({"prompt_cost_details": {"a": "b"}}, "prompt_cost_details"),
    ({"prompt_cost_details": [1]}, "prompt_cost_details")])
def test_a_bad_price_names_the_field(api, change, field):
    reply = api.post("/model-price-map", json={**PRICE, **change})
    assert reply.status_code == 422 and reply.json()["detail"].startswith(field + ":"), reply.text


@pytest.mark.parametrize("usage", [5, [], "x", {"input_tokens": "7"}, {"input_tokens": -1}, {"total_cost": -1},
                                   {"input_tokens": 1e300, "total_cost": 1e5}, {"input_token_details": 5},
                                   {"input_tokens": 1, "input_token_details": {"a": {"b": 1}}}])
def test_usage_that_makes_no_sense_is_passed_over(api, usage):
    span = make_span(name="odd", run_type="llm", project="odd", outputs={"usage_metadata": usage})
    send(api, span)
    assert read(api, span)["outputs"] == {"usage_metadata": usage}


def test_sums_that_leave_every_bound_stop_there(api):
    root = make_span(name="rich", project="rich", at_ms=1)
    send(api, root, *[make_span(root, run_type="llm", project="rich", outputs={"usage_metadata": {
        "input_tokens": 1e15, "total_cost": "99999"}}) for _ in range(60)])
    assert Decimal(read(api, root)["total_cost"]) == Decimal("4000000")
    assert api.ok("POST", "/runs/stats", json={"session": [read(api, root)["session_id"]]})["run_count"] == 61
