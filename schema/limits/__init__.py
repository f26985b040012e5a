"""What an operation may ask for: how much of what a document is, and what it costs.

Pure functions of a text, a document and a schema. They know no setting, no caller and no clock.
"""
