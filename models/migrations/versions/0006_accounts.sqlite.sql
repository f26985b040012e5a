ALTER TABLE account ADD COLUMN requires_approval BOOLEAN DEFAULT 0 NOT NULL;

ALTER TABLE account ADD COLUMN held_by VARCHAR
  CONSTRAINT account_held_by_check CHECK (held_by IN ('PERSON', 'RULE'));

ALTER TABLE account ADD COLUMN held_before VARCHAR
  CONSTRAINT account_held_before_check CHECK (held_before IN ('PENDING', 'ACTIVE', 'CREDIT_HOLD', 'ADMIN_HOLD', 'CANCELLED', 'ERROR'));

ALTER TABLE account ADD COLUMN status_reason VARCHAR;

ALTER TABLE account ADD COLUMN status_since TEXT;

CREATE TABLE account_transfer (
  id INTEGER NOT NULL,
  account_id INTEGER NOT NULL,
  from_path TEXT NOT NULL,
  to_path TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT account_transfer_pkey PRIMARY KEY (id),
  CONSTRAINT account_transfer_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX account_transfer_account ON account_transfer (account_id, at);

CREATE TABLE subscription_hold (
  account_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  shard_id INTEGER NOT NULL,
  subscription_id INTEGER NOT NULL,
  reason TEXT NOT NULL,
  CONSTRAINT subscription_hold_pkey PRIMARY KEY (subscription_id, reason),
  CONSTRAINT subscription_hold_reason_check CHECK (reason IN ('PERSON', 'ACCOUNT', 'UNPAID_RENEWAL')),
  CONSTRAINT subscription_hold_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT subscription_hold_subscription_id_fkey FOREIGN KEY(subscription_id) REFERENCES subscription (id)
);

CREATE INDEX subscription_hold_path ON subscription_hold (path);

CREATE TRIGGER account_transfer_unchanged BEFORE UPDATE ON account_transfer BEGIN SELECT RAISE(ABORT, 'account_transfer is append-only'); END;

CREATE TRIGGER account_transfer_undeleted BEFORE DELETE ON account_transfer BEGIN SELECT RAISE(ABORT, 'account_transfer is append-only'); END;

CREATE TRIGGER account_transfer_unreplaced BEFORE INSERT ON account_transfer WHEN EXISTS (SELECT 1 FROM account_transfer WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'account_transfer is append-only'); END;
