"""Evidence: how sure a proposal is, and which records speak against it.

The confidence is the share of the records that agree, never more than n / (n + 1) for n of them, and less what chance
alone would have brought about: one record proves little, and a check digit that fits once proves next to nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

# Records that are named as speaking against something; the others are counted.
NAMED_MAX = 8


@dataclass(frozen=True)
class Evidence:
    """What speaks for a proposal, and what against it.

    agreeing, total  records
    chance           how probable it is that it came about by chance
    why              what was seen, in words; empty where the numbers say all
    against          the first of the records that contradict it, as a person finds them: "7", or "b.txt:7"
    """

    agreeing: int
    total: int
    chance: float = 0.0
    why: str = ""
    against: tuple[str, ...] = ()

    @property
    def confidence(self) -> float:
        """From 0 to 1, two places."""
        if not self.total:
            return 0.0
        sure = min(self.agreeing / self.total, self.agreeing / (self.agreeing + 1))
        return round(sure * (1 - min(self.chance, 1.0)), 2)

    def to_text(self) -> str:
        """As it stands beside a field: `0.93: 41 of 44 records; contradicted by records 7, 12, 13`."""
        noun = "record" if self.total == 1 else "records"
        parts = [f"{self.confidence:.2f}: {self.agreeing} of {self.total} {noun}"]
        if self.why:
            parts.append(self.why)
        if self.against:
            more = self.total - self.agreeing - len(self.against)
            named = "record" if len(self.against) == 1 and more <= 0 else "records"
            rest = f" and {more} more" if more > 0 else ""
            parts.append(f"contradicted by {named} {', '.join(self.against)}{rest}")
        return "; ".join(parts)
