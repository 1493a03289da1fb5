"""Digests of experiments: keys that earlier runs lack change digests only where they are set."""

import pytest

from dnn_cli.config import digests

COMPUTE_DIGESTS = {
    "training": digests.compute_training_digest,
    "outcome": digests.compute_outcome_digest,
    "network": digests.compute_network_digest,
    "variant": lambda experiment: digests.compute_variant_digest(experiment.model_dump(mode="json")),
}


@pytest.mark.parametrize("compute_digest", COMPUTE_DIGESTS.values(), ids=COMPUTE_DIGESTS)
def test_limit_of_test_reads_changes_no_digest(experiment, compute_digest):
    limits = (experiment("data.test_reads=1"), experiment("data.test_reads=2"))
    assert {compute_digest(experiment())} == set(map(compute_digest, limits))


@pytest.mark.parametrize("compute_digest", COMPUTE_DIGESTS.values(), ids=COMPUTE_DIGESTS)
def test_reporting_half_changes_digests_only_where_it_is_set(experiment, compute_digest, monkeypatch):
    plain, halved = experiment(), experiment("data.reporting_half=true")
    assert compute_digest(plain) != compute_digest(halved)
    texts, dumps = [], digests.json.dumps
    monkeypatch.setattr(digests.json, "dumps", lambda *words, **keys: texts.append(dumps(*words, **keys)) or texts[-1])
    compute_digest(plain)
    assert texts
    assert "reporting_half" not in "".join(texts)
