"""Write the sources of the documentation site into `build/docs`: the pages of `docs/` and one API page a package.

Plain Python; `make docs` runs it and then mkdocs. Links out of `docs/`, to code and examples, become links to the
repository or plain text, so that the strict build finds every link that leads nowhere.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DOCS, SITE = ROOT / "docs", ROOT / "build" / "docs"
PACKAGES = ("controller_server", "training")
_LINK = re.compile(r"\]\((\.\./[^)#\s]+)([^)]*)\)")
_REPOSITORY = re.search(r'^Repository = "([^"]+)"', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.M)


def main() -> None:
    """Write pages, API pages and `mkdocs.yml`."""
    shutil.rmtree(SITE, ignore_errors=True)
    pages = SITE / "docs"
    shutil.copytree(DOCS, pages)
    for page in pages.glob("*.md"):
        page.write_text(_outward(page.read_text(encoding="utf-8")), encoding="utf-8")
    (pages / "README.md").rename(pages / "index.md")
    for page in pages.glob("*.md"):
        page.write_text(page.read_text(encoding="utf-8").replace("](README.md", "](index.md"), encoding="utf-8")
    names = [name for package in PACKAGES for name in packages(ROOT / package)]
    (pages / "api").mkdir()
    for name in names:
        (pages / "api" / f"{name}.md").write_text(api_page(name), encoding="utf-8")
    (SITE / "mkdocs.yml").write_text(configuration(names), encoding="utf-8")


def _outward(text: str) -> str:
    """Return a page whose links out of `docs/` lead to the repository, or are plain text where it has no address."""
    if _REPOSITORY is None:
        return re.sub(r"\[([^\]]*)\]\(\.\./[^)]*\)", r"\1", text)
    address = _REPOSITORY[1]
    return _LINK.sub(lambda found: f"]({address}/blob/main/{found[1][3:]}{found[2]})", text)


def packages(folder: Path) -> list[str]:
    """Return the dotted names of a package and those in it, sorted."""
    found = [path.parent.relative_to(ROOT) for path in folder.rglob("__init__.py")]
    return sorted(".".join(path.parts) for path in found)


def api_page(package: str) -> str:
    """Return the page of one package: its docstring, then each of its modules."""
    folder = ROOT / package.replace(".", "/")
    modules = sorted(path.stem for path in folder.glob("*.py") if not path.stem.startswith("__"))
    lines = [f"# {package}", "", f"::: {package}", "    options: {members: false}", ""]
    for module in modules:
        lines += [f"::: {package}.{module}", ""]
    return "\n".join(lines)


def configuration(names: list[str]) -> str:
    """Return `mkdocs.yml`. Pages stand in the order of the table in docs/README.md."""
    order = re.findall(r"^\| \[[^\]]+\]\((\w+\.md)\)", (DOCS / "README.md").read_text(encoding="utf-8"), re.M)
    nav = "".join(f"  - {page}\n" for page in ["index.md", *order])
    api = "".join(f"      - {name}: api/{name}.md\n" for name in names)
    return f"""site_name: AssistMimic
docs_dir: docs
theme:
  name: material
  font: false  # nothing is loaded from elsewhere: the site works offline
  features: [navigation.indexes, toc.follow]
plugins:
  - search
  - mkdocstrings:
      handlers:
        python:
          paths: [{ROOT.as_posix()}]
          options:
            docstring_style: google
            heading_level: 2
            show_root_heading: true
            show_source: false
            members_order: source
            filters: ["!^_"]
            show_signature_annotations: true
markdown_extensions: [admonition, tables, toc, attr_list]
nav:
{nav}  - API:
{api}"""


if __name__ == "__main__":
    main()
