"""A defect that is planted, and that nobody may be told of."""

CANARY = "canary-5b1f0c7e at /srv/secret/place.py password=hunter2"
"""What a planted exception says."""
_WORDS = ("canary-5b1f0c7e", "/srv/secret", "hunter2", "Traceback", "RuntimeError", '.py"')


class PlantedError(RuntimeError):
    """A defect."""

    def __init__(self) -> None:
        super().__init__(CANARY)


def assert_silent(told: bytes | str) -> None:
    """Nothing that was told holds anything of a planted defect, or of any."""
    text = told if isinstance(told, str) else told.decode("utf-8", "replace")
    found = [word for word in _WORDS if word in text]
    assert not found, f"{found} in {text[:2000]}"
