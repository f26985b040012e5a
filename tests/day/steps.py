"""The day's steps, in the order in which they happen."""

from tests.day.accounts import (
    a_bookkeeper_is_invited,
    a_customer_signs_up,
    a_reseller_signs_up,
    the_customer_follows_its_invitation,
    the_seller_follows_its_invitation,
)
from tests.day.catalogue import the_provider_publishes_a_price_list, the_reseller_marks_it_up
from tests.day.day import Step
from tests.day.live import the_listeners_saw_it_happen, the_reseller_listens_to_orders, two_begin_to_listen
from tests.day.money import (
    a_payment_releases_it,
    an_invoice_is_overdue_and_the_hold_bites,
    the_invoices_equal_the_ledger,
    the_resellers_pay_their_vendors,
)
from tests.day.moving import it_is_renewed_at_the_new_prices, the_customer_moves_to_another_reseller
from tests.day.ordering import (
    fewer_seats_are_renewed,
    fewer_seats_at_the_renewal,
    seats_go_up,
    the_customer_orders_by_mpn,
    two_orders_race_for_the_last_credit,
)
from tests.day.people import support_verifies_a_caller, the_reseller_acts_as_the_customer
from tests.day.story import the_change_log_tells_the_story, the_database_is_sound, the_mail_has_come

STEPS: tuple[Step, ...] = (
    the_provider_publishes_a_price_list,
    the_reseller_marks_it_up,
    a_reseller_signs_up,
    the_seller_follows_its_invitation,
    two_begin_to_listen,
    a_customer_signs_up,
    the_customer_follows_its_invitation,
    a_bookkeeper_is_invited,
    the_customer_orders_by_mpn,
    the_reseller_listens_to_orders,
    seats_go_up,
    fewer_seats_at_the_renewal,
    two_orders_race_for_the_last_credit,
    an_invoice_is_overdue_and_the_hold_bites,
    a_payment_releases_it,
    the_invoices_equal_the_ledger,
    fewer_seats_are_renewed,
    the_resellers_pay_their_vendors,
    support_verifies_a_caller,
    the_reseller_acts_as_the_customer,
    the_customer_moves_to_another_reseller,
    it_is_renewed_at_the_new_prices,
    the_listeners_saw_it_happen,
    the_change_log_tells_the_story,
    the_mail_has_come,
    the_database_is_sound,
)
