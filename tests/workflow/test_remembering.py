"""What a workflow keeps between passes (semantics E1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lateen.base.problem import Problem
from lateen.workflow.remembering import Memory


def test_variables_are_written_as_cue_one_a_line():
    memory = Memory()
    memory.put("o1", "vv")
    memory.put("o-2", {"a": [1, None]})
    memory.keep("id1.resumeTimeStamp", "2026-01-01T00:00:00Z")
    assert memory.dump() == {
        "vars": 'o1: "vv"\n"o-2": {"a":[1,null]}\n',
        "id1.resumeTimeStamp": "2026-01-01T00:00:00Z",
    }


def test_nothing_is_a_bare_newline():
    assert Memory().dump() == {"vars": "\n"}
    assert Memory.load({"vars": "\n"}).variables == {}


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@given(variables=st.dictionaries(st.text(min_size=1), _JSON), secret=st.booleans())
def test_what_is_stored_is_read_back(variables, secret):
    memory = Memory()
    for name, value in variables.items():
        memory.put(name, value, secret=secret)
    again = Memory.load(memory.dump(), memory.dump_secrets())
    assert again.variables == variables
    assert all(again.is_secret(name) is secret for name in variables)
    assert not again.changed


def test_a_secret_variable_stays_out_of_the_config_map():
    memory = Memory()
    memory.put("password", "hunter2", secret=True)
    assert "hunter2" not in str(memory.dump())
    assert memory.dump_secrets() == {"vars": 'password: "hunter2"\n'}


def test_a_variable_is_set_once():
    memory = Memory()
    assert memory.put("v", 1)
    assert memory.put("v", 1)
    assert not memory.put("v", 2)
    assert memory.variables == {"v": 1}


def test_only_changes_count():
    memory = Memory({"v": 1}, {"id.x": "y"})
    memory.put("v", 1)
    memory.keep("id.x", "y")
    memory.drop(["nope"])
    memory.forget({"other"})
    assert not memory.changed
    memory.forget({"id"})
    assert memory.changed


def test_what_cannot_be_read_says_what_to_do():
    with pytest.raises(Problem) as raised:
        Memory.load({"vars": "a: {"})
    assert raised.value.code == "workflow.memory"
