"""How long something takes: named distributions, drawn from one uniform number by their inverse.

Drawing by inverse keeps two policies on the same luck: the same uniform number gives a longer time under a slower
distribution, never an unrelated one. Called by the executor's outcome model; never draws a number itself.
"""

import math
from statistics import NormalDist
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

from wfexec.units import Duration

_Z95 = NormalDist().inv_cdf(0.95)
_EDGE = 1e-12


class Shape(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Uniform(Shape):
    min: Duration
    max: Duration

    @model_validator(mode="after")
    def _order(self) -> Self:
        if self.min > self.max:
            raise ValueError("min must not exceed max")
        return self

    def quantile(self, u: float) -> int:
        return round(self.min + u * (self.max - self.min))


class LogNormal(Shape):
    """Half are shorter than `median`, 95 % shorter than `p95`."""

    median: Duration
    p95: Duration

    @model_validator(mode="after")
    def _order(self) -> Self:
        if not 0 < self.median <= self.p95:
            raise ValueError("median must be longer than 0s and must not exceed p95")
        return self

    def quantile(self, u: float) -> int:
        sigma = math.log(self.p95 / self.median) / _Z95
        return round(self.median * math.exp(sigma * NormalDist().inv_cdf(min(max(u, _EDGE), 1 - _EDGE))))


class Triangular(Shape):
    min: Duration
    mode: Duration
    max: Duration

    @model_validator(mode="after")
    def _order(self) -> Self:
        if not self.min <= self.mode <= self.max:
            raise ValueError("min <= mode <= max must hold")
        return self

    def quantile(self, u: float) -> int:
        width = self.max - self.min
        if not width:
            return self.min
        if u * width < self.mode - self.min:
            return round(self.min + math.sqrt(u * width * (self.mode - self.min)))
        return round(self.max - math.sqrt((1 - u) * width * (self.max - self.mode)))


class Exponential(Shape):
    mean: Duration

    def quantile(self, u: float) -> int:
        return round(-self.mean * math.log(1 - min(max(u, 0.0), 1 - _EDGE)))


class Distribution(Shape):
    """One member set: `fixed` (also written as a bare duration), or a named distribution with its parameters."""

    fixed: Duration | None = None
    uniform: Uniform | None = None
    lognormal: LogNormal | None = None
    triangular: Triangular | None = None
    exponential: Exponential | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(member is not None for member in self.__dict__.values()) != 1:
            raise ValueError(
                "write a duration such as 30s, or exactly one of uniform {min, max}, lognormal {median, p95}, "
                "triangular {min, mode, max}, exponential {mean}"
            )
        return self

    def quantile(self, u: float) -> int:
        """Milliseconds; `u` in [0, 1)."""
        if self.fixed is not None:
            return self.fixed
        shape = self.uniform or self.lognormal or self.triangular or self.exponential
        return shape.quantile(u) if shape is not None else 0


def _bare(value: Any) -> Any:
    return {"fixed": value} if isinstance(value, str | int | float) else value


DurationModel = Annotated[Distribution, BeforeValidator(_bare)]


def fixed(ms: int) -> Distribution:
    """Always `ms` milliseconds."""
    return Distribution(fixed=ms)


def uniform(low_ms: int, high_ms: int) -> Distribution:
    """Evenly between the two, in milliseconds."""
    return Distribution(uniform=Uniform(min=low_ms, max=high_ms))
