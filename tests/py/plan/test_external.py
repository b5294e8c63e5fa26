from __future__ import annotations

from pathlib import Path

import pytest

from iomodels.base.errors import Failure
from iomodels.plan.external import External, external_from, parse_attached, parse_server
from iomodels.plan.server import Server, external_server
from iomodels.plan.suite import load_suite, model_errors, suite_from

HEAD = """
title = "A"
question = "Which?"
connections = [1]
sizes = [64]
depth = 1
rounds = 3
warmup_ms = 100
duration_ms = 200
"""
MINE = '[[servers]]\nname = "mine"\ncommand = "server --port {port}"\n'


def load(folder: Path, text: str) -> tuple[Server, ...]:
    path = folder / "own.toml"
    path.write_text(HEAD + text, encoding="utf-8")
    return load_suite(path).servers


def refused(folder: Path, text: str) -> str:
    with pytest.raises(Failure) as caught:
        load(folder, text)
    return "\n".join(caught.value.lines)


def test_an_entry_with_a_name_is_an_external_server(tmp_path: Path) -> None:
    model, mine = load(tmp_path, '[[servers]]\nmodel = "iocp"\n' + MINE)
    assert model == Server("iocp")
    assert mine == external_server("mine", External(("server", "--port", "{port}")))
    assert mine.label == "mine (external)"


def test_every_key_of_an_entry_is_read(tmp_path: Path) -> None:
    (mine,) = load(
        tmp_path,
        '[[servers]]\nname = "mine"\ncommand = ["a b", "{threads}"]\nport = 7000\n'
        'ready = "line:go"\nthreads = 4\nversion = "a --version"\n',
    )
    assert mine.external == External(
        ("a b", "{threads}"), 7000, "line:go", 4, version=("a", "--version")
    )


def test_a_manifest_brings_back_the_same_servers(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    attached = '[[servers]]\nname = "theirs"\nattach = "127.0.0.1:7000"\n'
    path.write_text(HEAD + MINE + attached, encoding="utf-8")
    suite = load_suite(path)
    data = suite.to_json()
    assert suite_from("own", data).servers == suite.servers
    assert external_from(data["servers"][1]["external"]).attach == ("127.0.0.1", 7000)


@pytest.mark.parametrize(
    ("entry", "error"),
    [
        ('name = "Mine"\ncommand = "a {port}"', "servers[0].name = 'Mine': must be a name of"),
        ('name = "mine"', "servers[0]: needs command, which starts it, or attach"),
        ('name = "mine"\ncommand = "a {port}"\nattach = "a:1"', "needs command, which starts it"),
        ('name = "mine"\ncommand = "a"', "servers[0].command: must contain {port}, unless port"),
        ('name = "mine"\ncommand = ""', "servers[0].command = '': must be a program"),
        ('name = "mine"\ncommand = "a \'{port}"', "must be a program with its arguments"),
        ('name = "mine"\ncommand = []\nport = 1', "servers[0].command = []: must be a program"),
        ('name = "mine"\ncommand = "a"\nport = 0', "port = 0: must be a whole number 1 … 65535"),
        ('name = "mine"\ncommand = "a {port} {threads}"', "so threads must name their number"),
        ('name = "mine"\ncommand = "a {port}"\nthreads = 0', "threads = 0: must be a whole number"),
        ('name = "mine"\ncommand = "a {port}"\nready = "soon"', "ready = 'soon': must be connect,"),
        ('name = "mine"\ncommand = "a {port}"\nready = "delay:99999"', "with at most 60000 ms"),
        ('name = "mine"\ncommand = "a {port}"\nready = "line:"', "ready = 'line:': must be"),
        ('name = "mine"\ncommand = "a {port}"\noptions = {}', "servers[0].options: no such key"),
        ('name = "mine"\nattach = "7000"', "attach = '7000': must be HOST:PORT, such as"),
        ('name = "mine"\nattach = "a:70000"', "attach = 'a:70000': must be HOST:PORT"),
        ('name = "mine"\nattach = "a:1"\nport = 1', "servers[0].port: must be omitted with attach"),
    ],
)
def test_a_wrong_entry_is_named_with_what_is_allowed(
    tmp_path: Path, entry: str, error: str
) -> None:
    assert error in refused(tmp_path, f"[[servers]]\n{entry}\n")


def test_two_servers_must_not_share_a_name(tmp_path: Path) -> None:
    assert "must differ from the names of the other servers" in refused(tmp_path, MINE + MINE)
    assert "must differ" in refused(tmp_path, '[[servers]]\nmodel = "mine"\n' + MINE)


def test_the_command_line_has_the_same_rules() -> None:
    name, external = parse_server("mine=server --port {port}")
    assert (name, external.command) == ("mine", ("server", "--port", "{port}"))
    assert parse_attached("mine=localhost:80") == ("mine", External(attach=("localhost", 80)))
    for text, error in [
        ("mine", "must be NAME=COMMAND"),
        ("=a {port}", "name = '': must be a name"),
        ("mine=a", "command: must contain {port}"),
    ]:
        with pytest.raises(ValueError) as caught:
            parse_server(text)
        assert str(caught.value).startswith(error)


def test_a_server_joins_a_suite_under_its_own_name(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(HEAD + '[[servers]]\nmodel = "iocp"\n', encoding="utf-8")
    suite = load_suite(path).with_servers([external_server(*parse_server("mine=a {port}"))])
    assert [each.model for each in suite.with_models(["mine"]).servers] == ["mine"]
    with pytest.raises(Failure, match="server mine: must differ"):
        suite.with_servers([external_server(*parse_server("mine=b {port}"))])


def test_a_load_beyond_an_echo_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(HEAD + MINE + "[load]\ncpu-us = 50\n", encoding="utf-8")
    described = {"mine": {"options": []}}
    (error,) = model_errors(load_suite(path), described)
    assert error == "suite own: mine: an external server only echoes, so the load must omit cpu-us"
    path.write_text(HEAD + MINE + "[load]\ncpu-us = 0\n", encoding="utf-8")
    assert model_errors(load_suite(path), described) == []
