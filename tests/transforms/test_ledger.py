"""The ledger: a message is acknowledged after its last part, once, and never before."""

from hypothesis import given
from hypothesis import strategies as st

from media.records import Receipt
from transforms.sources.ledger import Ledger


class Delivery:
    """What a broker sees of one delivery."""

    def __init__(self):
        self.said = []

    def ack(self):
        self.said.append("ack")

    def nack(self):
        self.said.append("nack")


def test_a_message_of_three_parts_settles_after_the_third():
    ledger, delivery = Ledger(), Delivery()
    assert ledger.admit("m", delivery)
    for part in (2, 0):
        ledger.settle(Receipt("s", "m", part, 3))
    assert delivery.said == []
    ledger.settle(Receipt("s", "m", 1, 3))
    assert delivery.said == ["ack"]
    assert ledger.in_work() == 0


def test_a_part_that_settles_twice_counts_once():
    ledger, delivery = Ledger(), Delivery()
    ledger.admit("m", delivery)
    assert ledger.settle(Receipt("s", "m", 0, 2))
    assert not ledger.settle(Receipt("s", "m", 0, 2))
    assert delivery.said == []


def test_a_redelivery_in_work_is_held_and_ends_with_the_first():
    ledger, first, second = Ledger(), Delivery(), Delivery()
    assert ledger.admit("m", first)
    assert not ledger.admit("m", second)
    assert second.said == []
    ledger.settle(Receipt("s", "m"))
    assert (first.said, second.said) == (["ack"], ["ack"])


def test_a_redelivery_of_a_settled_message_is_acknowledged_and_not_worked_on():
    ledger, again = Ledger(), Delivery()
    ledger.admit("m", Delivery())
    ledger.settle(Receipt("s", "m"))
    assert not ledger.admit("m", again)
    assert again.said == ["ack"]


def test_a_returned_message_is_new_work_when_it_comes_again():
    paused = []
    ledger, first, second = Ledger(on_return=lambda: paused.append(True)), Delivery(), Delivery()
    ledger.admit("m", first)
    ledger.settle(Receipt("s", "m", 0, 2))
    assert ledger.give_back("m")
    assert not ledger.give_back("m")
    assert first.said == ["nack"]
    assert paused == [True]
    assert ledger.admit("m", second)
    ledger.settle(Receipt("s", "m", 1, 2))
    assert second.said == []


def test_everything_can_be_returned():
    ledger, deliveries = Ledger(), [Delivery() for _ in range(3)]
    for number, delivery in enumerate(deliveries):
        ledger.admit(str(number), delivery)
    assert ledger.give_back_all() == 3
    assert [delivery.said for delivery in deliveries] == [["nack"]] * 3


steps = st.lists(
    st.tuples(st.sampled_from(["deliver", "settle", "return"]), st.integers(0, 2), st.integers(0, 1)), max_size=40
)


@given(steps)
def test_no_message_is_acknowledged_before_each_part_settled(history):
    ledger, deliveries, settled = Ledger(), {number: [] for number in range(3)}, {}
    for step, number, part in history:
        if step == "deliver":
            delivery = Delivery()
            deliveries[number].append(delivery)
            if ledger.admit(str(number), delivery):
                settled[number] = set()
        elif step == "settle":
            held = ledger.settle(Receipt("s", str(number), part, 2))
            if held:
                settled[number].add(part)
        else:
            ledger.give_back(str(number))
    for number, seen in deliveries.items():
        said = [word for delivery in seen for word in delivery.said]
        assert all(len(delivery.said) <= 1 for delivery in seen)
        if "ack" in said and "nack" not in said:
            assert settled[number] == {0, 1}
