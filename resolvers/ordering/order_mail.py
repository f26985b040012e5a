"""Mail about orders to whom they concern: whoever placed one hears as well when it comes to nothing."""

from sqlalchemy import bindparam, select

from models import MailTemplate
from models.beyond.post import recipient_of
from models.statement import Row, Statement
from resolvers.accounts import ACCOUNT
from resolvers.act import Act
from resolvers.mail.outbox import post

_NAME_OF = Statement(select(ACCOUNT.c.name).where(ACCOUNT.c.id == bindparam("row_id")), is_lookup=True)


def confirmation_key(order_id: int) -> str:
    """Under which an order is confirmed, once."""
    return f"order-confirmation:{order_id}"


async def tell_of_error(act: Act, order: Row, reason: str) -> None:
    """Have a mail sent to whoever the order was confirmed to, once for each time that it was submitted."""
    to = await recipient_of(act.writer, confirmation_key(order.id), order.path)
    accounts = await act.rows(_NAME_OF, {"row_id": order.account_id})
    if to is None or not accounts:
        return
    await post(
        act.writer,
        MailTemplate.ORDER_ERROR,
        key=f"order-error:{order.id}:{order.submission}",
        to=to,
        path=order.path,
        at=act.now,
        data={"account": accounts[0].name, "order": order.number, "reason": reason},
    )
