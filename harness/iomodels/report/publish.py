"""What a run gives to a documentation site: a folder.

The folder holds report.md, cells.csv, figures/ and a list of these files with checksums. A figure
is SVG and PNG for light and dark pages, its data, and Markdown with its alt text and caption. By
the list a later report replaces what an earlier one wrote. It never overwrites a file that it did
not write, or that was changed since.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from iomodels.base.errors import Failure
from iomodels.base.files import write_whole
from iomodels.data.store import load_run
from iomodels.figures import output
from iomodels.judge.summary import Summary, summarise
from iomodels.report.as_data import cells_csv
from iomodels.report.context import context
from iomodels.report.html import draw_figures, markdown
from iomodels.report.page import template

FORMAT = 1
LIST = "iomodels-report.json"


def table_of(summary: Summary, form: str) -> str:
    """Return the table of results as "md" or "csv". Markdown names the run and its platform."""
    if form == "csv":
        return cells_csv(summary)
    return template("table.md.j2", html=False).render(context(summary, [], []))


def write_docs(of: Path | Summary, docs: Path, charts: Sequence[str] | None = None) -> Path:
    """Write the report of a run as a folder for a documentation site; return its report.md.

    `charts` are the names of the charts to write (None: all). Raises Failure if a file is in the
    way, or if the run lacks the data of a named chart.
    """
    summary = of if isinstance(of, Summary) else summarise(load_run(of))
    run = summary.run
    plots, not_drawn = draw_figures(run, charts)
    if charts and not_drawn:
        raise Failure(*[f"--charts {name}: cannot be drawn: {why}" for name, why in not_drawn])
    shown = context(summary, plots, not_drawn) | {"data": "cells.csv"}
    files = {
        f"figures/{name}": content
        for plot in plots
        for name, content in output.contents(plot).items()
    }
    figure = template("figure.md.j2", html=False)
    for plot in plots:
        files[f"figures/{plot.name}.md"] = figure.render(plot=plot, place="").encode()
    files["report.md"] = markdown(shown).encode()
    files["cells.csv"] = cells_csv(summary).encode()
    write_folder(docs, str(run.manifest["run"]), files)
    return docs / "report.md"


def write_folder(folder: Path, run: str, files: Mapping[str, bytes]) -> None:
    """Write the files (by their path in the folder) and their list.

    Raises Failure and writes nothing if a foreign file is in the way.
    """
    known = _listed(folder)
    for name, content in files.items():
        path = folder / name
        if path.is_dir() or (
            path.exists() and _digest(path.read_bytes()) not in (known.get(name), _digest(content))
        ):
            why = "was changed since" if name in known else "was not written by an earlier report"
            raise Failure(
                f"--docs {folder}: {name} {why}; move it away or name another folder "
                "(nothing was written)"
            )
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    for name in set(known) - set(files):  # a figure that this run has no data for
        old = folder / name
        if old.is_file() and _digest(old.read_bytes()) == known[name]:
            old.unlink()
    listed = {
        "format": FORMAT,
        "run": run,
        "files": {name: _digest(content) for name, content in sorted(files.items())},
    }
    write_whole(folder / LIST, json.dumps(listed, indent=2) + "\n")


def _listed(folder: Path) -> dict[str, str]:
    """The files of an earlier report with their checksums; none where there was no report."""
    if folder.exists() and not folder.is_dir():
        raise Failure(f"--docs {folder}: must be a folder")
    path = folder / LIST
    if not path.exists():
        return {}
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise ValueError(f"format {data['format']}")
        return {str(name): str(digest) for name, digest in data["files"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise Failure(
            f"--docs {folder}: {LIST} cannot be read: {error}; move it away or name another folder"
        ) from None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
