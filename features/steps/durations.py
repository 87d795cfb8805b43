"""How do sentences compare times? Exactly from below, with the back-end's slack from above."""

from features.story import Story
from wfexec.units import parse_duration


def within(story: Story, found_ms: int, least: str, most: str) -> None:
    """What should take `least` never takes less; a busy machine may make it longer than `most`."""
    assert parse_duration(least) <= found_ms <= parse_duration(most) + story.cluster.slack_ms, f"{found_ms / 1_000} s"
