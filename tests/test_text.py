"""Folding: one spelling for all that a person calls the same, sorted alike by Python and both databases."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from sqlalchemy import bindparam, insert, select

from models import ProductTerm
from models.base import table_of
from models.statement import Statement
from models.store import Store
from models.text import MAX_TERMS, fold, terms


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("", ""),
        ("  Aero \t Space\n", "aero space"),
        ("Ærø", "aero"),
        ("ÆRØ", "aero"),
        ("Ǽrǿ", "aero"),
        ("Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("Øresund & Œuvre", "oresund & oeuvre"),
        ("Łódź", "lodz"),
        ("Þór Ðað", "thor dad"),
        ("\u0130stanbul \u0131ss\u0131z", "istanbul issiz"),  # Turkish I with a dot and i without
        ("\uff26\uff35ll", "full"),  # as wide as a Chinese character
        ("ﬁn", "fin"),
        ("Ångström", "angstrom"),
        ("A\u030a", "a"),
        ("ΑΘΉΝΑ", "αθηνα"),
        ("東京", "東京"),
        ("a\u00a0b\u2003c", "a b c"),
    ],
)
def test_what_a_person_calls_the_same_is_folded_alike(text: str, folded: str) -> None:
    assert fold(text) == folded


@given(st.text())
@example("ǿ")
@example("İ")
@example("ǅ")
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(st.text())
def test_case_makes_no_difference(text: str) -> None:
    assert fold(text.casefold()) == fold(text)


@given(st.text(alphabet=st.characters(max_codepoint=127)))
def test_plain_text_is_folded_as_if_it_were_not_plain(text: str) -> None:
    assert fold(text + " é") == f"{fold(text)} e".strip()


@given(st.lists(st.text(), max_size=5))
def test_terms_are_the_distinct_words_that_a_search_folds_to(texts: list[str]) -> None:
    found = terms(*texts)

    assert len(found) == len(set(found)) <= MAX_TERMS
    assert all(terms(term) == [term] for term in found)
    assert all(len(term) <= 64 for term in found)


def test_terms_leave_out_what_is_between_words() -> None:
    assert terms("Contoso, Ltd. (West-Coast) #7_b", "contoso GmbH") == [
        "contoso",
        "ltd",
        "west",
        "coast",
        "7",
        "b",
        "gmbh",
    ]


def test_a_hostile_name_cannot_flood_the_index() -> None:
    assert len(terms(" ".join(f"word{n}" for n in range(10_000)))) == MAX_TERMS
    assert terms("x" * 10_000) == ["x" * 64]


async def test_both_databases_sort_folded_text_as_python_does(own_hierarchy: Store) -> None:
    table = table_of(ProductTerm)
    words = sorted(
        {*terms("Zebra apple 10 9 a-b é 東京 ß ж Ω co2 co-op"), "~", "!", "a", "aa", "a b", "\U0001f600", "\uffee"}
    )
    add = Statement(insert(table).values(product_id=1, term=bindparam("term")))
    async with own_hierarchy.unfiltered("a test of sorting", write=True) as db:
        for word in words:
            await db.execute(add, {"term": word})
        stored = await db.rows(Statement(select(table.c.term).order_by(table.c.term)))

    assert [row.term for row in stored if row.term in words] == words
