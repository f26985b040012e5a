"""What export writes: for each file a query that gives its columns in order, and its rows in an order of their own."""

from models.exchange import files
from models.exchange.files import File

_MARKETPLACES = """
    SELECT code, name, country_code, currency FROM marketplace ORDER BY code"""

_PLANS = """
    SELECT p.code, p.name, p.billing_period_type, p.billing_period_duration, p.billing_model,
           (SELECT JOINED(l.v, '|') FROM (
              SELECT duration || ' ' || type || CASE WHEN is_trial THEN ' trial' ELSE '' END
                     || CASE WHEN is_active THEN '' ELSE ' inactive' END AS v
              FROM plan_period WHERE plan_id = p.id ORDER BY type, duration) l),
           p.short_description, p.long_description, p.is_published
    FROM plan p ORDER BY p.code"""

_PRODUCTS = """
    SELECT p.mpn, m.code, m.name, p.name, p.description, p.service_name, p.segment, p.unit, p.minimum_quantity,
           p.maximum_quantity, p.coterming_requirement, p.coterming_type, p.status,
           (SELECT JOINED(l.v, '|') FROM (
              SELECT n.code || '/' || o.mpn AS v FROM product_dependency d
              JOIN product o ON o.id = d.depends_on_id JOIN manufacturer n ON n.id = o.manufacturer_id
              WHERE d.product_id = p.id ORDER BY v) l),
           p.created_at
    FROM product p JOIN manufacturer m ON m.id = p.manufacturer_id ORDER BY m.code, p.mpn"""

_ACCOUNTS = """
    SELECT ACCOUNT_KEY(a) AS key, ACCOUNT_KEY(v) AS vendor, a.type, a.name, a.status, a.external_id, m.code, a.currency,
           a.language, a.tax_registration_id, a.customer_class, a.taxation_provider_name, a.street_address,
           a.address_extension, a.postal_code, a.city, a.state, a.country_code, a.attributes, c.name, c.support_email,
           c.support_phone, c.support_url, c.logo_url, c.brand_color, a.created_at, a.updated_at
    FROM account a LEFT JOIN account v ON v.id = a.parent_id LEFT JOIN marketplace m ON m.id = a.marketplace_id
    LEFT JOIN vendor_card c ON c.account_id = a.id ORDER BY 1"""

_CONTACTS = """
    SELECT l.account, l.type, l.first_name, l.last_name, l.email, l.phone_number FROM (
      SELECT ACCOUNT_KEY(a) AS account, c.* FROM account_contact c JOIN account a ON a.id = c.account_id) l
    ORDER BY l.account, l.position, l.id"""

_USERS = """
    SELECT u.login, ACCOUNT_KEY(a) AS account, u.kind, u.first_name, u.last_name, u.email, u.phone_number, u.language,
           u.status,
           coalesce((SELECT JOINED(l.role_code, '|') FROM (
              SELECT role_code FROM user_role WHERE user_id = u.id ORDER BY role_code) l), 'NONE'),
           coalesce((SELECT JOINED(l.privilege, '|') FROM (
              SELECT privilege FROM user_denial WHERE user_id = u.id ORDER BY privilege) l), 'NONE'),
           u.created_at, u.updated_at
    FROM app_user u JOIN account a ON a.id = u.account_id ORDER BY u.login, 2"""

_PRICES = """
    SELECT l.seller, l.buyer, l.manufacturer_code, l.mpn, l.plan, l.marketplace, l.period_type, l.period_duration,
           l.type, l.model, l.currency, l.amount_micros, l.tiers, l.valid_from, l.valid_until
    FROM (SELECT ACCOUNT_KEY(v) AS seller, ACCOUNT_KEY(b) AS buyer, n.code AS manufacturer_code, o.mpn,
                 l.code AS plan, m.code AS marketplace, p.period_type, p.period_duration, p.type, p.model, p.currency,
                 p.amount_micros, p.tiers, p.valid_from, p.valid_until, p.id
          FROM price p LEFT JOIN account v ON v.id = p.seller_id LEFT JOIN account b ON b.id = p.buyer_id
          JOIN product o ON o.id = p.product_id JOIN manufacturer n ON n.id = o.manufacturer_id
          JOIN plan l ON l.id = p.plan_id LEFT JOIN marketplace m ON m.id = p.marketplace_id
          WHERE p.valid_until IS NULL OR p.valid_until > p.valid_from) l
    ORDER BY coalesce(l.seller, ''), l.manufacturer_code, l.mpn, l.plan, coalesce(l.buyer, ''),
             coalesce(l.marketplace, ''), l.period_type, l.period_duration, l.type, l.currency, l.valid_from, l.id"""

_SUBSCRIPTIONS = """
    SELECT SUBSCRIPTION_KEY(s) AS key, ACCOUNT_KEY(a) AS account, s.name, s.status, n.code, o.mpn, l.code, s.quantity,
           s.auto_renew, s.period_type, s.period_duration, s.start_date, s.renewal_date, s.expiration_date,
           s.vendor_subscription_id, s.attributes,
           (SELECT JOINED(e.login, '|') FROM (
              SELECT u.login FROM seat t JOIN app_user u ON u.id = t.user_id WHERE t.subscription_id = s.id
              ORDER BY u.login) e),
           s.created_at, s.updated_at
    FROM subscription s JOIN account a ON a.id = s.account_id JOIN product o ON o.id = s.product_id
    JOIN manufacturer n ON n.id = o.manufacturer_id JOIN plan l ON l.id = s.plan_id ORDER BY 1"""

_SUBSCRIPTION_ITEMS = """
    SELECT SUBSCRIPTION_KEY(s) AS subscription, i.position, n.code, o.mpn, i.quantity, i.vendor_subscription_id
    FROM subscription_item i JOIN subscription s ON s.id = i.subscription_id JOIN product o ON o.id = i.product_id
    JOIN manufacturer n ON n.id = o.manufacturer_id WHERE i.position > 0 ORDER BY 1, 2"""

# A subscription without charges says so: import would work them out from prices otherwise.
_CHARGES = """
    SELECT l.subscription, l.position, l.seller, l.buyer, l.currency, l.unit_micros FROM (
      SELECT SUBSCRIPTION_KEY(s) AS subscription, i.position, ACCOUNT_KEY(v) AS seller, ACCOUNT_KEY(b) AS buyer,
             c.currency, c.unit_micros, length(c.seller_path) AS level
      FROM subscription_charge c JOIN subscription s ON s.id = c.subscription_id
      JOIN subscription_item i ON i.id = c.item_id LEFT JOIN account v ON v.id = c.seller_id
      JOIN account b ON b.id = c.buyer_id
      UNION ALL
      SELECT SUBSCRIPTION_KEY(s), 0, ACCOUNT_KEY(v), ACCOUNT_KEY(b), NULL, NULL, 0
      FROM subscription s JOIN account b ON b.id = s.account_id LEFT JOIN account v ON v.id = b.parent_id
      WHERE NOT EXISTS (SELECT 1 FROM subscription_charge c WHERE c.subscription_id = s.id)) l
    ORDER BY l.subscription, l.position, l.level"""

_ORDERS = """
    SELECT o.number, ACCOUNT_KEY(a) AS account, o.type, o.status, o.status_code, o.po_number, o.created_at,
           o.updated_at, o.provisioned_at, o.currency, o.total_micros, SUBSCRIPTION_KEY(s) AS subscription,
           o.scheduled_on, o.credit_check, o.error_message, o.attributes
    FROM orders o JOIN account a ON a.id = o.account_id LEFT JOIN subscription s ON s.id = o.subscription_id
    ORDER BY o.number"""

_ORDER_LINES = """
    SELECT r.number, i.position, n.code, o.mpn, l.code, i.name, i.period_type, i.period_duration, i.quantity_kind,
           i.quantity, i.resulting_quantity, i.effective_on, i.currency, i.unit_micros, i.extended_micros,
           i.exchange_rate
    FROM order_line i JOIN orders r ON r.id = i.order_id JOIN product o ON o.id = i.product_id
    JOIN manufacturer n ON n.id = o.manufacturer_id JOIN plan l ON l.id = i.plan_id ORDER BY 1, 2"""

QUERIES: dict[File, str] = {
    files.MARKETPLACES: _MARKETPLACES,
    files.PLANS: _PLANS,
    files.PRODUCTS: _PRODUCTS,
    files.ACCOUNTS: _ACCOUNTS,
    files.CONTACTS: _CONTACTS,
    files.USERS: _USERS,
    files.PRICES: _PRICES,
    files.SUBSCRIPTIONS: _SUBSCRIPTIONS,
    files.SUBSCRIPTION_ITEMS: _SUBSCRIPTION_ITEMS,
    files.CHARGES: _CHARGES,
    files.ORDERS: _ORDERS,
    files.ORDER_LINES: _ORDER_LINES,
}
