DO $$ BEGIN
  IF to_regrole('canopy_reader') IS NULL THEN
    CREATE ROLE canopy_reader NOLOGIN NOSUPERUSER NOBYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL;
END $$;

DO $$ BEGIN
  GRANT canopy_reader TO CURRENT_USER;
EXCEPTION WHEN insufficient_privilege THEN
  IF NOT pg_has_role('canopy_reader', 'MEMBER') THEN
    RAISE;
  END IF;
END $$;

GRANT USAGE ON SCHEMA public TO canopy_reader;

DO $$ BEGIN
  IF to_regrole('canopy_system') IS NULL THEN
    CREATE ROLE canopy_system NOLOGIN NOSUPERUSER NOBYPASSRLS;
  END IF;
EXCEPTION WHEN duplicate_object OR unique_violation THEN
  NULL;
END $$;

DO $$ BEGIN
  GRANT canopy_system TO CURRENT_USER;
EXCEPTION WHEN insufficient_privilege THEN
  IF NOT pg_has_role('canopy_system', 'MEMBER') THEN
    RAISE;
  END IF;
END $$;

GRANT USAGE ON SCHEMA public TO canopy_system;

CREATE TABLE account_term (
  path TEXT COLLATE "C" NOT NULL,
  term TEXT COLLATE "C" NOT NULL,
  CONSTRAINT account_term_pkey PRIMARY KEY (path, term)
);

CREATE INDEX account_term_term ON account_term (term, path);

CREATE TABLE credential (
  subject_type TEXT COLLATE "C" NOT NULL,
  subject_id BIGINT NOT NULL,
  secret_hash VARCHAR NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT credential_pkey PRIMARY KEY (subject_type, subject_id),
  CONSTRAINT credential_subject_type_check CHECK (subject_type IN ('USER', 'API_CLIENT'))
);

CREATE TABLE manufacturer (
  id BIGSERIAL NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  name VARCHAR NOT NULL,
  CONSTRAINT manufacturer_pkey PRIMARY KEY (id),
  CONSTRAINT manufacturer_code_key UNIQUE (code)
);

CREATE TABLE marketplace (
  id BIGSERIAL NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  name VARCHAR NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  country_code VARCHAR NOT NULL,
  currency VARCHAR NOT NULL,
  CONSTRAINT marketplace_pkey PRIMARY KEY (id),
  CONSTRAINT marketplace_code_key UNIQUE (code)
);

CREATE INDEX marketplace_name ON marketplace (name_key, id);

CREATE TABLE plan (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  id BIGSERIAL NOT NULL,
  code TEXT COLLATE "C" NOT NULL,
  name VARCHAR NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  short_description VARCHAR,
  long_description VARCHAR,
  is_published BOOLEAN NOT NULL,
  billing_period_type TEXT COLLATE "C" NOT NULL,
  billing_period_duration INTEGER NOT NULL,
  billing_model TEXT COLLATE "C" NOT NULL,
  CONSTRAINT plan_pkey PRIMARY KEY (id),
  CONSTRAINT plan_billing_period_type_check CHECK (billing_period_type IN ('DAY', 'MONTH', 'YEAR', 'STATEMENT_DAY', 'UNKNOWN')),
  CONSTRAINT plan_billing_model_check CHECK (billing_model IN ('CHARGE_BEFORE_BILLING_PERIOD', 'CHARGE_AFTER_BILLING_PERIOD', 'CHARGE_BEFORE_SUBSCRIPTION_PERIOD', 'CHARGE_EXTERNAL_RATING')),
  CONSTRAINT plan_code_key UNIQUE (code)
);

CREATE INDEX plan_created ON plan (created_at, id);

CREATE INDEX plan_name ON plan (name_key, id);

CREATE TABLE refresh_token (
  token_hash TEXT COLLATE "C" NOT NULL,
  family TEXT COLLATE "C" NOT NULL,
  subject_type TEXT COLLATE "C" NOT NULL,
  subject_id BIGINT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  revoked_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT refresh_token_pkey PRIMARY KEY (token_hash),
  CONSTRAINT refresh_token_subject_type_check CHECK (subject_type IN ('USER', 'API_CLIENT'))
);

CREATE INDEX refresh_token_expires ON refresh_token (expires_at);

CREATE INDEX refresh_token_family ON refresh_token (family);

CREATE TABLE role (
  code TEXT COLLATE "C" NOT NULL,
  name VARCHAR NOT NULL,
  description VARCHAR NOT NULL,
  CONSTRAINT role_pkey PRIMARY KEY (code)
);

CREATE TABLE sign_in_failure (
  source TEXT COLLATE "C" NOT NULL,
  failures INTEGER NOT NULL,
  last_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT sign_in_failure_pkey PRIMARY KEY (source)
);

CREATE TABLE account (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  id BIGSERIAL NOT NULL,
  shard_id BIGINT NOT NULL,
  parent_id BIGINT,
  path TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  name VARCHAR NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  external_id TEXT COLLATE "C",
  import_key TEXT COLLATE "C",
  marketplace_id BIGINT,
  currency VARCHAR,
  language VARCHAR NOT NULL,
  tax_registration_id VARCHAR,
  customer_class VARCHAR,
  taxation_provider_name VARCHAR,
  street_address VARCHAR,
  address_extension VARCHAR,
  postal_code VARCHAR,
  city VARCHAR,
  state VARCHAR,
  country_code VARCHAR,
  attributes VARCHAR,
  size_class INTEGER NOT NULL,
  CONSTRAINT account_pkey PRIMARY KEY (id),
  CONSTRAINT account_type_check CHECK (type IN ('PROVIDER', 'RESELLER', 'CUSTOMER')),
  CONSTRAINT account_status_check CHECK (status IN ('PENDING', 'ACTIVE', 'CREDIT_HOLD', 'ADMIN_HOLD', 'CANCELLED', 'ERROR')),
  CONSTRAINT account_only_the_provider_has_no_parent_check CHECK ((type = 'PROVIDER') = (parent_id IS NULL)),
  CONSTRAINT account_path_check CHECK (length(path) % 6 = 0 AND length(path) > 0),
  CONSTRAINT account_parent_id_fkey FOREIGN KEY(parent_id) REFERENCES account (id),
  CONSTRAINT account_marketplace_id_fkey FOREIGN KEY(marketplace_id) REFERENCES marketplace (id)
);

CREATE INDEX account_created ON account (created_at, id);

CREATE INDEX account_external ON account (external_id);

CREATE UNIQUE INDEX account_import_key ON account (import_key);

CREATE INDEX account_marketplace ON account (marketplace_id, path);

CREATE INDEX account_name ON account (name_key, id);

CREATE UNIQUE INDEX account_one_provider ON account (type) WHERE type = 'PROVIDER';

CREATE INDEX account_parent_created ON account (parent_id, created_at, id);

CREATE UNIQUE INDEX account_parent_external ON account (parent_id, external_id);

CREATE INDEX account_parent_name ON account (parent_id, name_key, id);

CREATE UNIQUE INDEX account_path ON account (path) INCLUDE (name_key, created_at, status, id);

CREATE INDEX account_status_name ON account (status, name_key, id);

CREATE INDEX account_type_path ON account (type, path, status);

CREATE TABLE plan_period (
  plan_id BIGINT NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  duration INTEGER NOT NULL,
  is_trial BOOLEAN NOT NULL,
  is_active BOOLEAN NOT NULL,
  CONSTRAINT plan_period_pkey PRIMARY KEY (plan_id, type, duration),
  CONSTRAINT plan_period_type_check CHECK (type IN ('DAY', 'MONTH', 'YEAR', 'STATEMENT_DAY', 'UNKNOWN')),
  CONSTRAINT plan_period_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id)
);

CREATE TABLE product (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  id BIGSERIAL NOT NULL,
  mpn TEXT COLLATE "C" NOT NULL,
  manufacturer_id BIGINT NOT NULL,
  name VARCHAR NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  description VARCHAR,
  service_name TEXT COLLATE "C",
  segment VARCHAR,
  unit VARCHAR,
  minimum_quantity INTEGER NOT NULL,
  maximum_quantity INTEGER,
  coterming_requirement TEXT COLLATE "C" NOT NULL,
  coterming_type TEXT COLLATE "C",
  status TEXT COLLATE "C" NOT NULL,
  CONSTRAINT product_pkey PRIMARY KEY (id),
  CONSTRAINT product_status_check CHECK (status IN ('ACTIVE', 'RETIRED')),
  CONSTRAINT product_coterming_requirement_check CHECK (coterming_requirement IN ('MANDATORY', 'ALLOWED', 'RESTRICTED')),
  CONSTRAINT product_coterming_type_check CHECK (coterming_type IN ('SUBSCRIPTION', 'END_OF_MONTH')),
  CONSTRAINT product_manufacturer_id_fkey FOREIGN KEY(manufacturer_id) REFERENCES manufacturer (id)
);

CREATE INDEX product_created ON product (created_at, id);

CREATE INDEX product_manufacturer ON product (manufacturer_id, name_key, id);

CREATE INDEX product_mpn ON product (mpn, id);

CREATE UNIQUE INDEX product_mpn_manufacturer ON product (mpn, manufacturer_id);

CREATE INDEX product_name ON product (name_key, id);

CREATE TABLE account_contact (
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  id BIGSERIAL NOT NULL,
  position INTEGER NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  first_name VARCHAR NOT NULL,
  last_name VARCHAR NOT NULL,
  email VARCHAR NOT NULL,
  email_key TEXT COLLATE "C" NOT NULL,
  phone_number VARCHAR,
  CONSTRAINT account_contact_pkey PRIMARY KEY (id),
  CONSTRAINT account_contact_type_check CHECK (type IN ('ADMIN', 'BILLING', 'TECHNICAL')),
  CONSTRAINT account_contact_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX account_contact_account ON account_contact (account_id, position);

CREATE INDEX account_contact_email ON account_contact (email_key, path);

CREATE INDEX account_contact_path ON account_contact (path);

CREATE TABLE api_client (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  id BIGSERIAL NOT NULL,
  client_id TEXT COLLATE "C" NOT NULL,
  name VARCHAR NOT NULL,
  privileges VARCHAR NOT NULL,
  reach TEXT COLLATE "C" NOT NULL,
  is_active BOOLEAN NOT NULL,
  CONSTRAINT api_client_pkey PRIMARY KEY (id),
  CONSTRAINT api_client_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE UNIQUE INDEX api_client_client_id ON api_client (client_id);

CREATE INDEX api_client_path ON api_client (path);

CREATE TABLE app_user (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  id BIGSERIAL NOT NULL,
  login TEXT COLLATE "C" NOT NULL,
  kind TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  first_name VARCHAR NOT NULL,
  last_name VARCHAR NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  email VARCHAR NOT NULL,
  email_key TEXT COLLATE "C" NOT NULL,
  phone_number VARCHAR,
  language VARCHAR NOT NULL,
  CONSTRAINT app_user_pkey PRIMARY KEY (id),
  CONSTRAINT app_user_kind_check CHECK (kind IN ('ADMINISTRATOR', 'SERVICE_USER')),
  CONSTRAINT app_user_status_check CHECK (status IN ('INVITED', 'ACTIVE', 'DEACTIVATED')),
  CONSTRAINT app_user_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX app_user_account_created ON app_user (account_id, created_at, id);

CREATE INDEX app_user_account_name ON app_user (account_id, name_key, id);

CREATE INDEX app_user_created ON app_user (created_at, id);

CREATE INDEX app_user_email ON app_user (email_key, path);

CREATE UNIQUE INDEX app_user_login ON app_user (login);

CREATE INDEX app_user_name ON app_user (name_key, id);

CREATE INDEX app_user_path ON app_user (path) INCLUDE (created_at, name_key, kind, id);

CREATE TABLE price (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  id BIGSERIAL NOT NULL,
  shard_id BIGINT NOT NULL,
  seller_id BIGINT,
  seller_path TEXT COLLATE "C" NOT NULL,
  buyer_id BIGINT,
  product_id BIGINT NOT NULL,
  plan_id BIGINT NOT NULL,
  marketplace_id BIGINT,
  period_type TEXT COLLATE "C" NOT NULL,
  period_duration INTEGER NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  model TEXT COLLATE "C" NOT NULL,
  currency VARCHAR NOT NULL,
  amount_micros BIGINT NOT NULL,
  tiers VARCHAR,
  valid_from DATE NOT NULL,
  valid_until DATE,
  CONSTRAINT price_pkey PRIMARY KEY (id),
  CONSTRAINT price_period_type_check CHECK (period_type IN ('DAY', 'MONTH', 'YEAR', 'STATEMENT_DAY', 'UNKNOWN')),
  CONSTRAINT price_type_check CHECK (type IN ('SETUP', 'RECURRING', 'OVERUSE')),
  CONSTRAINT price_model_check CHECK (model IN ('FLAT', 'TIERED', 'VOLUME_SUBSCRIPTION', 'VOLUME_ORDER', 'VOLUME_RESOURCE_AGGREGATED')),
  CONSTRAINT price_amount_not_negative_check CHECK (amount_micros >= 0),
  CONSTRAINT price_seller_has_its_path_check CHECK ((seller_id IS NULL) = (seller_path = '')),
  CONSTRAINT price_seller_id_fkey FOREIGN KEY(seller_id) REFERENCES account (id),
  CONSTRAINT price_buyer_id_fkey FOREIGN KEY(buyer_id) REFERENCES account (id),
  CONSTRAINT price_product_id_fkey FOREIGN KEY(product_id) REFERENCES product (id),
  CONSTRAINT price_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id),
  CONSTRAINT price_marketplace_id_fkey FOREIGN KEY(marketplace_id) REFERENCES marketplace (id)
);

CREATE INDEX price_amount ON price (amount_micros, id);

CREATE INDEX price_buyer ON price (buyer_id);

CREATE INDEX price_created ON price (created_at, id);

CREATE INDEX price_marketplace ON price (marketplace_id, seller_path);

CREATE INDEX price_plan_seller ON price (plan_id, seller_path);

CREATE INDEX price_plan_seller_id ON price (plan_id, seller_id);

CREATE INDEX price_product_seller ON price (product_id, seller_path);

CREATE INDEX price_seller ON price (seller_id, product_id, plan_id, buyer_id);

CREATE INDEX price_seller_path ON price (seller_path, created_at, id);

CREATE TABLE product_dependency (
  product_id BIGINT NOT NULL,
  depends_on_id BIGINT NOT NULL,
  CONSTRAINT product_dependency_pkey PRIMARY KEY (product_id, depends_on_id),
  CONSTRAINT product_dependency_product_id_fkey FOREIGN KEY(product_id) REFERENCES product (id),
  CONSTRAINT product_dependency_depends_on_id_fkey FOREIGN KEY(depends_on_id) REFERENCES product (id)
);

CREATE UNIQUE INDEX product_dependency_product ON product_dependency (product_id, depends_on_id);

CREATE TABLE product_term (
  product_id BIGINT NOT NULL,
  term TEXT COLLATE "C" NOT NULL,
  CONSTRAINT product_term_pkey PRIMARY KEY (product_id, term),
  CONSTRAINT product_term_product_id_fkey FOREIGN KEY(product_id) REFERENCES product (id)
);

CREATE INDEX product_term_term ON product_term (term, product_id);

CREATE TABLE subscription (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  id BIGSERIAL NOT NULL,
  name VARCHAR NOT NULL,
  name_key TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  product_id BIGINT NOT NULL,
  plan_id BIGINT NOT NULL,
  quantity INTEGER NOT NULL,
  auto_renew BOOLEAN NOT NULL,
  billing_model TEXT COLLATE "C" NOT NULL,
  period_type TEXT COLLATE "C" NOT NULL,
  period_duration INTEGER NOT NULL,
  billing_period_type TEXT COLLATE "C" NOT NULL,
  billing_period_duration INTEGER NOT NULL,
  start_date DATE,
  renewal_date DATE,
  renewal_key DATE DEFAULT '9999-12-31' NOT NULL,
  expiration_date DATE,
  vendor_subscription_id VARCHAR,
  import_key TEXT COLLATE "C",
  attributes VARCHAR,
  CONSTRAINT subscription_pkey PRIMARY KEY (id),
  CONSTRAINT subscription_status_check CHECK (status IN ('PENDING', 'ACTIVE', 'HOLD', 'TERMINATED', 'REMOVED', 'UNKNOWN')),
  CONSTRAINT subscription_billing_model_check CHECK (billing_model IN ('CHARGE_BEFORE_BILLING_PERIOD', 'CHARGE_AFTER_BILLING_PERIOD', 'CHARGE_BEFORE_SUBSCRIPTION_PERIOD', 'CHARGE_EXTERNAL_RATING')),
  CONSTRAINT subscription_period_type_check CHECK (period_type IN ('DAY', 'MONTH', 'YEAR', 'STATEMENT_DAY', 'UNKNOWN')),
  CONSTRAINT subscription_billing_period_type_check CHECK (billing_period_type IN ('DAY', 'MONTH', 'YEAR', 'STATEMENT_DAY', 'UNKNOWN')),
  CONSTRAINT subscription_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT subscription_product_id_fkey FOREIGN KEY(product_id) REFERENCES product (id),
  CONSTRAINT subscription_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id)
);

CREATE INDEX subscription_account_created ON subscription (account_id, created_at, id);

CREATE INDEX subscription_account_name ON subscription (account_id, name_key, id);

CREATE INDEX subscription_account_renewal ON subscription (account_id, renewal_key, id);

CREATE INDEX subscription_created ON subscription (created_at, id);

CREATE INDEX subscription_expiration ON subscription (expiration_date, path);

CREATE UNIQUE INDEX subscription_import_key ON subscription (import_key);

CREATE INDEX subscription_name ON subscription (name_key, id);

CREATE INDEX subscription_path ON subscription (path) INCLUDE (created_at, name_key, status, id);

CREATE INDEX subscription_plan_path ON subscription (plan_id, path);

CREATE INDEX subscription_product_path ON subscription (product_id, path);

CREATE INDEX subscription_product_renewal ON subscription (product_id, renewal_key, id);

CREATE INDEX subscription_renewal ON subscription (renewal_key, id);

CREATE INDEX subscription_status_renewal ON subscription (status, renewal_key, id);

CREATE INDEX subscription_summary ON subscription (path) INCLUDE (status, product_id, quantity, auto_renew, renewal_key, id);

CREATE TABLE vendor_card (
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  name VARCHAR NOT NULL,
  support_email VARCHAR,
  support_phone VARCHAR,
  support_url VARCHAR,
  logo_url VARCHAR,
  brand_color VARCHAR,
  CONSTRAINT vendor_card_pkey PRIMARY KEY (account_id),
  CONSTRAINT vendor_card_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id)
);

CREATE INDEX vendor_card_path ON vendor_card (path);

CREATE TABLE orders (
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  id BIGSERIAL NOT NULL,
  number TEXT COLLATE "C" NOT NULL,
  type TEXT COLLATE "C" NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  status_code VARCHAR,
  po_number TEXT COLLATE "C",
  provisioned_at TIMESTAMP WITH TIME ZONE,
  currency VARCHAR NOT NULL,
  total_micros BIGINT NOT NULL,
  subscription_id BIGINT,
  scheduled_on VARCHAR,
  credit_check BOOLEAN NOT NULL,
  error_message VARCHAR,
  attributes VARCHAR,
  CONSTRAINT orders_pkey PRIMARY KEY (id),
  CONSTRAINT orders_type_check CHECK (type IN ('SALES', 'CHANGE', 'RENEWAL', 'CANCELLATION', 'MIGRATION', 'UNKNOWN')),
  CONSTRAINT orders_status_check CHECK (status IN ('SUBMITTED', 'PROCESSING', 'COMPLETED', 'ERROR', 'CANCELLED')),
  CONSTRAINT orders_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT orders_subscription_id_fkey FOREIGN KEY(subscription_id) REFERENCES subscription (id)
);

CREATE INDEX orders_account_created ON orders (account_id, created_at, id);

CREATE INDEX orders_account_number ON orders (account_id, number, id);

CREATE INDEX orders_created ON orders (created_at, id);

CREATE UNIQUE INDEX orders_number ON orders (number);

CREATE INDEX orders_number_id ON orders (number, id);

CREATE INDEX orders_path ON orders (path) INCLUDE (created_at, type, status, id);

CREATE INDEX orders_po_number ON orders (po_number, path);

CREATE INDEX orders_status_created ON orders (status, created_at, id);

CREATE INDEX orders_subscription ON orders (subscription_id);

CREATE TABLE seat (
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  subscription_id BIGINT NOT NULL,
  user_id BIGINT NOT NULL,
  CONSTRAINT seat_pkey PRIMARY KEY (subscription_id, user_id),
  CONSTRAINT seat_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT seat_subscription_id_fkey FOREIGN KEY(subscription_id) REFERENCES subscription (id),
  CONSTRAINT seat_user_id_fkey FOREIGN KEY(user_id) REFERENCES app_user (id)
);

CREATE INDEX seat_path ON seat (path);

CREATE INDEX seat_user ON seat (user_id, subscription_id);

CREATE TABLE subscription_item (
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  id BIGSERIAL NOT NULL,
  subscription_id BIGINT NOT NULL,
  position INTEGER NOT NULL,
  product_id BIGINT NOT NULL,
  quantity INTEGER NOT NULL,
  vendor_subscription_id VARCHAR,
  CONSTRAINT subscription_item_pkey PRIMARY KEY (id),
  CONSTRAINT subscription_item_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT subscription_item_subscription_id_fkey FOREIGN KEY(subscription_id) REFERENCES subscription (id),
  CONSTRAINT subscription_item_product_id_fkey FOREIGN KEY(product_id) REFERENCES product (id)
);

CREATE INDEX subscription_item_path ON subscription_item (path);

CREATE INDEX subscription_item_product ON subscription_item (product_id, path, subscription_id);

CREATE UNIQUE INDEX subscription_item_subscription ON subscription_item (subscription_id, position);

CREATE TABLE user_role (
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  user_id BIGINT NOT NULL,
  role_code TEXT COLLATE "C" NOT NULL,
  CONSTRAINT user_role_pkey PRIMARY KEY (user_id, role_code),
  CONSTRAINT user_role_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT user_role_user_id_fkey FOREIGN KEY(user_id) REFERENCES app_user (id),
  CONSTRAINT user_role_role_code_fkey FOREIGN KEY(role_code) REFERENCES role (code)
);

CREATE INDEX user_role_path ON user_role (path);

CREATE INDEX user_role_role ON user_role (role_code, path, user_id);

CREATE TABLE user_term (
  user_id BIGINT NOT NULL,
  term TEXT COLLATE "C" NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  CONSTRAINT user_term_pkey PRIMARY KEY (user_id, term),
  CONSTRAINT user_term_user_id_fkey FOREIGN KEY(user_id) REFERENCES app_user (id)
);

CREATE INDEX user_term_path ON user_term (path, term, user_id);

CREATE INDEX user_term_term ON user_term (term, path, user_id);

CREATE TABLE order_line (
  account_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  id BIGSERIAL NOT NULL,
  order_id BIGINT NOT NULL,
  position INTEGER NOT NULL,
  product_id BIGINT NOT NULL,
  plan_id BIGINT NOT NULL,
  period_type TEXT COLLATE "C" NOT NULL,
  period_duration INTEGER NOT NULL,
  mpn VARCHAR NOT NULL,
  name VARCHAR NOT NULL,
  quantity_kind TEXT COLLATE "C" NOT NULL,
  quantity INTEGER NOT NULL,
  resulting_quantity INTEGER,
  effective_on DATE,
  currency VARCHAR NOT NULL,
  unit_micros BIGINT NOT NULL,
  extended_micros BIGINT NOT NULL,
  exchange_rate VARCHAR,
  CONSTRAINT order_line_pkey PRIMARY KEY (id),
  CONSTRAINT order_line_quantity_kind_check CHECK (quantity_kind IN ('DELTA', 'TARGET')),
  CONSTRAINT order_line_period_type_check CHECK (period_type IN ('DAY', 'MONTH', 'YEAR', 'STATEMENT_DAY', 'UNKNOWN')),
  CONSTRAINT order_line_account_id_fkey FOREIGN KEY(account_id) REFERENCES account (id),
  CONSTRAINT order_line_order_id_fkey FOREIGN KEY(order_id) REFERENCES orders (id),
  CONSTRAINT order_line_product_id_fkey FOREIGN KEY(product_id) REFERENCES product (id),
  CONSTRAINT order_line_plan_id_fkey FOREIGN KEY(plan_id) REFERENCES plan (id)
);

CREATE UNIQUE INDEX order_line_order ON order_line (order_id, position);

CREATE INDEX order_line_path ON order_line (path);

CREATE TABLE subscription_charge (
  id BIGSERIAL NOT NULL,
  item_id BIGINT NOT NULL,
  subscription_id BIGINT NOT NULL,
  path TEXT COLLATE "C" NOT NULL,
  shard_id BIGINT NOT NULL,
  seller_id BIGINT,
  seller_path TEXT COLLATE "C" NOT NULL,
  buyer_id BIGINT NOT NULL,
  status TEXT COLLATE "C" NOT NULL,
  currency VARCHAR NOT NULL,
  unit_micros BIGINT NOT NULL,
  monthly_micros BIGINT NOT NULL,
  CONSTRAINT subscription_charge_pkey PRIMARY KEY (id),
  CONSTRAINT subscription_charge_status_check CHECK (status IN ('PENDING', 'ACTIVE', 'HOLD', 'TERMINATED', 'REMOVED', 'UNKNOWN')),
  CONSTRAINT subscription_charge_item_id_fkey FOREIGN KEY(item_id) REFERENCES subscription_item (id),
  CONSTRAINT subscription_charge_subscription_id_fkey FOREIGN KEY(subscription_id) REFERENCES subscription (id)
);

CREATE INDEX subscription_charge_buyer ON subscription_charge (buyer_id, path) INCLUDE (seller_path, seller_id, status, currency, monthly_micros);

CREATE UNIQUE INDEX subscription_charge_item ON subscription_charge (item_id, seller_path);

CREATE INDEX subscription_charge_seller ON subscription_charge (seller_id, path) INCLUDE (seller_path, buyer_id, status, currency, monthly_micros);

CREATE INDEX subscription_charge_subscription ON subscription_charge (subscription_id);

GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO canopy_system;

GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO canopy_system;

ALTER TABLE account ENABLE ROW LEVEL SECURITY;

ALTER TABLE account FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON account FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) THEN true ELSE false END);

CREATE POLICY unfiltered ON account TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON account TO canopy_reader;

ALTER TABLE account_contact ENABLE ROW LEVEL SECURITY;

ALTER TABLE account_contact FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON account_contact FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

CREATE POLICY unfiltered ON account_contact TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON account_contact TO canopy_reader;

ALTER TABLE account_term ENABLE ROW LEVEL SECURITY;

ALTER TABLE account_term FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON account_term FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) THEN true ELSE false END);

CREATE POLICY unfiltered ON account_term TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON account_term TO canopy_reader;

ALTER TABLE api_client ENABLE ROW LEVEL SECURITY;

ALTER TABLE api_client FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON api_client FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

CREATE POLICY unfiltered ON api_client TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON api_client TO canopy_reader;

ALTER TABLE app_user ENABLE ROW LEVEL SECURITY;

ALTER TABLE app_user FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON app_user FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR id = (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint)) THEN true ELSE false END);

CREATE POLICY unfiltered ON app_user TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON app_user TO canopy_reader;

ALTER TABLE manufacturer ENABLE ROW LEVEL SECURITY;

ALTER TABLE manufacturer FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON manufacturer FOR SELECT TO canopy_reader USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 OR EXISTS (SELECT 1 FROM product WHERE product.manufacturer_id = manufacturer.id) THEN true ELSE false END);

CREATE POLICY unfiltered ON manufacturer TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON manufacturer TO canopy_reader;

ALTER TABLE marketplace ENABLE ROW LEVEL SECURITY;

ALTER TABLE marketplace FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON marketplace FOR SELECT TO canopy_reader USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 OR EXISTS (SELECT 1 FROM account a WHERE a.marketplace_id = marketplace.id AND a.path >= (SELECT current_setting('canopy.lo', true)) AND a.path < (SELECT current_setting('canopy.hi', true))) THEN true ELSE false END);

CREATE POLICY unfiltered ON marketplace TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON marketplace TO canopy_reader;

ALTER TABLE order_line ENABLE ROW LEVEL SECURITY;

ALTER TABLE order_line FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON order_line FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

CREATE POLICY unfiltered ON order_line TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON order_line TO canopy_reader;

ALTER TABLE orders ENABLE ROW LEVEL SECURITY;

ALTER TABLE orders FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON orders FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 THEN true ELSE false END);

CREATE POLICY unfiltered ON orders TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON orders TO canopy_reader;

ALTER TABLE plan ENABLE ROW LEVEL SECURITY;

ALTER TABLE plan FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON plan FOR SELECT TO canopy_reader USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 OR EXISTS (SELECT 1 FROM price p WHERE p.plan_id = plan.id AND p.seller_path >= (SELECT current_setting('canopy.lo', true)) AND p.seller_path < (SELECT current_setting('canopy.hi', true))) OR EXISTS (SELECT 1 FROM price p WHERE p.plan_id = plan.id AND p.seller_id = (SELECT nullif(current_setting('canopy.vendor', true), '')::bigint)) OR EXISTS (SELECT 1 FROM subscription s WHERE s.plan_id = plan.id AND s.path >= (SELECT current_setting('canopy.lo', true)) AND s.path < (SELECT current_setting('canopy.hi', true))) THEN true ELSE false END);

CREATE POLICY unfiltered ON plan TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON plan TO canopy_reader;

ALTER TABLE plan_period ENABLE ROW LEVEL SECURITY;

ALTER TABLE plan_period FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON plan_period FOR SELECT TO canopy_reader USING (CASE WHEN EXISTS (SELECT 1 FROM plan WHERE plan.id = plan_period.plan_id) THEN true ELSE false END);

CREATE POLICY unfiltered ON plan_period TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON plan_period TO canopy_reader;

ALTER TABLE price ENABLE ROW LEVEL SECURITY;

ALTER TABLE price FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON price FOR SELECT TO canopy_reader USING (CASE WHEN (SELECT nullif(current_setting('canopy.prices', true), '')::bigint) = 1 AND (seller_path >= (SELECT current_setting('canopy.lo', true)) AND seller_path < (SELECT current_setting('canopy.hi', true)) AND length(seller_path) <= (SELECT nullif(current_setting('canopy.seller_span', true), '')::bigint) OR seller_id = (SELECT nullif(current_setting('canopy.vendor', true), '')::bigint) AND (buyer_id = (SELECT nullif(current_setting('canopy.account', true), '')::bigint) OR buyer_id IS NULL) OR seller_id IS NULL AND (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1) THEN true ELSE false END);

CREATE POLICY unfiltered ON price TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON price TO canopy_reader;

ALTER TABLE product ENABLE ROW LEVEL SECURITY;

ALTER TABLE product FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON product FOR SELECT TO canopy_reader USING (CASE WHEN (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1 OR EXISTS (SELECT 1 FROM price p WHERE p.product_id = product.id AND p.seller_path >= (SELECT current_setting('canopy.lo', true)) AND p.seller_path < (SELECT current_setting('canopy.hi', true))) OR EXISTS (SELECT 1 FROM price p WHERE p.product_id = product.id AND p.seller_id = (SELECT nullif(current_setting('canopy.vendor', true), '')::bigint)) OR EXISTS (SELECT 1 FROM subscription s WHERE s.product_id = product.id AND s.path >= (SELECT current_setting('canopy.lo', true)) AND s.path < (SELECT current_setting('canopy.hi', true))) THEN true ELSE false END);

CREATE POLICY unfiltered ON product TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON product TO canopy_reader;

ALTER TABLE product_dependency ENABLE ROW LEVEL SECURITY;

ALTER TABLE product_dependency FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON product_dependency FOR SELECT TO canopy_reader USING (CASE WHEN EXISTS (SELECT 1 FROM product WHERE product.id = product_dependency.product_id) THEN true ELSE false END);

CREATE POLICY unfiltered ON product_dependency TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON product_dependency TO canopy_reader;

ALTER TABLE product_term ENABLE ROW LEVEL SECURITY;

ALTER TABLE product_term FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON product_term FOR SELECT TO canopy_reader USING (CASE WHEN EXISTS (SELECT 1 FROM product WHERE product.id = product_term.product_id) THEN true ELSE false END);

CREATE POLICY unfiltered ON product_term TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON product_term TO canopy_reader;

ALTER TABLE role ENABLE ROW LEVEL SECURITY;

ALTER TABLE role FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON role FOR SELECT TO canopy_reader USING (CASE WHEN (SELECT current_setting('canopy.lo', true)) > '' THEN true ELSE false END);

CREATE POLICY unfiltered ON role TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON role TO canopy_reader;

ALTER TABLE seat ENABLE ROW LEVEL SECURITY;

ALTER TABLE seat FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON seat FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR user_id = (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint)) THEN true ELSE false END);

CREATE POLICY unfiltered ON seat TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON seat TO canopy_reader;

ALTER TABLE subscription ENABLE ROW LEVEL SECURITY;

ALTER TABLE subscription FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON subscription FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR subscription.id = ANY (ARRAY(SELECT seat.subscription_id FROM seat WHERE seat.user_id = (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint)))) THEN true ELSE false END);

CREATE POLICY unfiltered ON subscription TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON subscription TO canopy_reader;

ALTER TABLE subscription_charge ENABLE ROW LEVEL SECURITY;

ALTER TABLE subscription_charge FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON subscription_charge FOR SELECT TO canopy_reader USING (CASE WHEN (SELECT nullif(current_setting('canopy.prices', true), '')::bigint) = 1 AND path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND (seller_path >= (SELECT current_setting('canopy.lo', true)) AND seller_path < (SELECT current_setting('canopy.hi', true)) AND length(seller_path) <= (SELECT nullif(current_setting('canopy.seller_span', true), '')::bigint) OR seller_id = (SELECT nullif(current_setting('canopy.vendor', true), '')::bigint) AND buyer_id = (SELECT nullif(current_setting('canopy.account', true), '')::bigint) OR seller_id IS NULL AND (SELECT nullif(current_setting('canopy.catalogue', true), '')::bigint) = 1) THEN true ELSE false END);

CREATE POLICY unfiltered ON subscription_charge TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON subscription_charge TO canopy_reader;

ALTER TABLE subscription_item ENABLE ROW LEVEL SECURITY;

ALTER TABLE subscription_item FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON subscription_item FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR subscription_item.subscription_id = ANY (ARRAY(SELECT seat.subscription_id FROM seat WHERE seat.user_id = (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint)))) THEN true ELSE false END);

CREATE POLICY unfiltered ON subscription_item TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON subscription_item TO canopy_reader;

ALTER TABLE user_role ENABLE ROW LEVEL SECURITY;

ALTER TABLE user_role FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON user_role FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR user_id = (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint)) THEN true ELSE false END);

CREATE POLICY unfiltered ON user_role TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON user_role TO canopy_reader;

ALTER TABLE user_term ENABLE ROW LEVEL SECURITY;

ALTER TABLE user_term FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON user_term FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) AND ((SELECT nullif(current_setting('canopy.only_user', true), '')::bigint) = 0 OR user_id = (SELECT nullif(current_setting('canopy.only_user', true), '')::bigint)) THEN true ELSE false END);

CREATE POLICY unfiltered ON user_term TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON user_term TO canopy_reader;

ALTER TABLE vendor_card ENABLE ROW LEVEL SECURITY;

ALTER TABLE vendor_card FORCE ROW LEVEL SECURITY;

CREATE POLICY scope ON vendor_card FOR SELECT TO canopy_reader USING (CASE WHEN path >= (SELECT current_setting('canopy.lo', true)) AND path < (SELECT current_setting('canopy.hi', true)) AND length(path) <= (SELECT nullif(current_setting('canopy.span', true), '')::bigint) OR account_id = (SELECT nullif(current_setting('canopy.vendor', true), '')::bigint) THEN true ELSE false END);

CREATE POLICY unfiltered ON vendor_card TO canopy_system USING ((SELECT current_user) = 'canopy_system') WITH CHECK ((SELECT current_user) = 'canopy_system');

GRANT SELECT ON vendor_card TO canopy_reader;

ALTER TABLE account_term ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE account_term SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE account ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE account SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE account_contact ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE account_contact SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE api_client ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE api_client SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE app_user ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE app_user SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE subscription ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE subscription SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE vendor_card ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE vendor_card SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE orders ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE orders SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE seat ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE seat SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE subscription_item ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE subscription_item SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE user_role ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE user_role SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE user_term ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE user_term SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE order_line ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE order_line SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE subscription_charge ALTER COLUMN path SET STATISTICS 1000;

ALTER TABLE subscription_charge SET (autovacuum_vacuum_insert_scale_factor = 0.02, autovacuum_analyze_scale_factor = 0.02);

ALTER TABLE price ALTER COLUMN seller_path SET STATISTICS 1000;
