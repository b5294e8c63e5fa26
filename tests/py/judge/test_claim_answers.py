"""The answer to a claim, from its laws, runs, counts and needs."""

from __future__ import annotations

from dataclasses import replace

import pytest
from test_claims import ahead, compare, run_of

from iomodels.data.laws import Judged
from iomodels.data.verdicts import Answer
from iomodels.judge.claim_answers import Kept, Known, Size, answer, beyond_claims, by_claim, size_of
from iomodels.judge.claims import DOES_NOT_HOLD, HOLDS, NOT_TESTABLE
from iomodels.plan.claims import Claim, Count

SOURCE = """/* a head
 * of two lines */
#include "x.h"

static int one(void) { /* why */
    return 1; // so
}

struct two {
    int field;
};

int main(void) {
    return one();
}
"""
RULE = replace(compare(), suites=("models", "claims-models"))
CLAIM = Claim("B20", "It is best.", "a book", rules=(RULE,))
GOOD = Kept(run_of(ahead(1.3)), "20260101-models")
NOTHING = Known({}, {}, {}, {})


def answered(claim: Claim, known: Known) -> Answer:
    found = answer(claim, known)
    assert found
    return found


def test_the_first_suite_that_has_a_run_answers() -> None:
    worse = Kept(run_of(ahead(0.7)), "20260102-claims-models")
    both = answered(CLAIM, replace(NOTHING, runs={"models": GOOD, "claims-models": worse}))
    assert both.verdict == HOLDS and both.pieces[0].folder == "20260101-models"
    assert both.pieces[0].command == "iomodels run models"
    one = answered(CLAIM, replace(NOTHING, runs={"claims-models": worse}))
    assert one.verdict == DOES_NOT_HOLD and one.pieces[0].name == "claims-models"
    none = answered(CLAIM, replace(NOTHING, runs={"claims-models": "the server died"}))
    assert (none.verdict, none.because) == (NOT_TESTABLE, "the server died")
    assert "iomodels run claims-models" in (answered(CLAIM, NOTHING).because or "")


def test_all_parts_of_a_claim_must_hold() -> None:
    law = Judged("a_law", "It is so.", ("B20",), HOLDS, None, "7 of 7")
    claim = replace(CLAIM, laws=("a_law",), needs="needs four CPUs")
    known = replace(NOTHING, laws={"B20": law}, runs={"models": GOOD})
    assert (answered(claim, known).verdict, answered(claim, known).because) == (
        NOT_TESTABLE,
        "needs four CPUs",
    )
    assert answered(replace(claim, needs=None), known).verdict == HOLDS
    wrong = replace(known, laws={"B20": replace(law, verdict=DOES_NOT_HOLD)})
    assert answered(claim, wrong).verdict == DOES_NOT_HOLD
    silent = answered(claim, replace(known, laws={}))
    assert silent.verdict is None and silent.because == "a_law gave no verdict"


def test_linux_answers_only_by_its_own_rules() -> None:
    known = replace(NOTHING, runs={"models": GOOD}, linux=True)
    assert answer(CLAIM, known) is None
    own = replace(CLAIM, rules=(RULE, replace(RULE, linux=True)))
    assert answered(own, known).pieces[0].command == "iomodels run models --native"


def test_a_count_needs_more_lines_and_more_functions() -> None:
    assert size_of(SOURCE) == Size(10, 2)
    claim = Claim("B32", "It is harder.", "a book", count=Count("iocp", ("select",)))
    for iocp, select, expected in (
        (Size(9, 3), Size(8, 2), HOLDS),
        (Size(8, 2), Size(8, 2), DOES_NOT_HOLD),
        (Size(9, 2), Size(8, 3), NOT_TESTABLE),
    ):
        found = answered(claim, replace(NOTHING, sizes={"iocp": iocp, "select": select}))
        assert found.verdict == expected and "in our own sources" in found.figure
    assert answered(claim, NOTHING).verdict == NOT_TESTABLE


def test_two_programs_never_judge_one_claim() -> None:
    one = Judged("one", "", ("B1", "B2"), HOLDS, None, "1")
    assert by_claim([one, replace(one, law="two", claims=("B3",))])["B3"].law == "two"
    with pytest.raises(ValueError, match="B2: judged by one and two"):
        by_claim([one, replace(one, law="two", claims=("B2",))])
    with pytest.raises(ValueError, match="A99"):
        by_claim([replace(one, claims=("A99",))])


def test_what_no_claim_states_belongs_to_the_claims_that_name_its_program() -> None:
    keeper = Judged("order_keepers", "Order costs time.", (), HOLDS, None, "1.2")
    relay = Judged("relay", "It is faster.", ("B27",), HOLDS, None, "8 MB/s")
    failed = replace(keeper, verdict=None, because="it died", figure=None)
    found = list(beyond_claims([relay, keeper, replace(relay, claims=(), verdict=None), failed]))
    assert [(each.law, each.claims, each.figure) for each in found] == [
        ("order_keepers", ("B31",), "1.2"),
        ("order_keepers", ("B31",), ""),
    ]
    assert found[0].command == "iomodels claims --only B31"
    assert found[1].words == "failed: it died"
    with pytest.raises(ValueError, match="unknown_law: no claim"):
        list(beyond_claims([replace(keeper, law="unknown_law")]))
