GRANT UPDATE (term_from, term_until) ON orders TO canopy_writer;

ALTER TABLE order_line ADD COLUMN setup_micros BIGINT;

ALTER TABLE order_line ADD COLUMN charged_micros BIGINT;

SET ROLE canopy_system;

UPDATE order_line SET charged_micros = coalesce((SELECT sum(c.charged_micros) FROM order_charge c WHERE c.line_id = order_line.id AND c.buyer_id = order_line.account_id), 0), setup_micros = (SELECT c.extended_micros FROM order_charge c WHERE c.line_id = order_line.id AND c.buyer_id = order_line.account_id AND c.price_type = 'SETUP' AND c.extended_micros > 0) WHERE previous_quantity IS NOT NULL;

RESET ROLE;
