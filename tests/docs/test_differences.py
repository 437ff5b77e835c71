"""Each surprise that KubeVela was seen to hold has a line in `docs/differences.md` and a test.

The numbers are those of the reference the project was begun with; `quirk` are its smaller ones.
"""

from __future__ import annotations

import re

import pytest

from tests.docs import pages

APPLICATION = "tests/controllers/application"

INDEX = [
    pytest.param(
        "the PostDispatch pass applies its `outputs` again",
        f"{APPLICATION}/test_differences.py::test_what_comes_late_leaves_the_labels_of_the_others_alone",
        id="surprise 4",
    ),
    pytest.param(
        "ConfigMaps and Secrets keep every key they were ever given",
        f"{APPLICATION}/test_differences.py::test_a_key_that_is_not_declared_any_more_goes",
        id="surprise 5",
    ),
    pytest.param(
        "the next edit overwrites an existing revision of that number",
        f"{APPLICATION}/test_revisions.py::test_an_older_text_is_its_revision_again_and_no_number_is_used_twice",
        id="surprise 6",
    ),
    pytest.param(
        "A changed ComponentDefinition reaches an application with its next text",
        f"{APPLICATION}/test_differences.py::test_a_definition_arrives_with_a_new_revision_only",
        id="surprise 7",
    ),
    pytest.param(
        "A document that contradicts itself after all actions fails once",
        "tests/workflow/test_custom.py::test_a_conflict_in_an_answer_fails_the_step",
        id="surprise 8",
    ),
    pytest.param(
        "A property of the wrong type fails before any action",
        f"{APPLICATION}/test_actions.py::test_a_property_of_the_wrong_type_fails_before_anything_is_done",
        id="surprise 8, a property",
    ),
    pytest.param(
        'makes a map with key `"0"`',
        "tests/workflow/test_values.py::test_an_input_is_set",
        id="surprise 9",
    ),
    pytest.param(
        "An input that nothing puts out, or a field that `context` does not have",
        f"{APPLICATION}/test_differences.py::test_an_input_nobody_gives_is_refused_before_anything_is_delivered",
        id="surprise 10",
    ),
    pytest.param(
        "a step is skipped if anything behind its dependencies failed",
        "tests/workflow/test_engine.py::test_in_a_graph_only_named_dependencies_count",
        id="surprise 11",
    ),
    pytest.param(
        "A component that depends on a replicated one",
        f"{APPLICATION}/test_replication.py::test_what_depends_on_copies_waits_for_all_of_them",
        id="surprise 12",
    ),
    pytest.param(
        "Two steps that set one variable to different values crash the reconcile",
        "tests/workflow/test_values.py::test_a_variable_cannot_be_set_twice_to_different_values",
        id="surprise 14, variables",
    ),
    pytest.param(
        "a duration at creation crashes",
        f"{APPLICATION}/test_scheduling.py::test_a_workflow_is_restarted_again_and_again",
        id="surprise 14, restart-workflow",
    ),
    pytest.param(
        "`kube.#List` crashes the step",
        "tests/providers/test_kube.py::test_listing",
        id="surprise 14, kube.#List",
    ),
    pytest.param(
        "`context.replicaKey` is always there",
        "tests/definitions/test_contexts.py::test_every_field_has_its_value",
        id="quirk: replicaKey",
    ),
    pytest.param(
        "Traits see `template-context-workload-<component>`",
        "tests/definitions/test_contexts.py::test_every_field_has_its_value",
        id="quirk: an internal of the context",
    ),
    pytest.param(
        "Keyed list merge: items without the key shift the others",
        "tests/definitions/test_patching.py::test_merge",
        id="quirk: items without the key",
    ),
    pytest.param(
        "With several keys an item is matched on the first it has",
        "tests/definitions/test_patching.py::test_merge",
        id="quirk: several keys",
    ),
    pytest.param(
        "Two objects of a policy that have no name",
        f"{APPLICATION}/test_differences.py::test_two_unnamed_objects_of_a_policy_are_refused",
        id="quirk: unnamed objects of a policy",
    ),
    pytest.param(
        "`#Break` ends the workflow as `failed`",
        f"{APPLICATION}/test_actions.py::test_a_step_ends_the_workflow_well",
        id="quirk: #Break",
    ),
    pytest.param(
        "The message of `suspend` is ignored",
        "tests/workflow/test_suspending.py::test_its_message_is_shown",
        id="quirk: the message of suspend",
    ),
    pytest.param(
        "`op.#HTTPGet` fails",
        "tests/providers/test_requesting.py::test_named_methods_in_both_forms",
        id="quirk: op.#HTTPGet",
    ),
    pytest.param(
        "ignores `waitHealthy: false`",
        "tests/providers/test_delivering.py::test_an_unhealthy_component",
        id="quirk: waitHealthy",
    ),
    pytest.param(
        "An override of a component that has one trait type twice",
        "tests/policies/test_overriding.py::test_two_traits_of_a_type_keep_what_they_differ_in",
        id="quirk: a trait type twice",
    ),
]


@pytest.mark.parametrize(("line", "test"), INDEX)
def test_it_is_told_and_shown(line, test):
    page = (pages.ROOT / "docs" / "differences.md").read_text()
    rows = [row for row in page.splitlines() if line in row]
    assert rows, "docs/differences.md does not tell"
    assert all(row.count(" | ") >= 2 for row in rows if row.startswith("|")), "what Lateen does"
    file, _, name = test.partition("::")
    assert re.search(rf"def {name}\(", (pages.ROOT / file).read_text()), "there is no such test"
