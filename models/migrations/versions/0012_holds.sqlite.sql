ALTER TABLE account ADD COLUMN holder_id INTEGER;

ALTER TABLE account ADD COLUMN holder_before_id INTEGER;

ALTER TABLE subscription ADD COLUMN holder_id INTEGER;

ALTER TABLE balance ADD COLUMN buyer_name VARCHAR;

CREATE INDEX balance_created ON balance (created_at, id);

CREATE INDEX invoice_created ON invoice (created_at, id);

CREATE INDEX payment_created ON payment (created_at, id);

UPDATE mail SET data = json_set(data, '$.reason', 'No reason was given.') WHERE template = 'HOLD_NOTICE' AND status = 'WAITING';
