"""Paths: sorted as the tree is walked, a subtree one range, alike in Python and in both databases."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from models import Account
from models import path as paths
from models.base import table_of
from models.path import PathError
from models.statement import Statement
from models.store import Store

MOST = 36**paths.WIDTH - 1

ids = st.integers(min_value=0, max_value=MOST)
# Few different ids, so that paths often share their beginnings; and those next to which digits turn into letters.
ancestries = st.lists(st.sampled_from([1, 9, 10, 35, 36, 37, MOST]), min_size=1, max_size=6).map(tuple)


def path_of(ancestry: tuple[int, ...]) -> str:
    """The path through accounts of these ids."""
    path = ""
    for account_id in ancestry:
        path = paths.child(path, account_id)
    return path


@given(ids)
def test_a_segment_keeps_its_id(account_id: int) -> None:
    segment = paths.segment(account_id)

    assert len(segment) == paths.WIDTH
    assert paths.account_id(segment) == account_id
    assert paths.check(segment) == segment


@given(ids, ids)
def test_segments_sort_as_ids_do(one: int, other: int) -> None:
    assert (paths.segment(one) < paths.segment(other)) == (one < other)


@given(st.lists(ancestries))
def test_paths_sort_as_the_tree_is_walked_depth_first(ancestries: list[tuple[int, ...]]) -> None:
    assert sorted(map(path_of, ancestries)) == [path_of(ancestry) for ancestry in sorted(ancestries)]


@given(ancestries, ancestries)
def test_a_subtree_is_one_range(above: tuple[int, ...], below: tuple[int, ...]) -> None:
    low, high = paths.subtree(path_of(above))
    is_below = below[: len(above)] == above

    assert (low <= path_of(below) < high) == is_below
    assert paths.contains(path_of(above), path_of(below)) == is_below


@given(ancestries, ancestries)
def test_the_account_alone_is_one_range(one: tuple[int, ...], other: tuple[int, ...]) -> None:
    path = path_of(one)

    assert (path <= path_of(other) < path + paths.AFTER_SELF) == (one == other)


@given(ancestries)
def test_a_path_tells_all_accounts_above(ancestry: tuple[int, ...]) -> None:
    path = path_of(ancestry)

    assert paths.account_id(path) == ancestry[-1]
    assert paths.parent_id(path) == (ancestry[-2] if len(ancestry) > 1 else None)
    assert paths.ancestor_ids(path) == list(ancestry[:-1])
    assert paths.depth(path) == len(ancestry) - 1
    assert paths.shard_id(path) == ancestry[:2][-1]


@pytest.mark.parametrize("account_id", [-1, MOST + 1, 2**63])
def test_an_id_that_fits_no_segment_is_refused(account_id: int) -> None:
    with pytest.raises(PathError):
        paths.segment(account_id)


@given(st.text(alphabet="0az9Z!~'\n \u00e9\uff10", max_size=13))
def test_only_well_formed_paths_are_let_through(text: str) -> None:
    is_well_formed = bool(text) and len(text) % 6 == 0 and set(text) <= set("0az9")
    try:
        assert paths.check(text) == text
        assert is_well_formed
    except PathError:
        assert not is_well_formed


async def test_both_databases_sort_and_compare_paths_as_python_does(hierarchy: Store) -> None:
    path = table_of(Account).c.path
    async with hierarchy.unfiltered("a test looks at paths") as db:
        stored = [row.path for row in await db.rows(Statement(select(path).order_by(path)))]
        for above in stored:
            low, high = paths.subtree(above)
            found = await db.rows(Statement(select(path).where(path >= low, path < high).order_by(path)))
            assert [row.path for row in found] == [below for below in stored if below.startswith(above)]

    assert stored == sorted(stored)
