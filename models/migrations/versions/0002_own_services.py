"""PostgreSQL: a service user's own services are found by a function.

As a sub-query they were planned with every statement over subscriptions, though hardly any caller is a service user.
SQLite's views, which are made with each connection, need no change.
"""

from alembic import op

revision = "0002"
down_revision = "0001"

_FUNCTION = """
CREATE FUNCTION own_services() RETURNS bigint[] LANGUAGE plpgsql STABLE PARALLEL SAFE SECURITY INVOKER AS $$
BEGIN
  RETURN ARRAY(SELECT subscription_id FROM public.seat
               WHERE user_id = nullif(current_setting('canopy.only_user', true), '')::bigint);
END $$
"""
_POLICY = """
ALTER POLICY scope ON {table} USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true))
  AND path < (SELECT current_setting('canopy.hi', true))
  AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint)
  AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0
       OR {column} = ANY ((SELECT own_services())::bigint[]))
  THEN true ELSE false END)
"""


def upgrade() -> None:
    """Make the function, and let both policies call it."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_FUNCTION)
        op.execute(_POLICY.format(table="subscription", column="subscription.id"))
        op.execute(_POLICY.format(table="subscription_item", column="subscription_item.subscription_id"))
