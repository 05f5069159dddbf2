"""`serve --dev` loads graphs again when a file of the project changes, also one that a graph's file imports; a broken file
keeps the old graphs and the log says why (issue 4)."""

import time
from pathlib import Path

import httpx

from harness.server import Server

MODULES = Path(__file__).resolve().parents[2] / "examples" / "js-agent" / "node_modules"
FILES = {
    "words.py": 'WORD = "one"\n',
    "flow.py": """from typing import TypedDict
from langgraph.graph import START, StateGraph
from words import WORD
class State(TypedDict, total=False):
    word: str
graph = StateGraph(State).add_node("say", lambda state: {"word": WORD}).add_edge(START, "say").compile()
""",
    "words.mjs": 'export const WORD = "one";\n',
    "flow.mjs": """import { Annotation, START, StateGraph } from '@langchain/langgraph';
import { WORD } from './words.mjs';
export const graph = new StateGraph(Annotation.Root({ word: Annotation() }))
    .addNode('say', () => ({ word: WORD })).addEdge(START, 'say').compile();
""",
}
CONFIG = {"dependencies": ["."], "graphs": {"py": "./flow.py:graph", "js": "./flow.mjs:graph"}}


def wait_until(test):
    for _ in range(600):
        if test():
            return
        time.sleep(0.1)
    raise AssertionError("it did not come in time")


def test_changed_files_are_loaded_again(tmp_path):
    project = tmp_path / "project"
    project.mkdir()
    for name, text in FILES.items():
        (project / name).write_text(text)
    (project / "node_modules").symlink_to(MODULES)
    with Server(tmp_path, project=project, config=CONFIG) as server, httpx.Client(base_url=server.url, timeout=60) as http:
        def word(graph):
            return http.post("/runs/wait", json={"assistant_id": graph, "input": {}}).json().get("word")

        def write(name, text):
            (project / f"{name}.py").write_text(text[0])
            (project / f"{name}.mjs").write_text(text[1])

        assert (word("py"), word("js")) == ("one", "one")
        write("words", ('WORD = "two"\n', 'export const WORD = "two";\n'))
        wait_until(lambda: (word("py"), word("js")) == ("two", "two"))
        write("words", ("WORD = \n", "export const WORD = ;\n"))
        wait_until(lambda: server.log_path.read_text().count("keeps its old form") >= 2)
        assert (word("py"), word("js")) == ("two", "two")
        write("words", ('WORD = "three"\n', 'export const WORD = "three";\n'))
        wait_until(lambda: (word("py"), word("js")) == ("three", "three"))
