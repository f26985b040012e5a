CREATE TABLE plan_switch (
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  id INTEGER NOT NULL,
  terms_key TEXT NOT NULL,
  kind TEXT NOT NULL,
  from_plan_id INTEGER NOT NULL,
  from_period_type TEXT NOT NULL,
  from_period_duration INTEGER NOT NULL,
  from_product_id INTEGER,
  to_plan_id INTEGER NOT NULL,
  to_period_type TEXT NOT NULL,
  to_period_duration INTEGER NOT NULL,
  to_product_id INTEGER,
  billing_policy TEXT NOT NULL,
  when_effective TEXT NOT NULL,
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

ALTER TABLE orders ADD COLUMN stoppable_until TEXT;

ALTER TABLE subscription_history ADD COLUMN from_product_id INTEGER;

ALTER TABLE subscription_history ADD COLUMN from_plan_id INTEGER;

DROP TRIGGER subscription_history_unchanged;

CREATE TRIGGER subscription_history_unchanged BEFORE UPDATE OF account_id, id, subscription_id, item_id, at, by_order_id, reason, quantity_before, quantity_after, from_product_id, from_plan_id ON subscription_history BEGIN SELECT RAISE(ABORT, 'subscription_history is append-only'); END;
