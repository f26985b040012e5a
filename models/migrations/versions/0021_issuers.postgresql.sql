CREATE TABLE issuer (
  id BIGSERIAL NOT NULL,
  url TEXT COLLATE "C" NOT NULL,
  audience TEXT COLLATE "C" NOT NULL,
  account_id BIGINT NOT NULL,
  matches_email BOOLEAN NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT issuer_pkey PRIMARY KEY (id),
  CONSTRAINT issuer_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE UNIQUE INDEX issuer_url ON issuer (url);

CREATE INDEX issuer_account ON issuer (account_id);

CREATE TABLE external_identity (
  issuer_id BIGINT NOT NULL,
  subject TEXT COLLATE "C" NOT NULL,
  identity_id BIGINT NOT NULL,
  linked_at TIMESTAMP WITH TIME ZONE NOT NULL,
  last_used_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT external_identity_pkey PRIMARY KEY (issuer_id, subject),
  CONSTRAINT external_identity_issuer_id_fkey FOREIGN KEY(issuer_id) REFERENCES issuer (id),
  CONSTRAINT external_identity_identity_id_fkey FOREIGN KEY(identity_id) REFERENCES identity (id)
);

CREATE INDEX external_identity_identity ON external_identity (identity_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON external_identity, issuer TO canopy_system;

GRANT USAGE, SELECT, UPDATE ON SEQUENCE issuer_id_seq TO canopy_system;
