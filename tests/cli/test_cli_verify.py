"""verify: one line for each law and finding, an exit code that laws alone decide; and the bar of long work."""

import json
import os
import sys

import pytest

from convmatrix import Conv, cli
from convmatrix.algebra import Check, laws
from convmatrix.cli import terminal

DEFAULT = ["verify", "--i", "4", "--k", "3"]


def test_every_law_holds_on_the_default_example(capsys):
    assert cli.main(DEFAULT) == 0
    lines = capsys.readouterr().out.splitlines()
    assert sum(line.startswith("law ") for line in lines) == 11
    assert all(" holds " in line for line in lines if line.startswith("law "))
    assert [line.split("  ")[1].strip() for line in lines if line.startswith("finding")] == [
        "Cᵀ y = zeros inserted, kernel not flipped",
        "Cᵀ C = I",
        "C Cᵀ = I",
    ]
    assert all("  no  " in line for line in lines if line.startswith("finding"))
    assert lines[-1] == "11 of 11 laws hold"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--i", "3", "--k", "3", "--s", "2", "--p", "1", "--op", "1", "--transpose"],
        ["--i", "6", "--k", "3", "--p", "1", "--mode", "reflect", "--weight", "gaussian"],
        ["--i", "5", "--k", "2", "--cin", "4", "--cout", "2", "--g", "2", "--weight", "random:1"],
        ["--setting", "padding_strides_odd"],
    ],
)
def test_laws_hold_on_other_layers(arguments, capsys):
    assert cli.main(["verify", *arguments]) == 0
    assert capsys.readouterr().out.endswith("11 of 11 laws hold\n")


def test_a_finding_may_say_yes(capsys):
    assert cli.main(["verify", "--i", "4", "--k", "2", "--s", "2", "--cout", "4", "--weight", "haar"]) == 0
    out = capsys.readouterr().out
    assert sum(line.startswith("finding") and "  yes  " in line for line in out.splitlines()) == 2


def test_a_law_that_fails_decides_the_exit_code(monkeypatch, capsys):
    monkeypatch.setattr(laws, "adjoint", lambda *_: Check("<C x, y> = <x, C^H y>", "law", False, 3, 0))
    assert cli.main(DEFAULT) == 1
    out = capsys.readouterr().out
    assert "FAILS  3 (bound 0)" in out
    assert out.endswith("10 of 11 laws hold\n")


def test_json_has_every_check(capsys):
    assert cli.main([*DEFAULT, "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["laws_hold"] is True
    assert len(found["checks"]) == 14
    assert set(found["checks"][0]) == {"name", "kind", "holds", "measured", "bound", "where"}


def test_a_layer_too_large_is_refused(capsys):
    assert cli.main(["verify", "--i", "500", "--k", "3"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("convmatrix verify: error: the matrix has 2232036 entries")
    assert captured.err.count("\n") == 1


# -- the bar -------------------------------------------------------------------------------------------------------


def written(monkeypatch, capsys, seconds, *, people=True, done=1, columns=50):
    """Output of a bar for a quarter of the work after so many seconds, and its remains."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: people)
    monkeypatch.setattr(terminal.shutil, "get_terminal_size", lambda: os.terminal_size((columns, 24)))
    times = iter((100.0, 100.0 + seconds))
    with terminal.Bar("rank", clock=lambda: next(times)) as bar:
        bar(done, 4)
        drawn = capsys.readouterr().err
    return drawn, capsys.readouterr().err


def test_long_work_draws_a_bar_and_takes_it_away(monkeypatch, capsys):
    bar = "\rrank [######....................]  25%, 6 s left\x1b[K"
    assert written(monkeypatch, capsys, 2) == (bar, "\r\x1b[K")


@pytest.mark.parametrize(
    ("seconds", "done", "left"),
    [
        (2, 3, ", 1 s left"),
        (19.6, 1, ", 59 s left"),
        (20, 1, ", 1 min 00 s left"),
        (1000, 1, ", 50 min 00 s left"),
        (4000, 2, ", 1 h 06 min left"),
        (9, 0, ""),
        (9, 4, ""),
    ],
)
def test_the_remaining_time(monkeypatch, capsys, seconds, done, left):
    drawn, _ = written(monkeypatch, capsys, seconds, done=done)
    assert drawn.endswith(f"] {25 * done:3d}%{left}\x1b[K")


@pytest.mark.parametrize("columns", [20, 30, 31, 34, 50, 80, 200])
def test_a_bar_stays_on_its_line(monkeypatch, capsys, columns):
    drawn, _ = written(monkeypatch, capsys, 4000, columns=columns)
    assert len(drawn.strip("\r").removesuffix("\x1b[K")) < columns


def test_short_work_and_pipes_get_no_bar(monkeypatch, capsys):
    assert written(monkeypatch, capsys, 1.9) == ("", "")
    assert written(monkeypatch, capsys, 60, people=False) == ("", "")


def test_verify_reports_each_claim_to_the_bar(monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(terminal.Bar, "__call__", lambda self, done, total: calls.append((done, total)))
    assert cli.main(["verify", "--i", "4", "--k", "3"]) == 0
    assert "laws hold" in capsys.readouterr().out
    assert calls == [(done, 11) for done in range(1, 10)]


def test_show_reports_progress_of_the_rank_to_the_bar(monkeypatch, capsys):
    calls = []
    monkeypatch.setattr(terminal.Bar, "__call__", lambda self, done, total: calls.append((done, total)))
    assert cli.main(["show", "--i", "12", "--k", "3", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["rank"] == Conv(12, 3).matrix_shape[0]
    assert calls
    assert all(0 <= done <= total for done, total in calls)
    assert calls[-1][0] == calls[-1][1]
