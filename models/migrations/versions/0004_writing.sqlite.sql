CREATE TABLE audit (
  id INTEGER NOT NULL,
  path TEXT NOT NULL,
  shard_id INTEGER NOT NULL,
  at TEXT NOT NULL,
  operation TEXT NOT NULL,
  actor_user_id INTEGER,
  actor_client_id INTEGER,
  actor_path TEXT NOT NULL,
  actor_name VARCHAR NOT NULL,
  acting_path TEXT,
  noun TEXT NOT NULL,
  object_id INTEGER NOT NULL,
  "before" VARCHAR NOT NULL,
  "after" VARCHAR NOT NULL,
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
  account_id INTEGER NOT NULL,
  subject TEXT NOT NULL,
  operation TEXT NOT NULL,
  "key" TEXT NOT NULL,
  input_hash TEXT NOT NULL,
  outcome VARCHAR,
  created_at TEXT NOT NULL,
  CONSTRAINT idempotency_pkey PRIMARY KEY (account_id, subject, operation, "key")
);

CREATE INDEX idempotency_created ON idempotency (created_at);

CREATE TABLE job (
  id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  "key" TEXT NOT NULL,
  subject_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  run_at TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  claimed_by VARCHAR,
  claimed_until TEXT,
  last_error VARCHAR,
  done_at TEXT,
  CONSTRAINT job_pkey PRIMARY KEY (id)
);

CREATE INDEX job_due ON job (run_at, id) WHERE done_at IS NULL;

CREATE UNIQUE INDEX job_key ON job (kind, "key");

CREATE TABLE outbox (
  id INTEGER NOT NULL,
  transaction_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  former_path TEXT,
  topic TEXT NOT NULL,
  object_id INTEGER NOT NULL,
  kind TEXT NOT NULL,
  at TEXT NOT NULL,
  CONSTRAINT outbox_pkey PRIMARY KEY (id),
  CONSTRAINT outbox_topic_check CHECK (topic IN ('ACCOUNT', 'ORDER', 'SUBSCRIPTION')),
  CONSTRAINT outbox_kind_check CHECK (kind IN ('CREATED', 'CHANGED', 'MOVED'))
);

CREATE INDEX outbox_at ON outbox (at);

CREATE INDEX outbox_order ON outbox (transaction_id, id);

INSERT INTO clock (id, ahead_seconds) VALUES (1, 0);

CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

CREATE TRIGGER audit_undeleted BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;

CREATE TRIGGER audit_unreplaced BEFORE INSERT ON audit WHEN EXISTS (SELECT 1 FROM audit WHERE id = NEW.id) BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
