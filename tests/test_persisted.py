"""Persisted documents: the forms that name one, who may run which, and how often they are used."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import click
import pytest

from edge.documents import automatic
from edge.documents.automatic import Automatic
from edge.documents.counting import Counting
from edge.documents.registry import Registry
from edge.documents.settings import DocumentSettings
from edge.settings import Settings
from models import SafelistLevel
from models.base import now
from models.store import Store, StoreError
from resolvers import documents
from resolvers.documents import Noted, Registered
from schema import executor
from schema.execution.documents import Document
from tests.changes import user_of
from tests.databases import Databases
from tests.hierarchy import World
from tests.live import client, serving
from tests.registering import API_CLIENT, RESELLER, Gateway, gateway, id_of
from tests.templates import seeded_template

REACH = "query Reach { viewer { reach } }"
TWO = "query Reach { viewer { reach } } query Login { viewer { user { login } } }"
ANSWER = {"data": {"viewer": {"reach": "SUBTREE"}}}
LARGE = "{ viewer { " + " ".join(f"a{number}: reach" for number in range(31)) + " } }"
"""One alias more than a document may have that isn't trusted."""
LARGE_ANSWER = {"data": {"viewer": {f"a{number}": "SUBTREE" for number in range(31)}}}


@pytest.fixture(scope="module")
async def shared(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    with databases.copied(seeded_template(databases)) as url:
        async with gateway(url, tmp_path_factory.mktemp("persisted")) as made:
            yield made


@pytest.fixture
async def persisted(shared: Gateway) -> AsyncIterator[Gateway]:
    """A gateway at which nothing is registered."""
    yield shared
    await shared.forget_all()


def code(body: Any) -> str:
    """The code of the only error of what wasn't run."""
    assert body.keys() == {"errors"}, body
    (error,) = body["errors"]
    return str(error["extensions"]["code"])


def persisted_query(text: str, **more: Any) -> dict[str, Any]:
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id_of(text), **more}}}


async def test_a_registered_document_runs_by_each_form_of_its_id(persisted: Gateway) -> None:
    document_id = await persisted.register(
        REACH, aliases=("0123456789abcdef0123456789abcdef", "x-app:reach", "x-app.v~1:a~b")
    )

    for body in (
        {"documentId": f"sha256:{document_id}"},
        {"documentId": document_id},
        {"documentId": "0123456789abcdef0123456789abcdef"},
        {"documentId": "x-app:reach"},
        {"documentId": "x-app.v~1:a~b"},
        {"documentId": f"sha256:{document_id}", "query": REACH},
        {"documentId": document_id, "query": ""},  # whose library can't leave it out
        persisted_query(REACH),
        persisted_query(REACH) | {"query": REACH},
        persisted_query(REACH) | {"documentId": f"sha256:{document_id}"},
    ):
        answer = await persisted.post(body)
        assert (answer.status_code, answer.json()) == (200, ANSWER), body


async def test_a_registered_document_runs_by_its_path_and_over_get(persisted: Gateway) -> None:
    document_id = await persisted.register(TWO)

    login = {"data": {"viewer": {"user": {"login": RESELLER}}}}
    assert (await persisted.post({}, path=f"/graphql/{document_id}/Reach")).json() == ANSWER
    assert (await persisted.post({"operationName": "Login"}, path=f"/graphql/sha256:{document_id}")).json() == login
    assert (await persisted.get(f"/graphql/sha256:{document_id}/Login")).json() == login
    assert (
        await persisted.get("/graphql", params={"documentId": document_id, "operationName": "Reach"})
    ).json() == ANSWER


@pytest.mark.parametrize(
    "body",
    [
        {"documentId": 5},
        {"documentId": "sha256:abc"},
        {"documentId": f"sha256:{id_of(REACH).upper()}"},
        {"documentId": "md5:0123456789abcdef0123456789abcdef"},
        {"documentId": "a" * 129},
        {"documentId": "x-:reach"},
        {"documentId": id_of(TWO), "query": REACH},
        {"documentId": "x-app:reach", "query": REACH},
        {"documentId": id_of(TWO)} | persisted_query(REACH),
        persisted_query(TWO) | {"query": REACH},
        persisted_query(REACH, version=2),
        persisted_query(REACH, version=True),
        persisted_query(REACH, sha256Hash=5),
        persisted_query(REACH, sha256Hash="abc"),
        {"extensions": {"persistedQuery": 5}},
        {"extensions": {}},
    ],
    ids=repr,
)
async def test_what_names_no_document_or_two_is_a_bad_request(persisted: Gateway, body: Any) -> None:
    answer = await persisted.post(body)

    assert (answer.status_code, code(answer.json())) == (400, "BAD_REQUEST")


async def test_a_path_and_a_body_that_name_two_are_a_bad_request(persisted: Gateway) -> None:
    document_id = await persisted.register(TWO)

    documents = await persisted.post({"documentId": id_of(REACH)}, path=f"/graphql/{document_id}")
    operations = await persisted.post({"operationName": "Login"}, path=f"/graphql/{document_id}/Reach")

    assert [code(documents.json()), code(operations.json())] == ["BAD_REQUEST"] * 2


async def test_apollos_clients_register_what_is_not_known_by_sending_it_once(persisted: Gateway) -> None:
    text = "query Once { viewer { reach } }"
    unknown = await persisted.post(persisted_query(text))
    sent = await persisted.post(persisted_query(text) | {"query": text})
    known = await persisted.get(
        "/graphql", params={"extensions": f'{{"persistedQuery":{{"version":1,"sha256Hash":"{id_of(text)}"}}}}'}
    )

    assert code(unknown.json()) == "PERSISTED_QUERY_NOT_FOUND"
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert [sent.json(), known.json()] == [ANSWER, ANSWER]
    assert (await documents.texts(persisted.service.store)) == {}


async def test_a_text_sent_with_an_id_of_another_form_is_not_remembered(persisted: Gateway) -> None:
    text = "query Unasked { viewer { reach } }"
    assert (await persisted.post({"documentId": id_of(text), "query": text})).json() == ANSWER

    assert code((await persisted.post({"documentId": id_of(text)})).json()) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_text_that_can_not_run_is_not_remembered(persisted: Gateway) -> None:
    for text in ("query Bad { nonsense }", "query {", LARGE.replace("{ viewer", "query Large { viewer", 1)):
        refused = await persisted.post(persisted_query(text) | {"query": text})
        assert refused.json().keys() == {"errors"}
        assert code((await persisted.post(persisted_query(text))).json()) == "PERSISTED_QUERY_NOT_FOUND"


async def test_texts_that_clients_gave_an_id_to_take_bounded_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(automatic, "MOST_TEXTS", 3)
    monkeypatch.setattr(automatic, "MOST_CHARACTERS", 100)
    kept = Automatic()
    for name in "abc":
        await kept.keep(name, name * 10)
    assert await kept.get("a") == "a" * 10

    await kept.keep("d", "d" * 10)  # one too many: `b` was asked for the longest ago
    assert [await kept.get(name) is not None for name in "abcd"] == [True, False, True, True]
    await kept.keep("e", "e" * 95)
    assert [await kept.get(name) is not None for name in "acde"] == [False, False, False, True]
    await kept.keep("f", "f" * 200)
    assert await kept.get("f") is None


async def test_who_registers_a_document_trusts_it_with_more(persisted: Gateway) -> None:
    assert code((await persisted.post({"query": LARGE})).json()) == "LIMIT_EXCEEDED"

    document_id = await persisted.register(LARGE)
    assert (await persisted.post({"documentId": document_id})).json() == LARGE_ANSWER
    assert (await persisted.post({"query": LARGE})).json() == LARGE_ANSWER


async def test_a_long_document_is_as_long_for_others_once_it_was_read(persisted: Gateway) -> None:
    text = "query Long { viewer { " + "reach " * 2_000 + "} }"
    before = (await persisted.post({"query": text}, x_client_name="app")).json()
    await persisted.register(text, client="web")
    assert (await persisted.post({"query": text}, x_client_name="web")).json() == ANSWER

    assert code(before) == "LIMIT_EXCEEDED"
    assert (await persisted.post({"query": text}, x_client_name="app")).json() == before


async def test_registered_documents_are_kept_ready_where_others_drive_none_out(
    persisted: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, keep = [], executor.keep

    def noted(text: str, document: Document, *, is_trusted: bool = False) -> Document:
        kept.append((text, is_trusted))
        return keep(text, document, is_trusted=is_trusted)

    monkeypatch.setattr(executor, "keep", noted)
    engine = persisted.service.store.engine
    own, other = (f"query {name}{engine} {{ viewer {{ reach }} }}" for name in ("Kept", "Other"))
    document_id = await persisted.register(own)
    for body in ({"documentId": document_id}, {"query": other}):
        assert (await persisted.post(body)).json() == ANSWER

    assert kept == [(own, True), (other, False)]


async def test_a_document_of_another_client_is_like_any_other(persisted: Gateway) -> None:
    await persisted.register(LARGE, client="web")
    small = await persisted.register(REACH, client="web")

    assert (await persisted.post({"query": LARGE}, x_client_name="web")).json() == LARGE_ANSWER
    assert code((await persisted.post({"query": LARGE}, x_client_name="app")).json()) == "LIMIT_EXCEEDED"
    assert (await persisted.post({"documentId": small}, x_client_name="app")).json() == ANSWER


LEVELS = {
    "PERFORMANCE": ["ok", "ok", "ok", "PERSISTED_QUERY_NOT_FOUND", "ok"],
    "AUDIT": ["ok", "ok", "ok", "PERSISTED_QUERY_NOT_FOUND", "ok"],
    "SAFELIST": ["ok", "ok", "DOCUMENT_NOT_ALLOWED", "DOCUMENT_NOT_ALLOWED", "PERSISTED_QUERY_NOT_SUPPORTED"],
    "IDS": [
        "ok",
        "DOCUMENT_NOT_ALLOWED",
        "DOCUMENT_NOT_ALLOWED",
        "DOCUMENT_NOT_ALLOWED",
        "PERSISTED_QUERY_NOT_SUPPORTED",
    ],
}


@pytest.mark.parametrize("level", SafelistLevel)
async def test_a_level_decides_what_runs(persisted: Gateway, level: SafelistLevel) -> None:
    await documents.set_level(persisted.service.store, "web", level)
    document_id = await persisted.register(REACH, client="web")
    other = "query Other { viewer { reach } }"

    answers = [
        (await persisted.post(body, x_client_name="web")).json()
        for body in (
            {"documentId": document_id},
            {"query": REACH},
            {"query": other},
            {"documentId": id_of("never sent")},
            persisted_query(other) | {"query": other},
        )
    ]

    assert ["ok" if answer == ANSWER else code(answer) for answer in answers] == LEVELS[level]


async def test_introspection_is_refused_where_only_registered_documents_run(persisted: Gateway) -> None:
    await documents.set_level(persisted.service.store, "web", SafelistLevel.SAFELIST)

    answer = await persisted.post({"query": "{ __schema { queryType { name } } }"}, x_client_name="web")
    assert code(answer.json()) == "DOCUMENT_NOT_ALLOWED"


async def test_a_document_of_another_client_does_not_run_where_only_registered_ones_do(persisted: Gateway) -> None:
    await documents.set_level(persisted.service.store, "web", SafelistLevel.SAFELIST)
    document_id = await persisted.register(REACH, client="app")

    refused = await persisted.post({"documentId": document_id}, x_client_name="web")
    assert code(refused.json()) == "DOCUMENT_NOT_ALLOWED"
    await persisted.register(REACH)  # for all
    assert (await persisted.post({"documentId": document_id}, x_client_name="web")).json() == ANSWER


@pytest.fixture
async def strict(shared: Gateway, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Gateway]:
    """Another gateway on the same database, at which only registered documents run unless said otherwise."""
    settings = DocumentSettings(safelist=SafelistLevel.SAFELIST, document_seconds=0)
    async with gateway(
        shared.service.settings.database_url, tmp_path_factory.mktemp("strict"), documents=settings
    ) as made:
        yield made
        await made.forget_all()


async def test_a_name_that_is_only_claimed_never_makes_the_level_wider(strict: Gateway) -> None:
    store = strict.service.store
    await documents.set_level(store, "web", SafelistLevel.PERFORMANCE)
    await documents.set_level(store, "vault", SafelistLevel.IDS)
    await documents.set_level(store, API_CLIENT, SafelistLevel.PERFORMANCE)
    await strict.register(REACH)

    other = {"query": "{ viewer { reach } }"}
    assert code((await strict.post(other, x_client_name="web")).json()) == "DOCUMENT_NOT_ALLOWED"
    assert code((await strict.post(other, x_client_name=API_CLIENT)).json()) == "DOCUMENT_NOT_ALLOWED"
    assert code((await strict.post({"query": REACH}, x_client_name="vault")).json()) == "DOCUMENT_NOT_ALLOWED"
    assert (await strict.post(other, name=API_CLIENT)).json() == ANSWER  # whose token proves it
    assert (await strict.post(other, name=API_CLIENT, x_client_name="vault")).json() == ANSWER


async def test_uses_are_counted_with_the_last(persisted: Gateway) -> None:
    document_id = await persisted.register(REACH)
    await persisted.register(REACH, client="web")
    before = now()
    for name in ("", "web", "web", "app"):
        await persisted.post({"documentId": document_id}, x_client_name=name)
    await persisted.service.documents.counting.write()
    await persisted.post({"query": REACH})
    await persisted.service.documents.counting.write()

    rows = await documents.listed(persisted.service.store)
    assert {row.client: row.uses for row in rows} == {"": 3, "web": 2}
    assert all(before.isoformat()[:19] <= str(row.last_used_at).replace(" ", "T") for row in rows)


async def test_unknown_documents_are_noted_with_their_client_and_never_their_variables(persisted: Gateway) -> None:
    store = persisted.service.store
    await documents.set_level(store, "web", SafelistLevel.AUDIT)
    text = "query Noted($id: ID!) { account(id: $id) { id } }"
    for _ in range(2):
        await persisted.post({"query": text, "variables": {"id": "acc_secret"}}, x_client_name="web")
    await persisted.post({"query": "query Unnoted { viewer { reach } }"})
    await persisted.service.documents.counting.write()
    await persisted.post({"query": text, "variables": {"id": "acc_secret"}}, x_client_name="web")
    await persisted.service.documents.counting.write()

    (row,) = [each for each in await documents.unknown(store) if each.id == id_of(text)]
    assert (row.client, row.text, row.uses) == ("web", text, 3)
    assert id_of("query Unnoted { viewer { reach } }") not in {each.id for each in await documents.unknown(store)}


async def test_as_many_unknown_documents_are_noted_as_there_is_room_for(
    persisted: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = persisted.service.store
    before = len(await documents.unknown(store))
    monkeypatch.setattr(documents, "MOST_UNKNOWN", before + 1)
    first, second = ("1" * 64, "web"), ("2" * 64, "web")

    await documents.count(store, {}, {first: Noted(1, "{ a }"), second: Noted(1, "{ b }")}, now())
    await documents.count(store, {}, {first: Noted(4, "{ a }"), second: Noted(4, "{ b }")}, now())

    found = await documents.unknown(store)
    assert len(found) == before + 1
    assert {row.id: row.uses for row in found if row.id in ("1" * 64, "2" * 64)} == {"1" * 64: 5}


async def test_what_is_counted_while_the_database_is_away_is_written_later(
    persisted: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = persisted.service.store
    document_id = await persisted.register(REACH)
    counting = Counting(store)

    def away(*_given: object, **_more: object) -> None:
        raise StoreError("away")

    counting.used(document_id, "")
    counting.unknown("3" * 64, "", "x" * 10_000)
    with monkeypatch.context() as patch:
        patch.setattr(store, "unfiltered", away)
        await counting.write()
    counting.used(document_id, "")
    await counting.write()

    assert [row.uses for row in await documents.listed(store)] == [2]
    assert [row.text for row in await documents.unknown(store) if row.id == "3" * 64] == [None]


async def test_what_several_count_at_once_is_all_counted(persisted: Gateway) -> None:
    store = persisted.service.store
    await persisted.register(REACH, TWO)
    uses = {(id_of(REACH), ""): 1, (id_of(TWO), ""): 2}
    backwards = dict(reversed(uses.items()))
    noted = {("4" * 64, name): Noted(1, "{ a }") for name in "ab"}

    await asyncio.gather(*(documents.count(store, each, dict(noted), now()) for each in (uses, backwards) * 4))

    assert {row.id: row.uses for row in await documents.listed(store)} == {id_of(REACH): 8, id_of(TWO): 16}
    assert [row.uses for row in await documents.unknown(store) if row.id == "4" * 64] == [8, 8]


async def test_a_process_looks_again_only_when_its_look_is_old_and_goes_on_while_the_database_is_away(
    persisted: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    time, looks = [0.0], []

    async def spied(store: Store, known: Registered, look: Any = documents.registered) -> Registered:
        looks.append(time[0])
        found: Registered = await look(store, known)
        return found

    monkeypatch.setattr(documents, "registered", spied)
    registry = Registry(persisted.service.store, 10, lambda: time[0])
    assert not (await registry.registered()).clients
    document_id = await persisted.register(REACH)
    time[0] = 9.9
    assert not (await registry.registered()).clients
    time[0] = 10.0
    assert (await registry.registered()).clients == {document_id: frozenset({""})}
    assert await registry.text(document_id) == REACH
    assert looks == [0.0, 10.0]

    async def away(*_given: object) -> Registered:
        raise StoreError("away")

    monkeypatch.setattr(documents, "registered", away)
    time[0] = 20.0
    assert (await registry.registered()).clients == {document_id: frozenset({""})}
    assert await registry.text(document_id) == REACH
    with pytest.raises(StoreError):
        await Registry(persisted.service.store, 10).registered()


async def test_a_removed_document_runs_no_more(persisted: Gateway) -> None:
    document_id = await persisted.register(REACH)
    assert (await persisted.post({"documentId": document_id})).json() == ANSWER

    assert await documents.remove(persisted.service.store, document_id)
    assert not await documents.remove(persisted.service.store, document_id)
    assert code((await persisted.post({"documentId": document_id})).json()) == "PERSISTED_QUERY_NOT_FOUND"


async def test_a_stranger_learns_nothing_of_what_is_registered(persisted: Gateway) -> None:
    document_id = await persisted.register(REACH)

    known, unknown = [
        await persisted.http.post("/graphql", json={"documentId": each}) for each in (document_id, "0" * 64)
    ]
    assert known.status_code == unknown.status_code == 401
    assert known.json() == unknown.json()


@pytest.mark.parametrize(("written", "level"), [("ids", "IDS"), ("Safelist", "SAFELIST"), ("", "PERFORMANCE")])
def test_the_level_is_a_setting(written: str, level: str) -> None:
    assert Settings.from_environment({"CANOPY_SAFELIST": written}).documents.safelist.value == level


def test_a_level_that_is_none_is_refused_with_those_there_are() -> None:
    with pytest.raises(click.UsageError, match="it takes performance, audit, safelist or ids"):
        Settings.from_environment({"CANOPY_SAFELIST": "strict"})


async def test_sockets_take_ids_too_and_a_bad_one_leaves_the_others_alone(
    sqlite_hierarchy: Store, world: World, tmp_path: Path
) -> None:
    text = "query Socket { viewer { reach } }"
    by_apollo, user = persisted_query(text), user_of(world, 2)
    async with serving(sqlite_hierarchy.url, tmp_path) as served, client(served, served.token(user, 2)) as socket:
        await socket.send(type="subscribe", id="1", payload={"query": "", "documentId": "0" * 64})
        assert await socket.code("1") == "PERSISTED_QUERY_NOT_FOUND"
        for bad in ({"documentId": 5}, {"documentId": "sha256:abc"}, {"extensions": {"persistedQuery": 5}}):
            await socket.send(type="subscribe", id="bad", payload={"query": text} | bad)
            assert await socket.code("bad") == "BAD_REQUEST"
        await socket.send(type="subscribe", id="2", payload=by_apollo | {"query": text})
        assert (await socket.data("2"))["reach"] == "SUBTREE"
        assert (await socket.next())["type"] == "complete"
        await socket.send(type="subscribe", id="3", payload=by_apollo)
        assert (await socket.data("3"))["reach"] == "SUBTREE"


@pytest.mark.parametrize("path", ["%00", "%ff", "md5:abc", "sha256:", "%F0%9F%98%80", "a" * 200, "x" + "/y" * 3])
async def test_a_path_that_names_nothing_is_told_so(persisted: Gateway, path: str) -> None:
    for answer in (await persisted.get(f"/graphql/{path}"), await persisted.post({}, path=f"/graphql/{path}")):
        assert answer.status_code in (400, 404)
        assert code(answer.json()) in ("BAD_REQUEST", "NOT_FOUND")
