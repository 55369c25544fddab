"""What the site needs that Markdown in a repository does not: files from outside of docs/, and roles of docstrings.

MkDocs calls these functions by their names (https://www.mkdocs.org/user-guide/configuration/#hooks).
"""

from __future__ import annotations

import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
FROM_THE_ROOT = ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "LICENSE-WEIGHTS", "MODELS.md", "SECURITY.md")
RESULTS = Path("benchmarks") / "results"
CODE_IN_A_LIST = re.compile(r"^ {2,3}```.*?^ {2,3}```$", re.MULTILINE | re.DOTALL)


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the root's texts, and the results of measurements with a list of them."""
    results = sorted((ROOT / RESULTS).glob("*.json"))
    programs = (ROOT / "benchmarks").glob("*.py")
    for path in (*(ROOT / name for name in FROM_THE_ROOT), *results, *programs):
        name = path.relative_to(ROOT).as_posix()
        files.append(File.generated(config, name, content=path.read_text(encoding="utf-8")))
    rows = "\n".join(f"- [{path.name}]({path.name})" for path in results)
    text = f"# Results of measurements\n\nWhat every published figure was read from.\n\n{rows}\n"
    files.append(File.generated(config, (RESULTS / "index.md").as_posix(), content=text))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Point links to where these files are in the site: one level up, or below docs/, is the same place there.

    And set code in lists off by four spaces and an empty line, as MkDocs wants it there.
    """
    markdown = CODE_IN_A_LIST.sub(lambda code: re.sub(r"^ {2,3}", "    ", code[0], flags=re.MULTILINE) + "\n", markdown)
    markdown = markdown.replace("](../benchmarks/results)", "](benchmarks/results/index.md)")
    if page.file.src_uri in FROM_THE_ROOT:
        return markdown.replace("](docs/", "](")
    return markdown if "/" in page.file.src_uri else markdown.replace("](../", "](")


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Show :func:`name` of a docstring as name."""
    return re.sub(r":(?:func|class|meth|mod|attr):(<code>)", r"\1", html)
