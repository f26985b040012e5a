"""Labels of metrics: names that are few, whatever clients call themselves and their operations."""

OTHER = "other"
NONE = "none"


class Labels:
    """Names that may be labels, first come first served; whoever comes too late is `other`.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._names: set[str] = set()

    def of(self, name: str | None, *, is_known: bool) -> str:
        """The label for a name: itself, if operators have brought it in and there is room."""
        if not name:
            return NONE
        if name in self._names:
            return name
        if not is_known or len(self._names) >= self._most:
            return OTHER
        self._names.add(name)
        return name
