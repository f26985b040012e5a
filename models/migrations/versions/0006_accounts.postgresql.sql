ALTER TABLE account
  ADD COLUMN requires_approval BOOLEAN DEFAULT false NOT NULL,
  ADD COLUMN held_by VARCHAR,
  ADD COLUMN held_before VARCHAR,
  ADD COLUMN status_reason VARCHAR,
  ADD COLUMN status_since TIMESTAMP WITH TIME ZONE,
  ADD CONSTRAINT account_held_by_check CHECK (held_by IN ('PERSON', 'RULE')),
  ADD CONSTRAINT account_held_before_check CHECK (held_before IN ('PENDING', 'ACTIVE', 'CREDIT_HOLD', 'ADMIN_HOLD', 'CANCELLED', 'ERROR'));

GRANT UPDATE (held_before, held_by, requires_approval, status_reason, status_since) ON account TO canopy_writer;

CREATE TABLE account_transfer (
  id BIGSERIAL NOT NULL,
  account_id BIGINT NOT NULL,
  from_path TEXT COLLATE "C" NOT NULL,
  to_path TEXT COLLATE "C" NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT account_transfer_pkey PRIMARY KEY (id),
  CONSTRAINT account_transfer_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX account_transfer_account ON account_transfer (account_id, at);

CREATE TABLE subscription_hold (
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  subscription_id BIGINT NOT NULL,
  reason TEXT COLLATE "C" NOT NULL,
  CONSTRAINT subscription_hold_pkey PRIMARY KEY (subscription_id, reason),
  CONSTRAINT subscription_hold_reason_check CHECK (reason IN ('PERSON', 'ACCOUNT', 'UNPAID_RENEWAL')),
  CONSTRAINT subscription_hold_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT subscription_hold_subscription_id_fkey FOREIGN KEY(subscription_id) REFERENCES subscription (id)
);

CREATE INDEX subscription_hold_path ON subscription_hold (path);

GRANT SELECT, INSERT ON account_transfer TO canopy_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON subscription_hold TO canopy_system;

GRANT USAGE, SELECT, UPDATE ON SEQUENCE account_transfer_id_seq TO canopy_system;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON account_transfer FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE subscription_hold ENABLE ROW LEVEL SECURITY;

ALTER TABLE subscription_hold FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON subscription_hold FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR subscription_hold.subscription_id = ANY ((SELECT own_services())::bigint[])) THEN true ELSE false END);

CREATE POLICY unfiltered ON subscription_hold TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON subscription_hold TO canopy_reader, canopy_writer;

CREATE POLICY may_insert ON subscription_hold FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN subscription_hold.path >= (SELECT current_setting('canopy.lo', true)) AND subscription_hold.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription_hold.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = subscription_hold.account_id AND o.path = subscription_hold.path) AND EXISTS (SELECT 1 FROM subscription o WHERE o.id = subscription_hold.subscription_id AND o.path = subscription_hold.path) THEN true ELSE false END);

GRANT INSERT ON subscription_hold TO canopy_writer;

CREATE POLICY may_delete ON subscription_hold FOR DELETE TO canopy_writer USING (CASE WHEN subscription_hold.path >= (SELECT current_setting('canopy.lo', true)) AND subscription_hold.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription_hold.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT DELETE ON subscription_hold TO canopy_writer;

ALTER POLICY scope ON order_line USING (CASE WHEN (path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) OR account_id = (SELECT nullif(current_setting('canopy.account', true), '')::bigint)) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

ALTER POLICY scope ON orders USING (CASE WHEN (path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) OR account_id = (SELECT nullif(current_setting('canopy.account', true), '')::bigint)) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);
