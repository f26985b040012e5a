"""Links in mails that let somebody in: made when the mail is sent, good once. `link_following` is what follows.

A link proves that whoever follows it reads the mail of the person that it was sent to.
"""

import secrets
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sqlalchemy import bindparam, insert, select, update

from models import LinkPurpose, MailTemplate, OneTimeLink, UserStatus
from models.base import table_of
from models.identifier import new_id
from models.statement import Statement
from resolvers import clock
from resolvers.transaction import Transaction, change
from resolvers.users import USER
from resolvers.work.handler import HopelessError

GOOD_FOR = {LinkPurpose.INVITATION: timedelta(hours=72), LinkPurpose.RESET: timedelta(hours=1)}
PURPOSES = {
    MailTemplate.INVITATION: LinkPurpose.INVITATION,
    MailTemplate.PASSWORD_RESET: LinkPurpose.RESET,
}
"""What the links are for that stand in mails."""
_TOKEN_BYTES = 32

_LINK = table_of(OneTimeLink).c
_STATUS = Statement(select(USER.c.status).where(USER.c.id == bindparam("id")), is_lookup=True)
_REVOKE = Statement(
    update(table_of(OneTimeLink))
    .where(_LINK.user_id == bindparam("user"), _LINK.used_at.is_(None), _LINK.revoked_at.is_(None))
    .values(revoked_at=bindparam("at"))
)
_MAKE = Statement(
    insert(table_of(OneTimeLink)).values(
        {name: bindparam(name) for name in ("id", "hash", "purpose", "user_id", "created_at", "expires_at")}
    )
)


def hashed(token: str) -> str:
    """What of a link's token is stored."""
    return sha256(token.encode(errors="replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Links:
    """Makes the links of mails; see `resolvers.mail.links.LinkMaker`.

    Args:
        purpose: of the links.
        address: of the gateway, as the recipient's browser reaches it; no slash at its end.
    """

    purpose: LinkPurpose
    address: str

    async def __call__(self, db: Transaction, user_id: int) -> str:
        """A fresh link for the user; whatever links it was sent before are void.

        The token stands behind `#`, which browsers send to nobody.

        Raises:
            HopelessError: the user is gone, or isn't in a state for such a link any more.
        """
        rows = await db.rows(_STATUS, {"id": user_id})
        wanted = UserStatus.INVITED if self.purpose is LinkPurpose.INVITATION else UserStatus.ACTIVE
        if not rows or rows[0].status != wanted:
            raise HopelessError("The user is not in a state for this link any more.")
        token, at = secrets.token_urlsafe(_TOKEN_BYTES), await clock.now(db)
        await change(db, _REVOKE, {"user": user_id, "at": at})
        row = {"id": new_id(), "hash": hashed(token), "purpose": self.purpose, "user_id": user_id, "created_at": at}
        await change(db, _MAKE, row | {"expires_at": at + GOOD_FOR[self.purpose]})
        return f"{self.address}/link#{token}"


def makers(address: str) -> dict[MailTemplate, Links]:
    """Who makes the links of which mails."""
    return {template: Links(purpose, address) for template, purpose in PURPOSES.items()}
