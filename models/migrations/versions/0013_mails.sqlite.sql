CREATE TABLE mail_of_more_kinds (
  id INTEGER NOT NULL,
  "key" TEXT NOT NULL,
  template TEXT NOT NULL,
  to_user_id INTEGER,
  to_contact_id INTEGER,
  to_address VARCHAR,
  path TEXT NOT NULL,
  data VARCHAR NOT NULL,
  status TEXT NOT NULL,
  attempts INTEGER NOT NULL,
  sent_at TEXT,
  last_error VARCHAR,
  created_at TEXT NOT NULL,
  CONSTRAINT mail_pkey PRIMARY KEY (id),
  CONSTRAINT mail_template_check CHECK (template IN ('INVITATION', 'PASSWORD_RESET', 'ORDER_CONFIRMATION', 'ORDER_ERROR', 'HOLD_NOTICE', 'HOLD_RELEASE')),
  CONSTRAINT mail_status_check CHECK (status IN ('WAITING', 'SENDING', 'SENT', 'FAILED', 'UNCERTAIN')),
  CONSTRAINT mail_one_recipient_check CHECK (CASE WHEN to_user_id IS NULL THEN 0 ELSE 1 END + CASE WHEN to_contact_id IS NULL THEN 0 ELSE 1 END + CASE WHEN to_address IS NULL THEN 0 ELSE 1 END = 1)
);

INSERT INTO mail_of_more_kinds SELECT id, "key", template, to_user_id, to_contact_id, to_address, path, data, status, attempts, sent_at, last_error, created_at FROM mail;

DROP TABLE mail;

ALTER TABLE mail_of_more_kinds RENAME TO mail;

CREATE UNIQUE INDEX mail_key ON mail ("key");

CREATE INDEX mail_status ON mail (status, created_at);
