"""Currencies: the smallest unit of each, of which whatever is charged, invoiced or paid is a whole number."""

from models.base import MICROS

_DECIMALS = 2
_OTHER_DECIMALS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI"), 0),
    **dict.fromkeys(("VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
    **dict.fromkeys(("CLF", "UYW"), 4),
}
"""Where a currency hasn't two (ISO 4217, "minor unit")."""
DEFAULT_SMALLEST: int = MICROS // 10**_DECIMALS
"""That of most currencies, in micros."""
OTHER_SMALLEST: dict[str, int] = {currency: MICROS // 10**decimals for currency, decimals in _OTHER_DECIMALS.items()}
"""Of the others."""


def smallest(currency: str) -> int:
    """The smallest unit of a currency, in micros."""
    return OTHER_SMALLEST.get(currency, DEFAULT_SMALLEST)


def half_up(numerator: int, denominator: int) -> int:
    """The quotient as a whole number, halves away from zero. The denominator is above zero."""
    quotient = (2 * abs(numerator) + denominator) // (2 * denominator)
    return quotient if numerator >= 0 else -quotient


def payable(numerator: int, currency: str, denominator: int = 1) -> int:
    """A fraction of a micro, or whole micros, as an amount that can be paid.

    Args:
        numerator: in micros.
        currency: of the amount, an ISO 4217 code.
        denominator: above zero.

    Returns:
        Micros: a whole number of the currency's smallest unit, halves away from zero.
    """
    unit = smallest(currency)
    return half_up(numerator, denominator * unit) * unit
