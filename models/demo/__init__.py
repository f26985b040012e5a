"""A demo tree of any size, made of a few facts and a seed, and the logins with which to look at it."""
