"""`wfexec sim generate`: remediations that nobody wrote, each with its world, its luck and its faults (BR-WF-032)."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import typer

from sim.cases import save
from sim.cli.common import exit_codes
from sim.generate import Shape, Wish, calm, generate
from sim.generate_steps import BUILDERS
from wfexec.crd.spellings import hint
from wfexec.crd.yaml_text import yaml_text
from wfexec.errors import BadInput, Finding

EXAMPLE: Final = "Example: wfexec sim generate --seed 7 --steps 4-8 --shape diamond --out build/case-7"
STEPS_MAX: Final = 100
COUNT_MAX: Final = 1_000

StepsOption = Annotated[str, typer.Option(metavar="N|N-M", help="How many steps: a number, or least and most.")]
ShapeOption = Annotated[Shape | None, typer.Option(help="How they depend on each other; default: the seed chooses.")]
ActionsOption = Annotated[
    list[str] | None, typer.Option("--action", metavar="ACTION", help="Only such actions; may be given several times.")
]


def generate_(
    seed: Annotated[int, typer.Option(help="The same seed gives the same case.", min=0)] = 1,
    count: Annotated[int, typer.Option(min=1, max=COUNT_MAX, help="So many cases, of this seed and the next.")] = 1,
    steps: StepsOption = "3-12",
    shape: ShapeOption = None,
    actions: ActionsOption = None,
    calm_: Annotated[bool, typer.Option("--calm", help="Without faults of the controller and the network.")] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep manifest, executor file and faults here.")
    ] = None,
) -> None:
    """Make up valid remediations from a seed. Without --out the manifests are printed, for lint or graph."""
    with exit_codes():
        wish = wish_of(steps, shape, actions or ())
        for number in range(seed, seed + count):
            case = generate(number, wish)
            if calm_:
                case = calm(case)
            if out is None:
                for body in case.manifest:
                    typer.echo(f"---\n{yaml_text(body)}" if count > 1 else yaml_text(body), nl=False)
            else:
                typer.echo(save(case, out if count == 1 else out / str(number)))


def wish_of(steps: str, shape: Shape | None, actions: Sequence[str]) -> Wish:
    """The options as the generator understands them."""
    for action in actions:
        if action not in BUILDERS:
            fix = hint(action, BUILDERS) or f"use one of {', '.join(BUILDERS)}"
            raise BadInput((Finding("--action", "", action, f"no action that the generator knows; {fix}"),))
    return Wish(_range(steps), shape, tuple(actions))


def _range(text: str) -> tuple[int, int]:
    low, sign, high = text.partition("-")
    if not sign:
        high = low
    numbers = [
        int(one) if one.isascii() and one.isdecimal() and len(one) <= len(str(STEPS_MAX)) else 0 for one in (low, high)
    ]
    if not 1 <= numbers[0] <= numbers[1] <= STEPS_MAX:
        fix = f"write a number, or least and most such as 3-12, from 1 to {STEPS_MAX}"
        raise BadInput((Finding("--steps", "", text, fix),))
    return numbers[0], numbers[1]
