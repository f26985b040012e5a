CREATE INDEX invoice_status ON invoice (status, created_at, id);

CREATE INDEX invoice_due ON invoice (due_on, id);

