"""Links that let somebody in: made when their mail is sent, so that no table holds the secret in them."""

from typing import Protocol

from resolvers.transaction import Transaction


class LinkMaker(Protocol):
    """Makes the link of one mail, and writes down what recognises it, in the transaction before the mail is sent.

    It is called again when sending is tried again: the link made before was never sent.
    """

    async def __call__(self, db: Transaction, user_id: int) -> str:
        """The whole address, `https://` included, for that user.

        Raises:
            HopelessError: the user can't be let in by a link.
        """
