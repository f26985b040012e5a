"""What can't be imported: every flaw is told with its place, and nothing of the rest is imported either."""

from pathlib import Path

import pytest

from models import path as paths
from models.exchange.accounts import MAX_LEVELS
from models.store import Store
from tests.csv_files import PLATFORM, changed, import_platform, query, refusal, told

# Nearly every row is wrong; what is said of each stands in refused_import.txt.
FLAWED: dict[str, str] = {
    **PLATFORM,
    "marketplaces.csv": """\
code,name,country_code,currency
us,United States,US,USD
us,Again,US,USD
UK Ltd,United Kingdom,uk,pounds
""",
    "plans.csv": """\
code,name,billing_period_type,billing_period_duration,billing_model,periods,is_published
monthly,,MONTH,0,CHARGE_NEVER,1 MONTH|1 MONTH,yes
yearly,Yearly,YEAR,1,CHARGE_BEFORE_BILLING_PERIOD,one year,true
""",
    "products.csv": """\
mpn,manufacturer_code,manufacturer_name,name,minimum_quantity,maximum_quantity,depends_on
P:1,microsoft,Microsoft,Business Basic,10,5,
P:2,microsoft,Macrosoft,Add-on,,,microsoft/P:9|microsoft/P:2
P 3,micro soft,,Other,-1,,microsoft
""",
    "accounts.csv": f"""\
key,vendor,type,name,status,external_id,marketplace,currency,country_code,attributes,support_email,created_at
top,,PROVIDER,Provider,,,us,USD,,,,
top2,,PROVIDER,Second provider,,,us,USD,,,,
rootless,,RESELLER,Rootless,,,us,,,,,
top3,top,PROVIDER,Third provider,,,us,,,,,
big,top,RESELLER,Big,ASLEEP,X1,mars,DOLLAR,Germany,[1],nobody,2026-13-01
twin,top,RESELLER,Twin,,X2,us,,,,,
twin2,top,RESELLER,Twin 2,,X2,us,,,,,
buyer,big,CUSTOMER,Buyer,,,us,,,,,
below,buyer,CUSTOMER,Below a customer,,,us,,,,,
rich,big,CUSTOMER,Rich,,,us,USD,,,,
carded,big,CUSTOMER,Carded,,,us,,,,help@x.example,
lost,nowhere,CUSTOMER,Lost,,,us,,,,,
a,b,RESELLER,A,,,us,,,,,
b,c,RESELLER,B,,,us,,,,,
c,a,RESELLER,C,,,us,,,,,
big,top,RESELLER,Big again,,,us,,,,,
long,big,CUSTOMER,{"x" * 256},,,us,,,,,
short,big,CUSTOMER
""",
    "contacts.csv": "account,type,first_name,last_name,email\nnobody,BOSS,A,B,a b@c\n",
    "users.csv": """\
login,account,kind,first_name,last_name,email,roles
x@x.example,nobody,ADMINISTRATOR,X,X,x@x.example,
y@x.example,buyer,ADMINISTRATOR,Y,Y,y@x.example,RESELLER_FULL_ACCESS
Y@X.example,buyer,ADMINISTRATOR,Y,Y,y@x.example,
has space,buyer,ROBOT,Z,Z,z@,KING
""",
    "prices.csv": """\
seller,buyer,manufacturer_code,mpn,plan,marketplace,period_type,period_duration,model,currency,amount,tiers,valid_from,valid_until
buyer,,microsoft,P:1,yearly,,YEAR,1,,USD,1,,2025-01-01,
top,buyer,microsoft,P:1,yearly,,YEAR,1,,USD,1,,2025-01-01,
top,,microsoft,P:7,never,mars,YEAR,1,FLAT,USD,1,5:1,2025-01-01,2025-01-01
top,,microsoft,P:1,yearly,,YEAR,1,,USD,1.0000001,5:1|3:1,2025-02-29,soon
top,,microsoft,P:1,yearly,,YEAR,1,,USD,-1,,2025-01-01,
top,,microsoft,P:1,yearly,,YEAR,1,,USD,7,,2025-01-01,
top,,microsoft,P:1,yearly,,YEAR,1,,USD,8,,2025-01-01,
""",
    "subscriptions.csv": """\
key,account,manufacturer_code,mpn,plan,quantity,period_type,period_duration,start_date,expiration_date,users
S1,buyer,microsoft,P:1,yearly,1,YEAR,1,2026-02-01,2026-01-01,y@x.example|ghost@x.example
S2,nobody,acme,P:1,weekly,many,YEAR,1,,,
""",
    "subscription_items.csv": """\
subscription,position,manufacturer_code,mpn,quantity
S9,1,microsoft,P:2,6
S1,0,microsoft,P:2,6
S1,2,microsoft,P:2,6
S1,2,microsoft,P:2,7
""",
    "charges.csv": """\
subscription,position,seller,buyer,currency,unit_amount
S1,0,top,buyer,USD,1
S1,9,top,big,USD,1
S1,0,top,twin,USD,1
S1,0,top,big,USD,
""",
    "orders.csv": """\
number,account,created_at,currency,total,subscription
SO1,big,2026-01-01,USD,1,S1
SO2,nobody,yesterday,USD,"1,000",S9
SO3,buyer,2026-01-01,USD,1,S9
""",
    "order_lines.csv": """\
order,position,manufacturer_code,mpn,plan,period_type,period_duration,quantity,currency,unit_amount,extended_amount,exchange_rate
SO9,0,microsoft,P:9,never,YEAR,1,-1.5,USD,1,1,0
SO1,0,microsoft,P:9,never,YEAR,1,-1,USD,1,-1,
""",
}

REFUSED = Path(__file__).with_name("refused_import.txt")


async def test_every_flaw_is_told_with_its_place_value_and_reason(store: Store, tmp_path: Path) -> None:
    refused = await refusal(store, tmp_path, FLAWED, max_problems=1000)

    assert "\n".join(map(str, refused.problems)) == REFUSED.read_text().rstrip()
    assert refused.total == len(refused.problems)


async def test_nothing_is_imported_into_a_database_that_has_something_either(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    contents = changed("order_lines.csv", "CH000002,0", "CH000003,0") | {
        "accounts.csv": PLATFORM["accounts.csv"].replace("Loner", "Changed")
    }
    refused = await refusal(store, tmp_path, contents)

    assert told(refused) == [("order_lines.csv", 3, "order", "CH000003")]


async def test_problems_beyond_the_limit_are_counted(store: Store, tmp_path: Path) -> None:
    cells = "".join(f"m{n},,US,USD\n" for n in range(40)) + "".join("x,X,US,USD\n" for _ in range(30))
    unknown = "".join(f"u{n}@x.example,nobody,ADMINISTRATOR,A,B,a@b.example\n" for n in range(20))
    refused = await refusal(
        store,
        tmp_path,
        {
            "marketplaces.csv": f"code,name,country_code,currency\n{cells}",
            "users.csv": f"login,account,kind,first_name,last_name,email\n{unknown}",
        },
        max_problems=5,
    )

    assert [problem.line for problem in refused.problems] == [2, 3, 4, 5, 6]
    assert refused.total == 40 + 29 + 20
    assert str(refused).endswith("(and 84 more)")


async def test_what_is_in_the_database_counts_as_much_as_what_is_in_the_file(store: Store, tmp_path: Path) -> None:
    await import_platform(store, tmp_path)
    header = "key,vendor,type,name,external_id,currency\n"
    for row, expected in (
        ("top2,,PROVIDER,Second,,USD", ("type", "PROVIDER", "is there already: top")),
        ("below,buyer,CUSTOMER,Below,,", ("vendor", "buyer", "is a customer")),
        (
            "twin,other,CUSTOMER,Twin,E1,",
            ("external_id", "E1", "is the external id of another account of this vendor, loner"),
        ),
        (
            "buyer,big,CUSTOMER,Moved,E1,",
            (
                "vendor",
                "big",
                "is not the account's vendor, which is small; an account changes its vendor by a transfer",
            ),
        ),
        (
            "big,top,RESELLER,Big,E1,EUR",
            ("currency", "EUR", "is not the account's currency, which is USD and can't change"),
        ),
        ("big,top,CUSTOMER,Big,E1,", ("type", "CUSTOMER", "is not what the account is in the database: RESELLER")),
    ):
        refused = await refusal(store, tmp_path, {"accounts.csv": header + row + "\n"})
        problem = next(problem for problem in refused.problems if problem.column == expected[0])
        assert (problem.value, problem.reason[: len(expected[2])]) == expected[1:]
        assert problem.line == 2
    for name, row, expected in (
        (
            "users.csv",
            "login,account,kind,first_name,last_name,email\nada@buyer.example,loner,ADMINISTRATOR,A,B,a@b.example\n",
            ("login", "ada@buyer.example", "is a user of another account, buyer"),
        ),
        (
            "orders.csv",
            "number,account,created_at,currency,total\nSO000001,loner,2026-01-01,USD,1\n",
            ("account", "loner", "is not the order's account, which is buyer"),
        ),
        (
            "subscriptions.csv",
            PLATFORM["subscriptions.csv"]
            .replace("S1,buyer", "S1,loner")
            .replace("bob@buyer.example|ADA@buyer.example", ""),
            ("account", "loner", "is not the subscription's account, which is buyer"),
        ),
    ):
        (problem,) = (await refusal(store, tmp_path, {name: row})).problems
        assert (problem.column, problem.value, problem.reason[: len(expected[2])]) == expected


async def test_accounts_can_be_nested_so_deep_and_no_deeper(store: Store, tmp_path: Path) -> None:
    def chain(levels: int) -> dict[str, str]:
        rows = "".join(f"k{n},k{n - 1},RESELLER,Level {n}\n" for n in range(levels, 0, -1))
        return {"accounts.csv": f"key,vendor,type,name\n{rows}k0,,PROVIDER,Top\n"}

    refused = await refusal(store, tmp_path, chain(MAX_LEVELS + 3))
    assert [(problem.value, problem.reason[:10]) for problem in refused.problems] == [("k100", "is 100 lev")]
    await import_platform(store, tmp_path, chain(MAX_LEVELS))
    assert await query(store, "SELECT max(length(path)) FROM account") == [((MAX_LEVELS + 1) * paths.WIDTH,)]


async def test_what_can_not_be_counted_is_refused(store: Store, tmp_path: Path) -> None:
    many = changed("subscriptions.csv", "P:1,yearly,7", "P:1,yearly,999999999")
    many["prices.csv"] = PLATFORM["prices.csv"].replace("USD,100,", "USD,1000000000,")
    refused = await refusal(store, tmp_path, many)
    assert told(refused) == [("subscriptions.csv", 2, "quantity", "999999999")]

    await import_platform(store, tmp_path, changed("prices.csv", "USD,100,", "USD,1000000000,"))
    refused = await refusal(store, tmp_path, {"subscriptions.csv": many["subscriptions.csv"]})
    assert told(refused) == [("subscriptions.csv", 2, "quantity", "999999999")]
    given = "subscription,position,seller,buyer,currency,unit_amount\nS1,0,,top,USD,1000000000\n"
    few = changed("subscriptions.csv", "P:1,yearly,7", "P:1,yearly,10")["subscriptions.csv"]
    refused = await refusal(store, tmp_path, {"charges.csv": given, "subscriptions.csv": few})
    assert told(refused) == [("charges.csv", 2, "unit_amount", "")]


HEADER = b"code,name,country_code,currency\n"


@pytest.mark.parametrize(
    ("name", "content", "line", "column", "reason"),
    [
        ("marketplaces.csv", HEADER + b"us,A,US,USD\nde,B\xfccher,DE,EUR\n", 3, "", "is not UTF-8"),
        ("marketplaces.csv", HEADER + b'us,"A\nB",US,USD\nde,B\0,DE,EUR\n', 4, "", "there is a NUL character"),
        ("marketplaces.csv", HEADER.decode().encode("utf-16"), 1, "", "the file is UTF-16; save it as UTF-8"),
        ("marketplaces.csv", HEADER + b'us,"A" B,US,USD\n', 2, "", "the quoting is wrong: "),
        ("marketplaces.csv", HEADER + b'us,A,US,USD\nde,"B,DE,EUR\n', 3, "", "a quote is opened here and never closed"),
        ("marketplaces.csv", HEADER + b'us,"A' + b"x\n" * 70_000, 2, "", "a cell is longer than 131,072 characters"),
        ("marketplaces.csv", HEADER + b"us" * 600_000, 2, "", "the line is longer than 1,048,576 bytes"),
        ("marketplaces.csv", HEADER + b"us,A,US,USD,\n", 2, "", "there are 5 cells where the header has 4"),
        ("marketplaces.csv", b"code,name,currency\n", 1, "", "the header lacks country_code"),
        ("marketplaces.csv", b"", 1, "", "there is no header line"),
        (
            "marketplaces.csv",
            b"flag," + HEADER,
            1,
            "flag",
            "is no column of marketplaces.csv, whose columns are code, ",
        ),
        ("marketplaces.csv", b"code," + HEADER, 1, "code", "is there twice"),
        ("acounts.csv", HEADER, 1, "", "is neither a price sheet nor one of marketplaces.csv, "),
    ],
)
async def test_a_file_that_can_not_be_read_is_refused(
    sqlite_store: Store, tmp_path: Path, name: str, content: bytes, line: int, column: str, reason: str
) -> None:
    (problem,) = (await refusal(sqlite_store, tmp_path, {name: content})).problems

    assert (problem.file, problem.line, problem.column) == (name, line, column)
    assert problem.reason.startswith(reason)


async def test_a_directory_without_files_is_refused(sqlite_store: Store, tmp_path: Path) -> None:
    (problem,) = (await refusal(sqlite_store, tmp_path, {"readme.txt": "nothing"})).problems
    assert problem.reason == "holds no CSV file"
