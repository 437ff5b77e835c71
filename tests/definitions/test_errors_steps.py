"""Mistakes in what workflow steps are given: all are told at once, each in its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.definitions import mistakes
from tests.definitions.mistakes import Case

ASK = """\
ask: {
	type: "workflow-step"
}
template: {
	parameter: {
		// +usage=Whom to ask
		url: string
		method: *"GET" | "POST"
		port: *587 | int & >0
		limits?: {tries: int, wait?: string}
	}
	if len(parameter.url) > 20 {
		parameter: reason: string
	}
}
"""
FILES = {"ask.cue": ASK}


def steps(*properties: str, more: str = "") -> str:
    """Steps of the type `ask`, in four lines each; the first ones' properties stand in line 10."""
    head = (
        "apiVersion: core.oam.dev/v1beta1\nkind: Application\nmetadata: {name: shop}\n"
        "spec:\n  components: []\n  workflow:\n    steps:\n"
    )
    one = "      - name: ask-%d\n        type: ask\n        properties: %s\n"
    return head + "".join(one % each for each in enumerate(properties)) + more


CASES = {
    "a number for text": Case(
        steps("{url: 3}"),
        "expected string, found number 3",
        "app.yaml:10:22  spec.workflow.steps[0].properties.url",
        also="ask.cue:7:3",
        hint='put it in quotes: "3"',
        files=FILES,
    ),
    "none of the words it may be": Case(
        steps("{url: here, method: FETCH}"),
        'expected one of "GET", "POST", found string "FETCH"',
        "app.yaml:10:33  spec.workflow.steps[0].properties.method",
        also="ask.cue:8:3",
        files=FILES,
    ),
    "missing": Case(
        steps("{}"),
        'required parameter "url" is not set',
        "app.yaml:10:9  spec.workflow.steps[0].properties.url",
        also="ask.cue:7:3",
        hint="add url (string): Whom to ask",
        files=FILES,
    ),
    "missing in a step of a group": Case(
        steps(
            "{url: here}",
            more="      - name: both\n        type: step-group\n        subSteps:\n"
            "          - name: sub\n            type: ask\n"
            "            properties: {url: here, limits: {}}\n",
        ),
        'required parameter "tries" is not set',
        "app.yaml:16:37  spec.workflow.steps[1].subSteps[0].properties.limits.tries",
        also="ask.cue:10:13",
        files=FILES,
    ),
    "one that there is not": Case(
        steps("{url: here, methd: POST}"),
        'unknown parameter "methd", it has no effect',
        "app.yaml:10:33  spec.workflow.steps[0].properties.methd",
        hint='did you mean "method"?',
        files=FILES,
        warning=True,
    ),
    "one that there is not, strictly": Case(
        steps("{url: here, methd: POST}"),
        'unknown parameter "methd"',
        "app.yaml:10:33  spec.workflow.steps[0].properties.methd",
        hint='did you mean "method"?',
        files=FILES,
        strict=True,
    ),
    "the second of two": Case(
        steps("{url: 3}", "{url: here, port: true}"),
        "expected int, found bool true",
        "app.yaml:13:33  spec.workflow.steps[1].properties.port",
        files=FILES,
        count=2,
    ),
    "only an evaluation can tell": Case(
        steps("{url: here, port: 0}"),
        "0 is not allowed: it must be more than 0",
        "app.yaml:10:33  spec.workflow.steps[0].properties.port",
        also="ask.cue:9:22",
        files=FILES,
    ),
    "the definition does not compile": Case(
        steps("{url: here}"),
        'workflow-step "ask" cannot be used: other: there is no "wrong"',
        "app.yaml:9:9  spec.workflow.steps[0].type",
        also="ask.cue:15:9",
        files={"ask.cue": ASK.rstrip().removesuffix("}") + "\tother: wrong\n}\n"},
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_is_told(name: str, tmp_path: Path) -> None:
    mistakes.check(CASES[name], mistakes.say(CASES[name], tmp_path))


def test_what_an_input_sets_later_is_not_missing(tmp_path: Path) -> None:
    given = (
        "        outputs: [{name: where, valueFrom: context.name}]\n"
        "      - name: then\n        type: ask\n"
        "        inputs: [{from: where, parameterKey: url}]\n"
    )
    result = mistakes.told(Case(steps("{url: here}", more=given), "", "", files=FILES), tmp_path)
    assert result.exit_code == 0
    assert "error:" not in result.stderr
