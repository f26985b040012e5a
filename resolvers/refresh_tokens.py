"""Refresh tokens: good once, stored as hashes, in families that die of the second use of any member.

A token that comes twice was stolen from one of the two who sent it, and nobody can tell from which; so the whole
family is revoked and its owner signs in again. There is no period of grace for answers that were lost on their way
or for two windows that refresh at the same moment: it would be the thief's. A client therefore keeps one token in
one place, refreshes once at a time, and signs in again when an answer is lost.
"""

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import bindparam, delete, insert, select, update

from models import RefreshToken, SubjectType
from models.base import table_of
from models.statement import Row, Statement
from models.store import Unfiltered
from resolvers.tokens import Subject

_TABLE = table_of(RefreshToken)
_TOKEN = _TABLE.c

FIND = Statement(
    select(
        _TOKEN.token_hash,
        _TOKEN.family,
        _TOKEN.subject_type,
        _TOKEN.subject_id,
        _TOKEN.expires_at,
        _TOKEN.issuer_id,
    ).where(_TOKEN.token_hash == bindparam("hash"))
)
_SIBLING = _TABLE.alias("sibling")
# A family is revoked when any member is: revoking can't see the token that a rotation under way is giving out.
_USE = Statement(
    update(_TABLE)
    .where(
        _TOKEN.token_hash == bindparam("hash"),
        _TOKEN.used_at.is_(None),
        ~select(_SIBLING.c.family)
        .where(_SIBLING.c.family == _TOKEN.family, _SIBLING.c.revoked_at.is_not(None))
        .exists(),
        _TOKEN.expires_at > bindparam("now"),
        _TOKEN.created_at > bindparam("idle_since"),
    )
    .values(used_at=bindparam("now"))
    .returning(_TOKEN.token_hash)
)
_WAS_USED = Statement(select(_TOKEN.used_at).where(_TOKEN.token_hash == bindparam("hash"), _TOKEN.used_at.is_not(None)))
_REVOKE = Statement(
    update(_TABLE)
    .where(_TOKEN.family == bindparam("of"), _TOKEN.revoked_at.is_(None))
    .values(revoked_at=bindparam("now"))
)
_KEEP = Statement(
    insert(_TABLE).values(
        {
            name: bindparam(name)
            for name in (
                "token_hash",
                "family",
                "subject_type",
                "subject_id",
                "created_at",
                "expires_at",
                "issuer_id",
            )
        }
    )
)
# Rows that another transaction is about to change are left alone: waiting for them could end in a deadlock.
_PRUNE = Statement(
    delete(_TABLE).where(
        _TOKEN.token_hash.in_(
            select(_TOKEN.token_hash).where(_TOKEN.expires_at < bindparam("now")).with_for_update(skip_locked=True)
        )
    )
)


@dataclass(frozen=True, slots=True)
class RefreshSettings:
    """How long someone stays signed in.

    Args:
        absolute: from signing in, however often it is refreshed.
        idle: from the last refresh.
        by_issuer: from signing in by an external issuer: then that is asked again whether it still knows them.
    """

    absolute: timedelta = timedelta(days=30)
    idle: timedelta = timedelta(days=14)
    by_issuer: timedelta = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Known:
    """A refresh token that we gave out, good or not.

    Args:
        expires_at: of its whole family, as the database gives it.
        issuer_id: of the external issuer that has vouched for its owner; 0 for who gave a password.
    """

    hash: str
    family: str
    subject: Subject
    expires_at: datetime | str
    issuer_id: int


@dataclass(frozen=True, slots=True)
class Issued:
    """A refresh token that is just given out, and its family."""

    token: str = field(repr=False)
    family: str


def _hashed(token: str) -> str:
    return sha256(token.encode(errors="replace")).hexdigest()


async def find(db: Unfiltered, token: str) -> Known | None:
    """What we know of the token; None if it was never ours, or is so old that it was removed."""
    rows = await db.rows(FIND, {"hash": _hashed(token)})
    return _known(rows[0]) if rows else None


def _known(row: Row) -> Known:
    subject = Subject(SubjectType(row.subject_type), row.subject_id)
    return Known(row.token_hash, row.family, subject, row.expires_at, row.issuer_id or 0)


async def begin(
    db: Unfiltered, subject: Subject, settings: RefreshSettings, now: datetime, issuer_id: int = 0
) -> Issued:
    """The first token of a new family. Takes the occasion to remove families that have expired.

    Args:
        db: one transaction.
        subject: to whom it is given.
        settings: how long it is good.
        now: the present instant.
        issuer_id: of the external issuer that vouches for them; 0 for none.
    """
    await db.execute(_PRUNE, {"now": now})
    expires_at = now + (settings.by_issuer if issuer_id else settings.absolute)
    return await _give_out(db, Known("", secrets.token_hex(16), subject, expires_at, issuer_id), subject, now)


async def use(
    db: Unfiltered, known: Known, settings: RefreshSettings, now: datetime, subject: Subject | None = None
) -> Issued | None:
    """Trade the token for the next of its family; of several who try at once, one succeeds.

    Args:
        db: one transaction.
        known: the token.
        settings: how long it is good.
        now: the present instant.
        subject: to whom the next is given, if not to the same: the person as a user of another account.

    Returns:
        The next token. None if it is not good any more; if that is because it was used before, its family is revoked,
        for which the transaction has to be committed.
    """
    if await db.rows(_USE, {"hash": known.hash, "now": now, "idle_since": now - settings.idle}):
        return await _give_out(db, known, subject or known.subject, now)
    if await db.rows(_WAS_USED, {"hash": known.hash}):
        await revoke(db, known, now)
    return None


async def revoke(db: Unfiltered, known: Known, now: datetime) -> None:
    """End the token's family."""
    await db.execute(_REVOKE, {"of": known.family, "now": now})


async def _give_out(db: Unfiltered, after: Known, subject: Subject, now: datetime) -> Issued:
    """A token of the same family."""
    token = secrets.token_urlsafe(32)
    row = {
        "token_hash": _hashed(token),
        "family": after.family,
        "subject_type": subject.type,
        "subject_id": subject.id,
        "created_at": now,
        "expires_at": after.expires_at,
        "issuer_id": after.issuer_id or None,
    }
    await db.execute(_KEEP, row)
    return Issued(token, after.family)
