ALTER TABLE issuer ADD COLUMN name TEXT;

ALTER TABLE issuer ADD COLUMN button TEXT;

CREATE UNIQUE INDEX issuer_name ON issuer (name);

ALTER TABLE refresh_token ADD COLUMN issuer_id INTEGER;

CREATE TABLE used_sign_in (
  state_hash TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  CONSTRAINT used_sign_in_pkey PRIMARY KEY (state_hash)
);

CREATE INDEX used_sign_in_expires ON used_sign_in (expires_at);
