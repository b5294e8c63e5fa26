"""The page of two operating systems for a terminal of 80 columns."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from iomodels.base import words
from iomodels.judge.join import Joined, JoinedLoad, Ratio, Scale
from iomodels.judge.join_conditions import Condition, State, of_state
from iomodels.report import join_sentences


def print_join(joined: Joined, found: Sequence[Condition], console: Console) -> None:
    """Print warning, headline, one table per panel and scale, remarks and conditions."""

    def line(text: str, style: str | None = None) -> None:
        console.print(text, style=style, highlight=False, markup=False)

    line(join_sentences.TWO_KERNELS, "bold")
    line(join_sentences.headline(joined), "bold")
    for scale in Scale:
        loads = [load for load in joined.loads if load.on(scale)]
        for panel in dict.fromkeys(load.key.panel for load in loads):
            own = [load for load in loads if load.key.panel == panel]
            line(f"\n{panel.words} · {scale.value} · {joined.windows.platform} and "
                 f"{joined.linux.platform}", "italic")  # fmt: skip
            console.print(_table(joined, own, scale), highlight=False)
    for label, *said in join_sentences.over_baseline(joined):
        for scale, counts in zip(Scale, said):
            line(f"{label} over {joined.baseline}, {scale.value}: {counts}")
    for text in (*join_sentences.remarks(joined), *join_sentences.without_result(joined)):
        line(f"• {text}")
    for state in (State.DIFFERS, State.UNKNOWN):
        for each in of_state(found, state):
            line(f"{state.value}: {_condition(each)}")


def _condition(each: Condition) -> str:
    values = f": {each.windows} / {each.linux}" if each.windows or each.linux else ""
    why = f" ({each.why})" if each.why else ""
    return f"{each.group}: {each.name}{values}{why}"


def _table(joined: Joined, loads: Sequence[JoinedLoad], scale: Scale) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, collapse_padding=True, show_edge=False)
    table.add_column("conn.", justify="right", no_wrap=True)
    table.add_column("system", no_wrap=True)
    table.add_column("server", overflow="fold", min_width=7)
    ratio = f"÷ {joined.baseline} [{words.given(joined.rule.stated)}]"
    for heading in ("value", ratio):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    table.add_column("runs", justify="right", no_wrap=True)
    for load in loads:
        found = load.on(scale)
        assert found
        if load is not loads[0]:
            table.add_row()  # an empty row separates the groups
        ratios = {each.label: each for each in found.ratios}
        for side, entries in zip(joined.sides, (found.windows, found.linux)):
            for entry in entries:
                one = ratios.get(entry.label) if side is joined.linux else None
                table.add_row(
                    *(f"{load.key.connections:,}", side.system, entry.label),
                    words.number(entry.value),
                    *_ratio(joined, scale, one),
                    f"{entry.runs:,}",
                    style=None if entry.logs else "dim",
                )
    return table


def _ratio(joined: Joined, scale: Scale, one: Ratio | None) -> tuple[str, str]:
    if one is None:
        return "", ""
    text = words.ratio(one.ratio, one.low, one.high, differs=one.word.decides)
    return text.replace("×", ""), join_sentences.word_of(joined, scale, one)
