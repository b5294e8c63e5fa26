"""The figures of runs whose numbers are known: data, marks, metadata, the same bytes twice, and each script on its own."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib.image
import pytest
from made_run import RUN, make_run, rates_by, suite_of, usual_rate
from matplotlib.colors import to_rgb

from harness import stats
from harness.files import ROOT
from harness.plan import Measurement
from harness.records import RunError, load_run
from harness.suite import Server
from plots import latency_by_percentile, literature, ratios_to_baseline, style, then_versus_now, throughput_by_connections, winner_map

DRAWS_OF_FAILURES = (throughput_by_connections.draw, latency_by_percentile.draw)
COMPARING = (ratios_to_baseline.draw, winner_map.draw, then_versus_now.draw)
DRAWS = DRAWS_OF_FAILURES + COMPARING
NAMES = ("throughput_by_connections", "latency_by_percentile", "ratios_to_baseline", "winner_map", "then_versus_now")
ENDS = (".svg", ".png", ".csv", "-dark.svg", "-dark.png")
SMALL = suite_of(connections=(1, 64, 1024), sizes=(64,))


def draw(function: Callable[..., style.Plot], folder: Path, **options: Any) -> style.Plot:
    options.setdefault("suite", SMALL)
    return function(load_run(make_run(folder, **options)))


def texts(plot: style.Plot) -> str:
    """Every text that the figure shows."""
    from matplotlib.text import Text

    return "\n".join(text.get_text() for text in plot.figure.findobj(Text))


def contrast(one: str, other: str) -> float:
    """WCAG contrast ratio of two colours."""
    def luminance(colour: str) -> float:
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
        return float(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("function", DRAWS)
def test_the_same_data_give_the_same_bytes(function: Callable[..., style.Plot], tmp_path: Path) -> None:
    one, two = draw(function, tmp_path / "one"), draw(function, tmp_path / "two")
    assert style.svg_text(one) == style.svg_text(two)
    assert style.png_bytes(one) == style.png_bytes(two)
    assert style.csv_text(one) == style.csv_text(two)


@pytest.mark.parametrize("function", DRAWS)
def test_other_data_give_another_picture(function: Callable[..., style.Plot], tmp_path: Path) -> None:
    one = draw(function, tmp_path / "one")
    two = draw(function, tmp_path / "two", rate=lambda m: (usual_rate(m) or 0) * (3 if m.condition.model == "select" else 1))
    assert style.svg_text(one) != style.svg_text(two)


@pytest.mark.parametrize("function", DRAWS)
def test_metadata_hold_the_command_and_no_date(function: Callable[..., style.Plot], tmp_path: Path) -> None:
    plot = draw(function, tmp_path)
    command = f"python3 -m plots.{plot.name} results/{RUN}"
    svg, png = style.svg_text(plot), style.png_bytes(plot)
    assert command in svg and command.encode() in png
    assert "<dc:date>" not in svg and b"date:create" not in png
    assert str(tmp_path) not in svg and str(tmp_path).encode() not in png
    ElementTree.fromstring(svg)


@pytest.mark.parametrize("function", DRAWS)
def test_every_figure_carries_its_conditions(function: Callable[..., style.Plot], tmp_path: Path) -> None:
    shown = texts(draw(function, tmp_path))
    for words in ("wine-8.0", "n = 3 repeats", "2 s each", "closed loop", "load from linux-6.1", RUN):
        assert words in shown
    assert "Wine: shows that the code is right, not how Windows performs" in shown


@pytest.mark.parametrize("function", DRAWS)
def test_the_warning_about_wine_is_only_on_wine(function: Callable[..., style.Plot], tmp_path: Path) -> None:
    assert "Wine" not in texts(draw(function, tmp_path, platform="windows-11-26100"))


def test_throughput_data_are_those_of_the_records(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path, SMALL))
    plot = throughput_by_connections.draw(run)
    rows = [dict(zip(plot.columns, row)) for row in plot.rows]
    assert len(rows) == len(run.records)
    for record in run.records:
        (row,) = [row for row in rows if (row["server"], row["connections"], row["repeat"]) == (
            record.condition.label, record.condition.connections, record.repeat)]
        assert record.loadgen and row["requests_per_second"] == record.loadgen["result"]["requests_per_second"]
        rates = [float(str(each["requests_per_second"])) for each in rows
                 if (each["server"], each["connections"]) == (row["server"], row["connections"])]
        found = stats.median_estimate(rates)
        assert found and (row["median"], row["ci95_low"], row["ci95_high"]) == (found.value, found.low, found.high)


def test_the_lines_are_the_medians_and_break_where_nothing_is_valid(tmp_path: Path) -> None:
    table: dict[tuple[str, int], list[float | None]] = {
        ("select", 1): [10.0, 12.0, 20.0], ("select", 64): [None, None, None], ("select", 1024): [None, 8.0, 6.0],
        ("iocp", 1): [1.0, 2.0, 3.0], ("iocp", 64): [4.0, 5.0, 6.0], ("iocp", 1024): [7.0, 8.0, 9.0]}
    plot = draw(throughput_by_connections.draw, tmp_path, rate=rates_by(table))
    lines = [line for line in plot.figure.axes[0].lines if line.get_linestyle() != "None"]
    assert [[None if value != value else value for value in line.get_ydata()] for line in lines] == [[12.0, None, 7.0], [2.0, 5.0, 8.0]]
    hollow = [line for line in plot.figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    assert sorted(place for line in hollow for place in zip(line.get_xdata(), line.get_ydata())) == [(64, 0.0)] * 3 + [(1024, 0.0)]
    assert "Hollow: not valid" in texts(plot)


def test_a_cell_that_is_not_valid_is_hollow(tmp_path: Path) -> None:
    """Nine repeats that fall into two camps are unsteady; the same nine close together are not."""
    def rate(measurement: Measurement) -> float:
        return 100.0 + (50 if measurement.condition.model == "iocp" else 1) * (measurement.repeat % 2)
    suite = suite_of(connections=(1, 64), sizes=(64,), repeats=9)
    plot = draw(throughput_by_connections.draw, tmp_path, suite=suite, rate=rate)
    hollow = [line for line in plot.figure.axes[0].lines if line.get_markerfacecolor() == style.PAPER]
    assert sorted((line.get_xdata()[0], line.get_ydata()[0]) for line in hollow) == [(1, 100.0), (64, 100.0)]
    assert {line.get_markeredgecolor() for line in hollow} == {style.MODELS["iocp"].colour}
    verdicts = {(row["server"], row["verdict"]) for row in (dict(zip(plot.columns, row)) for row in plot.rows)}
    assert verdicts == {("iocp", "unsteady"), ("select", "server-bound")} and "Hollow: not valid" in texts(plot)


def test_a_limit_is_marked_only_for_its_model_and_inside_the_loads(tmp_path: Path) -> None:
    with_events = suite_of(servers=(Server("events"), Server("iocp")), connections=(1, 256), sizes=(64,))
    assert "64 handles a wait" in texts(draw(throughput_by_connections.draw, tmp_path / "one", suite=with_events))
    assert "64 handles" not in texts(draw(throughput_by_connections.draw, tmp_path / "two", suite=SMALL))
    low = suite_of(servers=(Server("events"),), connections=(1, 64), sizes=(64,))
    assert "64 handles" not in texts(draw(throughput_by_connections.draw, tmp_path / "three", suite=low))


def test_latency_data_follow_the_percentile_rule_and_are_cut(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path, SMALL))
    plot = latency_by_percentile.draw(run)
    rows = [dict(zip(plot.columns, row)) for row in plot.rows]
    cells = {(str(row["server"]), int(str(row["connections"]))) for row in rows}
    assert len(cells) == 6
    for server, connections in cells:
        parts = [latency_by_percentile.histogram(record) for record in run.records
                 if (record.condition.label, record.condition.connections) == (server, connections)]
        merged = stats.merge(parts)
        own = [row for row in rows if (row["server"], row["connections"]) == (server, connections)]
        percents = [float(str(row["percentile"])) for row in own]
        assert {50.0, 90.0, 99.0, 99.9} <= set(percents) and all(stats.supported(60_000, percent) for percent in percents)
        assert max(percents) > 99.98
        for row, percent in zip(own, percents):
            assert row["latency_us"] == pytest.approx((stats.percentile(merged, percent) or 0) / 1000)
            single = [(stats.percentile(part, percent) or 0) / 1000 for part in parts]
            band = (min(single), max(single)) if stats.supported(20_000, percent) else (None, None)
            assert (row["lowest_repeat_us"], row["highest_repeat_us"]) == band


def test_latency_shows_the_fewest_the_middle_and_the_most_connections_unless_told(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path, suite_of(connections=(1, 8, 64, 256, 1024), sizes=(64,))))
    titles = [axis.get_title("left") for axis in latency_by_percentile.draw(run).figure.axes]
    assert titles == ["1 conn. × 64 B", "64 conn. × 64 B", "1,024 conn. × 64 B"]
    plot = latency_by_percentile.draw(run, (8,))
    assert [axis.get_title("left") for axis in plot.figure.axes] == ["8 conn. × 64 B"]
    assert plot.command.endswith("--connections 8")


@pytest.mark.parametrize("function", DRAWS_OF_FAILURES)
def test_a_run_with_failures_only_is_drawn_and_says_so(function: Callable[..., style.Plot], tmp_path: Path) -> None:
    plot = draw(function, tmp_path, rate=lambda measurement: None)
    assert "no valid repeat" in plot.alt.lower()
    assert "n = 0 repeats" in texts(plot)
    style.png_bytes(plot)


@pytest.mark.parametrize("function", COMPARING)
def test_nothing_is_compared_in_a_run_with_failures_only(function: Callable[..., style.Plot], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no valid repeat"):
        draw(function, tmp_path, rate=lambda measurement: None)


@pytest.mark.parametrize("function", DRAWS)
def test_an_empty_run_is_refused_in_one_line(function: Callable[..., style.Plot], tmp_path: Path) -> None:
    with pytest.raises(RunError, match="nothing to draw"):
        draw(function, tmp_path, measured=0, status="interrupted")


def test_every_model_has_its_own_colour_and_marker_with_enough_contrast() -> None:
    looks = list(style.MODELS.values())
    assert {"threads", "select", "events", "apc", "iocp", "tpio"} <= set(style.MODELS)
    assert len({look.marker for look in looks}) == len({look.colour for look in looks}) == len(looks)
    for look in [*looks, *(style.look(name) for name in ("new", "newer", "newest"))]:
        assert contrast(look.colour, style.PAPER) >= 3 and contrast(look.colour_on_dark, style.dark_colours()[style.PAPER]) >= 3


@pytest.mark.parametrize("ink", [style.INK, style.MUTED, style.WARNING])
def test_text_is_readable_on_light_and_dark(ink: str) -> None:
    dark = style.dark_colours()
    assert contrast(ink, style.PAPER) >= 4.5 and contrast(dark[ink], dark[style.PAPER]) >= 4.5


def test_a_series_looks_the_same_in_every_company_and_variants_differ() -> None:
    assert style.look("not-yet-known") == style.look("not-yet-known")
    assert style.look("iocp") == style.MODELS["iocp"]
    variant = style.look("iocp", 1)
    assert variant.colour == style.MODELS["iocp"].colour and variant.marker != style.MODELS["iocp"].marker


SEVEN = suite_of(servers=[*(Server(each) for each in ("select", "threads", "events", "apc", "iocp", "tpio")), Server("select", alias="select again")],
                 connections=(1, 64, 1024), sizes=(64,))


def test_seven_series_have_seven_looks(tmp_path: Path) -> None:
    run = load_run(make_run(tmp_path, SEVEN))
    looks = style.looks(record.condition for record in run.records)
    assert sorted(looks) == ["apc", "events", "iocp", "select", "select again", "threads", "tpio"]
    assert looks["select"] == style.MODELS["select"] and looks["select again"].colour == looks["select"].colour
    assert len({look.marker for look in looks.values()}) == len({look.dash for look in looks.values()}) + 1 == 7  # one dash twice
    assert len({look.colour for look in looks.values()}) == 6


def test_many_series_stand_side_by_side_without_bands(tmp_path: Path) -> None:
    plot = draw(throughput_by_connections.draw, tmp_path / "seven", suite=SEVEN)
    assert "Bar: its 95 %" in texts(plot) and "Band" not in texts(plot)
    lines = [line for line in plot.figure.axes[0].lines if line.get_linestyle() != "None" and len(line.get_xdata()) == len(SEVEN.connections)]
    for column, count in enumerate(SEVEN.connections):
        places = [line.get_xdata()[column] for line in lines]
        assert len(set(places)) == 7 and all(0.8 < place / count < 1.25 for place in places)
    few = draw(throughput_by_connections.draw, tmp_path / "few")
    assert "Band: its 95 %" in texts(few)
    assert [set(line.get_xdata()) for line in few.figure.axes[0].lines if line.get_linestyle() != "None" and len(line.get_xdata()) == 3] == [{1, 64, 1024}] * 2


@pytest.mark.parametrize(("value", "words"), [(0, "0"), (0.01234, "0.0123"), (1.0, "1.00"), (0.9996, "1.00"), (49.96, "50.0"), (999.6, "1,000"), (123456, "123,000")])
def test_three_significant_digits(value: float, words: str) -> None:
    assert style.rounded(value) == words


@pytest.mark.parametrize(("us", "words"), [(0.5, "500 ns"), (20, "20 µs"), (5000, "5 ms"), (2e6, "2 s"), (1e9, "1,000 s")])
def test_durations(us: float, words: str) -> None:
    assert latency_by_percentile.duration(us) == words


def script(name: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", f"plots.{name}", *words], cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("name", NAMES)
def test_each_script_works_alone(name: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path, SMALL)
    done = script(name, str(folder), "--out", str(tmp_path / "out"))
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(f"{name}{end}" for end in ENDS)
    assert done.stdout.split() == [str(tmp_path / "out" / f"{name}{end}") for end in ENDS]
    with (tmp_path / "out" / f"{name}.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert {row["format"] for row in rows} == {"1"} and {row["platform"] for row in rows} - {"published"} == {"wine-8.0"}


@pytest.mark.parametrize(("words", "message"), [
    (["{tmp}/nowhere"], "nowhere: no such folder"),
    (["{tmp}"], "it has no run.json"),
    (["{run}", "--connections", "7"], "--connections 7: not in this run, which has 1, 64, 1024"),
    (["{run}", "--sizes", "x"], "argument --sizes: 'x' is not a list of whole numbers such as 1,64,1024"),
])
def test_bad_input_is_one_clear_line_and_exit_code_2(words: list[str], message: str, tmp_path: Path) -> None:
    folder = make_run(tmp_path, SMALL)
    done = script("latency_by_percentile", *(word.format(tmp=tmp_path, run=folder) for word in words))
    assert done.returncode == 2 and message in done.stderr.splitlines()[-1] and "Traceback" not in done.stderr
    assert not (folder / "figures").exists()


def two_models(rates: Callable[[str, int], float | None], repeats: int) -> dict[str, Any]:
    """Options of draw(): iocp and select at 1, 64 and 1,024 connections, `rates(model, repeat)` at all of them."""
    return {"suite": suite_of(connections=(1, 64, 1024), sizes=(64,), repeats=repeats),
            "rate": lambda measurement: rates(measurement.condition.model, measurement.repeat)}


def test_the_winner_map_names_a_winner_only_where_one_is_shown(tmp_path: Path) -> None:
    def clear(model: str, repeat: int) -> float:
        return (200.0 if model == "iocp" else 100.0) + repeat

    def equal(model: str, repeat: int) -> float:
        return 100.0 + (repeat * 5 + (model == "iocp") * 3) % 9

    outcomes = {}
    for name, rates, repeats in (("clear", clear, 9), ("equal", equal, 9), ("few", clear, 3)):
        plot = draw(winner_map.draw, tmp_path / name, **two_models(rates, repeats))
        outcomes[name] = {(row[plot.columns.index("outcome")], row[plot.columns.index("tied")]) for row in plot.rows}
    assert outcomes == {"clear": {("lead", "iocp")}, "equal": outcomes["equal"], "few": {("too few repeats", "iocp select")}}
    assert {outcome for outcome, _ in outcomes["equal"]} == {"tie"}


def test_a_map_without_valid_repeats_has_no_tile_there(tmp_path: Path) -> None:
    table: dict[tuple[str, int], list[float | None]] = {(model, connections): [None if connections == 64 else 5.0] * 3
                                                        for model in ("select", "iocp") for connections in (1, 64, 1024)}
    plot = draw(winner_map.draw, tmp_path, rate=rates_by(table))
    assert {row[plot.columns.index("connections")] for row in plot.rows} == {1, 1024}


def test_ratios_are_to_the_first_server_of_the_suite(tmp_path: Path) -> None:
    plot = draw(ratios_to_baseline.draw, tmp_path, **two_models(lambda model, repeat: 300.0 if model == "iocp" else 200.0, 9))
    rows = [dict(zip(plot.columns, row)) for row in plot.rows]
    assert {(row["server"], row["baseline"], row["ratio"], row["shown"]) for row in rows} == {("iocp", "select", 1.5, True)}
    assert "iocp, 64" in texts(plot) and "~" not in texts(plot).replace("and ~:", "")


def test_a_difference_that_is_not_shown_is_grey_with_a_tilde(tmp_path: Path) -> None:
    plot = draw(ratios_to_baseline.draw, tmp_path, **two_models(lambda model, repeat: 300.0 if model == "iocp" else 200.0, 3))
    assert "iocp, 64 ~" in texts(plot)
    assert {line.get_color() for line in plot.figure.axes[0].lines if line.get_marker() == style.look("iocp").marker} == {style.MUTED}


def test_published_numbers_stand_beside_the_run_as_ratios(tmp_path: Path) -> None:
    plot = draw(then_versus_now.draw, tmp_path, **two_models(lambda model, repeat: 300.0 if model == "iocp" else 150.0, 3))
    rows = [dict(zip(plot.columns, row)) for row in plot.rows]
    assert {row["ratio"] for row in rows if row["platform"] == "wine-8.0"} == {0.5}
    published = [row for row in rows if row["platform"] == "published"]
    assert len(published) == len(literature.ratios()) == 14
    hollow = [line for line in plot.figure.axes[0].lines if line.get_markerfacecolor() == "none"]
    assert len(hollow) == sum(not row["verified"] for row in published) == 6


def test_there_is_nothing_to_overlay_without_a_completion_port(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="compares with iocp"):
        draw(then_versus_now.draw, tmp_path, suite=suite_of(servers=(Server("select"), Server("events")), connections=(1,), sizes=(64,)))


@pytest.mark.parametrize("text, message", [("format = 2", "format 2"), ("no toml", "cannot be read")])
def test_literature_of_another_format_is_refused(text: str, message: str, tmp_path: Path) -> None:
    for name in ("jones-ohlund-2002.toml", "published-numbers.toml"):
        (tmp_path / name).write_text(text)
    with pytest.raises(RunError, match=message):
        literature.ratios(tmp_path)


@pytest.mark.parametrize("function", DRAWS)
def test_dark_twin_has_no_light_colour_and_leaves_the_light_one_alone(function: Callable[..., style.Plot], tmp_path: Path) -> None:
    plot = draw(function, tmp_path)
    light, picture = style.svg_text(plot), style.png_bytes(plot)
    dark, swapped = style.darkened(light), style.dark_colours()
    assert swapped[style.PAPER] in dark and swapped[style.INK] in dark
    assert not [colour for colour in swapped if colour in dark and colour not in swapped.values()]
    image = matplotlib.image.imread(io.BytesIO(style.png_bytes(plot, dark=True)))
    assert tuple(image[0, 0, :3]) == pytest.approx(to_rgb(swapped[style.PAPER]), abs=0.01)
    assert style.png_bytes(plot) == picture
