CREATE TABLE document (
  id TEXT NOT NULL,
  text VARCHAR NOT NULL,
  source VARCHAR NOT NULL,
  registered_at TEXT NOT NULL,
  CONSTRAINT document_pkey PRIMARY KEY (id),
  CONSTRAINT document_id_check CHECK (length(id) = 64)
);

CREATE TABLE document_registry (
  id INTEGER NOT NULL,
  version INTEGER NOT NULL,
  CONSTRAINT document_registry_pkey PRIMARY KEY (id),
  CONSTRAINT document_registry_only_one_check CHECK (id = 1)
);

CREATE TABLE document_alias (
  alias TEXT NOT NULL,
  document_id TEXT NOT NULL,
  CONSTRAINT document_alias_pkey PRIMARY KEY (alias),
  CONSTRAINT document_alias_document_id_fkey FOREIGN KEY(document_id) REFERENCES document (id)
);

CREATE INDEX document_alias_document ON document_alias (document_id);

CREATE TABLE document_client (
  document_id TEXT NOT NULL,
  client TEXT NOT NULL,
  uses INTEGER NOT NULL,
  last_used_at TEXT,
  CONSTRAINT document_client_pkey PRIMARY KEY (document_id, client),
  CONSTRAINT document_client_document_id_fkey FOREIGN KEY(document_id) REFERENCES document (id)
);

CREATE TABLE client_level (
  client TEXT NOT NULL,
  level TEXT NOT NULL,
  CONSTRAINT client_level_pkey PRIMARY KEY (client),
  CONSTRAINT client_level_level_check CHECK (level IN ('PERFORMANCE', 'AUDIT', 'SAFELIST', 'IDS'))
);

CREATE TABLE unknown_document (
  id TEXT NOT NULL,
  client TEXT NOT NULL,
  text VARCHAR,
  uses INTEGER NOT NULL,
  first_at TEXT NOT NULL,
  last_at TEXT NOT NULL,
  CONSTRAINT unknown_document_pkey PRIMARY KEY (id, client)
);

CREATE INDEX unknown_document_last ON unknown_document (last_at);

CREATE TABLE endpoint (
  method TEXT NOT NULL,
  path TEXT NOT NULL,
  document_id TEXT NOT NULL,
  operation VARCHAR,
  title VARCHAR NOT NULL,
  max_age INTEGER NOT NULL,
  CONSTRAINT endpoint_pkey PRIMARY KEY (method, path),
  CONSTRAINT endpoint_method_check CHECK (method IN ('GET', 'POST')),
  CONSTRAINT endpoint_max_age_check CHECK (max_age >= 0),
  CONSTRAINT endpoint_document_id_fkey FOREIGN KEY(document_id) REFERENCES document (id)
);

INSERT INTO document_registry (id, version) VALUES (1, 0);
