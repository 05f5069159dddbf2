"""Proves that each check of tools/ can fail: one small tree with one fault, and one without."""

import subprocess
import sys
from pathlib import Path

import pytest

HOME = Path(__file__).resolve().parents[2]

LONG = "/* long.c -- a function of sixty-one lines. */\nint f(void)\n{\n" + "    ;\n" * 58 + "}\n"
NESTED = """/* nested.c -- five blocks inside each other. */
int f(int a)
{
    if (a) {
        while (a) {
            LIST_EACH(a, b) {
                switch (a) {
                case 1: {
                    return 1;
                }
                }
            }
        }
    }
    return 0;
}
"""
FLAT = """/* flat.c -- braces of values are no blocks. */
struct p f(int a, int b, int c, int d, int e, struct p (*g)(int, int))
{
    if (a) {
        for (;;) {
            if (b) {
                do {
                    return (struct p){.x = {{{1}}}};
                } while (c);
            }
        }
    }
    return g((int[]){1, 2}[0], d + e);
}
"""
REGISTRY = "py" + "pi.org"

# (check, file, text, part of the complaint; None: no complaint)
CASES = [
    ("limits", "src/base/long.c", LONG, "function 61 > 60"),
    ("limits", "src/base/fits.c", LONG.replace("    ;\n", "", 1), None),
    ("limits", "src/base/nested.c", NESTED, "nesting 5 > 4"),
    ("limits", "src/base/flat.c", FLAT, None),
    ("limits", "src/base/seven.c", "/* seven.c */\nint f(int a, int b, int c, int d, int e, int f, int g)\n{\n}\n",
     "parameters 7 > 6"),
    ("limits", "src/base/big.h", "/* big.h */\n" * 151, "header 151 > 150"),
    ("limits", "src/base/big.c", "/* big.c */\n" * 501, "file 501 > 500"),
    ("limits", "test/big.py", "# big\n" * 501, "file 501 > 500"),
    ("limits", "tools/limits", "src/base/gone.c file 600 it was long once\n", "no longer needed"),
    ("limits", "tools/limits", "src/base/gone.c file\n", "and a reason"),
    ("heads", "src/base/a.c", "int a;\n", "does not start with a comment"),
    ("heads", "src/base/a.c", "/* a.c -- what a is good for. */\nint a;\n", None),
    ("heads", "tools/run", "#!/bin/sh\necho\n", "does not start with a comment"),
    ("heads", "tools/run", "#!/bin/sh\n# run -- starts the thing and waits.\n", None),
    ("heads", "x.py", '"""x"""\n', "says too little"),
    ("words", "src/base/a.c", "/* TO" + "DO later */\n", "may not stand here"),
    ("words", "tools/get", "fetch https://" + REGISTRY + "/simple\n", "may not stand here"),
    ("words", "README.md", "a word like mastodon, a hackney cab\n", None),
    ("malloc", "src/store/a.c", "/* a */\nvoid *f(void)\n{\n    return malloc(1);\n}\n", "malloc()"),
    ("malloc", "src/store/a.c", "/* malloc( is a word */\nvoid f(void)\n{\n    b->free(1); mem_free(2);\n}\n", None),
    ("format", "src/store/a.c", "int  a ;\n", "clang-format"),
    ("format", "src/store/a.c", "int a;\n", None),
    ("layers", "src/base/a.c", '#include "store/b.h"\n', "upward"),
    ("layers", "src/store/a.c", '#include <stdio.h>\n', None),
]


@pytest.mark.parametrize("check, name, text, complaint", CASES)
def test_check(tmp_path, check, name, text, complaint):
    files = {"src/LAYERS": "base\nstore\n", "src/base/b.h": "", "src/store/b.h": "", name: text}
    if check == "format":
        files[".clang-format"] = (HOME / ".clang-format").read_text()
    if check == "heads":
        files = {name: text}
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    done = subprocess.run([sys.executable, HOME / "tools" / f"check-{check}", "--root", tmp_path],
                          capture_output=True, text=True, check=False)
    if complaint is None:
        assert done.returncode == 0, done.stdout
    else:
        assert done.returncode == 1 and complaint in done.stdout, done.stdout + done.stderr


def test_an_exception_with_a_reason_is_accepted(tmp_path):
    (tmp_path / "tools").mkdir()
    (tmp_path / "long.c").write_text(LONG)
    (tmp_path / "tools" / "limits").write_text("long.c:f function 61 it is one table of cases\n")
    done = subprocess.run([sys.executable, HOME / "tools" / "check-limits", "--root", tmp_path],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_layers_proves_itself():
    subprocess.run([sys.executable, HOME / "tools" / "check-layers", "--self-test"], check=True)


def proofs_said(root):
    done = subprocess.run([HOME / "tools" / "check-proofs", "--root", root], capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


def test_every_row_names_a_test_that_is_there(tmp_path):
    assert proofs_said(HOME)[0] == 0
    for name in ("docs/security.md", "docs/reliability.md", "docs/agent-server.md", "src/api/store.c"):
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).write_text((HOME / name).read_text())
    code, said = proofs_said(tmp_path)
    assert code == 1 and "there is no test the_policy_rules_as_written in src/http/egress_test.c" in said
    assert "there is no test test_runs in test/compat/test_sequences.py" in said
    assert "there is no operation GET /ok" in said and "no operation PUT /store/items" not in said
    source = (tmp_path / "src/api/store.c").read_text()
    (tmp_path / "src/api/store.c").write_text(source.replace('"/store/namespaces"', '"/store/spaces"'))
    assert "no row tells of POST /store/spaces" in proofs_said(tmp_path)[1]
    text = (HOME / "docs" / "reliability.md").read_text().splitlines()
    (tmp_path / "docs" / "reliability.md").write_text("\n".join(line for line in text if not line.startswith("| 7 |")))
    assert "not 1 to 25" in proofs_said(tmp_path)[1]
