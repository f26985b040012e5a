ALTER TABLE issuer ADD COLUMN name TEXT COLLATE "C";

ALTER TABLE issuer ADD COLUMN button TEXT COLLATE "C";

CREATE UNIQUE INDEX issuer_name ON issuer (name);

ALTER TABLE refresh_token ADD COLUMN issuer_id BIGINT;

CREATE TABLE used_sign_in (
  state_hash TEXT COLLATE "C" NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT used_sign_in_pkey PRIMARY KEY (state_hash)
);

CREATE INDEX used_sign_in_expires ON used_sign_in (expires_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON used_sign_in TO canopy_system;
