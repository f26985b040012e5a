DO $$ BEGIN
  IF to_regrole('canopy_writer') IS NULL THEN
    CREATE ROLE canopy_writer NOLOGIN NOSUPERUSER NOBYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL;
END $$;

DO $$ BEGIN
  GRANT canopy_writer TO CURRENT_USER;
EXCEPTION WHEN insufficient_privilege THEN
  IF NOT pg_has_role('canopy_writer', 'MEMBER') THEN
    RAISE;
  END IF;
END $$;

GRANT USAGE ON SCHEMA public TO canopy_writer;

CREATE TABLE audit (
  id BIGSERIAL NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  operation TEXT COLLATE "C" NOT NULL,
  actor_user_id BIGINT,
  actor_client_id BIGINT,
  actor_path TEXT COLLATE "C" NOT NULL,
  actor_name VARCHAR NOT NULL,
  acting_path TEXT COLLATE "C",
  noun TEXT COLLATE "C" NOT NULL,
  object_id BIGINT NOT NULL,
  before VARCHAR NOT NULL,
  after VARCHAR NOT NULL,
  request_id VARCHAR,
  CONSTRAINT audit_pkey PRIMARY KEY (id)
);

CREATE INDEX audit_actor ON audit (actor_user_id, at);

CREATE INDEX audit_at ON audit (at, id);

CREATE INDEX audit_object ON audit (object_id, noun, at);

CREATE INDEX audit_path ON audit (path, at, id);

CREATE TABLE clock (
  id INTEGER NOT NULL,
  ahead_seconds INTEGER NOT NULL,
  CONSTRAINT clock_pkey PRIMARY KEY (id),
  CONSTRAINT clock_only_one_check CHECK (id = 1),
  CONSTRAINT clock_ahead_check CHECK (ahead_seconds >= 0)
);

CREATE TABLE idempotency (
  account_id BIGINT NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  operation TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  input_hash TEXT COLLATE "C" NOT NULL,
  outcome VARCHAR,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT idempotency_pkey PRIMARY KEY (account_id, subject, operation, key)
);

CREATE INDEX idempotency_created ON idempotency (created_at);

CREATE TABLE job (
  id BIGSERIAL NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  subject_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  run_at TIMESTAMP WITH TIME ZONE NOT NULL,
  attempts INTEGER NOT NULL,
  claimed_by VARCHAR,
  claimed_until TIMESTAMP WITH TIME ZONE,
  last_error VARCHAR,
  done_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT job_pkey PRIMARY KEY (id)
);

CREATE INDEX job_due ON job (run_at, id) WHERE done_at IS NULL;

CREATE UNIQUE INDEX job_key ON job (kind, key);

CREATE TABLE outbox (
  id BIGSERIAL NOT NULL,
  transaction_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  former_path TEXT COLLATE "C",
  topic TEXT COLLATE "C" NOT NULL,
  object_id BIGINT NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT outbox_pkey PRIMARY KEY (id),
  CONSTRAINT outbox_topic_check CHECK (topic IN ('ACCOUNT', 'ORDER', 'SUBSCRIPTION')),
  CONSTRAINT outbox_kind_check CHECK (kind IN ('CREATED', 'CHANGED', 'MOVED'))
);

CREATE INDEX outbox_at ON outbox (at);

CREATE INDEX outbox_order ON outbox (transaction_id, id);

INSERT INTO clock (id, ahead_seconds) VALUES (1, 0);

GRANT SELECT, INSERT ON audit TO canopy_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON clock, idempotency, job, outbox TO canopy_system;

GRANT USAGE, SELECT, UPDATE ON SEQUENCE audit_id_seq, job_id_seq, outbox_id_seq TO canopy_system;

CREATE FUNCTION append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME;
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER POLICY scope ON account TO canopy_reader, canopy_writer;

GRANT SELECT ON account TO canopy_writer;

CREATE POLICY may_insert ON account FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN account.path >= (SELECT current_setting('canopy.lo', true)) AND account.path < (SELECT current_setting('canopy.hi', true)) AND length(account.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM vendor_card o WHERE o.account_id = account.parent_id AND o.path = substr(account.path, 1, length(account.path) - 6)) THEN true ELSE false END);

GRANT INSERT ON account TO canopy_writer;

GRANT USAGE ON SEQUENCE account_id_seq TO canopy_writer;

CREATE POLICY may_update ON account FOR UPDATE TO canopy_writer USING (CASE WHEN account.path >= (SELECT current_setting('canopy.lo', true)) AND account.path < (SELECT current_setting('canopy.hi', true)) AND length(account.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END) WITH CHECK (CASE WHEN account.path >= (SELECT current_setting('canopy.lo', true)) AND account.path < (SELECT current_setting('canopy.hi', true)) AND length(account.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT UPDATE (address_extension, attributes, city, country_code, customer_class, external_id, language, name, name_key, postal_code, state, status, street_address, tax_registration_id, taxation_provider_name, updated_at, version) ON account TO canopy_writer;

ALTER POLICY scope ON account_contact TO canopy_reader, canopy_writer;

GRANT SELECT ON account_contact TO canopy_writer;

CREATE POLICY may_insert ON account_contact FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN account_contact.path >= (SELECT current_setting('canopy.lo', true)) AND account_contact.path < (SELECT current_setting('canopy.hi', true)) AND length(account_contact.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = account_contact.account_id AND o.path = account_contact.path) THEN true ELSE false END);

GRANT INSERT ON account_contact TO canopy_writer;

GRANT USAGE ON SEQUENCE account_contact_id_seq TO canopy_writer;

CREATE POLICY may_update ON account_contact FOR UPDATE TO canopy_writer USING (CASE WHEN account_contact.path >= (SELECT current_setting('canopy.lo', true)) AND account_contact.path < (SELECT current_setting('canopy.hi', true)) AND length(account_contact.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END) WITH CHECK (CASE WHEN account_contact.path >= (SELECT current_setting('canopy.lo', true)) AND account_contact.path < (SELECT current_setting('canopy.hi', true)) AND length(account_contact.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT UPDATE (email, email_key, first_name, last_name, phone_number, position, type) ON account_contact TO canopy_writer;

CREATE POLICY may_delete ON account_contact FOR DELETE TO canopy_writer USING (CASE WHEN account_contact.path >= (SELECT current_setting('canopy.lo', true)) AND account_contact.path < (SELECT current_setting('canopy.hi', true)) AND length(account_contact.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT DELETE ON account_contact TO canopy_writer;

ALTER POLICY scope ON account_term TO canopy_reader, canopy_writer;

GRANT SELECT ON account_term TO canopy_writer;

CREATE POLICY may_insert ON account_term FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN account_term.path >= (SELECT current_setting('canopy.lo', true)) AND account_term.path < (SELECT current_setting('canopy.hi', true)) AND length(account_term.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT INSERT ON account_term TO canopy_writer;

CREATE POLICY may_delete ON account_term FOR DELETE TO canopy_writer USING (CASE WHEN account_term.path >= (SELECT current_setting('canopy.lo', true)) AND account_term.path < (SELECT current_setting('canopy.hi', true)) AND length(account_term.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT DELETE ON account_term TO canopy_writer;

ALTER POLICY scope ON api_client TO canopy_reader, canopy_writer;

GRANT SELECT ON api_client TO canopy_writer;

ALTER POLICY scope ON app_user TO canopy_reader, canopy_writer;

GRANT SELECT ON app_user TO canopy_writer;

CREATE POLICY may_insert ON app_user FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN app_user.path >= (SELECT current_setting('canopy.lo', true)) AND app_user.path < (SELECT current_setting('canopy.hi', true)) AND length(app_user.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = app_user.account_id AND o.path = app_user.path) THEN true ELSE false END);

GRANT INSERT ON app_user TO canopy_writer;

GRANT USAGE ON SEQUENCE app_user_id_seq TO canopy_writer;

CREATE POLICY may_update ON app_user FOR UPDATE TO canopy_writer USING (CASE WHEN app_user.path >= (SELECT current_setting('canopy.lo', true)) AND app_user.path < (SELECT current_setting('canopy.hi', true)) AND length(app_user.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR app_user.id = (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint)) THEN true ELSE false END) WITH CHECK (CASE WHEN app_user.path >= (SELECT current_setting('canopy.lo', true)) AND app_user.path < (SELECT current_setting('canopy.hi', true)) AND length(app_user.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR app_user.id = (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint)) THEN true ELSE false END);

GRANT UPDATE (email, email_key, first_name, kind, language, last_name, login, name_key, phone_number, status, updated_at, version) ON app_user TO canopy_writer;

ALTER TABLE audit ENABLE ROW LEVEL SECURITY;

ALTER TABLE audit FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON audit FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.changes', true), '')::bigint) = 1 THEN true ELSE false END);

CREATE POLICY unfiltered ON audit TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON audit TO canopy_reader, canopy_writer;

ALTER POLICY scope ON manufacturer TO canopy_reader, canopy_writer;

GRANT SELECT ON manufacturer TO canopy_writer;

CREATE POLICY may_insert ON manufacturer FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT INSERT ON manufacturer TO canopy_writer;

GRANT USAGE ON SEQUENCE manufacturer_id_seq TO canopy_writer;

CREATE POLICY may_update ON manufacturer FOR UPDATE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END) WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT UPDATE (code, name) ON manufacturer TO canopy_writer;

ALTER POLICY scope ON marketplace TO canopy_reader, canopy_writer;

GRANT SELECT ON marketplace TO canopy_writer;

CREATE POLICY may_insert ON marketplace FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT INSERT ON marketplace TO canopy_writer;

GRANT USAGE ON SEQUENCE marketplace_id_seq TO canopy_writer;

CREATE POLICY may_update ON marketplace FOR UPDATE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END) WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT UPDATE (code, country_code, currency, name, name_key) ON marketplace TO canopy_writer;

ALTER POLICY scope ON order_line TO canopy_reader, canopy_writer;

GRANT SELECT ON order_line TO canopy_writer;

CREATE POLICY may_insert ON order_line FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN order_line.path >= (SELECT current_setting('canopy.lo', true)) AND order_line.path < (SELECT current_setting('canopy.hi', true)) AND length(order_line.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = order_line.account_id AND o.path = order_line.path) AND EXISTS (SELECT 1 FROM orders o WHERE o.id = order_line.order_id AND o.path = order_line.path) THEN true ELSE false END);

GRANT INSERT ON order_line TO canopy_writer;

GRANT USAGE ON SEQUENCE order_line_id_seq TO canopy_writer;

CREATE POLICY may_update ON order_line FOR UPDATE TO canopy_writer USING (CASE WHEN order_line.path >= (SELECT current_setting('canopy.lo', true)) AND order_line.path < (SELECT current_setting('canopy.hi', true)) AND length(order_line.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END) WITH CHECK (CASE WHEN order_line.path >= (SELECT current_setting('canopy.lo', true)) AND order_line.path < (SELECT current_setting('canopy.hi', true)) AND length(order_line.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT UPDATE (effective_on, resulting_quantity) ON order_line TO canopy_writer;

ALTER POLICY scope ON orders TO canopy_reader, canopy_writer;

GRANT SELECT ON orders TO canopy_writer;

CREATE POLICY may_insert ON orders FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN orders.path >= (SELECT current_setting('canopy.lo', true)) AND orders.path < (SELECT current_setting('canopy.hi', true)) AND length(orders.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = orders.account_id AND o.path = orders.path) THEN true ELSE false END);

GRANT INSERT ON orders TO canopy_writer;

GRANT USAGE ON SEQUENCE orders_id_seq TO canopy_writer;

CREATE POLICY may_update ON orders FOR UPDATE TO canopy_writer USING (CASE WHEN orders.path >= (SELECT current_setting('canopy.lo', true)) AND orders.path < (SELECT current_setting('canopy.hi', true)) AND length(orders.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END) WITH CHECK (CASE WHEN orders.path >= (SELECT current_setting('canopy.lo', true)) AND orders.path < (SELECT current_setting('canopy.hi', true)) AND length(orders.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT UPDATE (attributes, error_message, po_number, provisioned_at, status, status_code, subscription_id, updated_at, version) ON orders TO canopy_writer;

ALTER POLICY scope ON plan TO canopy_reader, canopy_writer;

GRANT SELECT ON plan TO canopy_writer;

CREATE POLICY may_insert ON plan FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT INSERT ON plan TO canopy_writer;

GRANT USAGE ON SEQUENCE plan_id_seq TO canopy_writer;

CREATE POLICY may_update ON plan FOR UPDATE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END) WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT UPDATE (billing_model, billing_period_duration, billing_period_type, code, is_published, long_description, name, name_key, short_description, updated_at, version) ON plan TO canopy_writer;

ALTER POLICY scope ON plan_period TO canopy_reader, canopy_writer;

GRANT SELECT ON plan_period TO canopy_writer;

CREATE POLICY may_insert ON plan_period FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT INSERT ON plan_period TO canopy_writer;

CREATE POLICY may_update ON plan_period FOR UPDATE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END) WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT UPDATE (is_active, is_trial) ON plan_period TO canopy_writer;

ALTER POLICY scope ON price TO canopy_reader, canopy_writer;

GRANT SELECT ON price TO canopy_writer;

CREATE POLICY may_insert ON price FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.prices', true), '')::bigint) = 1 AND (price.seller_path >= (SELECT current_setting('canopy.lo', true)) AND price.seller_path < (SELECT current_setting('canopy.hi', true)) AND length(price.seller_path) <= (SELECT nullif(current_setting('canopy.seller_span', true), '')::bigint) AND EXISTS (SELECT 1 FROM account o WHERE o.id = price.seller_id AND o.path = price.seller_path) AND (price.buyer_id IS NULL OR EXISTS (SELECT 1 FROM account o WHERE o.id = price.buyer_id AND o.parent_id = price.seller_id)) OR price.seller_id IS NULL AND (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1) THEN true ELSE false END);

GRANT INSERT ON price TO canopy_writer;

GRANT USAGE ON SEQUENCE price_id_seq TO canopy_writer;

CREATE POLICY may_update ON price FOR UPDATE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.prices', true), '')::bigint) = 1 AND (price.seller_path >= (SELECT current_setting('canopy.lo', true)) AND price.seller_path < (SELECT current_setting('canopy.hi', true)) AND length(price.seller_path) <= (SELECT nullif(current_setting('canopy.seller_span', true), '')::bigint) OR price.seller_id IS NULL AND (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1) THEN true ELSE false END) WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.prices', true), '')::bigint) = 1 AND (price.seller_path >= (SELECT current_setting('canopy.lo', true)) AND price.seller_path < (SELECT current_setting('canopy.hi', true)) AND length(price.seller_path) <= (SELECT nullif(current_setting('canopy.seller_span', true), '')::bigint) OR price.seller_id IS NULL AND (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1) THEN true ELSE false END);

GRANT UPDATE (updated_at, valid_until, version) ON price TO canopy_writer;

ALTER POLICY scope ON product TO canopy_reader, canopy_writer;

GRANT SELECT ON product TO canopy_writer;

CREATE POLICY may_insert ON product FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT INSERT ON product TO canopy_writer;

GRANT USAGE ON SEQUENCE product_id_seq TO canopy_writer;

CREATE POLICY may_update ON product FOR UPDATE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END) WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT UPDATE (coterming_requirement, coterming_type, description, manufacturer_id, maximum_quantity, minimum_quantity, mpn, name, name_key, segment, service_name, status, unit, updated_at, version) ON product TO canopy_writer;

ALTER POLICY scope ON product_dependency TO canopy_reader, canopy_writer;

GRANT SELECT ON product_dependency TO canopy_writer;

CREATE POLICY may_insert ON product_dependency FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT INSERT ON product_dependency TO canopy_writer;

CREATE POLICY may_delete ON product_dependency FOR DELETE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT DELETE ON product_dependency TO canopy_writer;

ALTER POLICY scope ON product_term TO canopy_reader, canopy_writer;

GRANT SELECT ON product_term TO canopy_writer;

CREATE POLICY may_insert ON product_term FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT INSERT ON product_term TO canopy_writer;

CREATE POLICY may_delete ON product_term FOR DELETE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT DELETE ON product_term TO canopy_writer;

ALTER POLICY scope ON role TO canopy_reader, canopy_writer;

GRANT SELECT ON role TO canopy_writer;

ALTER POLICY scope ON seat TO canopy_reader, canopy_writer;

GRANT SELECT ON seat TO canopy_writer;

CREATE POLICY may_insert ON seat FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN seat.path >= (SELECT current_setting('canopy.lo', true)) AND seat.path < (SELECT current_setting('canopy.hi', true)) AND length(seat.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = seat.account_id AND o.path = seat.path) AND EXISTS (SELECT 1 FROM subscription o WHERE o.id = seat.subscription_id AND o.path = seat.path) AND EXISTS (SELECT 1 FROM app_user o WHERE o.id = seat.user_id AND o.path = seat.path) THEN true ELSE false END);

GRANT INSERT ON seat TO canopy_writer;

CREATE POLICY may_delete ON seat FOR DELETE TO canopy_writer USING (CASE WHEN seat.path >= (SELECT current_setting('canopy.lo', true)) AND seat.path < (SELECT current_setting('canopy.hi', true)) AND length(seat.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT DELETE ON seat TO canopy_writer;

ALTER POLICY scope ON subscription TO canopy_reader, canopy_writer;

GRANT SELECT ON subscription TO canopy_writer;

CREATE POLICY may_insert ON subscription FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN subscription.path >= (SELECT current_setting('canopy.lo', true)) AND subscription.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = subscription.account_id AND o.path = subscription.path) THEN true ELSE false END);

GRANT INSERT ON subscription TO canopy_writer;

GRANT USAGE ON SEQUENCE subscription_id_seq TO canopy_writer;

CREATE POLICY may_update ON subscription FOR UPDATE TO canopy_writer USING (CASE WHEN subscription.path >= (SELECT current_setting('canopy.lo', true)) AND subscription.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END) WITH CHECK (CASE WHEN subscription.path >= (SELECT current_setting('canopy.lo', true)) AND subscription.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT UPDATE (attributes, auto_renew, billing_model, billing_period_duration, billing_period_type, expiration_date, name, name_key, period_duration, period_type, plan_id, product_id, quantity, renewal_date, renewal_key, start_date, status, updated_at, vendor_subscription_id, version) ON subscription TO canopy_writer;

ALTER POLICY scope ON subscription_charge TO canopy_reader, canopy_writer;

GRANT SELECT ON subscription_charge TO canopy_writer;

ALTER POLICY scope ON subscription_item TO canopy_reader, canopy_writer;

GRANT SELECT ON subscription_item TO canopy_writer;

CREATE POLICY may_insert ON subscription_item FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN subscription_item.path >= (SELECT current_setting('canopy.lo', true)) AND subscription_item.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription_item.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = subscription_item.account_id AND o.path = subscription_item.path) AND EXISTS (SELECT 1 FROM subscription o WHERE o.id = subscription_item.subscription_id AND o.path = subscription_item.path) THEN true ELSE false END);

GRANT INSERT ON subscription_item TO canopy_writer;

GRANT USAGE ON SEQUENCE subscription_item_id_seq TO canopy_writer;

CREATE POLICY may_update ON subscription_item FOR UPDATE TO canopy_writer USING (CASE WHEN subscription_item.path >= (SELECT current_setting('canopy.lo', true)) AND subscription_item.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription_item.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END) WITH CHECK (CASE WHEN subscription_item.path >= (SELECT current_setting('canopy.lo', true)) AND subscription_item.path < (SELECT current_setting('canopy.hi', true)) AND length(subscription_item.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT UPDATE (position, product_id, quantity, vendor_subscription_id) ON subscription_item TO canopy_writer;

ALTER POLICY scope ON user_role TO canopy_reader, canopy_writer;

GRANT SELECT ON user_role TO canopy_writer;

CREATE POLICY may_insert ON user_role FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN user_role.path >= (SELECT current_setting('canopy.lo', true)) AND user_role.path < (SELECT current_setting('canopy.hi', true)) AND length(user_role.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = user_role.account_id AND o.path = user_role.path) AND EXISTS (SELECT 1 FROM app_user o WHERE o.id = user_role.user_id AND o.path = user_role.path) THEN true ELSE false END);

GRANT INSERT ON user_role TO canopy_writer;

CREATE POLICY may_delete ON user_role FOR DELETE TO canopy_writer USING (CASE WHEN user_role.path >= (SELECT current_setting('canopy.lo', true)) AND user_role.path < (SELECT current_setting('canopy.hi', true)) AND length(user_role.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT DELETE ON user_role TO canopy_writer;

ALTER POLICY scope ON user_term TO canopy_reader, canopy_writer;

GRANT SELECT ON user_term TO canopy_writer;

CREATE POLICY may_insert ON user_term FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN user_term.path >= (SELECT current_setting('canopy.lo', true)) AND user_term.path < (SELECT current_setting('canopy.hi', true)) AND length(user_term.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM app_user o WHERE o.id = user_term.user_id AND o.path = user_term.path) THEN true ELSE false END);

GRANT INSERT ON user_term TO canopy_writer;

CREATE POLICY may_delete ON user_term FOR DELETE TO canopy_writer USING (CASE WHEN user_term.path >= (SELECT current_setting('canopy.lo', true)) AND user_term.path < (SELECT current_setting('canopy.hi', true)) AND length(user_term.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT DELETE ON user_term TO canopy_writer;

ALTER POLICY scope ON vendor_card TO canopy_reader, canopy_writer;

GRANT SELECT ON vendor_card TO canopy_writer;

CREATE POLICY may_insert ON vendor_card FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN vendor_card.path >= (SELECT current_setting('canopy.lo', true)) AND vendor_card.path < (SELECT current_setting('canopy.hi', true)) AND length(vendor_card.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = vendor_card.account_id AND o.path = vendor_card.path) THEN true ELSE false END);

GRANT INSERT ON vendor_card TO canopy_writer;

CREATE POLICY may_update ON vendor_card FOR UPDATE TO canopy_writer USING (CASE WHEN vendor_card.path >= (SELECT current_setting('canopy.lo', true)) AND vendor_card.path < (SELECT current_setting('canopy.hi', true)) AND length(vendor_card.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END) WITH CHECK (CASE WHEN vendor_card.path >= (SELECT current_setting('canopy.lo', true)) AND vendor_card.path < (SELECT current_setting('canopy.hi', true)) AND length(vendor_card.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT UPDATE (brand_color, logo_url, name, support_email, support_phone, support_url) ON vendor_card TO canopy_writer;
