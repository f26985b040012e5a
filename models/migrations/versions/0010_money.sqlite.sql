CREATE TABLE balance (
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  id INTEGER NOT NULL,
  seller_id INTEGER,
  seller_path TEXT NOT NULL,
  buyer_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  shard_id INTEGER NOT NULL,
  currency VARCHAR NOT NULL,
  owed_micros INTEGER NOT NULL,
  credit_limit_micros INTEGER,
  terms TEXT NOT NULL,
  net_days INTEGER NOT NULL,
  closes_on TEXT,
  CONSTRAINT balance_pkey PRIMARY KEY (id),
  CONSTRAINT balance_terms_check CHECK (terms IN ('NET', 'PREPAID')),
  CONSTRAINT balance_credit_limit_check CHECK (credit_limit_micros >= 0),
  CONSTRAINT balance_net_days_check CHECK (net_days BETWEEN 0 AND 365),
  CONSTRAINT balance_seller_id_fkey FOREIGN KEY(seller_id) REFERENCES account (id),
  CONSTRAINT balance_buyer_id_fkey FOREIGN KEY(buyer_id) REFERENCES account (id)
);

CREATE UNIQUE INDEX balance_edge ON balance (buyer_id, seller_path, currency);

CREATE INDEX balance_path ON balance (path);

CREATE INDEX balance_seller ON balance (seller_id, id);

CREATE INDEX balance_seller_path ON balance (seller_path, id);

CREATE TABLE invoice (
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  id INTEGER NOT NULL,
  number TEXT NOT NULL,
  balance_id INTEGER NOT NULL,
  seller_id INTEGER,
  buyer_id INTEGER NOT NULL,
  currency VARCHAR NOT NULL,
  period_from TEXT NOT NULL,
  period_to TEXT NOT NULL,
  total_micros INTEGER NOT NULL,
  paid_micros INTEGER NOT NULL,
  status TEXT NOT NULL,
  due_on TEXT NOT NULL,
  CONSTRAINT invoice_pkey PRIMARY KEY (id),
  CONSTRAINT invoice_status_check CHECK (status IN ('OPEN', 'PAID', 'CREDITED')),
  CONSTRAINT invoice_balance_id_fkey FOREIGN KEY(balance_id) REFERENCES balance (id)
);

CREATE INDEX invoice_buyer ON invoice (buyer_id, created_at, id);

CREATE UNIQUE INDEX invoice_number ON invoice (number);

CREATE UNIQUE INDEX invoice_period ON invoice (balance_id, period_to);

CREATE INDEX invoice_seller ON invoice (seller_id, created_at, id);

CREATE TABLE ledger_post (
  id INTEGER NOT NULL,
  balance_id INTEGER NOT NULL,
  seller_id INTEGER,
  buyer_id INTEGER NOT NULL,
  currency VARCHAR NOT NULL,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  "key" TEXT NOT NULL,
  position INTEGER NOT NULL,
  micros INTEGER NOT NULL,
  text VARCHAR NOT NULL,
  quantity INTEGER,
  unit_micros INTEGER,
  order_id INTEGER,
  subscription_id INTEGER,
  payment_id INTEGER,
  reverses_id INTEGER,
  CONSTRAINT ledger_post_pkey PRIMARY KEY (id),
  CONSTRAINT ledger_post_kind_check CHECK (kind IN ('CHARGE', 'RENEWAL', 'USAGE', 'REFUND', 'REVERSAL', 'PAYMENT', 'CREDIT')),
  CONSTRAINT ledger_post_balance_id_fkey FOREIGN KEY(balance_id) REFERENCES balance (id)
);

CREATE INDEX ledger_post_balance ON ledger_post (balance_id, at, id);

CREATE INDEX ledger_post_buyer ON ledger_post (buyer_id, at, id);

CREATE UNIQUE INDEX ledger_post_key ON ledger_post ("key", balance_id, position);

CREATE INDEX ledger_post_reverses ON ledger_post (reverses_id);

CREATE TABLE payment (
  version INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL,
  id INTEGER NOT NULL,
  balance_id INTEGER NOT NULL,
  seller_id INTEGER,
  buyer_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  currency VARCHAR NOT NULL,
  micros INTEGER NOT NULL,
  received_on TEXT NOT NULL,
  reference VARCHAR,
  reason VARCHAR,
  CONSTRAINT payment_pkey PRIMARY KEY (id),
  CONSTRAINT payment_kind_check CHECK (kind IN ('PAYMENT', 'CREDIT_MEMO')),
  CONSTRAINT payment_micros_check CHECK (micros > 0),
  CONSTRAINT payment_balance_id_fkey FOREIGN KEY(balance_id) REFERENCES balance (id)
);

CREATE INDEX payment_balance ON payment (balance_id, id);

CREATE INDEX payment_buyer ON payment (buyer_id, created_at, id);

CREATE TABLE invoice_item (
  id INTEGER NOT NULL,
  invoice_id INTEGER NOT NULL,
  position INTEGER NOT NULL,
  post_id INTEGER NOT NULL,
  at TEXT NOT NULL,
  kind TEXT NOT NULL,
  text VARCHAR NOT NULL,
  quantity INTEGER,
  unit_micros INTEGER,
  currency VARCHAR NOT NULL,
  micros INTEGER NOT NULL,
  CONSTRAINT invoice_item_pkey PRIMARY KEY (id),
  CONSTRAINT invoice_item_invoice_id_fkey FOREIGN KEY(invoice_id) REFERENCES invoice (id),
  CONSTRAINT invoice_item_post_id_fkey FOREIGN KEY(post_id) REFERENCES ledger_post (id)
);

CREATE UNIQUE INDEX invoice_item_invoice ON invoice_item (invoice_id, position);

CREATE UNIQUE INDEX invoice_item_post ON invoice_item (post_id);

CREATE TABLE ledger_entry (
  post_id INTEGER NOT NULL,
  side TEXT NOT NULL,
  micros INTEGER NOT NULL,
  CONSTRAINT ledger_entry_pkey PRIMARY KEY (post_id, side),
  CONSTRAINT ledger_entry_side_check CHECK (side IN ('RECEIVABLE', 'REVENUE', 'CASH', 'CREDITS')),
  CONSTRAINT ledger_entry_post_id_fkey FOREIGN KEY(post_id) REFERENCES ledger_post (id)
);

CREATE TRIGGER ledger_entry_unchanged BEFORE UPDATE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;

CREATE TRIGGER ledger_entry_undeleted BEFORE DELETE ON ledger_entry BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;

CREATE TRIGGER ledger_entry_unreplaced BEFORE INSERT ON ledger_entry WHEN EXISTS (SELECT 1 FROM ledger_entry WHERE post_id = NEW.post_id AND side = NEW.side) BEGIN SELECT RAISE(ABORT, 'ledger_entry is append-only'); END;

CREATE TRIGGER ledger_post_unchanged BEFORE UPDATE ON ledger_post BEGIN SELECT RAISE(ABORT, 'ledger_post is append-only'); END;

CREATE TRIGGER ledger_post_undeleted BEFORE DELETE ON ledger_post BEGIN SELECT RAISE(ABORT, 'ledger_post is append-only'); END;

CREATE TRIGGER ledger_post_unreplaced BEFORE INSERT ON ledger_post WHEN EXISTS (SELECT 1 FROM ledger_post WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'ledger_post is append-only'); END;

INSERT INTO balance (seller_id, seller_path, buyer_id, path, shard_id, currency, owed_micros, terms, net_days, version, created_at, updated_at)
SELECT b.parent_id, COALESCE(s.path, ''), b.id, b.path, b.shard_id, COALESCE(s.currency, p.currency, 'USD'), 0, 'NET', 30, 1, b.created_at, b.created_at
FROM account b LEFT JOIN account s ON s.id = b.parent_id JOIN account p ON p.type = 'PROVIDER' ORDER BY b.path;
