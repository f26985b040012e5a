"""People whom mail can reach, servers that take it, and a worker that sends it."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import bindparam, insert, select, update

from models import (
    Account,
    AccountContact,
    Credential,
    Identity,
    JobKind,
    Mail,
    MailTemplate,
    SubjectType,
    User,
    VendorCard,
    base,
)
from models.base import table_of
from models.beyond.post import Recipient
from models.scope import Scope
from models.statement import Statement
from models.store import Store
from resolvers import clock
from resolvers.mail.mail_url import open_transport
from resolvers.mail.outbox import post
from resolvers.mail.sending import SendMail
from resolvers.mail.templates import TAKES, WITH_LINK
from resolvers.transaction import Transaction, change
from resolvers.work.handler import Workplace
from resolvers.work.worker import Worker
from tests.databases import Databases
from tests.hierarchy import World, path_of
from tests.jobs import EVENT
from tests.mail_server import MailServer, mail_server
from tests.templates import hierarchy_template, opened

SENDER = "canopy@platform.example"
OWN_ADDRESS = "ann@home.example"
"""The user's, whatever address its account has given it."""
CUSTOMER, VENDOR = 5, 4
"""A customer and the reseller right above it."""
_MAIL, _USER, _CONTACT, _CARD = table_of(Mail), table_of(User), table_of(AccountContact), table_of(VendorCard)
_MAILS = Statement(select(*_MAIL.c).order_by(_MAIL.c.key))
_USER_OF = Statement(
    select(_USER.c.id, _USER.c.login).where(_USER.c.account_id == CUSTOMER).order_by(_USER.c.id).limit(1)
)
_CONTACT_OF = Statement(select(_CONTACT.c.id).where(_CONTACT.c.account_id == CUSTOMER))
_IDENTITY = table_of(Identity)
_IDENTIFY = Statement(
    insert(_IDENTITY).values({name: bindparam(name) for name in ("id", "login", "email", "created_at")})
)
_KEEP_SECRET = Statement(
    insert(table_of(Credential)).values({column.name: bindparam(column.name) for column in table_of(Credential).c})
)
_LINK_MADE = Statement(
    insert(EVENT)
    .values(
        transaction_id=0, path="000001", topic="ACCOUNT", object_id=bindparam("n"), kind="CREATED", at=bindparam("at")
    )
    .returning(EVENT.c.id)
)


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("mail")) as server:
        yield server


@pytest.fixture
def server(running_server: MailServer) -> MailServer:
    """A server that takes everything, in clear."""
    running_server.forget()
    return running_server


class Office:
    """The hand-made hierarchy with people that mail can reach, and a worker that sends it."""

    def __init__(self, store: Store, user_id: int, contact_id: int) -> None:
        self.store = store
        self.user = Recipient(to_user_id=user_id)
        self.contact = Recipient(to_contact_id=contact_id)
        self.links: list[str] = []

    async def change(self, model: Any, of: int, **values: str | None) -> None:
        """Change the rows of an account."""
        table = table_of(model)
        key = table.c.id if model is Account else table.c.account_id
        statement = Statement(update(table).where(key == bindparam("of")).values({n: bindparam(n) for n in values}))
        async with self.store.unfiltered("a test changes a row", write=True) as db:
            await db.execute(statement, {"of": of} | values)

    async def post(
        self,
        template: MailTemplate = MailTemplate.HOLD_NOTICE,
        key: str = "hold:1",
        to: Recipient | None = None,
        data: dict[str, str] | None = None,
    ) -> bool:
        given = data or {name: f"the {name}" for name in TAKES[template]}
        async with self.store.writer(Scope(path_of(1))) as writer:
            return await post(
                writer, template, key=key, to=to or self.user, path=path_of(CUSTOMER), at=base.now(), data=given
            )

    async def send(self, url: str) -> None:
        """Do what is due."""
        place = Workplace(self.store, open_transport(url), SENDER, dict.fromkeys(WITH_LINK, self.make_link))
        await Worker(self.store, {JobKind.SEND_MAIL: SendMail(place)}).run_until_idle()

    async def make_link(self, db: Transaction, user_id: int) -> str:
        """A link with a secret; that it was made stands in the database."""
        self.links.append(f"https://panel.example/{user_id}?secret=s3cr3t{len(self.links)}")
        await change(db, _LINK_MADE, {"n": len(self.links), "at": base.now()})
        return self.links[-1]

    async def give_password(self) -> None:
        """Let the user have one."""
        values = {"subject_type": SubjectType.USER.value, "subject_id": self.user.to_user_id, "secret_hash": "a hash"}
        async with self.store.unfiltered("a test gives a password", write=True) as db:
            await db.execute(_KEEP_SECRET, values | {"updated_at": base.now()})

    async def mails(self) -> list[Any]:
        async with self.store.unfiltered("a test looks at the mail") as db:
            return await db.rows(_MAILS)

    async def mail(self) -> Any:
        (only,) = await self.mails()
        return only


@pytest.fixture
async def office(own_hierarchy: Store) -> Office:
    """An office on the engine of the test."""
    return await staffed(own_hierarchy)


@pytest.fixture
async def sqlite_office(sqlite_databases: Databases, world: World) -> AsyncIterator[Office]:
    """An office for tests of what is the same on every engine."""
    with sqlite_databases.copied(hierarchy_template(sqlite_databases, world)) as url:
        async with opened(url) as store:
            yield await staffed(store)


async def staffed(store: Store) -> Office:
    async with store.unfiltered("a test looks for people") as db:
        ((user, login),), ((contact,),) = await db.rows(_USER_OF), await db.rows(_CONTACT_OF)
    async with store.unfiltered("a test makes somebody known", write=True) as db:
        known = {"id": user, "login": login, "email": OWN_ADDRESS, "created_at": base.now()}
        await db.execute(_IDENTIFY, known)
    office = Office(store, user, contact)
    named: dict[str, str | None] = {"email": "ann@customer.example", "first_name": "Ann", "last_name": "Lee"}
    await office.change(User, CUSTOMER, **named, language="en-GB")
    await office.change(AccountContact, CUSTOMER, **named | {"email": "bob@customer.example", "first_name": "Bob"})
    await office.change(Account, CUSTOMER, language="en")
    card: dict[str, str | None] = {"support_phone": None, "support_url": "https://reseller.example/help"}
    await office.change(VendorCard, VENDOR, name="Best Reseller", support_email="help@reseller.example", **card)
    return office


class Machine:
    """The machine's clock, to be moved by hand."""

    def __init__(self) -> None:
        self.now = base.now()


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(base, "now", lambda: machine.now)
    return machine


@pytest.fixture(scope="session")
def running_guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailServer]:
    with mail_server(tmp_path_factory.mktemp("guarded"), "starttls", utf8=False) as server:
        yield server


@pytest.fixture
def guarded(running_guarded: MailServer) -> MailServer:
    """A server that encrypts on demand, takes a password only then, and no address beyond ASCII."""
    running_guarded.forget()
    return running_guarded


async def advance(office: Office) -> None:
    """Let every wait be over."""
    async with office.store.unfiltered("a test sets the clock", write=True) as db:
        await clock.advance(db, timedelta(hours=1))


def contents(folder: Path) -> list[bytes]:
    return [file.read_bytes() for file in folder.iterdir()]
