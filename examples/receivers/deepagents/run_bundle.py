"""run_bundle -- runs a published Fleet agent with the `deepagents` package: from an archive, or the payload of a Fleet webhook.

    pip install --require-hashes -r requirements.txt
    python3 run_bundle.py My_Agent.zip "What is new?"

Models are named as in the bundle (`openai:…`, `anthropic:…`); for any other provider, say `lan:llama`, the environment says
where it is: LAN_BASE_URL and, if it wants one, LAN_API_KEY. A tool for which the bundle wants a person asked is shown first:
y calls it, anything else is the reason why not.
"""

import asyncio
import base64
import io
import json
import os
import re
import sys
import tempfile
import zipfile
from pathlib import Path

from deepagents import create_deep_agent
from deepagents.backends import FilesystemBackend
from langchain_mcp_adapters.client import MultiServerMCPClient
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command


def unpack(path, folder):
    data = Path(path).read_bytes()
    if data.lstrip().startswith(b"{"):
        data = base64.b64decode(json.loads(data)["files"]["content_base64"])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if not (folder / name).resolve().is_relative_to(folder):
                raise SystemExit(f"{name} leads outside")
        archive.extractall(folder)


def read_json(path):
    return json.loads(path.read_text()) if path.exists() else {}


def model_of(model_id):
    """What deepagents takes: a name that it knows, or a client of a server that speaks OpenAI's protocol."""
    provider, _, name = model_id.partition(":")
    prefix = re.sub(r"[^A-Z0-9]", "_", provider.upper())
    base_url = os.environ.get(f"{prefix}_BASE_URL")
    if not base_url:
        return model_id
    return ChatOpenAI(model=name, base_url=base_url, api_key=os.environ.get(f"{prefix}_API_KEY", "none"), streaming=True,
                      max_retries=2)


def asks(told):
    """Deep Agents looks for bare names of tools; a bundle also has url::tool::server."""
    named = {key.split("::")[1] if "::" in key else key: value for key, value in told.get("interrupt_config", {}).items()}
    return {name: True for name, value in named.items() if value}


async def tools_of(told):
    found = []
    for url in dict.fromkeys(tool["mcp_server_url"] for tool in told.get("tools", [])):
        names = {tool["name"] for tool in told["tools"] if tool["mcp_server_url"] == url}
        client = MultiServerMCPClient({"tools": {"url": url, "transport": "streamable_http"}})
        offered = [tool for tool in await client.get_tools() if tool.name in names]
        missing = names - {tool.name for tool in offered}
        if missing:
            raise SystemExit(f"{url} has no tool {', '.join(sorted(missing))}")
        found += offered
    return found


def prompt_of(path):
    """Frontmatter (values as JSON or as they stand) and what follows it."""
    text, front = path.read_text(), {}
    block = re.match(r"---\n(.*?)---\n?", text, re.DOTALL)
    for line in block.group(1).splitlines() if block else []:
        key, _, value = line.partition(":")
        front[key.strip()] = json.loads(value) if value.strip().startswith('"') else value.strip()
    return front, text[block.end():] if block else text


async def subagent_of(folder):
    front, prompt = prompt_of(folder / "AGENTS.md")
    told = read_json(folder / "tools.json")
    made = {"name": folder.name, "description": front.get("description") or folder.name, "system_prompt": prompt,
            "tools": await tools_of(told), "interrupt_on": asks(told)}
    return {**made, "model": model_of(front["model_id"])} if front.get("model_id") else made


async def agent_of(folder):
    config, told = read_json(folder / "config.json"), read_json(folder / "tools.json")
    subagents = sorted(path.parent for path in folder.glob("subagents/*/AGENTS.md"))
    return create_deep_agent(
        model=model_of(config["config"]["configurable"]["llm_model_config"]["modelId"]),
        system_prompt=(folder / "AGENTS.md").read_text(), tools=await tools_of(told), interrupt_on=asks(told),
        subagents=[await subagent_of(path) for path in subagents],
        skills=["/skills/"] if (folder / "skills").is_dir() else None,
        backend=FilesystemBackend(root_dir=str(folder), virtual_mode=True), checkpointer=InMemorySaver())


def decide(request):
    print(f"{request['name']}({json.dumps(request['args'])})", flush=True)
    answer = input("call it? ").strip()
    return {"type": "approve"} if answer.lower() in ("y", "yes") else {"type": "reject", "message": answer or "no"}


async def run(folder, said):
    agent, config = await agent_of(folder), {"configurable": {"thread_id": "one"}}
    state = await agent.ainvoke({"messages": [{"role": "user", "content": said}]}, config)
    while state.get("__interrupt__"):
        decisions = {interrupt.id: {"decisions": [decide(one) for one in interrupt.value["action_requests"]]}
                     for interrupt in state["__interrupt__"]}
        state = await agent.ainvoke(Command(resume=decisions), config)
    print(state["messages"][-1].text)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as unpacked:
        unpack(sys.argv[1], Path(unpacked).resolve())
        asyncio.run(run(Path(unpacked).resolve(), sys.argv[2]))
