"""The keys of claims and questions: a part of `keys`, which lists them with the others."""

from provisioning.adapters.aws.keys import Key, bounded, rejected_state


def claim_key(matcher: str, value: str) -> Key:
    """Everybody who states one value of a matcher."""
    return Key(f"M#{matcher}#{bounded(value)}", "M")


def question_key(question: str) -> Key:
    """Whether two records are one person's."""
    return Key(f"K#{question}", "K")


def question_of(pk: str) -> str:
    """The question whose key this is."""
    return pk.removeprefix("K#")


def questions_partition(shard: int) -> str:
    """Questions, by what became of them and by time."""
    return f"K##{shard}"


def question_state(answer: str, at: int | None = None) -> str:
    """The answer first, so that the open ones are one range; without an instant, the range of an answer."""
    return f"{answer}#" if at is None else f"{answer}#{rejected_state(at)}"
