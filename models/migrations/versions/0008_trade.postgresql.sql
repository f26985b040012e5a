ALTER TABLE plan
  ADD COLUMN refund_policy TEXT COLLATE "C" DEFAULT 'PRORATED' NOT NULL,
  ADD COLUMN cancellation_hours INTEGER DEFAULT '168' NOT NULL,
  ADD CONSTRAINT plan_refund_policy_check CHECK (refund_policy IN ('PRORATED', 'FULL', 'NONE')),
  ADD CONSTRAINT plan_cancellation_hours_not_negative_check CHECK (cancellation_hours >= 0);

GRANT UPDATE (refund_policy, cancellation_hours) ON plan TO canopy_writer;

ALTER TABLE manufacturer
  ADD COLUMN version INTEGER DEFAULT '1' NOT NULL,
  ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE;

GRANT UPDATE (version, updated_at) ON manufacturer TO canopy_writer;

ALTER TABLE marketplace
  ADD COLUMN version INTEGER DEFAULT '1' NOT NULL,
  ADD COLUMN updated_at TIMESTAMP WITH TIME ZONE;

GRANT UPDATE (version, updated_at) ON marketplace TO canopy_writer;

CREATE TABLE exchange_rate (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  id BIGSERIAL NOT NULL,
  from_currency TEXT COLLATE "C" NOT NULL,
  to_currency TEXT COLLATE "C" NOT NULL,
  rate VARCHAR NOT NULL,
  valid_from DATE NOT NULL,
  CONSTRAINT exchange_rate_pkey PRIMARY KEY (id),
  CONSTRAINT exchange_rate_two_currencies_check CHECK (from_currency <> to_currency)
);

CREATE INDEX exchange_rate_created ON exchange_rate (created_at, id);

CREATE UNIQUE INDEX exchange_rate_pair ON exchange_rate (from_currency, to_currency, valid_from);

CREATE TABLE price_sheet (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  id BIGSERIAL NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  name VARCHAR NOT NULL,
  price_count INTEGER NOT NULL,
  CONSTRAINT price_sheet_pkey PRIMARY KEY (id),
  CONSTRAINT price_sheet_kind_check CHECK (kind IN ('FILE', 'MARKUP')),
  CONSTRAINT price_sheet_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX price_sheet_path ON price_sheet (path, created_at, id);

ALTER TABLE price ADD COLUMN sheet_id BIGINT;

ALTER TABLE exchange_rate ENABLE ROW LEVEL SECURITY;

ALTER TABLE exchange_rate FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON exchange_rate FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN (SELECT current_setting('canopy.lo', true)) > '' THEN true ELSE false END);

CREATE POLICY unfiltered ON exchange_rate TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON exchange_rate TO canopy_reader, canopy_writer;

CREATE POLICY may_insert ON exchange_rate FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT INSERT ON exchange_rate TO canopy_writer;

GRANT USAGE ON SEQUENCE exchange_rate_id_seq TO canopy_writer;

CREATE POLICY may_update ON exchange_rate FOR UPDATE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END) WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT UPDATE (rate, updated_at, version) ON exchange_rate TO canopy_writer;

ALTER TABLE price_sheet ENABLE ROW LEVEL SECURITY;

ALTER TABLE price_sheet FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON price_sheet FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.prices', true), '')::bigint) = 1 AND path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.seller_span', true), '')::bigint) THEN true ELSE false END);

CREATE POLICY unfiltered ON price_sheet TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON price_sheet TO canopy_reader, canopy_writer;

CREATE POLICY may_insert ON price_sheet FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.prices', true), '')::bigint) = 1 AND price_sheet.path >= (SELECT current_setting('canopy.lo', true)) AND price_sheet.path < (SELECT current_setting('canopy.hi', true)) AND length(price_sheet.path) <= (SELECT nullif(current_setting('canopy.seller_span', true), '')::bigint) AND EXISTS (SELECT 1 FROM account o WHERE o.id = price_sheet.account_id AND o.path = price_sheet.path) THEN true ELSE false END);

GRANT INSERT ON price_sheet TO canopy_writer;

GRANT USAGE ON SEQUENCE price_sheet_id_seq TO canopy_writer;

GRANT SELECT, INSERT, UPDATE, DELETE ON exchange_rate TO canopy_system;

GRANT SELECT, INSERT, UPDATE, DELETE ON price_sheet TO canopy_system;

GRANT USAGE, SELECT, UPDATE ON SEQUENCE exchange_rate_id_seq, price_sheet_id_seq TO canopy_system;

ALTER TABLE orders
  ADD COLUMN waiting_for VARCHAR,
  ADD COLUMN submission INTEGER DEFAULT '1' NOT NULL,
  ADD COLUMN auto_renew BOOLEAN DEFAULT true NOT NULL,
  ADD COLUMN term_from DATE,
  ADD COLUMN term_until DATE,
  ADD CONSTRAINT orders_waiting_for_check CHECK (waiting_for IN ('APPROVAL', 'RENEWAL'));

GRANT UPDATE (credit_check, submission, waiting_for) ON orders TO canopy_writer;

ALTER TABLE order_line ADD COLUMN previous_quantity INTEGER;

CREATE TABLE order_number (
  id BIGSERIAL NOT NULL,
  drawn_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT order_number_pkey PRIMARY KEY (id)
);

CREATE TABLE order_charge (
  id BIGSERIAL NOT NULL,
  order_id BIGINT NOT NULL,
  line_id BIGINT NOT NULL,
  seller_id BIGINT,
  buyer_id BIGINT NOT NULL,
  price_id BIGINT,
  price_type TEXT COLLATE "C" NOT NULL,
  currency VARCHAR NOT NULL,
  unit_micros BIGINT NOT NULL,
  extended_micros BIGINT NOT NULL,
  charged_micros BIGINT NOT NULL,
  paid_from DATE,
  paid_until DATE,
  exchange_rate VARCHAR,
  CONSTRAINT order_charge_pkey PRIMARY KEY (id),
  CONSTRAINT order_charge_price_type_check CHECK (price_type IN ('SETUP', 'RECURRING', 'OVERUSE')),
  CONSTRAINT order_charge_order_id_fkey FOREIGN KEY(order_id) REFERENCES orders (id),
  CONSTRAINT order_charge_line_id_fkey FOREIGN KEY(line_id) REFERENCES order_line (id)
);

CREATE UNIQUE INDEX order_charge_line ON order_charge (line_id, buyer_id, price_type);

CREATE INDEX order_charge_order ON order_charge (order_id);

ALTER TABLE order_charge ENABLE ROW LEVEL SECURITY;

ALTER TABLE order_charge FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON order_charge FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.prices', true), '')::bigint) = 1 AND EXISTS (SELECT 1 FROM orders o WHERE o.id = order_charge.order_id) AND (buyer_id = (SELECT nullif(current_setting('canopy.account', true), '')::bigint) OR EXISTS (SELECT 1 FROM account o WHERE o.id = order_charge.seller_id)) THEN true ELSE false END);

CREATE POLICY unfiltered ON order_charge TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON order_charge TO canopy_reader, canopy_writer;

GRANT SELECT, INSERT, UPDATE, DELETE ON order_charge, order_number TO canopy_system;

GRANT USAGE, SELECT, UPDATE ON SEQUENCE order_charge_id_seq, order_number_id_seq TO canopy_system;
