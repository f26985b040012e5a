ALTER TABLE subscription ADD COLUMN ended_at TIMESTAMP WITH TIME ZONE;

GRANT UPDATE (ended_at) ON subscription TO canopy_writer;

CREATE TABLE subscription_history (
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  id BIGSERIAL NOT NULL,
  subscription_id BIGINT NOT NULL,
  item_id BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  by_order_id BIGINT,
  reason TEXT COLLATE "C" NOT NULL,
  quantity_before INTEGER NOT NULL,
  quantity_after INTEGER NOT NULL,
  CONSTRAINT subscription_history_pkey PRIMARY KEY (id),
  CONSTRAINT subscription_history_reason_check CHECK (reason IN ('PURCHASE', 'CHANGE', 'RENEWAL', 'CANCELLATION', 'EXPIRATION', 'MIGRATION')),
  CONSTRAINT subscription_history_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT subscription_history_subscription_id_fkey FOREIGN KEY(subscription_id) REFERENCES subscription (id),
  CONSTRAINT subscription_history_item_id_fkey FOREIGN KEY(item_id) REFERENCES subscription_item (id),
  CONSTRAINT subscription_history_by_order_id_fkey FOREIGN KEY(by_order_id) REFERENCES orders (id)
);

CREATE INDEX subscription_history_at ON subscription_history (at, id);

CREATE INDEX subscription_history_path ON subscription_history (path);

CREATE INDEX subscription_history_subscription ON subscription_history (subscription_id, at, id);

CREATE TABLE subscription_lot (
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  id BIGSERIAL NOT NULL,
  subscription_id BIGINT NOT NULL,
  item_id BIGINT NOT NULL,
  order_line_id BIGINT,
  quantity INTEGER NOT NULL,
  remaining INTEGER NOT NULL,
  bought_at TIMESTAMP WITH TIME ZONE NOT NULL,
  window_until TIMESTAMP WITH TIME ZONE,
  CONSTRAINT subscription_lot_pkey PRIMARY KEY (id),
  CONSTRAINT subscription_lot_remaining_check CHECK (remaining BETWEEN 0 AND quantity),
  CONSTRAINT subscription_lot_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT subscription_lot_subscription_id_fkey FOREIGN KEY(subscription_id) REFERENCES subscription (id),
  CONSTRAINT subscription_lot_item_id_fkey FOREIGN KEY(item_id) REFERENCES subscription_item (id),
  CONSTRAINT subscription_lot_order_line_id_fkey FOREIGN KEY(order_line_id) REFERENCES order_line (id)
);

CREATE INDEX subscription_lot_path ON subscription_lot (path);

CREATE INDEX subscription_lot_subscription ON subscription_lot (subscription_id, bought_at, id);

CREATE TABLE provisioned (
  key TEXT COLLATE "C" NOT NULL,
  subscription_id BIGINT NOT NULL,
  action VARCHAR NOT NULL,
  quantity INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  done_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT provisioned_pkey PRIMARY KEY (key)
);

CREATE INDEX provisioned_subscription ON provisioned (subscription_id);

GRANT SELECT, INSERT, UPDATE (path, shard_id) ON subscription_history TO canopy_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON provisioned, subscription_lot TO canopy_system;

GRANT USAGE, SELECT, UPDATE ON SEQUENCE subscription_history_id_seq, subscription_lot_id_seq TO canopy_system;

CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON subscription_history FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE subscription_history ENABLE ROW LEVEL SECURITY;

ALTER TABLE subscription_history FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON subscription_history FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR subscription_history.subscription_id = ANY ((SELECT own_services())::bigint[])) THEN true ELSE false END);

CREATE POLICY unfiltered ON subscription_history TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON subscription_history TO canopy_reader, canopy_writer;

CREATE POLICY may_insert ON subscription_history FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN subscription_history.path >= (SELECT current_setting('canopy.lo', true)) AND subscription_history.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription_history.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = subscription_history.account_id AND o.path = subscription_history.path) AND EXISTS (SELECT 1 FROM subscription o WHERE o.id = subscription_history.subscription_id AND o.path = subscription_history.path) THEN true ELSE false END);

GRANT INSERT ON subscription_history TO canopy_writer;

GRANT USAGE ON SEQUENCE subscription_history_id_seq TO canopy_writer;

ALTER TABLE subscription_lot ENABLE ROW LEVEL SECURITY;

ALTER TABLE subscription_lot FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON subscription_lot FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR subscription_lot.subscription_id = ANY ((SELECT own_services())::bigint[])) THEN true ELSE false END);

CREATE POLICY unfiltered ON subscription_lot TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON subscription_lot TO canopy_reader, canopy_writer;

CREATE POLICY may_insert ON subscription_lot FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN subscription_lot.path >= (SELECT current_setting('canopy.lo', true)) AND subscription_lot.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription_lot.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = subscription_lot.account_id AND o.path = subscription_lot.path) AND EXISTS (SELECT 1 FROM subscription o WHERE o.id = subscription_lot.subscription_id AND o.path = subscription_lot.path) THEN true ELSE false END);

GRANT INSERT ON subscription_lot TO canopy_writer;

GRANT USAGE ON SEQUENCE subscription_lot_id_seq TO canopy_writer;

CREATE POLICY may_update ON subscription_lot FOR UPDATE TO canopy_writer USING (CASE WHEN subscription_lot.path >= (SELECT current_setting('canopy.lo', true)) AND subscription_lot.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription_lot.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END) WITH CHECK (CASE WHEN subscription_lot.path >= (SELECT current_setting('canopy.lo', true)) AND subscription_lot.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription_lot.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT UPDATE (remaining) ON subscription_lot TO canopy_writer;
