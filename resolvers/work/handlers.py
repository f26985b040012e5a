"""Who does which jobs: a line for each kind."""

from collections.abc import Mapping

from models import JobKind
from resolvers.mail.sending import SendMail
from resolvers.work.fulfilment import ProvisionOrder
from resolvers.work.handler import Handler, Workplace
from resolvers.work.invoicing import ClosePeriod
from resolvers.work.pruning import Prune
from resolvers.work.renewals import BillSubscription, FollowSubscription, RemoveSubscription, RenewSubscription

HANDLERS: dict[JobKind, type[Handler]] = {
    JobKind.BILL_SUBSCRIPTION: BillSubscription,
    JobKind.CLOSE_PERIOD: ClosePeriod,
    JobKind.FOLLOW_SUBSCRIPTION: FollowSubscription,
    JobKind.PROVISION_ORDER: ProvisionOrder,
    JobKind.PRUNE: Prune,
    JobKind.REMOVE_SUBSCRIPTION: RemoveSubscription,
    JobKind.RENEW_SUBSCRIPTION: RenewSubscription,
    JobKind.SEND_MAIL: SendMail,
}


def handlers(place: Workplace) -> Mapping[str, Handler]:
    """The handlers of all kinds, at their workplace."""
    return {kind: handler(place) for kind, handler in HANDLERS.items()}
