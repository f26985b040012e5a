"""Access tokens and the key file behind them."""

import base64
import json
import logging
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from models import SubjectType
from resolvers.errors import UnauthenticatedError
from resolvers.key_file import KeyFileError
from resolvers.keys import KeyRing, key_id, open_key_ring
from resolvers.tokens import AccessTokens, Subject

KEYS = KeyRing([b"k" * 32])
TOKENS = AccessTokens(KEYS)
USER = Subject(SubjectType.USER, 7)


def encoded(part: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    whole = {
        "iss": "canopy",
        "aud": "canopy",
        "sub": "user:7",
        "acc": 3,
        "jti": "x",
        "iat": now,
        "exp": now + 900,
    } | changes
    return {name: value for name, value in whole.items() if value is not None}


def signed(payload: dict[str, Any], algorithm: str = "EdDSA", key: Any = KEYS.signing_key, **headers: Any) -> str:
    return jwt.encode(payload, key, algorithm, headers={"kid": KEYS.key_id, "typ": "at+jwt"} | headers)


def assert_refused(token: str, tokens: AccessTokens = TOKENS) -> None:
    with pytest.raises(UnauthenticatedError, match="Sign in again") as refusal:
        tokens.verify(token)

    assert len(token) < 100 or token not in str(refusal.value)


@pytest.mark.parametrize("subject", [USER, Subject(SubjectType.API_CLIENT, 2**62)])
def test_a_token_says_who_acts_and_for_which_account(subject: Subject) -> None:
    verified = TOKENS.verify(TOKENS.sign(subject, 3))

    assert (verified.subject, verified.account_id) == (subject, 3)
    assert verified.expires_at - time.time() == pytest.approx(900, abs=2)


def test_no_two_tokens_are_alike() -> None:
    assert TOKENS.sign(USER, 3) != TOKENS.sign(USER, 3)


def test_a_token_by_hand_with_the_right_claims_and_key_is_accepted() -> None:
    """So that the refusals below are for the reasons that they name."""
    assert TOKENS.verify(signed(claims())).token_id == "x"


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_token_changed_in_any_part_is_refused(part: int) -> None:
    parts = TOKENS.sign(USER, 3).split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]

    assert_refused(".".join(parts))


def test_claims_under_the_signature_of_others_are_refused() -> None:
    header, _, signature = TOKENS.sign(USER, 3).split(".")

    assert_refused(f"{header}.{encoded(claims(acc=1))}.{signature}")


def test_an_unsigned_token_is_refused() -> None:
    header = {"alg": "none", "kid": KEYS.key_id, "typ": "at+jwt"}

    assert_refused(f"{encoded(header)}.{encoded(claims())}.")


@pytest.mark.parametrize("form", [Encoding.Raw, Encoding.PEM])
def test_a_token_signed_with_the_public_key_as_a_shared_secret_is_refused(form: Encoding) -> None:
    public = KEYS.signing_key.public_key()
    secret = public.public_bytes(form, PublicFormat.Raw if form is Encoding.Raw else PublicFormat.SubjectPublicKeyInfo)
    header, payload = encoded({"alg": "HS256", "kid": KEYS.key_id, "typ": "at+jwt"}), encoded(claims())
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(f"{header}.{payload}".encode(), secret)

    assert_refused(f"{header}.{payload}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}")


def test_a_token_of_another_server_is_refused_also_under_our_key_id() -> None:
    other = KeyRing([b"o" * 32])

    assert_refused(AccessTokens(other).sign(USER, 3))
    assert_refused(signed(claims(), key=other.signing_key))
    assert_refused(signed(claims(), kid=other.key_id))


@pytest.mark.parametrize("change", [{"iss": "other"}, {"aud": "other"}, {"aud": ["canopy", "other"]}])
def test_a_token_from_or_for_someone_else_is_refused(change: dict[str, Any]) -> None:
    assert_refused(signed(claims(**change)))


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "acc", "jti", "iat", "exp"])
def test_a_token_without_one_of_its_claims_is_refused(name: str) -> None:
    assert_refused(signed(claims(**{name: None})))


@pytest.mark.parametrize("change", [{"sub": "user"}, {"sub": "user:x"}, {"sub": "robot:7"}, {"acc": "x"}, {"acc": []}])
def test_a_token_whose_claims_make_no_sense_is_refused(change: dict[str, Any]) -> None:
    assert_refused(signed(claims(**change)))


def test_another_kind_of_token_is_no_access_token() -> None:
    assert_refused(signed(claims(), typ="JWT"))


def test_an_expired_token_is_refused_with_the_advice_to_refresh() -> None:
    with pytest.raises(UnauthenticatedError, match="Refresh it"):
        TOKENS.verify(AccessTokens(KEYS, lifetime=timedelta(seconds=-6)).sign(USER, 3))


def test_clocks_may_differ_by_a_few_seconds() -> None:
    late = AccessTokens(KEYS, lifetime=timedelta(seconds=-2)).sign(USER, 3)
    early = signed(claims(iat=int(time.time()) + 3))

    assert TOKENS.verify(late).subject == TOKENS.verify(early).subject == USER


def test_a_token_from_the_future_is_refused() -> None:
    assert_refused(signed(claims(iat=int(time.time()) + 60)))


def test_a_token_of_any_length_or_depth_is_refused_without_harm() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 1500).rstrip(b"=").decode()

    assert_refused(f"{deep}.e30.AAAA")
    assert_refused("x" * 10_000_000)
    assert_refused("\ud800.e30.AAAA")
    assert_refused(signed(claims(padding="x" * 3000)))


@given(st.text() | st.from_regex(r"[\w\-.=]*", fullmatch=True))
def test_whatever_else_comes_as_a_token_is_refused(text: str) -> None:
    assert_refused(text)


@given(
    st.dictionaries(
        st.sampled_from(["alg", "kid", "typ", "crit", "b64", "jwk", "zip"]),
        st.none() | st.text() | st.integers() | st.lists(st.text()),
    ),
    st.binary(),
)
def test_whatever_header_a_token_brings_it_is_refused(header: dict[str, Any], payload: bytes) -> None:
    body = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()

    assert_refused(f"{encoded({'kid': KEYS.key_id, 'typ': 'at+jwt'} | header)}.{body}.AAAA")


def test_after_a_rotation_the_new_key_signs_and_both_verify() -> None:
    before = TOKENS.sign(USER, 3)
    rotated = AccessTokens(KeyRing([b"n" * 32, b"k" * 32]))
    after = rotated.sign(USER, 3)

    assert rotated.verify(before).subject == rotated.verify(after).subject == USER
    assert_refused(before, AccessTokens(KeyRing([b"n" * 32])))
    assert_refused(after)


def test_a_key_is_named_by_its_thumbprint() -> None:
    """The example of RFC 8037, appendix A.3."""
    public = Ed25519PublicKey.from_public_bytes(
        base64.urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    )

    assert key_id(public) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_every_purpose_has_a_key_of_its_own() -> None:
    purposes = (*KEYS.cursor_keys().all, *KEYS.input_keys().all)
    keys = {*purposes, KEYS.source_key(), KEYS.signing_key.private_bytes_raw(), b"k" * 32}

    assert len(keys) == 5
    assert {len(key) for key in keys} == {32}
    assert KeyRing([b"k" * 32]).cursor_keys().all == KEYS.cursor_keys().all
    assert KeyRing([b"o" * 32]).cursor_keys().all != KEYS.cursor_keys().all


def test_a_key_ring_does_not_show_its_secret() -> None:
    assert repr(KEYS) == f"KeyRing({KEYS.key_id})"


def test_the_key_file_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "var" / "canopy.key"

    first, second = open_key_ring(path), open_key_ring(path)

    assert first.key_id == second.key_id
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(path.parent.iterdir()) == [path]
    assert open_key_ring(tmp_path / "other").key_id != first.key_id


OPENS_MANY = """
import sys
from pathlib import Path
from resolvers.keys import open_key_ring
print("ready", flush=True)
sys.stdin.readline()
print(*(open_key_ring(Path(sys.argv[1]) / str(number)).key_id for number in range(200)))
"""


def test_processes_that_make_the_key_file_at_once_all_use_one_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", OPENS_MANY, str(tmp_path)]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    one, other = (process.communicate(timeout=30)[0].split() for process in processes)

    assert one == other
    assert len(set(one)) == 200
    assert {path.name for path in tmp_path.iterdir()} == {str(number) for number in range(200)}


def test_an_older_key_on_a_second_line_still_verifies(tmp_path: Path) -> None:
    path = tmp_path / "canopy.key"
    before = AccessTokens(open_key_ring(path)).sign(USER, 3)
    new = base64.urlsafe_b64encode(b"n" * 32).decode()

    path.write_text(f"{new}\n{path.read_text()}")

    assert AccessTokens(open_key_ring(path)).verify(before).subject == USER
    assert open_key_ring(path).key_id == KeyRing([b"n" * 32]).key_id


@pytest.mark.parametrize("content", [b"", b"\n", b"hunter2", b"\xff\xfe\x00", b"A" * 44, base64.b64encode(b"k" * 31)])
def test_what_is_no_key_file_is_refused_and_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "canopy.key"
    path.write_bytes(content)

    with pytest.raises(KeyFileError, match="everyone then has to sign in again") as refusal:
        open_key_ring(path)

    assert str(path) in str(refusal.value)
    assert "hunter2" not in str(refusal.value)
    assert path.read_bytes() == content


def test_a_place_where_no_file_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(KeyFileError, match=r"file/canopy.key can't be read or made"):
        open_key_ring(tmp_path / "file" / "canopy.key")


def test_a_key_file_that_others_can_read_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "canopy.key"
    open_key_ring(path)
    path.chmod(0o644)

    with caplog.at_level(logging.WARNING):
        open_key_ring(path)

    assert "chmod 600" in caplog.text
