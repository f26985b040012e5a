CREATE TABLE balance (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  id BIGSERIAL NOT NULL,
  seller_id BIGINT,
  seller_path TEXT COLLATE "C" NOT NULL,
  buyer_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  currency VARCHAR NOT NULL,
  owed_micros BIGINT NOT NULL,
  credit_limit_micros BIGINT,
  terms TEXT COLLATE "C" NOT NULL,
  net_days INTEGER NOT NULL,
  closes_on DATE,
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
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  id BIGSERIAL NOT NULL,
  number TEXT COLLATE "C" NOT NULL,
  balance_id BIGINT NOT NULL,
  seller_id BIGINT,
  buyer_id BIGINT NOT NULL,
  currency VARCHAR NOT NULL,
  period_from DATE NOT NULL,
  period_to DATE NOT NULL,
  total_micros BIGINT NOT NULL,
  paid_micros BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  due_on DATE NOT NULL,
  CONSTRAINT invoice_pkey PRIMARY KEY (id),
  CONSTRAINT invoice_status_check CHECK (status IN ('OPEN', 'PAID', 'CREDITED')),
  CONSTRAINT invoice_balance_id_fkey FOREIGN KEY(balance_id) REFERENCES balance (id)
);

CREATE INDEX invoice_buyer ON invoice (buyer_id, created_at, id);

CREATE UNIQUE INDEX invoice_number ON invoice (number);

CREATE UNIQUE INDEX invoice_period ON invoice (balance_id, period_to);

CREATE INDEX invoice_seller ON invoice (seller_id, created_at, id);

CREATE TABLE ledger_post (
  id BIGSERIAL NOT NULL,
  balance_id BIGINT NOT NULL,
  seller_id BIGINT,
  buyer_id BIGINT NOT NULL,
  currency VARCHAR NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  position INTEGER NOT NULL,
  micros BIGINT NOT NULL,
  text VARCHAR NOT NULL,
  quantity INTEGER,
  unit_micros BIGINT,
  order_id BIGINT,
  subscription_id BIGINT,
  payment_id BIGINT,
  reverses_id BIGINT,
  CONSTRAINT ledger_post_pkey PRIMARY KEY (id),
  CONSTRAINT ledger_post_kind_check CHECK (kind IN ('CHARGE', 'RENEWAL', 'USAGE', 'REFUND', 'REVERSAL', 'PAYMENT', 'CREDIT')),
  CONSTRAINT ledger_post_balance_id_fkey FOREIGN KEY(balance_id) REFERENCES balance (id)
);

CREATE INDEX ledger_post_balance ON ledger_post (balance_id, at, id);

CREATE INDEX ledger_post_buyer ON ledger_post (buyer_id, at, id);

CREATE UNIQUE INDEX ledger_post_key ON ledger_post (key, balance_id, position);

CREATE INDEX ledger_post_reverses ON ledger_post (reverses_id);

CREATE TABLE payment (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  id BIGSERIAL NOT NULL,
  balance_id BIGINT NOT NULL,
  seller_id BIGINT,
  buyer_id BIGINT NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  currency VARCHAR NOT NULL,
  micros BIGINT NOT NULL,
  received_on DATE NOT NULL,
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
  id BIGSERIAL NOT NULL,
  invoice_id BIGINT NOT NULL,
  position INTEGER NOT NULL,
  post_id BIGINT NOT NULL,
  at TIMESTAMP WITH TIME ZONE NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  text VARCHAR NOT NULL,
  quantity INTEGER,
  unit_micros BIGINT,
  currency VARCHAR NOT NULL,
  micros BIGINT NOT NULL,
  CONSTRAINT invoice_item_pkey PRIMARY KEY (id),
  CONSTRAINT invoice_item_invoice_id_fkey FOREIGN KEY(invoice_id) REFERENCES invoice (id),
  CONSTRAINT invoice_item_post_id_fkey FOREIGN KEY(post_id) REFERENCES ledger_post (id)
);

CREATE UNIQUE INDEX invoice_item_invoice ON invoice_item (invoice_id, position);

CREATE UNIQUE INDEX invoice_item_post ON invoice_item (post_id);

CREATE TABLE ledger_entry (
  post_id BIGINT NOT NULL,
  side TEXT COLLATE "C" NOT NULL,
  micros BIGINT NOT NULL,
  CONSTRAINT ledger_entry_pkey PRIMARY KEY (post_id, side),
  CONSTRAINT ledger_entry_side_check CHECK (side IN ('RECEIVABLE', 'REVENUE', 'CASH', 'CREDITS')),
  CONSTRAINT ledger_entry_post_id_fkey FOREIGN KEY(post_id) REFERENCES ledger_post (id)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON balance, invoice, invoice_item, payment TO canopy_system;

GRANT SELECT, INSERT ON ledger_entry, ledger_post TO canopy_system;

GRANT USAGE, SELECT, UPDATE ON SEQUENCE balance_id_seq, invoice_id_seq, invoice_item_id_seq, ledger_post_id_seq, payment_id_seq TO canopy_system;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION append_only();

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_post FOR EACH STATEMENT EXECUTE FUNCTION append_only();

ALTER TABLE balance ENABLE ROW LEVEL SECURITY;

ALTER TABLE balance FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON balance FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.finances', true), '')::bigint) = 1 AND (seller_path >= (SELECT current_setting('canopy.lo', true)) AND seller_path < (SELECT current_setting('canopy.hi', true)) AND length(seller_path) <= (SELECT nullif(current_setting('canopy.seller_span', true), '')::bigint) OR buyer_id = (SELECT nullif(current_setting('canopy.account', true), '')::bigint)) THEN true ELSE false END);

CREATE POLICY unfiltered ON balance TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON balance TO canopy_reader, canopy_writer;

CREATE POLICY may_update ON balance FOR UPDATE TO canopy_writer USING (CASE WHEN (SELECT nullif(current_setting('canopy.finances', true), '')::bigint) = 1 AND balance.seller_path >= (SELECT current_setting('canopy.lo', true)) AND balance.seller_path < (SELECT current_setting('canopy.hi', true)) AND length(balance.seller_path) <= (SELECT nullif(current_setting('canopy.seller_span', true), '')::bigint) THEN true ELSE false END) WITH CHECK (CASE WHEN (SELECT nullif(current_setting('canopy.finances', true), '')::bigint) = 1 AND balance.seller_path >= (SELECT current_setting('canopy.lo', true)) AND balance.seller_path < (SELECT current_setting('canopy.hi', true)) AND length(balance.seller_path) <= (SELECT nullif(current_setting('canopy.seller_span', true), '')::bigint) THEN true ELSE false END);

GRANT UPDATE (credit_limit_micros, net_days, terms, updated_at, version) ON balance TO canopy_writer;

ALTER TABLE invoice ENABLE ROW LEVEL SECURITY;

ALTER TABLE invoice FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON invoice FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN EXISTS (SELECT 1 FROM balance o WHERE o.id = invoice.balance_id) THEN true ELSE false END);

CREATE POLICY unfiltered ON invoice TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON invoice TO canopy_reader, canopy_writer;

ALTER TABLE invoice_item ENABLE ROW LEVEL SECURITY;

ALTER TABLE invoice_item FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON invoice_item FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN EXISTS (SELECT 1 FROM invoice o WHERE o.id = invoice_item.invoice_id) THEN true ELSE false END);

CREATE POLICY unfiltered ON invoice_item TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON invoice_item TO canopy_reader, canopy_writer;

ALTER TABLE ledger_post ENABLE ROW LEVEL SECURITY;

ALTER TABLE ledger_post FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON ledger_post FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN EXISTS (SELECT 1 FROM balance o WHERE o.id = ledger_post.balance_id) THEN true ELSE false END);

CREATE POLICY unfiltered ON ledger_post TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON ledger_post TO canopy_reader, canopy_writer;

ALTER TABLE payment ENABLE ROW LEVEL SECURITY;

ALTER TABLE payment FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON payment FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN EXISTS (SELECT 1 FROM balance o WHERE o.id = payment.balance_id) THEN true ELSE false END);

CREATE POLICY unfiltered ON payment TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON payment TO canopy_reader, canopy_writer;

SET ROLE canopy_system;

INSERT INTO balance (seller_id, seller_path, buyer_id, path, shard_id, currency, owed_micros, terms, net_days, version, created_at, updated_at)
SELECT b.parent_id, COALESCE(s.path, ''), b.id, b.path, b.shard_id, COALESCE(s.currency, p.currency, 'USD'), 0, 'NET', 30, 1, b.created_at, b.created_at
FROM account b LEFT JOIN account s ON s.id = b.parent_id JOIN account p ON p.type = 'PROVIDER' ORDER BY b.path;

RESET ROLE;
