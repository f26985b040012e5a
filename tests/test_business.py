"""The business as a whole: whoever does whatever to whatever tree, it comes to what a small model of it says.

After each step the database is read from end to end: what the operation answered, every state, every amount, every row
that changed and shouldn't have. A failure is made smaller before it is told, down to the steps that it takes.
"""

import pytest
from hypothesis import HealthCheck, settings

from models.statement import Engine
from tests.business_walk import walk
from tests.databases import Databases

CALM = settings(suppress_health_check=list(HealthCheck), deadline=None)


def test_whatever_anybody_does_comes_to_what_the_model_says(engine: Engine, databases: Databases) -> None:
    # A new database and each step of it take far longer on PostgreSQL.
    examples, steps = (4, 15) if engine == "sqlite" else (2, 8)
    walk(databases, settings(CALM, max_examples=examples, stateful_step_count=steps))


@pytest.mark.deep
def test_however_much_anybody_does_it_comes_to_what_the_model_says(engine: Engine, databases: Databases) -> None:
    walk(databases, settings(CALM, max_examples=200 if engine == "sqlite" else 40, stateful_step_count=60))
