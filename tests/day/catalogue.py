"""What is sold: the provider's price list, and what resellers make of it."""

from tests.day.client import Data
from tests.day.day import Day

PROVIDER = "admin@provider.example"
RESELLER = "admin@reseller.example"
_SHEET = """\
ProductId,SkuId,TermDuration,BillingPlan,Market,Currency,UnitPrice,EffectiveStartDate,ERP Price,Publisher
DAY1,0001,P1Y,Monthly,US,USD,96.00,2026-01-01,120.00,Daybreak
DAY1,0001,P1M,Monthly,US,USD,9.60,2026-01-01,12.00,Daybreak
DAY2,0001,P1M,Monthly,US,USD,16.00,2026-01-01,20.00,Daybreak
"""
_PLANS = (("csp-p1y-monthly", "A year, billed monthly", "YEAR"), ("csp-p1m-monthly", "A month", "MONTH"))
_PRODUCTS = (("mail", "DAY1:0001", "Daybreak Mail"), ("backup", "DAY2:0001", "Daybreak Backup"))


def the_provider_publishes_a_price_list(day: Day) -> None:
    """The provider publishes a manufacturer, its products, the plans, and a price list."""
    provider = day.person(PROVIDER)
    made = provider.change("manufacturerCreate", "manufacturer { id }", {"code": "daybreak", "name": "Daybreak"})
    for code, name, period in _PLANS:
        given: Data = {"code": code, "name": name, "billingModel": "CHARGE_BEFORE_BILLING_PERIOD"}
        given |= {"billingPeriod": {"type": "MONTH"}, "subscriptionPeriods": [{"type": period}]}
        day.ids[period] = provider.change("planCreate", "plan { id }", given)["plan"]["id"]
    for key, mpn, name in _PRODUCTS:
        given = {"manufacturer": made["manufacturer"]["id"], "mpn": mpn, "name": name, "unit": "Licence"}
        product = provider.change("productCreate", "product { id name mpn manufacturer { name } }", given)["product"]
        day.ids[key] = product["id"]
        day.tell(f"{product['manufacturer']['name']} makes {product['name']} ({product['mpn']}).")
    day.ids["daybreak"] = made["manufacturer"]["id"]
    sheet = provider.change("priceSheetApply", "priceSheet { name priceCount }", {"name": "Spring", "csv": _SHEET})
    day.tell(f"The price list {sheet['priceSheet']['name']} sets {sheet['priceSheet']['priceCount']} prices.")
    tell_prices(day, RESELLER)


def the_reseller_marks_it_up(day: Day) -> None:
    """The reseller offers all of it to those below, for 20 % above its cost."""
    given = {"percent": "20", "manufacturer": day.ids["daybreak"], "name": "Spring, with our margin"}
    sheet = day.person(RESELLER).change("priceMarkup", "priceSheet { priceCount }", given)["priceSheet"]
    day.tell(f"{sheet['priceCount']} prices.")


def tell_prices(day: Day, login: str) -> None:
    """Tell what somebody's account pays for what is new today."""
    document = """query($new: [ID!]!) { viewer { account { name prices(first: 20, filter: { product: $new }) {
        nodes { product { name } plan { name } amount { amount currency } } } } } }"""
    account = day.person(login).ask(document, new=[day.ids["mail"], day.ids["backup"]])["viewer"]["account"]
    prices = account["prices"]["nodes"]
    for price in sorted(prices, key=lambda price: (price["product"]["name"], price["plan"]["name"])):
        amount = f"{price['amount']['amount']} {price['amount']['currency']}"
        day.tell(f"{account['name']} pays {amount} for a {price['product']['name']}. {price['plan']['name']}.")


def offer_what_is_new(day: Day, login: str, mail_by_the_month: str) -> None:
    """Offer what is new today to all direct buyers of somebody's account.

    Args:
        day: the day.
        login: whose account sells.
        mail_by_the_month: what it asks for mail that is taken for a month at a time.
    """
    amounts = (("mail", "MONTH", mail_by_the_month), ("mail", "YEAR", "15.00"), ("backup", "MONTH", "30.00"))
    items = [
        {"product": day.ids[product], "plan": day.ids[period], "period": {"type": period}, "amount": amount}
        for product, period, amount in amounts
    ]
    gives = "results { userErrors { code message path } }"
    payload = day.person(login).change("priceOfferBulk", gives, {"items": items, "isAtomic": True})
    assert not any(result["userErrors"] for result in payload["results"]), payload
