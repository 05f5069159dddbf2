"""checklib -- what the checks of tools/ share: the files of the tree, C without its comments, reports."""

import re
import subprocess
import sys
from pathlib import Path

HOME = Path(__file__).resolve().parent.parent

C_NOISE = re.compile(
    r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.DOTALL
)


def root_from(argv):
    """The tree to check: `--root FOLDER`, or the one this file stands in."""
    if "--root" in argv:
        return Path(argv[argv.index("--root") + 1]).resolve()
    return HOME


def tree(root):
    """Every file that is, or would be, in version control, as paths relative to root."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=root, capture_output=True, check=False,
    )
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [str(p.relative_to(root)) for p in root.rglob("*") if p.is_file()]
    return sorted(Path(name) for name in set(names) if (root / name).is_file())


def c_files(root):
    return [path for path in tree(root) if path.suffix in (".c", ".h")]


def read(root, path):
    return (root / path).read_text(encoding="utf-8", errors="replace")


def blank_noise(text, keep_strings=False):
    """C text in which comments (and strings) are spaces, so that lines and columns stay."""

    def blank(match):
        found = match.group(0)
        if found[0] in "\"'":
            if keep_strings:
                return found
            return found[0] + re.sub(r"[^\n]", " ", found[1:-1]) + found[-1]
        return re.sub(r"[^\n]", " ", found)

    return C_NOISE.sub(blank, text)


def blank_directives(text):
    """C text without preprocessor lines, continued ones too."""
    return re.sub(
        r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text,
        flags=re.MULTILINE,
    )


def finish(name, problems, checked):
    """Prints what was found and ends the program as a check does."""
    for problem in problems:
        print(problem)
    print(f"{name}: {checked} files, {len(problems)} problems")
    sys.exit(1 if problems else 0)
