"""The picture of a run: for each workload and caller a bar for each server, its CPU against the floor's."""

from collections.abc import Sequence
from html import escape

from bench.measure import Case, groups
from bench.report import ratio
from bench.servers import SERVERS

_WIDTH, _LEFT, _RIGHT = 870, 210, 150
_TOP, _BAR, _GAP = 78, 13, 12
_SCALE = 4.0
"""Longer bars are cut off here, and say so."""
_COLOURS = {"rows": "#8c959f", "json": "#c4cad0", "canopy": "#1a7f5a", "plans-off": "#d1803a"}


def _x(value: float) -> float:
    return _LEFT + min(value, _SCALE) / _SCALE * (_WIDTH - _LEFT - _RIGHT)


def _text(x: float, y: float, words: str, *, anchor: str = "start", weight: str = "normal") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{escape(words)}</text>'


def _rule(x: float, bottom: float, colour: str, dashes: str = "") -> str:
    style = f' stroke-dasharray="{dashes}"' if dashes else ""
    return f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{_TOP - 6}" y2="{bottom:.1f}" stroke="{colour}"{style}/>'


def _bar(case: Case, times: float, y: float) -> list[str]:
    length = _x(times) - _LEFT
    colour = _COLOURS[case.server]
    base = y + _BAR - 4
    return [
        f'<rect x="{_LEFT}" y="{y:.1f}" width="{length:.1f}" height="{_BAR - 2}" fill="{colour}"/>',
        *([_text(_x(_SCALE) + 2, base, "→")] if times > _SCALE else []),
        _text(_WIDTH - 76, base, f"{times:.2f}x", anchor="end"),
        _text(_WIDTH - 8, base, f"{case.cpu_ms:.2f} ms", anchor="end"),
    ]


def svg(title: str, cases: Sequence[Case]) -> str:
    """The picture as an SVG document; cases without a floor to compare with are left out."""
    parts: list[str] = []
    y = float(_TOP)
    for group in groups(cases):
        first = group[0]
        parts.append(_text(8, y + _BAR - 3, f"{first.workload.name.upper()} {first.workload.title}", weight="bold"))
        parts.append(_text(8, y + 2 * _BAR - 2, f"asked by {first.subject.name}"))
        for case in group:
            times = ratio(case, group)
            if times is not None:
                parts += _bar(case, times, y)
                y += _BAR
        y = max(y, _TOP) + _GAP
    rules = [_rule(_x(1), y, "#57606a"), _rule(_x(1.5), y, "#1a7f5a", "4 3")]
    labels = [_text(_x(1), _TOP - 10, "floor", anchor="middle"), _text(_x(1.5), _TOP - 10, "1.5x", anchor="middle")]
    return "\n".join([*_head(title, y), *rules, *labels, *parts, "</svg>\n"])


def _head(title: str, height: float) -> list[str]:
    legend = []
    x = 8.0
    for name, meaning in SERVERS.items():
        legend.append(f'<rect x="{x:.0f}" y="34" width="10" height="10" fill="{_COLOURS[name]}"/>')
        legend.append(_text(x + 14, 43, meaning if name in ("canopy", "plans-off") else f"{name}: {meaning}"))
        x += 40 + 6.2 * len(f"{name}: {meaning}")
    return [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height:.0f}" font-size="11"'
        ' font-family="sans-serif" fill="#24292f">',
        f'<rect width="{_WIDTH}" height="{height:.0f}" fill="#ffffff"/>',
        _text(8, 20, title, weight="bold"),
        *legend,
    ]
