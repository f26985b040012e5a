ALTER TABLE account ADD COLUMN holder_id BIGINT;

ALTER TABLE account ADD COLUMN holder_before_id BIGINT;

GRANT UPDATE (holder_before_id, holder_id) ON account TO canopy_writer;

ALTER TABLE subscription ADD COLUMN holder_id BIGINT;

GRANT UPDATE (holder_id) ON subscription TO canopy_writer;

ALTER TABLE balance ADD COLUMN buyer_name VARCHAR;

CREATE INDEX balance_created ON balance (created_at, id);

CREATE INDEX invoice_created ON invoice (created_at, id);

CREATE INDEX payment_created ON payment (created_at, id);

SET ROLE canopy_system;

UPDATE mail SET data = CAST(CAST(data AS jsonb) || '{"reason": "No reason was given."}' AS text) WHERE template = 'HOLD_NOTICE' AND status = 'WAITING';

RESET ROLE;
