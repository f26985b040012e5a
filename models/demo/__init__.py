"""A demo tree of any size, made of a few facts and a seed, and the logins with which to look at it."""

from models.demo.credentials import CLIENT_ID, CLIENT_SECRET, PASSWORD, MissingLoginError, add_credentials
from models.demo.people import LOGINS
from models.demo.seeding import AlreadyPopulatedError, seed
from models.demo.sources import demo_sources
from models.demo.tree import TreeTooSmallError

__all__ = [
    "CLIENT_ID",
    "CLIENT_SECRET",
    "LOGINS",
    "PASSWORD",
    "AlreadyPopulatedError",
    "MissingLoginError",
    "TreeTooSmallError",
    "add_credentials",
    "demo_sources",
    "seed",
]
