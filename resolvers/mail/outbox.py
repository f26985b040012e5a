"""Asking for a mail, in the transaction of what it is about."""

from collections.abc import Mapping
from datetime import datetime

import orjson

from models import MailTemplate
from models.beyond import post as outbox
from models.beyond.post import Recipient
from models.writer import Writer
from resolvers.mail.templates import TAKES, WITH_LINK


async def post(
    writer: Writer,
    template: MailTemplate,
    *,
    key: str,
    to: Recipient,
    path: str,
    at: datetime,
    data: Mapping[str, str] | None = None,
) -> bool:
    """Have a mail sent, if the transaction commits.

    Args:
        writer: the transaction of what the mail is about.
        template: what it is for.
        key: of the event, such as `order-confirmation:1234`; the same key is one mail, however often it is asked for.
        to: the recipient; a template with a link goes to users only.
        path: of the account that it is about, whose vendor signs it.
        at: the platform's present.
        data: exactly the texts that `TAKES` names, none of them secret.

    Returns:
        Whether it is a new mail.

    Raises:
        ValueError: other texts than the template takes, or a link for somebody who isn't a user.
        StoreError: the account is out of scope.
    """
    given = dict(data or {})
    if given.keys() != TAKES[template]:
        raise ValueError(f"{template} takes {sorted(TAKES[template])}, not {sorted(given)}")
    if template in WITH_LINK and to.to_user_id is None:
        raise ValueError(f"{template} lets its recipient in, so it goes to a user")
    return await outbox.add(writer, template, key, to, path, orjson.dumps(given).decode(), at)
