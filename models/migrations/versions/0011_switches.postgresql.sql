CREATE TABLE plan_switch (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  id BIGSERIAL NOT NULL,
  terms_key TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  from_plan_id BIGINT NOT NULL,
  from_period_type TEXT COLLATE "C" NOT NULL,
  from_period_duration INTEGER NOT NULL,
  from_product_id BIGINT,
  to_plan_id BIGINT NOT NULL,
  to_period_type TEXT COLLATE "C" NOT NULL,
  to_period_duration INTEGER NOT NULL,
  to_product_id BIGINT,
  billing_policy TEXT COLLATE "C" NOT NULL,
  when_effective TEXT COLLATE "C" NOT NULL,
  is_active BOOLEAN NOT NULL,
  CONSTRAINT plan_switch_pkey PRIMARY KEY (id),
  CONSTRAINT plan_switch_kind_check CHECK (kind IN ('UPGRADE', 'DOWNGRADE', 'MIGRATION')),
  CONSTRAINT plan_switch_from_period_type_check CHECK (from_period_type IN ('DAY', 'MONTH', 'YEAR', 'STATEMENT_DAY', 'UNKNOWN')),
  CONSTRAINT plan_switch_to_period_type_check CHECK (to_period_type IN ('DAY', 'MONTH', 'YEAR', 'STATEMENT_DAY', 'UNKNOWN')),
  CONSTRAINT plan_switch_billing_policy_check CHECK (billing_policy IN ('PERIOD_CHANGE', 'PRORATE_STARTING_NEW_SUBSCRIPTION_PERIOD', 'PRORATE_KEEPING_EXP_DATE', 'PRORATE_REFUND', 'NO_REFUND', 'NO_REFUND_WITH_FULL_REFUND_PERIOD', 'PRORATE_REFUND_WITH_FULL_REFUND_PERIOD')),
  CONSTRAINT plan_switch_when_effective_check CHECK (when_effective IN ('IMMEDIATELY', 'NEXT_SUBSCRIPTION_PERIOD')),
  CONSTRAINT plan_switch_both_products_or_none_check CHECK ((from_product_id IS NULL) = (to_product_id IS NULL)),
  CONSTRAINT plan_switch_from_plan_id_fkey FOREIGN KEY(from_plan_id) REFERENCES plan (id),
  CONSTRAINT plan_switch_from_product_id_fkey FOREIGN KEY(from_product_id) REFERENCES product (id),
  CONSTRAINT plan_switch_to_plan_id_fkey FOREIGN KEY(to_plan_id) REFERENCES plan (id),
  CONSTRAINT plan_switch_to_product_id_fkey FOREIGN KEY(to_product_id) REFERENCES product (id)
);

CREATE INDEX plan_switch_created ON plan_switch (created_at, id);

CREATE INDEX plan_switch_from ON plan_switch (from_plan_id, id);

CREATE UNIQUE INDEX plan_switch_terms ON plan_switch (terms_key);

ALTER TABLE plan_switch ENABLE ROW LEVEL SECURITY;

ALTER TABLE plan_switch FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON plan_switch FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN NOT EXISTS (SELECT 1 FROM (SELECT plan_switch.from_plan_id AS id UNION ALL SELECT plan_switch.to_plan_id) side WHERE side.id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM plan o WHERE o.id = side.id)) AND NOT EXISTS (SELECT 1 FROM (SELECT plan_switch.from_product_id AS id UNION ALL SELECT plan_switch.to_product_id) side WHERE side.id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM product o WHERE o.id = side.id)) THEN true ELSE false END);

CREATE POLICY unfiltered ON plan_switch TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON plan_switch TO canopy_reader, canopy_writer;

CREATE POLICY may_insert ON plan_switch FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT INSERT ON plan_switch TO canopy_writer;

GRANT USAGE ON SEQUENCE plan_switch_id_seq TO canopy_writer;

CREATE POLICY may_update ON plan_switch FOR UPDATE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END) WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 THEN true ELSE false END);

GRANT UPDATE (billing_policy, is_active, kind, updated_at, version, when_effective) ON plan_switch TO canopy_writer;

GRANT SELECT, INSERT, UPDATE, DELETE ON plan_switch TO canopy_system;

GRANT USAGE, SELECT, UPDATE ON SEQUENCE plan_switch_id_seq TO canopy_system;

ALTER TABLE orders ADD COLUMN stoppable_until TIMESTAMP WITH TIME ZONE;

GRANT UPDATE (stoppable_until) ON orders TO canopy_writer;

ALTER TABLE subscription_history
  ADD COLUMN from_product_id BIGINT,
  ADD COLUMN from_plan_id BIGINT;
