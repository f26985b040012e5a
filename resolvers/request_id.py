"""The id of what is being answered or done, by which a change, an answer and the log find each other.

It goes along with the task instead of being handed on: whatever is changed on the way has it, and none can forget it.
"""

from contextvars import ContextVar

REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)
"""Of a request as its client gave it, or as it was made; of a job `job:` and its number. None outside of both."""
