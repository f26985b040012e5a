"""Which states accounts, orders and subscriptions pass through, as tables, and what an account's state entails."""
