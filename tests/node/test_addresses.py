"""Addresses for pods."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest

from lateen.base.problem import Problem
from lateen.node import addresses

SMALL = IPv4Network("10.200.0.0/29")  # five addresses for pods


def test_a_pod_keeps_its_address_over_a_restart_of_the_node(tmp_path):
    first = addresses.Book(tmp_path, SMALL)
    taken = first.take("one"), first.take("two")
    again = addresses.Book(tmp_path, SMALL)
    assert (again.take("one"), again.take("two")) == taken
    assert again.take("three") not in taken


def test_an_address_given_back_is_reused_last(tmp_path):
    book = addresses.Book(tmp_path, SMALL)
    given_back = book.take("one")
    book.give_back("one")
    others = [book.take(f"pod-{number}") for number in range(5)]
    assert others[-1] == given_back
    assert len(set(others)) == 5


def test_a_full_subnet_is_a_problem(tmp_path):
    book = addresses.Book(tmp_path, SMALL)
    for number in range(5):
        book.take(f"pod-{number}")
    with pytest.raises(Problem, match="all 5 addresses"):
        book.take("one more")


@pytest.mark.parametrize("plane", ["00000000", "ffffffff", "12ab34cd"])
def test_loopback_subnets_are_in_127_and_far_from_its_start(plane):
    subnet = addresses.loopback_subnet(plane)
    assert subnet.is_loopback
    assert subnet.network_address >= IPv4Address("127.64.0.0")
    assert subnet.num_addresses > 250


@pytest.mark.parametrize("plane", ["00000000", "ffffffff", "12ab34cd"])
def test_bridge_subnets_are_all_of_their_range_once(plane):
    subnets = list(addresses.bridge_subnets(plane))
    assert len(set(subnets)) == len(subnets) == 55 * 64
    assert min(subnets).network_address == IPv4Address("10.200.0.0")
    assert max(subnets).broadcast_address == IPv4Address("10.254.255.255")


def test_a_subnet_is_chosen_that_nothing_else_uses():
    candidates = [IPv4Network("10.200.0.0/22"), IPv4Network("10.200.4.0/22")]
    taken = [IPv4Network("0.0.0.0/0"), IPv4Network("10.200.1.0/24")]
    assert addresses.choose(candidates, taken) == candidates[1]
    with pytest.raises(Problem):
        addresses.choose(candidates, [IPv4Network("10.0.0.0/8")])
