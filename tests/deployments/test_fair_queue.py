"""Nobody is lost or starved, weights are respected, whoever leaves has left: by examples and by random histories."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deployments.fair_queue import BATCH_PATIENCE_S, Entry, FairQueue, Flow, Priority

BATCH = Priority.BATCH


def served(queue: FairQueue[str]) -> Iterator[str]:
    """Everything that waits, in the order of its service."""
    while entry := queue.first():
        queue.take(entry)
        yield entry.item


def put(queue: FairQueue[str], flow: str, *, key: str = "", cost: float = 1.0, weight: float = 1.0) -> Entry[str]:
    return queue.put(flow, Flow(flow, key, weight), cost)


def test_one_flow_is_served_in_order() -> None:
    queue: FairQueue[str] = FairQueue()
    for name in "abcdef":
        queue.put(name, Flow("1"), 1)
    assert "".join(served(queue)) == "abcdef"


def test_utterances_take_turns() -> None:
    queue: FairQueue[str] = FairQueue()
    for flow in "aaabbbcc":
        put(queue, flow)
    assert "".join(served(queue)) == "abcabcab"


def test_whoever_comes_to_a_busy_queue_is_next() -> None:
    """A short text is behind the piece of the long one that is running, and no other."""
    queue: FairQueue[str] = FairQueue()
    for _ in range(100):
        put(queue, "long", cost=300)
    order = served(queue)
    assert [next(order) for _ in range(3)] == ["long"] * 3
    put(queue, "short", cost=60)
    assert next(order) == "short"


def test_a_long_text_whose_segments_come_one_by_one_does_not_get_ahead() -> None:
    queue: FairQueue[str] = FairQueue()
    put(queue, "long", cost=300)
    put(queue, "long", cost=300)
    order = served(queue)
    next(order)
    put(queue, "short", cost=60)
    put(queue, "long", cost=300)
    assert list(order) == ["short", "long", "long"]


@pytest.mark.parametrize("newcomers_are", ["utterances", "keys"])
def test_a_text_that_has_begun_goes_on_while_newcomers_never_end(newcomers_are: str) -> None:
    """Ten wait at any time, each of them new, with as much to do as one segment."""
    queue: FairQueue[str] = FairQueue()
    new = itertools.count()

    def newcomer() -> None:
        name = f"new-{next(new)}"
        put(queue, name, key=name if newcomers_are == "keys" else "one", cost=100)

    for _ in range(9):
        newcomer()
    put(queue, "long", key="one", cost=100)
    order: list[str] = []
    for name in itertools.islice(served(queue), 1000):
        order.append(name)
        if name == "long":
            put(queue, "long", key="one", cost=100)
        else:
            newcomer()
    turns = [number for number, name in enumerate(order) if name == "long"]
    assert max(np.diff(turns, prepend=0, append=len(order))) <= 2 * 10, "once while each of the others is served twice"


def test_whoever_comes_after_a_crowd_is_next() -> None:
    """The crowd has had no more than the long text, so what comes then is before what the long text has yet to get."""
    queue: FairQueue[str] = FairQueue()
    for _ in range(10):
        put(queue, "long")
    for number in range(60):
        put(queue, f"crowd-{number}")
    order = served(queue)
    assert [next(order) for _ in range(62)].count("long") == 2
    put(queue, "short")
    assert next(order) == "short"


def test_keys_take_turns_however_many_utterances_they_have() -> None:
    queue: FairQueue[str] = FairQueue()
    for number in range(10):
        put(queue, f"many-{number}", key="many")
    for _ in range(3):
        put(queue, "one", key="one")
    assert list(served(queue))[:6] == ["many-0", "one", "many-1", "one", "many-2", "one"]


def test_weights() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(400):
        put(queue, "heavy", key="h", weight=3)
        put(queue, "light", key="l", weight=1)
    first = Counter(name for name, _ in zip(served(queue), range(400), strict=False))
    assert first["heavy"] == pytest.approx(300, abs=3)


def test_long_pieces_cost_more_turns() -> None:
    queue: FairQueue[str] = FairQueue()
    for _ in range(100):
        put(queue, "long", cost=10)
        put(queue, "short", cost=1)
    first = Counter(name for name, _ in zip(served(queue), range(88), strict=False))
    assert first["long"] == pytest.approx(8, abs=1)


def test_batch_work_waits_for_interactive_work_but_not_for_ever() -> None:
    now = 0.0
    queue: FairQueue[str] = FairQueue(lambda: now)
    for _ in range(3):
        queue.put("job", Flow("job", priority=BATCH), 1)
        for _ in range(10):
            queue.put("person", Flow("person"), 1)
    order = served(queue)
    assert [next(order) for _ in range(5)] == ["person"] * 5
    now += BATCH_PATIENCE_S
    assert [next(order) for _ in range(3)] == ["job", "person", "person"]
    now += BATCH_PATIENCE_S
    assert next(order) == "job"
    rest = list(order)
    assert rest == ["person"] * 23 + ["job"]


def test_keys_that_may_not_be_served_are_passed_over() -> None:
    queue: FairQueue[str] = FairQueue()
    put(queue, "a", key="a")
    put(queue, "b", key="b")
    entry = queue.first(lambda key: key != "a")
    assert entry is not None
    assert entry.item == "b"
    queue.take(entry)
    assert queue.first(lambda key: key != "a") is None
    assert len(queue) == 1


def test_memory_does_not_grow_with_flows_that_were_served() -> None:
    queue: FairQueue[str] = FairQueue()
    put(queue, "waits", key="full")
    for number in range(2000):
        put(queue, str(number), key="busy")
        put(queue, "only one", key=str(number))
        for _ in range(2):
            entry = queue.first(lambda key: key != "full")
            assert entry is not None
            queue.take(entry)
    for keys in queue._classes.values():
        assert len(keys._flows) < 300
        assert all(len(level._finishes) < 300 for level in (keys._keys, *keys._flows.values()))


def test_a_long_text_that_is_alone_in_the_queue_has_had_its_turn_all_the_same() -> None:
    """Its first segment runs, its second waits: a short text that comes then is before it."""
    queue: FairQueue[str] = FairQueue()
    queue.take(put(queue, "long", cost=300))
    put(queue, "long", cost=300)
    put(queue, "short", cost=60)
    assert list(served(queue)) == ["short", "long"]


_FLOWS = st.builds(
    Flow,
    id=st.sampled_from("123"),
    key=st.sampled_from("ab"),
    weight=st.sampled_from([0.5, 1.0, 4.0]),
    priority=st.sampled_from(list(Priority)),
)
_ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), _FLOWS, st.floats(0.1, 100)),
        st.tuples(st.just("take"), st.none(), st.just(0.0)),
        st.tuples(st.just("leave"), st.none(), st.floats(0, 0.999)),
    ),
    max_size=80,
)


@given(_ACTIONS)
def test_nobody_is_lost_and_nobody_comes_twice(actions: list[tuple[str, Flow | None, float]]) -> None:
    queue: FairQueue[int] = FairQueue(lambda: 0.0)
    waiting: dict[int, Entry[int]] = {}
    for number, (action, flow, value) in enumerate(actions):
        if flow is not None:
            waiting[number] = queue.put(number, flow, value)
        elif action == "take":
            entry = queue.first()
            assert (entry is None) == (not waiting)
            if entry:
                urgent = any(other.flow.priority is Priority.INTERACTIVE for other in waiting.values())
                assert (entry.flow.priority is Priority.INTERACTIVE) == urgent
                mine = [n for n, e in waiting.items() if (e.flow.id, e.flow.key) == (entry.flow.id, entry.flow.key)]
                same_class = [n for n in mine if waiting[n].flow.priority is entry.flow.priority]
                assert entry.item == min(same_class), "calls of a flow are served in order"
                queue.take(entry)
                del waiting[entry.item]
        elif waiting:
            left = list(waiting)[int(value * len(waiting))]
            queue.remove(waiting.pop(left))
        assert len(queue) == len(waiting)
        assert sorted(entry.item for entry in queue) == sorted(waiting)
        assert queue.cost == pytest.approx(sum(entry.cost for entry in waiting.values()), abs=1e-6)
    rest = []
    while entry := queue.first():
        queue.take(entry)
        rest.append(entry.item)
    assert sorted(rest) == sorted(waiting)


@given(
    st.lists(st.floats(1, 10), min_size=2, max_size=5),
    st.lists(st.sampled_from([0.5, 1.0, 2.0, 5.0]), min_size=5, max_size=5),
)
def test_shares_differ_by_no_more_than_two_pieces(costs: list[float], weights: list[float]) -> None:
    """The bound of start-time fair queueing: work over weight of any two that always wait, at any time."""
    queue: FairQueue[int] = FairQueue()
    keys = range(len(costs))
    had = [0.0] * len(costs)
    for key in keys:
        queue.put(key, Flow("x", str(key), weights[key]), costs[key])
    for _ in range(200):
        entry = queue.first()
        assert entry is not None
        queue.take(entry)
        key = entry.item
        queue.put(key, Flow("x", str(key), weights[key]), costs[key])
        had[key] += costs[key] / weights[key]
        for a in keys:
            for b in keys:
                bound = costs[a] / weights[a] + costs[b] / weights[b]
                assert had[a] - had[b] <= bound + 1e-6
