"""What resolvers are given beside their parent."""

import strawberry

from resolvers.context import Context

Info = strawberry.Info[Context, None]
