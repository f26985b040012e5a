ALTER TABLE subscription ADD COLUMN ended_at TEXT;

CREATE TABLE subscription_history (
  account_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  shard_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  subscription_id INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  at TEXT NOT NULL,
  by_order_id INTEGER,
  reason TEXT NOT NULL,
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
  account_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  shard_id INTEGER NOT NULL,
  id INTEGER NOT NULL,
  subscription_id INTEGER NOT NULL,
  item_id INTEGER NOT NULL,
  order_line_id INTEGER,
  quantity INTEGER NOT NULL,
  remaining INTEGER NOT NULL,
  bought_at TEXT NOT NULL,
  window_until TEXT,
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
  "key" TEXT NOT NULL,
  subscription_id INTEGER NOT NULL,
  action VARCHAR NOT NULL,
  quantity INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  done_at TEXT,
  CONSTRAINT provisioned_pkey PRIMARY KEY ("key")
);

CREATE INDEX provisioned_subscription ON provisioned (subscription_id);

CREATE TRIGGER subscription_history_unchanged BEFORE UPDATE OF account_id, id, subscription_id, item_id, at, by_order_id, reason, quantity_before, quantity_after ON subscription_history BEGIN SELECT RAISE(ABORT, 'subscription_history is append-only'); END;

CREATE TRIGGER subscription_history_undeleted BEFORE DELETE ON subscription_history BEGIN SELECT RAISE(ABORT, 'subscription_history is append-only'); END;

CREATE TRIGGER subscription_history_unreplaced BEFORE INSERT ON subscription_history WHEN EXISTS (SELECT 1 FROM subscription_history WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'subscription_history is append-only'); END;
