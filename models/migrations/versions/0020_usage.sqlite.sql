CREATE TABLE field_use (
  coordinate TEXT NOT NULL,
  client TEXT NOT NULL,
  day TEXT NOT NULL,
  uses INTEGER NOT NULL,
  CONSTRAINT field_use_pkey PRIMARY KEY (coordinate, client, day)
);

CREATE TABLE schema_version (
  hash TEXT NOT NULL,
  text VARCHAR NOT NULL,
  first_served_at TEXT NOT NULL,
  last_served_at TEXT NOT NULL,
  CONSTRAINT schema_version_pkey PRIMARY KEY (hash)
);
