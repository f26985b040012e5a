CREATE TABLE mail (
  id BIGSERIAL NOT NULL,
  key TEXT COLLATE "C" NOT NULL,
  template TEXT COLLATE "C" NOT NULL,
  to_user_id BIGINT,
  to_contact_id BIGINT,
  to_address VARCHAR,
  path TEXT COLLATE "C" NOT NULL,
  data VARCHAR NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  attempts INTEGER NOT NULL,
  sent_at TIMESTAMP WITH TIME ZONE,
  last_error VARCHAR,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT mail_pkey PRIMARY KEY (id),
  CONSTRAINT mail_template_check CHECK (template IN ('INVITATION', 'PASSWORD_RESET', 'ORDER_CONFIRMATION', 'HOLD_NOTICE')),
  CONSTRAINT mail_status_check CHECK (status IN ('WAITING', 'SENDING', 'SENT', 'FAILED', 'UNCERTAIN')),
  CONSTRAINT mail_one_recipient_check CHECK (CASE WHEN to_user_id IS NULL THEN 0 ELSE 1 END + CASE WHEN to_contact_id IS NULL THEN 0 ELSE 1 END + CASE WHEN to_address IS NULL THEN 0 ELSE 1 END = 1)
);

CREATE UNIQUE INDEX mail_key ON mail (key);

CREATE INDEX mail_status ON mail (status, created_at);

GRANT SELECT, INSERT, UPDATE, DELETE ON mail TO canopy_system;
