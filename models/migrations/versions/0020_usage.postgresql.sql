CREATE TABLE field_use (
  coordinate TEXT COLLATE "C" NOT NULL,
  client TEXT COLLATE "C" NOT NULL,
  day DATE NOT NULL,
  uses BIGINT NOT NULL,
  CONSTRAINT field_use_pkey PRIMARY KEY (coordinate, client, day)
);

CREATE TABLE schema_version (
  hash TEXT COLLATE "C" NOT NULL,
  text VARCHAR NOT NULL,
  first_served_at TIMESTAMP WITH TIME ZONE NOT NULL,
  last_served_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT schema_version_pkey PRIMARY KEY (hash)
);

GRANT SELECT, INSERT, UPDATE, DELETE ON field_use, schema_version TO canopy_system;
