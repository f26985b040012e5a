"""The passwords of the demo. Everyone knows them; they are for trees of made-up data, and nothing else."""

from collections.abc import Callable, Sequence

import orjson
from sqlalchemy import insert, select

from models.base import now, table_of
from models.credential import Credential, SubjectType
from models.demo.people import LOGINS, RESELLER_LOGINS
from models.identifier import new_id
from models.scope import Reach
from models.statement import Row, Statement, any_of
from models.store import Store, Unfiltered
from models.user import ApiClient, User

PASSWORD = "canopy-demo"  # noqa: S105  # printed by `make run`; it opens made-up data only
CLIENT_ID = "demo-client"
CLIENT_SECRET = "canopy-demo-secret"  # noqa: S105  # as above

_USER, _CLIENT, _CREDENTIAL = table_of(User), table_of(ApiClient), table_of(Credential)
_users = Statement(
    select(_USER.c.id, _USER.c.login, _USER.c.account_id, _USER.c.path, _USER.c.shard_id).where(
        any_of(_USER.c.login, "logins", _USER.c.login.type)
    )
)
_clients = Statement(select(_CLIENT.c.id).where(_CLIENT.c.client_id == CLIENT_ID))
_credentials = Statement(
    select(_CREDENTIAL.c.subject_type, _CREDENTIAL.c.subject_id).where(any_of(_CREDENTIAL.c.subject_id, "ids"))
)
_add_client = Statement(insert(_CLIENT))
_add_credential = Statement(insert(_CREDENTIAL))


class MissingLoginError(LookupError):
    """The demo's users are not in the database: the tree has to be loaded first."""


async def add_credentials(store: Store, hash_secret: Callable[[str], str], reseller_privileges: Sequence[str]) -> None:
    """Give the demo's users their password, and its reseller an API client. What is there already stays as it is.

    Args:
        store: holds the demo tree.
        hash_secret: turns a password or client secret into what signing in compares it with.
        reseller_privileges: `resource:action` names; what the API client may do.

    Raises:
        MissingLoginError: the database has no such users.
    """
    async with store.unfiltered("demo credentials", write=True) as session:
        users = {row.login: row for row in await session.rows(_users, {"logins": list(LOGINS)})}
        if len(users) < len(LOGINS):
            raise MissingLoginError(f"no user is called {min(set(LOGINS) - set(users))}")
        for login in LOGINS:
            await _add(session, SubjectType.USER, users[login].id, PASSWORD, hash_secret)
        client = await _client_id(session, users[RESELLER_LOGINS[0].login], reseller_privileges)
        await _add(session, SubjectType.API_CLIENT, client, CLIENT_SECRET, hash_secret)


async def _add(
    session: Unfiltered, of_type: SubjectType, subject: int, secret: str, hash_secret: Callable[[str], str]
) -> None:
    known = await session.rows(_credentials, {"ids": [subject]})
    if of_type.value in [row.subject_type for row in known]:
        return
    hashed = hash_secret(secret)
    values = {"subject_type": of_type.value, "subject_id": subject, "secret_hash": hashed, "updated_at": now()}
    await session.execute(_add_credential, values)


async def _client_id(session: Unfiltered, owner: Row, privileges: Sequence[str]) -> int:
    found = await session.rows(_clients)
    if found:
        return int(found[0].id)
    client, moment = new_id(), now()
    await session.execute(
        _add_client,
        {
            "id": client,
            "account_id": owner.account_id,
            "path": owner.path,
            "shard_id": owner.shard_id,
            "client_id": CLIENT_ID,
            "name": "Demo integration",
            "privileges": orjson.dumps(list(privileges)).decode(),
            "reach": Reach.SUBTREE.value,
            "is_active": True,
            "version": 1,
            "created_at": moment,
            "updated_at": moment,
        },
    )
    return client
