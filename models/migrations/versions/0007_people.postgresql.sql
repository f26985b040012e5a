CREATE TABLE identity (
  id BIGSERIAL NOT NULL,
  login TEXT COLLATE "C" NOT NULL,
  email VARCHAR NOT NULL,
  last_user_id BIGINT,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT identity_pkey PRIMARY KEY (id)
);

CREATE UNIQUE INDEX identity_login ON identity (login);

CREATE TABLE one_time_link (
  id BIGSERIAL NOT NULL,
  hash TEXT COLLATE "C" NOT NULL,
  purpose TEXT COLLATE "C" NOT NULL,
  user_id BIGINT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT one_time_link_pkey PRIMARY KEY (id),
  CONSTRAINT one_time_link_purpose_check CHECK (purpose IN ('INVITATION', 'RESET')),
  CONSTRAINT one_time_link_user_id_fkey FOREIGN KEY(user_id) REFERENCES app_user (id)
);

CREATE UNIQUE INDEX one_time_link_hash ON one_time_link (hash);

CREATE INDEX one_time_link_user ON one_time_link (user_id, purpose);

CREATE TABLE security_answer (
  identity_id BIGINT NOT NULL,
  question TEXT COLLATE "C" NOT NULL,
  answer_hash VARCHAR NOT NULL,
  set_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT security_answer_pkey PRIMARY KEY (identity_id),
  CONSTRAINT security_answer_question_check CHECK (question IN ('BIRTH_CITY', 'CHILDHOOD_FRIEND', 'CHILDHOOD_STREET', 'FAVOURITE_BOOK', 'FAVOURITE_FILM', 'FAVOURITE_TEACHER', 'FIRST_CAR', 'FIRST_CONCERT', 'FIRST_EMPLOYER', 'FIRST_PET', 'FIRST_SCHOOL', 'GRANDMOTHERS_NAME')),
  CONSTRAINT security_answer_identity_id_fkey FOREIGN KEY(identity_id) REFERENCES identity (id)
);

CREATE TABLE user_denial (
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  user_id BIGINT NOT NULL,
  privilege TEXT COLLATE "C" NOT NULL,
  CONSTRAINT user_denial_pkey PRIMARY KEY (user_id, privilege),
  CONSTRAINT user_denial_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT user_denial_user_id_fkey FOREIGN KEY(user_id) REFERENCES app_user (id)
);

CREATE INDEX user_denial_path ON user_denial (path);

ALTER TABLE app_user ADD COLUMN security_question TEXT COLLATE "C";

DROP INDEX app_user_login;

CREATE UNIQUE INDEX app_user_login ON app_user (login, account_id);

REVOKE UPDATE (login) ON app_user FROM canopy_writer;

GRANT SELECT, INSERT, UPDATE, DELETE ON identity, one_time_link, security_answer, user_denial TO canopy_system;

GRANT USAGE, SELECT, UPDATE ON SEQUENCE identity_id_seq, one_time_link_id_seq TO canopy_system;

SET ROLE canopy_system;

INSERT INTO identity (id, login, email, created_at) SELECT id, login, email, created_at FROM app_user;

RESET ROLE;

ALTER TABLE user_denial ENABLE ROW LEVEL SECURITY;

ALTER TABLE user_denial FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON user_denial FOR SELECT TO canopy_reader, canopy_writer USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR user_id = (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint)) THEN true ELSE false END);

CREATE POLICY unfiltered ON user_denial TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON user_denial TO canopy_reader, canopy_writer;

CREATE POLICY may_insert ON user_denial FOR INSERT TO canopy_writer WITH CHECK (CASE WHEN user_denial.path >= (SELECT current_setting('canopy.lo', true)) AND user_denial.path < (SELECT current_setting('canopy.hi', true)) AND length(user_denial.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 AND EXISTS (SELECT 1 FROM account o WHERE o.id = user_denial.account_id AND o.path = user_denial.path) AND EXISTS (SELECT 1 FROM app_user o WHERE o.id = user_denial.user_id AND o.path = user_denial.path) THEN true ELSE false END);

GRANT INSERT ON user_denial TO canopy_writer;

CREATE POLICY may_delete ON user_denial FOR DELETE TO canopy_writer USING (CASE WHEN user_denial.path >= (SELECT current_setting('canopy.lo', true)) AND user_denial.path < (SELECT current_setting('canopy.hi', true)) AND length(user_denial.path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

GRANT DELETE ON user_denial TO canopy_writer;
