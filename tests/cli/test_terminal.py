"""What a terminal shows is made to fit it; a pipe gets everything."""

from __future__ import annotations

import io
import sys

import pytest

from lateen.cli import explaining, listing, printing


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    """Makes standard output a terminal of so many columns."""

    def make(columns):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setenv("TERM", "xterm")
        monkeypatch.setattr(sys, "stdout", Terminal())
        return sys.stdout

    return make


@pytest.mark.parametrize(
    ("namespace", "columns", "missing"),
    [
        pytest.param("default", 80, {"NAMESPACE", "TRAITS"}, id="narrow"),
        pytest.param("default", 120, {"NAMESPACE"}, id="the namespace is known"),
        pytest.param("", 80, {"TRAITS", "TYPE"}, id="all namespaces, narrow"),
        pytest.param("", 120, set(), id="all namespaces"),
    ],
)
def test_ls_shows_what_fits(terminal, namespace, columns, missing):
    terminal(columns)
    assert set(listing.HEADERS) - set(listing.shown(namespace)) == missing


def test_ls_shows_everything_in_a_pipe(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert listing.shown("default") == list(listing.HEADERS)


def test_the_name_of_a_row_is_never_broken(terminal):
    output = terminal(30)
    printing.table(("NAME", "MESSAGE"), [("a-name-of-twenty-two-x", "word " * 9)])
    assert "a-name-of-twenty-two-x" in output.getvalue()


def test_a_parameter_is_indented_below_the_one_it_is_in():
    rows = [
        explaining.Row("ports[]", "list of struct", None, False, False, "Ports"),
        explaining.Row("ports[].port", "int", None, False, True, "Number"),
        explaining.Row("labels.*", "map of string", {}, True, False, "Labels"),
    ]
    shown = [[str(cell) for cell in explaining.narrow(row)] for row in rows]
    assert shown == [
        ["ports[]", "list of struct", "", "Ports"],
        ["  port", "int", "required", "Number"],
        ["labels.*", "map of string", "{}", "Labels"],
    ]
