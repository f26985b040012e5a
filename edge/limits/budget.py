"""Budgets: what callers and accounts may spend, and how they are told.

Before an operation runs, what it may cost is taken; after it, what it didn't cost is given back. One that fails or is
broken off has cost what it might have.
"""

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any

import click
from graphql import GraphQLError

from edge.exposure.masking import Payload, Refusal
from edge.limits.bucket import Bucket, Buckets, ProcessBuckets, Taken
from edge.limits.sharing import SharingSettings, TellCost
from resolvers.allowance import Allowance
from resolvers.caller import Caller
from resolvers.throttle import network

RATE_LIMITED = "RATE_LIMITED"


class Reservation:
    """What was taken for one operation.

    Args:
        budget: of which.
        buckets: from which.
        taken: what came of it.
        estimate: points.
    """

    def __init__(self, budget: "Budget", buckets: Sequence[Bucket], taken: Taken, estimate: int) -> None:
        self.estimate = estimate
        self.actual: int | None = None
        self._budget = budget
        self._buckets = buckets
        self._levels = taken.levels
        self._taken_of = taken.of

    def settle(self, actual: int) -> None:
        """The operation has ended, and this is what it has cost."""
        more = actual - self.estimate
        self.actual = actual
        self._levels = [max(0.0, level + more) for level in self._levels]
        if more:
            self._taken_of.add(self._buckets, more)

    @property
    def allowance(self) -> Allowance | None:
        """What is left, of the bucket that has less; None where nothing is bounded."""
        return min(map(_allowance, self._buckets, self._levels), key=lambda each: each.left, default=None)

    @property
    def headers(self) -> dict[str, str]:
        """Of HTTP: what there is, and what is left of it.

        Source: draft-ietf-httpapi-ratelimit-headers; with `X-`, what GitHub's clients know.
        """
        tighter = self.allowance
        if tighter is None:
            return {}
        policies = [
            f'"{bucket.name}";q={bucket.capacity};w={ceil(bucket.capacity / bucket.refill)}' for bucket in self._buckets
        ]
        seconds = ceil(tighter.seconds_to_full)
        return {
            "ratelimit-policy": ", ".join(policies),
            "ratelimit": f'"{tighter.name}";r={tighter.available};t={seconds}',
            "x-ratelimit-limit": str(tighter.capacity),
            "x-ratelimit-remaining": str(tighter.available),
            "x-ratelimit-reset": str(ceil(time.time()) + seconds),
        }

    def told(self, payload: Payload) -> Payload:
        """An answer that says what it has cost and what is left."""
        allowance = self.allowance
        if allowance is None:
            return self._with_cost(payload, self.actual)
        status = {
            "maximumAvailable": allowance.capacity,
            "currentlyAvailable": allowance.available,
            "restoreRate": allowance.refill,
        }
        return self._with_cost(payload, self.actual, throttleStatus=status)

    def told_of(self, event: Payload, actual: int) -> Payload:
        """The answer to an event, which is paid for when it is told."""
        self._budget.buckets.add(self._buckets, actual)
        return self._with_cost(event, actual)

    def _with_cost(self, payload: Payload, actual: int | None, **more: object) -> Payload:
        if not self._budget.tells:
            return payload
        cost = {"requestedQueryCost": self.estimate, "actualQueryCost": actual, **more}
        extensions: Mapping[str, Any] = payload.body.get("extensions", {})
        return replace(payload, body={**payload.body, "extensions": {**extensions, "cost": cost}})


class Budget:
    """What callers and accounts may spend.

    Args:
        settings: how much.
        buckets: where it is counted.
        shares: for how many processes that count for themselves.
        pause: seconds before a refusal is told: who takes no notice of it can't ask again at once.
    """

    def __init__(self, settings: SharingSettings, buckets: Buckets, shares: int = 1, pause: float = 0.1) -> None:
        self.buckets = buckets
        self._pause = pause
        self.tells = settings.tell_cost is TellCost.ALWAYS
        self._own = max(settings.budget // shares, bool(settings.budget)), settings.budget_refill / shares
        self._of_account = (
            max(settings.account_budget // shares, bool(settings.account_budget)),
            settings.account_budget_refill / shares,
        )

    async def reserve(self, caller: Caller, points: int) -> Reservation:
        """Take points from the budgets of a caller and its account.

        Raises:
            Refusal: there are too few left in one of them.
        """
        buckets = self._buckets(caller)
        taken = await self.buckets.take(buckets, points)
        reservation = Reservation(self, buckets, taken, points)
        if taken.wait:
            await asyncio.sleep(self._pause)
            raise too_soon(f"This may cost {points:,} points, and too few are left.", taken.wait, reservation.headers)
        return reservation

    async def charge(self, caller: Caller, points: int) -> None:
        """Take points that are spent whatever comes of it.

        Raises:
            Refusal: there are too few left.
        """
        await self.reserve(caller, points)

    def _buckets(self, caller: Caller) -> list[Bucket]:
        """Those that pay for a caller. The account's is named in both, so that they are kept in one place."""
        account = f"{{{caller.account_id}}}"
        buckets = (
            Bucket("caller", f"{account}:{caller.subject}", *self._own),
            Bucket("account", account, *self._of_account),
        )
        return [bucket for bucket in buckets if bucket.capacity]


class Strangers:
    """Requests without a good token, by the network that they come from: a few are a mistake, many are an attack.

    Args:
        most: at once; one more a second. 0 for any number.
        buckets: where they are counted.
    """

    def __init__(self, most: int, buckets: ProcessBuckets | None = None) -> None:
        self._most = most
        self._buckets = buckets or ProcessBuckets()

    def note(self, address: str) -> None:
        """One more.

        Raises:
            Refusal: too many.
        """
        if not self._most:
            return
        taken = self._buckets.take_now([Bucket("strangers", network(address), self._most, 1.0)], 1)
        if taken.wait:
            raise too_soon("Too many requests without a good token have come from here.", taken.wait)


def open_budget(settings: SharingSettings) -> Budget:
    """The budgets that processes share; of this process alone, where they don't, its share.

    Raises:
        click.UsageError: they are to share them, and can't.
    """
    if not settings.redis_url:
        return Budget(settings, ProcessBuckets(), settings.processes)
    try:
        from edge.limits.redis_bucket import RedisBuckets
    except ImportError as error:
        raise click.UsageError("CANOPY_REDIS_URL takes `pip install canopy-gateway[redis]`.") from error
    return Budget(settings, RedisBuckets(settings.redis_url, settings.redis_seconds, ProcessBuckets()))


def too_soon(why: str, seconds: float, headers: Mapping[str, str] | None = None) -> Refusal:
    """The refusal of what may be asked again later.

    Args:
        why: a sentence.
        seconds: until then.
        headers: of HTTP.
    """
    whole = max(1, ceil(seconds))
    error = GraphQLError(f"{why} Try again in {whole} s.", extensions={"code": RATE_LIMITED, "retryAfter": whole})
    return Refusal([error], 429, {**(headers or {}), "retry-after": str(whole)})


def _allowance(bucket: Bucket, level: float) -> Allowance:
    return Allowance(bucket.name, bucket.capacity, bucket.refill, bucket.capacity - level)
