"""People: the contacts of accounts, the users who can sign in, and the roles that they hold."""

# ruff: noqa: S608  # SQL is put together from names of this package only; values never stand in a text

from models.exchange import files
from models.exchange.check import Check, refuse_repeats, run_checks, unknown
from models.exchange.indexes import loading
from models.exchange.job import Job
from models.exchange.stage import Stage
from models.exchange.target import DATES, Field, Target, cells

FILES = (files.CONTACTS, files.USERS)
NO_ACCOUNT = "is no account that exists or is imported"
OWNER = (
    Field("account_id", "r.account_id", is_fixed=True),
    Field("path", "r.path", is_fixed=True),
    Field("shard_id", "r.shard_id", is_fixed=True),
)
"""The account that a row belongs to; `ready_*` has it from `account_ref`."""

_CONTACT = Target(
    "account_contact",
    "ready_contacts",
    (
        *OWNER,
        Field("position", "r.position"),
        Field("email_key", "r.email_key"),
        *cells(files.CONTACTS, "type", "first_name", "last_name", "email", "phone_number"),
    ),
    is_versioned=False,
)
_USER = Target(
    "app_user",
    "ready_users",
    (
        *OWNER,
        Field("login", "r.login", is_fixed=True),
        Field("name_key", "r.name_key"),
        Field("email_key", "r.email_key"),
        *cells(files.USERS, "kind", "first_name", "last_name", "email", "phone_number"),
        *cells(files.USERS, language="'en'", status="'ACTIVE'"),
        *DATES,
    ),
)

# Contacts have no name of their own in files: the first of an account is the first, and so on.
_CONTACTS = """
    SELECT n.*, CAST(coalesce(t.id, FRESH_ID()) AS BIGINT) AS id,
           CASE WHEN t.id IS NULL THEN 1 ELSE 0 END AS is_new, 0 AS changed
    FROM (SELECT s.*, a.id AS account_id, a.path, a.shard_id,
                 CAST(row_number() OVER (PARTITION BY a.id ORDER BY s.place) - 1 AS BIGINT) AS position
          FROM in_contacts s LEFT JOIN account_ref a ON a.key = s.account) n
    LEFT JOIN stored_contact t ON t.account_id = n.account_id AND t.position = n.position"""
_STORED_CONTACTS = """
    SELECT c.id, c.account_id,
           CAST(row_number() OVER (PARTITION BY c.account_id ORDER BY c.position, c.id) - 1 AS BIGINT) AS position
    FROM account_contact c WHERE EXISTS (
      SELECT 1 FROM in_contacts s JOIN account_ref a ON a.key = s.account WHERE a.id = c.account_id)"""
_USERS = """
    SELECT s.*, a.id AS account_id, a.path, a.shard_id, a.type AS account_type,
           CAST(coalesce(t.id, FRESH_ID()) AS BIGINT) AS id,
           CASE WHEN t.id IS NULL THEN 1 ELSE 0 END AS is_new, 0 AS changed
    FROM in_users s LEFT JOIN account_ref a ON a.key = s.account
    LEFT JOIN app_user t ON t.login = s.login AND t.account_id = a.id
    ORDER BY s.place"""
_IDENTITIES = """
    INSERT INTO identity (id, login, email, created_at)
    SELECT r.id, r.login, r.email, NOW() FROM ready_users r
    WHERE r.is_new = 1 AND NOT EXISTS (SELECT 1 FROM identity i WHERE i.login = r.login)
      AND r.id = (SELECT min(f.id) FROM ready_users f WHERE f.login = r.login)"""
_DEFAULT_ROLE = "CASE WHEN r.kind = 'SERVICE_USER' THEN 'SERVICE_USER' ELSE r.account_type || '_FULL_ACCESS' END"
_ROLES_STORED = """
    SELECT '["' || JOINED(h.role_code, '","') || '"]' FROM (
      SELECT role_code FROM user_role WHERE user_id = r.id ORDER BY role_code) h"""
_DENIED_STORED = """
    SELECT '["' || JOINED(d.privilege, '","') || '"]' FROM (
      SELECT privilege FROM user_denial WHERE user_id = r.id ORDER BY privilege) d"""

_CHECKS = (
    unknown("ready_contacts", "account", "account_id", NO_ACCOUNT),
    unknown("ready_users", "account", "account_id", NO_ACCOUNT),
    Check(
        "login",
        "is a user of another account, {}; a user can't move",
        "SELECT r.place, r.login AS value, ACCOUNT_KEY(a) AS detail FROM ready_users r"
        " JOIN account a ON a.id = (SELECT min(o.account_id) FROM app_user o WHERE o.login = r.login)"
        " WHERE r.is_new = 1 AND r.account_id IS NOT NULL",
    ),
    Check(
        "roles",
        "doesn't fit the account, which is a {}",
        "SELECT r.place, h.value AS value, r.account_type AS detail FROM ready_users r, EACH(r.roles, h)"
        " WHERE h.value IN ('PROVIDER_FULL_ACCESS', 'RESELLER_FULL_ACCESS', 'CUSTOMER_FULL_ACCESS')"
        " AND h.value <> r.account_type || '_FULL_ACCESS'",
    ),
    Check(
        "roles",
        "is a role that the database doesn't have yet; `canopy migrate` makes them",
        "SELECT r.place, h.role_code AS value, NULL AS detail FROM ready_roles h JOIN ready_users r ON r.id = h.user_id"
        " WHERE h.role_code NOT IN (SELECT code FROM role)",
    ),
)


async def resolve(job: Job) -> None:
    """Find out whose the people are and which of them exist; report what is wrong."""
    stage = job.stage
    await stage.make("stored_contact", _STORED_CONTACTS, "account_id, position")
    await stage.make("ready_contacts", _CONTACTS, "id")
    # A login in several accounts is one person with several memberships.
    await refuse_repeats(stage, job.problems, "in_users", "login", "login", "account")
    await stage.make("ready_users", _USERS, "login", "id")
    await stage.make(
        "ready_roles",
        f"SELECT r.id AS user_id, {_DEFAULT_ROLE} AS role_code FROM ready_users r"
        " WHERE r.roles IS NULL AND r.is_new = 1 AND r.account_id IS NOT NULL AND r.kind IS NOT NULL"
        " UNION ALL SELECT r.id, h.value FROM ready_users r, EACH(r.roles, h)",
        "user_id",
    )
    await run_checks(stage, job.problems, _CHECKS)


async def write(job: Job) -> None:
    """Write contacts, then users with their roles and the words of their names."""
    await _write_contacts(job)
    stage, said = job.stage, job.columns(files.USERS)
    await _USER.mark(stage, said)
    await stage.run(
        "UPDATE ready_users AS r SET changed = 1 WHERE is_new = 0 AND r.roles IS NOT NULL"
        f" AND DIFFERS(r.roles, coalesce(({_ROLES_STORED}), '[]'))"
    )
    await stage.run(
        "UPDATE ready_users AS r SET changed = 1 WHERE is_new = 0 AND r.denied IS NOT NULL"
        f" AND DIFFERS(r.denied, coalesce(({_DENIED_STORED}), '[]'))"
    )
    async with loading(job, "app_user", "user_role", "user_term"):
        await job.write(files.USERS, _USER)
        await stage.run(_IDENTITIES)
        await _write_roles(stage)
        await _write_denials(stage)
        await _write_terms(stage)


async def _write_contacts(job: Job) -> None:
    stage, said = job.stage, job.columns(files.CONTACTS)
    await _CONTACT.mark(stage, said)
    async with loading(job, "account_contact"):
        await job.write(files.CONTACTS, _CONTACT)
        job.tally(files.CONTACTS).removed = await stage.run(
            "DELETE FROM account_contact WHERE id IN (SELECT c.id FROM stored_contact c"
            " WHERE NOT EXISTS (SELECT 1 FROM ready_contacts r WHERE r.id = c.id))"
        )


async def _write_roles(stage: Stage) -> None:
    await stage.run(
        "DELETE FROM user_role WHERE user_id IN (SELECT id FROM ready_users WHERE changed = 1 AND roles IS NOT NULL)"
    )
    await stage.run(
        "INSERT INTO user_role (user_id, role_code, account_id, path, shard_id)"
        " SELECT r.id, h.role_code, r.account_id, r.path, r.shard_id FROM ready_users r"
        " JOIN ready_roles h ON h.user_id = r.id WHERE r.is_new = 1 OR (r.changed = 1 AND r.roles IS NOT NULL)"
        " ORDER BY r.id"
    )


async def _write_denials(stage: Stage) -> None:
    await stage.run(
        "DELETE FROM user_denial WHERE user_id IN (SELECT id FROM ready_users WHERE changed = 1 AND denied IS NOT NULL)"
    )
    await stage.run(
        "INSERT INTO user_denial (user_id, privilege, account_id, path, shard_id)"
        " SELECT r.id, d.value, r.account_id, r.path, r.shard_id FROM ready_users r, EACH(r.denied, d)"
        " WHERE r.is_new = 1 OR r.changed = 1 ORDER BY r.id"
    )


async def _write_terms(stage: Stage) -> None:
    await stage.run("DELETE FROM user_term WHERE user_id IN (SELECT id FROM ready_users WHERE changed = 1)")
    await stage.run(
        "INSERT INTO user_term (user_id, term, path) SELECT r.id, t.value, r.path FROM ready_users r, EACH(r.terms, t)"
        " WHERE r.is_new = 1 OR r.changed = 1"
    )
