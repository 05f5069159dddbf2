"""What langgraph.json and the command line say about webhooks and starting (requirements C12-C16, design §7, §9)."""

import pytest

from harness.api import Api, run_body
from harness.ports import free_port
from harness.server import Server

ALLOWED = "http://127.0.0.1:9"


def test_static_headers_go_with_every_webhook(start_server, receiver):
    """C12, C13."""
    server = start_server(
        config={"webhooks": {"headers": {
            "X-Custom-Header": "my-value", "Authorization": "Bearer ${{ env.LG_WEBHOOK_TOKEN }}",
            "X-Mixed": "a-${{ env.LG_WEBHOOK_TOKEN }}-${{ env.LG_WEBHOOK_B }}-z"}}},
        env={"LG_WEBHOOK_TOKEN": "s3cret", "LG_WEBHOOK_B": "b"})
    with Api(server.url) as api:
        api.run(api.thread(), webhook=receiver.url)
        request = receiver.one()
        assert request.header("x-custom-header") == "my-value"
        assert request.header("authorization") == "Bearer s3cret"
        assert request.header("x-mixed") == "a-s3cret-b-z"
    assert "s3cret" not in server.log()
    server.stop()


def test_the_prefix_of_variables_can_be_chosen(start_server, receiver):
    server = start_server(
        config={"webhooks": {"env_prefix": "MY_APP_", "headers": {"X-A": "${{ env.MY_APP_SECRET }}"}}},
        env={"MY_APP_SECRET": "mine"})
    with Api(server.url) as api:
        api.run(api.thread(), webhook=receiver.url)
        assert receiver.one().header("x-a") == "mine"
    server.stop()


@pytest.mark.parametrize("webhooks, env, named", [
    ({"headers": {"X-A": "${{ env.LG_WEBHOOK_MISSING }}"}}, {}, "LG_WEBHOOK_MISSING"),
    ({"headers": {"X-A": "${{ env.HOME }}"}}, {}, "HOME"),
    ({"env_prefix": "MY_", "headers": {"X-A": "${{ env.LG_WEBHOOK_T }}"}}, {"LG_WEBHOOK_T": "x"}, "LG_WEBHOOK_T"),
    ({"headers": {"X-A": "${{ env.LG_WEBHOOK_T }}"}}, {"LG_WEBHOOK_T": "a\r\nX-Evil: 1"}, "X-A"),
    ({"headers": {"X-A": "${{ env.LG_WEBHOOK_T }}"}}, {"LG_WEBHOOK_T": "grüße"}, "X-A"),
    ({"headers": {"Bad Name": "x"}}, {}, "Bad Name"),
    ({"headers": {"Content-Length": "5"}}, {}, "Content-Length"),
    ({"headers": {"X-A": 5}}, {}, "X-A"),
    ({"headers": []}, {}, "headers"),
    ({"url": {"allowed_ports": "443"}}, {}, "allowed_ports"),
    ({"url": {"require_https": "yes"}}, {}, "require_https"),
])
def test_a_wrong_webhook_configuration_prevents_the_start(store, tmp_path, webhooks, env, named):
    """C14, and the reason names what is wrong."""
    server = Server(tmp_path, store=store(), config={"webhooks": webhooks}, env=env)
    _, said = server.start_fails()
    assert named in said, said


@pytest.mark.parametrize("config, named", [
    ({"runbell": {"egres": {}}}, "egress"),
    ({"graphs": {"x": "./missing.py:graph"}}, "missing.py"),
    ({"graphs": []}, "graphs"),
])
def test_a_wrong_configuration_prevents_the_start(store, tmp_path, config, named):
    _, said = Server(tmp_path, store=store(), config=config, dev=False).start_fails()
    assert named in said, said


def test_a_file_that_is_no_json_prevents_the_start(store, tmp_path):
    server = Server(tmp_path, store=store())
    (server.project / "langgraph.json").write_text('{"graphs": {')
    _, said = server.start_fails()
    assert "langgraph.json" in said


def test_keys_of_other_tools_are_warnings(start_server):
    server = start_server(config={"python_version": "3.12", "somebody_elses": 1})
    server.stop()


def webhook_status(api, url):
    answer = api.post("/runs", json=run_body(webhook=url))
    if answer.status_code == 422:
        assert "webhook" in str(answer.json()["detail"])
    return answer.status_code


def statuses(server, cases):
    with Api(server.url) as api:
        return {url: webhook_status(api, url) for url in cases}


def test_what_may_be_called_is_decided_when_the_run_is_made(start_server):
    """C15; without --dev loopback, private and link-local addresses are refused."""
    cases = {"https://example.com/hook": 200, "https://example.com:8443/x": 200, "http://example.com/hook": 200,
             "http://127.0.0.1:9/x": 422, "http://localhost/x": 422, "http://10.0.0.1/x": 422,
             "http://169.254.169.254/latest": 422, "http://[::1]/x": 422, "http://[::ffff:127.0.0.1]/": 422,
             "http://0x7f000001/": 422, "http://2130706433/": 422, "http://127.1/": 422, "http://0177.0.0.1/": 422,
             "ftp://example.com/": 422, "file:///etc/passwd": 422, "example.com": 422, "http://": 422,
             "http://user:pw@example.com/": 422, "http://exa mple.com/": 422, "http://example.com:99999/": 422,
             "/relative": 422, "http://example.com/\r\nX: 1": 422}
    server = start_server(dev=False)
    assert statuses(server, cases) == cases
    server.stop()


def test_dev_allows_loopback_and_private_but_not_link_local(start_server):
    cases = {"http://127.0.0.1:9/x": 200, "http://169.254.169.254/latest": 422}
    server = start_server(dev=True)
    assert statuses(server, cases) == cases
    server.stop()


def test_the_url_block_restricts(start_server):
    """C15: the wildcard does not cover the apex; ports are 443 and 80 unless widened."""
    url = {"allowed_domains": ["*.mycompany.com", "api.trusted-service.com"], "require_https": True,
           "max_url_length": 60}
    cases = {"https://a.mycompany.com/x": 200, "https://a.b.mycompany.com/": 200, "https://mycompany.com/": 422,
             "https://evilmycompany.com/": 422, "https://api.trusted-service.com/x?y": 200,
             "https://x.api.trusted-service.com/": 422, "http://a.mycompany.com/": 422,
             "https://a.mycompany.com:8443/": 422, "https://a.mycompany.com:443/": 200,
             "https://a.mycompany.com/" + "x" * 60: 422}
    server = start_server(config={"webhooks": {"url": url}}, dev=False)
    assert statuses(server, cases) == cases
    server.stop()


def test_the_url_block_widens_ports(start_server):
    cases = {"https://example.com:8443/": 200, "https://example.com/": 422, "http://example.com:8000/": 200}
    server = start_server(config={"webhooks": {"url": {"allowed_ports": [8443, 8000]}}}, dev=False)
    assert statuses(server, cases) == cases
    server.stop()


def test_webhooks_can_be_switched_off(start_server, receiver):
    """C16: the run executes, nothing is sent."""
    server = start_server(config={"http": {"disable_webhooks": True}})
    with Api(server.url) as api:
        run = api.run(api.thread(), webhook=receiver.url)
        assert api.ended(run)["status"] == "success"
        receiver.none(quiet_s=1.5)
    server.stop()


def test_a_public_address_needs_a_key(store, tmp_path):
    server = Server(tmp_path, store=store())
    server.args = ["--listen", f"0.0.0.0:{free_port()}"]
    _, said = server.start_fails()
    assert "keys create" in said or "API key" in said, said


def test_a_port_in_use_is_an_error_in_words(store, tmp_path, server):
    _, said = Server(tmp_path, store=store(), port=server.port).start_fails()
    assert str(server.port) in said


def test_two_servers_cannot_share_a_data_folder(request, store, tmp_path):
    if request.config.getoption("--store-url") != "sqlite":
        pytest.skip("the data folder is locked for SQLite only")
    first = Server(tmp_path, store=store()).start()
    second = Server(tmp_path, store=store())
    second.log_path = tmp_path / "second.log"
    _, said = second.start_fails()
    assert "data" in said or "lock" in said or "in use" in said
    first.stop()
