"""Users, the roles they hold, and the API clients by which programs reach an account."""

from enum import StrEnum

from sqlalchemy import Index
from sqlmodel import Field, SQLModel

from models.base import BigId, Bytewise, Dated, Owned, covering, one_of
from models.identity import SecurityQuestion


class UserKind(StrEnum):
    """What a user is for: managing the account, or only using its services."""

    ADMINISTRATOR = "ADMINISTRATOR"
    SERVICE_USER = "SERVICE_USER"


class UserStatus(StrEnum):
    """Whether a user can sign in: only an active one can."""

    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    DEACTIVATED = "DEACTIVATED"


class RoleCode(StrEnum):
    """The predefined roles; what each may do stands in `resolvers/privileges.py`."""

    PROVIDER_FULL_ACCESS = "PROVIDER_FULL_ACCESS"
    RESELLER_FULL_ACCESS = "RESELLER_FULL_ACCESS"
    CUSTOMER_FULL_ACCESS = "CUSTOMER_FULL_ACCESS"
    SALES_MANAGER = "SALES_MANAGER"
    ACCOUNTANT = "ACCOUNTANT"
    SUPPORT_ENGINEER = "SUPPORT_ENGINEER"
    LIMITED_ADMINISTRATOR = "LIMITED_ADMINISTRATOR"
    SERVICE_USER = "SERVICE_USER"


class User(Owned, Dated, table=True):
    """Someone's membership in one account, in which they can sign in. Names and addresses are personal data."""

    __tablename__ = "app_user"
    __table_args__ = (
        one_of("kind", UserKind),
        one_of("status", UserStatus),
        Index("app_user_login", "login", "account_id", unique=True),
        *covering("app_user_path", "path", include=("created_at", "name_key", "kind", "id")),
        Index("app_user_account_created", "account_id", "created_at", "id"),
        Index("app_user_account_name", "account_id", "name_key", "id"),
        Index("app_user_created", "created_at", "id"),
        Index("app_user_name", "name_key", "id"),
        Index("app_user_email", "email_key", "path"),
    )

    id: int = Field(primary_key=True, sa_type=BigId)
    login: str = Field(sa_type=Bytewise)
    """Folded to lower case; a person's, who may be a user of several accounts. Known to its owner and those above."""
    kind: UserKind = Field(sa_type=Bytewise)
    status: UserStatus = Field(default=UserStatus.ACTIVE, sa_type=Bytewise)
    first_name: str
    last_name: str
    name_key: str = Field(sa_type=Bytewise)
    """'last first', folded."""
    email: str
    email_key: str = Field(sa_type=Bytewise)
    phone_number: str | None = None
    language: str = "en"
    security_question: SecurityQuestion | None = Field(default=None, sa_type=Bytewise)
    """Copy of the person's, for those to ask it who check the answer."""


class UserTerm(SQLModel, table=True):
    """One word of a user's name, folded: the index behind text search."""

    __tablename__ = "user_term"
    __table_args__ = (
        Index("user_term_term", "term", "path", "user_id"),
        Index("user_term_path", "path", "term", "user_id"),
    )

    user_id: int = Field(primary_key=True, foreign_key="app_user.id", sa_type=BigId)
    term: str = Field(primary_key=True, sa_type=Bytewise)
    path: str = Field(sa_type=Bytewise)


class Role(SQLModel, table=True):
    """A predefined role's name and meaning. Everyone may read them."""

    __tablename__ = "role"

    code: RoleCode = Field(primary_key=True, sa_type=Bytewise)
    name: str
    description: str


class UserRole(Owned, table=True):
    """A role that a user holds in its account. Roles add up."""

    __tablename__ = "user_role"
    __table_args__ = (Index("user_role_role", "role_code", "path", "user_id"), Index("user_role_path", "path"))

    user_id: int = Field(primary_key=True, foreign_key="app_user.id", sa_type=BigId)
    role_code: RoleCode = Field(primary_key=True, foreign_key="role.code", sa_type=Bytewise)


class UserDenial(Owned, table=True):
    """A privilege that a user does not have in its account, whatever its roles grant."""

    __tablename__ = "user_denial"
    __table_args__ = (Index("user_denial_path", "path"),)

    user_id: int = Field(primary_key=True, foreign_key="app_user.id", sa_type=BigId)
    privilege: str = Field(primary_key=True, sa_type=Bytewise)
    """As `resource:action`."""


class ApiClient(Owned, Dated, table=True):
    """A named credential of an account for programs, with privileges of its own."""

    __tablename__ = "api_client"
    __table_args__ = (Index("api_client_client_id", "client_id", unique=True), Index("api_client_path", "path"))

    id: int = Field(primary_key=True, sa_type=BigId)
    client_id: str = Field(sa_type=Bytewise)
    name: str
    privileges: str
    """JSON list of `resource:action` names."""
    reach: str = Field(default="SUBTREE", sa_type=Bytewise)
    is_active: bool = True
