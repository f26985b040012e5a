CREATE TABLE identity (
  id INTEGER NOT NULL,
  login TEXT NOT NULL,
  email VARCHAR NOT NULL,
  last_user_id INTEGER,
  created_at TEXT NOT NULL,
  CONSTRAINT identity_pkey PRIMARY KEY (id)
);

CREATE UNIQUE INDEX identity_login ON identity (login);

CREATE TABLE one_time_link (
  id INTEGER NOT NULL,
  hash TEXT NOT NULL,
  purpose TEXT NOT NULL,
  user_id INTEGER NOT NULL,
  created_at TEXT NOT NULL,
  expires_at TEXT NOT NULL,
  used_at TEXT,
  revoked_at TEXT,
  CONSTRAINT one_time_link_pkey PRIMARY KEY (id),
  CONSTRAINT one_time_link_purpose_check CHECK (purpose IN ('INVITATION', 'RESET')),
  CONSTRAINT one_time_link_user_id_fkey FOREIGN KEY(user_id) REFERENCES app_user (id)
);

CREATE UNIQUE INDEX one_time_link_hash ON one_time_link (hash);

CREATE INDEX one_time_link_user ON one_time_link (user_id, purpose);

CREATE TABLE security_answer (
  identity_id INTEGER NOT NULL,
  question TEXT NOT NULL,
  answer_hash VARCHAR NOT NULL,
  set_at TEXT NOT NULL,
  CONSTRAINT security_answer_pkey PRIMARY KEY (identity_id),
  CONSTRAINT security_answer_question_check CHECK (question IN ('BIRTH_CITY', 'CHILDHOOD_FRIEND', 'CHILDHOOD_STREET', 'FAVOURITE_BOOK', 'FAVOURITE_FILM', 'FAVOURITE_TEACHER', 'FIRST_CAR', 'FIRST_CONCERT', 'FIRST_EMPLOYER', 'FIRST_PET', 'FIRST_SCHOOL', 'GRANDMOTHERS_NAME')),
  CONSTRAINT security_answer_identity_id_fkey FOREIGN KEY(identity_id) REFERENCES identity (id)
);

CREATE TABLE user_denial (
  account_id INTEGER NOT NULL,
  path TEXT NOT NULL,
  shard_id INTEGER NOT NULL,
  user_id INTEGER NOT NULL,
  privilege TEXT NOT NULL,
  CONSTRAINT user_denial_pkey PRIMARY KEY (user_id, privilege),
  CONSTRAINT user_denial_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT user_denial_user_id_fkey FOREIGN KEY(user_id) REFERENCES app_user (id)
);

CREATE INDEX user_denial_path ON user_denial (path);

ALTER TABLE app_user ADD COLUMN security_question TEXT;

DROP INDEX app_user_login;

CREATE UNIQUE INDEX app_user_login ON app_user (login, account_id);

INSERT INTO identity (id, login, email, created_at) SELECT id, login, email, created_at FROM app_user;
