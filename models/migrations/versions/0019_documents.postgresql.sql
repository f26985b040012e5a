CREATE TABLE document (
  id TEXT COLLATE "C" NOT NULL,
  text VARCHAR NOT NULL,
  source VARCHAR NOT NULL,
  registered_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT document_pkey PRIMARY KEY (id),
  CONSTRAINT document_id_check CHECK (length(id) = 64)
);

CREATE TABLE document_registry (
  id INTEGER NOT NULL,
  version BIGINT NOT NULL,
  CONSTRAINT document_registry_pkey PRIMARY KEY (id),
  CONSTRAINT document_registry_only_one_check CHECK (id = 1)
);

CREATE TABLE document_alias (
  alias TEXT COLLATE "C" NOT NULL,
  document_id TEXT COLLATE "C" NOT NULL,
  CONSTRAINT document_alias_pkey PRIMARY KEY (alias),
  CONSTRAINT document_alias_document_id_fkey FOREIGN KEY(document_id) REFERENCES document (id)
);

CREATE INDEX document_alias_document ON document_alias (document_id);

CREATE TABLE document_client (
  document_id TEXT COLLATE "C" NOT NULL,
  client TEXT COLLATE "C" NOT NULL,
  uses BIGINT NOT NULL,
  last_used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT document_client_pkey PRIMARY KEY (document_id, client),
  CONSTRAINT document_client_document_id_fkey FOREIGN KEY(document_id) REFERENCES document (id)
);

CREATE TABLE client_level (
  client TEXT COLLATE "C" NOT NULL,
  level TEXT COLLATE "C" NOT NULL,
  CONSTRAINT client_level_pkey PRIMARY KEY (client),
  CONSTRAINT client_level_level_check CHECK (level IN ('PERFORMANCE', 'AUDIT', 'SAFELIST', 'IDS'))
);

CREATE TABLE unknown_document (
  id TEXT COLLATE "C" NOT NULL,
  client TEXT COLLATE "C" NOT NULL,
  text VARCHAR,
  uses BIGINT NOT NULL,
  first_at TIMESTAMP WITH TIME ZONE NOT NULL,
  last_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT unknown_document_pkey PRIMARY KEY (id, client)
);

CREATE INDEX unknown_document_last ON unknown_document (last_at);

CREATE TABLE endpoint (
  method TEXT COLLATE "C" NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  document_id TEXT COLLATE "C" NOT NULL,
  operation VARCHAR,
  title VARCHAR NOT NULL,
  max_age INTEGER NOT NULL,
  CONSTRAINT endpoint_pkey PRIMARY KEY (method, path),
  CONSTRAINT endpoint_method_check CHECK (method IN ('GET', 'POST')),
  CONSTRAINT endpoint_max_age_check CHECK (max_age >= 0),
  CONSTRAINT endpoint_document_id_fkey FOREIGN KEY(document_id) REFERENCES document (id)
);

INSERT INTO document_registry (id, version) VALUES (1, 0);

GRANT SELECT, INSERT, UPDATE, DELETE ON client_level, document, document_alias, document_client, document_registry, endpoint, unknown_document TO canopy_system;
