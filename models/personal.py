"""Which columns hold personal data: names and addresses of people, wherever they are shown."""

PERSONAL: dict[str, frozenset[str]] = {
    "account_contact": frozenset({"first_name", "last_name", "email", "phone_number"}),
    "app_user": frozenset({"login", "first_name", "last_name", "email", "phone_number"}),
}
"""By table."""
