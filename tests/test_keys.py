"""Keys come and go while everything that they have signed goes on being good, in every process."""

import logging
import os
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import jwt
import pytest
from click.testing import CliRunner

from commands import canopy
from edge.exposure.secrets import WithoutSecrets, without_secrets
from models import SubjectType
from resolvers.cursor import CursorCodec
from resolvers.errors import InvalidError, UnauthenticatedError
from resolvers.input_hash import InputHash
from resolvers.key_file import KeyFileError, new_secret, write_secrets
from resolvers.keys import KeyRing, open_key_ring
from resolvers.tokens import AccessTokens, Subject
from tests.changes import user_of
from tests.databases import Databases
from tests.hierarchy import World
from tests.listening import happens, token
from tests.live import client
from tests.templates import opened
from tests.transports import Gateway, gateway

OLD, NEW = b"o" * 32, b"n" * 32
USER = Subject(SubjectType.USER, 7)


class Clock:
    """Seconds that go on when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    write_secrets(tmp_path / "canopy.key", [OLD])
    return tmp_path / "canopy.key"


def following(path: Path) -> tuple[KeyRing, Clock]:
    """A ring of the file as it is now."""
    clock = Clock()
    return KeyRing([OLD], path, clock), clock


# In another process, or after a restart


def test_a_cursor_of_before_a_rotation_still_shows_where_a_page_ended() -> None:
    before, after = (KeyRing(secrets).cursor_keys() for secrets in ([OLD], [NEW, OLD]))
    cursor = CursorCodec(before, 7).encode("accounts", "a", 1)

    assert CursorCodec(after, 7).decode("accounts", cursor) == ("a", 1)
    assert CursorCodec(after, 7).encode("accounts", "a", 1) != cursor


def test_a_cursor_of_a_dropped_key_is_refused() -> None:
    cursor = CursorCodec(KeyRing([OLD]).cursor_keys(), 7).encode("accounts", "a", 1)

    with pytest.raises(InvalidError):
        CursorCodec(KeyRing([NEW]).cursor_keys(), 7).decode("accounts", cursor)


def test_an_input_of_before_a_rotation_is_known_again() -> None:
    before, after = (InputHash("input", KeyRing(secrets).input_keys()) for secrets in ([OLD], [NEW, OLD]))

    assert after.is_stored_as(str(before))
    assert str(after) != str(before)
    assert not InputHash("another", after.keys).is_stored_as(str(before))


def test_a_rotation_forgives_no_failed_sign_in() -> None:
    assert KeyRing([NEW, OLD]).source_key() == KeyRing([OLD]).source_key()


# In a process that runs


def test_a_token_of_a_key_that_has_come_lately_is_good(key_file: Path) -> None:
    ring, clock = following(key_file)
    write_secrets(key_file, [NEW, OLD])
    clock.now = 2

    assert AccessTokens(ring).verify(AccessTokens(KeyRing([NEW, OLD])).sign(USER, 3)).subject == USER
    assert ring.key_id == KeyRing([NEW]).key_id


def test_a_cursor_and_an_input_of_a_key_that_has_come_lately_are_known(key_file: Path) -> None:
    theirs = KeyRing([NEW, OLD])
    for is_known in (
        lambda ring: CursorCodec(ring.cursor_keys(), 7).decode(
            "accounts", CursorCodec(theirs.cursor_keys(), 7).encode("accounts", "a", 1)
        ),
        lambda ring: InputHash("x", ring.input_keys()).is_stored_as(str(InputHash("x", theirs.input_keys()))),
    ):
        write_secrets(key_file, [OLD])
        ring, clock = following(key_file)
        write_secrets(key_file, [NEW, OLD])
        clock.now = 2

        assert is_known(ring)


def test_who_signs_in_is_given_a_token_of_the_newest_key(key_file: Path) -> None:
    ring, clock = following(key_file)
    write_secrets(key_file, [NEW, OLD])
    clock.now = 2

    assert jwt.get_unverified_header(AccessTokens(ring).sign(USER, 3))["kid"] == KeyRing([NEW]).key_id


def test_a_dropped_key_is_dropped_in_a_process_that_runs(key_file: Path) -> None:
    write_secrets(key_file, [NEW, OLD])
    clock = Clock()
    ring = KeyRing([NEW, OLD], key_file, clock)
    of_old = AccessTokens(KeyRing([OLD])).sign(USER, 3)
    write_secrets(key_file, [NEW])
    clock.now = 2
    AccessTokens(ring).sign(USER, 3)

    with pytest.raises(UnauthenticatedError):
        AccessTokens(ring).verify(of_old)


def test_whoever_sends_made_up_keys_has_the_file_looked_at_once_a_second(
    key_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring, clock = following(key_file)
    looks: list[object] = []
    stat = Path.stat

    def counted(path: Path, **more: Any) -> os.stat_result:
        looks.append(path)
        return stat(path, **more)

    monkeypatch.setattr(Path, "stat", counted)
    for tenth in range(1, 41):
        clock.now = tenth / 10
        assert ring.public_key(f"made up {tenth}") is None

    assert 3 <= looks.count(key_file) <= 4


@pytest.mark.parametrize("spoil", [Path.unlink, lambda path: path.write_text("hunter2\n")], ids=["gone", "spoilt"])
def test_while_the_file_is_spoilt_the_keys_stay_as_they_were(
    key_file: Path, spoil: Callable[[Path], object], caplog: pytest.LogCaptureFixture
) -> None:
    ring, clock = following(key_file)
    token = AccessTokens(ring).sign(USER, 3)
    spoil(key_file)
    clock.now = 2

    assert not ring.look_again()
    assert AccessTokens(ring).verify(token).subject == USER
    assert str(key_file) in caplog.text
    assert "hunter2" not in caplog.text


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o666, 0o620])
def test_a_key_file_that_anybody_can_read_is_refused_but_for_a_demo(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)

    with pytest.raises(KeyFileError, match="chmod 600"):
        open_key_ring(key_file, is_strict=True)
    assert open_key_ring(key_file).key_id == KeyRing([OLD]).key_id


def test_a_key_file_that_is_handed_to_a_group_is_warned_of(key_file: Path, caplog: pytest.LogCaptureFixture) -> None:
    key_file.chmod(0o440)

    assert open_key_ring(key_file, is_strict=True).key_id == KeyRing([OLD]).key_id
    assert "chmod 600" in caplog.text


# For operators


@pytest.fixture
def keys(key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs `canopy keys`."""
    monkeypatch.setenv("CANOPY_KEY_FILE", str(key_file))
    return lambda *words: CliRunner().invoke(canopy, ["keys", *words])


def test_keys_are_rotated_and_dropped_by_their_names(keys: Callable[..., Any], key_file: Path) -> None:
    old = KeyRing([OLD]).key_id

    told = keys("rotate").output
    new = told.split()[0]
    early = keys("drop", old)
    os.utime(key_file, (0, 0))
    dropped = keys("drop", old)

    assert (early.exit_code, dropped.exit_code) == (1, 0)
    assert "60 minutes" in early.output
    assert keys("list").output == f"{new}  signs\n"
    assert open_key_ring(key_file).key_id == new
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_a_key_that_others_may_have_is_dropped_at_once(keys: Callable[..., Any]) -> None:
    keys("rotate")

    assert keys("drop", KeyRing([OLD]).key_id, "--now").exit_code == 0


def test_the_last_key_and_one_that_is_none_are_not_dropped(keys: Callable[..., Any]) -> None:
    last, none = keys("drop", KeyRing([OLD]).key_id, "--now"), keys("drop", "none", "--now")

    assert (last.exit_code, none.exit_code) == (1, 1)
    assert "keys rotate" in last.output
    assert "keys list" in none.output


def test_no_command_shows_a_secret(keys: Callable[..., Any], key_file: Path) -> None:
    shown = keys("list").output + keys("rotate").output + keys("list").output

    for line in key_file.read_text().split():
        assert line not in shown


# For other programs


@pytest.fixture
async def served(sqlite_databases: Databases, world: World, tmp_path: Path) -> AsyncIterator[Gateway]:
    async with gateway(sqlite_databases, world, tmp_path, public_url="https://canopy.example/base/") as made:
        yield made


async def test_others_verify_our_tokens_by_the_keys_that_are_told(served: Gateway) -> None:
    told = await served.http.get("/.well-known/jwks.json", headers={"authorization": ""})
    found = await served.http.get("/.well-known/oauth-authorization-server")
    tokens = served.served.service.sign_in.tokens
    token = tokens.sign(USER, 3)

    key = jwt.PyJWKSet.from_dict(told.json())[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, audience="canopy", issuer=found.json()["issuer"])

    assert claims["sub"] == "user:7"
    assert told.headers["cache-control"] == "public, max-age=300"
    assert all(set(each) == {"kty", "crv", "x", "kid", "use", "alg"} for each in told.json()["keys"])


async def test_after_a_rotation_both_keys_are_told(served: Gateway) -> None:
    ring = served.served.service.keys
    before = (await served.http.get("/.well-known/jwks.json")).json()["keys"]
    path, secrets = ring._path, ring._drawn.secrets
    assert path is not None
    write_secrets(path, [new_secret(), *secrets])
    ring._looked_at -= 2
    assert ring.look_again()

    after = (await served.http.get("/.well-known/jwks.json")).json()["keys"]

    assert after[1:] == before
    assert len(after) == 2


RENAME = (
    'mutation { accountUpdate(input: {account: "acc_8", externalId: "once", expectedVersion: 1,'
    ' idempotencyKey: "rotation-1"}) { account { version } userErrors { code } } }'
)
PAGE = "query($after: String) { accounts(first: 1, after: $after) { nodes { id } pageInfo { endCursor } } }"


async def test_nobody_notices_a_rotation(served: Gateway, world: World) -> None:
    listening = "subscription($after: String) { accountChanged(after: $after) { eventId account { id } } }"
    first = (await served.ask(PAGE)).json()["data"]["accounts"]
    changed = (await served.ask(RENAME)).json()
    mine = token(served.served, world, 2)
    async with client(served.served, mine) as before, opened(served.database_url) as store:
        event_id = before.event_id
        await happens(store, 7)
    ring = served.served.service.keys
    assert ring._path is not None
    write_secrets(ring._path, [new_secret(), *ring._drawn.secrets])
    ring._looked_at -= 2
    newest = AccessTokens(open_key_ring(ring._path)).sign(Subject(SubjectType.USER, user_of(world, 2)), 2)
    bearer = {"authorization": f"Bearer {newest}"}

    assert (await served.http.post("/graphql", json={"query": PAGE}, headers=bearer)).status_code == 200
    assert len(ring.public_keys) == 2
    assert changed["data"]["accountUpdate"] == {"account": {"version": 2}, "userErrors": []}
    assert (await served.ask(RENAME)).json() == changed
    next_ = (await served.ask(PAGE, variables={"after": first["pageInfo"]["endCursor"]})).json()["data"]["accounts"]
    assert next_["nodes"] != first["nodes"]
    async with client(served.served, mine) as after:
        await after.subscribe(listening, variables={"after": event_id})
        assert (await after.data())["account"]["id"] == "acc_7"


async def test_whoever_knows_the_address_finds_where_tokens_are_given(served: Gateway) -> None:
    told = (await served.http.get("/.well-known/oauth-authorization-server")).json()

    assert told["issuer"] == "https://canopy.example/base"
    assert told["token_endpoint"] == "https://canopy.example/base/auth/token"
    assert told["jwks_uri"] == "https://canopy.example/base/.well-known/jwks.json"
    assert {"password", "refresh_token", "client_credentials"} < set(told["grant_types_supported"])


async def test_tokens_of_before_an_address_was_set_are_good(served: Gateway) -> None:
    ring = served.served.service.keys

    assert served.served.service.sign_in.tokens.verify(AccessTokens(ring).sign(USER, 3)).subject == USER


# Secrets in logs

SECRET = "s3cr3t-Value"


@pytest.mark.parametrize(
    "text",
    [
        f"authorization: Bearer {SECRET}xyz",
        f"Basic {SECRET}==",
        f"postgresql://canopy:{SECRET}@host/db is away",
        f'{{"password": "{SECRET}"}}',
        f'{{"message": "{{\\"password\\": \\"{SECRET}\\"}}"}}',
        f"grant_type=password&username=a&password={SECRET}&x=1",
        f"refresh_token={SECRET}",
        f"{{'client_secret': '{SECRET}'}}",
        f"eyJ{SECRET}.eyJ{SECRET}.sig",
    ],
)
def test_a_secret_is_blanked_wherever_it_stands_in_a_log(text: str) -> None:
    assert SECRET not in without_secrets(text)


@pytest.mark.parametrize(
    "text", ["signed in: user:7 from 192.0.2.1", "the keys are now abc, def", "operator's token: user:7", "12:30:01"]
)
def test_what_is_no_secret_is_logged_as_it_is(text: str) -> None:
    assert without_secrets(text) == text


def test_a_secret_in_a_value_or_a_traceback_is_blanked_too() -> None:
    written = WithoutSecrets(logging.Formatter("%(message)s"))
    try:
        raise ValueError(f"password={SECRET}")
    except ValueError as error:
        failure = (type(error), error, error.__traceback__)
    line = written.format(logging.LogRecord("x", 40, "p", 1, "to %s", (f"smtp://u:{SECRET}@host",), failure))

    assert SECRET not in line
    assert "ValueError" in line


@pytest.mark.parametrize("name", ["CANOPY_DATABASE_URL", "CANOPY_MAIL_URL"])
def test_a_secret_is_taken_from_a_file(name: str, tmp_path: Path) -> None:
    from edge.settings import Settings

    value = f"smtp://u:{SECRET}@host:587" if name == "CANOPY_MAIL_URL" else f"postgresql://u:{SECRET}@host/db"
    (tmp_path / "secret").write_text(value + "\n")
    made = Settings.from_environment({f"{name}_FILE": str(tmp_path / "secret")})

    assert value in (made.database_url, made.mail_url)
    assert SECRET not in repr(made)


def test_settings_are_never_shown_with_a_secret() -> None:
    from edge.settings import Settings

    assert SECRET not in repr(replace(Settings(), database_url=f"postgresql://u:{SECRET}@host/db"))
