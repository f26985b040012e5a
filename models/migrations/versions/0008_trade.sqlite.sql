ALTER TABLE plan ADD COLUMN refund_policy TEXT DEFAULT 'PRORATED' NOT NULL
  CONSTRAINT plan_refund_policy_check CHECK (refund_policy IN ('PRORATED', 'FULL', 'NONE'));

ALTER TABLE plan ADD COLUMN cancellation_hours INTEGER DEFAULT '168' NOT NULL
  CONSTRAINT plan_cancellation_hours_not_negative_check CHECK (cancellation_hours >= 0);

ALTER TABLE manufacturer ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;

ALTER TABLE manufacturer ADD COLUMN updated_at TEXT;

ALTER TABLE marketplace ADD COLUMN version INTEGER DEFAULT '1' NOT NULL;

ALTER TABLE marketplace ADD COLUMN updated_at TEXT;

CREATE TABLE exchange_rate (
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  id INTEGER NOT NULL,
  from_currency TEXT NOT NULL,
  to_currency TEXT NOT NULL,
  rate VARCHAR NOT NULL,
  valid_from TEXT NOT NULL,
  CONSTRAINT exchange_rate_pkey PRIMARY KEY (id),
  CONSTRAINT exchange_rate_two_currencies_check CHECK (from_currency <> to_currency)
);

CREATE INDEX exchange_rate_created ON exchange_rate (created_at, id);

CREATE UNIQUE INDEX exchange_rate_pair ON exchange_rate (from_currency, to_currency, valid_from);

CREATE TABLE price_sheet (
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  account_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  shard_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  name VARCHAR NOT NULL,
  price_count INTEGER NOT NULL,
  CONSTRAINT price_sheet_pkey PRIMARY KEY (id),
  CONSTRAINT price_sheet_kind_check CHECK (kind IN ('FILE', 'MARKUP')),
  CONSTRAINT price_sheet_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX price_sheet_path ON price_sheet (path, created_at, id);

ALTER TABLE price ADD COLUMN sheet_id INTEGER;

ALTER TABLE orders ADD COLUMN waiting_for VARCHAR
  CONSTRAINT orders_waiting_for_check CHECK (waiting_for IN ('APPROVAL', 'RENEWAL'));

ALTER TABLE orders ADD COLUMN submission INTEGER DEFAULT '1' NOT NULL;

ALTER TABLE orders ADD COLUMN auto_renew BOOLEAN DEFAULT 1 NOT NULL;

ALTER TABLE orders ADD COLUMN term_from TEXT;

ALTER TABLE orders ADD COLUMN term_until TEXT;

ALTER TABLE order_line ADD COLUMN previous_quantity INTEGER;

CREATE TABLE order_number (
  id INTEGER NOT NULL,
  drawn_at TEXT NOT NULL,
  CONSTRAINT order_number_pkey PRIMARY KEY (id)
);

CREATE TABLE order_charge (
  id INTEGER NOT NULL,
  order_id INTEGER NOT NULL,
  line_id INTEGER NOT NULL,
  seller_id INTEGER,
  buyer_id INTEGER NOT NULL,
  price_id INTEGER,
  price_type TEXT NOT NULL,
  currency VARCHAR NOT NULL,
  unit_micros INTEGER NOT NULL,
  extended_micros INTEGER NOT NULL,
  charged_micros INTEGER NOT NULL,
  paid_from TEXT,
  paid_until TEXT,
  exchange_rate VARCHAR,
  CONSTRAINT order_charge_pkey PRIMARY KEY (id),
  CONSTRAINT order_charge_price_type_check CHECK (price_type IN ('SETUP', 'RECURRING', 'OVERUSE')),
  CONSTRAINT order_charge_order_id_fkey FOREIGN KEY(order_id) REFERENCES orders (id),
  CONSTRAINT order_charge_line_id_fkey FOREIGN KEY(line_id) REFERENCES order_line (id)
);

CREATE UNIQUE INDEX order_charge_line ON order_charge (line_id, buyer_id, price_type);

CREATE INDEX order_charge_order ON order_charge (order_id);
