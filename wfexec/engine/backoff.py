"""How long to wait before trying again: doubling, bounded, spread by a derived draw.

Called by every machine that retries. The only chance in the engine is this jitter, and it is derived from who waits
and for which time, so the same run waits the same way (no shared random source).
"""

from hashlib import blake2b

_DOUBLINGS_MAX = 40


def spread(salt: str, attempt: int) -> float:
    """A fraction in [0, 1) that depends on nothing but its arguments."""
    return int.from_bytes(blake2b(f"{salt}/{attempt}".encode(), digest_size=4).digest(), "big") / 4_294_967_296


def delay_ms(base_ms: int, attempt: int, cap_ms: int, salt: str = "") -> int:
    """`base_ms` doubled `attempt` times (0 = first), at most `cap_ms`; with a salt somewhere in its upper half."""
    whole = min(base_ms << min(attempt, _DOUBLINGS_MAX), cap_ms)
    return whole - int(whole / 2 * spread(salt, attempt)) if salt else whole
