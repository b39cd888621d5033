"""The order of samples: each once an epoch, the same for any number of processes and from any step on."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from metric.training.batches import Order, ProcessSampler

orders = st.builds(
    Order, samples=st.integers(1, 30), batch=st.integers(1, 12), epochs=st.integers(1, 3), seed=st.integers(0, 5)
)


@given(orders)
def test_each_sample_is_seen_once_an_epoch(order: Order) -> None:
    seen: dict[int, list[int]] = {epoch: [] for epoch in range(order.epochs)}
    lasts = []
    for batch in order.batches():
        assert 1 <= len(batch.samples) <= order.batch
        seen[batch.epoch] += batch.samples
        lasts.append(batch.last)
    assert all(sorted(samples) == list(range(order.samples)) for samples in seen.values())
    assert len(lasts) == order.steps and sum(lasts) == order.epochs and lasts[-1]


@given(orders, st.integers(0, 40))
def test_it_goes_on_from_any_step(order: Order, start: int) -> None:
    start = min(start, order.steps)
    assert list(order.batches(start)) == list(order.batches())[start:]


@given(orders, st.integers(1, 5))
def test_processes_share_each_step(order: Order, size: int) -> None:
    by_process = [list(ProcessSampler(order, 0, rank, size)) for rank in range(size)]
    assert [len(batches) for batches in by_process] == [order.steps] * size
    for step, batch in enumerate(order.batches()):
        shares = [batch.share(rank, size) for rank in range(size)]
        assert Counter(sample for share in shares for sample in share) == Counter(batch.samples)
        # Whoever has none reads one that counts nothing.
        assert [read[step] for read in by_process] == [list(share) or [batch.samples[0]] for share in shares]


def test_epochs_and_seeds_differ_in_their_order() -> None:
    first, second = list(Order(20, 20, 2, 0).batches())
    (other,) = Order(20, 20, 1, 1).batches()
    assert len({first.samples, second.samples, other.samples}) == 3
