"""Who may see and change which row: rules for each table, written once and turned into both engines' filters.

`rules` says what is seen and `writes` what is changed, in the words of `scope`; `postgresql` makes row-level security
policies of them, `sqlite` temporary views that shadow the tables and temporary triggers on them.
"""
