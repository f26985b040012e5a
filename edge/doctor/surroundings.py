"""What is around the gateway: its address, proxies, other processes, pages, mail, collectors."""

from collections.abc import Iterator
from importlib.util import find_spec
from urllib.parse import urlsplit

from edge.doctor.finding import Finding, error, fine, warning
from edge.settings import Settings

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_OLDEST_REDIS = 6


def check(settings: Settings) -> Iterator[Finding]:
    """Look at what can be seen without asking anybody."""
    yield from _address(settings)
    yield from _web()
    yield from _mail(settings)
    yield from _telemetry(settings)
    if settings.sharing.processes > 1 and not settings.sharing.redis_url:
        yield warning(
            "budgets",
            f"{settings.sharing.processes} processes without Redis each give their share of the budgets.",
            "Set CANOPY_REDIS_URL for budgets that are exact.",
        )


def _address(settings: Settings) -> Iterator[Finding]:
    public = urlsplit(settings.public_url)
    if not settings.public_url:
        if settings.host not in _HERE:
            yield warning(
                "address",
                f"It listens on {settings.host}, and links in mails lead to {settings.address}.",
                "Set CANOPY_PUBLIC_URL to the address under which browsers reach it.",
            )
    elif public.scheme == "http" and public.hostname not in _HERE:
        yield error("address", f"{settings.public_url} isn't encrypted: tokens can be read on the way.", "Use https.")
    if public.scheme == "https" and not settings.trusted_proxies:
        yield warning(
            "address",
            "Something before the gateway speaks TLS for it, but no proxy is trusted: all clients share its address,"
            " and so the bounds on failed sign-ins.",
            "Name it in CANOPY_TRUSTED_PROXIES.",
        )
    if "*" in settings.trusted_proxies:
        yield error(
            "address",
            "CANOPY_TRUSTED_PROXIES trusts everybody: clients can choose the address that they seem to come from.",
            "Name the proxies.",
        )
    yield fine("address", f"Links begin with {settings.address}.")


def _web() -> Iterator[Finding]:
    from edge.pages import WEB

    if WEB.exists():
        yield fine("pages", "They are built.")
    else:
        yield warning("pages", "Links in mails lead to pages that aren't built.", "Run `make web` (Node.js 20.19).")


def _mail(settings: Settings) -> Iterator[Finding]:
    kind, _, rest = settings.mail_url.partition(":")
    if kind == "file" and not settings.demo:
        yield warning("mail", f"Mails are written into the folder {rest}, and sent to nobody.", "Set CANOPY_MAIL_URL.")
    elif kind != "file" and settings.mail_from == "canopy@localhost":
        yield warning("mail", "Mails come from canopy@localhost; few will take them.", "Set CANOPY_MAIL_FROM.")
    else:
        yield fine("mail", f"It leaves by {kind}.")


def _telemetry(settings: Settings) -> Iterator[Finding]:
    if settings.telemetry.otlp_url and find_spec("opentelemetry") is None:
        yield error(
            "traces", "CANOPY_OTLP_URL is set, but not what sends traces.", "pip install 'canopy-gateway[tracing]'"
        )
    if settings.host not in _HERE and not settings.telemetry.metrics_token:
        yield warning("metrics", "Only this machine may read /metrics.", "Set CANOPY_METRICS_TOKEN for Prometheus.")


async def check_redis(url: str) -> list[Finding]:
    """Look at Redis, if there is to be any."""
    if not url:
        return []
    if find_spec("redis") is None:
        return [
            error("redis", "CANOPY_REDIS_URL is set, but not what speaks to it.", "pip install 'canopy-gateway[redis]'")
        ]
    from redis.asyncio import Redis
    from redis.exceptions import RedisError

    redis = Redis.from_url(url, socket_timeout=3, socket_connect_timeout=3)
    try:
        version = str((await redis.info("server"))["redis_version"])
        policy = str((await redis.info("memory")).get("maxmemory_policy", ""))
    except (RedisError, OSError) as failure:
        what = f"It does not answer ({type(failure).__name__}); until it does, each process counts for itself."
        return [error("redis", what, "Is it running, and is CANOPY_REDIS_URL right?")]
    finally:
        await redis.aclose()
    return list(_judged(version, policy))


def _judged(version: str, policy: str) -> Iterator[Finding]:
    if int(version.partition(".")[0]) < _OLDEST_REDIS:
        yield error("redis", f"It is of version {version}.", f"Use Redis {_OLDEST_REDIS} or newer.")
    if policy.startswith("allkeys"):
        yield warning("redis", f"Its policy {policy} may forget budgets.", "CONFIG SET maxmemory-policy volatile-ttl")
    yield fine("redis", f"Redis {version}.")
