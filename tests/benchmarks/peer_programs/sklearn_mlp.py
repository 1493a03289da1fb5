"""scikit-learn's MLPClassifier."""

import time

import numpy as np
from sklearn.neural_network import MLPClassifier

from tests.benchmarks.peer_programs.common import BATCH, EPOCHS, SEED, load_images, print_seconds, split_indices

images, labels = load_images()
train, _ = split_indices()
images, labels = (images[train] / 255.0).astype("float32"), labels[train]
model = MLPClassifier(100, alpha=0, batch_size=BATCH, learning_rate_init=0.001, epsilon=1e-7, random_state=SEED)
seconds = []
for _ in range(EPOCHS):
    start = time.perf_counter()
    model.partial_fit(images, labels, classes=np.arange(10))
    seconds.append(time.perf_counter() - start)
assert model.score(images[:1000], labels[:1000]) > 0.8
print_seconds(seconds)
