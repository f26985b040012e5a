CREATE TABLE issuer (
  id INTEGER NOT NULL,
  url TEXT NOT NULL,
  audience TEXT NOT NULL,
  account_id INTEGER NOT NULL,
  matches_email BOOLEAN NOT NULL,
  created_at TEXT NOT NULL,
  CONSTRAINT issuer_pkey PRIMARY KEY (id),
  CONSTRAINT issuer_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE UNIQUE INDEX issuer_url ON issuer (url);

CREATE INDEX issuer_account ON issuer (account_id);

CREATE TABLE external_identity (
  issuer_id INTEGER NOT NULL,
  subject TEXT NOT NULL,
  identity_id INTEGER NOT NULL,
  linked_at TEXT NOT NULL,
  last_used_at TEXT NOT NULL,
  CONSTRAINT external_identity_pkey PRIMARY KEY (issuer_id, subject),
  CONSTRAINT external_identity_issuer_id_fkey FOREIGN KEY(issuer_id) REFERENCES issuer (id),
  CONSTRAINT external_identity_identity_id_fkey FOREIGN KEY(identity_id) REFERENCES identity (id)
);

CREATE INDEX external_identity_identity ON external_identity (identity_id);
