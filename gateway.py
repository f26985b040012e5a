"""Canopy's gateway: settings, routes, and the command line. The only file that speaks HTTP."""

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from html import escape
from pathlib import Path
from typing import Any, NoReturn, TypeVar
from uuid import uuid4

import click
import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from models.check import check
from models.demo import DEMO_LOGINS, DEMO_PASSWORD, AlreadyPopulatedError, seed
from models.exchange import ImportRefusedError, export_directory, import_directory
from models.migrations import migrate, pending
from models.roles import name_roles
from models.store import InvalidDatabaseURLError, Store, StoreError, open_store
from resolvers import sign_in
from resolvers.context import Context
from resolvers.errors import CanopyError, UnauthenticatedError, UnavailableError
from resolvers.identity import caller_of
from resolvers.keys import KeyFileError, KeyRing, open_key_ring
from resolvers.oauth import Grant, Refusal, SignInError
from resolvers.passwords import HashSettings, Passwords
from resolvers.privileges import ROLE_NAMES, Privilege
from resolvers.sign_in import SignInSettings
from resolvers.throttle import Throttle, ThrottleSettings
from resolvers.tokens import AccessTokens
from schema import schema

log = logging.getLogger("canopy")
T = TypeVar("T")

WEB = Path(__file__).parent / "web" / "dist"
MAX_BODY = 256 * 1024
REQUEST_SECONDS = 10
GRAPHQL_JSON = "application/graphql-response+json"
PAGE_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; worker-src 'self'; font-src 'self' data:;"
    " img-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
)
