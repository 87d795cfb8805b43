"""How does a plan look as a picture? One SVG: a column per batch, a card per step, a line per dependency.

Called by `wfexec.cli.graph`. Pure, the same bytes for the same recipe; whole numbers only. A dependency that another
one implies is not drawn. Colours are readable on light and on dark pages, and nothing is told by colour alone.
"""

import html
from itertools import pairwise
from typing import Final, NamedTuple

from wfexec.core.forecast import reads_only
from wfexec.model.recipe import Recipe, RecipeStep
from wfexec.units import format_duration

CARD: Final = (232, 72)
GAP: Final = (84, 20)
MARGIN: Final = 28
HEAD: Final = 96
FOOT: Final = 48
# The height that a line takes where it passes a column between the cards.
LANE: Final = 12
NAME_MAX: Final = 25
DETAIL_MAX: Final = 31
PAPER: Final = "#ffffff"
INK: Final = "#1f2328"
SOFT: Final = "#59636e"
LINE: Final = "#768390"
CRITICAL: Final = "#d1570a"
UNDONE: Final = "#2da44e"
LASTING: Final = "#bf8700"
STYLE: Final = (
    "text{font:12px ui-sans-serif,system-ui,'DejaVu Sans',sans-serif}"
    ".n{font-weight:600;font-size:13px}.h{font-weight:700;font-size:17px}"
)
SWEEPS: Final = 4


class Node(NamedTuple):
    """A place in a column: a step, or (`end` set) where the line from `position` to `end` passes."""

    position: int
    end: int = -1


Columns = list[list[Node]]
Spot = tuple[int, int]


def svg(recipes: tuple[Recipe, ...], approvals: tuple[str, ...]) -> str:
    """All recipes below each other; `approvals` says of each why a person must agree first, "" where nobody must."""
    drawn = [_picture(recipe, approval) for recipe, approval in zip(recipes, approvals, strict=True)]
    width = max((part[0] for part in drawn), default=0)
    height = sum(part[1] for part in drawn)
    title = ", ".join(_text(recipe.name) for recipe in recipes)
    told = " ".join(_told(recipe, why) for recipe, why in zip(recipes, approvals, strict=True))
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
        ' role="img" aria-labelledby="wf-title wf-desc">',
        f'<title id="wf-title">{title}</title>',
        f'<desc id="wf-desc">{told}</desc>',
        f"<style>{STYLE}</style>",
    ]
    top = 0
    for _, tall, body in drawn:
        lines += [f'<g transform="translate(0 {top})">', *body, "</g>"]
        top += tall
    return "\n".join([*lines, "</svg>"]) + "\n"


def _told(recipe: Recipe, approval: str) -> str:
    """The picture in words."""
    batches = "; ".join(
        f"batch {number}: " + ", ".join(f"{recipe.steps[one].number} {_text(recipe.steps[one].name)}" for one in batch)
        for number, batch in enumerate(recipe.batches, 1)
    )
    path = ", ".join(str(recipe.steps[one].number) for one in recipe.critical_path)
    waits = f" Waits for approval: {_text(approval)}." if approval else ""
    return f"{_text(recipe.name)}: {batches}. Critical path: {path}.{waits}"


def _picture(recipe: Recipe, approval: str) -> tuple[int, int, list[str]]:
    """Width, height and elements of one recipe."""
    edges = _edges(recipe)
    columns = _columns(recipe, edges)
    tall = max(_height(column) for column in columns)
    spots = _spots(columns, tall)
    left = MARGIN + (CARD[0] // 2 + GAP[0] // 2 if approval else 0)
    width = max(left + len(columns) * (CARD[0] + GAP[0]) - GAP[0] + MARGIN, 2 * MARGIN + 620)
    height = HEAD + tall + FOOT
    body = [*_header(recipe), f'<g transform="translate({left} {HEAD})">']
    for number in range(len(columns)):
        x = number * (CARD[0] + GAP[0]) + CARD[0] // 2
        body.append(f'<text x="{x}" y="-14" text-anchor="middle" fill="{LINE}">batch {number + 1}</text>')
    if approval:
        body += _gate(columns, spots, approval)
    path = set(pairwise(recipe.critical_path))
    for edge in sorted(edges, key=lambda edge: (edge in path, edge)):
        body.append(_line(edge, recipe, spots, critical=edge in path))
    on_path = frozenset(recipe.critical_path)
    body += [
        line for step in recipe.steps for line in _card(step, spots[Node(step.position)], step.position in on_path)
    ]
    body.append("</g>")
    return width, height, [*body, *_legend(height)]


def _edges(recipe: Recipe) -> list[tuple[int, int]]:
    """(dependency, dependent), without those that a longer way implies unless the critical path takes them."""
    above: dict[int, frozenset[int]] = {}
    kept = []
    for position in recipe.order:
        direct = recipe.steps[position].dependencies
        through = frozenset[int]().union(*(above[one] for one in direct))
        above[position] = through | frozenset(direct)
        kept += [(one, position) for one in direct if one not in through]
    return kept


def _columns(recipe: Recipe, edges: list[tuple[int, int]]) -> Columns:
    """Steps and passing lines by batch, ordered so that few lines cross."""
    column_of = {one: number for number, batch in enumerate(recipe.batches) for one in batch}
    columns: Columns = [[Node(one) for one in batch] for batch in recipe.batches]
    before: dict[Node, list[Node]] = {}
    after: dict[Node, list[Node]] = {}
    for start, end in edges:
        chain = [Node(start)]
        for number in range(column_of[start] + 1, column_of[end]):
            columns[number].append(Node(start, end))
            chain.append(Node(start, end))
        chain.append(Node(end))
        # The nodes of one line in different columns are told apart by their column.
        for number, (one, other) in enumerate(pairwise(chain), column_of[start]):
            after.setdefault(_key(one, number), []).append(_key(other, number + 1))
            before.setdefault(_key(other, number + 1), []).append(_key(one, number))
    for sweep in range(SWEEPS):
        forward = sweep % 2 == 0
        order = range(len(columns)) if forward else range(len(columns) - 1, -1, -1)
        for number in order:
            _reorder(columns, number, before if forward else after, -1 if forward else 1)
    return columns


def _key(node: Node, column: int) -> Node:
    return node if node.end < 0 else Node(node.position, node.end * 1_000 + column)


def _reorder(columns: Columns, number: int, links: dict[Node, list[Node]], side: int) -> None:
    """One column by the middle of its neighbours' places."""
    if not 0 <= number + side < len(columns):
        return
    size = max(1, len(columns[number + side]) - 1)
    places = {_key(node, number + side): 2 * place / size for place, node in enumerate(columns[number + side])}
    own = max(1, len(columns[number]) - 1)

    def middle(place: int) -> float:
        found = [places[one] for one in links.get(_key(columns[number][place], number), ()) if one in places]
        return sum(found) / len(found) if found else 2 * place / own

    order = sorted(range(len(columns[number])), key=lambda place: (middle(place), place))
    columns[number] = [columns[number][place] for place in order]


def _height(column: list[Node]) -> int:
    return sum(CARD[1] if node.end < 0 else LANE for node in column) + GAP[1] * (len(column) - 1)


def _spots(columns: Columns, tall: int) -> dict[Node, Spot]:
    """Upper left corner of each card; of a passing line the middle of its lane, by `_key`."""
    spots: dict[Node, Spot] = {}
    for number, column in enumerate(columns):
        x = number * (CARD[0] + GAP[0])
        y = (tall - _height(column)) // 2
        for node in column:
            spots[_key(node, number)] = (x, y if node.end < 0 else y + LANE // 2)
            y += (CARD[1] if node.end < 0 else LANE) + GAP[1]
    return spots


def _line(edge: tuple[int, int], recipe: Recipe, spots: dict[Node, Spot], *, critical: bool) -> str:
    """From card to card, straight through the lanes between."""
    start, end = edge
    stride = CARD[0] + GAP[0]
    first, last = spots[Node(start)], spots[Node(end)]
    x, y = first[0] + CARD[0], first[1] + CARD[1] // 2
    path = [f"M{x} {y}"]
    for number in range(first[0] // stride + 1, last[0] // stride):
        lane = spots[Node(start, end * 1_000 + number)]
        path += [_bend(x, y, lane[0], lane[1]), f"H{lane[0] + CARD[0]}"]
        x, y = lane[0] + CARD[0], lane[1]
    tip = (last[0] - 7, last[1] + CARD[1] // 2)
    path.append(_bend(x, y, *tip))
    path.append("m0 -5 l7 5 l-7 5 z")
    colour, weight = (CRITICAL, "3") if critical else (LINE, "1.5")
    names = f"{recipe.steps[start].number} to {recipe.steps[end].number}"
    return (
        f'<path d="{" ".join(path)}" fill="none" stroke="{colour}" stroke-width="{weight}"'
        f' stroke-linejoin="round"><title>{names}</title></path>'
    )


def _bend(x: int, y: int, to_x: int, to_y: int) -> str:
    half = (to_x - x) // 2
    return f"C{x + half} {y} {to_x - half} {to_y} {to_x} {to_y}"


def _card(step: RecipeStep, spot: Spot, critical: bool) -> list[str]:
    x, y = spot
    strip, kind = _kind(step)
    stroke, weight = (CRITICAL, "3") if critical else (LINE, "1.5")
    undo = f"undone by {_text(step.undo)}" if step.undo else kind
    whole = f"step {step.number} {_text(step.name)}: {_text(step.action)}, {undo}, {', '.join(_marks(step))}"
    return [
        f'<g transform="translate({x} {y})"><title>{whole}</title>',
        f'<rect width="{CARD[0]}" height="{CARD[1]}" rx="8" fill="{PAPER}" stroke="{stroke}" stroke-width="{weight}"/>',
        f'<rect x="8" y="10" width="4" height="{CARD[1] - 20}" rx="2" fill="{strip}"/>',
        f'<text class="n" x="20" y="23" fill="{INK}">{_short(f"{step.number} {step.name}", NAME_MAX)}</text>',
        f'<text x="20" y="41" fill="{SOFT}">{_short(step.action, DETAIL_MAX)}</text>',
        f'<text x="20" y="59" fill="{SOFT}">{_short(" · ".join((*_marks(step), kind)), DETAIL_MAX)}</text>',
        "</g>",
    ]


def _kind(step: RecipeStep) -> tuple[str, str]:
    """Colour and word for what becomes of its effect if the workflow is rolled back."""
    if reads_only(step):
        return LINE, "reads"
    return (UNDONE, "undo") if step.undo else (LASTING, "no undo")


def _marks(step: RecipeStep) -> list[str]:
    condition = step.run_condition.value.replace("_", " ") if step.run_condition is not None else ""
    marks = (
        format_duration(step.estimate_ms),
        "critical" if step.critical else "",
        "alone" if step.barrier else "",
        condition,
        "when …" if step.spec.when is not None else "",
    )
    return [mark for mark in marks if mark]


def _gate(columns: Columns, spots: dict[Node, Spot], approval: str) -> list[str]:
    """The person whose word is waited for before anything runs."""
    firsts = [spots[_key(node, 0)][1] + CARD[1] // 2 for node in columns[0] if node.end < 0]
    wide, x = CARD[0] // 2 - 14, -(CARD[0] // 2) - GAP[0] // 2 + 4
    y = (firsts[0] + firsts[-1]) // 2
    made = [
        f'<path d="M{x + wide} {y} {_bend(x + wide, y, -7, to)} m0 -5 l7 5 l-7 5 z" fill="none" stroke="{LINE}"'
        ' stroke-width="1.5" stroke-dasharray="5 4"/>'
        for to in firsts
    ]
    return [
        *made,
        f'<g transform="translate({x} {y - 24})"><title>waits for approval: {_text(approval)}</title>',
        f'<rect width="{wide}" height="48" rx="24" fill="{PAPER}" stroke="{LASTING}" stroke-width="2"'
        ' stroke-dasharray="5 4"/>',
        f'<text class="n" x="{wide // 2}" y="29" text-anchor="middle" fill="{INK}">approval</text>',
        "</g>",
    ]


def _header(recipe: Recipe) -> list[str]:
    count = f"{len(recipe.steps)} step{'' if len(recipe.steps) == 1 else 's'}"
    about = (
        f"{count} · {recipe.strategy.value} · about {format_duration(recipe.estimate_ms)}"
        f" · at most {recipe.parallel_max} at a time · rollback {recipe.rollback_strategy.value}"
    )
    return [
        f'<text class="h" x="{MARGIN}" y="34" fill="{LINE}">{_short(f"{recipe.name} {recipe.version}", 60)}</text>',
        f'<text x="{MARGIN}" y="54" fill="{LINE}">{about}</text>',
    ]


def _legend(height: int) -> list[str]:
    y = height - 18
    lines = [f'<path d="M{MARGIN} {y - 4} h26" stroke="{CRITICAL}" stroke-width="3"/>']
    lines.append(f'<text x="{MARGIN + 34}" y="{y}" fill="{LINE}">critical path</text>')
    x = MARGIN + 140
    for colour, word in (
        (UNDONE, "undo: can be undone"),
        (LASTING, "no undo: for good"),
        (LINE, "reads: changes nothing"),
    ):
        lines.append(f'<rect x="{x}" y="{y - 12}" width="4" height="14" rx="2" fill="{colour}"/>')
        lines.append(f'<text x="{x + 12}" y="{y}" fill="{LINE}">{word}</text>')
        x += 170
    return lines


def _short(text: str, most: int) -> str:
    return _text(text if len(text) <= most else text[: most - 1] + "…")


def _text(text: str) -> str:
    """Safe inside XML: names come from a file somebody sent."""
    return html.escape("".join(char if char.isprintable() else "�" for char in text))
