"""A network that is taken again gives the bits of one that is built anew."""

import pytest

from dnn_cli.training.endings import Interrupted
from dnn_cli.training.network import Networks
from tests.conftest import DIVERGES
from tests.kills import assert_same
from tests.training.test_resume import CALLBACKS, OPTIMIZERS, PARTS, SMALL

CASES = {**{name: [*SMALL, "epochs=1", f"optimizer={name}"] for name in OPTIMIZERS}, **PARTS, **CALLBACKS}


@pytest.mark.parametrize("overrides", CASES.values(), ids=CASES.keys())
def test_the_same_bits_after_another_seed(experiment, trained, overrides):
    networks = Networks()
    first, record, _ = trained(experiment(*overrides, "seed=1"), networks=networks)
    assert record.status == "completed"
    (network,) = networks.kept.values()
    other, _, _ = trained(experiment(*overrides, "seed=2", "epochs=1"), networks=networks)
    again, _, _ = trained(experiment(*overrides, "seed=1"), networks=networks)
    assert list(networks.kept.values()) == [network], "nothing was compiled anew"
    assert_same(first, again)
    assert first.read_record().results.weights != other.read_record().results.weights


def test_the_same_bits_after_another_learning_rate(experiment, trained):
    networks = Networks()
    slow, _, _ = trained(experiment("optimizer.learning_rate=0.0001"), networks=networks)
    fast, _, _ = trained(experiment("optimizer.learning_rate=0.01"), networks=networks)
    assert len(networks.kept) == 1
    assert_same(trained(experiment("optimizer.learning_rate=0.01"))[0], fast)
    assert slow.read_metrics()[0]["learning_rate"] == 0.0001
    assert fast.read_metrics()[0]["learning_rate"] == 0.01


def test_what_is_compiled_otherwise_is_a_network_of_its_own(experiment, trained):
    networks = Networks()
    trained(experiment(*SMALL, "epochs=1"), networks=networks)
    changed, _, _ = trained(experiment(*SMALL, "epochs=1", "optimizer.beta_1=0.8"), networks=networks)
    assert len(networks.kept) == 2
    assert_same(trained(experiment(*SMALL, "epochs=1", "optimizer.beta_1=0.8"))[0], changed)


def test_what_did_not_end_well_is_not_taken_again(experiment, trained):
    networks = Networks()
    assert trained(experiment(*DIVERGES), networks=networks)[1].status == "diverged"
    with pytest.raises(Interrupted):
        trained(experiment(), networks=networks, stop=lambda: "enough")
    assert not networks.kept


def test_so_many_are_kept_and_share_the_examples(experiment, trained):
    networks = Networks(size=2)
    for units in (3, 4, 5):
        trained(experiment("jit=false", f"layers.hidden.units={units}", "epochs=1"), networks=networks)
    first, second = networks.kept.values()
    assert first.pipeline.held_inputs is second.pipeline.held_inputs
    trained(experiment("layers.hidden.units=6", "epochs=1"), networks=networks)
    assert len(networks.kept) == 2
