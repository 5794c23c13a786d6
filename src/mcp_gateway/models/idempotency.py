"""What is kept of a request that came with an `Idempotency-Key`."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given, and as it is given again."""

    status: int
    body: bytes = field(repr=False)
    """JSON; may hold a secret that is told this once."""
    headers: dict[str, str] = field(default_factory=dict)


def answer_context(tenant_id: str, key_digest: bytes) -> tuple[str, ...]:
    """What a kept answer is bound to when sealed."""
    return (tenant_id, key_digest.hex(), "idempotency")
