"""What is done with accounts, in the model: created, moved from state to state and from vendor to vendor, sold to."""

from collections.abc import Iterable

from models import AccountStatus, AccountType, HeldBy
from models.life import account as account_life
from models.life.account import AccountEvent, released_to
from models.life.standing import service_after, services_event, standing
from resolvers.errors import UserErrorCode as Code
from resolvers.privileges import Privilege
from tests.business_tree import OPEN, PROVIDER, RUNNING, Account, No, Terms, Tree, Who


class Accounts(Tree):
    """What operations on accounts and their money come to: each does it, or says `No`."""

    # Accounts

    def require_vendor(self, who: Who, vendor: int) -> None:
        """Refuse what can't have accounts below it, or none that the caller could see."""
        is_out_of_reach = not self.lies(who, [*self.chain(vendor), 0])
        if self.accounts[vendor].type is AccountType.CUSTOMER or is_out_of_reach:
            raise No(Code.INVALID)
        *above, own = [self.accounts[each].status for each in self.chain(vendor)]
        if standing(own, above).orders:
            raise No(Code.ACCOUNT_ON_HOLD)

    def create(self, who: Who, vendor: int, of_type: AccountType, *, is_active: bool, new: int) -> None:
        """Hang a new account below a vendor."""
        who.need(Privilege.ACCOUNTS_CREATE)
        if not self.sees(who, vendor):
            raise No(Code.NOT_FOUND)
        if is_active:
            who.need(Privilege.ACCOUNTS_ACTIVATE)
        self.require_vendor(who, vendor)
        to = AccountStatus.ACTIVE if is_active else None
        self.accounts[new] = Account(vendor, of_type, account_life.after(None, AccountEvent.CREATE, to))
        self.terms[vendor, new] = Terms()

    def promote(self, who: Who, account: int, *, is_stale: bool) -> None:
        """Make a customer a reseller."""
        it = self.target(who, Privilege.ACCOUNTS_CREATE, account, is_stale=is_stale)
        if it.type is not AccountType.CUSTOMER or not account_life.can(it.status, AccountEvent.PROMOTE):
            raise No(Code.WRONG_STATE)
        it.type = AccountType.RESELLER

    def happen(self, who: Who, privilege: Privilege, account: int, event: AccountEvent, *, is_stale: bool) -> None:
        """Let a person bring an account to another state."""
        it = self.target(who, privilege, account, is_stale=is_stale)
        if event is AccountEvent.CANCEL:
            below = [each for each in self.below(account) if each != account]
            if any(self.accounts[each].status is not AccountStatus.CANCELLED for each in below):
                raise No(Code.HAS_ACCOUNTS_BELOW)
            self.require_no_orders([account])
        if event is AccountEvent.REACTIVATE and self.accounts[it.parent or 0].status is AccountStatus.CANCELLED:
            raise No(Code.ACCOUNT_ON_HOLD)
        self.move(account, event, by=who.account)
        if event is AccountEvent.REACTIVATE:
            self.judge(account)

    def require_no_orders(self, accounts: Iterable[int]) -> None:
        """Refuse while an order of one of them is under way."""
        if any(order.account in set(accounts) and order.status in OPEN for order in self.orders.values()):
            raise No(Code.OPEN_CHANGE)

    def require_holder(self, it: Account, account: int, event: AccountEvent, by: int) -> None:
        """Refuse to lift what an account above the caller's own has put on one below."""
        above = self.chain(account)
        lifted = it.holders if event is AccountEvent.REACTIVATE else it.holders[:1]
        is_lifting = event in (AccountEvent.REACTIVATE, AccountEvent.CREDIT_RELEASE, AccountEvent.ADMIN_RELEASE)
        if is_lifting and any(above.index(each) < above.index(by) for each in lifted if each in above):
            raise No(Code.HELD_ABOVE)

    def move(self, account: int, event: AccountEvent, *, by: int | None) -> None:
        """Bring an account, and its services, to another state; by people of an account, or by rule."""
        it = self.accounts[account]
        before = it.status
        if not account_life.can(before, event):
            raise No(Code.WRONG_STATE)
        if by is not None:
            self.require_holder(it, account, event, by)
        is_over = by is not None and self.is_over(account)
        if is_over and event is AccountEvent.CREDIT_RELEASE:
            raise No(Code.HOLD_DEMANDED)
        to = None
        if event is AccountEvent.ADMIN_RELEASE:
            to = released_to(
                activated=it.held_before is not AccountStatus.PENDING,
                was_on_credit_hold=it.held_before is AccountStatus.CREDIT_HOLD and it.held_by is not HeldBy.RULE,
                balance_requires_hold=is_over,
            )
        it.status = account_life.after(before, event, to)
        self._hold(it, before, by)
        follows = services_event(before, it.status)
        for service in self.services.values():
            if follows is not None and service.account == account:
                left = service_after(service.status, service.reasons, follows, is_kept=True)
                service.status, service.reasons = left

    def _hold(self, it: Account, before: AccountStatus, by: int | None) -> None:
        if it.status is AccountStatus.ADMIN_HOLD:
            it.held_before, it.holders = before, (by, it.holders[0])
        elif it.status is AccountStatus.CANCELLED:
            it.held_by = it.held_before = None
        elif it.status is not AccountStatus.CREDIT_HOLD:
            it.held_by, it.held_before, it.holders = None, None, (None, None)
        elif before is AccountStatus.ADMIN_HOLD:
            it.held_by, it.held_before, it.holders = it.held_by or HeldBy.RULE, None, (it.holders[1], None)
        else:
            it.held_by, it.holders = (HeldBy.RULE if by is None else HeldBy.PERSON), (by, None)

    def transfer(self, who: Who, account: int, vendor: int, *, is_stale: bool) -> None:
        """Hang an account with all below it under another vendor."""
        it = self.target(who, Privilege.ACCOUNTS_TRANSFER, account, is_stale=is_stale)
        if not account_life.can(it.status, AccountEvent.TRANSFER):
            raise No(Code.WRONG_STATE)
        if not self.sees(who, vendor):
            raise No(Code.NOT_FOUND)
        if vendor == it.parent:
            raise No(Code.ALREADY_DONE)
        if account in self.chain(vendor):
            raise No(Code.CYCLE)
        self.require_vendor(who, vendor)
        moved = set(self.below(account))
        self.require_no_orders(moved)
        old, it.parent = it.parent, vendor
        try:
            if any(each.account in moved and each.status in RUNNING for each in self.services.values()):
                self.units(account)
        except No:
            it.parent = old
            raise
        self.prices.pop((old, account), None)
        self.terms.setdefault((vendor, account), Terms())

    # Money

    def set_terms(self, who: Who, account: int, limit: int | None, *, is_net: bool, is_stale: bool) -> None:
        """Say how much an account may owe its vendor; who prepays may owe nothing."""
        it = self.target(who, Privilege.ACCOUNTS_TERMS, account, is_stale=is_stale)
        who.need(Privilege.FINANCES_VIEW)
        if not is_net and limit != 0:
            raise No(Code.INVALID)
        terms = self.terms[it.parent, account]
        if (terms.limit, terms.is_net) != (limit, is_net):
            terms.limit, terms.is_net = limit, is_net
            self.judge(account)

    def pay(self, who: Who, account: int, micros: int) -> None:
        """Record what was received from an account, by its present vendor before any former one."""
        who.need(Privilege.FINANCES_RECORD, Privilege.FINANCES_VIEW)
        if account == who.account:
            raise No(Code.OWN_ACCOUNT)
        owed = [edge for edge in self.terms if edge[1] == account and edge[0] and self.sells(who, edge[0])]
        if not owed:
            raise No(Code.NOT_FOUND)
        is_seen = self.sees(who, account)
        present = [edge for edge in owed if is_seen and edge[0] == self.accounts[account].parent] or owed
        if len(present) > 1:
            raise No(Code.REQUIRED)
        self.owe(present[0], -micros)
        if not self.lies(who, [*self.chain(present[0][0]), account]):
            self.looked_at.add(account)
        if is_seen:
            self.judge(account)

    def judge(self, account: int) -> None:
        """Hold whoever owes too much, and release whom the rule had held."""
        it = self.accounts[account]
        event = AccountEvent.CREDIT_HOLD if self.is_over(account) else AccountEvent.CREDIT_RELEASE
        is_wanted = event is AccountEvent.CREDIT_HOLD or it.held_by is HeldBy.RULE
        if is_wanted and account_life.can(it.status, event):
            self.move(account, event, by=None)

    def judge_all(self) -> None:
        """What the worker does about balances that crossed their limits."""
        while self.looked_at:
            self.judge(self.looked_at.pop())

    def offer(self, who: Who, seller: int, buyer: int | None, micros: int) -> None:
        """Sell the product to all right below the seller, or to one of them."""
        who.need(Privilege.PRICES_MANAGE)
        if not self.sees(who, seller):
            raise No(Code.NOT_FOUND)
        who.need(Privilege.PRICES_VIEW)
        if not self.sells(who, seller):
            raise No(Code.NOT_FOUND)
        if self.accounts[seller].type is AccountType.CUSTOMER:
            raise No(Code.INVALID)
        is_buyer = buyer is None or (self.sees(who, buyer) and self.accounts[buyer].parent == seller)
        if not is_buyer or not self.knows_product(who):
            raise No(Code.NOT_FOUND)
        if seller != PROVIDER and self.price(self.edges(seller)[-1]) is None:
            raise No(Code.NOT_OFFERED)
        self.prices[seller, buyer] = micros
        self.ever_offered.add((seller, buyer))

    def end_price(self, who: Who, seller: int, buyer: int | None) -> None:
        """Sell it no longer."""
        who.need(Privilege.PRICES_MANAGE)
        if Privilege.PRICES_VIEW in who.privileges and not self.sells(who, seller):
            raise No(Code.NOT_FOUND)
        who.need(Privilege.PRICES_VIEW)
        del self.prices[seller, buyer]
